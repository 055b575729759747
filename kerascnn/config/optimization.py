"""The sections `loss`, `distillation` and `training` of a config."""

from typing import Annotated, Literal

from pydantic import Field

from kerascnn.config.section import Count, Section

Distribute = Literal["none", "auto", "mirrored", "data_parallel"]


class LossConfig(Section):
    """What is minimized on the labels.

    name: cross_entropy, or hinge (Weston & Watkins, ESANN 1999). smoothing: the part of a label
    that is spread over all classes (arXiv:1512.00567, section 7). auxiliary: name of an auxiliary
    head -> its weight; None stands for the weights of the network's paper.
    """

    name: Literal["cross_entropy", "hinge"] = "cross_entropy"
    smoothing: float = Field(default=0.0, ge=0, lt=1)
    auxiliary: dict[str, Annotated[float, Field(ge=0)]] | None = None


class DistillationConfig(Section):
    """A teacher whose answers are learned beside the labels (arXiv:1503.02531).

    teacher: the folder of a run, a .keras file that takes raw pixels, or a registered network with
    `weights`, "imagenet" or a file. temperature: of both softmaxes. weight: of the teacher's
    answers; the labels have the rest. features: a layer of the student -> a layer of the teacher
    whose attention it learns (arXiv:1612.03928), with `feature_weight`.
    """

    teacher: str
    weights: str | None = None
    temperature: float = Field(default=4.0, gt=0)
    weight: float = Field(default=0.9, ge=0, le=1)
    features: dict[str, str] = Field(default={})
    feature_weight: float = Field(default=1000.0, ge=0)


class TrainingConfig(Section):
    """precision: the Keras dtype policy. xla: compile the step with XLA.

    ema: the decay of a moving average of all weights and statistics, which is then what is
    evaluated and kept; None keeps the weights themselves. It begins with smaller decays,
    (1 + step) / (10 + step), as that of tf.train.ExponentialMovingAverage.
    distribute: "mirrored" (TensorFlow, all devices of this machine), "data_parallel" (JAX, all
    devices of all workers), "auto" (what the backend has, where there is more than one device), or
    "none". The batch is what all devices take together.
    trackers: mlflow, wandb: who is told of the run, where it is installed.
    """

    epochs: Count
    seed: int = Field(default=0, ge=0, lt=2**32)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    xla: bool = False
    ema: float | None = Field(default=None, gt=0, lt=1)
    distribute: Distribute = "none"
    trackers: tuple[Literal["mlflow", "wandb"], ...] = ()
