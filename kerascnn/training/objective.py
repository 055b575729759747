"""What a training minimizes: a network with its loss, the averages of its weights, its teacher.

Everything is inside the compiled step, on every Keras backend: nothing runs in Python step by step.
"""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from kerascnn.errors import UserError, unknown
from kerascnn.models.graph import functional
from kerascnn.training.distillation import Distillation
from kerascnn.training.losses import LOSSES, Accuracy, BatchMean, mean_iou
from kerascnn.training.variables import by_path

MAIN = "head_logits"  # the output that counts, where a network has auxiliary heads, too


class Objective(keras.Model):
    """The layers of `network`, with what is minimized.

    Labels are (batch,) integers or (batch, classes) shares, or (batch, height, width) integers for
    a network that gives logits a pixel, which is measured by mean IoU too. In training the loss is
    that of the main head with smoothed labels, the weighted losses of the auxiliary heads, the
    regularizers', and what a teacher adds; in validation that of the main head on the labels as
    they are.

    Args:
        network: functional; gives logits, or a dict of them, whose "head_logits" is the main head.
        loss: a name of `LOSSES`. smoothing: of labels.
        auxiliary: name of an output -> its weight, for every auxiliary head.
        averaged: None, or the decay of the averages of all weights and statistics, as
            tf.train.ExponentialMovingAverage has it: min(averaged, (1 + step) / (10 + step)).
        distillation: of the main head; None without a teacher.

    Raises:
        UserError: weights for other heads than the network has.
    """

    def __init__(
        self,
        network: keras.Model,
        *,
        loss: str = "cross_entropy",
        smoothing: float = 0.0,
        auxiliary: Mapping[str, float] | None = None,
        averaged: float | None = None,
        distillation: Distillation | None = None,
    ) -> None:
        heads = heads_of(network)
        self._refuse_other_heads(network, heads, auxiliary or {})
        maps = distillation.maps if distillation else {}
        outputs = {**heads, **{f"map {name}": tensor for name, tensor in maps.items()}}
        several = len(outputs) > 1
        inputs = functional(network).input
        super().__init__(inputs, outputs if several else heads[MAIN], name=network.name)
        self.network, self.distillation = network, distillation
        self.teacher = distillation.teacher if distillation else None
        self.label_loss, self.smoothing = LOSSES[loss], smoothing
        self.auxiliary = dict(auxiliary or {})
        self.batch_mean, self.accuracy = BatchMean(), Accuracy()
        shape = heads[MAIN].shape
        self.mean_iou = mean_iou(shape[-1]) if len(shape) == 4 else None
        self.decay = averaged
        self.averages: list[Any] = []
        if averaged is not None:
            self.averages = [average_of(v) for v in network.weights]
            self.averaged_steps = keras.Variable(
                0, trainable=False, dtype="int32", aggregation="only_first_replica", name="steps"
            )

    @staticmethod
    def _refuse_other_heads(network, heads, auxiliary):
        for name in auxiliary:
            if name not in heads or name == MAIN:
                raise unknown(f"auxiliary head of {network.name}", name, {*heads} - {MAIN})
        if missing := {*heads} - {MAIN, *auxiliary}:
            raise UserError(
                f"{network.name}: its auxiliary heads need a weight in the loss: "
                f"{', '.join(sorted(missing))}"
            )

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The mean over a batch; in training the averages of the weights move on, too."""
        logits = main(y_pred)
        if not training:
            each = self.label_loss(y, logits)
            return self.batch_mean(each, each, sample_weight)
        each = self.label_loss(y, logits, self.smoothing)
        if self.distillation:
            maps = {name: y_pred[f"map {name}"] for name in self.distillation.maps}
            told = self.distillation.loss(x, logits, maps)
            each = (1 - self.distillation.weight) * each + told
        for name, weight in self.auxiliary.items():
            each = each + weight * self.label_loss(y, y_pred[name], self.smoothing)
        total = self.batch_mean(each, each, sample_weight)
        if self.losses:  # of regularizers, which Keras sums
            total = total + super().compute_loss(x, y, logits, sample_weight, training)
        if self.decay is not None:
            self._average()
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        self.accuracy.update_state(y, main(y_pred), sample_weight)
        if self.mean_iou is not None:
            self.mean_iou.update_state(y, main(y_pred), sample_weight)
        return self.get_metrics_result()

    def _average(self):
        """Moves the averages by the weights that this step began with and its statistics."""
        step = ops.cast(self.averaged_steps.value, "float32")
        self.averaged_steps.assign(self.averaged_steps.value + 1)
        share = 1 - ops.minimum(self.decay, (1 + step) / (10 + step))
        for average, weight in zip(self.averages, self.network.weights, strict=True):
            new = ops.cast(ops.stop_gradient(weight.value), average.dtype)
            average.assign(average.value + ops.cast(share, average.dtype) * (new - average.value))

    def swap_averages(self) -> None:
        """Exchanges the weights of the network and their averages, if there are any."""
        for average, weight in zip(self.averages, self.network.weights, strict=False):
            kept = ops.convert_to_numpy(weight)
            weight.assign(ops.convert_to_numpy(average))
            average.assign(kept)

    def state(self) -> dict[str, Any]:
        """name -> variable, of what a training keeps beside the network and the optimizer."""
        if self.decay is None:
            return {}
        paths = {id(variable): name for name, variable in by_path(self.network.weights).items()}
        named = zip(self.averages, self.network.weights, strict=True)
        return {
            "average steps": self.averaged_steps,
            **{f"average/{paths[id(weight)]}": average for average, weight in named},
        }

    def save(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Saves the network alone."""
        self.network.save(filepath, overwrite, **kwargs)


def average_of(variable: Any) -> Any:
    """A variable for the average of another, which it begins with."""
    value = ops.convert_to_numpy(variable)
    return keras.Variable(
        value, trainable=False, dtype=variable.dtype, aggregation="mean", name="average"
    )


def main(outputs: Any) -> Any:
    """The logits of the main head."""
    return outputs[MAIN] if isinstance(outputs, dict) else outputs


def heads_of(network: keras.Model) -> dict[str, Any]:
    """name -> Keras tensor of logits, "head_logits" first; UserError where there is no such one."""
    outputs = functional(network).output
    if not isinstance(outputs, dict):
        if len(network.outputs) > 1:
            raise UserError(f"{network.name}: expected one output, got {len(network.outputs)}")
        return {MAIN: network.outputs[0]}
    if MAIN not in outputs:
        raise UserError(f"{network.name}: has no output {MAIN!r} among {', '.join(outputs)}")
    return {MAIN: outputs[MAIN], **outputs}


def without_auxiliary(network: keras.Model) -> keras.Model:
    """The network with its main head alone; itself, if it has no other."""
    heads = heads_of(network)
    if len(heads) == 1:
        return network
    return keras.Model(network.inputs[0], heads[MAIN], name=network.name)


def refuse_other_outputs(
    network: keras.Model, name: str, asked: tuple[int, int, int], targets: str
) -> None:
    """UserError where a network gives a class a pixel for targets an image, or the other way round.

    Args:
        name: what messages call the network.
        asked: (height, width, classes) of the masks. targets: of the data, "classes" or "masks".
    """
    given = tuple(heads_of(network)[MAIN].shape[1:])
    if targets == "classes":
        if len(given) > 1:
            raise UserError(
                f"{name}: gives a class a pixel; say data.targets: masks, or take a network that "
                "gives a class an image"
            )
    elif len(given) == 1:
        raise UserError(
            f"{name}: gives a class an image, and data.targets is masks; take a network that gives "
            "a class a pixel, as unet_bn"
        )
    elif given != asked:
        maps, images = ("x".join(map(str, shape[:2])) for shape in (given, asked))
        raise UserError(
            f"{name}: gives maps of {maps} for images of {images}, and masks are as large as the "
            "images; take unet_bn, and sides that its levels halve evenly"
        )
