"""Nothing from outside reaches a terminal as it is, and no table cuts a name or a number."""

import io
import re

import pytest
from rich.text import Text

from kerascnn.console import Console, busy, console, printable, styled
from kerascnn.tables import Column, Table

HOSTILE = {
    "\x1b[2Jcleared": r"\x1b[2Jcleared",
    "\x1b]8;;http://x\x1b\\link": r"\x1b]8;;http://x\x1b\link",
    "two\nlines": r"two\nlines",
    "over\rwritten": r"over\rwritten",
    "rotated\u202egnp.exe": r"rotated\u202egnp.exe",
    "C1 \x9b31m": r"C1 \x9b31m",
    b"\xff latin".decode("utf-8", "surrogateescape"): r"\udcff latin",
    "[red]marked[/red]": "[red]marked[/red]",
    "x[/b]y": "x[/b]y",
    ":smile:": ":smile:",
    "牛肉 é": "牛肉 é",
}


def printed(*renderables, width=200, terminal=True, **options):
    file = io.TextIOWrapper(io.BytesIO(), encoding=options.pop("encoding", "utf-8"))
    shown = Console(file=file, width=width, force_terminal=terminal, color_system=None)
    for renderable in renderables:
        shown.print(renderable, **options)
    file.flush()
    return file.buffer.getvalue().decode(file.encoding)


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items())
def test_text_from_outside_is_printed_on_one_line_as_it_is(text, shown):
    table = Table("file")
    table.add(text)
    titled = Table(text, title=text, caption=text, footer=[text])
    assert printed(text) == f"{shown}\n"
    assert printed(styled(text, "bold")) == f"{shown}\n"
    assert f"│ {shown} │\n" in printed(table)
    assert printed(titled).count(shown) == 4
    assert printed(titled, width=3).count(shown) == 4
    for whole in (printed(table), printed(titled), printed(titled, width=3)):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", whole)


def test_text_that_rich_made_is_made_printable_too():
    assert printed(Text("a\x1b[2Jb\u202e")) == "a\\x1b[2Jb\\u202e\n"


def test_what_a_terminal_has_no_characters_for_is_escaped():
    assert printed("牛 é", encoding="latin-1") == "\\u725b é\n"


def test_what_goes_on_is_printable_too(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(console, "_file", file)
    monkeypatch.setattr(console, "_force_terminal", True)
    monkeypatch.setattr(console, "is_interactive", True)
    monkeypatch.setenv("TERM", "xterm")
    with busy("[/b]\x1b]0;one\x07") as say:
        say("[/b]\x1b]0;two\x07")
        console.print("between")
    assert r"[/b]\x1b]0;two\x07" in file.getvalue() and "\x1b]0;" not in file.getvalue()


def test_printable_keeps_what_is():
    assert printable("a b\u00a0c — 7,5 µs") == "a b\u00a0c — 7,5 µs"


LONG = "stage4_block23_a_name_that_is_longer_than_a_narrow_terminal_is_wide.tflite"


@pytest.mark.parametrize("width", [1, 20, 40, 80, 120])
def test_a_narrow_terminal_gets_every_name_and_number_in_full(width):
    numbers = [Column(name, right=True) for name in ("parameters", "multiply-accumulates", "ms")]
    table = Table(
        "layer",
        "kind",
        *numbers,
        "",
        title=f"all of {LONG}",
        caption=f"so much for {LONG}",
        footer=["sum", "", "9,999,999", "", "", ""],
    )
    cells = [(LONG, "Conv2D", "117,600", "1,234,567,890", "0.1234"), ("牛", "Dense", "", "7", "")]
    for row in cells:
        table.add(*row, styled("ok", "green"))
    shown = printed(table, width=width)
    words = shown.split()
    for row in (*cells, ("sum", "9,999,999"), ("parameters", "multiply-accumulates")):
        assert all(cell in words for cell in row if cell)
    assert words.count("ok") == 2 and words.count(LONG) == 3
    assert "…" not in shown
    for line in shown.splitlines():  # only a cell that is longer than the terminal stands out
        assert len(line) <= width or len(line.replace("all of ", "").split()) <= 4


def test_columns_of_a_folded_table_stand_below_each_other():
    table = Table("file", Column("median ms", right=True), Column("ratio", right=True))
    table.add("model_float32.tflite", "0.1", "1.00")
    table.add("model.onnx", "10.25", "102.50")
    assert printed(table, width=32).splitlines() == [
        "file                  median ms",
        "   ratio",
        "model_float32.tflite        0.1",
        "    1.00",
        "model.onnx                10.25",
        "  102.50",
    ]


def test_a_pipe_gets_the_whole_width():
    table = Table("name", Column("number", right=True))
    table.add(LONG, "117,600")
    shown = printed(table, width=40, terminal=False).splitlines()
    assert f"│ {LONG} │ 117,600 │" in shown
    assert len({len(line) for line in shown}) == 1
