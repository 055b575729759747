"""The zoo: one paper, one file. Importing this package registers every network."""

from kerascnn.models import lenet, mlperf_tiny, resnet
from kerascnn.models.registry import Row, Variant, build, models, register, row, variant

__all__ = [
    "Row", "Variant", "build", "lenet", "mlperf_tiny", "models", "register", "resnet", "row", "variant",
]  # fmt: skip
