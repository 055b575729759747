"""The page of a file's lanes: figures.json, samples.json and report.html in one folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerascnn.files import writable_folder, write_json, write_text

from ..lanes import Figure
from ..lanes.breakdown import breakdowns
from ..lanes.lane import MEANING
from ..lanes.measuring import samples
from . import lane_plots
from .report import pages


def write_lanes(out: str | Path, record: Mapping[str, Any], figures: Sequence[Figure]) -> Path:
    """Writes the figures of lanes: as JSON, every single run, and a page without scripts.

    Args:
        out: the folder to write. record: what `lanes.record` gives. figures: those it was made of.

    Returns:
        The path of the page, OUT/report.html.

    Raises:
        UserError: a folder that cannot be written.
    """
    out = writable_folder(out)
    write_json(out / "figures.json", record)
    write_json(out / "samples.json", samples(figures))
    page = (
        pages()
        .get_template("lanes.html.j2")
        .render(
            record=record,
            groups=[group for evidence in MEANING if (group := _group(record, evidence))],
            names={file["file"]: Path(file["file"]).name for file in record["files"]},
            titles={name: lane["title"] for name, lane in record["lanes"].items()},
            fallbacks=_fallbacks(record),
            breakdowns=breakdowns(record),
        )
    )
    write_text(out / "report.html", page)
    return out / "report.html"


def _group(record, evidence):
    """The figures of one kind of evidence: rows, a plot for each unit, accuracy against cost."""
    rows = [row for row in record["figures"] if row["evidence"] == evidence]
    if not rows:
        return None
    units = dict.fromkeys(row["unit"] for row in rows if row["value"])
    plots = [
        lane_plots.bars(
            [row for row in rows if row["unit"] == unit and row["value"]],
            unit,
            f"{evidence} {unit}",
        )
        for unit in units
    ]
    return {
        "evidence": evidence,
        "meaning": MEANING[evidence],
        "rows": rows,
        "bars": plots,
        "paretos": _paretos(record, rows, evidence),
    }


def _paretos(record, rows, evidence):
    """Accuracy against cost on each lane, where it has figures of three files that differ in both.

    The first setting of a lane stands for it.
    """
    accuracy = {file["file"]: file["accuracy"] for file in record["files"]}
    made = []
    for lane, first in {row["lane"]: row for row in reversed(rows)}.items():
        points = [
            (Path(row["file"]).name, row["value"], accuracy[row["file"]])
            for row in rows
            if (row["lane"], row["setting"]) == (lane, first["setting"])
            and row["value"]
            and accuracy[row["file"]] is not None
        ]
        if len(points) >= 3 and len({share for _, _, share in points}) > 1:
            title = f"{evidence} {lane} {first['setting']}".strip()
            made.append(lane_plots.pareto(points, first["unit"], title))
    return made


def _fallbacks(record):
    """(lane, setting, file, operators) where some of a file does not run on the accelerator."""
    return [
        (row["lane"], row["setting"], row["file"], row["details"]["fallbacks"])
        for row in record["figures"]
        if row["details"].get("fallbacks")
    ]
