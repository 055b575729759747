"""A recipe says how a trained network becomes an artifact. Its name decodes.

pruned50_qat_wi8_ai8: half of the weights zero, then quantization-aware training, weights int8,
activations int8.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

import kerascnn
from kerascnn.config import Section, parse, read_yaml
from kerascnn.errors import UserError, unknown


class FineTune(Section):
    """Epochs of training with the run's own data and optimizer, on a cosine from `peak` to zero."""

    epochs: int = Field(ge=1)
    peak: float = Field(gt=0)


class Pruning(Section):
    """Magnitude pruning to `sparsity`, which rises between `begin` and `end` of the fine-tuning.

    exclude: shell patterns of layer names that stay dense.
    """

    sparsity: float = Field(gt=0, lt=1)
    begin: float = Field(0.0, ge=0, lt=1)
    end: float = Field(0.7, gt=0, le=1)
    exclude: tuple[str, ...] = ()
    fine_tune: FineTune

    @model_validator(mode="after")
    def _begin_before_end(self):
        if self.begin >= self.end:
            raise ValueError("'begin' must be smaller than 'end'")
        return self


class Quantization(Section):
    """Quantization-aware training. per_channel: a scale an output channel, else one a tensor."""

    method: Literal["qat"] = "qat"
    per_channel: bool = True
    fine_tune: FineTune


class Recipe(Section):
    """name: also the folder of the compressed model within its run.

    artifact: files are called model_{artifact}.tflite and .onnx. max_drop: the accuracy that an
    artifact may lose against the trained model on the validation images, in points.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    artifact: str = Field("float32", pattern=r"^[a-z0-9_]+$")
    pruning: Pruning | None = None
    quantization: Quantization | None = None
    max_drop: float = Field(1.0, ge=0)

    @property
    def compresses(self):
        return self.pruning is not None or self.quantization is not None


def folders():
    """Where recipes are looked up by name: the wheel's copy of configs/, or the checkout's."""
    package = Path(kerascnn.__file__).parent
    candidates = (package / "configs" / "export", package.parent / "configs" / "export")
    return [folder for folder in candidates if folder.is_dir()]


def load_recipe(name):
    """Reads a recipe by the path of its YAML file, or by the name of one that ships.

    Raises:
        UserError: unknown name (with its neighbour), unknown key, value of a wrong type.
    """
    path = Path(name)
    if not path.exists():
        shipped = {p.stem: p for folder in folders() for p in folder.glob("*.yaml")}
        if path.suffix in (".yaml", ".yml"):
            raise UserError(f"no such file: {path}")
        if name not in shipped:
            raise unknown("recipe", name, shipped)
        path = shipped[name]
    return parse(Recipe, read_yaml(path), path)
