"""Quantization-aware training of a network of your own, and the two files that come of it.

python examples/qat_own_script.py [FOLDER]
"""

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from kerascnn import export


def data():
    """((images, labels) to train on, the same to judge by); images (n, 8, 8, 1), pixels 0..255."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    x, y = (digits.images[order, ..., None] * 255 / 16).round().astype("float32"), digits.target
    return (x[:1400], y[order][:1400]), (x[1400:], y[order][1400:])


def network():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Rescaling(1 / 255),  # in the model, so that files take pixels as they are
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )


def main(folder):
    keras.utils.set_random_seed(0)
    training, judging = data()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = network()
    model.compile(optimizer=keras.optimizers.Adam(0.005), loss=loss, metrics=["accuracy"])
    model.fit(*training, epochs=12, verbose=0)

    quantized = export.quantize(model, training)
    quantized.compile(optimizer=keras.optimizers.Adam(0.0005), loss=loss, metrics=["accuracy"])
    quantized.fit(*training, epochs=4, verbose=0, callbacks=[export.FreezeStatistics(epoch=3)])

    plain = export.deliver(model, [folder / "digits_float32.tflite"], evidence=judging)
    files = [folder / "digits_int8.tflite", folder / "digits_int8.onnx"]
    for file in plain + export.deliver(quantized, files, evidence=judging):
        right, size = file.verdict.accuracy["artifact"], file.path.stat().st_size
        print(f"{file.path.name:22} {size:>7,} bytes  {right:.2%} right, run by {file.engine}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "."))
