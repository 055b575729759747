"""The public converter to ONNX, tf2onnx, without the copies it makes of a network's weights.

As it comes, each of its dozen optimizers works on a copy of the graph, and every step writes all
constants anew into protobuf arenas that are not freed before the end.
"""

import os
import traceback
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SWITCH = "TF2ONNX_CATCH_ERRORS"  # of tf2onnx: optimizers work on copies, and may fail


def converted(convert: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Calls `convert`, one of tf2onnx.convert; returns the ONNX model it makes."""
    with warnings.catch_warnings(), _constants_written_once():
        warnings.simplefilter("ignore")  # TensorFlow deprecates what the converter calls
        try:
            with _switched("FALSE"):
                return convert(*args, **options)[0]
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            if not any(Path(frame.filename).parent.name == "optimizer" for frame in frames):
                raise
            return convert(*args, **options)[0]  # with copies, one that fails is left out


@contextmanager
def _constants_written_once():
    """The protobufs of constant nodes are not renewed: graphs are made from their attributes."""
    from tf2onnx.graph import Node

    update = Node.update_proto

    def update_unless_constant(node, external_tensor_storage=None):
        if not node.is_const():
            update(node, external_tensor_storage)

    Node.update_proto = update_unless_constant
    try:
        yield
    finally:
        Node.update_proto = update


@contextmanager
def _switched(value):
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before
