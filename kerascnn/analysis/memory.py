"""Activation memory of a forward pass: the buffers, and the most that is alive at once."""

from dataclasses import dataclass
from math import prod

from kerascnn.analysis import kinds
from kerascnn.analysis.graph import Graph, Tensor
from kerascnn.errors import unknown

BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}


@dataclass(frozen=True)
class Memory:
    """Bytes for one image. total: all buffers together; peak: the most alive at once, while
    `peak_at`, a layer, runs. Weights and the scratch space of kernels are not in it."""

    total: int
    peak: int
    peak_at: str


def nbytes(tensor: Tensor, precision: str) -> int:
    """Bytes of one tensor, for one image, at "float32", "float16", "bfloat16" or "int8"."""
    if precision not in BYTES:
        raise unknown("precision", precision, BYTES)
    return prod(size or 1 for size in tensor.shape[1:]) * BYTES[precision]


def memory(graph: Graph, *, precision: str = "float32") -> Memory:
    """Lays the tensors of a `Graph` into buffers and follows their lives, in Keras' order.

    A buffer lives from the call that writes it to the last call that reads it; the image from the
    start, the model's outputs to the end. While a layer runs, its inputs and outputs both live.

    Runtimes fold normalizations and activations into the layer before them, and so does this
    count: an elementwise layer writes over its input where nothing else reads that later. Flatten,
    Reshape and Dropout give another name to the same buffer. All else has a buffer of its own.
    """
    readers = _readers(graph)
    names = {}  # Tensor -> the list, shared by all names of one buffer, of those names
    buffers = []  # (step of birth, that list)
    for step, call in enumerate(graph.calls):
        for tensor in call.outputs:
            if _is_in_place(call, step, names, readers):
                names[tensor] = names[call.inputs[0]]
                names[tensor].append(tensor)
            else:
                names[tensor] = [tensor]
                buffers.append((step, names[tensor]))
    change = [0] * (len(graph.calls) + 1)
    total = 0
    for birth, tensors in buffers:
        size = nbytes(tensors[0], precision)
        last = max([birth, *(step for x in tensors for step in readers.get(x, ()))])
        change[0 if graph.calls[birth].is_input else birth] += size
        change[min(last + 1, len(graph.calls))] -= size
        total += size
    alive = peak = peak_step = 0
    for step in range(len(graph.calls)):
        alive += change[step]
        if alive > peak:
            peak, peak_step = alive, step
    return Memory(total, peak, graph.calls[peak_step].name)


def _readers(graph):
    """Tensor -> the steps that read it; the caller of the model reads its outputs at the end."""
    readers = {}
    for step, call in enumerate(graph.calls):
        for tensor in call.inputs:
            readers.setdefault(tensor, []).append(step)
    for tensor in graph.outputs:
        readers.setdefault(tensor, []).append(len(graph.calls))
    return readers


def _is_in_place(call, step, names, readers):
    if isinstance(call.operation, kinds.VIEWS):
        return True
    if not isinstance(call.operation, kinds.ELEMENTWISE):
        return False
    return all(reader <= step for x in names[call.inputs[0]] for reader in readers[x])
