"""The zoo: one paper, one file. Importing this package registers every network."""

from kerascnn.models import (
    lenet,
    mlperf_tiny,
    resnet,
    resnet_cifar,
    resnet_v2,
    resnext,
    stochastic_depth,
    wide_resnet,
)
from kerascnn.models.registry import Row, Variant, build, models, register, row, variant

__all__ = [
    "Row", "Variant", "build", "models", "register", "row", "variant",
    "lenet", "mlperf_tiny", "resnet", "resnet_cifar", "resnet_v2", "resnext", "stochastic_depth",
    "wide_resnet",
]  # fmt: skip
