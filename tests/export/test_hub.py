"""push and pull, on a Hub in memory: no network is here. What is asked of it is what it answers."""

import json
import shutil
import sys
import types
from types import SimpleNamespace

import pytest

from export.proof.card import card_path
from export.proof.metadata import metadata_path


class Refusal(Exception):
    """What the Hub raises."""


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A module huggingface_hub whose repositories are dicts: name of a file -> its bytes."""
    repositories, private = {}, {}

    class HfApi:
        def create_repo(self, repository, *, private, exist_ok):
            assert exist_ok
            if repository.startswith("others/"):
                raise Refusal("403 Forbidden\n(Request ID: 1)")
            if repository not in repositories:
                repositories[repository], module.private[repository] = {}, private

        def create_commit(self, repository, *, operations, commit_message):
            for operation in operations:
                repositories[repository][operation.path_in_repo] = operation.path_or_fileobj
            return SimpleNamespace(commit_url=f"https://hub/{repository}/commit/1")

        def model_info(self, repository):
            if repository not in repositories:
                raise Refusal("404 Client Error. Repository Not Found\n\nfor url")
            names = [SimpleNamespace(rfilename=name) for name in repositories[repository]]
            return SimpleNamespace(sha="1", siblings=names)

    def hf_hub_download(repository, name, *, revision):
        assert revision == "1"
        path = tmp_path / "cache" / name.replace("/", "--")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(repositories[repository][name])
        return str(path)

    module = types.ModuleType("huggingface_hub")
    module.HfApi, module.hf_hub_download = HfApi, hf_hub_download
    module.CommitOperationAdd = SimpleNamespace
    module.repositories, module.private = repositories, private
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return module


def complaint(result, words):
    code, out, err = result
    assert (code, len(err.strip().splitlines())) == (2, 1), out + err
    assert words in err, err


def test_what_is_pushed_is_pulled_and_runs(kerascnn, hub, finished_run, tmp_path):
    path = finished_run / "model_int8.tflite"
    code, out, err = kerascnn("push", path, "--to", "me/digits")
    assert code == 0, err
    assert "https://hub/me/digits/commit/1" in out
    assert hub.private == {"me/digits": True}
    assert kerascnn("push", finished_run / "model_float32.onnx", "--to", "me/digits")[0] == 0
    code, out, err = kerascnn("pull", "me/digits", "--out", tmp_path / "models")
    assert code == 0, err
    for name in ("model_int8.tflite", "model_float32.onnx"):
        ours, theirs = finished_run / name, tmp_path / "models" / name
        assert f"->  {theirs}" in out
        for part in (lambda p: p, metadata_path, card_path):
            assert part(theirs).read_bytes() == part(ours).read_bytes()
    assert kerascnn("pull", "me/digits", "--out", tmp_path / "models")[0] == 0  # again: the same
    one = kerascnn("pull", "me/digits/model_int8.tflite", "--out", tmp_path / "one")
    assert one[0] == 0
    assert not (tmp_path / "one" / "model_float32.onnx").exists()
    assert kerascnn("benchmark", tmp_path / "one" / "model_int8.tflite", "--runs", 50)[0] == 0


def test_a_file_that_is_not_verified_stays_here(kerascnn, hub, own_run):
    path = own_run / "model_int8.tflite"
    metadata = json.loads(metadata_path(path).read_text())
    metadata["checks"][0]["passed"] = False
    metadata_path(path).write_text(json.dumps(metadata))
    complaint(kerascnn("push", path, "--to", "me/digits"), "did not pass its checks")
    changed = own_run / "model_float32.tflite"
    changed.write_bytes(changed.read_bytes() + b"\0")
    complaint(kerascnn("push", changed, "--to", "me/digits"), "changed since it was verified")
    shutil.copy(own_run / "model_float32.onnx", own_run / "alone.onnx")
    complaint(kerascnn("push", own_run / "alone.onnx", "--to", "me/digits"), "is missing")
    assert hub.repositories == {}


def test_a_file_that_changed_on_the_way_is_refused_and_nothing_is_written(
    kerascnn, hub, finished_run, tmp_path
):
    for name in ("model_float32.onnx", "model_int8.tflite"):
        assert kerascnn("push", finished_run / name, "--to", "me/digits")[0] == 0
    hub.repositories["me/digits"]["model_int8.tflite"] += b"\0"
    complaint(kerascnn("pull", "me/digits", "--out", tmp_path / "m"), "changed since")
    assert not (tmp_path / "m").exists()


def test_a_file_of_ones_own_is_not_replaced(kerascnn, hub, finished_run, tmp_path):
    assert kerascnn("push", finished_run / "model_int8.tflite", "--to", "me/digits")[0] == 0
    mine = tmp_path / "model_int8.tflite"
    mine.write_bytes(b"mine")
    complaint(kerascnn("pull", "me/digits", "--out", tmp_path), "is another file")
    assert mine.read_bytes() == b"mine"


def test_names_in_a_repository_lead_to_no_other_folder(kerascnn, hub, finished_run, tmp_path):
    path = finished_run / "model_int8.tflite"
    hub.repositories["me/evil"] = {
        "../../escaped.tflite": path.read_bytes(),
        "../../escaped.tflite.json": metadata_path(path).read_bytes(),
    }
    assert kerascnn("pull", "me/evil", "--out", tmp_path / "deep" / "er")[0] == 0
    assert [p.name for p in tmp_path.rglob("escaped.tflite")] == ["escaped.tflite"]
    assert (tmp_path / "deep" / "er" / "escaped.tflite").exists()


def test_mistakes_are_told_in_one_line(kerascnn, hub, finished_run, tmp_path):
    path = finished_run / "model_int8.tflite"
    complaint(kerascnn("push", path, "--to", "others/x"), "others/x: the Hub says: 403 Forbidden")
    complaint(kerascnn("push", path, "--to", "digits"), "expected a repository as USER/REPO")
    complaint(kerascnn("pull", "me/none"), "404 Client Error. Repository Not Found")
    complaint(kerascnn("pull", "me"), "expected USER/REPO or USER/REPO/FILE")
    hub.repositories["me/empty"] = {"README.md": b"", "model.tflite": b"no metadata"}
    complaint(kerascnn("pull", "me/empty"), "holds no .tflite or .onnx file beside its metadata")
    complaint(kerascnn("pull", "me/empty/other.onnx"), "holds no 'other.onnx'")


def test_without_the_library_one_line_says_what_to_install(kerascnn, finished_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    push = kerascnn("push", finished_run / "model_int8.tflite", "--to", "me/digits")
    complaint(push, "pip install 'kerascnn[hub]'")
    complaint(kerascnn("pull", "me/digits"), "pip install 'kerascnn[hub]'")
