"""What many tests share: a small run, trained, compressed and converted once a session."""

import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import pytest

import export.cli
from kerascnn.files import write_text

RECIPE = """
name: quick_int8
artifact: int8
pruning: {sparsity: 0.5, end: 0.5, fine_tune: {epochs: 2, peak: 0.01}}
quantization: {fine_tune: {epochs: 1, peak: 0.002}}
max_drop: 3.0
"""


@pytest.fixture(autouse=True)
def seeded():
    """Weights that a test does not set are the same in every run."""
    keras.utils.set_random_seed(0)


def pytest_fixture_setup(fixturedef):
    """And those of a fixture that many tests share, which is made before `seeded` is asked."""
    if fixturedef.scope != "function":
        keras.utils.set_random_seed(0)


@pytest.fixture
def kerascnn(capsys, monkeypatch):
    """Calls the command in this process: arguments -> (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["kerascnn", *map(str, arguments)])
        capsys.readouterr()
        try:
            export.cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """LeNet-5 on the digits after 12 epochs, and all its files. For reading only."""
    folder = tmp_path_factory.mktemp("session")
    run, recipe = folder / "run", folder / "quick_int8.yaml"
    write_text(recipe, RECIPE)
    verbs = [
        ["train", "configs/digits/lenet5.yaml", "--out", run, "training.epochs=12"],
        ["evaluate", run],
        ["convert", run, "--to", "tflite", "onnx", "--recipe", "float32"],
        ["compress", run, "--recipe", recipe],
        ["convert", run, "--to", "tflite", "onnx", "--recipe", recipe],
    ]
    for verb in verbs:
        export.cli.invoke(list(map(str, verb)))
    return run


@pytest.fixture
def own_run(finished_run, tmp_path):
    """A copy of the finished run that a test may spoil."""
    return shutil.copytree(finished_run, tmp_path / "run")
