"""AlexNet, NIPS 2012, and its one-tower form, arXiv:1404.5997."""

import pytest
from keras import layers
from oracle import CLAIMS, entry

from kerascnn import UserError
from kerascnn.analysis import count
from kerascnn.models import build as build_with_weights

PAPERS_LAYERS = {
    "conv1": "stage1_conv",
    "pool1": "stage1_pool",
    "conv2 g2": "stage2_conv",
    "pool2": "stage2_pool",
    "conv3": "stage3_1_conv",
    "conv4 g2": "stage3_2_conv",
    "conv5 g2": "stage3_3_conv",
    "pool5": "stage3_pool",
    "fc6": "head_1_dense",
    "fc7": "head_2_dense",
    "fc8": "head_logits",
}


@pytest.mark.parametrize(
    ("layer", "shape", "params", "macs"),
    [pytest.param(*found, id=found[0]) for found in entry("alexnet")["details"]["layers"]],
)
def test_layers_have_the_papers_shapes_and_costs(build, layer, shape, params, macs):
    model, name = build("alexnet"), PAPERS_LAYERS[layer]
    (counted,) = [x for x in count(model).layers if x.name == name]
    assert model.get_layer(name).output.shape[1:] == tuple(shape)
    assert (counted.params, counted.macs) == (params, macs)


def test_the_first_layer_is_that_of_the_lectures(build):
    first = build("alexnet").get_layer("stage1_conv")
    claim = CLAIMS["alexnet_conv1"]
    assert list(first.output.shape[1:]) == claim["out"]
    assert first.kernel.shape == (11, 11, 3, 96)
    assert claim["weights"] == 11 * 11 * 3 * 96


def test_towers_meet_only_in_the_third_convolution(build):
    groups = [x.groups for x in build("alexnet").layers if isinstance(x, layers.Conv2D)]
    assert groups == [1, 2, 1, 2, 2]


def test_response_normalization_comes_behind_relu_and_before_pooling(build):
    model = build("alexnet")
    for stage in ("stage1", "stage2"):
        lrn = model.get_layer(f"{stage}_lrn")
        assert (lrn.size, lrn.k, lrn.alpha, lrn.beta, lrn.convention) == (5, 2, 1e-4, 0.75, "paper")
        assert lrn.input is model.get_layer(f"{stage}_relu").output
        assert model.get_layer(f"{stage}_pool").input is lrn.output


@pytest.mark.parametrize("name", ["alexnet", "alexnet_ungrouped"])
def test_224_pixels_are_refused_for_227(name):
    with pytest.raises(UserError, match=rf"{name}: expected sides of 227.*got 224x224.*one_tower"):
        build_with_weights(name, input_shape=(224, 224, 3))


def test_dropout_follows_the_dense_layers_of_2012_and_precedes_those_of_2014(build):
    def order(name):
        return [x.name for x in build(name).layers if x.name.startswith(("head_1", "head_2"))]

    assert order("alexnet") == ["head_1_dense", "head_1_dropout", "head_2_dense", "head_2_dropout"]
    assert order("alexnet_one_tower") == [
        "head_1_dropout",
        "head_1_dense",
        "head_2_dropout",
        "head_2_dense",
    ]


def test_the_one_tower_form_has_its_own_widths_at_224(build):
    model = build("alexnet_one_tower")
    convolutions = [x for x in model.layers if isinstance(x, layers.Conv2D)]
    assert [x.filters for x in convolutions] == [64, 192, 384, 256, 256]
    assert [model.get_layer(f"stage{i}_pool").output.shape[1] for i in (1, 2, 3)] == [27, 13, 6]
    assert not [x.name for x in model.layers if x.name.endswith("_lrn")]
