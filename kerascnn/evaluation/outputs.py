"""What a loaded model answers; a model may be well formed and still fail when it runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kerascnn.config import Config
from kerascnn.console import quiet_tensorflow
from kerascnn.errors import UserError

if TYPE_CHECKING:
    import keras


class TrainedRun(Protocol):
    """What evaluation asks of a run; a `kerascnn.training.Run` has it.

    path: its folder. config, facts: its config.yaml and run.json. labels: the classes, in order.
    model: raw pixels -> logits.
    """

    @property
    def path(self) -> Path: ...

    @property
    def config(self) -> Config: ...

    @property
    def facts(self) -> dict[str, Any]: ...

    @property
    def labels(self) -> list[str]: ...

    def model(self) -> "keras.Model": ...


def outputs_of(
    model: "keras.Model", inputs: Any, source: object, *, batch_size: int | None = None
) -> Any:
    """The outputs of a model on inputs, an array or a dataset, as `model.predict` gives them.

    source: what messages call it, the path of its file.

    Raises:
        UserError: the model cannot be run on these inputs.
    """
    try:
        with quiet_tensorflow():  # it counts the models that are traced as one that is retraced
            return model.predict(inputs, batch_size=batch_size, verbose=0)
    except Exception as error:  # of Keras, of its backend, of a layer's own code
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0][:200] if lines else type(error).__name__
        raise UserError(f"{source}: loads, but cannot be run: {reason}") from None


def logits_of(run: TrainedRun, inputs: np.ndarray) -> np.ndarray:
    """Logits of the model of a run, (n, classes), on raw pixels; UserError where it gives none."""
    path, classes = run.path / "model.keras", len(run.labels)
    found = outputs_of(run.model(), inputs, path)
    if np.shape(found)[1:] != (classes,):
        raise UserError(
            f"{path}: expected outputs of (n, {classes}), one a label of run.json, got "
            f"{np.shape(found)}; train the run again"
        )
    return found


def predictions(
    model: "keras.Model",
    inputs: Sequence[np.ndarray],
    *,
    source: object = None,
    batch_size: int = 64,
) -> list[np.ndarray]:
    """The outputs of a model for an array an input, (n, ...): an array an output, float32.

    Integers are given as the floats that a Keras model computes with. source: what messages call
    the model, as the path of its file; by default its name.

    Raises:
        UserError: the model cannot be run on these inputs.
    """
    import keras

    from kerascnn.models.graph import packed

    given = packed(model, [np.asarray(x, "float32") for x in inputs])
    outputs = outputs_of(model, given, source or f"the model {model.name}", batch_size=batch_size)
    return [np.asarray(y, "float32") for y in keras.tree.flatten(outputs)]
