"""Convolution with batch normalization: the one home of padding, bias, momentum and epsilon."""

from keras import layers


def conv(x, filters, kernel_size, strides=1, *, padding="symmetric", groups=1, use_bias=True,
         act=None, name):  # fmt: skip
    """2D convolution, then an activation.  (H, W, C) -> (H/strides, W/strides, filters).

    padding: "symmetric" adds k // 2 zeros on every side, as the papers and Caffe do; it differs
    from Keras' "same" only where strides > 1, where "same" pads more on the right and below.
    "same" and "valid" are Keras' own. act: the name of a Keras activation, or None.
    """
    kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
    if padding == "symmetric":
        padding = "same"
        if strides != 1 and max(kernel) > 1:
            x = layers.ZeroPadding2D([k // 2 for k in kernel], name=f"{name}_pad")(x)
            padding = "valid"
    x = layers.Conv2D(
        filters, kernel, strides, padding, groups=groups, use_bias=use_bias,
        kernel_initializer="he_normal", name=f"{name}_conv",
    )(x)  # fmt: skip
    return activation(x, act, name)


def conv_bn(x, filters, kernel_size, strides=1, *, padding="symmetric", groups=1,
            use_bias=False, act="relu", momentum=0.9, epsilon=1e-5, name):  # fmt: skip
    """2D convolution, batch normalization, activation: `{name}_conv`, `_bn`, `_relu`.

    Shapes and `padding` as in `conv`. No bias in front of a normalization that removes it.
    """
    x = conv(x, filters, kernel_size, strides, padding=padding, groups=groups,
             use_bias=use_bias, name=name)  # fmt: skip
    x = layers.BatchNormalization(momentum=momentum, epsilon=epsilon, name=f"{name}_bn")(x)
    return activation(x, act, name)


def activation(x, act, name):
    """Applies the Keras activation `act` as a layer `{name}_{act}`; None leaves x as it is."""
    if act is None:
        return x
    if act == "relu":
        return layers.ReLU(name=f"{name}_relu")(x)
    if act == "relu6":
        return layers.ReLU(6.0, name=f"{name}_relu6")(x)
    return layers.Activation(act, name=f"{name}_{act}")(x)
