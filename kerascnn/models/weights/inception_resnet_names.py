"""The units of Inception-v4 and Inception-ResNet-v2, a convolution and its normalization each, in
timm's names.

Those of Inception-ResNet-v2 stand in the order in which keras.applications creates them.
"""

STEM = {
    "stem_1": "conv2d_1a",
    "stem_2": "conv2d_2a",
    "stem_3": "conv2d_2b",
    "stem_4": "conv2d_3b",
    "stem_5": "conv2d_4a",
}
MODULE = {
    "1x1": "branch0",
    "5x5_1": "branch1.0",
    "5x5_2": "branch1.1",
    "double3x3_1": "branch2.0",
    "double3x3_2": "branch2.1",
    "double3x3_3": "branch2.2",
    "pool_proj": "branch3.1",
}
BLOCK_35 = {
    "1x1": "branch0",
    "3x3_1": "branch1.0",
    "3x3_2": "branch1.1",
    "double3x3_1": "branch2.0",
    "double3x3_2": "branch2.1",
    "double3x3_3": "branch2.2",
}
REDUCTION_35 = {
    "3x3": "branch0",
    "double3x3_1": "branch1.0",
    "double3x3_2": "branch1.1",
    "double3x3_3": "branch1.2",
}
BLOCK_17 = {"1x1": "branch0", "7x7_1": "branch1.0", "7x7_2": "branch1.1", "7x7_3": "branch1.2"}
REDUCTION_17 = {
    "3x3_1": "branch0.0",
    "3x3_2": "branch0.1",
    "3x3b_1": "branch1.0",
    "3x3b_2": "branch1.1",
    "double3x3_1": "branch2.0",
    "double3x3_2": "branch2.1",
    "double3x3_3": "branch2.2",
}
BLOCK_8 = {"1x1": "branch0", "3x3_1": "branch1.0", "3x3_2": "branch1.1", "3x3_3": "branch1.2"}
BLOCKS = {  # ours: timm's, its name in keras.applications, what is in it
    "stage1_block1": ("mixed_5b", None, MODULE),
    **{f"stage1_block{i + 2}": (f"repeat.{i}", f"block35_{i + 1}", BLOCK_35) for i in range(10)},
    "stage2_block1": ("mixed_6a", None, REDUCTION_35),
    **{f"stage2_block{i + 2}": (f"repeat_1.{i}", f"block17_{i + 1}", BLOCK_17) for i in range(20)},
    "stage3_block1": ("mixed_7a", None, REDUCTION_17),
    **{f"stage3_block{i + 2}": (f"repeat_2.{i}", f"block8_{i + 1}", BLOCK_8) for i in range(9)},
    "stage3_block11": ("block8", "block8_10", BLOCK_8),
}


def inception_resnet_units() -> dict[str, str]:
    """{our name of a unit: timm's}, in order; without those that widen, and the last."""
    found = dict(STEM)
    for block, (module, _, branches) in BLOCKS.items():
        found |= {f"{block}_{ours}": f"{module}.{theirs}" for ours, theirs in branches.items()}
    return found


def widening_convolutions() -> dict[str, tuple[str, str]]:
    """{our name of the 1x1 at the end of a block: (timm's, that of keras.applications)}."""
    return {
        f"{block}_up_conv": (f"{module}.conv2d", f"{keras}_conv")
        for block, (module, keras, _) in BLOCKS.items()
        if keras
    }


V4_STEM = {
    "stem_1": "0",
    "stem_2": "1",
    "stem_3": "2",
    "stem_4": "3.conv",
    "stem_5_3x3_1": "4.branch0.0",
    "stem_5_3x3_2": "4.branch0.1",
    "stem_5_7x7_1": "4.branch1.0",
    "stem_5_7x7_2": "4.branch1.1",
    "stem_5_7x7_3": "4.branch1.2",
    "stem_5_7x7_4": "4.branch1.3",
    "stem_6": "5.conv",
}
V4_35 = {**BLOCK_35, "pool_proj": "branch3.1"}
V4_17 = {
    "1x1": "branch0",
    **{f"7x7_{k}": f"branch1.{k - 1}" for k in range(1, 4)},
    **{f"double7x7_{k}": f"branch2.{k - 1}" for k in range(1, 6)},
    "pool_proj": "branch3.1",
}
V4_REDUCTION_17 = {
    "3x3_1": "branch0.0",
    "3x3_2": "branch0.1",
    **{f"7x7_{k}": f"branch1.{k - 1}" for k in range(1, 5)},
}
V4_8 = {
    "1x1": "branch0",
    "3x3_1": "branch1_0",
    "3x3_1x3": "branch1_1a",
    "3x3_3x1": "branch1_1b",
    "double3x3_1": "branch2_0",
    "double3x3_2": "branch2_1",
    "double3x3_3": "branch2_2",
    "double3x3_1x3": "branch2_3a",
    "double3x3_3x1": "branch2_3b",
    "pool_proj": "branch3.1",
}
V4_BLOCKS = (  # from the seventh part of timm's `features` on
    *[(f"stage1_block{i}", V4_35) for i in range(1, 5)],
    ("stage2_block1", REDUCTION_35),
    *[(f"stage2_block{i}", V4_17) for i in range(2, 9)],
    ("stage3_block1", V4_REDUCTION_17),
    *[(f"stage3_block{i}", V4_8) for i in range(2, 5)],
)


def inception_v4_units() -> dict[str, str]:
    """{our name of a unit: timm's} of Inception-v4."""
    found = {ours: f"features.{theirs}" for ours, theirs in V4_STEM.items()}
    for number, (block, branches) in enumerate(V4_BLOCKS, start=6):
        found |= {f"{block}_{ours}": f"features.{number}.{at}" for ours, at in branches.items()}
    return found
