"""The optimizer of a config and its learning-rate schedules. Every Keras backend."""

import keras
from keras import ops

from kerascnn.errors import UserError


@keras.saving.register_keras_serializable(package="kerascnn")
class SGD(keras.optimizers.SGD):
    """SGD with momentum and the papers' L2 term: gradient + l2 x weight, kernels only.

    Keras' own `weight_decay` is the decoupled one, which is ten times weaker under momentum 0.9.
    """

    def __init__(self, *args, l2=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.l2 = l2

    def update_step(self, gradient, variable, learning_rate):
        if self.l2 and is_kernel(variable):
            gradient = gradient + ops.cast(variable, gradient.dtype) * self.l2
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "l2": self.l2}


def is_kernel(variable):
    """Whether weight decay acts on it: not on biases, nor on normalization's gamma and beta."""
    return len(variable.shape) > 1


@keras.saving.register_keras_serializable(package="kerascnn")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise over `warmup_steps` to the first value of `then`, which follows."""

    def __init__(self, then, warmup_steps):
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

    def get_config(self):
        then = keras.saving.serialize_keras_object(self.then)
        return {"then": then, "warmup_steps": self.warmup_steps}

    @classmethod
    def from_config(cls, config):
        then = keras.saving.deserialize_keras_object(config["then"])
        return cls(then, config["warmup_steps"])


def learning_rate(schedule, *, steps_per_epoch, epochs):
    """The learning rate of a `Schedule`: a number, or a Keras schedule over steps."""
    warmup = round(schedule.warmup * steps_per_epoch)
    total = epochs * steps_per_epoch - warmup
    if total <= 0:
        raise UserError(f"a warm-up of {schedule.warmup} epochs leaves none of {epochs} to train")
    built_in = keras.optimizers.schedules
    if schedule.name == "plateau":
        return schedule.peak  # the callbacks move it
    if schedule.name == "cosine":
        rate = built_in.CosineDecay(schedule.peak, total)
    elif schedule.name == "constant":
        rate = built_in.PolynomialDecay(schedule.peak, total, schedule.peak)
    else:
        drops = [round(e * steps_per_epoch) - warmup for e in schedule.epochs]
        if drops[0] <= 0:
            raise UserError(f"the first drop, epoch {schedule.epochs[0]}, is within the warm-up")
        values = [schedule.peak * schedule.factor**i for i in range(len(drops) + 1)]
        rate = built_in.PiecewiseConstantDecay([float(d) for d in drops], values)
    return WarmUp(rate, warmup) if warmup else rate


def make_optimizer(config, variables, *, steps_per_epoch, epochs):
    """Makes the optimizer of an `OptimizerConfig` for these trainable variables."""
    rate = learning_rate(config.schedule, steps_per_epoch=steps_per_epoch, epochs=epochs)
    decay = config.weight_decay
    optimizer = SGD(
        rate,
        config.momentum,
        config.nesterov,
        weight_decay=decay if config.decoupled and decay else None,
        l2=0.0 if config.decoupled else decay,
    )
    optimizer.exclude_from_weight_decay([v for v in variables if not is_kernel(v)])
    return optimizer
