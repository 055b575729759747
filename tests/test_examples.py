"""The scripts of examples/ run, and say that their files are right."""

import re
import runpy
from pathlib import Path

import pytest

ELSEWHERE = {"thinner_and_faster"}  # is tested beside the removal of channels
SCRIPTS = sorted(Path("examples").glob("*.py"))
EXAMPLES = [path for path in SCRIPTS if path.stem not in ELSEWHERE]
RIGHT = 0.85  # of what each measures: it has learned something, and its file as much


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_leaves_its_files(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [str(script), str(tmp_path)])
    runpy.run_path(str(script), run_name="__main__")
    told = capsys.readouterr().out
    made = [path for path in tmp_path.iterdir() if path.suffix in (".tflite", ".onnx")]
    assert len(made) >= 2 and all(path.name in told for path in made)
    lines = [line for line in told.splitlines() if any(path.name in line for path in made)]
    shares = [float(n) / 100 for n in re.findall(r"([\d.]+)% right", "\n".join(lines))]
    shares += [float(n) for n in re.findall(r"union ([\d.]+)", "\n".join(lines))]
    assert len(shares) == len(made) and min(shares) > RIGHT


def test_an_example_is_short():
    for script in SCRIPTS:
        assert len(script.read_text().splitlines()) <= 60, script
