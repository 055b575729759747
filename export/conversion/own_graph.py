"""What a model that was not trained here is like: its input, and what it does in training alone."""

import keras
import numpy as np
from keras import layers

from export.compression.compress import is_int8
from kerascnn.errors import UserError
from kerascnn.models.graph import consumers, functional, new_inputs, walk
from kerascnn.training import refuse_not_finite

PIXELS_SHRINK_BELOW = 64.0  # |normalized pixel|; what was made for 0..1 leaves 255 in the hundreds
ONLY_IN_TRAINING = (
    layers.RandomFlip, layers.RandomRotation, layers.RandomZoom, layers.RandomTranslation,
    layers.RandomContrast, layers.RandomBrightness, layers.RandomHue, layers.RandomSaturation,
    layers.RandomShear, layers.RandomErasing, layers.RandomPerspective, layers.RandomGrayscale,
    layers.GaussianNoise, layers.GaussianDropout, layers.ActivityRegularization,
)  # fmt: skip


def refuse_odd(model, path):
    """The shape of a model's one input; UserError where it is none that can be converted here."""
    try:
        inputs = functional(model).inputs
    except UserError:
        raise UserError(
            f"{path}: a {type(model).__name__}, whose layers cannot be seen; save "
            "keras.Model(image, model(image)) instead, with image = keras.Input(SHAPE)"
        ) from None
    if is_int8(model):
        raise UserError(f"{path}: simulates int8 for its run; kerascnn convert RUN")
    if len(inputs) != 1:
        raise UserError(
            f"{path}: has {len(inputs)} inputs, expected one; export.convert(model, to) gives the "
            "bytes of its file, to be compared by you"
        )
    shape, dtype = inputs[0].shape[1:], inputs[0].dtype
    if None in shape:
        raise UserError(
            f"{path}: expected an input of a fixed size, got {shape}; save "
            "keras.Model(image, model(image)), with image = keras.Input((HEIGHT, WIDTH, CHANNELS))"
        )
    if dtype not in ("float32", "uint8"):
        raise UserError(f"{path}: takes {dtype}, expected float32 or uint8")
    refuse_not_finite(model, path)
    return tuple(shape)


def takes_pixels(model):
    """Whether a model's first layer is a Rescaling or Normalization that is made for 0..255."""
    try:
        graph = functional(model)
    except UserError:
        return False  # a subclassed one within
    image = graph.inputs[0]
    if image.dtype == "uint8":
        return True
    takers = [node.operation for node in consumers(graph).get(id(image), [])]
    return bool(takers) and all(map(_takes_pixels, takers))


def _takes_pixels(operation):
    if isinstance(operation, keras.Model):
        return takes_pixels(operation)
    if not isinstance(operation, layers.Rescaling | layers.Normalization):
        return False
    shape = operation.input.shape[1:]
    ends = np.stack([np.zeros(shape, "float32"), np.full(shape, 255, "float32")])
    return bool(np.abs(keras.ops.convert_to_numpy(operation(ends))).max() < PIXELS_SHRINK_BELOW)


def of_integers(model, values):
    """A model that takes floats, as one that takes 0..255, and those integers for its values.

    The integers span the range of the values, with zero among them: x = scale (q - zero point).
    """
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    scale = (high - low) / 255 or 1.0
    zero_point = round(-low / scale)
    image = keras.Input(values.shape[1:], name="image")
    floats = layers.Rescaling(scale, -zero_point * scale, name="input_scale")(image)
    integers = np.rint(values / scale) + zero_point
    return (
        keras.Model(image, model(floats), name=model.name),
        integers.clip(0, 255).astype(np.uint8),
    )


def without_augmentation(model):
    """A model, with the same layers, that leaves out what changes nothing at inference."""
    if not _augments(model):
        return model

    def call(node, *args, **kwargs):
        operation = node.operation
        if isinstance(operation, ONLY_IN_TRAINING):
            return args[0]
        if isinstance(operation, keras.Model) and _augments(operation):
            return walk(operation, args[0], call)
        return operation(*args, **kwargs)

    images = new_inputs(model)
    return keras.Model(images, walk(model, images, call), name=model.name)


def _augments(model):
    return any(
        isinstance(layer, ONLY_IN_TRAINING) or (isinstance(layer, keras.Model) and _augments(layer))
        for layer in model.layers
    )
