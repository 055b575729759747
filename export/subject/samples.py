"""Inputs and targets out of whatever people train with: arrays, datasets, loaders, generators."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerascnn.errors import UserError
from kerascnn.models.graph import functional, output_names

AT_ONCE = 64  # samples of a dataset that gives them one by one


@dataclass(frozen=True)
class Samples:
    """inputs: an array, (n, ...), for each input of the model, in its order. targets: an array for
    each that was given, in the order of the outputs; None where there are none."""

    inputs: tuple[np.ndarray, ...]
    targets: tuple[np.ndarray, ...] | None = None

    def __len__(self) -> int:
        return len(self.inputs[0])

    def take(self, indices: Any) -> "Samples":
        """The samples at `indices`, in that order."""
        targets = self.targets and tuple(y[indices] for y in self.targets)
        return Samples(tuple(x[indices] for x in self.inputs), targets)


def samples_of(model: keras.Model, data: Any, count: int | None = None) -> Samples:
    """Collects samples for a model, the first `count` of them or all.

    Args:
        model: functional or sequential; its inputs and outputs give the order and the shapes.
        data: what Keras' `fit` takes: x, (x, y) or (x, y, weights), where x and y are arrays, or
            lists or dicts of arrays for several inputs or outputs; or a tf.data.Dataset, PyDataset,
            DataLoader, generator or any other iterable of such, in batches or one by one.
        count: how many samples at most; a generator without an end needs it.

    Returns:
        The `Samples`.

    Raises:
        UserError: nothing that is iterable, no sample, an input that is missing or has another
            shape than the model takes, or values that are not finite.
    """
    if isinstance(data, Samples):
        return data if count is None else data.take(slice(count))
    inputs, targets, found = [], [], 0
    for x, y in _batches(model, data):
        inputs.append(x)
        targets.append(y)
        found += len(x[0])
        if count is not None and found >= count:
            break
    if not found:
        raise UserError(f"{model.name}: expected data, got none: the dataset is empty")
    joined = tuple(np.concatenate(parts)[:count] for parts in zip(*inputs, strict=True))
    for x, end in zip(joined, functional(model).inputs, strict=True):
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise UserError(f"{model.name}: values for {end.name!r} are not finite")
    if any(y is None for y in targets):
        return Samples(joined)
    return Samples(joined, tuple(np.concatenate(p)[:count] for p in zip(*targets, strict=True)))


def in_batches(samples: Samples, size: int = AT_ONCE) -> Iterator[list[np.ndarray]]:
    """The inputs of samples by batches: a list of an array an input, as a model is called."""
    for start in range(0, len(samples), size):
        yield [x[start : start + size].astype("float32") for x in samples.inputs]


def _batches(model, data: Any):
    """((input, ...), (target, ...) or None) batch by batch."""
    ends = functional(model).inputs
    if _is_one_of_each(data, ends):
        data = (data,)  # inputs alone: Keras takes a list for inputs and targets
    if isinstance(data, (tuple, dict)) or hasattr(data, "shape"):
        yield _element(model, data)
        return
    if not isinstance(data, Iterable) and not hasattr(data, "__getitem__"):
        raise UserError(
            f"{model.name}: expected arrays, a dataset or an iterable of batches, got a "
            f"{type(data).__name__}"
        )
    batches: Any = data
    if isinstance(data, keras.utils.PyDataset):
        batches = map(batches.__getitem__, range(len(batches)))
    for element in batches:
        yield _element(model, element)


def _is_one_of_each(data, ends):
    """Whether a list holds an array for each of several inputs, and not one batch after another."""
    return (
        isinstance(data, list)
        and len(data) == len(ends) > 1
        and all(np.ndim(x) == len(end.shape) for x, end in zip(data, ends, strict=True))
    )


def _element(model, element):
    x, y, _ = keras.utils.unpack_x_y_sample_weight(element)
    flat = functional(model)
    arrays = _in_order(x, [end.name for end in flat.inputs], model.name, "input")
    targets = None if y is None else _in_order(y, output_names(model), model.name, "output")
    if len(arrays) != len(flat.inputs):
        raise UserError(f"{model.name}: takes {len(flat.inputs)} inputs, got {len(arrays)}")
    alone = all(x.ndim == len(end.shape) - 1 for x, end in zip(arrays, flat.inputs, strict=True))
    if alone:
        arrays = [x[None] for x in arrays]
        targets = targets and [y[None] for y in targets]
    for x, end in zip(arrays, flat.inputs, strict=True):
        fits = x.ndim == len(end.shape) and all(
            n in (None, m) for n, m in zip(end.shape[1:], x.shape[1:], strict=True)
        )
        if not fits or x.dtype.kind not in "iufb":
            raise UserError(
                f"{model.name}: input {end.name!r} takes numbers of the shape "
                f"{(None, *end.shape[1:])}, got {x.dtype} {x.shape}"
            )
    return tuple(arrays), targets and tuple(targets)


def _in_order(values, names, model, what):
    """Arrays in the order of `names`, out of an array, a list, or a dict by names."""
    if isinstance(values, dict):
        missing = [name for name in names if name not in values]
        if missing and len(values) != len(names):
            got = ", ".join(map(str, values))
            raise UserError(f"{model}: expected the {what}s {', '.join(names)}, got {got}")
        values = list(values.values()) if missing else [values[name] for name in names]
    return [np.asarray(value) for value in keras.tree.flatten(values)]
