"""A U-Net that finds discs in noise, trained with tf.data, then for int8; judged by its own metric.

python examples/segmentation_int8.py [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerascnn import export


def drawn(count, seed, side=32):
    """tf.data of (pixels 0..255, mask 0 or 1) in batches: a disc on a noisy background."""
    rng = np.random.default_rng(seed)
    at, radius = rng.uniform(8, side - 8, (2, count, 1, 1)), rng.uniform(4, 8, (count, 1, 1))
    down, right = np.mgrid[:side, :side]
    masks = (down - at[0]) ** 2 + (right - at[1]) ** 2 < radius**2
    images = rng.normal(110, 30, (count, side, side, 3)) + 40 * masks[..., None]
    images = images.clip(0, 255).round().astype("float32")
    return tf.data.Dataset.from_tensor_slices((images, masks.astype("int32"))).batch(32)


def u_net():
    same = {"padding": "same", "activation": "relu"}
    image = keras.Input((32, 32, 3))
    wide = layers.Conv2D(8, 3, **same)(layers.Rescaling(1 / 127.5, -1)(image))
    deep = layers.Conv2D(16, 3, **same)(layers.MaxPooling2D()(wide))
    up = layers.Conv2DTranspose(8, 2, strides=2)(layers.Conv2D(16, 3, **same)(deep))
    x = layers.Conv2D(8, 3, **same)(layers.Concatenate()([up, wide]))
    return keras.Model(image, layers.Conv2D(2, 1, name="mask")(x))


def overlap(targets, logits):
    """Intersection over union of the discs: 1 is perfect."""
    both = np.stack([logits.argmax(-1) == 1, targets == 1])
    return both.all(0).sum() / both.any(0).sum()


def main(folder):
    keras.utils.set_random_seed(0)
    training, judging = drawn(512, seed=1), drawn(128, seed=2)
    model, loss = u_net(), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.005), loss=loss)
    model.fit(training, epochs=6, shuffle=False, verbose=0)
    quantized = export.quantize(model, training)
    quantized.compile(optimizer=keras.optimizers.Adam(0.0005), loss=loss)
    quantized.fit(training, epochs=2, shuffle=False, verbose=0)
    files = [folder / "discs_int8.tflite", folder / "discs_int8.onnx"]
    for file in export.deliver(quantized, files, evidence=judging, metric=overlap, mode="max"):
        print(f"{file.path.name}: intersection over union {file.verdict.accuracy['artifact']:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else tempfile.mkdtemp()))
