"""Checkpoints that training goes on from: a .keras file, and in its archive what Keras leaves out.

Keras puts an optimizer's state back by position, and without the loss scaling of mixed_float16;
it keeps neither averages of weights, nor the random states of dropouts, nor what constraints
remember, as the masks of a pruning. So this archive has a member more, an .npz: the epoch, and
these, each by its name.

Variables of two models are matched by their paths, never by their position in a list.
"""

import io
import zipfile
from pathlib import Path

import keras
import numpy as np

from kerascnn.errors import UserError
from kerascnn.files import readable_file
from kerascnn.training.objective import Objective
from kerascnn.training.run import MOST_BYTES, load_finite
from kerascnn.training.variables import add_named, by_path, numbered

MEMBER = "training_state.npz"


def save_checkpoint(objective: Objective, path: Path, *, epoch: int, steps: int) -> None:
    """Saves the network of an `Objective` after so many epochs, of so many steps each."""
    objective.save(path)
    state = io.BytesIO()
    arrays = {name: keras.ops.convert_to_numpy(v) for name, v in _state(objective).items()}
    np.savez(state, epoch=epoch, steps=steps, **arrays)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(MEMBER, state.getvalue())


def restore(objective: Objective, path: Path, *, steps: int) -> int:
    """Puts everything that a checkpoint holds into a compiled `Objective`.

    Args:
        objective: built and compiled as the one that was saved. path: what `save_checkpoint` wrote.
        steps: of an epoch; the checkpoint must have been written by a training of as many.

    Returns:
        The number of epochs that were done.

    Raises:
        UserError: no checkpoint, or one of another training. The weights are as it was then.
    """
    arrays = _read_state(path)
    epoch = int(arrays.pop("epoch"))
    wanted = _state(objective)
    saved = by_path(load_finite(path).weights)
    ours = by_path(objective.network.weights)
    if (before := int(arrays.pop("steps"))) != steps:
        raise UserError(
            f"{path}: was trained on epochs of {before} steps, the data gives {steps}; "
            "remove it to begin anew"
        )
    for mine, theirs in ((ours, saved), (wanted, arrays)):
        for name, variable in mine.items():
            if name not in theirs or tuple(theirs[name].shape) != tuple(variable.shape):
                raise UserError(
                    f"{path}: {name} is missing or has another shape: a checkpoint of another "
                    "network; remove it to begin anew"
                )
    for mine, theirs in ((ours, saved), (wanted, arrays)):
        for name, variable in mine.items():
            variable.assign(theirs[name])
    return epoch


def epochs_done(path: Path) -> int:
    """How many epochs were done when a checkpoint was written; UserError where it is none."""
    return int(_read_state(path, ["epoch"])["epoch"])


def _state(objective):
    """name -> variable, of what a training has beside weights: see the module."""
    model = objective.network
    ours, found = by_path(model.weights), objective.state()
    weights = {id(variable) for variable in ours.values()}
    others = [variable for variable in model.variables if id(variable) not in weights]
    for name, variable in by_path(others).items():
        found[f"random/{name}"] = variable
    flat = {v.path.replace("/", "_"): name for name, v in ours.items()}
    for variable in objective.optimizer.variables:
        owner, _, name = variable.path.partition("/")
        # An optimizer calls what it keeps for a weight by that weight's path, flattened.
        paths = [path for path in flat if name.startswith(f"{path}_")]
        if paths:
            longest = max(paths, key=len)
            name = f"{flat[longest]}/{name[len(longest) + 1 :]}"
        add_named(found, f"optimizer/{numbered(owner)[0]}/{name}", variable)
    for name, weight in ours.items():
        for key, value in getattr(weight.constraint, "__dict__", {}).items():
            if isinstance(value, keras.Variable):
                add_named(found, f"constraint/{name}/{key}", value)
    return found


def _read_state(path, names=None):
    """name -> array, those of `names` or all that a checkpoint holds beside its model."""
    path = readable_file(path, most=MOST_BYTES)
    try:
        with zipfile.ZipFile(path) as archive:
            member = io.BytesIO(archive.read(MEMBER))
        with np.load(member, allow_pickle=False) as stored:
            return {name: stored[name] for name in names or stored.files}
    except KeyError:
        raise UserError(
            f"{path}: holds no state of an optimizer to go on with; remove it to begin anew"
        ) from None
    except Exception as error:  # zip and npz raise a dozen kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: cannot be resumed from: {reason}") from None
