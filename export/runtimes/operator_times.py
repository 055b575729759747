"""What each operator of a file takes, by the name of its layer: as its runtime's profiler says.

This module is imported by the worker process: it must stay free of TensorFlow and Keras.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .litert_profiler import Event

# The operators of XNNPACK, by how they begin, and the operators of TFLite that they compute.
WORKERS = {
    "Convolution": ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"),
    "Fully Connected": ("FULLY_CONNECTED", "CONV_2D"),
    "Batch Matrix Multiply": ("BATCH_MATMUL",),
    "Deconvolution": ("TRANSPOSE_CONV",),
    "Max Pooling": ("MAX_POOL_2D",),
    "Average Pooling": ("AVERAGE_POOL_2D", "MEAN"),
    "Global Average Pooling": ("AVERAGE_POOL_2D", "MEAN"),
    "Mean": ("MEAN",),
    "Sum": ("SUM",),
    "Add": ("ADD",),
    "Subtract": ("SUB",),
    "Multiply": ("MUL",),
    "Divide": ("DIV",),
    "Constant Pad": ("PAD", "PADV2"),
    "Transpose": ("TRANSPOSE",),
    "Softmax": ("SOFTMAX",),
    "Sigmoid": ("LOGISTIC",),
    "Resize Bilinear": ("RESIZE_BILINEAR",),
}
# What XNNPACK also puts beside another operator: a file's own one only where it comes next.
BESIDE = {
    "Clamp": ("RELU", "RELU6", "RELU_N1_TO_1"),
    "Copy": ("CONCATENATION", "SPLIT", "RESHAPE", "PACK", "EXPAND_DIMS"),
    "Slice": ("SPLIT", "SLICE", "STRIDED_SLICE"),
    "Static Reshape": ("RESHAPE", "EXPAND_DIMS", "SQUEEZE"),
    "Convert": ("QUANTIZE", "DEQUANTIZE", "CAST"),
}
WEIGHTED = re.compile(r"/(Conv2D|DepthwiseConv2dNative|depthwise|conv2d_transpose|MatMul)\d*$")
ADDITIONS = re.compile(r"[A-Z]\w*|duplicated|(add|mul|transpose|concat|split)(_\d+)?")
ADDED = re.compile(r"(_token_\d+|_nchwc|_nhwc)*$")  # by ONNX Runtime, to the name of a node


@dataclass(frozen=True)
class OperatorTime:
    """operator: as its runtime calls it. layer: of the Keras model, "" where nobody tells.
    milliseconds: the mean of the faster three quarters of the runs: in the others, something else
    had the core for a while."""

    operator: str
    layer: str
    milliseconds: float


def by_kind(times: Sequence[OperatorTime]) -> list[tuple[str, int, float]]:
    """(operator, how many, milliseconds of all), the dearest first."""
    sums: dict[str, list[float]] = defaultdict(list)
    for time in times:
        sums[time.operator].append(time.milliseconds)
    rows = [(name, len(found), sum(found)) for name, found in sums.items()]
    return sorted(rows, key=lambda row: -row[2])


def of_litert(
    runs: Sequence[Sequence[Event]], nodes: Mapping[int, tuple[str, str]]
) -> list[OperatorTime]:
    """Times out of LiteRT's events.

    Args:
        runs: the events of each. nodes: place in the file -> (operator, names of what it makes,
            with semicolons between those that were fused).
    """
    places = _places(runs[0], nodes)
    found = []
    for number, (event, place) in enumerate(zip(runs[0], places, strict=True)):
        layer = layer_in(nodes[place][1]) if place is not None else ""
        taken = [run[number].microseconds for run in runs]
        found.append(OperatorTime(event.operator, layer, _undisturbed(taken)))
    return found


def _places(events, nodes):
    """The node of each event. A delegate keeps the order of the nodes it takes, and does not say
    which they are: each of its operators is the next node of a kind that it computes."""
    own = {event.node for event in events if event.node is not None}
    left = [place for place in sorted(nodes) if place not in own]
    at, places = None, []
    for event in events:
        if event.node is not None:
            places.append(event.node if event.node in nodes else None)
            continue
        if event.place == 0:  # a new partition, whose nodes may stand before those of the last
            at = None
        waiting = [place for place in left if at is None or place > at]
        place = _next(event.operator, waiting, nodes)
        if place is not None:
            left.remove(place)
            at = place
        elif _kinds(event.operator, BESIDE):
            place = at
        places.append(place)
    return places


def _next(operator, waiting, nodes):
    if kinds := _kinds(operator, WORKERS):
        return next((place for place in waiting if nodes[place][0] in kinds), None)
    kinds = _kinds(operator, BESIDE)
    return waiting[0] if kinds and waiting and nodes[waiting[0]][0] in kinds else None


def _kinds(operator, table):
    return next((kinds for name, kinds in table.items() if operator.startswith(name)), ())


def layer_in(names: str) -> str:
    """The layer in the name of a TFLite tensor: of a convolution rather than of what was fused."""
    parts = names.split(";")
    return without_operators(next(filter(WEIGHTED.search, parts), parts[0]))


def without_operators(name: str) -> str:
    """A name without the operators at its end: "stem_conv" of "stem_conv/Conv2D"."""
    parts = ADDED.sub("", name).split("/")
    while len(parts) > 1 and ADDITIONS.fullmatch(parts[-1]):
        parts.pop()
    return "/".join(parts)


def _undisturbed(microseconds):
    """The mean of the faster three quarters, in milliseconds."""
    faster = sorted(microseconds)[: -(-3 * len(microseconds) // 4)]
    return sum(faster) / len(faster) / 1000


def of_onnx_runtime(profile: Sequence[Mapping], runs: int) -> list[OperatorTime]:
    """Times out of the events of ONNX Runtime's profile, of its last `runs` runs.

    Args:
        profile: the JSON that it writes.
    """
    seen: dict[tuple[str, str], list[float]] = defaultdict(list)
    suffix = "_kernel_time"
    for event in profile:
        name = event.get("name", "")
        if event.get("cat") == "Node" and name.endswith(suffix):
            seen[name.removesuffix(suffix), event["args"]["op_name"]].append(event["dur"])
    return [
        OperatorTime(operator, without_operators(name), _undisturbed(found[-runs:]))
        for (name, operator), found in seen.items()
    ]
