"""VGG, arXiv:1409.1556."""

import pytest
from keras import layers
from oracle import CLAIMS

from kerascnn import UserError
from kerascnn.analysis import count
from kerascnn.models import build as build_with_weights
from kerascnn.models import models

DEPTHS = {"vgg11": 11, "vgg11_lrn": 11, "vgg13": 13, "vgg16_c": 16, "vgg16": 16, "vgg19": 19}


def convolutions(model):
    return [x for x in model.layers if isinstance(x, layers.Conv2D)]


@pytest.mark.parametrize(("name", "depth"), DEPTHS.items())
def test_the_name_counts_the_layers_with_weights(build, name, depth):
    model = build(name)
    dense = [x for x in model.layers if isinstance(x, layers.Dense)]
    assert len(convolutions(model)) + len(dense) == depth


def test_these_are_all_configurations_of_table_1():
    assert {n for n in models("vgg*") if not n.endswith("_bn")} == set(DEPTHS)


@pytest.mark.parametrize("name", DEPTHS)
def test_stages_have_the_shapes_of_table_1(build, name):
    model = build(name)
    for stage, filters in enumerate((64, 128, 256, 512, 512), start=1):
        side = 224 // 2 ** (stage - 1)
        assert model.get_layer(f"stage{stage}_1_conv").output.shape[1:] == (side, side, filters)
        pooled = model.get_layer(f"stage{stage}_pool").output.shape[1:]
        assert pooled == (side // 2, side // 2, filters)


def test_every_kernel_is_3x3_but_the_third_of_c(build):
    for name in DEPTHS:
        small = [x.name for x in convolutions(build(name)) if x.kernel_size != (3, 3)]
        expected = ["stage3_3_conv", "stage4_3_conv", "stage5_3_conv"] if name == "vgg16_c" else []
        assert small == expected


def test_response_normalization_follows_the_first_convolution_of_a_lrn_alone(build):
    model = build("vgg11_lrn")
    lrn = model.get_layer("stage1_1_lrn")
    assert lrn.input is model.get_layer("stage1_1_relu").output
    plain = [x.name for x in build("vgg11").layers]
    assert [x.name for x in model.layers if x is not lrn] == plain


def test_138_million_parameters_are_mostly_dense(build):
    counted = count(build("vgg16"))
    claim = CLAIMS["vgg16_params"]
    parts = {"stage": 0, "head": 0}
    for layer in counted.layers[1:]:
        parts[layer.name.split("_")[0].rstrip("12345")] += layer.params
    assert parts == {"stage": claim["conv"], "head": claim["fc"]}
    assert counted.params == claim["params"]


def test_images_under_32_pixels_are_refused():
    with pytest.raises(UserError, match="vgg16: expected images of at least 32x32, got 28x40"):
        build_with_weights("vgg16", input_shape=(28, 40, 3))
