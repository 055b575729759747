"""What `pip install` gives: the command and the library, away from the repository."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import keras
import numpy as np
import pytest

from kerascnn import extras

ROOT = Path(__file__).parents[1]
SCRIPT = """
import keras
import numpy as np

from kerascnn import export

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu")])
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
quantized = export.quantize(model, x)
(file,) = export.deliver(quantized, ["dense.tflite"], evidence=x)
print(file.passed, export.__file__)
"""


# Finds none of the packages that belong to extras, as if they were not installed.
WITHOUT_EXTRAS = """
import os, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        # TensorFlow itself looks whether tf_keras is there, and does without.
        if name.split(".")[0] in set(os.environ["EXTRAS"].split()) - {"tf_keras"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

if "EXTRAS" in os.environ:
    sys.meta_path.insert(0, Finder())
"""
VERBS = """
from importlib import import_module

from kerascnn import export
from kerascnn.errors import UserError

import_module(f"{export.__name__}.cli")
invoke = import_module(f"{export.__name__}.verbs.invocation").invoke

for line in open("verbs"):
    try:
        invoke(line.split())
    except UserError as error:
        print("UserError:", error)
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
    (Path(where) / "without_extras.py").write_text(WITHOUT_EXTRAS)
    (Path(where) / "without_extras.pth").write_text("import without_extras")
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


def test_the_default_install_trains_and_writes_a_tflite_file(installed, elsewhere):
    """Without any package of an extra; what needs one says in a line which."""
    folder = elsewhere["cwd"]
    for label in ("left", "right"):
        (folder / "photos" / label).mkdir(parents=True)
        for i in range(20):
            pixels = np.random.default_rng(i).integers(0, 256, (8, 8, 1))
            pixels[:, :4] //= 8 if label == "right" else 1
            keras.utils.save_img(folder / "photos" / label / f"{i}.png", pixels, scale=False)
    (folder / "config.yaml").write_text(
        "model: {name: mlp_128}\n"
        "data: {name: folder, path: photos, size: [8, 8], channels: 1, batch_size: 8}\n"
        "optimizer: {name: sgd, schedule: {name: constant, peak: 0.1}}\ntraining: {epochs: 1}\n"
    )
    verbs = [
        "train config.yaml --out run",
        "convert run --to tflite --recipe float32",
        "evaluate run",
        "convert run --to onnx --recipe float32",
        "report run",
        "chart --out zoo.png",
        "demo --out demo",
    ]
    (folder / "verbs").write_text("\n".join(verbs))
    (folder / "mine.py").write_text(VERBS)
    packages = {name: p for extra in extras.EXTRAS.values() for name, p in extra.items()}
    elsewhere["env"]["EXTRAS"] = " ".join(packages)
    said = run(installed / "python", "mine.py", **elsewhere)
    assert said.count("no log for TensorBoard, which is not installed") == 1
    assert (folder / "run" / "model_float32.tflite.json").exists()  # it was run and compared
    assert re.findall("UserError: (.*)", said) == [
        "an .onnx file needs tf2onnx, onnx, onnxruntime: pip install 'kerascnn[onnx]'",
        "a report needs matplotlib, jinja2: pip install 'kerascnn[report]'",
        "a chart needs matplotlib, jinja2: pip install 'kerascnn[report]'",
        "the demo needs scikit-learn, tf2onnx, onnx, onnxruntime, matplotlib, jinja2: "
        "pip install 'kerascnn[demo]'",
    ]
    assert not (folder / "demo").exists()


def test_every_extra_is_declared():
    """`kerascnn.extras` names the packages that pyproject.toml gives to the extra of that name."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    declared = project["optional-dependencies"]

    def packages(extra):
        for requirement in declared[extra]:
            name, inner = re.fullmatch(r"([\w-]+)(?:\[([\w,-]+)\])?[^\[]*", requirement).groups()
            yield from [name] if name != "kerascnn" else ()
            for other in inner.split(",") if name == "kerascnn" else ():
                yield from packages(other)

    for extra, modules in extras.EXTRAS.items():
        assert {p.replace("_", "-") for p in packages(extra)} == {
            p.replace("_", "-") for p in modules.values()
        }
        assert set(packages(extra)) <= set(packages("all")) <= set(packages("dev"))
    default = {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]}
    assert not default & set(packages("all"))
