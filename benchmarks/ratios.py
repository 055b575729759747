"""What a part of `benchmarks.performance` says: ratios of ours to what one would use instead."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Ratio:
    """Ours over the other's, of times or bytes (less is better) or of speeds (more is better).

    low, high: the spread over turns, as `spread` says; the ratio itself where there is none.
    wanted: the bound that the project has set itself. note: what else to know.
    """

    what: str
    against: str
    ratio: float
    low: float
    high: float
    wanted: float
    speed: bool = False
    note: str = ""

    @property
    def ahead(self) -> bool:
        """Whether ours is no worse than the other's: to two digits, as they are written."""
        ratio = round(self.ratio, 2)
        return ratio >= 1 if self.speed else ratio <= 1

    @property
    def reached(self) -> bool:
        """Whether it is what was wanted."""
        ratio = round(self.ratio, 2)
        return ratio >= self.wanted if self.speed else ratio <= self.wanted

    def row(self) -> dict[str, str]:
        """The ratio as a row of a table."""
        sign = ">=" if self.speed else "<="
        return {
            "what": self.what,
            "against": self.against,
            "ratio": f"{self.ratio:.2f}",
            "spread": "" if self.low == self.high else f"{self.low:.2f} to {self.high:.2f}",
            "wanted": f"{sign} {self.wanted:.2f}",
            "": "reached" if self.reached else "ahead" if self.ahead else "**not ahead**",
            "note": self.note,
        }


def spread(ours: Sequence[float], others: Sequence[float]) -> tuple[float, float, float]:
    """(ratio of the medians, least and most ratio within a turn) of figures measured in turns."""
    within = np.asarray(ours) / np.asarray(others)
    return float(np.median(ours) / np.median(others)), float(within.min()), float(within.max())
