"""kerascnn: Keras 3 models in, verified edge artifacts out."""

from kerascnn.errors import UserError
from kerascnn.models import build, models

__version__ = "0.1.0"
__all__ = ["UserError", "build", "models"]
