"""A recipe says how a trained network becomes an artifact. Its name decodes (`recipe_name`).

pruned50_qat_wi8_ai8: half of the weights zero, then quantization-aware training, weights int8,
activations int8.
"""

from pathlib import Path

from pydantic import Field, model_validator

import kerascnn
from kerascnn.config import Section, parse, read_yaml
from kerascnn.errors import UserError, unknown

from .stages import Channels, Clustering, Pruning, Quantization


class Recipe(Section):
    """name: also the folder of the compressed model within its run.

    artifact: files are called model_{artifact}.tflite and .onnx; by default as the recipe.
    max_drop: the accuracy that an artifact may lose against the trained model on the validation
    images, in points. container: `kerascnn compress` also leaves the shared weights in a file of
    Huffman codes, and says its size.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    artifact: str = Field(default="", pattern=r"^[a-z0-9_]+$")
    channels: Channels | None = None
    pruning: Pruning | None = None
    clustering: Clustering | None = None
    quantization: Quantization | None = None
    container: bool = False
    max_drop: float = Field(default=1.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _files_called_as_the_recipe(cls, tree):
        if isinstance(tree, dict) and "name" in tree:
            return {"artifact": tree["name"], **tree}
        return tree

    @model_validator(mode="after")
    def _shared_values_stay(self):
        if self.clustering and self.quantization and self.quantization.equalize:
            raise ValueError("'equalize' would pull the shared values of 'clustering' apart")
        return self

    @model_validator(mode="after")
    def _container_of_shared_weights(self):
        if self.container and not self.clustering:
            raise ValueError("'container' needs the section 'clustering'")
        return self

    @property
    def method(self) -> str | None:
        """The method of the quantization, or None."""
        return self.quantization.method if self.quantization else None

    @property
    def leaves_float(self) -> bool:
        """Whether layers of an int8 network stay float because the recipe says so."""
        return bool(self.quantization and self.quantization.exclude)

    @property
    def compresses(self) -> bool:
        """Whether a stage trains, which is what `compress` is for."""
        stages = (self.channels, self.pruning, self.clustering)
        return self.method == "qat" or any(stage is not None for stage in stages)


def folders() -> list[Path]:
    """Where recipes are looked up by name: the wheel's copy of configs/, or the checkout's."""
    package = Path(kerascnn.__file__).parent
    candidates = (package / "configs" / "export", package.parent / "configs" / "export")
    return [folder for folder in candidates if folder.is_dir()]


def shipped_recipes() -> dict[str, Path]:
    """name -> the path of its YAML file."""
    return {p.stem: p for folder in folders() for p in folder.glob("*.yaml")}


def load_recipe(name: Recipe | Path | str) -> Recipe:
    """Reads a recipe by the path of its YAML file, or by the name of one that ships.

    One that is a `Recipe` already is given back.

    Raises:
        UserError: unknown name (with its neighbour), unknown key, value of a wrong type.
    """
    if isinstance(name, Recipe):
        return name
    path = Path(name)
    if not path.exists():
        shipped = shipped_recipes()
        if path.suffix in (".yaml", ".yml"):
            raise UserError(f"no such file: {path}")
        if str(name) not in shipped:
            raise unknown("recipe", name, shipped)
        path = shipped[str(name)]
    return parse(Recipe, read_yaml(path), path)
