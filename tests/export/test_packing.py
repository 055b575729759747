"""From a run to a .kcnn file and back: small, exact, and not kept unless it is."""

import json
import shutil

import numpy as np
import pytest
from keras import layers, ops

from export import pack
from export.cli import invoke
from export.constraints.kernels import prunable, sparsity
from export.delivery import packing
from kerascnn.errors import UserError
from kerascnn.files import write_text
from kerascnn.training import load_model, open_run

RECIPE = """
name: deep
artifact: deep
pruning: {sparsity: 0.67, end: 0.5, fine_tune: {epochs: 2, peak: 0.01}}
clustering: {bits: 8, dense: 5, layers: {stage2_*: 6}, fine_tune: {epochs: 1, peak: 2.0e-4}}
container: true
max_drop: 5.0
"""


def array(variable):
    return ops.convert_to_numpy(variable).copy()


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "deep.yaml"
    write_text(path, RECIPE)
    return path


@pytest.fixture(scope="module")
def packed(finished_run, recipe, tmp_path_factory):
    """The finished run after `compress` with a recipe that ends in a container."""
    run = shutil.copytree(finished_run, tmp_path_factory.mktemp("packed") / "run")
    invoke(["compress", str(run), "--recipe", str(recipe)])
    return run


def test_the_file_is_small_and_its_metadata_says_what_it_is(packed):
    path = packed / "model_deep.kcnn"
    metadata = json.loads((packed / "model_deep.kcnn.json").read_text())
    model = load_model(packed / "deep" / "model.keras")
    assert metadata["bytes"] == path.stat().st_size
    assert metadata["float32_bytes"] == 4 * model.count_params()
    assert (
        metadata["float32_bytes"] / metadata["bytes"] > 12
    )  # a third of the weights, 5 bits and a gap
    assert metadata["zeros"] == sparsity(model) == pytest.approx(0.67, abs=0.01)
    assert all(check["passed"] for check in metadata["checks"])
    data = open_run(packed).data()
    images, labels = data.pixels(data.validation), data.validation.labels
    reached = model.predict(images.astype("float32"), verbose=0).argmax(1) == labels
    assert metadata["accuracy"]["validation"]["artifact"] == pytest.approx(reached.mean())


def test_each_kind_of_layer_shares_as_many_values_as_the_recipe_says(packed):
    for layer in prunable(load_model(packed / "deep" / "model.keras")):
        dense = isinstance(layer, layers.Dense)
        allowed = 32 if dense else 64 if layer.name.startswith("stage2") else 256
        kernel = array(layer.kernel)
        assert len(np.unique(kernel)) <= allowed
        assert (kernel == 0).mean() == pytest.approx(0.67, abs=1 / kernel.size)


def test_unpacked_it_is_the_very_model(kerascnn, packed, tmp_path):
    out = tmp_path / "model.keras"
    code, said, _ = kerascnn("unpack", packed / "model_deep.kcnn", "--out", out)
    assert code == 0 and str(out.name) in said.replace("\n", "")
    original, unpacked = load_model(packed / "deep" / "model.keras"), load_model(out)
    data = open_run(packed).data()
    images = data.pixels(data.test, 64).astype("float32")
    np.testing.assert_array_equal(
        original.predict(images, verbose=0), unpacked.predict(images, verbose=0)
    )


def test_pack_says_size_and_accuracy(kerascnn, packed, recipe):
    code, said, _ = kerascnn("pack", packed, "--recipe", recipe)
    size = (packed / "model_deep.kcnn").stat().st_size
    assert code == 0
    assert f"{size:,} bytes instead of" in said and "validation accuracy" in said


def test_a_file_that_differs_is_not_kept(kerascnn, packed, recipe, monkeypatch, tmp_path):
    run = shutil.copytree(packed, tmp_path / "run")

    def almost(data):
        model = decode(data)
        bias = model.get_layer("head_logits").bias
        bias.assign(array(bias) + 1e-6)
        return model

    decode = packing.decode
    monkeypatch.setattr(packing, "decode", almost)
    code, said, _ = kerascnn("pack", run, "--recipe", recipe)
    assert code == 1 and "FAILED" in said
    assert not list(run.glob("model_deep.kcnn*"))


def test_what_cannot_be_packed_or_unpacked_is_one_line(kerascnn, packed, recipe, tmp_path):
    whole, cut = packed / "model_deep.kcnn", tmp_path / "cut.kcnn"
    cut.write_bytes(whole.read_bytes()[:-100])
    out = tmp_path / "model.keras"
    for arguments, line in [
        (("unpack", cut, "--out", out), "cut.kcnn: deep compression: the file is damaged"),
        (("unpack", packed / "run.json", "--out", out), "expected a file that begins with KCNNDC"),
        (("unpack", tmp_path / "none.kcnn", "--out", out), "no such file"),
        (("unpack", whole, "--out", tmp_path / "model.h5"), "--out: expected a .keras file"),
        (
            ("pack", packed, "--recipe", "float32"),
            "expected a recipe with the section",
        ),
        (("pack", packed, "--recipe", "deep_compression"), "model.keras is missing; kerascnn comp"),
    ]:
        code, _, err = kerascnn(*arguments)
        assert code == 2 and line in err and len(err.strip().splitlines()) == 1
    assert not out.exists()


def test_a_run_without_its_compressed_model_is_sent_to_compress(finished_run, recipe):
    with pytest.raises(UserError, match=r"kerascnn compress .* --recipe deep makes it"):
        pack(finished_run, recipe)
