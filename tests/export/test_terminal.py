"""The verbs in a terminal: names of hostile files and classes, narrow windows, the help."""

import io
import json
import os
import re
import shutil

import keras
import numpy as np
import pytest
from keras import layers
from typer.testing import CliRunner

from export.proof.metadata import metadata_path
from kerascnn.cli import app
from kerascnn.console import Console, printable
from kerascnn.tables import Table

LONG = "a_name_that_is_longer_than_a_narrow_terminal_is_wide"
NAMES = [
    "\x1b[2J\x1b]0;owned\x07",
    "\x1b]8;;http:evil\x1b\\link",
    "two\nlines",
    "over\u202egnp",
    "[red]x",
    "x[b]y",
    os.fsdecode(b"\xff\xfelatin"),
]
HARMFUL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e-\u202e\ud800-\udfff]")


@pytest.fixture(scope="module")
def hostile_run(finished_run, tmp_path_factory):
    """A finished run in a folder, with labels and with files that are named to steer a terminal."""
    run = shutil.copytree(finished_run, tmp_path_factory.mktemp("[b]") / f"r{''.join(NAMES)}")
    facts = json.loads((run / "run.json").read_text())
    facts["labels"] = [*NAMES, *facts["labels"][len(NAMES) :]]
    (run / "run.json").write_text(json.dumps(facts))
    for path in run.glob("model_*"):
        if path.suffix == ".json":
            metadata = json.loads(path.read_text())
            metadata["outputs"][0]["labels"] = facts["labels"]
            path.write_text(json.dumps(metadata))
    return run


def without_harm(page):
    return not HARMFUL.search(page.read_text().replace("\n", " "))


def image(path):
    keras.utils.save_img(path, np.full((8, 8, 1), 9, np.uint8), scale=False)
    return path


def test_predict_prints_hostile_names_as_they_are(kerascnn, hostile_run, tmp_path):
    paths = [image(tmp_path / f"{name}.png") for name in NAMES if "\udcff" not in name]
    code, out, err = kerascnn("predict", hostile_run, *paths, "--top", "10")
    assert (code, err) == (0, "")
    assert not HARMFUL.search(out)
    rows = [line for line in out.splitlines() if line.startswith("│")]
    assert len(rows) == len(paths)
    for path, row in zip(paths, rows, strict=True):
        assert printable(str(path)) in row
        assert all(f"│ {printable(name)} " in row for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_errors_name_hostile_files_on_one_line(kerascnn, hostile_run, tmp_path, name):
    arguments = [
        ("predict", tmp_path / name, tmp_path / "seven.png"),
        ("verify", tmp_path / f"{name}.tflite"),
        ("train", tmp_path / f"{name}.yaml", "--out", tmp_path / "run"),
        ("evaluate", tmp_path / name),
        ("describe", name),
        (name,),
    ]
    for given in arguments:
        code, out, err = kerascnn(*given)
        assert (code, out, len(err.splitlines())) == (2, "", 1), err
        assert not HARMFUL.search(err)
        assert printable(name) in err or repr(name)[1:-1] in err


def test_verify_benchmark_and_report_of_a_hostile_run(kerascnn, hostile_run):
    files = [hostile_run / "model_float32.tflite"]
    for name in NAMES:
        files.append(hostile_run / f"{name}.tflite")
        shutil.copy(files[0], files[-1])
    code, out, err = kerascnn("benchmark", *files, "--runs", "50")
    assert (code, err) == (0, "")
    assert not HARMFUL.search(out)
    assert all(f"│ {printable(path.name)} " in out for path in files)
    for path in files[1:]:
        path.unlink()
    code, out, err = kerascnn("verify", files[0])
    # The images are of other labels than the run now says, and that is what is said of it.
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert printable(str(hostile_run)) in err


def test_a_run_in_a_hostile_folder(kerascnn, hostile_run, finished_run):
    """All labels are its own again, the path is not."""
    run = hostile_run.parent / "x[" / "b]y[b]z\x1b[2J\n\u202e"
    shutil.copytree(finished_run, run)
    shown = printable(str(run))
    code, out, err = kerascnn("verify", run / "model_int8.tflite")
    assert (code, err) == (0, "") and not HARMFUL.search(out)
    code, out, err = kerascnn("report", run)
    assert (code, out, err) == (0, f"  ->  {shown}/report.html\n", "")
    assert without_harm(run / "report.html")


def test_train_says_where_its_model_is(kerascnn, tmp_path):
    """The markup "[/b]" once ended this with exit code 70, after the training."""
    for name in ("x[/b]y", "x[b]y", "\x1b[2Jz"):
        code, out, err = kerascnn(
            "train", "configs/digits/lenet5.yaml", "--out", tmp_path / name, "training.epochs=1"
        )
        assert (code, err) == (0, "")
        assert out.endswith(f"  ->  {tmp_path}/{printable(name)}/model.keras\n")


def test_train_on_classes_with_hostile_names(kerascnn, tmp_path):
    for name in ("[red]", "\x1b[31m", "a\nb\u202e"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(10):
            image(tmp_path / "data" / name / f"{number}.png")
    config = tmp_path / "config.yaml"
    config.write_text(
        f"model: {{name: lenet5}}\ndata: {{name: folder, path: {tmp_path / 'data'}, "
        "size: [32, 32], channels: 1, batch_size: 8}\ntraining: {epochs: 1}\n"
        "optimizer: {schedule: {name: constant, peak: 0.01}}\n"
    )
    run = tmp_path / "run"
    assert kerascnn("train", config, "--out", run)[::2] == (0, "")
    assert kerascnn("evaluate", run)[0] == 0
    code, out, err = kerascnn("predict", run, tmp_path / "data" / "[red]" / "0.png")
    assert (code, err) == (0, "") and not HARMFUL.search(out)
    assert "[red] " in out and r"\x1b[31m " in out and r"a\nb\u202e " in out
    code, out, err = kerascnn("report", run)
    assert (code, err) == (0, "")
    assert without_harm(run / "report.html")


@pytest.fixture(scope="module")
def tables(finished_run, tmp_path_factory):
    """verb -> the tables that it printed, on files, images and labels with long names."""
    import export.cli

    folder = tmp_path_factory.mktemp("tables")
    run = shutil.copytree(finished_run, folder / "run")
    artifact = run / f"model_{LONG}.tflite"
    shutil.copy(run / "model_float32.tflite", artifact)
    shutil.copy(metadata_path(run / "model_float32.tflite"), metadata_path(artifact))
    labelled = shutil.copytree(finished_run, folder / "labelled")
    facts = json.loads((labelled / "run.json").read_text())
    facts["labels"] = [f"{label}_{LONG}" for label in facts["labels"]]
    (labelled / "run.json").write_text(json.dumps(facts))
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name=f"{LONG}_conv")(layers.Rescaling(1 / 255)(inputs))
    x = layers.Dense(3, name=f"{LONG}_dense")(layers.Flatten()(x))
    keras.Model(inputs, x, name=LONG).save(folder / f"{LONG}.keras")
    rng = np.random.default_rng(0)
    np.save(folder / "images.npy", rng.integers(0, 256, (64, 8, 8, 3), np.uint8))
    own = [str(folder / f"{LONG}.keras"), "--recipe", "static_wi8_ai8"]
    verbs = [
        ["models"],
        ["describe", "lenet5_1998"],
        ["predict", str(labelled), str(image(folder / f"{LONG}.png")), "--top", "10"],
        ["sensitivity", str(run), "--images", "50"],
        ["convert", *own, "--to", "tflite", "onnx", "--images", str(folder / "images.npy")],
        ["verify", str(artifact)],
        ["debug", *own, "--images", str(folder / "images.npy"), "--count", "20"],
        ["debug", str(run / "model_int8.tflite"), "--fix", "--count", "20"],
        ["benchmark", str(artifact), "--runs", "50"],
    ]
    found, printed = {}, Table.__rich_console__
    with pytest.MonkeyPatch.context() as patched:
        for arguments in verbs:
            made = found.setdefault(arguments[0], [])

            def recorded(table, *rest, made=made):
                made.append(table)
                return printed(table, *rest)

            patched.setattr(Table, "__rich_console__", recorded)
            export.cli.invoke(arguments)
    return found


VERBS = ["models", "describe", "predict", "sensitivity", "convert", "verify", "debug", "benchmark"]


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("verb", VERBS)
def test_no_table_cuts_a_name_or_a_number(tables, verb, width):
    assert tables[verb]
    for table in tables[verb]:
        file = io.StringIO()
        Console(file=file, width=width, force_terminal=True, color_system=None).print(table)
        shown = file.getvalue()
        headings = [column.heading for column in table.columns]
        for row in (headings, *table.rows, table.footer):
            for cell in row:
                assert shown.count(str(cell)) >= list(map(str, row)).count(str(cell))
        assert "…" not in shown
        assert table.title in shown and table.caption in shown


@pytest.mark.parametrize("width", [40, 80])
def test_help_says_whole_sentences_of_every_verb(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    shown = CliRunner().invoke(app, ["--help"]).output
    squeezed = " ".join(shown.split()).replace("- ", "-")  # a line may end behind a hyphen
    for command in app.registered_commands:
        sentence = " ".join(command.callback.__doc__.split()).split(". ")[0]
        assert f"{command.callback.__name__} {sentence}".rstrip(".") in squeezed
