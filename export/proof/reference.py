"""What an artifact must agree with: the model that was converted, on the samples of its subject."""

from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np

from kerascnn.errors import UserError
from kerascnn.evaluation import predictions
from kerascnn.models.graph import functional

from ..integer_form.graph import Graph
from ..integer_form.operations import PASS_THROUGH
from ..quantization.fake_quant import FakeQuant
from ..quantization.quantized_layers import is_int8
from ..quantization.rules import float_islands
from ..recipes.recipe import Recipe
from ..subject.subject import Subject
from .checks import in_steps
from .steadiness import strayed

AS_IT_IS = Recipe(name="as_it_is")  # of a model that is converted without a recipe


@dataclass(frozen=True)
class Reference:
    """subject: whose samples are used. model: what was converted: the subject's own model, or that
    with its int8 rounding simulated. recipe: what made the one out of the other."""

    subject: Subject
    model: keras.Model
    recipe: Recipe = AS_IT_IS

    @cached_property
    def simulates(self) -> bool:
        """Whether the model rounds as an int8 file does."""
        return is_int8(self.model)

    @cached_property
    def float_layers(self) -> list[str]:
        """The layers of a simulation that compute in float."""
        return float_islands(self.model) if self.simulates else []

    @cached_property
    def inputs(self) -> list[np.ndarray]:
        """The samples as the model is given them; where it rounds an input, already rounded.

        So the file can be given the integers of just these numbers.
        """
        found = []
        rounders = input_rounders(self.model)
        for x, rounder in zip(self.subject.samples.inputs, rounders, strict=True):
            found.append(x if rounder is None else keras.ops.convert_to_numpy(rounder(x)))
        return found

    @cached_property
    def outputs(self) -> list[np.ndarray]:
        """What the model gives, an array an output."""
        if self.model is self.subject.model and not self.simulates:
            return self.subject.outputs
        return predictions(self.model, self.inputs)

    @cached_property
    def steps(self) -> list[float | None]:
        """The quantization step of each output of a simulation; None where it does not round."""
        return output_steps(self.model)

    @cached_property
    def strayed(self) -> list[np.ndarray]:
        """How many steps each output moves where sums change their order; see `steadiness`."""
        steps = [step or 1.0 for step in self.steps]
        return strayed(self.model, self.inputs, self.outputs, steps)

    def as_taken(self, ends: list[dict]) -> list[np.ndarray]:
        """The samples as an artifact with these inputs takes them, in the order of its inputs."""
        names = [x.name for x in functional(self.model).inputs]
        if len(ends) != len(names):
            raise UserError(f"{self.subject.name}: takes {len(names)} inputs, the file {len(ends)}")
        given = dict(zip(names, zip(self.inputs, self.subject.pixels, strict=True), strict=True))
        if set(given) != {end["name"] for end in ends}:  # of another model: in their order
            given = dict(zip((end["name"] for end in ends), given.values(), strict=True))
        return [as_taken(given[end["name"]][0], end, given[end["name"]][1]) for end in ends]


def as_taken(values: np.ndarray, end: dict, pixels: bool) -> np.ndarray:
    """Values as one input of an artifact takes them: pixels as bytes, floats by its scale."""
    if end["dtype"] == "float32":
        return values.astype("float32")
    if pixels or end["scale"] is None:
        shift = 128 if end["dtype"] == "int8" else 0
        return (values.astype("int16") - shift).astype(end["dtype"])
    return in_steps(values, end).astype(end["dtype"])


def input_rounders(model: keras.Model) -> list[FakeQuant | None]:
    """What rounds each input of a simulation of int8; None for pixels, and for a float model."""
    graph = Graph(functional(model))
    found = []
    for x in functional(model).inputs:
        consumers = [node.operation for node in graph.consumers.get(id(x), ())]
        rounds = len(consumers) == 1 and isinstance(consumers[0], FakeQuant)
        found.append(consumers[0] if rounds else None)
    return found


def output_steps(model: keras.Model) -> list[float | None]:
    """The step of each output of a model that simulates int8; None where it is float."""
    flat = functional(model)
    graph = Graph(flat)
    found = []
    for x in flat.outputs:
        node = graph.producer(x, PASS_THROUGH)
        rounder = node.operation if node is not None else None
        rounds = isinstance(rounder, FakeQuant)
        found.append(float(rounder.maximum - rounder.minimum) / 255 if rounds else None)
    return found
