"""The optimizers of a config: the section `optimizer`, each with the arguments that Keras' takes.

The defaults are the papers' or Keras'; a run's config.yaml spells all of them.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from kerascnn.config.schedules import Schedule
from kerascnn.config.section import Section, named

Decay = Annotated[float, Field(ge=0, lt=1)]  # of a moving average
Small = Annotated[float, Field(ge=0)]


class OptimizerConfig(Section):
    """What every optimizer takes.

    weight_decay acts on kernels only, never on biases or normalization. It is the L2 term of the
    papers, added to the gradient, or, `decoupled`, shrinks the weights by learning rate x
    weight_decay instead (Loshchilov & Hutter, arXiv:1711.05101). clipnorm, clipvalue,
    global_clipnorm: the largest norm of the gradient of a weight, its largest value, or the
    largest norm of all gradients together; one of them at most. They clip the gradient of the
    loss, before the L2 term comes to it.
    """

    name: str
    schedule: Schedule
    weight_decay: float = Field(default=0.0, ge=0)
    decoupled: bool = False
    clipnorm: float | None = Field(default=None, gt=0)
    clipvalue: float | None = Field(default=None, gt=0)
    global_clipnorm: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _clips_one_way(self):
        given = [k for k in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(self, k)]
        if len(given) > 1:
            raise ValueError(f"gradients are clipped in one way: {' or '.join(given)}")
        return self


class SGDConfig(OptimizerConfig):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"] = "sgd"
    momentum: Decay = 0.9
    nesterov: bool = False


class RMSpropConfig(OptimizerConfig):
    """RMSprop; by default as Inception-v3 was trained with it (arXiv:1512.00567, section 8)."""

    name: Literal["rmsprop"] = "rmsprop"
    rho: Decay = 0.9
    momentum: Decay = 0.9
    epsilon: Small = 1.0
    centered: bool = False


class AdamConfig(OptimizerConfig):
    """Kingma & Ba, arXiv:1412.6980."""

    name: Literal["adam"] = "adam"
    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Small = 1e-7
    amsgrad: bool = False


class AdamWConfig(OptimizerConfig):
    """Adam with decoupled decay, and only that: arXiv:1711.05101."""

    name: Literal["adamw"] = "adamw"
    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Small = 1e-7
    amsgrad: bool = False
    decoupled: Literal[True] = True


class NadamConfig(OptimizerConfig):
    """Adam with Nesterov's momentum (Dozat, 2015)."""

    name: Literal["nadam"] = "nadam"
    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Small = 1e-7


class AdamaxConfig(OptimizerConfig):
    """Adam with the infinity norm, section 7 of arXiv:1412.6980."""

    name: Literal["adamax"] = "adamax"
    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Small = 1e-7


class LionConfig(OptimizerConfig):
    """Signs of the momentum: Chen et al., arXiv:2302.06675."""

    name: Literal["lion"] = "lion"
    beta_1: Decay = 0.9
    beta_2: Decay = 0.99
    decoupled: bool = True


class LambConfig(OptimizerConfig):
    """Adam with a rate a layer, for large batches: You et al., arXiv:1904.00962."""

    name: Literal["lamb"] = "lamb"
    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: Small = 1e-7
    decoupled: bool = True


class AdagradConfig(OptimizerConfig):
    """Duchi, Hazan & Singer, JMLR 12, 2011."""

    name: Literal["adagrad"] = "adagrad"
    initial_accumulator_value: Small = 0.1
    epsilon: Small = 1e-7


class AdadeltaConfig(OptimizerConfig):
    """Zeiler, arXiv:1212.5701; the paper's learning rate is 1."""

    name: Literal["adadelta"] = "adadelta"
    rho: Decay = 0.95
    epsilon: Small = 1e-7


class AdafactorConfig(OptimizerConfig):
    """Shazeer & Stern, arXiv:1804.04235."""

    name: Literal["adafactor"] = "adafactor"
    beta_2_decay: float = Field(default=-0.8, lt=0)
    epsilon_1: Small = 1e-30
    epsilon_2: Small = 1e-3
    clip_threshold: float = Field(default=1.0, gt=0)
    relative_step: bool = True


class FtrlConfig(OptimizerConfig):
    """Follow the regularized leader: McMahan et al., KDD 2013.

    Weights begin at zero, whatever initialized them: for linear classifiers.
    """

    name: Literal["ftrl"] = "ftrl"
    learning_rate_power: float = Field(default=-0.5, le=0)
    initial_accumulator_value: Small = 0.1
    l1_regularization_strength: Small = 0.0
    l2_regularization_strength: Small = 0.0
    l2_shrinkage_regularization_strength: Small = 0.0
    beta: Small = 0.0


class MuonConfig(OptimizerConfig):
    """Orthogonalized momentum for the kernels of dense layers, Adam for all else: Keras' Muon.

    adam_layers: regular expressions of the weights that Adam trains though they are matrices; the
    classifier, as its authors advise.
    """

    name: Literal["muon"] = "muon"
    momentum: Decay = 0.95
    nesterov: bool = True
    ns_steps: int = Field(default=5, ge=1, le=100)
    rms_rate: float | None = Field(default=0.2, gt=0)
    adam_beta_1: Decay = 0.9
    adam_beta_2: Decay = 0.999
    adam_lr_ratio: float = Field(default=1.0, gt=0)
    epsilon: Small = 1e-7
    adam_layers: tuple[str, ...] = ("head_logits",)
    decoupled: bool = True


Optimizer = Annotated[
    SGDConfig
    | RMSpropConfig
    | AdamConfig
    | AdamWConfig
    | NadamConfig
    | AdamaxConfig
    | LionConfig
    | LambConfig
    | AdagradConfig
    | AdadeltaConfig
    | AdafactorConfig
    | FtrlConfig
    | MuonConfig,
    Field(discriminator="name"),
    named("sgd"),
]
