"""The sections `optimizer` and `training` of a config."""

from typing import Literal

from pydantic import Field, model_validator

from kerascnn.config.section import Count, Section


class Schedule(Section):
    """The learning rate: `warmup` epochs of linear rise to `peak`, then

    steps: times `factor` at each of `epochs`. cosine: half a cosine down to zero at the last
    step. plateau: times `factor` whenever the validation loss has not improved for `patience`
    epochs. constant: `peak`.
    """

    name: Literal["constant", "steps", "cosine", "plateau"] = "constant"
    peak: float = Field(gt=0)
    warmup: float = Field(0, ge=0)
    factor: float = Field(0.1, gt=0, lt=1)
    epochs: tuple[float, ...] = ()
    patience: Count = 10

    @model_validator(mode="after")
    def _epochs_belong_to_steps(self):
        if (self.name == "steps") != bool(self.epochs):
            raise ValueError(
                "'epochs' is the list of drops of the schedule 'steps', and of no other"
            )
        return self


class OptimizerConfig(Section):
    """Stochastic gradient descent with momentum.

    weight_decay acts on kernels only, never on biases or normalization. By default it is the L2
    term of the papers, added to the gradient; `decoupled: true` shrinks the weights by
    learning rate x weight_decay instead (Loshchilov & Hutter, arXiv:1711.05101).
    """

    name: Literal["sgd"] = "sgd"
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: float = Field(0.0, ge=0)
    decoupled: bool = False
    schedule: Schedule


class TrainingConfig(Section):
    """precision: the Keras dtype policy. xla: compile the step with XLA.

    distribute: "mirrored" (TensorFlow, all devices of this machine), "data_parallel" (JAX, all
    devices of all workers), "auto" (what the backend has, where there is more than one device), or
    "none". The batch is what all devices take together.
    """

    epochs: Count
    seed: int = Field(0, ge=0, lt=2**32)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    xla: bool = False
    distribute: Literal["none", "auto", "mirrored", "data_parallel"] = "none"
