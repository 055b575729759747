"""Weights that carry a signal, for networks that nobody trained.

With plainly random weights an int8 network strays from its own simulation whatever made it: a
rounding that falls the other way is as loud as the signal, and each layer adds some. So, layer
after layer, a kernel becomes the gradient towards random features of images, batch normalization
gets the statistics of what arrives, and a kernel without one behind it is scaled to outputs of
variance 1, which the branches of a very deep residual network share. The images
are crops of the photographs inside scikit-learn.
"""

import numpy as np
from keras import layers, ops

from kerascnn.models.graph import consumers, functional, nodes, walk

MANY = 100  # residual branches: more of them share the variance
ENDS_OF_BRANCHES = (layers.Conv2D, layers.BatchNormalization)


def photographs(shape, count):
    """Crops of the two photographs inside scikit-learn: (count, *shape), uint8."""
    from sklearn.datasets import load_sample_images

    rng, crops = np.random.default_rng(0), []
    sources = [image.astype("float32") for image in load_sample_images().images]
    for i in range(count):
        image = sources[i % len(sources)]
        side = int(rng.integers(32, min(image.shape[:2])))
        top, left = (int(rng.integers(0, n - side + 1)) for n in image.shape[:2])
        crop = ops.image.resize(image[top : top + side, left : left + side], shape[:2])
        crop = ops.convert_to_numpy(crop)
        crops.append(crop if shape[2] == 3 else crop.mean(-1, keepdims=True).repeat(shape[2], -1))
    return np.clip(np.rint(np.stack(crops)), 0, 255).astype("uint8")


def carry_signal(model, pixels):
    """Sets statistics and scales of a model from what `pixels` become in it. In place."""
    model = functional(model)
    rng, takers, done = np.random.default_rng(0), consumers(model), set()
    residuals = _residuals(model)

    def call(node, *args, **kwargs):
        layer = node.operation
        if getattr(layer, "_call_has_training_arg", False):
            kwargs["training"] = False
        if not getattr(layer, "weights", ()) or id(layer) in done:
            return layer(*args, **kwargs)
        done.add(id(layer))
        quieter = residuals.get(id(node), 1.0)
        for variable in layer.weights:
            if variable.name in ("beta", "bias"):
                variable.assign(rng.normal(0, 0.2, variable.shape) / quieter)
            elif variable.name == "gamma":
                variable.assign(rng.uniform(0.5, 1.5, variable.shape) / quieter)
        if isinstance(layer, layers.BatchNormalization):
            axes = tuple(range(args[0].ndim - 1))
            layer.moving_mean.assign(ops.mean(args[0], axes))
            layer.moving_variance.assign(ops.var(args[0], axes) + 1e-3)
            return layer(*args, **kwargs)
        if hasattr(layer, "kernel"):
            layer.kernel.assign(_towards_features(layer, args[0], rng))
        followers = [n.operation for n in takers.get(id(node.outputs[0]), ())]
        normalized_next = any(isinstance(x, layers.BatchNormalization) for x in followers)
        if hasattr(layer, "kernel") and not normalized_next:
            spread = float(ops.std(layer(*args, **kwargs))) * quieter
            layer.kernel.assign(layer.kernel / max(spread, 1e-6))
        return layer(*args, **kwargs)

    walk(model, [ops.convert_to_tensor(pixels.astype("float32"))], call)


def _residuals(model):
    """id of a node that is added to what skips it -> the root of their number, in deep networks.

    A trained residual branch changes what skips it a little (Greff et al., arXiv:1612.07771). Of
    hundreds as loud as the signal itself, each hands on and adds roundings until a simulation comes
    no nearer to itself than a file comes to it, if its sums are made in another order: what
    `export.proof.steadiness` measures.
    """
    makers = {id(x): node for node in nodes(model) for x in node.outputs}
    found = []
    for node in nodes(model):
        if isinstance(node.operation, layers.Add):
            ends = [makers.get(id(x)) for x in node.input_tensors]
            branches = [x for x in ends if x and isinstance(x.operation, ENDS_OF_BRANCHES)]
            if len(branches) < len(ends):  # else nothing skips: one is a projection
                found += branches
    return {id(node): len(found) ** 0.5 for node in found} if len(found) > MANY else {}


def _towards_features(layer, x, rng):
    """The kernel that tells random features of the images apart best: their covariance.

    Each image counts the same. Else the loudest would count most, layer after layer, until all
    others give the same output; and equal outputs agree by themselves.
    """
    import tensorflow as tf

    x = x - tf.reduce_mean(x, 0, keepdims=True)
    x = x / (tf.math.reduce_std(x, list(range(1, len(x.shape))), keepdims=True) + 1e-6)
    with tf.GradientTape() as tape:
        y = layer(x)
        target = rng.normal(size=(y.shape[0], *[1] * (len(y.shape) - 2), y.shape[-1]))
        loss = tf.reduce_mean(y * (target - target.mean(0)).astype("float32"))
    gradient = tape.gradient(loss, layer.kernel)
    return gradient / tf.maximum(tf.math.reduce_std(gradient), 1e-12) * 0.1
