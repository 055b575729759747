"""Accuracy against cost: who is on the front, and the page that shows it."""

import re
from pathlib import Path

import pytest

from benchmarks.frontier import points, rows, table
from kerascnn import UserError
from kerascnn.analysis import Point, pareto_chart, pareto_front


def point(macs, top1):
    return Point(f"{macs}", macs, 90_000, top1, "measured")


def test_the_front_is_what_nothing_beats_for_as_few_multiplications():
    cheap, beaten, best, equal = point(1e6, 80), point(2e6, 79), point(3e6, 88), point(3e6, 87)
    assert pareto_front([best, equal, beaten, cheap]) == [cheap, best]


def test_the_chart_names_every_network(tmp_path):
    path = tmp_path / "chart.svg"
    pareto_chart(path, points(rows()), accuracy="top-1, %", limit=12.5e6)
    text = path.read_text()
    for name in (row["name"] for row in rows()):
        assert name in text or name.replace("'", "&#x27;") in text


def test_bad_arguments_are_said(tmp_path):
    with pytest.raises(UserError, match=r"a \.png or \.svg file"):
        pareto_chart(tmp_path / "chart.pdf", [point(1, 1)], accuracy="")
    with pytest.raises(UserError, match="at least one network"):
        pareto_chart(tmp_path / "chart.png", [], accuracy="")


def test_the_page_shows_the_figures_of_its_csv_and_of_the_other_pages():
    """`python -m benchmarks.frontier` writes the table."""
    text = Path("docs/frontier.md").read_text()
    shown = re.search(r"<!-- frontier -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert shown and shown[1].splitlines() == table(rows())
    for row in rows():
        for page in re.findall(r"[\w/]+\.md", row["source"]):
            assert f"{row['top1']}%" in Path(page).read_text()


def test_the_page_shows_what_the_rows_cost():
    from kerascnn.models import models, variant

    text = Path("docs/frontier.md").read_text()
    for name in models("anynet_*"):
        row = variant(name).row
        told = re.search(rf"^\| {name} \|[^|]*\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|", text, re.M)
        assert told
        params, macs, size = (int(number.replace(",", "")) for number in told.groups())
        assert (params, macs) == (row.params, row.macs) and size <= 98_496
