"""Bad input: one line that says what, where and what to do; exit code 2; no half files."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from image_files import black_png

LENET = "configs/digits/lenet5.yaml"


def complaint(result):
    """The one line of a refusal."""
    code, _, err = result
    assert code == 2, err
    assert "Traceback" not in err
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["describe", "resnet9"], "unknown model 'resnet9'; did you mean 'resnet8'?"),
        (["trian"], "No such command 'trian'"),
        (["train", "no.yaml", "--out", "x"], "no such file: no.yaml"),
        (["compress", "no_run", "--recipe", "float33"], "did you mean 'float32'?"),
        (["evaluate", "no_run"], "no such run folder: no_run"),
        (["verify", "no.tflite"], "no such file: no.tflite"),
        (["verify", "README.md"], "README.md: expected a .tflite or an .onnx file"),
    ],
)
def test_a_wrong_name_is_answered_with_the_way_out(kerascnn, arguments, line):
    assert line in complaint(kerascnn(*arguments))


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("model.name=lenet6", "unknown model 'lenet6'; did you mean 'lenet5'?"),
        ("model.arguments={activation: relu}", "unknown argument of lenet5 'activation'"),
        ("training.epoch=3", "did you mean 'training.epochs'?"),
        ("training.epochs=soon", "training.epochs: "),
        ("data.name=mnist", "--data-dir"),
        ("data.validation=0.0001", "leaves nothing to validate"),
    ],
)
def test_a_wrong_config_leaves_no_run_behind(kerascnn, tmp_path, monkeypatch, override, line):
    import keras

    def offline():
        raise OSError("no route to host")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", offline)
    out = tmp_path / "run"
    assert line in complaint(kerascnn("train", LENET, "--out", out, override))
    assert not out.exists()


def test_a_config_that_is_a_list(kerascnn, tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text("- train\n")
    line = complaint(kerascnn("train", path, "--out", tmp_path / "run"))
    assert "expected a mapping of sections, got list" in line


def test_a_missing_data_folder(kerascnn, tmp_path):
    arguments = ("train", "configs/cifar10/resnet8.yaml", "--out", tmp_path / "run")
    line = complaint(kerascnn(*arguments, "--data-dir", tmp_path))
    assert "no data_batch_1.bin in" in line
    assert not (tmp_path / "run").exists()


def test_an_output_folder_that_cannot_be_written(kerascnn, tmp_path):
    (tmp_path / "file").write_text("")
    line = complaint(kerascnn("train", LENET, "--out", tmp_path / "file" / "run"))
    assert "cannot be written" in line


@pytest.mark.parametrize("name", ["model.keras", "run.json", "config.yaml"])
def test_a_run_from_which_a_file_is_missing(kerascnn, own_run, name):
    (own_run / name).unlink()
    assert f"not a finished run, {name} missing" in complaint(kerascnn("evaluate", own_run))


def test_a_keras_file_that_is_none(kerascnn, own_run):
    (own_run / "model.keras").write_bytes(b"PK\x03\x04 and then nothing")
    assert "not a Keras model that can be loaded" in complaint(kerascnn("evaluate", own_run))


def test_an_image_that_is_no_image(kerascnn, finished_run, tmp_path):
    path = tmp_path / "seven.png"
    path.write_text("seven")
    assert "not a JPEG, PNG, BMP or GIF image" in complaint(kerascnn("predict", finished_run, path))


def test_a_pipe_called_an_image(kerascnn, finished_run, tmp_path):
    os.mkfifo(tmp_path / "seven.png")
    line = complaint(kerascnn("predict", finished_run, tmp_path / "seven.png"))
    assert "seven.png: expected a file, got a device or pipe" in line


def test_an_image_whose_name_is_not_utf8(kerascnn, finished_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a name short enough for a line of the table
    path = Path(os.fsdecode(b"caf\xe9.png"))
    path.write_bytes(black_png(8, 8))
    code, out, err = kerascnn("predict", finished_run, path)
    assert code == 0, err
    assert r"caf\udce9.png" in out


@pytest.mark.parametrize("verb", ["verify", "benchmark"])
def test_a_text_file_called_tflite(kerascnn, tmp_path, verb):
    path = tmp_path / "model.tflite"
    path.write_text("I am a text file, and long enough to have a header.")
    assert "LiteRT refuses this file: not a TFLite file" in complaint(kerascnn(verb, path))


@pytest.mark.parametrize("verb", ["verify", "benchmark"])
def test_a_truncated_onnx_file(kerascnn, own_run, verb):
    path = own_run / "model_float32.onnx"
    path.write_bytes(path.read_bytes()[:5000])
    assert "ONNX Runtime refuses this file" in complaint(kerascnn(verb, path))


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_truncated_tflite_file(kerascnn, own_run, keep):
    path = own_run / "model_int8.tflite"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    assert "model_int8.tflite: LiteRT" in complaint(kerascnn("benchmark", path))


def test_a_file_that_changed_after_it_was_verified(kerascnn, own_run):
    path = own_run / "model_float32.tflite"
    path.write_bytes((own_run / "model_int8.tflite").read_bytes())
    assert "changed since it was verified" in complaint(kerascnn("verify", path))


def test_an_artifact_without_its_metadata(kerascnn, own_run):
    (own_run / "model_int8.tflite.json").unlink()
    line = complaint(kerascnn("verify", own_run / "model_int8.tflite"))
    assert "kerascnn convert writes it" in line


def test_a_conversion_before_its_compression(kerascnn, own_run):
    line = complaint(kerascnn("convert", own_run, "--to", "onnx", "--recipe", "qat_wi8_ai8"))
    assert "kerascnn compress" in line


def test_too_few_runs_to_believe(kerascnn, finished_run):
    line = complaint(kerascnn("benchmark", finished_run / "model_int8.onnx", "--runs", "10"))
    assert "expected at least 50 runs, got 10" in line


def test_debug_shows_the_traceback(kerascnn, monkeypatch):
    from kerascnn.errors import UserError

    with pytest.raises(UserError, match="unknown model"):
        kerascnn("describe", "resnet9", "--debug")


def test_a_file_that_differs_is_not_kept(kerascnn, own_run, monkeypatch):
    from export.delivery import deliver

    honest = deliver.convert

    def shifted(model, *arguments, **options):
        other = keras.models.clone_model(model)
        *weights, biases = model.get_weights()
        other.set_weights([*weights, biases + np.float32(0.01)])
        return honest(other, *arguments, **options)

    monkeypatch.setattr(deliver, "convert", shifted)
    code, out, err = kerascnn("convert", own_run, "--to", "tflite", "--recipe", "float32")
    assert code == 1
    assert "FAILED" in out and "differs from its model" in err
    assert not (own_run / "model_float32.tflite").exists()
    assert not (own_run / "model_float32.tflite.json").exists()
    assert not list(own_run.glob(".*partial*"))
