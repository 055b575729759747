"""Claims of the literature, tried again at small scale: one YAML file in claims/ each.

An experiment says the claim, who made it, and what they report; the arms, which differ in the one
thing that the claim is about; what is measured of each; and which arm should come below which. The
rest is done once for all: every arm is trained for every seed, as `kerascnn.train` does, and the
figures become a verdict, a table and a plot.

Names are imported when they are first used.
"""

from importlib import import_module

_HOMES = {
    "config": ("Experiment", "experiment_names", "read_experiment"),
    "measures": ("MEASURES", "Outcome"),
    "plots": ("experiment_figure",),
    "result": ("Result",),
    "running": ("run_experiment",),
    "statistics": ("Summary", "compared", "summary", "verdict"),
    "tables": ("experiment_table", "figures"),
}
__all__ = [name for names in _HOMES.values() for name in names]


def __getattr__(name):
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
