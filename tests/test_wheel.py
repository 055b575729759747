"""What `pip install` gives: the command and the library, away from the repository."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = """
import keras
import numpy as np

from kerascnn import export

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu")])
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
twin = export.quantize(model, x)
(made,) = export.deliver(twin, ["dense.tflite"], evidence=x)
print(made.passed, export.__file__)
"""


def run(*command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The bin folder of a new environment with the wheel in it; what that needs, it sees here."""
    folder = tmp_path_factory.mktemp("wheel")
    offline = {**os.environ, "PIP_NO_INDEX": "1"}
    build = ("wheel", ROOT, "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", *build, env=offline)
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    inside = folder / "venv" / "bin" / "python"
    where = run(inside, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (wheel,) = folder.glob("kerascnn-*.whl")
    # pip of this environment installs into that one.
    install = ("--python", inside, "install", "--no-deps", wheel)
    run(sys.executable, "-m", "pip", *install, env=offline)
    (Path(where) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return inside.parent


@pytest.fixture
def elsewhere(tmp_path):
    """A folder of a user's, with an export.py in it; and the environment of its shell."""
    (tmp_path / "export.py").write_text("raise SystemExit('a script of mine')")
    return {
        "cwd": tmp_path,
        "env": {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
    }


def test_the_command_runs_where_it_is_installed(installed, elsewhere):
    assert "resnet8" in run(installed / "kerascnn", "models", "resnet8", **elsewhere)


def test_a_script_beside_an_export_py_gets_its_file(installed, elsewhere):
    (elsewhere["cwd"] / "mine.py").write_text(SCRIPT)
    passed, module = run(installed / "python", "mine.py", **elsewhere).split()[-2:]
    assert passed == "True" and Path(module).is_relative_to(installed.parent)
    assert (elsewhere["cwd"] / "dense.tflite.json").exists()
