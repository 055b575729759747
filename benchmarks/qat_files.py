"""Which networks each engine of quantization-aware training makes an int8 file of, and how long."""

import time
from collections import Counter

import keras
import numpy as np
import tensorflow as tf

from export.conversion.convert import convert
from export.quantization.quantizer import calibrate, quantized_model
from export.runtimes.tflite_content import float_operators
from export.tfmot import engine as tfmot_engine
from kerascnn.errors import UserError
from kerascnn.models import build

CAPABLE_OF = (
    "resnet20",
    "resnet50_v2",
    "resnext50_32x4d",
    "densenet40_12",
    "mobilenet_v2_035",
    "shufflenet_v1_g3_x0_5",
    "shufflenet_v2_x0_5",
    "xception",
    "fractalnet20",
    "applications.MobileNetV3Small",
    "applications.EfficientNetB0",
    "applications.DenseNet121",
    "applications.InceptionV3",
    "applications.ResNet50",
    "applications.VGG16",
)


def capability(name):
    """What each engine makes of a network: "int8", the operators left float, or why nothing."""
    model = untrained(name)
    shape = model.input_shape[1:]
    images = np.random.default_rng(0).integers(0, 256, (4, *shape)).astype("float32")
    row = {"network": name, "input": "x".join(map(str, shape))}

    def native():
        simulated = quantized_model(model)
        calibrate(simulated, [images])
        return convert(simulated, "tflite")

    for engine, write in (
        ("native", native),
        ("tfmot", lambda: tfmot_engine.quantize(model, [images]).to_tflite()),
    ):
        start = time.perf_counter()
        try:
            left = Counter(float_operators(write()))
            row[engine] = ", ".join(f"{n} {kind}" for kind, n in sorted(left.items())) or "int8"
        except UserError as error:
            row[engine] = str(error)
        row[f"{engine} s"] = time.perf_counter() - start
    keras.utils.clear_session()
    return row


def conversion(name):
    """Seconds from a simulation to its .tflite file: each engine, and as tfmot's guide does it."""
    model = untrained(name)
    images = np.random.default_rng(0).integers(0, 256, (4, *model.input_shape[1:]))
    simulated = quantized_model(model)
    calibrate(simulated, [images.astype("float32")])
    tfmot = tfmot_engine.quantize(model, [images.astype("float32")])

    def by_the_guide():
        converter = tf.lite.TFLiteConverter.from_keras_model(tfmot.model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return converter.convert()

    row = {"network": name}
    for column, write in (
        ("native", lambda: convert(simulated, "tflite")),
        ("tfmot", tfmot.to_tflite),
        ("tfmot, from_keras_model", by_the_guide),
    ):
        start = time.perf_counter()
        write()
        row[column] = time.perf_counter() - start
    row["from_keras_model / native"] = row["tfmot, from_keras_model"] / row["native"]
    keras.utils.clear_session()
    return row


def untrained(name):
    """A network with ten classes, 64 pixels wide where it can be."""
    library, _, kind = name.rpartition(".")
    for side in (64, 96, None):
        try:
            if library:
                return getattr(keras.applications, kind)(
                    weights=None,
                    input_shape=(side, side, 3),
                    classes=10,
                    classifier_activation=None,
                )
            return build(name, input_shape=side and (side, side, 3), num_classes=10)
        except (UserError, ValueError):
            if side is None:
                raise
