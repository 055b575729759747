"""The tests of this folder once more, in a process of their own, on JAX.

By default those that hold of every layer; what each computes is marked full.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


NOT_ON_JAX = {"test_tflite.py", "test_jax.py"}  # the converter, and this very test
QUICK = ["test_every_layer.py"]
REST = sorted({path.name for path in HERE.glob("test_*.py")} - {*QUICK} - NOT_ON_JAX)


@pytest.mark.parametrize(
    "names", [QUICK, pytest.param(REST, marks=pytest.mark.full)], ids=["every_layer", "rest"]
)
def test_the_layers_pass_on_jax_too(names):
    # The time goes into compiling thousands of small operations, each run once or twice.
    quick = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider"]
        + [str(HERE / name) for name in names],
        env=os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": quick},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    skipped = [line for line in run.stdout.splitlines() if line.startswith("SKIPPED")]
    assert all("could not import 'torch'" in line for line in skipped), skipped
