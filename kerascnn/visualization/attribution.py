"""What an answer rests on: gradients, guided backpropagation, Grad-CAM, occlusion.

Everywhere: the model takes raw pixels, (n, height, width, channels), and gives a number a class,
(n, classes); logits are better than probabilities, whose gradient vanishes where a network is sure.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerascnn.errors import UserError
from kerascnn.models.graph import canonical, functional, new_inputs, nodes, walk
from kerascnn.visualization.panels import panels, show_image

SHARE = 4  # the side of the image over that of the occluding square


def input_gradients(model: keras.Model, images: np.ndarray, targets: Sequence[int]) -> np.ndarray:
    """Gradient of each image's target output with respect to its pixels, of the images' shape.

    Source: Simonyan, Vedaldi & Zisserman, "Deep Inside Convolutional Networks", arXiv:1312.6034.
    """
    return _gradient(lambda x: model(x, training=False), images.astype("float32"), targets)


def guided_gradients(model: keras.Model, images: np.ndarray, targets: Sequence[int]) -> np.ndarray:
    """As `input_gradients`, with every ReLU passing back only what raises the output.

    At a ReLU the gradient goes on where both its input and the gradient are positive.

    Source: Springenberg et al., "Striving for Simplicity", arXiv:1412.6806, section 3.4.
    """
    return input_gradients(_guided(model), images, targets)


def grad_cam(model: keras.Model, images: np.ndarray, targets: Sequence[int]) -> np.ndarray:
    """Where the last maps of a network speak for each image's target: (n, height, width), from 0.

    The maps, weighted by the mean gradient of the target with respect to them, summed, without
    what speaks against it, and enlarged bilinearly to the image.

    Raises:
        UserError: the model has no maps, or answers that do not all come out of its last ones.

    Source: Selvaraju et al., "Grad-CAM", arXiv:1610.02391.
    """
    last = last_maps(model)
    outputs = functional(model).outputs
    try:
        tail = keras.Model(last, outputs[0])
    except ValueError:
        raise UserError(f"{model.name}: its answers do not all come out of its last maps") from None
    x = images.astype("float32")
    maps = keras.Model(model.inputs, last).predict(x, verbose=0)
    slopes = _gradient(lambda m: tail(m, training=False), maps, targets).mean(axis=(1, 2))
    spoken = np.maximum(np.einsum("nhwc,nc->nhw", maps, slopes), 0)
    enlarged = ops.image.resize(spoken[..., None], images.shape[1:3], data_format="channels_last")
    return ops.convert_to_numpy(enlarged)[..., 0]


def last_maps(model: keras.Model) -> Any:
    """The last Keras tensor of a model that has places, (batch, height, width, channels)."""
    found = [
        tensor
        for node in nodes(model)
        for tensor in node.outputs
        if len(tensor.shape) == 4 and tensor.shape[1:3] != (1, 1)
    ]
    if not found:
        raise UserError(f"{model.name}: expected maps (batch, height, width, channels), found none")
    return found[-1]


def occlusion_map(model: keras.Model, image: np.ndarray, target: int) -> np.ndarray:
    """How much the target's probability falls when a grey square hides a part of the image.

    A square of a quarter of the image's shorter side moves by half of its own; each pixel gets
    the mean over the squares that hid it.

    Args:
        image: (height, width, channels), raw pixels.

    Returns:
        (height, width); positive where hiding harms.

    Source: Zeiler & Fergus, arXiv:1311.2901, section 4.2.
    """
    height, width, _ = image.shape
    side = max(2, min(height, width) // SHARE)
    corners = [(r, c) for r in _stops(height, side) for c in _stops(width, side)]
    hidden = np.repeat(image[None].astype("float32"), 1 + len(corners), axis=0)
    for each, (row, column) in zip(hidden[1:], corners, strict=True):
        each[row : row + side, column : column + side] = image.mean(axis=(0, 1))
    answers = model.predict(hidden, batch_size=32, verbose=0)
    if _logits(answers):
        answers = ops.convert_to_numpy(ops.softmax(answers))
    sure = answers[:, target]
    harm, seen = np.zeros((height, width)), np.zeros((height, width))
    for (row, column), probability in zip(corners, sure[1:], strict=True):
        harm[row : row + side, column : column + side] += sure[0] - probability
        seen[row : row + side, column : column + side] += 1
    return harm / np.maximum(seen, 1)


def attribution_figure(
    model: keras.Model, images: np.ndarray, targets: Sequence[int], names: Sequence[str]
) -> Any:
    """Draws each image with its gradient, guided backpropagation, Grad-CAM and occlusion map.

    Args:
        images: (n, height, width, channels), raw pixels; a row of the figure each.
        targets: (n,), the class that is asked about. names: of the classes.
    """
    figure, places = panels(len(images), 5)
    plain = np.abs(input_gradients(model, images, targets)).max(axis=-1)
    guided = guided_gradients(model, images, targets)
    cams = grad_cam(model, images, targets)
    titles = ("gradient", "guided backpropagation", "Grad-CAM", "occlusion")
    for row, axes in enumerate(places):
        show_image(axes[0], images[row], names[targets[row]])
        axes[1].imshow(plain[row], "gray")
        show_image(axes[2], _around_grey(guided[row]))
        hides = occlusion_map(model, images[row], targets[row])
        for place, heat in ((axes[3], cams[row]), (axes[4], hides)):
            show_image(place, images[row])
            most = max(float(np.abs(heat).max()), 1e-9)
            if place is axes[3]:
                place.imshow(heat, "inferno", alpha=0.6, vmin=0, vmax=most)
            else:
                place.imshow(heat, "RdBu_r", alpha=0.6, vmin=-most, vmax=most)
        for place, title in zip(axes[1:], titles, strict=True):
            place.set_title(title if row == 0 else "", fontsize=8)
    return figure


def _gradient(function: Callable[[Any], Any], x: np.ndarray, targets: Sequence[int]) -> np.ndarray:
    """The gradient of the sum of each row's target output, with respect to x."""
    chosen = np.asarray(targets)

    def score(value):
        outputs = function(value)
        return ops.sum(outputs * ops.one_hot(chosen, outputs.shape[-1]))

    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        value = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(value)
            total = score(value)
        return np.asarray(tape.gradient(total, value))
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(score)(x))
    raise UserError(f"gradients of pixels are taken on TensorFlow or JAX, Keras runs on {backend}")


@ops.custom_gradient
def _guided_relu(x):
    y = ops.relu(x)

    def gradient(*args, upstream=None):
        above = args[0] if upstream is None else upstream
        return above * ops.cast((x > 0) & (above > 0), above.dtype)

    return y, gradient


class _GuidedReLU(layers.Layer):
    """relu(x), min(relu(x), most) where a ReLU has a largest value."""

    def __init__(self, most=None, **kwargs):
        super().__init__(**kwargs)
        self.most = most

    def call(self, x):
        y = _guided_relu(x)
        return y if self.most is None else ops.minimum(y, self.most)

    def compute_output_shape(self, shape):
        return shape


def _guided(model):
    """A copy of the model whose ReLUs are guided; every other activation stays."""
    flat = canonical(model)

    def call(node, *args, **kwargs):
        operation = node.operation
        if isinstance(operation, layers.ReLU):
            return _GuidedReLU(operation.max_value)(args[0])
        if getattr(operation, "activation", None) in (
            keras.activations.relu,
            keras.activations.relu6,
        ) and isinstance(operation, layers.Activation):
            six = operation.activation is keras.activations.relu6
            return _GuidedReLU(6.0 if six else None)(args[0])
        return operation(*args, **kwargs)

    inputs = new_inputs(flat)
    return keras.Model(inputs, walk(flat, inputs, call), name=model.name)


def _around_grey(gradient):
    """A signed gradient as pixels: zero is grey, three deviations are black and white."""
    return 127.5 + 127.5 * gradient / (3 * gradient.std() + 1e-12)


def _stops(size, side):
    step = max(1, side // 2)
    return [*range(0, size - side, step), size - side]


def _logits(answers):
    return not np.allclose(answers.sum(axis=-1), 1, atol=1e-3) or (answers < 0).any()
