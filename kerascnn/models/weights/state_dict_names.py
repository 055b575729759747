"""How torchvision and timm call what our layers are. Names as `names` explains them."""

from kerascnn.models.weights.inception_names import inception_units
from kerascnn.models.weights.inception_resnet_names import (
    inception_resnet_units,
    inception_v4_units,
    widening_convolutions,
)
from kerascnn.models.weights.names import by_table

ALEXNET = by_table(
    {
        "stage1_conv": "features.0",
        "stage2_conv": "features.3",
        "stage3_1_conv": "features.6",
        "stage3_2_conv": "features.8",
        "stage3_3_conv": "features.10",
        "head_1_dense": "classifier.1",
        "head_2_dense": "classifier.4",
        "head_logits": "classifier.6",
    }
)


def _vgg_convolution(n0, s0, **_):
    """Each convolution is followed by a ReLU, each stage by a pooling."""
    return f"features.{2 * n0 + s0}"


def _vgg_bn(n0, s0, u, **_):
    """Each convolution is followed by a normalization, and that by a ReLU."""
    return f"features.{3 * n0 + s0 + (u == 'bn')}"


VGG_HEAD = {
    "head_1_dense": "classifier.0",
    "head_2_dense": "classifier.3",
    "head_logits": "classifier.6",
}
VGG_HEAD_TIMM = {  # the dense layers are convolutions there
    "head_{k}_dense": "pre_logits.fc{k}",
    "head_logits": "head.fc",
}
VGG = by_table({"stage{s}_{b}_conv": _vgg_convolution, **VGG_HEAD})
VGG_TIMM = by_table({"stage{s}_{b}_conv": _vgg_convolution, **VGG_HEAD_TIMM})
VGG_BN = by_table({"stage{s}_{b}_{u}": _vgg_bn, **VGG_HEAD})
VGG_BN_TIMM = by_table({"stage{s}_{b}_{u}": _vgg_bn, **VGG_HEAD_TIMM})


def _fire(part):
    """Behind the stem, 0, and its ReLU, 1, a pooling opens each stage."""
    return lambda n0, s, **_: f"features.{2 + n0 + s}.{part}"


SQUEEZENET = by_table(
    {
        "stem_conv": "features.0",
        "stage{s}_block{b}_squeeze_conv": _fire("squeeze"),
        "stage{s}_block{b}_1x1_conv": _fire("expand1x1"),
        "stage{s}_block{b}_3x3_conv": _fire("expand3x3"),
        "head_conv": "classifier.1",
    }
)


def _inception(branch):
    """The modules are 3a, 3b, 4a, ... as in the paper."""
    return lambda s, b0, u, **_: f"inception{s + 2}{'abcde'[b0]}.{branch}.{u}"


GOOGLENET = by_table(
    {
        "stem_{k}_{u}": "conv{k}.{u}",
        "stage{s}_block{b}_1x1_{u}": _inception("branch1"),
        "stage{s}_block{b}_3x3_reduce_{u}": _inception("branch2.0"),
        "stage{s}_block{b}_3x3_{u}": _inception("branch2.1"),
        "stage{s}_block{b}_5x5_reduce_{u}": _inception("branch3.0"),
        "stage{s}_block{b}_5x5_{u}": _inception("branch3.1"),
        "stage{s}_block{b}_pool_proj_{u}": _inception("branch4.1"),
        "head_aux{k}_{u}": "aux{k}.conv.{u}",
        "head_aux{k}_1_dense": "aux{k}.fc1",
        "head_aux{k}_logits": "aux{k}.fc2",
        "head_logits": "fc",
    }
)

INCEPTION_V3 = by_table(
    {
        **{f"{ours}_{{u}}": f"{theirs}.{{u}}" for ours, theirs in inception_units().items()},
        "head_aux_{k}_{u}": "AuxLogits.conv{k0}.{u}",
        "head_aux_logits": "AuxLogits.fc",
        "head_logits": "fc",
    }
)

RESNET = by_table(
    {
        "stem_{u}": "{u}1",
        "stage{s}_block{b}_{k}_{u}": "layer{s}.{b0}.{u}{k}",
        "stage{s}_block{b}_proj_conv": "layer{s}.{b0}.downsample.0",
        "stage{s}_block{b}_proj_bn": "layer{s}.{b0}.downsample.1",
        "head_logits": "fc",
    }
)

INCEPTION_V4 = by_table(
    {
        **{f"{ours}_{{u}}": f"{theirs}.{{u}}" for ours, theirs in inception_v4_units().items()},
        "head_logits": "last_linear",
    }
)

INCEPTION_RESNET_V2 = by_table(
    {
        **{ours: theirs for ours, (theirs, _) in widening_convolutions().items()},
        **{f"{ours}_{{u}}": f"{theirs}.{{u}}" for ours, theirs in inception_resnet_units().items()},
        "head_{u}": "conv2d_7b.{u}",
        "head_logits": "classif",
    }
)

RESNET_D = by_table(
    {  # the average in front of a shortcut has no weights, and a place
        "stem_1_conv": "conv1.0",
        "stem_1_bn": "conv1.1",
        "stem_2_conv": "conv1.3",
        "stem_2_bn": "conv1.4",
        "stem_3_conv": "conv1.6",
        "stem_3_bn": "bn1",
        "stage{s}_block{b}_{k}_{u}": "layer{s}.{b0}.{u}{k}",
        "stage{s}_block{b}_proj_conv": "layer{s}.{b0}.downsample.1",
        "stage{s}_block{b}_proj_bn": "layer{s}.{b0}.downsample.2",
        "head_logits": "fc",
    }
)

RESNET_V2 = by_table(
    {
        "stem_conv": "stem.conv",
        "stage{s}_block{b}_proj_conv": "stages.{s0}.blocks.{b0}.downsample.conv",
        "stage{s}_block{b}_{k}_conv": "stages.{s0}.blocks.{b0}.conv{k}",
        "stage{s}_block{b}_{k}_bn": "stages.{s0}.blocks.{b0}.norm{k}",
        "head_bn": "norm",
        "head_logits": "head.fc",
    }
)

MOBILENET_V1 = by_table(
    {
        "stem_conv": "conv_stem",
        "stem_bn": "bn1",
        "stage{s}_block{b}_1_conv": "blocks.{s0}.{b0}.conv_dw",
        "stage{s}_block{b}_1_bn": "blocks.{s0}.{b0}.bn1",
        "stage{s}_block{b}_2_conv": "blocks.{s0}.{b0}.conv_pw",
        "stage{s}_block{b}_2_bn": "blocks.{s0}.{b0}.bn2",
        "head_logits": "classifier",
    }
)


def _separable(part):
    """A separable convolution in a block: a ReLU, the two convolutions and a normalization each.

    The very first block begins without the ReLU.
    """

    def name(n, k, k0, **_):
        place = 3 * k0 + (n > 1)
        return f"block{n}.rep.{place + 1}" if part == "bn" else f"block{n}.rep.{place}.{part}"

    return name


XCEPTION = by_table(
    {
        "stem_{k}_conv": "conv{k}",
        "stem_{k}_bn": "bn{k}",
        "stage4_block2_1_depthwise_conv": "conv3.conv1",
        "stage4_block2_1_conv": "conv3.pointwise",
        "stage4_block2_1_bn": "bn3",
        "stage4_block2_2_depthwise_conv": "conv4.conv1",
        "stage4_block2_2_conv": "conv4.pointwise",
        "stage4_block2_2_bn": "bn4",
        "stage{s}_block{b}_proj_conv": "block{n}.skip",
        "stage{s}_block{b}_proj_bn": "block{n}.skipbn",
        "stage{s}_block{b}_{k}_depthwise_conv": _separable("conv1"),
        "stage{s}_block{b}_{k}_conv": _separable("pointwise"),
        "stage{s}_block{b}_{k}_bn": _separable("bn"),
        "head_logits": "fc",
    }
)

DENSENET = by_table(
    {
        "stem_conv": "features.conv0",
        "stem_bn": "features.norm0",
        "stage{s}_block{b}_{k}_conv": "features.denseblock{s}.denselayer{b}.conv{k}",
        "stage{s}_block{b}_{k}_bn": "features.denseblock{s}.denselayer{b}.norm{k}",
        "stage{s}_transition_conv": "features.transition{s0}.conv",
        "stage{s}_transition_bn": "features.transition{s0}.norm",
        "head_bn": "features.norm5",
        "head_logits": "classifier",
    }
)

MOBILENET_V2 = by_table(
    {
        "stem_conv": "features.0.0",
        "stem_bn": "features.0.1",
        "stage1_block1_2_conv": "features.1.conv.0.0",
        "stage1_block1_2_bn": "features.1.conv.0.1",
        "stage1_block1_3_conv": "features.1.conv.1",
        "stage1_block1_3_bn": "features.1.conv.2",
        "stage{s}_block{b}_1_conv": "features.{n}.conv.0.0",
        "stage{s}_block{b}_1_bn": "features.{n}.conv.0.1",
        "stage{s}_block{b}_2_conv": "features.{n}.conv.1.0",
        "stage{s}_block{b}_2_bn": "features.{n}.conv.1.1",
        "stage{s}_block{b}_3_conv": "features.{n}.conv.2",
        "stage{s}_block{b}_3_bn": "features.{n}.conv.3",
        "head_conv": "features.18.0",
        "head_bn": "features.18.1",
        "head_logits": "classifier.1",
    }
)

MOBILENET_V2_TIMM = by_table(
    {
        "stem_conv": "conv_stem",
        "stem_bn": "bn1",
        "stage1_block1_2_conv": "blocks.0.0.conv_dw",
        "stage1_block1_2_bn": "blocks.0.0.bn1",
        "stage1_block1_3_conv": "blocks.0.0.conv_pw",
        "stage1_block1_3_bn": "blocks.0.0.bn2",
        "stage{s}_block{b}_1_conv": "blocks.{s0}.{b0}.conv_pw",
        "stage{s}_block{b}_2_conv": "blocks.{s0}.{b0}.conv_dw",
        "stage{s}_block{b}_3_conv": "blocks.{s0}.{b0}.conv_pwl",
        "stage{s}_block{b}_{k}_bn": "blocks.{s0}.{b0}.bn{k}",
        "head_conv": "conv_head",
        "head_bn": "bn2",
        "head_logits": "classifier",
    }
)

SHUFFLENET_V2 = by_table(
    {
        "stem_conv": "conv1.0",
        "stem_bn": "conv1.1",
        "stage{s}_block{b}_proj_1_conv": "stage{s1}.{b0}.branch1.0",
        "stage{s}_block{b}_proj_1_bn": "stage{s1}.{b0}.branch1.1",
        "stage{s}_block{b}_proj_2_conv": "stage{s1}.{b0}.branch1.2",
        "stage{s}_block{b}_proj_2_bn": "stage{s1}.{b0}.branch1.3",
        "stage{s}_block{b}_1_conv": "stage{s1}.{b0}.branch2.0",
        "stage{s}_block{b}_1_bn": "stage{s1}.{b0}.branch2.1",
        "stage{s}_block{b}_2_conv": "stage{s1}.{b0}.branch2.3",
        "stage{s}_block{b}_2_bn": "stage{s1}.{b0}.branch2.4",
        "stage{s}_block{b}_3_conv": "stage{s1}.{b0}.branch2.5",
        "stage{s}_block{b}_3_bn": "stage{s1}.{b0}.branch2.6",
        "head_conv": "conv5.0",
        "head_bn": "conv5.1",
        "head_logits": "fc",
    }
)
