"""Transfer learning: a new head on a frozen backbone, thawed, then trained for int8.

    python examples/transfer_then_int8.py [FOLDER]

The backbone learns the digits 0 to 4 here; the new head tells 5 to 9.
"""

import sys
import tempfile
from pathlib import Path

import keras
from keras import layers
from sklearn.datasets import load_digits

from kerascnn import export

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def train(model, images, labels, rate, epochs):
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=LOSS, metrics=["accuracy"])
    model.fit(images, labels, epochs=epochs, verbose=0)


def under_a_head(backbone):
    image = keras.Input((8, 8, 1))
    x = backbone(layers.Rescaling(1 / 127.5, -1)(image))
    return keras.Model(image, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


def main(folder):
    keras.utils.set_random_seed(0)
    x, y = load_digits(return_X_y=True)
    x = (x.reshape(-1, 8, 8, 1) * 255 / 16).round().astype("float32")
    known = y < 5
    backbone = keras.Sequential([keras.Input((8, 8, 1))], name="backbone")
    for filters in (16, 32):
        backbone.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        backbone.add(layers.BatchNormalization(momentum=0.9))
        backbone.add(layers.ReLU())
    train(under_a_head(backbone), x[known], y[known], 0.01, epochs=8)

    images, labels = x[~known], y[~known] - 5
    training, judging = (images[:640], labels[:640]), (images[640:], labels[640:])
    backbone.trainable = False
    model = under_a_head(backbone)  # frozen: its batch statistics stay, too
    train(model, *training, rate=0.01, epochs=15)
    print(f"head alone: {model.evaluate(*judging, verbose=0)[1]:.2%} right")

    quantized = export.quantize(model, training)
    quantized.get_layer("backbone").trainable = True  # nested models are found by their names
    train(quantized, *training, rate=0.001, epochs=8)
    files = [folder / "five_to_nine_int8.tflite", folder / "five_to_nine_int8.onnx"]
    for file in export.deliver(quantized, files, evidence=judging):
        print(f"{file.path.name}: {file.verdict.accuracy['artifact']:.2%} right")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else tempfile.mkdtemp()))
