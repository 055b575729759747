"""Where a file will run, and what it costs there: measured, counted, modelled, or whether at all.

A lane is a runtime or a machine. Each runs a file in a process of its own, and gives no figure of
one that crashes there or whose outputs differ from those of the runtime that verified it.
"""

from .lane import Figure, Lane, Options, Placement, Probe
from .measuring import LANES, available, chosen, measure, record

__all__ = [
    "Lane",
    "Probe",
    "Placement",
    "Figure",
    "Options",
    "LANES",
    "available",
    "chosen",
    "measure",
    "record",
]
