"""Half of the multiplications removed from a network of your own: what it costs, what it gains.

    python examples/thinner_and_faster.py [FOLDER]

Trains a small CNN on scikit-learn's digits, removes channels, trains on, and writes, checks and
times a .tflite file of both.
"""

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from kerascnn import export


def data():
    """((images, labels) to train on, the same to judge by); images (n, 8, 8, 1), 0..1."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    x, y = digits.images[order, ..., None].astype("float32") / 16, digits.target[order]
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


def train(model, images, labels, epochs):
    """Compiles and fits, as you would do it anywhere."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss, metrics=["accuracy"])
    model.fit(images, labels, batch_size=64, epochs=epochs, verbose=0)


def main(folder):
    keras.utils.set_random_seed(0)
    training, judging = data()
    wide = keras.Sequential([keras.Input((8, 8, 1))], name="digits")
    for filters in (32, 64, 64):
        wide.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
    for layer in (layers.GlobalAveragePooling2D(), layers.Dense(10)):
        wide.add(layer)
    train(wide, *training, epochs=12)
    thin = export.remove_channels(wide, macs=0.5, data=training)  # by the loss it was trained with
    train(thin, *training, epochs=6)

    files = [folder / "wide.tflite", folder / "thin.tflite"]
    for model, file in zip((wide, thin), files, strict=True):
        export.deliver(model, [file], evidence=judging)
    for model, timing in zip((wide, thin), export.benchmark(files), strict=True):
        size, accuracy = Path(timing.file).stat().st_size, model.evaluate(*judging, verbose=0)[1]
        print(f"{timing.file}: {size:,} bytes, {timing.median:.3f} ms, {accuracy:.2%} right")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else tempfile.mkdtemp()))
