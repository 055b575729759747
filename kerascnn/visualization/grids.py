"""Grids of numbers in SVG, some of it shown in turn: what `arithmetic` draws with."""

import contextlib
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

CELL, GAP, LINE = 30, 24, 20  # pixels: a cell, between grids, a line of text
TITLE = 18

STYLE = """
svg.conv { --ink: #1c2430; --line: #b8c0cc; --seen: #cfe3fb; --mark: #1b63b5; --got: #fde3b4;
  --pad: #eef1f5; font: 14px "DejaVu Sans Mono", Menlo, Consolas, monospace; color: var(--ink); }
@media (prefers-color-scheme: dark) { svg.conv { --ink: #e4e8ee; --line: #55606e; --seen: #1d3f66;
  --mark: #8cc0ff; --got: #6b4a10; --pad: #232a33; } }
svg.conv rect { fill: none; stroke: var(--line); }
svg.conv rect.pad { fill: var(--pad); stroke-dasharray: 3 3; }
svg.conv rect.seen { fill: var(--seen); stroke: var(--mark); stroke-width: 2; }
svg.conv rect.got { fill: var(--got); stroke: var(--mark); stroke-width: 2; }
svg.conv text { fill: var(--ink); text-anchor: middle; dominant-baseline: central; }
svg.conv text.faint { opacity: .35; }
svg.conv text.weight { fill: var(--mark); font-size: 9px; text-anchor: end; }
svg.conv text.title { text-anchor: start; font-family: sans-serif; font-size: 12px; }
svg.conv text.sum { text-anchor: start; }
svg.conv .frame { visibility: hidden; }
svg.conv:hover .frame { animation-play-state: paused; }
@media (prefers-reduced-motion: reduce), print { svg.conv .frame { animation: none !important; }
  svg.conv .frame.first { visibility: visible; } }
"""


class Canvas:
    """Collects the elements of an animated <svg>: what is always there, and frames.

    steps: how many frames. seconds: how long each is shown.
    """

    def __init__(self, steps: int, seconds: float) -> None:
        self.steps, self.seconds = steps, seconds
        self.parts: list[str] = []
        self.width = 0.0

    @contextlib.contextmanager
    def frame(self, step: int) -> Iterator[None]:
        """What is drawn in the block is seen in this step alone."""
        first = " first" if step == 0 else ""
        self.parts.append(
            f'<g class="frame{first}" style="animation: conv{self.steps} '
            f'{self.steps * self.seconds:g}s step-end {step * self.seconds:g}s infinite">'
        )
        yield
        self.parts.append("</g>")

    def grid(
        self,
        places: Sequence[tuple[float, float]],
        numbers: np.ndarray,
        *,
        title: str,
        outside: np.ndarray | None = None,
        faint: bool = False,
    ) -> None:
        """Draws (height, width, channels) numbers, a grid for each channel at its (x, y).

        outside: (height, width), the cells that are padding. faint: numbers that are still to come.
        """
        height, width, channels = numbers.shape
        left, top = places[0]
        self.text(left, top - TITLE / 2, title, "title")
        for channel in range(channels):
            left, top = places[channel]
            self.width = max(self.width, left + width * CELL + GAP)
            for row, column in np.ndindex(height, width):
                padding = outside is not None and outside[row, column]
                self.cell(left, top, row, column, "pad" if padding else "")
                number = f"{numbers[row, column, channel]:g}"
                looks = "faint" if faint or padding else ""
                self._number(left, top, row, column, number, looks)

    def marked(
        self,
        place: tuple[float, float],
        numbers: np.ndarray,
        rows: slice,
        columns: slice,
        weights: np.ndarray,
    ) -> None:
        """Marks the cells that a kernel sees in a grid, with their weights small in the corner.

        numbers: (height, width) of the grid. weights: one for each cell that is seen.
        """
        left, top = place
        for a, row in enumerate(range(rows.start, rows.stop, rows.step or 1)):
            for b, column in enumerate(range(columns.start, columns.stop, columns.step or 1)):
                self.cell(left, top, row, column, "seen")
                self._number(left, top, row, column, f"{numbers[row, column]:g}", "")
                x, y = left + (column + 1) * CELL - 3, top + (row + 1) * CELL - 6
                self.text(x, y, f"·{weights[a, b]:g}", "weight")

    def result(self, place: tuple[float, float], row: int, column: int, number: float) -> None:
        """Marks one cell, with its number in full ink."""
        self.cell(*place, row, column, "got")
        self._number(*place, row, column, f"{number:g}", "")

    def told(self, top: float, lines: Sequence[str]) -> None:
        """Writes lines below the grids."""
        for number, line in enumerate(lines):
            self.text(GAP, top + LINE * (number + 1), line, "sum")
            self.width = max(self.width, GAP + 8.6 * len(line) + GAP)

    def cell(self, left: float, top: float, row: int, column: int, looks: str) -> None:
        kind = f' class="{looks}"' if looks else ""
        x, y = left + column * CELL, top + row * CELL
        self.parts.append(f'<rect{kind} x="{x:g}" y="{y:g}" width="{CELL}" height="{CELL}"/>')

    def text(self, x: float, y: float, text: str, looks: str) -> None:
        kind = f' class="{looks}"' if looks else ""
        self.parts.append(f'<text{kind} x="{x:g}" y="{y:g}">{escape(text)}</text>')

    def svg(self, height: float, lines: int) -> str:
        """The element; `lines` of text stand below grids that end at `height`."""
        height += LINE * lines + GAP
        share = 100 / self.steps
        keys = f"@keyframes conv{self.steps} {{ 0% {{ visibility: visible }} "
        keys += f"{share:.4f}% {{ visibility: hidden }} 100% {{ visibility: hidden }} }}"
        return (
            f'<svg class="conv" xmlns="http://www.w3.org/2000/svg" width="{self.width:g}" '
            f'height="{height:g}" viewBox="0 0 {self.width:g} {height:g}">'
            f"<style>{STYLE}{keys}</style>{''.join(self.parts)}</svg>"
        )

    def _number(self, left, top, row, column, number, looks):
        self.text(left + (column + 0.5) * CELL, top + (row + 0.45) * CELL, number, looks)


def grid_stack(left: float, size: tuple[int, int], count: int) -> list[tuple[float, float]]:
    """The (x, y) of `count` grids of (height, width) cells, one below the other."""
    return [(left, GAP + number * (size[0] * CELL + GAP)) for number in range(count)]


def said(seen: np.ndarray, weights: np.ndarray) -> list[str]:
    """The sum of products in words, a line a channel, the last with what it makes.

    Both (height, width, channels).
    """
    lines = []
    for channel in range(seen.shape[2]):
        pairs = zip(seen[..., channel].ravel(), weights[..., channel].ravel(), strict=True)
        products = [f"{_in_brackets(v)}·{_in_brackets(w)}" for v, w in pairs]
        lines.append(("+ " if channel else "") + " + ".join(products))
    return [*lines, f"= {np.sum(seen * weights):g}"]


def _in_brackets(number):
    return f"{number:g}" if number >= 0 else f"({number:g})"
