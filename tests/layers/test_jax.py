"""The tests of this folder once more, in a process of their own, on JAX."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_the_layers_pass_on_jax_too():
    not_on_jax = [HERE / "test_tflite.py", Path(__file__)]  # the converter, and this very test
    # The time goes into compiling thousands of small operations, each run once or twice.
    quick = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", str(HERE)]
        + [f"--ignore={path}" for path in not_on_jax],
        env=os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": quick},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    skipped = [line for line in run.stdout.splitlines() if line.startswith("SKIPPED")]
    assert all("could not import 'torch'" in line for line in skipped), skipped
