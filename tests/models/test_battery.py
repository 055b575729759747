"""What holds for every network of the zoo, counted and looked at without weights."""

import re

import pytest
from keras import layers
from oracle import ALIKE, ELSEWHERE, KEYS, MODULES, NETWORKS, WITH_AUX, counts, entry

from kerascnn.analysis import count
from kerascnn.models import models, variant
from kerascnn.models.published import PROTOCOLS

# Of blocks as those of shallower rows: half of the time of all.
DEEPEST = {
    *("resnet1001_v2", "resnet1202", "resnet110_v2", "resnet110", "densenet_bc250_24"),
    *("densenet_bc190_40", "densenet201", "densenet169", "densenet100_12"),
    *(n for n in models() if n.startswith(("resnet152", "resnet101", "resnext101"))),
}
every_network = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.full if n in DEEPEST else ()) for n in models()]
)

# Published for other weights than the reference quotes, or on other terms.
OTHER_TOP1 = {
    "mobilenet_v2": "keras.applications' weights",
    "resnet8": "measured, where the reference has the benchmark's target",
    "squeezenet1_0_bypass": "the paper's, of a network that the reference has without bypass",
}
OTHER_TOP5 = {"mobilenet_v2", "squeezenet1_0_bypass"}  # of the same other weights
WORDS = {  # the last word of a layer's name says what it is
    layers.Conv1D: "conv",
    layers.Conv2D: "conv|logits",
    layers.Conv2DTranspose: "conv",
    layers.Conv3D: "conv",
    layers.DepthwiseConv2D: "conv",
    layers.SeparableConv2D: "conv",
    layers.BatchNormalization: "bn",
    layers.ReLU: "relu|relu6|out",
    layers.Add: "add",
    layers.Concatenate: "concat",
    layers.Dense: "dense|logits",
    layers.Flatten: "flatten",
    layers.Dropout: "dropout",
    layers.ZeroPadding2D: "pad",
    layers.MaxPooling2D: "pool",
    layers.MaxPooling3D: "pool",
    layers.AveragePooling2D: "pool",
    layers.GlobalAveragePooling2D: "pool|logits|squeeze",
}
NAME = re.compile(r"image|(stem|stage[1-9]\d*(_block[1-9]\d*)?|head)(_[a-z0-9]+)+")


def test_every_network_has_an_entry_in_the_reference():
    known = {*KEYS, *ALIKE, *WITH_AUX, *MODULES}
    assert set(models()) == known


def test_every_network_of_the_reference_is_here():
    assert NETWORKS.keys() - ELSEWHERE == set(KEYS.values())


@every_network
def test_counts_are_those_of_the_row_and_of_the_reference(build, name):
    row, counted, (params, macs) = variant(name).row, count(build(name)), counts(name)
    assert (counted.params, counted.macs) == (row.params, row.macs)
    assert counted.macs == macs
    assert params in (counted.params, None)
    assert counted.uncounted == ()


@every_network
def test_row_has_the_input_and_classes_of_the_reference(name):
    row, found = variant(name).row, entry(name)
    if name not in MODULES:
        assert list(row.input_shape) == found["input"]
        assert row.num_classes == found["classes"]


@every_network
def test_accuracy_is_the_published_one(name):
    row, found = variant(name).row, entry(name)
    if name not in MODULES and name not in OTHER_TOP1:
        assert row.top1 in (found["top1"], None)


@every_network
def test_published_figures_say_where_and_how_they_were_measured(name):
    row, found = variant(name).row, entry(name)
    assert (row.published is None) == (row.top1 is None)
    assert row.published is None or row.published.protocol in PROTOCOLS
    if name not in MODULES and name not in OTHER_TOP5:
        # Of a form that nobody published figures of, the reference has those of the other.
        assert row.top5 == found["top5"] or (name in ALIKE and row.published is None)
    assert row.top5 is None or row.top1 < row.top5


@every_network
def test_gives_logits(build, name):
    model = build(name)
    for output in model.outputs:
        layer = output._keras_history.operation
        assert re.fullmatch(r"head(_aux\d?)?_logits", layer.name)
        if isinstance(layer, layers.Dense):
            assert layer.activation.__name__ == "linear"


@every_network
def test_names_follow_the_grammar(build, name):
    for layer in build(name).layers:
        assert NAME.fullmatch(layer.name)
        if type(layer) in WORDS:
            assert re.fullmatch(WORDS[type(layer)], layer.name.rsplit("_", 1)[-1]), layer.name
