"""Channels go until a real file takes its share of the time on a lane that the user names."""

import json

import keras
import numpy as np
import pytest
from small_networks import randomized

import export
from export.delivery import latency
from export.lanes import LANES
from export.lanes.lane import Lane, Probe
from export.pruning.channel_choice import Removal
from export.pruning.channel_removal import scored
from export.recipes.names import recipe_name
from export.recipes.recipe import Recipe
from kerascnn.analysis import count
from kerascnn.errors import UserError

SHAPE = (32, 32, 3)


class Bytes(Lane):
    """A lane whose clock never shakes: a file takes as long as it is large, and in the setting
    "half", where a file has an overhead that no removal touches, half as long and that."""

    name, title, evidence, unit = "bytes", "bytes", "counted", "bytes"
    formats, licence, install = (".tflite",), "none", "nothing"
    overhead = 0

    def probe(self):
        return Probe(True)

    def bench(self, paths, options):
        sizes = [(path, path.stat().st_size) for path in paths]
        plain = [self.figure(path, "whole", size) for path, size in sizes]
        return plain + [self.figure(p, "half", size / 2 + self.overhead) for p, size in sizes]


@pytest.fixture
def lane(monkeypatch):
    monkeypatch.setitem(LANES, "bytes", Bytes())
    return LANES["bytes"]


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    x = image = keras.Input(SHAPE)
    for name, width in (("first", 32), ("second", 64), ("third", 64)):
        x = keras.layers.Conv2D(width, 3, 2, name=name)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return randomized(keras.Model(image, keras.layers.Dense(4)(x)))


def file_size(model):
    pixels = np.random.default_rng(0).integers(0, 256, (8, *SHAPE)).astype("float32")
    return len(export.convert(export.quantize(model, pixels), "tflite"))


def test_it_stops_at_the_share_that_was_asked_for(lane, network, capsys):
    thin = export.remove_channels_for_latency(network, 0.7, lane="bytes", criterion="l2")
    share = file_size(thin) / file_size(network)
    assert 0.6 < share <= 0.7  # a step of 8 channels of 64 is some hundredths of the file
    widths = export.channel_widths(network, thin)
    assert all(w.after % 8 == 0 for w in widths if w.after != w.before)
    assert f"{share:.2f} of the latency on bytes" in capsys.readouterr().out


def test_the_setting_that_gains_least_decides(lane, network, monkeypatch):
    """(s/2 + S/8) / (S/2 + S/8) <= 0.8 asks for three quarters of the bytes S."""
    whole = file_size(network)
    monkeypatch.setattr(Bytes, "overhead", whole // 8)
    thin = export.remove_channels_for_latency(network, 0.8, lane="bytes", criterion="l2")
    assert 0.6 < file_size(thin) / whole <= 0.75


def test_what_cannot_be_reached_is_said_with_what_can(lane, network, monkeypatch):
    monkeypatch.setattr(Bytes, "overhead", 10 * file_size(network))
    with pytest.raises(UserError, match=r"comes down to 0\.9\d of its int8 latency on bytes, half"):
        export.remove_channels_for_latency(network, 0.5, lane="bytes", criterion="l2")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"latency": 1.5}, "between 0 and 1, got 1.5"),
        ({"lane": "litter"}, "did you mean 'litert'"),
        ({"lane": "litert,arm"}, "expected one lane"),
        ({"criterion": "tailor"}, "taylor"),
    ],
)
def test_bad_input(network, options, words):
    asked = {"latency": 0.5, "lane": "litert", "criterion": "l2", **options}
    with pytest.raises(UserError, match=words):
        export.remove_channels_for_latency(network, **asked)


def test_channels_go_where_the_time_is(network):
    """The first layer has most multiplications; where the third takes long, it is left alone."""
    found = scored(network, data=None, loss=None, criterion="l2")
    first = found.groups.outputs["first"]
    times = {layer.name: 1.0 for layer in found.groups.model.layers} | {"third": 1e4}
    by_macs = Removal(found.groups, found.scores).keep(0.8, 8)
    by_time = Removal(found.groups, found.scores, times=times).keep(0.8, 8)
    assert by_macs[first].sum() < by_time[first].sum() == 32


def test_a_wide_network_gets_faster_on_litert(monkeypatch):
    monkeypatch.setattr(latency, "PROBES", 2)  # each starts processes and runs files
    monkeypatch.setattr(latency, "MULTIPLES", (16,))
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE)
    x = image
    for width in (96, 96):
        x = keras.layers.ReLU()(keras.layers.Conv2D(width, 3, padding="same")(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(4)(x))
    data = np.random.default_rng(0).normal(size=(16, *SHAPE)).astype("float32"), np.arange(16) % 4
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    thin = export.remove_channels_for_latency(
        model, 0.7, arithmetic="float32", data=data, loss=loss
    )
    assert count(thin).macs < 0.8 * count(model).macs


def test_a_recipe_asks_for_it(lane, own_run, kerascnn, tmp_path):
    recipe = tmp_path / "faster.yaml"
    recipe.write_text(
        "name: faster\n"
        "channels: {latency: 0.8, lane: bytes, criterion: l2, fine_tune: {epochs: 1, peak: 0.01}}\n"
    )
    code, out, err = kerascnn("compress", own_run, "--recipe", recipe)
    assert code == 0, err
    assert "of the latency on bytes" in out
    report = json.loads((own_run / "faster" / "channels.json").read_text())
    assert report["target"] == {"latency": 0.8, "lane": "bytes", "arithmetic": "float32"}
    assert report["macs_after"] < report["macs_before"]


def test_names_and_targets_of_recipes():
    tuning = {"epochs": 1, "peak": 0.1}
    asked = {"latency": 0.5, "lane": "ethos-u55", "fine_tune": tuning}
    assert recipe_name(Recipe(name="x", channels=asked)) == "latency50_ethos_u55"
    for wrong in (
        {"fine_tune": tuning},
        {"macs": 0.5, **asked},
        {"macs": 0.5, "lane": "litert", "fine_tune": tuning},
        {**asked, "multiple_of": 4},
    ):
        with pytest.raises(ValueError, match=r"'macs'|'latency'"):
            Recipe(name="x", channels=wrong)
