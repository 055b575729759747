"""Verbs that compute nothing answer at once: they import neither Keras nor what it runs on."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

import kerascnn.analysis
from kerascnn.listing import networks

ASK = """
import json, os, sys, time
sys.argv = ["kerascnn", *json.loads(sys.argv[1])]
from kerascnn.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
engines = [m for m in ("keras", "tensorflow", "jax", "torch", "numpy") if m in sys.modules]
backend = os.environ.get("KERAS_BACKEND")
said = {"engines": engines, "seconds": time.process_time(), "backend": backend}
print(json.dumps(said), file=sys.stderr)
"""


def ask(*arguments):
    """(what a command printed, what it imported and how many seconds of a core it took)."""
    unset = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(arguments)],
        env={**unset, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, json.loads(done.stderr.splitlines()[-1])


def test_models_imports_neither_keras_nor_what_it_runs_on():
    out, said = ask("models", "--json", "resnet*")
    assert said["engines"] == []
    # 0.3 s alone; a core that others share counts more. Importing TensorFlow takes four seconds.
    assert said["seconds"] < 1
    assert json.loads(out) == kerascnn.analysis.models_figures("resnet*")


@pytest.mark.parametrize("arguments", [["--help"], ["verify", "--help"], ["models", "--markdown"]])
def test_help_imports_no_more(arguments):
    assert ask(*arguments)[1]["engines"] == []


def test_the_rows_are_those_of_the_registry():
    assert networks() == kerascnn.analysis.models_figures(), "make rows writes them anew"


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="without JAX it is TensorFlow")
def test_describe_does_not_wait_for_tensorflow():
    out, said = ask("describe", "resnet8", "--json")
    assert "tensorflow" not in said["engines"] and said["backend"] is None
    found = kerascnn.analysis.describe("resnet8")
    assert json.loads(out)["macs"] == found.macs
    assert json.loads(out)["memory"]["peak"] == found.memory.peak
