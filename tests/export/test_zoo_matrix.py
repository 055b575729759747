"""Networks of every kind in four files, delivered: a dozen small ones, and the whole zoo."""

import datetime
import sys

import keras
import pytest

from benchmarks import zoo_matrix
from benchmarks.zoo_matrix import Measured, line, measure, page, small
from kerascnn.config import Normalize
from kerascnn.models.graph import normalized
from tests.models.miniatures import make

QUICK = ["lenet5", "inception_module", "resnet8", "mobilenet_v1"]
DOZEN = [
    *("squeezenet1_0_bypass", "resnet164_v2", "densenet121", "resnext29_8x64d", "mobilenet_v2"),
    *("shufflenet_v1_g3_x0_5", "shufflenet_v2_x0_5", "ds_cnn"),
]


@pytest.fixture(autouse=True)
def forgotten():
    """Of all networks one stays in memory."""
    yield
    keras.backend.clear_session()


def check(measured):
    assert measured.refusal == ""
    assert measured.passed
    assert min(measured.figures[f"int8.{kind}"] for kind in ("tflite", "onnx")) >= 0.99


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(name, marks=pytest.mark.full) for name in DOZEN)]
)
def test_four_files_of_a_small_network_equal_it(name):
    check(measure(normalized(make(name), Normalize())))


@pytest.mark.full
@pytest.mark.parametrize(
    "name", [name for name in zoo_matrix.of_images() if "deformable" not in name]
)
def test_four_files_of_a_network_equal_it(name):
    check(measure(small(name)))


def test_a_page_is_gone_on_with_and_says_what_was_not_run(tmp_path, monkeypatch, capsys):
    path, done = tmp_path / "page.md", []

    def measured(model):
        done.append(model)
        figures = dict.fromkeys(["float32.tflite", "float32.onnx", "int8.tflite", "int8.onnx"], 1.0)
        return Measured(model, (8, 8, 3), figures)

    monkeypatch.setattr(zoo_matrix, "measure", measured)
    monkeypatch.setattr(zoo_matrix, "small", str)
    for patterns in (["lenet5"], ["lenet*"], ["lenet5", "--again"]):
        monkeypatch.setattr(sys, "argv", ["zoo_matrix", *patterns, "--out", str(path)])
        with pytest.raises(SystemExit) as ended:
            zoo_matrix.main()
        assert ended.value.code == 0
    assert done.count("lenet5") == 2 and done.count("lenet_300") == 1
    text = path.read_text()
    assert (
        f"{len(set(done))} of {len(set(done))} networks pass, of {len(zoo_matrix.of_images())}."
        in text
    )
    assert text.count("| not yet run |") == len(zoo_matrix.of_images()) - len(set(done))
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(done) and printed[0].startswith("| lenet5 | 8x8x3 |")


def test_a_file_that_was_refused_is_told_in_its_row():
    day = datetime.date(2026, 1, 2)
    row = line(Measured("lenet5", (8, 8, 1), {"int8.onnx": 1.0}, "int8.tflite: a | b"), day)
    assert row == "| lenet5 | 8x8x1 |  |  |  | 100.00% | 2026-01-02 | int8.tflite: a / b |"
    assert "0 of 1 networks pass" in page({"lenet5": row})


@pytest.mark.full  # a ResNet-50 four times: two minutes
def test_deformable_convolutions_stay_float_and_the_rest_is_int8():
    """A layer that int8 has no rule for is no reason to refuse the network."""
    measured = measure(normalized(make("resnet50_deformable_v2"), Normalize()))
    assert measured.figures["float32.tflite"] < 1e-3 and measured.figures["float32.onnx"] < 1e-3
    assert "int8.tflite" in measured.figures or "DeformableConv2D" in measured.refusal, measured
