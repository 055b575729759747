"""The scripts under examples/, as they run."""

import re
import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "examples" / "thinner_and_faster.py"


def test_thinner_and_faster_writes_a_file_of_half_the_size_that_is_as_right(
    tmp_path, monkeypatch, capsys
):
    """Milliseconds are not compared: other processes may have the cores."""
    monkeypatch.setattr("sys.argv", [str(SCRIPT), str(tmp_path)])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    told = capsys.readouterr().out
    found = re.findall(r"(wide|thin)\.tflite: ([\d,]+) bytes, ([\d.]+) ms, ([\d.]+)%", told)
    assert [row[0] for row in found] == ["wide", "thin"]
    (wide, thin) = (int(row[1].replace(",", "")) for row in found)
    assert wide == (tmp_path / "wide.tflite").stat().st_size
    assert thin < 0.6 * wide
    # Of 397 images two points are eight: as many as another seed moves.
    assert float(found[1][3]) > float(found[0][3]) - 2
