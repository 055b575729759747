"""tensorflow-model-optimization's steps, and what stands for each of them here.

python examples/coming_from_tfmot.py [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from kerascnn import export


def compiled(model, rate):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss, metrics=["accuracy"])
    return model


def main(folder):
    keras.utils.set_random_seed(0)
    x, y = load_digits(return_X_y=True)
    x = (x.reshape(-1, 8, 8, 1) * 255 / 16).round().astype("float32")
    training, judging = (x[:1400], y[:1400]), (x[1400:], y[1400:])
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(1 / 255)])
    model.add(layers.Conv2D(32, 3, padding="same", activation="relu"))
    for layer in (layers.Conv2D(32, 3, activation="relu"), layers.Flatten(), layers.Dense(10)):
        model.add(layer)
    compiled(model, 0.005).fit(*training, epochs=8, verbose=0)

    # schedule = tfmot.sparsity.keras.PolynomialDecay(0, 0.5, 0, steps)
    # model = tfmot.sparsity.keras.prune_low_magnitude(model, pruning_schedule=schedule)
    # model.compile(...)
    # model.fit(..., callbacks=[tfmot.sparsity.keras.UpdatePruningStep()])
    # model = tfmot.sparsity.keras.strip_pruning(model)
    model.fit(*training, epochs=4, verbose=0, callbacks=[export.Pruning(model, sparsity=0.5)])

    # scheme = tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme()
    # annotated = tfmot.quantization.keras.quantize_annotate_model(model)
    # model = tfmot.quantization.keras.quantize_apply(annotated, scheme)
    quantized = compiled(export.quantize(model, training), 0.0005)  # it keeps the zeros
    quantized.fit(*training, epochs=3, verbose=0)

    # converter = tf.lite.TFLiteConverter.from_keras_model(model)
    # converter.optimizations = [tf.lite.Optimize.DEFAULT]
    # Path("digits.tflite").write_bytes(converter.convert())  # and then: is it right?
    files = [folder / "digits.tflite", folder / "digits.onnx"]
    for file in export.deliver(quantized, files, evidence=judging):
        print(f"{file.path.name}: {file.verdict.accuracy['artifact']:.2%} right")
    kernels = [w.numpy() for w in export.strip(quantized).weights if w.path.endswith("kernel")]
    print(f"{np.mean(np.concatenate([w.ravel() for w in kernels]) == 0):.0%} of the weights are 0")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else tempfile.mkdtemp()))
