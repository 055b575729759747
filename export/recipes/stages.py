"""The stages of a recipe: which keys each takes, and which of them go together."""

from fnmatch import fnmatch
from math import ceil
from typing import Annotated, Literal

from pydantic import Field, model_validator

from kerascnn.config import Count, Section
from kerascnn.errors import required


class Teaching(Section):
    """The float network that the run trained teaches: its answers beside the labels.

    temperature: of both softmaxes. weight: of its answers; the labels have the rest
    (arXiv:1503.02531).
    """

    temperature: float = Field(default=4.0, gt=0)
    weight: float = Field(default=0.9, ge=0, le=1)


class FineTune(Section):
    """Epochs of training with the run's own data and optimizer, on a cosine from `peak` to zero.

    distillation: how the network of the run teaches; None without a teacher.
    """

    epochs: Count
    peak: float = Field(gt=0)
    distillation: Teaching | None = None


def _refuse_teaching(stage):
    if stage.engine == "tfmot" and stage.fine_tune and stage.fine_tune.distillation:
        raise ValueError("'fine_tune.distillation' needs 'engine: native'")


class Pruning(Section):
    """Magnitude pruning to `sparsity`, which rises between `begin` and `end` of the fine-tuning.

    schedule: "polynomial", or "constant": all of it from `begin` on. pattern: "unstructured", or
    "2:4", two zeros in every four weights in a row along the input channels. engine: "native", or
    "tfmot" (tensorflow-model-optimization; pip install kerascnn[tfmot]), which makes the zeros of
    "2:4" all at once, whatever the schedule. exclude: shell patterns of layer names that stay
    dense; `kerascnn sensitivity` suggests them.
    """

    engine: Literal["native", "tfmot"] = "native"

    sparsity: float = Field(gt=0, lt=1)
    begin: float = Field(default=0.0, ge=0, lt=1)
    end: float = Field(default=0.7, gt=0, le=1)
    schedule: Literal["polynomial", "constant"] = "polynomial"
    pattern: Literal["unstructured", "2:4"] = "unstructured"
    exclude: tuple[str, ...] = ()
    fine_tune: FineTune

    @model_validator(mode="after")
    def _begin_before_end(self):
        _refuse_teaching(self)
        if self.begin >= self.end and self.schedule != "constant":
            raise ValueError("'begin' must be smaller than 'end'")
        if self.pattern == "2:4" and self.sparsity != 0.5:
            raise ValueError("'2:4' is a sparsity of 0.5")
        return self

    @property
    def sparse_from(self) -> int:
        """The first epoch of the fine-tuning, from 0, that begins with all of the zeros."""
        reached = self.begin if self.schedule == "constant" else self.end
        return min(ceil(reached * self.fine_tune.epochs), self.fine_tune.epochs - 1)


Criterion = Literal["gamma", "l1", "l2", "taylor"]


class Slimming(FineTune):
    """Training with strength x |gamma| of every batch normalization in the loss."""

    strength: float = Field(default=1e-4, gt=0)


class Channels(Section):
    """Channel removal down to a share of the multiply-accumulates, or of the latency on a lane.

    macs: that share of the multiply-accumulates. latency: that of the time which the file takes on
    `lane` (as `kerascnn doctor` lists them), int8 where the recipe quantizes to that. criterion:
    what tells the channels that matter (see `channel_criteria`). multiple_of: widths shrink to
    multiples of this; for a latency, those of 16 and of 8 are tried. slimming: a training before
    the removal, which the criterion gamma needs to tell anything.
    """

    criterion: Criterion = "taylor"
    macs: float | None = Field(default=None, gt=0, lt=1)
    latency: float | None = Field(default=None, gt=0, lt=1)
    lane: str | None = None
    multiple_of: Count | None = None
    slimming: Slimming | None = None
    fine_tune: FineTune

    @model_validator(mode="after")
    def _one_target(self):
        if (self.macs is None) == (self.latency is None):
            raise ValueError("expected either 'macs' or 'latency'")
        if self.latency is None and self.lane is not None:
            raise ValueError("'lane' goes with 'latency'")
        if self.latency is not None and self.multiple_of is not None:
            raise ValueError("'multiple_of' goes with 'macs'")
        return self

    @property
    def measured_on(self) -> str:
        """The lane of `latency`."""
        return self.lane or "litert"


class Clustering(Section):
    """Weight sharing: each kernel takes only `clusters` values, or 2^`bits` of them.

    dense: the same number for Dense layers, where it is another one (Deep Compression takes 8 bits
    for convolutions and 5 for dense layers). layers: shell patterns of layer names and the number
    for these; the first that fits a name counts. engine: "native", or "tfmot". Where a kernel was
    pruned, zero is one of the values. exclude: shell patterns of layer names that stay as they
    are. The fine-tuning moves a value by the sum of its weights' gradients, so its `peak` is
    small: about a fiftieth of what the same network is trained with.
    """

    engine: Literal["native", "tfmot"] = "native"
    clusters: int | None = Field(default=None, ge=2, le=256)
    bits: int | None = Field(default=None, ge=1, le=8)
    dense: int | None = Field(default=None, ge=1, le=256)
    layers: dict[str, Annotated[int, Field(ge=1, le=256)]] = Field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    fine_tune: FineTune

    @model_validator(mode="after")
    def _clusters_or_bits(self):
        _refuse_teaching(self)
        if (self.clusters is None) == (self.bits is None):
            raise ValueError("write either 'clusters' or 'bits'")
        for name, number in {"dense": self.dense, **self.layers}.items():
            low, high = (1, 8) if self.bits else (2, 256)
            if number is not None and not low <= number <= high:
                unit = "bits" if self.bits else "clusters"
                raise ValueError(f"{name}: write {low} to {high} {unit}")
        if self.engine == "tfmot" and (self.dense or self.layers):
            raise ValueError("'dense' and 'layers' need 'engine: native'")
        return self

    def values(self, name: str, *, dense: bool = False) -> int:
        """How many values the kernel of a layer may take, by its name and whether it is Dense."""
        number = self.dense if dense and self.dense else self.clusters or self.bits or 0
        number = next((n for p, n in self.layers.items() if fnmatch(name, p)), number)
        return 2**number if self.bits else number


Ranges = Literal["extremes", "percentile", "least_squares"]


class Calibration(Section):
    """Activation ranges start from so many training images, not augmented, drawn by `seed`.

    Not augmented, since a file sees whole images: the black border of a shifted crop would widen
    ranges by what never comes. Where there are fewer training images, all of them.
    ranges: up to the extremes, or narrower by `ranges.narrow_ranges` (qat and static only).
    """

    images: Count = 512
    seed: int = Field(default=0, ge=0)
    ranges: Ranges = "extremes"


SIMULATED = ("qat", "static")  # int8 that is rounded in Keras first, for all formats alike
CALIBRATED = (*SIMULATED, "int16x8")


class Quantization(Section):
    """How weights and activations get fewer bits.

        qat        int8 throughout, and training with that rounding
        static     int8 throughout, rounded as in qat, with calibrated ranges and no training
        dynamic    weights int8; activations rounded to 8 bits as they come, in .tflite only
        float16    weights in half precision, computed with in float
        int16x8    weights int8, activations int16, in .tflite only

    per_channel: a scale an output channel, else one a tensor (qat and static only; the others
    have what the converter gives them). fine_tune: of qat, and of nothing else. calibration: of
    those whose activations have ranges, None of the others.
    equalize, correct_biases: see `equalization` and `bias_correction`. exclude: shell patterns of
    the names of layers that stay float. These three are for qat and static of the native engine.
    frozen_statistics: of qat, the share of the fine-tuning, at its end, in which batch
    normalizations keep their statistics and train by them, as they will run.
    engine: of qat, "native" or "tfmot" (tensorflow-model-optimization; pip install
    kerascnn[tfmot]). Both keep the zeros and the shared values that earlier stages made; tfmot
    calls that PQAT, CQAT and PCQAT, and keeps few values in each output channel, whose scales
    differ, not in a whole kernel.
    """

    engine: Literal["native", "tfmot"] = "native"
    method: Literal["qat", "static", "dynamic", "float16", "int16x8"] = "qat"
    per_channel: bool = True
    equalize: bool = False
    correct_biases: bool = False
    exclude: tuple[str, ...] = ()
    frozen_statistics: float = Field(default=0.3, ge=0, le=1)
    calibration: Calibration | None = None
    fine_tune: FineTune | None = None

    @model_validator(mode="before")
    @classmethod
    def _calibration_by_default(cls, tree):
        if isinstance(tree, dict) and tree.get("method", "qat") in CALIBRATED:
            return {"calibration": {}, **tree}
        return tree

    @model_validator(mode="after")
    def _native_engine_distils(self):
        _refuse_teaching(self)
        return self

    @model_validator(mode="after")
    def _method_takes(self):
        method = self.method
        if method == "qat" and self.fine_tune is None:
            raise ValueError("'method: qat' trains: the key 'fine_tune' is missing")
        if method != "qat" and self.fine_tune:
            raise ValueError(f"'method: {method}' trains nothing: leave out 'fine_tune'")
        if method != "qat" and self.engine != "native":
            raise ValueError(f"'engine: {self.engine}' is a way of 'method: qat'")
        if self.engine == "tfmot" and not self.per_channel:
            raise ValueError("'per_channel: false' needs 'engine: native'")
        if method not in SIMULATED and not self.per_channel:
            raise ValueError("'per_channel: false' needs 'method: qat' or 'method: static'")
        narrows = self.calibration is not None and self.calibration.ranges != "extremes"
        for key, given in (
            ("equalize", self.equalize),
            ("correct_biases", self.correct_biases),
            ("exclude", self.exclude),
            ("ranges", narrows),
        ):
            if given and self.engine == "tfmot":
                raise ValueError(f"{key!r} needs 'engine: native'")
            if given and method not in SIMULATED:
                raise ValueError(f"{key!r} needs 'method: qat' or 'method: static'")
        if method in CALIBRATED and self.calibration is None:
            raise ValueError(f"'method: {method}' needs ranges: leave out 'calibration: null'")
        if method not in CALIBRATED and self.calibration:
            raise ValueError(f"'method: {method}' has no ranges: leave out 'calibration'")
        return self

    @property
    def frozen_from(self) -> int:
        """The epoch, counted from 0, from which on the statistics are frozen."""
        epochs = required(self.fine_tune).epochs
        return epochs - round(self.frozen_statistics * epochs)
