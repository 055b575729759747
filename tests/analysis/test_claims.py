"""What lectures and papers say of these networks, computed from this code.

One test for each claim of tests/data/reference_zoo.json, called as the claim is. Where the number
that is usually quoted is not what the arithmetic gives, the test's docstring says so.
"""

import json
import re
from functools import cache
from math import prod
from pathlib import Path

import pytest
from keras import Input, Model, layers

from kerascnn.analysis import (
    conv_size,
    count,
    describe,
    pool_size,
    transposed_size,
    without_weights,
)
from kerascnn.analysis.graph import walk
from kerascnn.layers import StochasticDepth
from kerascnn.models import build

REFERENCE = Path(__file__).parents[1] / "data" / "reference_zoo.json"
CLAIMS = {
    entry["name"]: entry["value"]
    for entry in json.loads(REFERENCE.read_text())
    if entry["kind"] == "claim"
}


@pytest.fixture
def claim(request):
    """The values of the claim that the test is called after."""
    return CLAIMS[request.node.name.removeprefix("test_")]


@cache
def described(name):
    return describe(name)


def line(description, layer):
    return next(row for row in description.layers if row.name == layer)


def network(shape, *stack):
    """A model of the layers in `stack`, without its weights."""
    with without_weights():
        image = x = Input(shape)
        for layer in stack:
            x = layer(x)
        return Model(image, x)


def formula(text, **sizes):
    """The value of a formula as the claims write it: k^2*(2C)^2."""
    return eval(re.sub(r"(\d)([A-Z])", r"\1*\2", text).replace("^", "**"), {}, sizes)


def test_every_claim_has_its_test():
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert tests - {"every_claim_has_its_test"} == set(CLAIMS)


def test_alexnet_conv1(claim):
    first = line(described("alexnet"), "stage1_conv")
    size = conv_size(227, 11, stride=4)
    assert [size, size, 96] == list(first.output_shape) == claim["out"]
    assert first.params == claim["params"]
    assert first.params - first.output_shape[-1] == claim["weights"]


def test_alexnet_pool1(claim):
    pooled = line(described("alexnet"), "stage1_pool")
    size = pool_size(conv_size(227, 11, stride=4), 3, stride=2)
    assert [size, size, 96] == list(pooled.output_shape) == claim["out"]
    assert pooled.params == claim["params"]


def test_vgg16_params(claim):
    found = described("vgg16")
    kinds = {row.kind: row.params for row in found.by_kind}
    assert found.params == claim["params"]
    assert (kinds["Conv2D"], kinds["Dense"]) == (claim["conv"], claim["fc"])


def test_vgg16_activation_memory(claim):
    """The slide's 24 M numbers, 96 MB, are not the sum of its own rows.

    With each ReLU in the place of its convolution they are 15.2 M numbers, 58 MiB; with a copy
    behind each ReLU 28.8 M, 110 MiB. The slide lies in between, and matches neither.
    """
    found = described("vgg16")
    assert found.memory.total == claim["bytes"] == 4 * claim["elements"]
    assert round(found.memory.total / 2**20, 2) == claim["MiB"]

    views = ("Flatten", "Dropout")
    outputs = sum(row.memory for row in found.layers if row.kind not in views)
    # The hidden dense layers have their ReLU inside; a copy behind it would be as large again.
    hidden = sum(row.memory for row in found.layers if re.match(r"head_\d_dense", row.name))
    assert outputs + hidden == claim["bytes_with_relu"] == 4 * claim["elements_with_relu_copies"]
    assert round((outputs + hidden) / 2**20, 2) == claim["MiB_with_relu"]
    assert found.memory.total < 96e6 < outputs + hidden


def test_inception_naive(claim):
    found = described("inception_module_naive")
    joined = line(found, "stage1_block1_concat")
    assert joined.output_shape == (28, 28, claim["out_depth"])
    assert found.macs == claim["ops"]
    branches = {
        branch: line(found, f"stage1_block1_{branch}_conv").output_shape[-1]
        for branch in ("1x1", "3x3", "5x5")
    }
    branches["pool"] = line(found, "stage1_block1_pool").output_shape[-1]
    assert branches == claim["filters"]


def test_inception_bottleneck(claim):
    """The 358 M multiplications of the slide count the 3x3 convolution twice: they are 271 M.

    So the reductions save a factor of 3.15, not of 2.39.
    """
    found = described("inception_module")
    assert line(found, "stage1_block1_concat").output_shape == (28, 28, claim["out_depth"])
    assert found.macs == claim["ops_correct"]
    twice = line(found, "stage1_block1_3x3_conv").macs
    assert found.macs + twice == claim["ops_slide"]
    naive = described("inception_module_naive").macs
    assert round(naive / found.macs, 2) == 3.15
    assert round(naive / claim["ops_slide"], 2) == 2.39


def test_stacked_3x3_rf7(claim):
    channels = 24
    shape = (16, 16, channels)
    stack = network(shape, *(layers.Conv2D(channels, 3, use_bias=False) for _ in range(3)))
    single = network(shape, layers.Conv2D(channels, 7, use_bias=False))
    seen = describe(stack).layers[-1].receptive_field
    assert {field.size for field in seen} == {claim["rf"]}
    assert seen == describe(single).layers[-1].receptive_field
    assert count(stack).params == formula(claim["stack"], C=channels)
    assert count(single).params == formula(claim["single"], C=channels)


def test_rf_2N_plus_1(claim):
    expected = claim["formula"].removeprefix("RF=")
    for number in range(1, 7):
        stack = describe(network((32, 32, 1), *(layers.Conv2D(1, 3) for _ in range(number))))
        size = stack.layers[-1].receptive_field[0].size
        assert size == formula(expected, N=number, k=3) == 2 * number + 1


def test_conv_vs_fc_300(claim):
    convolution = network((300, 300, 1), layers.Conv2D(1, 5, padding="same"))
    dense = network((300, 300, 1), layers.Flatten(), layers.Dense(300 * 300))
    assert convolution.output_shape[1:3] == (300, 300)
    assert count(convolution).params == claim["conv"]
    assert count(dense).params == claim["fc_with_bias"]
    assert prod(dense.layers[-1].kernel.shape) == claim["fc_weights"]


def test_conv_32_5x5(claim):
    filters = 6
    found = describe(network((32, 32, 3), layers.Conv2D(filters, 5))).layers[-1]
    assert list(found.output_shape) == [*claim["out"], filters]
    assert found.params == filters * claim["params_per_filter"]
    assert [conv_size(32, 5)] * 2 == claim["out"]


def test_numpy_conv_example(claim):
    found = describe(network((11, 11, 4), layers.Conv2D(1, 5, strides=2))).layers[-1]
    assert list(found.output_shape[:2]) == claim["out"]
    assert [conv_size(11, 5, stride=2)] * 2 == claim["out"]


def test_transposed_conv_size(claim):
    assert claim["examples"]
    for example, size in claim["examples"].items():
        given = dict(pair.split("=") for pair in example.split(","))
        i, k, s, p, op = (int(given.get(name, 0)) for name in ("i", "k", "s", "p", "op"))
        assert transposed_size(i, k, stride=s, padding=p, output_padding=op) == size
        # A convolution leads back; its floor takes off what output_padding put on.
        assert conv_size(size, k, stride=s, padding=p, rounding="floor") == i


def test_separable_vs_full(claim):
    example = claim["example"]
    k, channels, filters = example["k"], example["cin"], example["cout"]
    shape = (14, 14, channels)
    arguments = {"padding": "same", "use_bias": False}
    full = count(network(shape, layers.Conv2D(filters, k, **arguments)))
    separable = count(network(shape, layers.SeparableConv2D(filters, k, **arguments)))
    assert (full.params, separable.params) == (example["full"], example["separable"])
    assert round(separable.params / full.params, 5) == example["ratio"]
    assert separable.macs / full.macs == pytest.approx(1 / filters + 1 / k**2)


def test_googlenet_12x(claim):
    """Twelve times fewer parameters than AlexNet is 60 M / 5 M, both rounded: they are 8.7."""
    alexnet, googlenet = described("alexnet").params, described("googlenet").params
    assert round(alexnet / googlenet, 3) == claim["ratio"]
    body = googlenet - line(described("googlenet"), "head_logits").params
    assert round(alexnet / body, 3) == claim["ratio_no_classifier"]
    assert 8 < alexnet / googlenet < alexnet / body < claim["ratio_rounded"]


def test_squeezenet_50x(claim):
    """Fifty times fewer parameters than AlexNet are 49 times. The 0.5 MB are after compression."""
    alexnet, squeezenet = described("alexnet").params, described("squeezenet1_0").params
    assert round(alexnet / squeezenet, 2) == claim["ratio_v10"]
    assert round(alexnet / described("squeezenet1_1").params, 2) == claim["ratio_v11"]
    assert round(4 * squeezenet / 1e6, 3) == claim["fp32_MB"]
    assert round(4 * squeezenet / 2**20, 3) == claim["fp32_MiB"]
    assert round(4 * alexnet / 1e6, 2) == claim["alexnet_fp32_MB"]


def test_downsample_double(claim):
    """True within a stage; the convolution that doubles the channels costs half."""
    k, channels, height, width = 3, 16, 32, 24

    def macs(height, width, channels, filters):
        shape = (height, width, channels)
        return count(network(shape, layers.Conv2D(filters, k, padding="same"))).macs

    sizes = {"k": k, "C": channels, "H": height, "W": width}
    before = macs(height, width, channels, channels)
    after = macs(height // 2, width // 2, 2 * channels, 2 * channels)
    assert before == formula(claim["before"], **sizes)
    assert after == formula(claim["after"], **sizes)
    assert before == after == 2 * macs(height // 2, width // 2, channels, 2 * channels)


def test_cnn_filters_75(claim):
    conv = network((32, 32, 3), layers.Conv2D(10, 5))
    assert count(conv).params == claim["params"]
    # 75 multiplications for each of the 28 x 28 places of a filter.
    assert count(conv).macs == 75 * prod(conv.output_shape[1:])


def test_lenet_connections(claim):
    """A connection is a multiplication, or the addition of a bias, that is not shared away."""
    found = described("lenet5_1998")
    assert found.params == claim["params"]
    connections = 0
    for row in found.layers:
        if row.kind == "TrainableSubsampling2D":  # 2x2 pixels and a bias for each output
            connections += prod(row.output_shape) * (2 * 2 + 1)
        elif row.kind == "RadialBasisOutput":  # each class to each of the 84 units
            connections += prod(row.output_shape) * line(found, "head_1_dense").output_shape[0]
        else:  # each weight, and each bias, once at each place
            connections += row.params * prod(row.output_shape[:-1])
    assert connections == claim["connections"]


def test_stochastic_depth_expected(claim):
    with without_weights():
        model = build("resnet110_stochastic_depth")
    survival = [x.survival for x in model.layers if isinstance(x, StochasticDepth)]
    assert len(survival) == 54
    assert survival[-1] == 0.5
    assert sum(survival) == pytest.approx(claim["blocks"])


def test_fractal_depth(claim):
    with without_weights():
        graph = walk(build("fractalnet40"))
    depth = {}  # convolutions on the longest way to a tensor
    for call in graph.calls:
        longest = max((depth[x] for x in call.inputs), default=0)
        longest += isinstance(call.operation, layers.Conv2D)
        depth.update(dict.fromkeys(call.outputs, longest))
    assert depth[graph.outputs[0]] == claim["depth"] == 5 * 2 ** (4 - 1)
    first = [x for x in graph.calls if x.name.startswith("stage1_")]
    convolutions = sum(isinstance(x.operation, layers.Conv2D) for x in first)
    assert convolutions == claim["convs_per_block"] == 2**4 - 1
