"""The optimizer of a config and its learning-rate schedules. Every Keras backend."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from kerascnn.config import OptimizerConfig, Schedule
from kerascnn.errors import UserError

if TYPE_CHECKING:
    Mixed = keras.optimizers.Optimizer
else:
    Mixed = object


class KernelL2(Mixed):
    """Gives an optimizer of Keras the papers' L2 term: gradient + l2 x weight, kernels only.

    Keras' own `weight_decay` is the decoupled one, which is ten times weaker under momentum 0.9.
    """

    l2 = 0.0

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if self.l2 and is_kernel(variable):
            gradient = gradient + ops.cast(variable, gradient.dtype) * self.l2
        super().update_step(gradient, variable, learning_rate)


def is_kernel(variable: Any) -> bool:
    """Whether weight decay acts on it: not on biases, nor on normalization's gamma and beta."""
    return len(variable.shape) > 1


@keras.saving.register_keras_serializable(package="kerascnn")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise over `warmup_steps` to the first value of `then`, which follows."""

    def __init__(
        self, then: keras.optimizers.schedules.LearningRateSchedule, warmup_steps: int
    ) -> None:
        self.then = then
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rise = self.then(0) * (step + 1) / self.warmup_steps
        return ops.where(
            step < self.warmup_steps,
            rise,
            self.then(ops.maximum(step - self.warmup_steps, 0)),
        )

    def get_config(self) -> dict[str, Any]:
        then = keras.saving.serialize_keras_object(self.then)
        return {"then": then, "warmup_steps": self.warmup_steps}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WarmUp":
        then = keras.saving.deserialize_keras_object(config["then"])
        return cls(then, config["warmup_steps"])


@keras.saving.register_keras_serializable(package="kerascnn")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """From `start` to `peak` in `rising_steps`, then to `end` at `steps`, each on half a cosine."""

    def __init__(
        self, peak: float, start: float, end: float, rising_steps: int, steps: int
    ) -> None:
        self.peak, self.start, self.end = peak, start, end
        self.rising_steps, self.steps = rising_steps, steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        falling = max(1, self.steps - self.rising_steps)
        up = ops.minimum(step / self.rising_steps, 1.0)
        down = ops.clip((step - self.rising_steps) / falling, 0.0, 1.0)
        rising = self.start + (self.peak - self.start) * (1 - ops.cos(math.pi * up)) / 2
        return ops.where(
            step < self.rising_steps,
            rising,
            self.end + (self.peak - self.end) * (1 + ops.cos(math.pi * down)) / 2,
        )

    def get_config(self) -> dict[str, Any]:
        return dict(vars(self))


def learning_rate(
    schedule: Schedule, *, steps_per_epoch: int, epochs: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate of a `Schedule`: a number, or a Keras schedule over steps.

    A training that ends within its warm-up ends there.
    """
    total = epochs * steps_per_epoch
    if schedule.name == "one_cycle":
        rising = max(1, round(schedule.rise * total))
        start, end = (schedule.peak * share for share in (schedule.start, schedule.end))
        return OneCycle(schedule.peak, start, end, rising, total)
    if schedule.name == "plateau":
        return schedule.peak  # the callbacks move it
    warmup = round(schedule.warmup * steps_per_epoch)
    rate = _after_warmup(schedule, warmup, max(1, total - warmup), steps_per_epoch)
    return WarmUp(rate, warmup) if warmup else rate


def _after_warmup(schedule, warmup, steps, steps_per_epoch):
    built_in, peak = keras.optimizers.schedules, schedule.peak
    if schedule.name == "constant":
        return built_in.PolynomialDecay(peak, steps, peak)
    if schedule.name == "cosine":
        return built_in.CosineDecay(peak, steps, min(1.0, schedule.end / peak))
    if schedule.name == "polynomial":
        return built_in.PolynomialDecay(peak, steps, schedule.end, schedule.power)
    if schedule.name == "exponential":
        every = max(1, round(schedule.every * steps_per_epoch))
        return built_in.ExponentialDecay(peak, every, schedule.factor, schedule.staircase)
    drops = [round(e * steps_per_epoch) - warmup for e in schedule.epochs]
    if drops[0] <= 0:
        raise UserError(f"the first drop, epoch {schedule.epochs[0]}, is within the warm-up")
    values = [peak * schedule.factor**i for i in range(len(drops) + 1)]
    return built_in.PiecewiseConstantDecay([float(d) for d in drops], values)


KINDS = {
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "nadam": keras.optimizers.Nadam,
    "adamax": keras.optimizers.Adamax,
    "lion": keras.optimizers.Lion,
    "lamb": keras.optimizers.Lamb,
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adafactor": keras.optimizers.Adafactor,
    "ftrl": keras.optimizers.Ftrl,
    "muon": keras.optimizers.Muon,
}
OURS = {"name", "schedule", "weight_decay", "decoupled"}  # all else goes to Keras' as it is


def make_optimizer(
    config: OptimizerConfig, variables: Sequence[Any], *, steps_per_epoch: int, epochs: int
) -> keras.optimizers.Optimizer:
    """Makes the optimizer of an `OptimizerConfig` for these trainable variables."""
    rate = learning_rate(config.schedule, steps_per_epoch=steps_per_epoch, epochs=epochs)
    kind = KINDS[config.name]
    arguments = config.model_dump(exclude=OURS)
    arguments["weight_decay"] = config.weight_decay if config.decoupled else None
    if config.name == "muon":
        arguments["exclude_layers"] = list(arguments.pop("adam_layers"))
        arguments["adam_weight_decay"] = arguments["weight_decay"]
    optimizer = type(kind.__name__, (KernelL2, kind), {})(rate, **arguments)
    optimizer.l2 = 0.0 if config.decoupled else config.weight_decay
    optimizer.exclude_from_weight_decay([v for v in variables if not is_kernel(v)])
    return optimizer
