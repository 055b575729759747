"""What stands in a run stays until something better has been proved; nobody's file takes over."""

import json

import pytest

from export.delivery import deliver as delivering
from export.runtimes import Artifact, process
from kerascnn.errors import UserError

TFLITE = "model_float32.tflite"


@pytest.fixture
def shadowed(tmp_path, monkeypatch):
    """A current folder, and one on PYTHONPATH, with files called as modules that we import."""
    for folder in (tmp_path, tmp_path / "path"):
        folder.mkdir(exist_ok=True)
        for name in ("numpy", "queue", "json", "export", "kerascnn", "sitecustomize"):
            (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'taken')!r}, 'w').close()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    return tmp_path


def test_no_file_of_the_current_folder_or_of_pythonpath_runs_instead(finished_run, shadowed):
    for name in (TFLITE, "model_int8.onnx"):
        with Artifact(finished_run / name) as artifact:
            assert len(artifact.time(warmup=0, runs=2)) == 2
    assert not (shadowed / "taken").exists()


def test_what_only_pythonpath_has_is_still_found(finished_run, tmp_path, monkeypatch):
    """Behind all that is installed, as where packages are provided by modules of a cluster."""
    (tmp_path / "provided_elsewhere.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    start = process.START.replace("import kerascnn", "import provided_elsewhere, kerascnn", 1)
    monkeypatch.setattr(process, "WORKER", (*process.WORKER[:-1], start))
    with Artifact(finished_run / TFLITE) as artifact:
        assert artifact.version


def converted(kerascnn, run, recipe="float32"):
    return kerascnn("convert", run, "--to", "tflite", "--recipe", recipe)


def pair(run):
    return (run / TFLITE).read_bytes(), (run / f"{TFLITE}.json").read_bytes()


@pytest.mark.parametrize("failure", ["the engine dies", "the disk is full", "what it is made of"])
def test_a_failure_leaves_the_file_that_was_there(kerascnn, own_run, monkeypatch, failure):
    before = pair(own_run)

    def fails(*_, **__):
        raise OSError(28, "No space left on device") if "disk" in failure else UserError(failure)

    where = {"the engine dies": "Artifact", "the disk is full": "describe"}.get(failure, "convert")
    monkeypatch.setattr(delivering, where, fails)
    code, _, err = converted(kerascnn, own_run)
    assert code == 2 and len(err.splitlines()) == 1, err
    assert pair(own_run) == before
    assert not [p for p in own_run.iterdir() if "partial" in p.name]
    assert kerascnn("verify", own_run / TFLITE)[0] == 0


def test_an_engines_error_names_the_file_it_was_asked_for(kerascnn, own_run, monkeypatch):
    monkeypatch.setattr(delivering, "convert", lambda *_, **__: b"no file at all, TFL3 or other")
    code, _, err = converted(kerascnn, own_run)
    assert code == 2 and f"/{TFLITE}: LiteRT refuses this file" in err and "partial" not in err


def test_a_file_that_differs_takes_the_stale_one_along(kerascnn, own_run, monkeypatch):
    monkeypatch.setattr("export.proof.verification.FLOAT_TOLERANCE", -1.0)
    code, out, _ = converted(kerascnn, own_run)
    assert code == 1 and "FAILED" in out
    assert not (own_run / TFLITE).exists() and not (own_run / f"{TFLITE}.json").exists()


def test_accept_keeps_it_and_its_metadata_says_so(kerascnn, own_run, monkeypatch):
    monkeypatch.setattr("export.proof.verification.FLOAT_TOLERANCE", -1.0)
    call = ("convert", own_run, "--to", "tflite", "--recipe", "float32", "--accept")
    assert kerascnn(*call)[0] == 0
    metadata = json.loads((own_run / f"{TFLITE}.json").read_text())
    assert [check["passed"] for check in metadata["checks"]].count(False) == 1
    code, _, err = kerascnn("stage", own_run / TFLITE, "--into", own_run / "assets")
    assert code == 2 and "did not pass its checks" in err


@pytest.mark.parametrize("name", ["/dev/zero", "../../secret.keras", "folder/x.keras", "", 5])
def test_a_metadata_leads_nowhere_but_into_its_own_folder(kerascnn, own_run, name):
    path = own_run / f"{TFLITE}.json"
    metadata = json.loads(path.read_text())
    metadata["source"] = {"file": name, "sha256": "0", "compared_on": {"from": "x", "seed": 0}}
    path.write_text(json.dumps(metadata))
    code, _, err = kerascnn("verify", own_run / TFLITE)
    assert code == 2 and len(err.splitlines()) == 1
    assert "names a model elsewhere" in err or "give it, and what to compare on" in err


def test_files_made_twice_are_the_same_bytes(kerascnn, own_run):
    made = []
    for _ in range(2):
        call = ("convert", own_run, "--to", "tflite", "onnx", "--recipe", "static_wi8_ai8")
        assert kerascnn(*call)[0] == 0
        made.append([(own_run / f"model_int8_static.{k}").read_bytes() for k in ("tflite", "onnx")])
    assert made[0] == made[1]


def test_a_code_file_that_exits_is_an_error_that_says_so(kerascnn, own_run, tmp_path):
    (tmp_path / "layers.py").write_text("import sys; sys.exit(3)")
    (own_run / "model.keras").rename(tmp_path / "mine.keras")
    call = ("convert", tmp_path / "mine.keras", "--to", "tflite", "--code", tmp_path / "layers.py")
    code, _, err = kerascnn(*call)
    assert code == 2 and "layers.py: raises SystemExit: 3" in err


def test_a_code_file_finds_what_stands_beside_it(kerascnn, own_run, tmp_path):
    (tmp_path / "beside.py").write_text("FOUND = True")
    (tmp_path / "layers.py").write_text("import beside; assert beside.FOUND")
    (own_run / "model.keras").rename(tmp_path / "mine.keras")
    call = ("convert", tmp_path / "mine.keras", "--to", "tflite", "--code", tmp_path / "layers.py")
    code, out, err = kerascnn(*call)
    assert code == 0, out + err
