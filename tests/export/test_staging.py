"""What an app takes: verified files, an index that is true, and nothing else touched."""

import hashlib
import json
import shutil

import pytest

import export
from export.delivery.staging import INDEX
from export.proof.metadata import metadata_path, read_metadata
from export.runtimes import Artifact
from kerascnn.errors import UserError
from kerascnn.files import read_json, write_json

FILES = ("model_int8.tflite", "model_float32.onnx")


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_app_finds_all_it_needs_by_the_index(kerascnn, finished_run, tmp_path):
    assets = tmp_path / "app" / "assets"
    code, out, err = kerascnn("stage", *(finished_run / n for n in FILES), "--into", assets)
    assert (code, err) == (0, "")
    assert "models.json" in out
    models = json.loads((assets / INDEX).read_text())["models"]
    assert [m["file"] for m in models] == ["lenet5_int8.tflite", "lenet5_float32.onnx"]
    for model, name in zip(models, FILES, strict=True):
        content = (assets / model["file"]).read_bytes()
        assert content == (finished_run / name).read_bytes()
        assert model["sha256"] == hashlib.sha256(content).hexdigest()
        assert model["bytes"] == len(content)
        assert assets / model["metadata"] == metadata_path(assets / model["file"])
        assert len(read_metadata(assets / model["file"])["outputs"][0]["labels"]) == 10
        with Artifact(assets / model["file"]) as artifact:
            assert artifact.inputs[0]["dtype"] == "uint8"


def test_what_is_staged_replaces_what_was_and_leaves_all_else(finished_run, tmp_path):
    (tmp_path / "icon.png").write_bytes(b"an icon")
    export.stage([finished_run / name for name in FILES], tmp_path)
    (staged,) = export.stage([finished_run / "model_float32.tflite"], tmp_path)
    assert staged.name == "lenet5_float32"
    assert listing(tmp_path) == [
        "icon.png",
        "lenet5_float32.tflite",
        "lenet5_float32.tflite.json",
        INDEX,
    ]


def test_who_is_interrupted_can_stage_again(finished_run, tmp_path, monkeypatch):
    export.stage([finished_run / "model_float32.tflite"], tmp_path)

    def copy_one(source, target, copy=shutil.copyfile):
        if str(source).endswith(FILES[1]):
            raise KeyboardInterrupt
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", copy_one)
    paths = [finished_run / name for name in FILES]
    with pytest.raises(KeyboardInterrupt):
        export.stage(paths, tmp_path)
    assert read_json(tmp_path / INDEX)["models"] == []  # none that an app could find half
    monkeypatch.undo()
    export.stage(paths, tmp_path)
    names = ["lenet5_float32.onnx", "lenet5_int8.tflite"]
    assert listing(tmp_path) == sorted([*names, *(f"{name}.json" for name in names), INDEX])


def test_a_file_of_a_keras_file_keeps_its_name(finished_run, tmp_path):
    shutil.copy(finished_run / "model.keras", tmp_path / "mine.keras")
    made = export.deliver(tmp_path / "mine.keras", ["tflite"], recipe="float32")
    (staged,) = export.stage([made[0].path], tmp_path / "assets")
    assert staged.file == "mine_float32.tflite"


def changed(run):
    path = run / FILES[0]
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def failed(run):
    metadata = read_json(metadata_path(run / FILES[0]))
    metadata["checks"][0]["passed"] = False
    write_json(metadata_path(run / FILES[0]), metadata)


def unsealed(run):
    metadata_path(run / FILES[0]).unlink()


def unnamed(run):
    metadata = metadata_path(run / FILES[0])
    write_json(metadata, read_json(metadata) | {"model": "../../elsewhere"})


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (changed, "changed since it was verified"),
        (failed, "did not pass its checks"),
        (unsealed, "is missing; kerascnn convert writes it"),
        (unnamed, "is no name"),
    ],
)
def test_what_is_not_verified_is_refused_and_the_folder_stays(
    kerascnn, own_run, tmp_path, spoil, line
):
    assets = tmp_path / "assets"
    export.stage([own_run / FILES[1]], assets)
    before = listing(assets)
    spoil(own_run)
    code, _, err = kerascnn("stage", *(own_run / n for n in FILES), "--into", assets)
    assert code == 2
    assert line in err and len(err.splitlines()) == 1
    assert listing(assets) == before
    assert listing(tmp_path) == ["assets", "run"]


def test_two_of_one_name_and_a_stranger_in_the_way(finished_run, tmp_path):
    path = finished_run / FILES[0]
    with pytest.raises(UserError, match=r"would be staged as lenet5_int8\.tflite, as would"):
        export.stage([path, path], tmp_path)
    (tmp_path / "lenet5_int8.tflite").write_bytes(b"by hand")
    with pytest.raises(UserError, match="is in the way, and was not staged"):
        export.stage([path], tmp_path)
    assert (tmp_path / "lenet5_int8.tflite").read_bytes() == b"by hand"


@pytest.mark.parametrize(
    "index",
    [
        '{"models": 3}',
        '{"models": [{"file": "../run.json", "metadata": "x"}]}',
        "[]",
        "nul\0",
        '{"models": [], "staging": ["../run.json"]}',
        '{"models": [], "staging": "abc"}',
    ],
)
def test_an_index_that_is_none(finished_run, tmp_path, index):
    (tmp_path / INDEX).write_text(index)
    with pytest.raises(UserError, match=r"move it$"):
        export.stage([finished_run / FILES[0]], tmp_path)
    assert listing(tmp_path) == [INDEX]


@pytest.mark.parametrize(
    ("number", "needed", "pinned", "refused"),
    [
        (0, "TensorFlow Lite 2.17.0", {"TensorFlow Lite": "2.16.1"}, True),
        (0, "TensorFlow Lite 2.9.0", {"TensorFlow Lite": "2.16.1"}, False),
        (0, "TensorFlow Lite 2.16.0", {"TensorFlow Lite": "2.16"}, False),
        (0, None, {"TensorFlow Lite": "2.16.1"}, False),
        (1, "ONNX opset 24, IR version 8", {"ONNX opset": "23", "IR version": "11"}, True),
        (1, "ONNX opset 18, IR version 12", {"ONNX opset": "23", "IR version": "11"}, True),
        (1, "ONNX opset 18, IR version 8", {"TensorFlow Lite": "1.0"}, False),
    ],
)
def test_a_file_that_needs_a_newer_runtime_than_the_app_has_is_refused(
    kerascnn, finished_run, tmp_path, number, needed, pinned, refused
):
    path = tmp_path / "made" / FILES[number]
    path.parent.mkdir()
    shutil.copyfile(finished_run / path.name, path)
    metadata = read_json(metadata_path(finished_run / path.name))
    write_json(metadata_path(path), {**metadata, "minimum_runtime": needed})
    assets = tmp_path / "assets"
    assets.mkdir()
    write_json(assets / "runtimes.json", {"runtimes": pinned})
    code, _, err = kerascnn("stage", path, "--into", assets)
    if not refused:
        assert (code, err) == (0, "")
        return
    (name, version), *_ = [
        (name, version) for name, version in pinned.items() if f"{name} {version}" in err
    ]
    assert (code, err.count("\n")) == (2, 1)
    assert any(f"needs {part}" in err for part in needed.split(", "))
    assert f"the app has {name} {version}" in err
    assert listing(assets) == ["runtimes.json"]


@pytest.mark.parametrize("text", ['{"runtimes": {"TensorFlow Lite": "new"}}', "[]", "{"])
def test_runtimes_that_cannot_be_read_are_refused(finished_run, tmp_path, text):
    (tmp_path / "runtimes.json").write_text(text)
    with pytest.raises(UserError, match=r"runtimes\.json"):
        export.stage([finished_run / FILES[0]], tmp_path)
    assert listing(tmp_path) == ["runtimes.json"]
