"""The scripts under examples/, run as a user runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_thinner_and_faster_writes_a_file_of_half_the_size_that_is_as_right(tmp_path):
    """Milliseconds are not compared: other processes may have the cores."""
    done = subprocess.run(
        [sys.executable, "examples/thinner_and_faster.py", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = re.findall(r"(wide|thin)\.tflite: ([\d,]+) bytes, ([\d.]+) ms, ([\d.]+)%", done.stdout)
    assert [row[0] for row in found] == ["wide", "thin"]
    (wide, thin) = (int(row[1].replace(",", "")) for row in found)
    assert wide == (tmp_path / "wide.tflite").stat().st_size
    assert thin < 0.6 * wide
    # Of 397 images two points are eight: as many as another seed moves.
    assert float(found[1][3]) > float(found[0][3]) - 2
