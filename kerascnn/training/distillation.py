"""Distillation: a trained network, the teacher, shows another one what it answers.

Hinton, Vinyals & Dean, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531: the
student learns the teacher's probabilities at a temperature that makes the small ones count. The
teacher sees the very batch that the student sees, augmented as it is, in inference mode.

Zagoruyko & Komodakis, "Paying More Attention to Attention", arXiv:1612.03928: where the layers of
the student look is drawn to where those of the teacher look; that takes no weights.
"""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from kerascnn.errors import UserError, unknown
from kerascnn.models.graph import functional, producer
from kerascnn.training.losses import BatchMean


class Distillation:
    """What a student's batch costs for answering otherwise than its teacher.

        weight * T^2 * KL(softmax(teacher / T) || softmax(student / T)),  T the temperature
        + feature_weight * mean of (attention of the student - attention of the teacher)^2

    to which comes 1 - weight times the loss on the labels. The gradient of the divergence is that
    of the cross-entropy with soft targets, of the paper. Attention: the mean of the squares of a
    map over its channels, divided by its norm over all positions.

    Args:
        student, teacher: functional models, of the same inputs and classes, that give logits; a
            teacher may give probabilities of a softmax. The teacher is frozen (`trainable` is
            False from here on).
        temperature: above 0. weight: of the teacher's answers against the labels, 0 to 1.
        features: name of a layer of the student -> name of a layer of the teacher whose map,
            (batch, height, width, channels), has the same height and width.
        feature_weight: of those.

    Raises:
        UserError: two networks that do not fit, a layer that is not there, numbers out of range.
    """

    def __init__(
        self,
        student: keras.Model,
        teacher: keras.Model,
        *,
        temperature: float = 4.0,
        weight: float = 0.9,
        features: Mapping[str, str] | None = None,
        feature_weight: float = 1000.0,
    ) -> None:
        if temperature <= 0 or not 0 <= weight <= 1:
            raise UserError(
                "distillation: expected a temperature above 0 and a weight from 0 to 1, got "
                f"{temperature} and {weight}"
            )
        self.temperature, self.weight = temperature, weight
        self.features, self.feature_weight = dict(features or {}), feature_weight
        _refuse_misfits(student, teacher)
        teacher.trainable = False
        self.maps = {name: map_of(student, name, "student") for name in self.features}
        pairs = {name: map_of(teacher, to, "teacher") for name, to in self.features.items()}
        for name, tensor in pairs.items():
            if self.maps[name].shape[1:-1] != tensor.shape[1:-1]:
                raise UserError(
                    f"distillation.features: {name} gives maps of {self.maps[name].shape[1:-1]}, "
                    f"{self.features[name]} of {tensor.shape[1:-1]}; take layers of the same size"
                )
        answers = {"logits": logits_of(teacher), **{f"map {k}": v for k, v in pairs.items()}}
        self.teacher = keras.Model(teacher.inputs[0], answers, trainable=False, name="teacher")

    def loss(self, x: Any, logits: Any, maps: Mapping[str, Any]) -> Any:
        """What each image costs, (batch,), without the part of the labels.

        Args:
            x: the images that the student saw. logits: its answers. maps: name -> map, of the
                layers `features` names.
        """
        answers = self.teacher(x, training=False)
        hard = ops.cast(answers["logits"], "float32") / self.temperature
        soft = ops.log_softmax(ops.cast(logits, "float32") / self.temperature)
        log_targets = ops.log_softmax(hard)
        divergence = ops.sum(ops.exp(log_targets) * (log_targets - soft), axis=-1)
        total = self.weight * self.temperature**2 * divergence
        for name in self.features:
            apart = attention(maps[name]) - attention(answers[f"map {name}"])
            total = total + self.feature_weight * ops.mean(ops.square(apart), axis=1)
        return total


class Distiller(keras.Model):
    """A student and its teacher as one model, to compile and fit like any other.

        distiller = kerascnn.Distiller(student, teacher, temperature=4.0, weight=0.9)
        distiller.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        distiller.fit(images, labels)
        student.save("student.keras")

    Args:
        student, teacher and the numbers: see `Distillation`. The loss that it is compiled with is
            the one on the labels.

    Raises:
        UserError: see `Distillation`.
    """

    def __init__(
        self,
        student: keras.Model,
        teacher: keras.Model,
        *,
        temperature: float = 4.0,
        weight: float = 0.9,
        features: Mapping[str, str] | None = None,
        feature_weight: float = 1000.0,
    ) -> None:
        super().__init__(name=f"{student.name}_distilled")
        self.student = student
        self.distillation = Distillation(
            student,
            teacher,
            temperature=temperature,
            weight=weight,
            features=features,
            feature_weight=feature_weight,
        )
        self.batch_mean = BatchMean()
        self.teacher = self.distillation.teacher
        self.seen = keras.Model(
            student.inputs[0], {"logits": student.outputs[0], **self.distillation.maps}
        )
        self.build(student.input_shape)

    def build(self, input_shape: Any) -> None:
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        """Logits; while training a dict of them and of the maps."""
        return self.seen(x, training=True) if training else self.student(x, training=False)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        if not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        on_labels = super().compute_loss(x, y, y_pred["logits"], sample_weight, training)
        told = self.distillation
        each = told.loss(x, y_pred["logits"], y_pred)
        return (1 - told.weight) * on_labels + self.batch_mean(each, each, sample_weight)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        logits = y_pred["logits"] if isinstance(y_pred, dict) else y_pred
        return super().compute_metrics(x, y, logits, sample_weight)


def attention(features: Any) -> Any:
    """Where a map looks: (batch, height, width, channels) -> (batch, height * width), norm 1."""
    energy = ops.mean(ops.square(ops.cast(features, "float32")), axis=-1)
    energy = ops.reshape(energy, (-1, energy.shape[1] * energy.shape[2]))
    return energy / ops.maximum(ops.norm(energy, axis=1, keepdims=True), 1e-12)


def logits_of(model: keras.Model) -> Any:
    """The logits of a classifier, a Keras tensor; of probabilities of a softmax their logarithms.

    Those are the logits but for a number that is the same for all classes.
    """
    last = producer(model.outputs[0])
    softmax = getattr(last, "activation", None) is keras.activations.softmax
    if softmax or isinstance(last, keras.layers.Softmax):
        return ops.log(ops.maximum(model.outputs[0], 1e-30))
    return model.outputs[0]


def map_of(model: keras.Model, name: str, whose: str) -> Any:
    """The output of a layer, (batch, height, width, channels); UserError where there is none."""
    named = {layer.name: layer for layer in functional(model).layers}
    if name not in named:
        raise unknown(f"layer of the {whose} {model.name}", name, named)
    tensor = named[name].output
    if len(getattr(tensor, "shape", ())) != 4:
        raise UserError(f"distillation.features: {name} of the {whose} gives no maps, as one needs")
    return tensor


def _refuse_misfits(student, teacher):
    for whose, model in (("student", student), ("teacher", teacher)):
        if len(functional(model).inputs) != 1 or len(model.outputs) != 1:
            raise UserError(f"distillation: the {whose} {model.name} has several inputs or outputs")
    for what, mine, theirs in (
        ("inputs", student.input_shape[1:], teacher.input_shape[1:]),
        ("outputs", student.output_shape[1:], teacher.output_shape[1:]),
    ):
        if any(a != b for a, b in zip(mine, theirs, strict=False) if None not in (a, b)) or len(
            mine
        ) != len(theirs):
            raise UserError(
                f"distillation: the student {student.name} has {what} of {mine}, the teacher "
                f"{teacher.name} of {theirs}; they have to be the same"
            )
