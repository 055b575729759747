"""What many tests share: a small run, trained, compressed and converted once a session."""

import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):  # they share the cores
    share = max(1, (os.cpu_count() or 1) // workers)
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(share))

import keras
import pytest
from image_files import jpeg, picture

import export.cli
import kerascnn.config as configs
from kerascnn.files import write_text
from kerascnn.training import train

RECIPE = """
name: quick_int8
artifact: int8
pruning: {sparsity: 0.5, end: 0.5, fine_tune: {epochs: 2, peak: 0.01}}
quantization: {fine_tune: {epochs: 1, peak: 0.002}}
max_drop: 3.0
"""


@pytest.fixture(scope="session", autouse=True)
def without_power_cuts():
    """Nothing waits until a disk has it: no test can tell, and all of them write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


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


@pytest.fixture(scope="session")
def middle_run(tmp_path_factory):
    """LeNet-5 after an epoch on photos/ beside it, wider than high, evaluated by their middle."""
    root = tmp_path_factory.mktemp("middle")
    for i in range(24):
        path = root / "photos" / "ab"[i % 2] / f"{i:02}.jpg"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(jpeg(picture(48, 96, seed=i)))
    changes = [
        "data={name: folder, size: [32, 32], channels: 1, batch_size: 8, validation: 0.3}",
        f"data.path={root / 'photos'}",
        "data.evaluate=[{resize_short: 40}, center_crop]",
        "optimizer.schedule={name: constant, peak: 0.01}",
        "training.epochs=1",
    ]
    return train(configs.load("configs/digits/lenet5.yaml", changes), root / "run").path
