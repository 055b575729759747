"""`debug --model-explorer`: what each layer loses, on the nodes that Model Explorer draws."""

import json

import keras
import numpy as np
import pytest
from collapsing import depthwise_network
from small_networks import pixels, randomized

from export.runtimes.tflite_content import made_by_operators
from kerascnn import export


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    keras.utils.set_random_seed(0)
    found = tmp_path_factory.mktemp("explored")
    model = randomized(depthwise_network((12, 12, 3)))
    model.save(found / "mine.keras")
    np.savez(found / "images.npz", pixels(model, 48))
    return found


def explored(kerascnn, folder, *options):
    file = folder / "share.json"
    code, out, err = kerascnn(
        "debug", *options, "--images", folder / "images.npz", "--model-explorer", file
    )
    assert code == 0, err
    assert str(file) in "".join(out.split())
    return json.loads(file.read_text())


def test_node_data_are_in_its_format_and_name_the_tensors_of_the_file(kerascnn, folder):
    options = ("--recipe", "static_wi8_ai8", "--images", folder / "images.npz")
    assert kerascnn("convert", folder / "mine.keras", "--to", "tflite", *options)[0] == 0
    (path,) = folder.glob("*.tflite")
    data = explored(kerascnn, folder, path)
    assert set(data) == {"results", "gradient"}
    assert [sorted(stop) for stop in data["gradient"]] == [["bgColor", "stop"]] * 2
    assert [stop["stop"] for stop in data["gradient"]] == [0, 1]
    given = {name: kind for kind, names in made_by_operators(path.read_bytes()) for name in names}
    assert set(data["results"]) < set(given)
    kinds = sorted(given[name] for name in data["results"])
    assert kinds == sorted(
        ["CONV_2D"] * 3 + ["DEPTHWISE_CONV_2D"] * 2 + ["MEAN", "FULLY_CONNECTED"]
    )
    for result in data["results"].values():
        assert set(result) == {"value"} and 0 <= result["value"] <= 1


def test_the_numbers_are_the_shares_of_debug(kerascnn, folder):
    """Without a file: of what would be written."""
    found = explored(kerascnn, folder, folder / "mine.keras", "--recipe", "static_wi8_ai8")
    with np.load(folder / "images.npz") as stored:
        (images,) = stored.values()
    model = keras.models.load_model(folder / "mine.keras")
    shares = {x.name: x.share for x in export.debug(export.quantize(model, images), images).layers}
    named = {name: value["value"] for name, value in found["results"].items()}
    assert sum(named.values()) == pytest.approx(1, abs=1e-3)
    worst = max(named, key=named.get)
    assert max(shares, key=shares.get) in worst
    assert named[worst] == pytest.approx(max(shares.values()), abs=1e-3)


def test_it_is_no_option_of_a_comparison(kerascnn, folder):
    code, _, err = kerascnn(
        "debug", "a.tflite", "--against", folder / "mine.keras", "--model-explorer", "x.json"
    )
    assert code == 2 and "--model-explorer" in err


def test_a_verdict_prints_its_table(folder, tmp_path):
    with np.load(folder / "images.npz") as stored:
        (images,) = stored.values()
    model = keras.models.load_model(folder / "mine.keras")
    (made,) = export.deliver(
        export.quantize(model, images), [tmp_path / "a.tflite"], evidence=images
    )
    lines = str(made.verdict.table).splitlines()
    for check in made.verdict.checks:
        (line,) = (line for line in lines if f" {check.name} " in line)
        assert f"{check.measured:.6g}" in line and "ok" in line
