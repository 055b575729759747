"""The terminal: what the verbs say goes to `console`, one line of error to `complaints`.

Names of files, classes and layers come from outside and may hold anything. Both consoles make
every string printable and know no markup, so that a verb prints what it has; style is put on with
`styled`. No other file imports the means of rich to go around that (tests/test_structure.py).
"""

import contextlib
import csv
import json
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.status import Status
from rich.text import Text

from kerascnn.errors import Notice, printable


def styled(text: str, style: str) -> Text:
    """Returns text from anywhere as rich's `Text` in a style, as "green" or "bold"."""
    return Text(printable(text), style)


class Console(RichConsole):
    """A console that takes strings as they are: one line each, without markup or emoji codes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, soft_wrap=True, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """As in rich; every string comes through here, also those in tables."""
        options.update(markup=False, emoji=False)
        return super().render_str(printable(text, self.encoding), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """As in rich; `Text` that was made elsewhere comes through here too, line by line."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                lines = (printable(line, self.encoding) for line in segment.text.split("\n"))
                yield Segment("\n".join(lines), segment.style)


console = Console()
complaints = Console(stderr=True, highlight=False)


@contextlib.contextmanager
def notices() -> Iterator[None]:
    """Prints each `Notice` of the block as a line; other warnings go where they went before."""
    with warnings.catch_warnings():
        shown = warnings.showwarning
        warnings.simplefilter("always", Notice)

        def show(message, category, *place, **options):
            if issubclass(category, Notice):
                console.print(f"  {message}", highlight=False)
            else:
                shown(message, category, *place, **options)

        warnings.showwarning = show
        yield


def print_json(value: Any) -> None:
    """Prints figures as JSON, in ASCII, on standard output.

    Args:
        value: what JSON knows, dataclasses, paths, NumPy's numbers and arrays, in any nesting. A
            number that is not finite becomes null: JSON has none.
    """
    sys.stdout.write(json.dumps(_plain(value), indent=2) + "\n")


def print_csv(rows: Sequence[Any]) -> None:
    """Prints figures as CSV (RFC 4180) in UTF-8, a line of names first.

    Args:
        rows: mappings or dataclasses, of what `print_json` takes. Columns are the names in all of
            them, in their order. A list or mapping in a cell is written as JSON, a number that is
            not there or not finite as nothing.
    """
    rows = [_plain(row) for row in rows]
    names = dict.fromkeys(name for row in rows for name in row)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])


def _cell(value):
    if isinstance(value, list | dict):
        return json.dumps(value)
    return printable(value, sys.stdout.encoding or "utf-8") if isinstance(value, str) else value


def _plain(value):
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if hasattr(value, "tolist"):  # of NumPy
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, PurePath) else value


@contextlib.contextmanager
def busy(text: str) -> Iterator[Callable[[str], None]]:
    """Shows what is going on while the block runs, where a terminal watches.

    Yields:
        A function that takes what is going on now.
    """
    with Status(styled(text, ""), console=console) as status:
        yield lambda now: status.update(styled(now, ""))


@contextlib.contextmanager
def muted(descriptor: int = 2) -> Iterator[None]:
    """Silences what C++ libraries write to a file descriptor; Python's exceptions still pass."""
    stream = {1: sys.stdout, 2: sys.stderr}[descriptor]
    stream.flush()
    kept = os.dup(descriptor)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, descriptor)
        yield
    finally:
        stream.flush()
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(nowhere)


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Inside, TensorFlow and absl log errors alone; a script's own levels come back behind it."""
    import logging

    loggers = [logging.getLogger(name) for name in ("absl", "tensorflow")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def start_tensorflow(*, feeds_only: bool = False) -> None:
    """Imports TensorFlow without its greetings; its warnings stay off for this process.

    feeds_only: it loads images for another backend, to which it leaves the graphics cards.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with muted():
        import tensorflow as tf
        from absl import logging

        logging.set_verbosity(logging.ERROR)

        tf.get_logger().setLevel("ERROR")
        if feeds_only:
            tf.config.set_visible_devices([], "GPU")
        tf.constant(0)  # looks for devices, which has greetings of its own
