"""Runs saved networks on the backend of this process: python on_this_backend.py FOLDER.

For every NAME.keras of the folder, with the images NAME.npy, writes NAME.npz: the outputs, and the
Euclidean norm of the gradient of each trainable weight.
"""

import sys
from pathlib import Path

import keras
import numpy as np

import kerascnn.layers  # noqa: F401, so that saved networks find them


def run(model, images):
    """Returns the outputs of a network as a list of arrays, and the norms of its gradients.

    The gradient is that of a weighed sum of the logits, which none of them can leave at zero.
    """
    trainable = [weight.value for weight in model.trainable_variables]
    fixed = [weight.value for weight in model.non_trainable_variables]

    def loss(weights):
        outputs, _ = model.stateless_call(weights, fixed, images)
        outputs = keras.tree.flatten(outputs)
        sums = [
            keras.ops.sum(y * keras.ops.arange(1, y.shape[-1] + 1, dtype="float32"))
            for y in outputs
        ]
        return sum(sums), outputs

    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        gradients, outputs = jax.jit(jax.grad(loss, has_aux=True))(trainable)
    elif backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(trainable)
            total, outputs = loss(trainable)
        gradients = tape.gradient(total, trainable)
    else:
        total, outputs = loss(trainable)
        total.backward()
        gradients = [weight.grad for weight in trainable]
    arrays = [keras.ops.convert_to_numpy(keras.ops.stop_gradient(y)) for y in outputs]
    norms = [0 if g is None else np.linalg.norm(keras.ops.convert_to_numpy(g)) for g in gradients]
    return arrays, norms


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.keras")):
        outputs, norms = run(keras.saving.load_model(path), np.load(path.with_suffix(".npy")))
        np.savez(path.with_suffix(".npz"), *outputs, norms=norms)
