"""Constants of a frozen graph: what hangs on nothing else is computed before it is converted.

TFLite's converter, unlike that of ONNX, leaves some of it in the file, to be computed for every
image: the kernel that a partially connected convolution puts together from its parts, the window
of a response normalization.
"""

from typing import Any

from .internals import optimized


def fold(frozen: Any) -> Any:
    """Folds the constants of a frozen float function; returns the smaller graph, a GraphDef.

    An int8 simulation must not pass here: the rounding of its weights is what the converter reads
    their scales from.
    """
    return optimized(frozen, ["constfold"])
