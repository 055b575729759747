"""Ours against what anybody would use instead: every ratio on one page.

    python -m benchmarks.performance --out docs/performance.md [--only int8_files pipeline]

Runs the parts that are named, all by default, and writes the section of each: its command, the
machine, the date, the ratios. Sections of parts that were not run stay as they are. Everything is
measured in turns; a ratio is that of the medians, and beside it stands the spread.
"""

import argparse
import datetime
import importlib
import re
from collections.abc import Callable
from pathlib import Path

from benchmarks.ratios import Ratio
from benchmarks.tables import table_lines
from export.runtimes.machine import load_average, machine
from kerascnn.files import write_text

HEAD = """# Performance

Ours against what one would use instead, as ratios: of times and bytes where less is better (`<=`),
of speeds where more is (`>=`). "wanted" is what the project has set itself. Written by

    python -m benchmarks.performance --out docs/performance.md

Each section names the command that measures it alone. The clock of files sees the inference and
nothing else: inputs are in before, outputs stay where they are.
"""
NOT_YET_RUN = "not yet run"


def _of(module: str) -> Callable[[], list[Ratio]]:
    """The ratios of a part, imported when it is run: each brings runtimes of its own."""
    return lambda: importlib.import_module(f"benchmarks.{module}").ratios()


PARTS = {
    "train_step": "Training steps",
    "pipeline": "Images of the training",
    "int8_files": "Int8 files",
    "convert_cost": "Conversion",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    for name in options.only:
        lines = section(name, _of(name)())
        known = sections(options.out) | {name: lines}
        write_text(options.out, page(known))


def section(name: str, found: list[Ratio]) -> str:
    """What the page says of a part that was run now."""
    here = machine()
    behind = [ratio for ratio in found if not ratio.ahead]
    said = ", ".join(f"{ratio.what} ({ratio.ratio:.2f})" for ratio in behind) or "nowhere"
    lines = [
        f"`python -m benchmarks.{name}`, {datetime.datetime.now(datetime.UTC).date()}, on",
        f"{_written(here)}; processes that waited for a core: {load_average():.1f}.",
        "",
        f"Not ahead: {said}.",
        "",
        *table_lines([ratio.row() for ratio in found]),
    ]
    return "\n".join(lines)


def _written(here):
    return ", ".join(f"{key} {value}" for key, value in here.items() if value is not None)


def sections(path: Path) -> dict[str, str]:
    """part -> what a page says of it; empty where there is no page yet."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = re.findall(r"<!-- (\w+) -->\n\n(.*?)\n\n<!-- end \1 -->", text, re.DOTALL)
    return dict(found)


def page(known: dict[str, str]) -> str:
    """The whole page; a part without a section is "not yet run"."""
    lines = [HEAD]
    for name, title in PARTS.items():
        text = known.get(name, f"`python -m benchmarks.{name}`: {NOT_YET_RUN}.")
        lines += [f"## {title}", "", f"<!-- {name} -->", "", text, "", f"<!-- end {name} -->", ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    main()
