"""What the operations of a network are to an int8 kernel: which hand integers on, which have a
range of their own, which exist in training alone."""

import fnmatch
from collections.abc import Sequence

import keras
from keras import layers

import kerascnn.layers as ours

PACKAGE = "kerascnn.compress"  # under which Keras registers what this package adds to it
FIRST = "_depthwise", "_column"  # what the names of the first of two layers end in
HIGHEST_TANH = 127 / 128  # of a scale that -1 is a whole number of steps in
# Layers that give out what they take, but in training: a file knows nothing of them.
AUGMENTING = tuple(
    getattr(layers, name)
    for name in (
        "AugMix",
        "MixUp",
        "CutMix",
        "RandAugment",
        "RandomBrightness",
        "RandomColorDegeneration",
        "RandomColorJitter",
        "RandomContrast",
        "RandomElasticTransform",
        "RandomErasing",
        "RandomFlip",
        "RandomGaussianBlur",
        "RandomGrayscale",
        "RandomHue",
        "RandomInvert",
        "RandomPerspective",
        "RandomPosterization",
        "RandomRotation",
        "RandomSaturation",
        "RandomSharpness",
        "RandomShear",
        "RandomTranslation",
        "RandomZoom",
    )
    if hasattr(layers, name)
)
TRAINING_ONLY = (
    layers.Dropout,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
    layers.GaussianNoise,
    layers.GaussianDropout,
    layers.AlphaDropout,
    layers.ActivityRegularization,
    *AUGMENTING,
)
PASS_THROUGH = (
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.ZeroPadding2D,
    layers.Cropping2D,
    layers.Flatten,
    layers.Reshape,
    layers.Permute,
    layers.RepeatVector,
    layers.Resizing,
    ours.CeilMaxPooling2D,
    ours.SpatialPyramidPooling2D,
    ours.ChannelShuffle,
    ours.ChannelSplit,
    ours.ChannelZeroPadding,
    ours.DepthToSpace,
    *TRAINING_ONLY,
)
# Kernels of several inputs that have all of them, and the output, on one scale.
ONE_SCALE = (layers.Concatenate, layers.Maximum, layers.Minimum)
# The output quantization that TFLite's kernels demand.
FIXED_RANGES = {"sigmoid": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128), "softmax": (0.0, 255 / 256)}


def activation_name(layer: keras.Operation) -> str | None:
    """The name of the activation that a layer is, or None."""
    if saturation(layer):
        return "saturating"
    if isinstance(layer, layers.ReLU):
        settings = layer.max_value, bool(layer.negative_slope), layer.threshold
        names = {
            (None, False, 0): "relu",
            (6.0, False, 0): "relu6",
            (None, True, 0): "leaky_relu",
        }
        unknown = f"ReLU(max_value={layer.max_value}, negative_slope={layer.negative_slope}, "
        return names.get(settings, f"{unknown}threshold={layer.threshold})")
    if isinstance(layer, layers.ELU):
        return "elu" if layer.alpha == 1 else f"ELU(alpha={layer.alpha})"
    if isinstance(layer, layers.Softmax):
        return "softmax"
    if isinstance(layer, layers.LeakyReLU):
        return "leaky_relu"
    return layer.activation.__name__ if isinstance(layer, layers.Activation) else None


def saturation(layer: keras.Operation) -> tuple[float, float] | None:
    """The range that an activation is cut to by saturation in int8, or None for other layers."""
    if isinstance(layer, layers.ReLU):
        straight = layer.negative_slope == layer.threshold == 0
        most = layer.max_value or 0
        capped = straight and most not in (0, 6)  # with 6 it has a kernel
        return (0.0, float(most)) if capped else None
    tanh = isinstance(layer, layers.Activation) and layer.activation is keras.activations.hard_tanh
    return (-1.0, HIGHEST_TANH) if tanh else None


def is_excluded(layer: keras.Operation, patterns: Sequence[str]) -> bool:
    """Whether a layer's name fits one of these shell patterns.

    Of a separable convolution both halves go by its name, and the activation that was written
    inside a layer goes by that layer's.
    """
    ends = FIRST
    if isinstance(layer, layers.ReLU):
        ends = "_relu", "_relu6"
    elif isinstance(layer, layers.Activation):
        ends = (f"_{layer.activation.__name__}",)
    names = {layer.name, *(layer.name.removesuffix(end) for end in ends)}
    return any(fnmatch.filter(names, pattern) for pattern in patterns)
