"""Every network as a .tflite file: what it is made of, and nothing that could be left out.

How many operators there must be is counted in the Keras graph: one convolution for each, with its
normalization and activation inside, no arithmetic but that of the network.
"""

import sys
from collections import Counter
from pathlib import Path

import keras
import pytest
from keras import layers
from small_networks import pixels, randomized

import kerascnn.layers as ours
from export.conversion.tflite import to_tflite
from export.quantization.biases import settle_biases
from export.quantization.quantizer import calibrate, quantized_model
from export.runtimes.tflite_content import float_operators, requirements
from kerascnn.config import Normalize
from kerascnn.models.graph import canonical, consumers, nodes, normalized

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from test_running import SMALL, make

QUICK = (
    *("lenet5", "lenet5_1998", "resnet8", "ds_cnn", "resnet110_stochastic_depth"),
    *("densenet_bc100_12", "resnet164_v2", "inception_module"),
)
NETWORKS = [n if n in QUICK else pytest.param(n, marks=pytest.mark.full) for n in SMALL]

EVERYWHERE = {
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "ADD",
    "MUL",
    "CONCATENATION",
    "MEAN",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
    "PAD",
    "RESHAPE",
}
RESPONSE = {"EXP", "LOG", "SQUARE"}  # local response normalization
BESIDES = {  # what only some families need
    "lenet5": {"TANH"},
    "lenet5_1998": {"TANH", "NEG", "SQUARED_DIFFERENCE", "SUM"},  # distances to codes
    "alexnet": RESPONSE,
    "zfnet": RESPONSE,
    "vgg11_lrn": RESPONSE,
    "inception_module": RESPONSE,
    "googlenet_bn_aux": {"GATHER", "STRIDED_SLICE"},  # the windows of an adaptive pooling
    "shufflenet_v1_g3_x0_5": {"TRANSPOSE"},
    "shufflenet_v2_x0_5": {"TRANSPOSE", "SPLIT"},
    "xception": {"RELU"},  # in front of a convolution, and the sum goes on without it
}
NORMALIZED_BY = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dense)


def network(name):
    return normalized(randomized(make(name)), Normalize())


def count(data):
    return Counter({o["name"]: o["count"] for o in requirements(data)[0]})


def wanted(model):
    """What the layers of a network come to, in operators."""
    flat = canonical(model)
    producers = {id(x): node for node in nodes(flat) for x in node.outputs}
    consumers_of = consumers(flat)

    def alone(node):
        """Whether no kernel in front can take a batch normalization in."""
        source = node.input_tensors[0]
        while isinstance(producers[id(source)].operation, layers.Dropout):
            source = producers[id(source)].input_tensors[0]
        folds = isinstance(producers[id(source)].operation, NORMALIZED_BY)
        return not folds or len(consumers_of[id(source)]) > 1

    found = Counter()
    for node in nodes(flat):
        match node.operation:
            case layers.SeparableConv2D():
                found["convolutions"] += 2
            case layers.Conv2D() | layers.DepthwiseConv2D() | ours.PartiallyConnectedConv2D():
                found["convolutions"] += 1
            case layers.Dense():
                found["dense"] += 1
            case layers.Add():
                found["sums"] += len(node.input_tensors) - 1
            case layers.Multiply():
                found["products"] += len(node.input_tensors) - 1
            case layers.Concatenate():
                found["joined"] += len(node.input_tensors)
            case layers.BatchNormalization() if alone(node):
                found["alone"] += 1
            case ours.ChannelShuffle():
                found["shuffles"] += 1
            case ours.LocalResponseNormalization():
                found["responses"] += 1
            case ours.StochasticDepth():
                found["scaled"] += 1
            case ours.TrainableSubsampling2D():
                found["subsampled"] += 1
            case ours.RadialBasisOutput():
                found["distances"] += 1
            case layers.Activation() if node.operation.activation is ours.scaled_tanh:
                found["tangents"] += 1
            case ours.FractalJoin():
                found["scaled"] += 1
                found["sums"] += len(node.input_tensors) - 2  # the last one says which is dropped
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_a_float_file_has_nothing_stray(name):
    keras.utils.set_random_seed(0)
    model = network(name)
    found, due = count(to_tflite(model)), wanted(model)
    assert set(found) <= EVERYWHERE | {"CAST"} | BESIDES.get(name, set())
    convolutions = found["CONV_2D"] + found["DEPTHWISE_CONV_2D"]
    assert convolutions == due["convolutions"] + due["responses"]
    assert found["FULLY_CONNECTED"] == due["dense"]
    assert found["CAST"] == 1  # bytes become numbers, once
    assert found["TRANSPOSE"] == due["shuffles"]
    if name == "lenet5_1998":
        return  # scaled tangents and trained subsampling are arithmetic
    apart = due["alone"] + due["scaled"] + due["responses"] + 1  # 1: the pixels' normalization
    assert due["sums"] <= found["ADD"] <= due["sums"] + apart
    assert found["MUL"] <= due["products"] + apart + due["responses"]


@pytest.mark.parametrize("name", NETWORKS)
def test_an_int8_file_is_int8_throughout(name):
    keras.utils.set_random_seed(0)
    model = network(name)
    simulated = quantized_model(model)
    calibrate(simulated, [pixels(model, 4)])
    settle_biases(simulated)
    data = to_tflite(simulated)
    found, due = count(data), wanted(model)
    assert float_operators(data) == []
    assert set(found) <= EVERYWHERE | {"QUANTIZE"} | BESIDES.get(name, set())
    assert found["FULLY_CONNECTED"] == due["dense"] + due["distances"]
    assert found["TRANSPOSE"] == due["shuffles"]
    convolutions = found["CONV_2D"] + found["DEPTHWISE_CONV_2D"] - due["responses"]
    # Each a 1x1 depthwise convolution.
    apart = due["alone"] + due["tangents"] + due["subsampled"] + due["distances"]
    apart += due["responses"]  # the power
    assert due["convolutions"] <= convolutions <= due["convolutions"] + apart
    assert found["ADD"] == due["sums"]
    squares = due["responses"] + due["distances"]
    assert found["MUL"] == due["products"] + due["responses"] + squares
    # At the ends, and where tensors that are joined bring scales of their own.
    assert found["QUANTIZE"] <= 1 + len(model.outputs) + due["joined"]
