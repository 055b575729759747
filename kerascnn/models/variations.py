"""What every network of the registry takes beside its own arguments, by one rule for all of them.

    kerascnn.build("lenet5", act="relu", initializer="he")

The network is built as its paper has it, then changed where the rule finds something to change.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from kerascnn.errors import UserError, unknown
from kerascnn.layers import PartiallyConnectedConv2D, StochasticDepth, scaled_tanh
from kerascnn.models.copying import copied
from kerascnn.models.graph import activation_layer, has_inner_activation, nodes, producer

GATES = {getattr(keras.activations, name) for name in ("sigmoid", "hard_sigmoid", "softmax")}
KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
SMALL = 0.01  # the standard deviation of "gaussian", section 5 of AlexNet's paper


def vary(network: keras.Model, variations: Mapping[str, Any]) -> keras.Model:
    """Changes a functional model that was just built; not the shapes of its weights.

    Args:
        network: changed in place, or copied.
        variations: any of

            act          the Keras activation, or "scaled_tanh", of every layer that has another
                         one than a sigmoid or softmax, which weigh and are no activations
            initializer  of the kernels: "zeros", "gaussian" (standard deviation 0.01),
                         "unit_gaussian" (1), "glorot" (uniform, Glorot & Bengio 2010), "he"
                         (normal, arXiv:1502.01852) or "uniform" (all weights of a kernel alike,
                         the inverse of the number that one output is a sum of)
            dropout      the rate of every dropout
            zero_gamma   True: the last gamma of every residual branch begins at zero, so that the
                         block passes its input on (arXiv:1706.02677, section 5.1)

    Raises:
        UserError: an unknown value, or a network that has nothing of the kind.
    """
    for key, value in variations.items():
        network = VARIATIONS[key](network, value)
    return network


def _act(network, act):
    function = _function(act)
    changed = []

    def clone(layer):
        config, own = layer.get_config(), getattr(layer, "activation", None)
        inner, alone = has_inner_activation(layer), isinstance(layer, ALONE)
        if not (inner or alone) or own in GATES:
            return type(layer).from_config(config)
        changed.append(layer.name)
        if inner:
            return type(layer).from_config({**config, "activation": function})
        stem, _, last = layer.name.rpartition("_")
        return activation_layer(function, f"{stem}_{act}" if last in OWN_NAMES else layer.name)

    varied = copied(network, clone)
    if not changed:
        raise UserError(f"{network.name}: has no activation that 'act' could replace")
    return varied


ALONE = (
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ELU,
    keras.layers.Activation,
)
OWN_NAMES = {"relu", "relu6", "tanh"}  # the ends of names that say the activation


def _function(act) -> Callable:
    known = {
        name: function
        for name, function in vars(keras.activations).items()
        if callable(function) and name not in ("deserialize", "get", "serialize", "linear")
    }
    known["scaled_tanh"] = scaled_tanh
    if act not in known:
        raise unknown("value of act", act, known)
    return known[act]


def _initializer(network, name):
    if name not in INITIALIZERS:
        raise unknown("value of initializer", name, INITIALIZERS)
    for layer in network.layers:
        for variable in layer.trainable_weights:
            if variable.name in KERNELS:
                fans = _fans(layer, variable)
                variable.assign(INITIALIZERS[name](tuple(variable.shape), *fans))
    return network


def _fans(layer, variable):
    """(numbers that one output is a sum over, outputs that one input goes to) of a kernel.

    Of a layer with several kinds of outputs an array, which goes with the kernel.
    """
    shape = tuple(variable.shape)
    if isinstance(layer, PartiallyConnectedConv2D):
        maps = 1 + max(channel for seen in layer.table for channel in seen)
        window = math.prod(layer.kernel_size)
        fan_in = np.array([len(seen) * window for seen in layer.table for _ in seen])
        return fan_in, shape[-1] / maps * window
    window = math.prod(shape[:-2])
    if variable.name == "depthwise_kernel" or isinstance(layer, keras.layers.DepthwiseConv2D):
        return window, window * shape[-1]
    return window * shape[-2], window * shape[-1]


def _normal(shape, deviation):
    seed = keras.random.SeedGenerator()
    drawn = keras.random.truncated_normal(shape, stddev=1.0, seed=seed)
    # What is cut off at two deviations makes the rest narrower.
    return keras.ops.convert_to_numpy(drawn) / 0.87962566103423978 * deviation


def _uniform(shape, end):
    seed = keras.random.SeedGenerator()
    return keras.ops.convert_to_numpy(keras.random.uniform(shape, -1.0, 1.0, seed=seed)) * end


def _gaussian(deviation):
    def draw(shape, fan_in, fan_out):
        seed = keras.random.SeedGenerator()
        return keras.random.normal(shape, stddev=deviation, seed=seed)

    return draw


INITIALIZERS: dict[str, Callable] = {
    "zeros": lambda shape, fan_in, fan_out: np.zeros(shape),
    "gaussian": _gaussian(SMALL),
    "unit_gaussian": _gaussian(1.0),
    "glorot": lambda shape, fan_in, fan_out: _uniform(shape, np.sqrt(6 / (fan_in + fan_out))),
    "he": lambda shape, fan_in, fan_out: _normal(shape, np.sqrt(2 / fan_in)),
    "uniform": lambda shape, fan_in, fan_out: np.broadcast_to(1 / fan_in, shape),
}


def _dropout(network, rate):
    if not isinstance(rate, int | float) or not 0 <= rate < 1:
        raise UserError(f"{network.name}: dropout: expected a rate from 0 to below 1, got {rate!r}")
    found = [layer for layer in network.layers if isinstance(layer, DROPOUTS)]
    if not found:
        raise UserError(f"{network.name}: has no dropout whose rate could be {rate}")
    for layer in found:
        layer.rate = rate
    return network


DROPOUTS = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)


def _zero_gamma(network, wanted):
    if not isinstance(wanted, bool):
        raise UserError(f"{network.name}: zero_gamma: expected true or false, got {wanted!r}")
    last: list[Any] = [
        layer
        for node in nodes(network)
        if isinstance(node.operation, keras.layers.Add)
        for layer in (producer(x, through=BETWEEN) for x in node.input_tensors)
        if layer is not None
        and isinstance(layer, keras.layers.BatchNormalization)
        and layer.scale
        and "_proj" not in layer.name
    ]
    if wanted and not last:
        raise UserError(
            f"{network.name}: has no residual branch that ends in a batch normalization with a "
            "gamma, which zero_gamma could begin at zero"
        )
    for layer in last if wanted else []:
        layer.gamma.assign(np.zeros(layer.gamma.shape))
    return network


BETWEEN = (StochasticDepth, keras.layers.Dropout)  # a branch's last normalization and its addition
VARIATIONS: dict[str, Callable[[keras.Model, Any], keras.Model]] = {
    "act": _act,
    "initializer": _initializer,
    "dropout": _dropout,
    "zero_gamma": _zero_gamma,
}
