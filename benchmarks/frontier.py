"""Accuracy on CIFAR-10 against what it costs: the table and the chart of docs/frontier.md.

    python -m benchmarks.frontier

Reads docs/frontier.csv, a line a network: add a line for each file that was measured, and where.
"""

import csv
import re
from pathlib import Path

from benchmarks.tables import table_lines
from kerascnn.analysis import Point, pareto_chart
from kerascnn.console import console
from kerascnn.files import write_text

DOCS = Path(__file__).parents[1] / "docs"
LIMIT = 12_500_000  # multiply-accumulates of MLPerf Tiny's ResNet-8, as the benchmark rounds them


def rows():
    """The lines of docs/frontier.csv, as dicts of text."""
    with (DOCS / "frontier.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def points(lines):
    """The same as `Point`s; what was published and measured, int8 and float, have own colors."""
    return [
        Point(
            line["name"],
            int(line["macs"]),
            int(line["bytes"]),
            float(line["top1"]),
            f"{line['kind']}, {line['precision']}",
        )
        for line in lines
    ]


def table(lines):
    """The lines as Markdown, the most accurate first."""
    ordered = sorted(lines, key=lambda line: -float(line["top1"]))
    return table_lines(
        [
            {
                "network": line["name"],
                "top-1": line["top1"],
                "arithmetic": line["precision"],
                "MACs": f"{int(line['macs']):,}",
                "bytes": f"{int(line['bytes']):,}",
                "": line["kind"],
                "source": line["source"],
            }
            for line in ordered
        ]
    )


def main():
    lines, page = rows(), DOCS / "frontier.md"
    made = "\n".join(["<!-- frontier -->", *table(lines), "<!-- end -->"])
    text = re.sub(
        "<!-- frontier -->.*<!-- end -->", lambda _: made, page.read_text(), flags=re.DOTALL
    )
    write_text(page, text)
    accuracy = "top-1 on the 10,000 test images of CIFAR-10, %"
    drawn = points(lines)
    int8 = [point for point in drawn if point.group.endswith("int8")]
    pareto_chart(DOCS / "frontier.svg", drawn, accuracy=accuracy, limit=LIMIT, joined=int8)
    console.print(f"  ->  {page}, {DOCS / 'frontier.svg'}")


if __name__ == "__main__":
    main()
