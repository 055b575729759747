"""Checkpoints that training goes on from: a .keras file, and in its archive what Keras leaves out.

Keras puts an optimizer's state back by position, and without the loss scaling of mixed_float16;
it keeps neither averages of weights, nor the random states of dropouts, nor what constraints
remember, as the masks of a pruning. So this archive has a member more, an .npz: the epoch, and
these, each by its name.

Variables of two models are matched by their paths, never by their place in a list.
"""

import io
import re
import zipfile

import keras
import numpy as np

from kerascnn.errors import UserError
from kerascnn.files import readable_file
from kerascnn.training.run import MOST_BYTES, load_finite

MEMBER = "training_state.npz"


def save_checkpoint(objective, path, *, epoch, steps):
    """Saves the network of an `Objective` after so many epochs, of so many steps each."""
    objective.save(path)
    state = io.BytesIO()
    arrays = {name: keras.ops.convert_to_numpy(v) for name, v in _state(objective).items()}
    np.savez(state, epoch=epoch, steps=steps, **arrays)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(MEMBER, state.getvalue())


def restore(objective, path, *, steps):
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


def epochs_done(path):
    """How many epochs were done when a checkpoint was written; UserError where it is none."""
    return int(_read_state(path, ["epoch"])["epoch"])


def copy_weights(source, target):
    """Copies the weights of a model into another that was built alike, by their paths."""
    theirs = by_path(source.weights)
    for name, variable in by_path(target.weights).items():
        variable.assign(theirs[name])


def by_path(variables):
    """path -> variable, with the numbers that Keras gives automatic names counted from 0.

    A second model of the same builder has dense_2 and dense_3 where the first has dense and
    dense_1: in both they are dense and dense:1 here.
    """
    names, ranks = [v.path.split("/") for v in variables], {}
    for parts in names:
        for depth, part in enumerate(parts):
            stem, number = _numbered(part)
            ranks.setdefault((*parts[:depth], stem), set()).add(number)
    found = {}
    for parts, variable in zip(names, variables, strict=True):
        renamed = []
        for depth, part in enumerate(parts):
            stem, number = _numbered(part)
            renamed.append(_counted(stem, sorted(ranks[*parts[:depth], stem]).index(number)))
        _add(found, "/".join(renamed), variable)
    return found


def _numbered(name):
    """dense_2 -> (dense, 2)."""
    match = re.fullmatch(r"(.+)_(\d+)", name)
    return (match[1], int(match[2])) if match else (name, 0)


def _counted(name, number):
    return f"{name}:{number}" if number else name


def _add(found, name, variable):
    """Enters a variable by its name; the second of a name gets a number."""
    count = 0
    while _counted(name, count) in found:
        count += 1
    found[_counted(name, count)] = variable


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
        _add(found, f"optimizer/{_numbered(owner)[0]}/{name}", variable)
    for name, weight in ours.items():
        for key, value in getattr(weight.constraint, "__dict__", {}).items():
            if isinstance(value, keras.Variable):
                _add(found, f"constraint/{name}/{key}", value)
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
