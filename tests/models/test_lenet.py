"""LeNet-5, Proceedings of the IEEE 86(11), 1998."""

from itertools import combinations

import numpy as np
import pytest
from keras import layers
from oracle import CLAIMS, entry

from kerascnn import UserError
from kerascnn.analysis import count
from kerascnn.models import build as build_with_weights
from kerascnn.models.lenet import TABLE_I, digit_codes

PAPERS_LAYERS = {  # its name in the paper -> here, shape and parameters
    "C1": "stage1_conv",
    "S2": "stage1_pool",
    "C3": "stage2_conv",
    "S4": "stage2_pool",
    "C5": "stage3_conv",
    "F6": "head_1_dense",
    "OUT RBF": "head_logits",
}


@pytest.mark.parametrize(
    ("layer", "shape", "params", "connections"),
    [pytest.param(*found, id=found[0]) for found in entry("lenet5_1998")["details"]["layers"]],
)
def test_layers_are_those_of_section_2b(build, layer, shape, params, connections):
    found = build("lenet5_1998").get_layer(PAPERS_LAYERS[layer])
    assert found.output.shape[1:] in (tuple(shape), tuple(shape[-1:]))
    assert found.count_params() == params
    assert _connections(found) == connections


def _connections(layer):
    """Multiplications and additions of a bias, as the paper counts them."""
    positions = int(np.prod(layer.output.shape[1:]))
    if layer.name.endswith("_pool"):
        return positions * (2 * 2 + 1)
    if layer.name == "head_logits":
        return positions * layer.input.shape[-1]
    if layer.name == "stage2_conv":
        return 10 * 10 * layer.count_params()
    return positions // layer.output.shape[-1] * layer.count_params()


def test_all_layers_have_the_papers_connections_and_parameters(build):
    model = build("lenet5_1998")
    found = [model.get_layer(name) for name in PAPERS_LAYERS.values()]
    claim = CLAIMS["lenet_connections"]
    assert sum(map(_connections, found)) == claim["connections"]
    assert model.count_params() == count(model).params == claim["params"]


def test_c3_sees_3_4_or_all_6_maps_and_each_map_is_seen_10_times():
    assert [len(seen) for seen in TABLE_I] == [3] * 6 + [4] * 9 + [6]
    assert len(set(TABLE_I)) == 16
    assert [sum(c in seen for seen in TABLE_I) for c in range(6)] == [10] * 6


def test_codes_are_drawings_of_7x12_pixels_far_from_each_other():
    codes = np.array(digit_codes())
    assert codes.shape == (10, 7 * 12)
    assert set(codes.ravel()) == {-1, 1}
    # 12 corrected pixels: two drawings differ in an eighth of the 84 at least.
    assert min(np.sum(a != b) for a, b in combinations(codes, 2)) >= 84 / 8


def test_the_nearest_code_has_the_largest_logit():
    output = build_with_weights("lenet5_1998").get_layer("head_logits")
    codes = np.array(digit_codes(), "float32")
    assert np.argmax(output(codes), axis=1).tolist() == list(range(10))
    assert np.max(output(codes), axis=1).tolist() == [0] * 10


def test_every_layer_is_squashed_by_1_7159_tanh_two_thirds(build):
    model = build("lenet5_1998")
    squashed = [x.name for x in model.layers if isinstance(x, layers.Activation)]
    assert squashed == [
        "stage1_tanh",
        "stage1_pool_tanh",
        "stage2_tanh",
        "stage2_pool_tanh",
        "stage3_tanh",
        "head_1_tanh",
    ]


def test_the_original_takes_32x32_and_at_most_a_class_for_each_digit():
    with pytest.raises(UserError, match=r"lenet5_1998: expected images of 32x32, got 28x28"):
        build_with_weights("lenet5_1998", input_shape=(28, 28, 1))
    with pytest.raises(UserError, match=r"expected at most 10 classes.*got 11; take lenet5"):
        build_with_weights("lenet5_1998", num_classes=11)


def test_the_modern_form_connects_all_maps_and_pools_without_weights(build):
    model = build("lenet5")
    assert model.get_layer("stage2_conv").count_params() == (6 * 5 * 5 + 1) * 16
    assert model.get_layer("stage1_pool").count_params() == 0
    assert [model.get_layer(f"stage{i}_pool").output.shape[1:] for i in (1, 2)] == [
        (14, 14, 6),
        (5, 5, 16),
    ]


def test_28_pixels_without_padding_change_only_the_first_dense_layer(build):
    small, large = build("lenet5_28"), build("lenet5")
    differ = [
        x.name
        for x, y in zip(small.layers, large.layers, strict=True)
        if x.count_params() != y.count_params()
    ]
    assert differ == ["head_1_dense"]
    assert small.get_layer("head_flatten").output.shape == (None, 4 * 4 * 16)


def test_caffes_lenet_has_one_relu_and_pools_the_maximum(build):
    model = build_with_weights("lenet_caffe")
    assert not [x for x in model.layers if isinstance(x, layers.ReLU | layers.Activation)]
    assert model.get_layer("head_1_dense").activation.__name__ == "relu"
    assert isinstance(model.get_layer("stage2_pool"), layers.MaxPooling2D)
