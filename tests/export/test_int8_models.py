"""Models of keras.applications, as a user brings them: int8 throughout, by the same rules."""

import keras
import numpy as np
import pytest

from benchmarks.signal_weights import carry_signal, photographs
from benchmarks.zoo_matrix import CLASSES, COMPARED, IMAGES
from export.conversion.onnx import to_onnx
from export.conversion.tflite import to_tflite
from export.proof.verification import noise
from export.quantization.biases import settle_biases
from export.quantization.quantizer import calibrate, quantized_model
from export.runtimes import Artifact
from kerascnn.evaluation import predictions

STEPS = 0.999  # of int8 outputs within a step of the simulation
SIDES = {  # the smallest pictures that they take, or so
    "MobileNetV3Small": 64,
    "MobileNetV3Large": 64,
    "EfficientNetB0": 64,
    "MobileNetV2": 64,
    "ResNet50": 64,
    "DenseNet121": 64,
    "InceptionV3": 75,
}


def with_signal(name, images):
    """A model, raw pixels -> logits, in which the images still differ at the end."""
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(
        weights=None, input_shape=images.shape[1:], classes=CLASSES, classifier_activation=None
    )
    carry_signal(model, images)
    return model


def ran(made, kind, images, folder):
    """What the bytes of a file give for images, and what it says of itself."""
    path = folder / f"model.{kind}"
    path.write_bytes(made)
    with Artifact(path) as artifact:
        return artifact.run([images])[0].astype(int), artifact


@pytest.mark.full  # networks of the zoo that are small go the same way in test_zoo_matrix
@pytest.mark.parametrize("name", SIDES)
def test_a_model_of_keras_applications_is_int8_throughout(name, tmp_path):
    images = photographs((SIDES[name], SIDES[name], 3), COMPARED)
    model = with_signal(name, images[:IMAGES])
    simulated = quantized_model(model)
    calibrate(simulated, [images[:IMAGES].astype("float32")])
    settle_biases(simulated)
    (logits,), (outputs,) = (predictions(m, [images]) for m in (model, simulated))
    assert noise(outputs, logits) < 0.2  # 8 bits a layer, up to 120 of them: 0.01 to 0.1 measured
    found, artifact = ran(to_tflite(simulated, batch=None), "tflite", images, tmp_path)
    assert not artifact.float_operators
    end = artifact.outputs[0]
    wanted = (np.rint(outputs / end["scale"]) + end["zero_point"]).clip(0, 255)
    assert wanted.std(axis=0).min() > 2  # steps: equal outputs would agree by themselves
    assert (np.abs(found - wanted) <= 1).mean() >= STEPS
    others, _ = ran(to_onnx(simulated, batch=None), "onnx", images, tmp_path)
    # Where a hard swish falls within 0.01 of a half, TFLite's kernel, in fixed point, may turn it.
    assert (np.abs(others - found) <= 1).mean() >= STEPS
