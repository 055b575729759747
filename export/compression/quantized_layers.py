"""Layers that simulate int8 while they train, on every Keras backend.

Weights are symmetric in a narrow range, [-127, 127] steps, with one scale an output channel (or
one a tensor); activations are asymmetric, 256 steps, with one scale a tensor. The rounding has the
gradient of the identity within the range and none outside it (Jacob et al., arXiv:1712.05877).
"""

import keras
from keras import layers, ops
from keras.quantizers import fake_quant_with_min_max_vars

PACKAGE = "kerascnn.compress"


@keras.saving.register_keras_serializable(package=PACKAGE)
class FakeQuant(layers.Layer):
    """Rounds a tensor to 256 steps between a minimum and a maximum.  (...) -> (...)

    Args:
        fixed: (minimum, maximum) that never move, as after a sigmoid; None to watch the data.
        momentum: of the moving minimum and maximum while training.
        absorbed: the next one rounds for this one too; only the converter sees its range.

    A range that watches is moved while training, and set to exact extremes by the calibration.
    A call with `halves` leaves the range alone: what comes out of an average is rounded to the
    steps of what went in. Averages of integers are often halves, and kernels differ in them: they
    go "up", or "away" from an integer 0.
    """

    def __init__(self, fixed=None, *, momentum=0.99, absorbed=False, **kwargs):
        super().__init__(**kwargs)
        self.absorbed = absorbed
        self.fixed = tuple(fixed) if fixed else None
        self.momentum = momentum

    def build(self, input_shape):
        start = self.fixed or (0.0, 0.0)
        self.minimum, self.maximum = (
            self.add_weight(shape=(), initializer=keras.initializers.Constant(v), trainable=False,
                            autocast=False, dtype="float32", name=name)
            for v, name in zip(start, ("minimum", "maximum"), strict=True)
        )  # fmt: skip
        self.calibrating = False
        self.folds = False  # while a file is written

    def call(self, inputs, training=False, halves=None):
        if self.calibrating and halves:
            return inputs
        if self.fixed is None and not halves:
            if self.calibrating:
                low, high = self._extremes(inputs)
                self.minimum.assign(ops.minimum(self.minimum, low))
                self.maximum.assign(ops.maximum(self.maximum, high))
                return inputs
            if training:
                low, high = self._extremes(inputs)
                self.minimum.assign(self.minimum + (low - self.minimum) * (1 - self.momentum))
                self.maximum.assign(self.maximum + (high - self.maximum) * (1 - self.momentum))
        if self.absorbed and not self.folds:
            return inputs
        if halves and not self.folds:
            inputs = self._with_halves(inputs, halves)
        return fake_quant_with_min_max_vars(inputs, self.minimum.value, self.maximum.value)

    def _with_halves(self, x, where):
        """Moves halves a little off, to the side that they are rounded to."""
        step = (self.maximum.value - self.minimum.value) / 255
        zero = ops.round(self.minimum.value / step) * step + 128 * step
        side = ops.stop_gradient(ops.sign(x - zero)) if where == "away" else 1.0
        return x + side * step / 1024

    def _extremes(self, inputs):
        """The range of this batch; it always holds zero, which padding needs exactly."""
        x = ops.stop_gradient(ops.cast(inputs, "float32"))
        return ops.minimum(ops.min(x), 0.0), ops.maximum(ops.max(x), 0.0)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "fixed": self.fixed, "momentum": self.momentum,
                "absorbed": self.absorbed}  # fmt: skip


class QuantizedKernel:
    """Mixin: the layer computes with the rounded values of its kernel.

    The variable keeps its float values; `kernel` is what the layer's own `call` sees. Where int8
    folds a batch normalization into the kernel, what is rounded is their product: with a scale a
    channel that is the same, with one a tensor it is not, for each channel has a gain of its own.

    Args:
        per_channel: a scale for each output channel, else one for the tensor.
        rounds: False for a layer that stays float.
    """

    def __init__(self, *args, per_channel=True, rounds=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.per_channel = per_channel
        self.rounds = rounds
        self.gain = None  # of the normalization that follows: a function, one number a channel
        self.folds = False  # while a file is written: kernel and bias include the gain

    @property
    def kernel(self):
        kernel = ops.convert_to_tensor(self._kernel)
        shape = scaled_last(self, kernel)
        if not self.rounds:
            return self._times_gain(kernel) if self.folds else kernel
        if self.gain is None or (self.per_channel and not self.folds):
            return quantized(kernel, shape)
        gain = ops.stop_gradient(along_kernel(self, self.gain(), kernel))
        product = quantized(kernel * gain, shape)
        return product if self.folds else product / ops.where(gain == 0, 1.0, gain)

    @kernel.setter
    def kernel(self, variable):
        self._kernel = variable

    @property
    def bias(self):
        if not self.folds or self._bias is None:
            return self._bias
        bias = self._bias if self.gain is None else self._bias * self.gain()
        return bias if self.rounds else -bias

    @bias.setter
    def bias(self, variable):
        self._bias = variable

    def _times_gain(self, kernel):
        """The kernel of a layer that stays float, in the file: with its gain, and negative."""
        gain = 1.0 if self.gain is None else along_kernel(self, self.gain(), kernel)
        return -kernel * gain

    def call(self, inputs):
        outputs = super().call(inputs)
        # Between two roundings the converter would make int8 of whatever has a kernel for it. It
        # has none for a change of sign, so what is around that one stays float.
        return -outputs if self.folds and not self.rounds else outputs

    def save_own_variables(self, store):
        # Convolutions of Keras would store `kernel`, and training could not go on from there.
        for i, variable in enumerate(v for v in (self._kernel, self._bias) if v is not None):
            store[str(i)] = variable

    def get_config(self):
        config = {"per_channel": self.per_channel, "rounds": self.rounds}
        return {**super().get_config(), **config}


def along_kernel(layer, values, kernel):
    """One number an output channel, in a shape that multiplies the kernel."""
    if isinstance(layer, layers.DepthwiseConv2D):
        return ops.reshape(values, kernel.shape[-2:])
    if isinstance(layer, layers.Conv2DTranspose):
        return ops.reshape(values, (-1, 1))
    return values


@keras.saving.register_keras_serializable(package=PACKAGE)
def log(x):
    """The natural logarithm, as an activation."""
    return ops.log(x)


def scaled_last(layer, kernel):
    """The shape of a kernel whose last axis has a scale each; None for one scale by other means."""
    if isinstance(layer, layers.DepthwiseConv2D):
        channels = kernel.shape[-2] * kernel.shape[-1]
        # The converter leaves a depthwise kernel float unless it has an axis of scales, if of one.
        last = (channels,) if layer.per_channel else (channels, 1)
        return (*kernel.shape[:-2], *last)
    return kernel.shape if layer.per_channel else None


def quantized(kernel, shape):
    """Rounds a kernel, symmetric and narrow: a scale a channel of `shape`, or one if it is None."""
    if shape is None:
        high = ops.stop_gradient(ops.max(ops.abs(kernel)))
        high = ops.where(high > 0, high, 1.0)  # zeros have no scale; any range keeps them
        return fake_quant_with_min_max_vars(kernel, -high, high, narrow_range=True)
    flat = ops.reshape(kernel, shape)
    axes = tuple(range(len(shape) - 1))
    high = ops.stop_gradient(ops.max(ops.abs(flat), axis=axes))
    high = ops.where(high > 0, high, 1.0)
    rounded = fake_quant_with_min_max_vars(
        flat, -high, high, narrow_range=True, axis=len(shape) - 1
    )
    return ops.reshape(rounded, kernel.shape)


def _twin(base):
    """The quantized twin of a Keras layer: `QuantizedConv2D` of `Conv2D`."""
    name = f"Quantized{base.__name__}"
    doc = f"{base.__name__} that computes with its kernel rounded to int8."
    twin = type(name, (QuantizedKernel, base), {"__doc__": doc, "__module__": __name__})
    return keras.saving.register_keras_serializable(package=PACKAGE)(twin)


# Dense and transposed convolutions take one scale a tensor: TFLite's converter refuses more.
PER_CHANNEL = (layers.Conv2D, layers.DepthwiseConv2D)
PER_TENSOR = (layers.Dense, layers.Conv2DTranspose)
TWINS = {base: _twin(base) for base in (*PER_CHANNEL, *PER_TENSOR)}
