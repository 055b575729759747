"""What a file may lose: a metric of Keras, an own function, or the accuracy of classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerascnn.errors import UserError, unknown
from kerascnn.evaluation import accuracy

from .meaning import class_numbers

# In the names of metrics that are better the smaller they are.
ERRORS = ("error", "loss", "entropy", "hinge", "poisson", "divergence", "log_cosh", "mse", "mae")
MODES = ("auto", "max", "min")


@dataclass(frozen=True)
class Metric:
    """A figure of outputs against targets.

    name: in the words of a table. compute: (outputs, targets), each a list of arrays in the order
    of the model's outputs -> a number. rises: whether more is better.
    """

    name: str
    compute: Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], float]
    rises: bool

    def lost(self, before: float, after: float) -> float:
        """What `after` is worse than `before`: in points, hundredths, where more is better; else
        in percent of `before`. Below zero where it is better."""
        if self.rises:
            return round(100 * (before - after), 6)
        return round(100 * (after - before) / max(abs(before), 1e-12), 6)

    @property
    def unit(self) -> str:
        """The words for what `lost` gives."""
        return f"points of {self.name} lost" if self.rises else f"percent more {self.name}"


def metric_of(
    metric: Any, meanings: Sequence[str | None], names: Sequence[str], mode: str = "auto"
) -> Metric | None:
    """The metric that the owner of a model names; the accuracy of its first classes by default.

    Args:
        metric: a Keras metric, the name of one, a function (targets, outputs) -> number, or a dict
            that names the output it belongs to, {"box": "mean_squared_error"}; None for accuracy.
        meanings: of the outputs. names: of the outputs.
        mode: "max" where more is better, "min" where less is; "auto" goes by the metric's name.

    Returns:
        A `Metric`; None where none is named and no output is classes.

    Raises:
        UserError: a metric, output or mode that does not exist.
    """
    if mode not in MODES:
        raise unknown("mode", mode, MODES)
    at = 0
    if isinstance(metric, dict):
        if len(metric) != 1:
            raise UserError(f"metric: expected one output and its metric, got {len(metric)}")
        ((output, metric),) = metric.items()
        if output not in names:
            raise unknown("output", output, names)
        at = list(names).index(output)
    elif "classes" in meanings:
        at = list(meanings).index("classes")
    if metric in (None, "accuracy", "acc") and meanings[at] == "classes":
        return Metric("accuracy", lambda y, t: accuracy(y[at], class_numbers(t[at])), True)
    if metric is None:
        return None
    if isinstance(metric, Metric):
        return metric
    name, compute = _computation(metric, at, len(names))
    falls = any(word in name.lower() for word in ERRORS)
    return Metric(name, compute, not falls if mode == "auto" else mode == "max")


def _computation(metric, at, count):
    if isinstance(metric, str):
        try:
            metric = keras.metrics.get(metric)
        except ValueError:
            raise UserError(
                f"unknown metric {metric!r}; expected the name of a Keras metric, one of its "
                "objects, or a function (targets, outputs) -> number"
            ) from None
    if isinstance(metric, keras.metrics.Metric):

        def updated(outputs, targets):
            metric.reset_state()
            metric.update_state(targets[at], outputs[at])
            return float(metric.result())

        return metric.name, updated
    if not callable(metric):
        raise UserError(f"metric: expected a Keras metric or a function, got {metric!r}")

    def called(outputs, targets):
        both = (targets[at], outputs[at]) if count == 1 else (list(targets), list(outputs))
        return float(np.mean(keras.ops.convert_to_numpy(metric(*both))))

    return getattr(metric, "__name__", "metric"), called
