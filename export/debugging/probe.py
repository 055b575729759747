"""A simulation of int8 whose roundings can be switched on and off, one by one.

The probe computes what the simulation computes, from the same weights. Its activations round while
a switch is on; its kernels are ordinary variables that hold either the float or the rounded values.
So one compiled model answers for every combination.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerascnn.console import quiet_tensorflow
from kerascnn.models.graph import inference, kernel_variable, new_inputs, walk

from ..quantization.fake_quant import FakeQuant
from ..quantization.float_form import float_layer
from ..quantization.quantized_layers import QuantizedKernel

BATCH = 100


class Switched(layers.Layer):
    """Rounds as a given `FakeQuant` while `on`, else passes its input through.  (...) -> (...)"""

    def __init__(self, rounding: keras.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rounding = rounding

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.on = self.add_weight(
            shape=(), initializer="zeros", trainable=False, dtype="bool", name="on"
        )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return ops.where(self.on, self.rounding(inputs, training=False), inputs)


@dataclass
class Unit:
    """What one int8 kernel computes: a convolution with its normalization and ReLU, a sum, ...

    name: of its main layer. layers: all of its layers' names, those that only simulate left out.
    kernel: (float values, rounded values, variable of the probe), or None. switch: the `Switched`
    of its output, or None where the next kernel rounds it. source: the layer that has the kernel.
    consumers: the names of the layers that take the rounded output, up to the next kernels.
    """

    name: str
    kind: str
    layers: list = field(default_factory=list)
    kernel: tuple | None = None
    source: keras.Layer | None = None
    switch: Switched | None = None
    consumers: list = field(default_factory=list)

    @property
    def rounds(self) -> bool:
        return self.kernel is not None or self.switch is not None


class Probe:
    """A simulation of int8 whose roundings are switched on and off one by one.

    Args:
        simulated: what `quantize` gave, calibrated.

    units: the `Unit`s that round something, inputs first.
    """

    def __init__(self, simulated: keras.Model) -> None:
        self.units = []
        copies, owners = {}, {}  # owner: of a tensor that the same kernel goes on with
        taps, rounders = [], {}  # rounder: the unit that rounded what a tensor holds

        def call(node, *args, **kwargs):
            layer = node.operation
            single = len(node.input_tensors) == 1
            unit: Any = owners.get(id(node.input_tensors[0])) if single else None
            if isinstance(layer, FakeQuant):
                if kwargs.get("index", 0) is None:  # another one rounds for it
                    if id(node.input_tensors[0]) in rounders:
                        rounders[id(node.outputs[0])] = rounders[id(node.input_tensors[0])]
                    return args[0]
                if kwargs.get("rounding_mode"):  # behind an average, which keeps the range
                    unit = rounders[id(node.input_tensors[0])]
                    output = unit.switch(*args)
                else:
                    unit.switch = Switched(layer, name=f"{unit.name}_{len(taps)}_switch")
                    output = unit.switch(*args)
                    taps.append(output)
                rounders[id(node.outputs[0])] = unit
                return output
            for x in node.input_tensors:
                if id(x) in rounders:
                    rounders[id(x)].consumers.append(layer.name)
                    if single and not isinstance(layer, QuantizedKernel):  # as a pooling
                        rounders.update(dict.fromkeys(map(id, node.outputs), rounders[id(x)]))
            if isinstance(layer, QuantizedKernel) or unit is None:
                unit = Unit(layer.name, type(layer).__name__.removeprefix("Quantized"))
                self.units.append(unit)
            unit.layers.append(layer.name)
            if isinstance(layer, QuantizedKernel):
                if id(layer) not in copies:
                    copies[id(layer)] = layer, float_layer(layer)
                    outputs = copies[id(layer)][1](*args, **kwargs)
                    self._keep_kernel(unit, *copies[id(layer)])
                else:
                    outputs = copies[id(layer)][1](*args, **kwargs)
            else:
                outputs = layer(*args, **inference(layer, kwargs))
            owners.update({id(x): unit for x in node.outputs})
            return outputs

        inputs = new_inputs(simulated)
        outputs = walk(simulated, inputs, call)
        self.units = [unit for unit in self.units if unit.rounds]
        ends = keras.tree.flatten(inputs)
        self.model = keras.Model(ends, outputs, name="probe")
        self.taps = keras.Model(ends, taps, name="taps")
        self.tapped = [unit for unit in self.units if unit.switch is not None]
        self.set(self.units, weights=False, activations=False)

    @staticmethod
    def _keep_kernel(unit, layer, copy):
        copy.set_weights(layer.get_weights())
        if not layer.rounds:
            return
        values, rounded = (ops.convert_to_numpy(k) for k in (kernel_variable(layer), layer.kernel))
        unit.kernel, unit.source = (values, rounded, copy.kernel), layer

    def set(
        self, units: Iterable[Unit], *, weights: bool | None = None, activations: bool | None = None
    ) -> None:
        """Switches the roundings of some units; None leaves them."""
        for unit in units:
            if weights is not None and unit.kernel is not None:
                values, rounded, variable = unit.kernel
                variable.assign(rounded if weights else values)
            if activations is not None and unit.switch is not None:
                unit.switch.on.assign(activations)

    def outputs(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """The outputs for an array, (n, ...), an input: (n, values) float64, all side by side."""
        parts = []
        for start in range(0, len(inputs[0]), BATCH):
            batch = [x[start : start + BATCH] for x in inputs]
            with quiet_tensorflow():
                outputs = keras.tree.flatten(self.model.predict_on_batch(batch))
            parts.append(np.concatenate([x.reshape(len(x), -1) for x in outputs], axis=1))
        return np.concatenate(parts).astype("float64")

    def activations(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """A batch's outputs of the `tapped` units, in their order."""
        with quiet_tensorflow():
            return keras.tree.flatten(self.taps.predict_on_batch(inputs))
