"""Convolution with batch normalization: the one home of padding, bias, momentum and epsilon."""

from keras import KerasTensor, initializers, layers

from kerascnn.layers.geometry import PerAxis, per_axis


def conv(
    x: KerasTensor,
    filters: int,
    kernel_size: PerAxis,
    strides: PerAxis = 1,
    *,
    padding: str = "symmetric",
    groups: int = 1,
    use_bias: bool = True,
    act: str | None = None,
    name: str,
) -> KerasTensor:
    """2D convolution, then an activation.  (H, W, C) -> (H/strides, W/strides, filters).

    padding: "symmetric" adds k // 2 zeros on every side, as the papers and Caffe do; it differs
    from Keras' "same" only where strides > 1, where "same" pads more on the right and below.
    "same" and "valid" are Keras' own. act: the name of a Keras activation, or None.
    """
    kernel = per_axis(kernel_size, 2)
    x, padding = _pad(x, kernel, strides, padding, name)
    x = layers.Conv2D(
        filters,
        kernel,
        strides,
        padding,
        groups=groups,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return activation(x, act, name)


def depthwise_conv(
    x: KerasTensor,
    kernel_size: PerAxis,
    strides: PerAxis = 1,
    *,
    padding: str = "symmetric",
    use_bias: bool = True,
    act: str | None = None,
    name: str,
) -> KerasTensor:
    """One kernel a channel, then an activation.  (H, W, C) -> (H/strides, W/strides, C).

    Arguments as in `conv`; the layer is called `{name}_conv` too.
    """
    kernel = per_axis(kernel_size, 2)
    x, padding = _pad(x, kernel, strides, padding, name)
    # He's variance counts the inputs of one output, k * k here: what Keras calls "fan_out" of a
    # depthwise kernel. Its "he_normal" would divide by the number of channels too.
    he_normal = initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")
    x = layers.DepthwiseConv2D(
        kernel,
        strides,
        padding,
        use_bias=use_bias,
        depthwise_initializer=he_normal,
        name=f"{name}_conv",
    )(x)
    return activation(x, act, name)


def conv_bn(
    x: KerasTensor,
    filters: int,
    kernel_size: PerAxis,
    strides: PerAxis = 1,
    *,
    padding: str = "symmetric",
    groups: int = 1,
    use_bias: bool = False,
    act: str | None = "relu",
    momentum: float = 0.9,
    epsilon: float = 1e-5,
    name: str,
) -> KerasTensor:
    """2D convolution, batch normalization, activation: `{name}_conv`, `_bn`, `_relu`.

    Shapes and `padding` as in `conv`. No bias in front of a normalization that removes it.
    """
    x = conv(
        x,
        filters,
        kernel_size,
        strides,
        padding=padding,
        groups=groups,
        use_bias=use_bias,
        name=name,
    )
    return batch_norm(x, act=act, momentum=momentum, epsilon=epsilon, name=name)


def depthwise_conv_bn(
    x: KerasTensor,
    kernel_size: PerAxis,
    strides: PerAxis = 1,
    *,
    padding: str = "symmetric",
    use_bias: bool = False,
    act: str | None = "relu",
    momentum: float = 0.9,
    epsilon: float = 1e-5,
    name: str,
) -> KerasTensor:
    """Depthwise convolution, batch normalization, activation: `{name}_conv`, `_bn`, `_relu`."""
    x = depthwise_conv(x, kernel_size, strides, padding=padding, use_bias=use_bias, name=name)
    return batch_norm(x, act=act, momentum=momentum, epsilon=epsilon, name=name)


def bn_conv(
    x: KerasTensor,
    filters: int,
    kernel_size: PerAxis,
    strides: PerAxis = 1,
    *,
    padding: str = "symmetric",
    groups: int = 1,
    use_bias: bool = False,
    act: str | None = "relu",
    momentum: float = 0.9,
    epsilon: float = 1e-5,
    name: str,
) -> KerasTensor:
    """The pre-activation order: `{name}_bn`, `_relu`, `_conv`. Shapes as in `conv`."""
    x = batch_norm(x, act=act, momentum=momentum, epsilon=epsilon, name=name)
    return conv(
        x,
        filters,
        kernel_size,
        strides,
        padding=padding,
        groups=groups,
        use_bias=use_bias,
        name=name,
    )


def batch_norm(
    x: KerasTensor,
    *,
    act: str | None = "relu",
    momentum: float = 0.9,
    epsilon: float = 1e-5,
    name: str,
) -> KerasTensor:
    """Batch normalization, then an activation: `{name}_bn`, `_relu`. The shape stays."""
    x = layers.BatchNormalization(momentum=momentum, epsilon=epsilon, name=f"{name}_bn")(x)
    return activation(x, act, name)


def activation(x: KerasTensor, act: str | None, name: str) -> KerasTensor:
    """Applies the Keras activation `act` as a layer `{name}_{act}`; None leaves x as it is."""
    if act is None:
        return x
    if act == "relu":
        return layers.ReLU(name=f"{name}_relu")(x)
    if act == "relu6":
        return layers.ReLU(6.0, name=f"{name}_relu6")(x)
    return layers.Activation(act, name=f"{name}_{act}")(x)


def _pad(x, kernel, strides, padding, name):
    """Turns "symmetric" into what Keras has: "same", or zeros around and "valid"."""
    if padding != "symmetric":
        return x, padding
    if strides == 1 or max(kernel) == 1:
        return x, "same"
    x = layers.ZeroPadding2D([k // 2 for k in kernel], name=f"{name}_pad")(x)
    return x, "valid"
