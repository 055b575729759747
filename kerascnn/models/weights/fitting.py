"""Fills a network with the tensors of a source: all is checked before anything is assigned.

Exact where both zoos write the same function differently:

- A bias in front of a normalization, where the network has none: conv + bias - mean is
  conv - (mean - bias), so the bias is taken off the moving mean.
- Another epsilon: variance + epsilon is what counts, so the difference goes into the variance.
- A dense layer is a convolution over the whole map: the order in which the map is flattened, and
  whether it is written as a convolution there, is only a matter of axes.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
from keras import layers

from kerascnn.errors import UserError
from kerascnn.models.graph import consumers, nodes
from kerascnn.models.weights.names import Naming

SHOWN = 3  # mismatches in a message


@dataclass(frozen=True)
class Layout:
    """How a zoo names and lays out the tensors of a layer.

    name: (layer, role) -> name of a tensor; the roles are what Keras calls the variables.
    kernel, depthwise: the axes of Keras' (height, width, in, out) in that zoo's order. dense: the
    axes of Keras' (in, out).
    """

    name: Callable[[str, str], str]
    kernel: tuple[int, ...] = (0, 1, 2, 3)
    depthwise: tuple[int, ...] = (0, 1, 2, 3)
    dense: tuple[int, int] = (0, 1)


TORCH_ROLES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
KERAS = Layout(lambda layer, role: f"{layer}/{role}")
TORCH = Layout(
    lambda layer, role: f"{layer}.{TORCH_ROLES[role]}",
    kernel=(3, 2, 0, 1),
    depthwise=(2, 3, 0, 1),
    dense=(1, 0),
)


@dataclass(frozen=True)
class Source:
    """Tensors by name. title: what messages call it. read: name of a tensor -> its array.

    epsilons: of normalizations, by the source's name of the layer; the network's own by default.
    """

    title: str
    layout: Layout
    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]
    epsilons: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Copy:
    """One variable of a layer, the tensor that fills it, and the shapes it may come in.

    order: axes of a kernel over the map, (height, width, in, out), in the order of shapes[-1].
    minus: a tensor to take off. plus: a number to add.
    """

    layer: str
    variable: Any
    tensor: str
    shapes: tuple[tuple[int, ...], ...]
    order: tuple[int, ...] | None = None
    minus: str | None = None
    plus: float = 0.0

    def value(self, read: Callable[[str], np.ndarray]) -> np.ndarray:
        """The array that the variable gets."""
        array = np.asarray(read(self.tensor)).astype("float32")
        if self.order:
            array = array.reshape(self.shapes[-1]).transpose(np.argsort(self.order))
        array = array.reshape(self.variable.shape)
        if self.minus or self.plus:  # in double precision: the epsilons differ by 1e-8
            off = np.asarray(read(self.minus)).astype("float64") if self.minus else 0.0
            array = (array.astype("float64") - off + self.plus).astype("float32")
        return array

    def written(self, *, as_convolution: bool = False) -> np.ndarray:
        """The array that the tensor has where it is written from the variable.

        as_convolution: a dense layer as the convolution over the whole map that it is.
        """
        array = keras.ops.convert_to_numpy(self.variable)
        if self.order:
            ours = tuple(self.shapes[-1][axis] for axis in np.argsort(self.order))
            array = array.reshape(ours).transpose(self.order)
            array = array.reshape(self.shapes[-1 if as_convolution else 0])
        return np.ascontiguousarray(array, "float32")


def fill(
    network: keras.Model, namings: Sequence[Naming], source: Source, *, new_head: bool = False
) -> None:
    """Copies every tensor of `source` into the variable of `network` that it belongs to.

    Args:
        new_head: leave the network's classifiers as they are, and those of the source aside.
        namings: functions, names of the network's layers -> {name of ours: name of theirs}. The
            one under which the source has most of the kernels counts.

    Raises:
        UserError: a tensor is missing, has another shape or has no place in the network. The first
            few are listed, and nothing is assigned.
    """
    owners = [layer.name for layer in network.layers if layer.weights]
    kernels = [
        {source.layout.name(theirs, "kernel") for theirs in naming(owners).values()}
        for naming in namings
    ]
    hits = [len(names & set(source.shapes)) for names in kernels]
    names = namings[hits.index(max(hits))](owners)
    copies = plan(network, names, source)
    heads = classifiers(network) if new_head else ()
    aside = {copy.tensor for copy in copies if copy.layer in heads}
    copies = [copy for copy in copies if copy.layer not in heads]
    problems = mismatches(copies, source, aside)
    if problems:
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        classes = network.get_layer("head_logits").output.shape[-1]
        way_out = (
            "give this network's own file, or build with the classes and arguments of that file's"
        )
        if not new_head and not _other_than(classifiers(network), copies, source):
            way_out = (
                "build with the classes of that file's, or with new_head=True, which takes all but "
                "the classifier"
            )
        raise UserError(
            f"{source.title} does not fit {network.name} for images of "
            f"{'x'.join(map(str, network.input_shape[1:]))} and {classes} classes: "
            f"{'; '.join(problems[:SHOWN])}{more}; nothing was loaded: {way_out}"
        )
    for variable, value in [(copy.variable, copy.value(source.read)) for copy in copies]:
        variable.assign(value)


def classifiers(network: keras.Model) -> set[str]:
    """Names of the layers with weights from which an output comes through none with weights."""
    producers = {id(x): node for node in nodes(network) for x in node.outputs}
    waiting, found = [producers[id(x)] for x in network.outputs], set()
    while waiting:
        node = waiting.pop()
        if node.operation.weights:
            found.add(node.operation.name)
        else:
            waiting += [producers[id(x)] for x in node.input_tensors if id(x) in producers]
    return found


def _other_than(heads, copies, source):
    """Whether something else misfits than the shapes of the classifiers, `heads`."""
    aside = {copy.tensor for copy in copies if copy.layer in heads}
    whole = aside <= source.shapes.keys()
    return not whole or mismatches([c for c in copies if c.layer not in heads], source, aside)


def plan(network: keras.Model, names: Mapping[str, str], source: Source) -> list[Copy]:
    """The `Copy` of every variable of `network`, in the order of its layers."""
    name, maps, copies = source.layout.name, flattened(network), []
    before = normalized_convolutions(network)
    for layer in network.layers:
        theirs = names.get(layer.name, layer.name)
        for variable in layer.weights:
            role = variable.name
            copy = Copy(layer.name, variable, name(theirs, role), (tuple(variable.shape),))
            if role == "kernel":
                copy = replace(copy, **kernel_axes(layer, variable, maps, source.layout))
            elif role == "moving_mean" and layer.name in before:
                bias = name(names.get(before[layer.name], before[layer.name]), "bias")
                fits = source.shapes.get(bias) == tuple(variable.shape)
                copy = replace(copy, minus=bias if fits else None)
            elif role == "moving_variance":
                epsilon = source.epsilons.get(theirs, layer.epsilon)
                copy = replace(copy, plus=epsilon - layer.epsilon)
            copies.append(copy)
    return copies


def kernel_axes(
    layer: keras.Layer,
    variable: keras.Variable,
    maps: Mapping[str, tuple[int, ...]],
    layout: Layout,
) -> dict[str, Any]:
    """The shapes a kernel may come in, and the axes of the last of them."""
    shape = tuple(variable.shape)
    if isinstance(layer, layers.Dense):
        over_map = (*maps.get(layer.name, (1, 1, shape[0])), shape[1])
        flat = tuple(shape[axis] for axis in layout.dense)
        return {"shapes": (flat, _permuted(over_map, layout.kernel)), "order": layout.kernel}
    order = layout.depthwise if isinstance(layer, layers.DepthwiseConv2D) else layout.kernel
    return {"shapes": (_permuted(shape, order),), "order": order}


def mismatches(copies: Sequence[Copy], source: Source, aside: Collection[str] = ()) -> list[str]:
    """One line for each tensor that is missing, has another shape, or is left over.

    aside: tensors that may be left over.
    """
    problems, used = [], set(aside)
    for copy in copies:
        used |= {copy.tensor, copy.minus}
        found = source.shapes.get(copy.tensor)
        if found is None:
            problems.append(f"expected {copy.tensor} {copy.shapes[0]}, found none")
        elif tuple(found) not in copy.shapes:
            problems.append(f"expected {copy.tensor} {copy.shapes[0]}, found {tuple(found)}")
    left = [tensor for tensor in source.shapes if tensor not in used]
    return problems + [f"{tensor} {tuple(source.shapes[tensor])} has no place" for tensor in left]


def flattened(network: keras.Model) -> dict[str, tuple[int, ...]]:
    """Name of a dense layer -> the map, (height, width, channels), whose flattening it takes."""
    maps, found = {}, {}
    for node in nodes(network):
        tensors = {id(x) for x in node.input_tensors}
        known = next((maps[key] for key in tensors if key in maps), None)
        if isinstance(node.operation, layers.Flatten):
            known = tuple(node.input_tensors[0].shape[1:])
        elif isinstance(node.operation, layers.Dense):
            if known:
                found[node.operation.name] = known
            known = None
        elif not isinstance(node.operation, layers.Dropout):
            known = None
        if known:
            maps[id(node.outputs[0])] = known
    return found


def normalized_convolutions(network: keras.Model) -> dict[str, str]:
    """Name of a normalization -> name of the convolution without bias that only it takes."""
    consumers_of, found = consumers(network), {}
    for node in nodes(network):
        layer, after = node.operation, consumers_of.get(id(node.outputs[0]), [])
        if (
            isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D))
            and not layer.use_bias
            and len(after) == 1
            and isinstance(after[0].operation, layers.BatchNormalization)
        ):
            found[after[0].operation.name] = layer.name
    return found


def _permuted(shape, order):
    return tuple(shape[axis] for axis in order)
