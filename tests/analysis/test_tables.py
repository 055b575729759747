"""The tables for the terminal, and the filters of the first layer."""

import numpy as np
import pytest
from keras import Input, Model, layers

from kerascnn import UserError
from kerascnn.analysis import (
    describe,
    describe_table,
    first_layer_filters,
    kinds_table,
    models_table,
)
from kerascnn.console import Console
from kerascnn.models import models, variant


def lines(table):
    """The table as printed, without its frame: one list of cells a line."""
    console = Console(width=240)
    with console.capture() as printed:
        console.print(table)
    framed = (line.strip().replace("┃", "│") for line in printed.get().splitlines())
    bare = (x[1:-1] if x.startswith("│") else x for x in framed)
    return [[cell.strip() for cell in line.split("│")] for line in bare]


def test_the_zoo_is_listed_from_its_rows_without_building_anything(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a network was built")

    monkeypatch.setattr(Model, "__init__", refuse)
    printed = lines(models_table())
    assert ["lenet5", "1998", "61,706", "416,520", "32x32x1", "", "", "", ""] in printed
    listed = [cells[0] for cells in printed if len(cells) == 9][1:]
    assert listed == models()


def test_a_pattern_picks_networks():
    printed = lines(models_table("resnet8*"))
    top1 = f"{variant('resnet8').row.top1:.1f}"
    by = ["whole", "the benchmark's own reference file"]
    assert ["resnet8", "2021", "78,186", "12,501,632", "32x32x3", top1, "", *by] in printed
    assert not any(cells[0] == "lenet5" for cells in printed)


def test_a_description_is_a_line_a_layer_with_totals_below():
    description = describe("lenet5", precision="int8")
    printed = lines(describe_table(description))
    assert printed[0] == ["lenet5, activations in int8"]
    assert ["stage2_conv", "Conv2D", "10x10x16", "2,416", "240,000", "1600 B", "14", "2", "0"] in (
        printed
    )
    assert ["head_flatten", "Flatten", "400", "", "", "400 B", "", "", ""] in printed
    total = next(cells for cells in printed if cells[0] == "total")
    assert total[3:6] == ["61,706", "416,520", f"{description.memory.total} B"]
    assert printed[-1] == [f"peak {description.memory.peak} B, at {description.memory.peak_at}"]


def test_a_table_says_what_it_leaves_out():
    image = Input((4, 6))
    model = Model(image, layers.BatchNormalization()(layers.LSTM(3, name="cells")(image)))
    printed = lines(describe_table(describe(model)))
    assert next(cells for cells in printed if cells[0] == "cells")[4] == "?"
    assert printed[-1][0].endswith("6 parameters not trainable; MACs without cells")


def test_axes_that_differ_are_written_apart():
    image = Input((20, 20, 3))
    x = layers.Conv2D(4, (1, 5), strides=(2, 1), padding="same", name="wide")(image)
    printed = lines(describe_table(describe(Model(image, x))))
    assert next(cells for cells in printed if cells[0] == "wide")[6:] == ["1x5", "2x1", "0x-2"]


def test_several_outputs_are_listed():
    printed = lines(describe_table(describe("shufflenet_v2_x0_5")))
    assert "28x28x24, 28x28x24" in {cells[2] for cells in printed if len(cells) > 2}


@pytest.mark.parametrize(
    ("length", "words"), [(2000, "8000 B"), (20_000, "80.0 kB"), (500_000, "2.00 MB")]
)
def test_bytes_have_a_readable_unit(length, words):
    image = Input((length,), name="image")
    printed = lines(describe_table(describe(Model(image, layers.ReLU()(image)))))
    assert next(cells for cells in printed if cells[0] == "image")[5] == words


def test_kinds_have_their_shares():
    printed = lines(kinds_table(describe("lenet5")))
    assert ["Conv2D", "2", "2,572", "4.2%", "357,600", "85.9%"] in printed
    assert ["Dense", "3", "59,134", "95.8%", "58,920", "14.1%"] in printed


def test_filters_of_the_first_layer_are_stretched_to_0_and_1():
    image = Input((8, 8, 3))
    conv = layers.Conv2D(4, (5, 3))
    model = Model(image, layers.Conv2D(7, 3)(conv(image)))
    kernel = np.random.default_rng(0).normal(size=(5, 3, 3, 4)).astype("float32")
    kernel[..., 1] *= 1000
    kernel[..., 2] = 7
    conv.set_weights([kernel, np.zeros(4)])
    filters = first_layer_filters(model)
    assert filters.shape == (4, 5, 3, 3)
    for i in (0, 1, 3):
        assert (filters[i].min(), filters[i].max()) == (0, 1)
        # Stretched, not bent: the correlation with the weights is one.
        correlation = np.corrcoef(filters[i].ravel(), kernel[..., i].ravel())[0, 1]
        assert correlation == pytest.approx(1, abs=1e-6)
    assert np.all(filters[2] == 0.5)


def test_a_model_without_filters_is_refused():
    image = Input((8,))
    model = Model(image, layers.Dense(3)(image), name="plain")
    with pytest.raises(UserError, match="plain: expected a Conv2D, found none"):
        first_layer_filters(model)
