"""What each layer loses, as node data that Google's Model Explorer colors a .tflite file with.

Model Explorer draws the graph of the file; node data are numbers that it shows on the nodes, each
under the name of a tensor that the node gives.
"""

import keras

from kerascnn.models.graph import output_names

from ..conversion.layer_names import layer_of
from ..integer_form.graph import Graph
from ..quantization.fake_quant import FakeQuant
from ..runtimes.tflite_content import made_by_operators
from .analysis import Analysis

GRADIENT = ((0, "#ffffff"), (1, "#d62728"))  # from what loses nothing to what loses most
MOVES = ("RESHAPE", "TRANSPOSE", "QUANTIZE", "DEQUANTIZE")  # round nothing of their own


def node_data(analysis: Analysis, simulated: keras.Model, data: bytes) -> dict:
    """The share of the loss of each layer, in the format of Model Explorer's node data.

    Args:
        analysis: what `debug` gave for `simulated`.
        data: the .tflite file of that, as bytes.

    Returns:
        {"results": {name of a tensor: {"value": 0..1}}, "gradient": [{"stop": 0, "bgColor": ...}]},
        for the only graph of a file. Operators that round nothing are not in it.
    """
    units = {name: unit for unit in analysis.layers for name in unit.layers}
    ends, results = _ends(simulated), {}
    for operator, tensors in made_by_operators(data):
        for tensor in tensors if operator not in MOVES else ():
            layer = ends.get(tensor) or layer_of(tensor, units)
            if layer in units:
                results[tensor] = {"value": round(units[layer].share, 6)}
    gradient = [{"stop": stop, "bgColor": color} for stop, color in GRADIENT]
    return {"results": results, "gradient": gradient}


def _ends(simulated):
    """Name of an output of the file -> the layer that gives it."""
    graph, found = Graph(simulated), {}
    for name, x in zip(output_names(simulated), simulated.outputs, strict=True):
        if node := graph.producer(x, (FakeQuant,)):
            found[name] = node.operation.name
    return found
