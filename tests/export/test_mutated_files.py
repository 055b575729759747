"""Damaged files given to the verbs: each is answered in one line, and no other file changes.

What the readers by themselves make of thousands of such files, `benchmarks.fuzz` tries.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

import export.cli
from benchmarks.fuzz_readers import READERS
from benchmarks.mutated_formats import read_members, write_members
from benchmarks.mutations import generator
from export.proof.metadata import metadata_path
from export.runtimes import Artifact, artifact, process
from export.runtimes.content import Content
from kerascnn.errors import UserError
from kerascnn.files import read_json
from kerascnn.training import load_model

ARTIFACTS = ["model_float32.tflite", "model_int8.tflite", "model_float32.onnx", "model_int8.onnx"]
RECORDS = {
    "run.json": "run",
    "model_int8.tflite.json": "metadata",
    "evaluation.json": "evaluation",
    "benchmark.json": "benchmark",
}
WAYS = [
    *(("verify", name, name.split(".")[1], range(5)) for name in ARTIFACTS),
    *(("convert", name, "keras", range(5)) for name in ("model.keras", "mine.keras")),
    *(("report", name, kind, range(4)) for name, kind in RECORDS.items()),
    ("stage", "model_int8.tflite.json", "metadata", range(10, 15)),
]
CASES = [
    pytest.param(verb, name, kind, seed, marks=() if seed in seeds[:2] else pytest.mark.full)
    for verb, name, kind, seeds in WAYS
    for seed in seeds
]


@pytest.fixture(scope="module")
def pristine(finished_run, tmp_path_factory):
    """A run with everything that a verb reads, and its model once more, as one's own."""
    run = shutil.copytree(finished_run, tmp_path_factory.mktemp("mutated") / "pristine")
    files = [str(run / name) for name in ARTIFACTS[:2]]
    export.cli.invoke(["benchmark", *files, "--runs", "50", "--out", str(run / "benchmark.json")])
    export.cli.invoke(["report", str(run)])
    shutil.copy(run / "model.keras", run / "mine.keras")
    return run


def digests(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(("verb", "name", "kind", "seed"), CASES)
def test_a_damaged_file_is_answered_in_one_line(
    kerascnn, pristine, tmp_path, verb, name, kind, seed
):
    """0 where the damage changes nothing that counts, 1 where the file differs, else 2."""
    run = shutil.copytree(pristine, tmp_path / "run")
    path = run / name
    path.write_bytes(READERS[kind].change([path.read_bytes()], generator(kind, seed)))
    if verb == "verify":  # as if it had been verified so: the checksum alone shall not save us
        metadata = metadata_path(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        metadata.write_text(json.dumps({**read_json(metadata), "sha256": digest}))
    before = digests(run)
    arguments = {
        "verify": [path],
        "convert": [
            run if name == "model.keras" else path,
            "--to",
            "tflite",
            "--recipe",
            "float32",
        ],
        "report": [run],
        "stage": [run / "model_int8.tflite", "--into", run / "assets"],
    }[verb]
    code, _, err = kerascnn(verb, *arguments)
    assert code in (0, 1, 2), err
    assert len(err.strip().splitlines()) == (code > 0), err
    assert "\x1b" not in err and "Traceback" not in err
    assert not list(run.rglob("*partial*"))
    if code == 2:
        assert digests(run) == before


def test_a_file_that_unpacks_to_a_thousand_times_its_size(tmp_path, pristine):
    path = tmp_path / "bomb.keras"
    members = read_members((pristine / "model.keras").read_bytes())
    members["model.weights.h5"] = bytes(2**27)
    path.write_bytes(write_members(members, zipfile.ZIP_DEFLATED))
    with pytest.raises(UserError, match="bytes that unpack to 134,2"):
        load_model(path)


ENDS = {
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": r"crashed on this file \(SIGSEGV\)",
    "import os; os.abort()": r"crashed on this file \(SIGABRT\)",
    "import os; os.kill(os.getpid(), 9)": "was killed on this file, perhaps for want of memory",
    "import time; time.sleep(60)": "did not answer within 2 s",
    "import os, time; os.close(1); time.sleep(60)": "fell silent on this file",
    "import sys; sys.stdout.buffer.write(b'\\xff\\x00\\x1b[2J')": "answered nonsense on this file",
    "print('[1, 2]')": "answered nonsense on this file",
    "print('{\"inputs\": []}')": "answered nonsense on this file",
    "print('[' * 100000)": "answered nonsense on this file",
    "raise ValueError('first\\nlast')": "refuses this file: last",
    "raise SystemExit(3)": "refuses this file: exit code 3",
}


@pytest.mark.parametrize(("program", "match"), ENDS.items())
def test_however_an_engine_ends_it_is_one_line(kerascnn, pristine, monkeypatch, program, match):
    monkeypatch.setattr(process, "WORKER", (sys.executable, "-S", "-c", program))
    if "sleep" in program:
        monkeypatch.setattr(process, "PATIENCE", 2)
    monkeypatch.setattr(process, "ENDING", 1)
    with pytest.raises(UserError, match=match):
        Artifact(pristine / "model_int8.tflite")
    code, _, err = kerascnn("benchmark", pristine / "model_int8.tflite")
    assert code == 2
    assert len(err.splitlines()) == 1 and "\x1b" not in err


def test_a_sign_of_life_is_no_answer(pristine, monkeypatch):
    nothing = Content("tflite", "float32", [], None, (), ())
    facts = {key: [] for key in artifact.FACTS} | {"content": dataclasses.asdict(nothing)}
    program = f"print('{{}}'); print('{{}}'); print('''{json.dumps(facts)}'''); input()"
    monkeypatch.setattr(process, "WORKER", (sys.executable, "-S", "-c", program))
    with Artifact(pristine / "model_int8.tflite") as loaded:
        assert loaded.inputs == []


def forbidden(path, *_, **__):
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize("name", ["odd.tflite", "odd.keras", "odd.yaml"])
@pytest.mark.parametrize("odd", ["folder", "pipe", "huge", "unreadable", "endless name"])
def test_what_only_looks_like_a_file(kerascnn, tmp_path, monkeypatch, name, odd):
    path = tmp_path / name
    match odd:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "huge":  # and empty: it takes no room on the disk
            with path.open("wb") as file:
                file.truncate(2**36 + 1)
        case "unreadable":
            path.write_text("")
            monkeypatch.setattr(Path, "open", forbidden)  # root may read whatever its mode says
        case "endless name":
            path = tmp_path / f"{'long' * 100}{name}"
    float32 = ("--to", "tflite", "--recipe")
    arguments = {
        ".tflite": ("benchmark", path),
        ".keras": ("convert", path, *float32, "float32"),
        ".yaml": ("convert", tmp_path, *float32, path),
    }[path.suffix]
    code, _, err = kerascnn(*arguments)
    assert code == 2, err
    assert len(err.splitlines()) == 1
    words = {
        "folder": "expected a file, got a folder",
        "pipe": "got a device or pipe",
        "huge": "bytes, expected at most",
        "unreadable": "cannot be read: Permission denied",
        "endless name": "File name too long",
    }
    assert words[odd] in err
