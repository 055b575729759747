"""How keras.applications calls what our layers are. Names as `names` explains them.

Layers that Keras numbers by itself are called by their place in the order of creation, "conv2d:0";
the two kernels of a separable convolution are "....depthwise" and "....pointwise".
"""

from collections.abc import Iterable

from kerascnn.models.weights.inception_names import inception_units
from kerascnn.models.weights.inception_resnet_names import (
    inception_resnet_units,
    widening_convolutions,
)
from kerascnn.models.weights.names import by_table

VGG = by_table(
    {
        "stage{s}_{b}_conv": "block{s}_conv{b}",
        "head_{k}_dense": "fc{k}",
        "head_logits": "predictions",
    }
)

RESNET = by_table(
    {
        "stem_{u}": "conv1_{u}",
        "stage{s}_block{b}_{k}_{u}": "conv{s1}_block{b}_{k}_{u}",
        "stage{s}_block{b}_proj_{u}": "conv{s1}_block{b}_0_{u}",
        "head_logits": "predictions",
    }
)

RESNET_V2 = by_table(
    {  # there a normalization is called like the convolution before it
        "stem_conv": "conv1_conv",
        "stage{s}_block{b}_1_bn": "conv{s1}_block{b}_preact_bn",
        "stage{s}_block{b}_{k}_bn": "conv{s1}_block{b}_{k0}_bn",
        "stage{s}_block{b}_{k}_conv": "conv{s1}_block{b}_{k}_conv",
        "stage{s}_block{b}_proj_conv": "conv{s1}_block{b}_0_conv",
        "head_bn": "post_bn",
        "head_logits": "predictions",
    }
)

DENSENET = by_table(
    {  # here too; "pool2" closes the block "conv2", our first
        "stem_{u}": "conv1_{u}",
        "stage{s}_block{b}_{k}_bn": "conv{s1}_block{b}_{k0}_bn",
        "stage{s}_block{b}_{k}_conv": "conv{s1}_block{b}_{k}_conv",
        "stage{s}_transition_{u}": "pool{s}_{u}",
        "head_bn": "bn",
        "head_logits": "predictions",
    }
)

MOBILENET_V1 = by_table(
    {
        "stem_conv": "conv1",
        "stem_bn": "conv1_bn",
        "stage{s}_block{b}_1_conv": "conv_dw_{n}",
        "stage{s}_block{b}_1_bn": "conv_dw_{n}_bn",
        "stage{s}_block{b}_2_conv": "conv_pw_{n}",
        "stage{s}_block{b}_2_bn": "conv_pw_{n}_bn",
        "head_logits": "conv_preds",
    }
)

MOBILENET_V2 = by_table(
    {
        "stem_conv": "Conv1",
        "stem_bn": "bn_Conv1",
        "stage1_block1_2_conv": "expanded_conv_depthwise",
        "stage1_block1_2_bn": "expanded_conv_depthwise_BN",
        "stage1_block1_3_conv": "expanded_conv_project",
        "stage1_block1_3_bn": "expanded_conv_project_BN",
        "stage{s}_block{b}_1_conv": "block_{n0}_expand",
        "stage{s}_block{b}_1_bn": "block_{n0}_expand_BN",
        "stage{s}_block{b}_2_conv": "block_{n0}_depthwise",
        "stage{s}_block{b}_2_bn": "block_{n0}_depthwise_BN",
        "stage{s}_block{b}_3_conv": "block_{n0}_project",
        "stage{s}_block{b}_3_bn": "block_{n0}_project_BN",
        "head_conv": "Conv_1",
        "head_bn": "Conv_1_bn",
        "head_logits": "predictions",
    }
)


def _shortcut(kind):
    """The shortcuts of stages 1 to 4 are the only layers without a name."""
    return lambda s0, **_: f"{kind}:{s0}"


XCEPTION = by_table(
    {
        "stem_{k}_conv": "block1_conv{k}",
        "stem_{k}_bn": "block1_conv{k}_bn",
        "stage{s}_block{b}_proj_conv": _shortcut("conv2d"),
        "stage{s}_block{b}_proj_bn": _shortcut("batch_normalization"),
        "stage{s}_block{b}_{k}_depthwise_conv": "block{n1}_sepconv{k}.depthwise",
        "stage{s}_block{b}_{k}_conv": "block{n1}_sepconv{k}.pointwise",
        "stage{s}_block{b}_{k}_bn": "block{n1}_sepconv{k}_bn",
        "head_logits": "predictions",
    }
)


def inception_v3(layers: Iterable[str]) -> dict[str, str]:
    """{name of ours: name of theirs}: there all units are numbered as they are created."""
    return _only(layers, {**_numbered(inception_units()), "head_logits": "predictions"})


def inception_resnet_v2(layers: Iterable[str]) -> dict[str, str]:
    """{name of ours: name of theirs}: numbered too, but for what closes a block or the network."""
    found = _numbered(inception_resnet_units())
    found |= {ours: theirs for ours, (_, theirs) in widening_convolutions().items()}
    ends = {"head_conv": "conv_7b", "head_bn": "conv_7b_bn", "head_logits": "predictions"}
    return _only(layers, {**found, **ends})


def _numbered(units):
    found = {}
    for number, unit in enumerate(units):
        found[f"{unit}_conv"] = f"conv2d:{number}"
        found[f"{unit}_bn"] = f"batch_normalization:{number}"
    return found


def _only(layers, found):
    return {name: found[name] for name in layers if name in found}
