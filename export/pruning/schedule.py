"""When zeros come: the callback that prunes while a model is trained."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascnn.console import console
from kerascnn.errors import UserError, unknown
from kerascnn.models.graph import kernel_variable

from ..constraints.kernels import (
    Held,
    chosen_layers,
    forget_step,
    own_constraint,
    sparsity,
    zeros_of,
)
from ..constraints.zeros import Mask
from .magnitude import kept

SCHEDULES = ("polynomial", "constant")
PATTERNS = ("unstructured", "2:4")
OF_FOUR = 0.5  # the share of zeros that the pattern 2:4 is


def polynomial_sparsity(progress: float, target: float, begin: float, end: float) -> float:
    """The sparsity at `progress` (0..1 of training): 0 at begin, `target` from end on (eq. 1)."""
    if progress < begin:
        return 0.0
    left = 1 - min(1.0, (progress - begin) / (end - begin))
    return target * (1 - left**3)


class Pruning(keras.callbacks.Callback):
    """Zeroes the smallest weights of each kernel, more and more of them, while a model is fitted.

        pruner = export.Pruning(model, sparsity=0.5)
        model.fit(data, epochs=10, callbacks=[pruner])

    Zeros stay: weights that are zero at the beginning, as those of a pruned model that was loaded,
    and those of this training in any `fit` that follows in the same program. Hence what picks the
    best epoch (EarlyStopping, ModelCheckpoint with save_best_only) is best given to a second `fit`,
    whose epochs all have the zeros; in this one it may pick an epoch before they had come. One
    line says so where the weights end with fewer; for that this callback stands last in the list.

    Args:
        model: what will be fitted, or a part of it, compiled or not. The constraint of a kernel is
            followed by ours; `export.strip` gives a model without.
        sparsity: the share of zeros in each kernel at the end, 0..1; 0.5 for the pattern "2:4".
        steps: batches of the whole training; by default `fit` says how many.
        begin, end: where in the training, 0..1, the sparsity starts to rise and reaches its target.
        schedule: "polynomial", or "constant": the whole target from `begin` on.
        pattern: "unstructured", or "2:4" (see `two_of_four`).
        exclude: shell patterns of the names of layers that stay dense.

    Raises:
        UserError: an unknown schedule, pattern or layer, a share or time outside 0..1, a model
            without convolution or dense layer; in `fit`, data of a length that nobody knows.
    """

    UPDATES = 50  # masks are chosen anew this often between begin and end

    def __init__(
        self,
        model: keras.Model,
        sparsity: float,
        steps: int | None = None,
        *,
        begin: float = 0.0,
        end: float = 0.7,
        schedule: str = "polynomial",
        pattern: str = "unstructured",
        exclude: Sequence[str] = (),
    ) -> None:
        super().__init__()
        if schedule not in SCHEDULES:
            raise unknown("schedule", schedule, SCHEDULES)
        if pattern not in PATTERNS:
            raise unknown("pattern", pattern, PATTERNS)
        if not 0 <= sparsity < 1:
            raise UserError(
                f"sparsity: expected a share of zeros from 0 to below 1, got {sparsity}"
            )
        if pattern == "2:4" and sparsity != OF_FOUR:
            raise UserError(f"sparsity: the pattern '2:4' is a sparsity of 0.5, got {sparsity}")
        if not 0 <= begin < 1 or (schedule == "polynomial" and not begin < end <= 1):
            raise UserError(f"expected 0 <= begin < end <= 1, got begin {begin} and end {end}")
        if steps is not None and steps < 1:
            raise UserError(f"steps: expected batches of the whole training, got {steps}")
        self.layers = chosen_layers(model, exclude)
        for layer in self.layers:
            variable = kernel_variable(layer)
            if isinstance(variable.constraint, Held) and not isinstance(variable.constraint, Mask):
                raise UserError(
                    f"{layer.name}: shares its values; prune first and cluster what that leaves"
                )
            if not isinstance(variable.constraint, Mask):
                variable.constraint = Mask(np.ones(variable.shape), own_constraint(variable))
        self.target, self.steps, self.begin, self.end = sparsity, steps, begin, end
        self.constant, self.in_fours = schedule == "constant", pattern == "2:4"

    @property
    def reached(self) -> bool:
        """Whether the weights have as many zeros as was asked for."""
        return all(
            np.count_nonzero(weights) <= np.count_nonzero(self._kept(layer, weights, self.target))
            for layer, weights in self._kernels()
        )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.each_epoch = self.params.get("steps")
        epochs = self.params.get("epochs")
        self.total = self.steps or (self.each_epoch and epochs and self.each_epoch * epochs)
        if not self.total:
            raise UserError(
                "pruning: how many batches an epoch has is not known of these data; give "
                "Pruning(..., steps=epochs * batches), or fit(..., steps_per_epoch=batches)"
            )
        share = 0 if self.constant else self.end - self.begin
        self.every = max(1, round(self.total * share / self.UPDATES))
        self.step, self.latest, self.current = 0, None, None
        # A step that was traced before the constraints were there does not know of them. That of
        # JAX keeps the masks it was traced with.
        self.by_hand = keras.backend.backend() == "jax"
        self.zeros = self.checked = False
        forget_step(self.model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.before = epoch * self.each_epoch if self.each_epoch else self.step
        self.step = self.before
        self._choose_if_due()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.step = self.before + batch + 1
        if self.zeros and not self.checked:
            self._check()
        if self.by_hand:
            self._hold()
        self._choose_if_due()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._hold()  # also where something else than the optimizer has moved them

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._hold()  # averages of weights over time (use_ema) have come in after the last step
        if self.by_hand:
            forget_step(self.model)  # the next one is traced with the masks as they are now
        if not self.reached:
            found = sparsity(self.model)
            console.print(
                f"  pruning: {found:.1%} of the weights are zero at the end, {self.target:.1%} "
                "were asked for: it ended, or went back to an epoch, before; fit on for them"
            )

    def _sparsity(self, step):
        progress = step / self.total
        if self.constant:
            return self.target if progress >= self.begin else 0.0
        return polynomial_sparsity(progress, self.target, self.begin, self.end)

    def _choose_if_due(self):
        """Chooses the masks anew where the training has come past the next time for it."""
        latest = self.total if self.step >= self.total else self.step - self.step % self.every
        if latest == self.latest:
            return
        self.latest = latest
        wanted = self._sparsity(latest)
        if wanted == self.current:
            return
        self.current = wanted
        for layer, weights in self._kernels():
            mask = kernel_variable(layer).constraint.keep
            held = ops.convert_to_numpy(mask) * ~zeros_of(weights)
            keep = held * self._kept(layer, weights * held, wanted)
            self.zeros = self.zeros or not keep.all()
            mask.assign(keep)
            kernel_variable(layer).assign(weights * keep)

    def _kept(self, layer, weights, share):
        return kept(layer, np.abs(weights), share, in_fours=self.in_fours)

    def _check(self):
        """Whether the step keeps zeros; where not, as in one that its owner traced, we do."""
        self.checked = True
        for layer, weights in self._kernels():
            keep = ops.convert_to_numpy(kernel_variable(layer).constraint.keep)
            self.by_hand = self.by_hand or bool(weights[keep == 0].any())

    def _hold(self):
        self._sync()
        for layer in self.layers:
            variable = kernel_variable(layer)
            variable.assign(variable * ops.cast(variable.constraint.keep, variable.dtype))

    def _kernels(self):
        """(layer, weights) of each layer that is pruned."""
        self._sync()
        return [(layer, ops.convert_to_numpy(kernel_variable(layer))) for layer in self.layers]

    def _sync(self):
        if hasattr(self.model, "jax_state_sync"):  # JAX holds the weights elsewhere in a training
            self.model.jax_state_sync()
