"""Models of keras.applications, as a user brings them: int8 throughout, by the same rules."""

import keras
import numpy as np
import pytest

from export.compression.biases import settle_biases
from export.compression.qat import calibrate, quantize
from export.conversion.tflite import to_tflite
from export.runtimes import Artifact

SIDES = {  # the smallest pictures that they take, or so
    "MobileNetV3Small": 64, "MobileNetV3Large": 64, "EfficientNetB0": 64, "MobileNetV2": 64,
    "ResNet50": 64, "DenseNet121": 64, "InceptionV3": 75,
}  # fmt: skip


def untrained(name, images):
    """A model whose weights carry signal: statistics are those of the images it is shown."""
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(
        weights=None, input_shape=images.shape[1:], classes=10, classifier_activation=None
    )
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if variable.name == "gamma":
            variable.assign(rng.uniform(0.8, 1.2, variable.shape))
        elif variable.name in ("beta", "bias"):
            variable.assign(rng.normal(0, 0.1, variable.shape))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.3
    for _ in range(3):
        model(images, training=True)
    return model


def pictures(side, count=8):
    """Blocks of four pixels, 0..255: what a network can tell apart."""
    small = np.random.default_rng(0).integers(0, 256, (count, side // 4 + 1, side // 4 + 1, 3))
    return np.kron(small, np.ones((1, 4, 4, 1)))[:, :side, :side].astype("float32")


@pytest.mark.full
@pytest.mark.parametrize("name", SIDES)
def test_a_model_of_keras_applications_is_int8_throughout(name, tmp_path):
    images = pictures(SIDES[name])
    model = untrained(name, images)
    simulated = quantize(model)
    calibrate(simulated, [images])
    settle_biases(simulated)
    path = tmp_path / "model.tflite"
    path.write_bytes(to_tflite(simulated))
    with Artifact(path) as artifact:
        assert "DEQUANTIZE" not in {operator["name"] for operator in artifact.operators}
        found, end = artifact.run(images.astype("uint8"))[0], artifact.outputs[0]
    outputs = simulated.predict(images, verbose=0)
    logits = model.predict(images, verbose=0)
    assert np.abs(outputs - logits).max() < 0.2 * np.abs(logits).max()  # of a hundred layers
    wanted = (np.rint(outputs / end["scale"]) + end["zero_point"]).clip(0, 255)
    # Untrained, depth blows the last bit up: steps away, where a trained network is within one.
    assert np.abs(found - wanted).mean() < 13  # a twentieth of the range
