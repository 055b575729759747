"""How fast `kerascnn.train` steps, against a bare TensorFlow loop with its fused normalization.

    python -m benchmarks.train_step [--rounds 7] [--steps 25] [--precision float32 mixed_bfloat16]

ResNet-8 on made-up images of CIFAR-10's size, SGD with momentum and L2 decay, all cores. Three take
turns in one process, round by round, on one batch that lies in memory: the bare loop (tf.nn and one
tf.function a step: no metrics, nothing but gradient and update), what `train` compiles and fits,
and the same without the fused normalization. A round is so many steps on the clock; what Keras does
between them counts. The table has the milliseconds of a step, on the wall's clock and summed over
the cores, median over the rounds, and our speed as a part of the bare loop's: median, least and
most of the ratios within a round. On a machine that others use, look at the cores. Measured on two
cores that others used, 7 rounds of 25 steps, speed by the cores: float32 0.977 (0.93 to 1.03), with
Keras' own normalization 0.789; mixed_bfloat16 0.996 (0.95 to 1.12) and 0.605.
"""

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from benchmarks.ratios import Ratio, spread
from benchmarks.tables import show
from kerascnn.config import SGDConfig
from kerascnn.models import build
from kerascnn.training.callbacks import Finite
from kerascnn.training.fused_normalization import fused_normalization
from kerascnn.training.objective import Objective
from kerascnn.training.optimizers import make_optimizer

CLOCKS = {"wall": time.perf_counter, "cores": time.process_time}
WANTED = {"float32": 0.97, "mixed_bfloat16": 0.95}
RATE, MOMENTUM, DECAY, EPSILON = 0.01, 0.9, 2e-4, 1e-5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--batch", type=int, default=128)
    precisions = ["float32", "mixed_bfloat16"]
    parser.add_argument("--precision", nargs="+", default=precisions, choices=precisions)
    options = parser.parse_args()
    rows = []
    for precision in options.precision:
        times = compared(precision, options.batch, options.rounds, options.steps)
        bare = next(iter(times.values()))
        rows += [_row(precision, name, own, bare) for name, own in times.items()]
    show(f"training steps of ResNet-8, batch {options.batch}", rows)


def ratios() -> list[Ratio]:
    """Our speed over the bare loop's, in processor time, float32 and mixed_bfloat16."""
    found = []
    for precision, wanted in WANTED.items():
        times = compared(precision, batch=128, rounds=7, steps=25)
        bare, own = times["bare TensorFlow, fused"]["cores"], times["kerascnn"]["cores"]
        title = f"training step of resnet8, {precision}"
        note = f"{statistics.median(own):.0f} ms over {statistics.median(bare):.0f}"
        ratio = spread(bare, own)  # speeds are the inverse of times
        found.append(Ratio(title, "bare TensorFlow loop", *ratio, wanted, speed=True, note=note))
    return found


def compared(
    precision: str, batch: int, rounds: int, steps: int
) -> dict[str, dict[str, list[float]]]:
    """loop -> clock -> milliseconds a step, one figure a round: the bare loop first."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, 32, 32, 3)).astype(np.float32)
    labels = rng.integers(0, 10, batch).astype(np.int32)
    batches = tf.data.Dataset.from_tensors((images, labels)).cache().repeat()
    racers = {
        "bare TensorFlow, fused": bare_loop(batches, precision),
        "kerascnn": fitted(batches, precision, fused=True),
        "kerascnn, Keras' own normalization": fitted(batches, precision, fused=False),
    }
    for run in racers.values():
        run(5)  # traces, and lets the thread pools grow
    times = {name: {clock: [] for clock in CLOCKS} for name in racers}
    for _ in range(rounds):
        for name, run in racers.items():
            started = {clock: read() for clock, read in CLOCKS.items()}
            run(steps)
            for clock, read in CLOCKS.items():
                times[name][clock].append((read() - started[clock]) * 1e3 / steps)
    return times


def _row(precision, name, own, bare):
    row = {"precision": precision, "loop": name}
    for clock in CLOCKS:
        ratios = [one / other for one, other in zip(bare[clock], own[clock], strict=True)]
        row[f"ms, {clock}"] = f"{statistics.median(own[clock]):.1f}"
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        row[f"speed, {clock}"] = f"{statistics.median(ratios):.3f} ({spread})"
    return row


def fitted(batches: tf.data.Dataset, precision: str, *, fused: bool) -> Callable[[int], None]:
    """What `train` compiles and fits; the returned function runs so many steps."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    model = build("resnet8")
    keras.config.set_dtype_policy(before)
    objective = Objective(model)
    schedule = {"name": "constant", "peak": RATE}
    chosen = SGDConfig(momentum=MOMENTUM, weight_decay=DECAY, schedule=schedule)
    variables = model.trainable_variables
    optimizer = make_optimizer(chosen, variables, steps_per_epoch=1, epochs=1)
    objective.compile(optimizer, jit_compile=False)

    def run(steps):
        with fused_normalization(model) if fused else contextlib.nullcontext():
            objective.fit(
                batches,
                epochs=1,
                steps_per_epoch=steps,
                callbacks=[Finite("")],
                shuffle=False,
                verbose=0,
            )

    return run


def bare_loop(batches: tf.data.Dataset, precision: str) -> Callable[[int], None]:
    """ResNet-8 in tf.nn, in a loop of one's own; the returned function runs so many steps."""
    network = Bare(tf.bfloat16 if precision == "mixed_bfloat16" else tf.float32)
    iterator = iter(batches)
    network.logits(next(iterator)[0])  # makes the variables
    momenta = [tf.Variable(tf.zeros_like(v)) for v in network.trained]

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, network.logits(images))
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, network.trained)
        for variable, momentum, gradient in zip(network.trained, momenta, gradients, strict=True):
            if len(variable.shape) > 1:
                gradient += DECAY * variable
            momentum.assign(MOMENTUM * momentum - RATE * gradient)
            variable.assign_add(momentum)
        return loss

    def run(steps):
        for _ in range(steps):
            loss = step(*next(iterator))
        assert np.isfinite(loss)

    return run


class Bare:
    """The layers of ResNet-8 as plain functions over variables; the first call makes these.

    dtype: of the activations.
    """

    def __init__(self, dtype: tf.DType) -> None:
        self.dtype, self.trained, self.moving = dtype, [], []
        self.made, self.used = False, 0

    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """(batch, 32, 32, 3) -> (batch, 10), float32."""
        self.used = self.statistics = 0
        x = self.normalized(self.conv(tf.cast(images, self.dtype), 16, 3, 1))
        for filters, strides in ((16, 1), (32, 2), (64, 2)):
            y = self.normalized(self.conv(x, filters, 3, strides))
            y = self.normalized(self.conv(y, filters, 3, 1), relu=False)
            shortcut = x if strides == 1 else self.conv(x, filters, 1, strides)
            x = tf.nn.relu(y + shortcut)
        x = tf.reduce_mean(x, [1, 2])
        kernel, bias = self.weight([64, 10], 0.1), self.weight([10])
        self.made = True
        return tf.cast(x @ tf.cast(kernel, self.dtype), tf.float32) + bias

    def weight(self, shape: list[int], deviation: float = 0.0) -> tf.Variable:
        """The next trained variable."""
        if not self.made:
            self.trained.append(tf.Variable(tf.random.normal(shape, stddev=deviation)))
        self.used += 1
        return self.trained[self.used - 1]

    def conv(self, x: tf.Tensor, filters: int, size: int, strides: int) -> tf.Tensor:
        """(batch, H, W, C) -> (batch, H/strides, W/strides, filters), with a bias."""
        fan_in = size * size * x.shape[-1]
        kernel = self.weight([size, size, x.shape[-1], filters], (2 / fan_in) ** 0.5)
        x = tf.nn.conv2d(x, tf.cast(kernel, self.dtype), strides, "SAME")
        return tf.nn.bias_add(x, tf.cast(self.weight([filters]), self.dtype))

    def normalized(self, x: tf.Tensor, *, relu: bool = True) -> tf.Tensor:
        """Batch normalization in training, its moving statistics, and a ReLU."""
        channels = x.shape[-1]
        if not self.made:
            self.moving += [tf.Variable(tf.zeros(channels)), tf.Variable(tf.ones(channels))]
        gamma, beta = self.weight([channels]) + 1.0, self.weight([channels])
        x, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=EPSILON)
        for moving, now in zip(self.moving[self.statistics :], (mean, variance), strict=False):
            moving.assign(0.9 * moving + 0.1 * now)
        self.statistics += 2
        return tf.nn.relu(x) if relu else x


if __name__ == "__main__":
    main()
