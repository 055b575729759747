"""Multilayer perceptrons."""

from itertools import pairwise

import pytest
from keras import layers

from kerascnn.models import build as build_with_weights


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("mlp_512_512", [784, 512, 512, 10]),
        ("lenet_300_100", [784, 300, 100, 10]),
        ("linear_cifar10", [3072, 10]),
    ],
)
def test_parameters_are_the_sum_of_inputs_plus_one_times_outputs(build, name, sizes):
    expected = sum((n + 1) * m for n, m in pairwise(sizes))
    assert build(name).count_params() == expected


def test_dropout_follows_each_hidden_layer_and_not_the_logits(build):
    names = [layer.name for layer in build("mlp_512_512").layers]
    assert names == [
        "image",
        "head_flatten",
        "head_1_dense",
        "head_1_dropout",
        "head_2_dense",
        "head_2_dropout",
        "head_logits",
    ]
    assert build("mlp_512_512").get_layer("head_1_dropout").rate == 0.2


def test_the_networks_of_1998_squash_with_a_tanh():
    dense = [x for x in build_with_weights("lenet_300_100").layers if isinstance(x, layers.Dense)]
    assert [x.activation.__name__ for x in dense] == ["tanh", "tanh", "linear"]
