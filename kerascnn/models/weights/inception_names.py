"""The units of Inception-v3, a convolution and its normalization each, in torchvision's names.

Their order is that in which keras.applications creates them.
"""

STEM = {
    "stem_1": "Conv2d_1a_3x3",
    "stem_2": "Conv2d_2a_3x3",
    "stem_3": "Conv2d_2b_3x3",
    "stem_4": "Conv2d_3b_1x1",
    "stem_5": "Conv2d_4a_3x3",
}
FIGURE_5 = {
    "1x1": "branch1x1",
    "5x5_1": "branch5x5_1",
    "5x5_2": "branch5x5_2",
    "double3x3_1": "branch3x3dbl_1",
    "double3x3_2": "branch3x3dbl_2",
    "double3x3_3": "branch3x3dbl_3",
    "pool_proj": "branch_pool",
}
REDUCTION_35 = {
    "3x3": "branch3x3",
    "double3x3_1": "branch3x3dbl_1",
    "double3x3_2": "branch3x3dbl_2",
    "double3x3_3": "branch3x3dbl_3",
}
FIGURE_6 = {
    "1x1": "branch1x1",
    "7x7_1": "branch7x7_1",
    "7x7_2": "branch7x7_2",
    "7x7_3": "branch7x7_3",
    "double7x7_1": "branch7x7dbl_1",
    "double7x7_2": "branch7x7dbl_2",
    "double7x7_3": "branch7x7dbl_3",
    "double7x7_4": "branch7x7dbl_4",
    "double7x7_5": "branch7x7dbl_5",
    "pool_proj": "branch_pool",
}
REDUCTION_17 = {
    "3x3_1": "branch3x3_1",
    "3x3_2": "branch3x3_2",
    "7x7_1": "branch7x7x3_1",
    "7x7_2": "branch7x7x3_2",
    "7x7_3": "branch7x7x3_3",
    "7x7_4": "branch7x7x3_4",
}
FIGURE_7 = {
    "1x1": "branch1x1",
    "3x3_1": "branch3x3_1",
    "3x3_1x3": "branch3x3_2a",
    "3x3_3x1": "branch3x3_2b",
    "double3x3_1": "branch3x3dbl_1",
    "double3x3_2": "branch3x3dbl_2",
    "double3x3_1x3": "branch3x3dbl_3a",
    "double3x3_3x1": "branch3x3dbl_3b",
    "pool_proj": "branch_pool",
}
BLOCKS = {
    "stage1_block1": ("Mixed_5b", FIGURE_5),
    "stage1_block2": ("Mixed_5c", FIGURE_5),
    "stage1_block3": ("Mixed_5d", FIGURE_5),
    "stage2_block1": ("Mixed_6a", REDUCTION_35),
    "stage2_block2": ("Mixed_6b", FIGURE_6),
    "stage2_block3": ("Mixed_6c", FIGURE_6),
    "stage2_block4": ("Mixed_6d", FIGURE_6),
    "stage2_block5": ("Mixed_6e", FIGURE_6),
    "stage3_block1": ("Mixed_7a", REDUCTION_17),
    "stage3_block2": ("Mixed_7b", FIGURE_7),
    "stage3_block3": ("Mixed_7c", FIGURE_7),
}


def inception_units() -> dict[str, str]:
    """{our name of a unit: torchvision's}, in order."""
    found = dict(STEM)
    for block, (module, branches) in BLOCKS.items():
        found |= {f"{block}_{ours}": f"{module}.{theirs}" for ours, theirs in branches.items()}
    return found
