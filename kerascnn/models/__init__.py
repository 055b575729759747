"""The zoo: one paper, one file. Importing this package registers every network."""

from kerascnn.models import (
    densenet,
    fractalnet,
    lenet,
    mlperf_tiny,
    mobilenet_v1,
    mobilenet_v2,
    resnet,
    resnet_cifar,
    resnet_v2,
    resnext,
    shufflenet_v1,
    shufflenet_v2,
    stochastic_depth,
    wide_resnet,
    xception,
)
from kerascnn.models.registry import Row, Variant, build, models, register, row, variant

__all__ = [
    "Row", "Variant", "build", "models", "register", "row", "variant",
    "densenet", "fractalnet", "lenet", "mlperf_tiny", "mobilenet_v1", "mobilenet_v2", "resnet",
    "resnet_cifar", "resnet_v2", "resnext", "shufflenet_v1", "shufflenet_v2", "stochastic_depth",
    "wide_resnet", "xception",
]  # fmt: skip
