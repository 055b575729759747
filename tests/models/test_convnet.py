"""The networks that experiments change in one thing: convnet, and AlexNet in CIFAR's size."""

import re

import pytest
from keras import layers

import kerascnn
from kerascnn import UserError
from kerascnn.analysis import count, describe
from kerascnn.models.graph import without_weights


def build(name, **arguments):
    with without_weights():
        return kerascnn.build(name, **arguments)


def test_three_3x3_see_as_much_as_one_7x7_with_fewer_weights():
    """Section 2.3 of arXiv:1409.1556: 27 C^2 weights against 49 C^2."""
    one, three = build("convnet", depth=1, kernel=7), build("convnet", depth=3)
    fields = [
        {row.name: row.receptive_field for row in describe(network).layers}["stage1_pool"]
        for network in (one, three)
    ]
    assert fields[0] == fields[1]
    assert count(three).params < count(one).params


@pytest.mark.parametrize(
    ("form", "kernels"),
    [("full", [(3, 3)]), ("spatial", [(3, 1), (1, 3)]), ("depthwise", [(3, 3), (1, 1)])],
)
def test_a_form_says_what_a_convolution_is_made_of(form, kernels):
    network = build("convnet", form=form, depth=1)
    found = [x for x in network.layers if x.name.startswith("stage1") and hasattr(x, "kernel_size")]
    assert [x.kernel_size for x in found] == kernels
    assert isinstance(found[0], layers.DepthwiseConv2D) == (form == "depthwise")


@pytest.mark.parametrize("down", ["max", "overlapping", "average", "stride"])
@pytest.mark.parametrize("hidden", [(), (8,)])
def test_every_way_down_halves_the_map_three_times(down, hidden):
    network = build("convnet", down=down, hidden=hidden)
    last = [x for x in network.layers if x.name.startswith("stage3")][-1]
    assert last.output.shape == (None, 4, 4, 64)


def test_normalization_stands_behind_every_convolution():
    names = [x.name for x in build("convnet", batch_norm=True, form="spatial").layers]
    assert [x for x in names if x.endswith("_conv")] == [
        x.replace("_bn", "_conv") for x in names if x.endswith("_bn")
    ]


def test_alexnet_loses_the_layers_that_it_is_to_be_without():
    def names(*without):
        return {x.name for x in build("alexnet_cifar", without=without).layers}

    whole = names()
    assert whole - names(7) == {"head_2_dense", "head_2_dropout"}
    assert whole - names(3, 4) == {f"stage3_{i}_{x}" for i in (1, 2) for x in ("conv", "relu")}
    assert not {x for x in names(3, 4, 6, 7) if re.match(r"stage3_[12]|head_\d", x)}


def test_the_tricks_of_alexnet_can_be_left_out_one_by_one():
    bare = build(
        "alexnet_cifar", response_normalization=False, overlapping=False, dropout=0.0, towers=2
    )
    assert not [x.name for x in bare.layers if x.name.endswith(("_lrn", "_dropout"))]
    assert {x.pool_size for x in bare.layers if x.name.endswith("_pool")} == {(2, 2)}
    assert {x.name for x in bare.layers if getattr(x, "groups", 1) == 2} == {
        "stage2_conv", "stage3_2_conv", "stage3_3_conv"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("convnet", {"form": "spacial"}, "unknown form 'spacial'; did you mean 'spatial'?"),
        ("convnet", {"down": "strid"}, "unknown way down 'strid'; did you mean 'stride'?"),
        ("convnet", {"groups": 3}, "widths of [16, 32, 64] are not to be had in 3 groups"),
        ("alexnet_cifar", {"without": [2]}, "expected layers of 3 to 7, got 2"),
    ],
)
def test_what_does_not_fit_is_said(name, arguments, said):
    with pytest.raises(UserError, match=re.escape(said)):
        build(name, **arguments)
