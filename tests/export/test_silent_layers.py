"""Networks that learned nothing, or in part: layers that give 0 whatever they are given."""

import keras
import numpy as np
import pytest
from keras import layers

import kerascnn
from kerascnn import export
from kerascnn.errors import UserError
from kerascnn.models.graph import normalized

PIXELS = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 3)).astype("float32")
RUNTIMES = ["a.tflite", "a.onnx"]


def network():
    image = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(x)
    y = layers.Conv2D(8, 3, padding="same", use_bias=False, name="branch")(x)
    x = layers.Add()([x, layers.BatchNormalization(name="branch_bn")(y)])
    x = layers.Conv2D(8, 3, activation="relu", name="last")(x)
    return keras.Model(image, layers.Dense(4, name="logits")(layers.GlobalAveragePooling2D()(x)))


def silenced(name):
    """A network with a layer whose output is 0 for every image."""
    keras.utils.set_random_seed(0)
    model = network()
    layer = model.get_layer(name)
    if name == "branch_bn":  # as networks begin that start their branches at zero
        layer.gamma.assign(np.zeros_like(layer.gamma))
    elif name == "logits":
        layer.kernel.assign(np.zeros_like(layer.kernel))
    else:
        layer.bias.assign(np.full_like(layer.bias, -1000.0))
    return model


@pytest.mark.parametrize("name", ["first", "branch_bn", "last", "logits"])
def test_a_layer_that_gives_zeros_makes_a_file_that_runs(tmp_path, name):
    """No runtime takes a scale of 0: "failed to create XNNPACK runtime"."""
    files = [tmp_path / file for file in RUNTIMES]
    options = {"recipe": "static_wi8_ai8", "evidence": PIXELS}
    for made in export.deliver(silenced(name), files, **options):
        assert made.passed
        # What answers all images alike proves nothing, and the verdict says so.
        assert bool(made.verdict.doubt) == (name != "branch_bn")


def test_a_network_in_network_that_died_makes_a_file_that_runs(tmp_path):
    """It ends in a ReLU and an average: where training has killed that, all answers are 0."""
    keras.utils.set_random_seed(0)
    network = kerascnn.build("nin_cifar10", input_shape=(32, 32, 3))
    model = normalized(network, kerascnn.config.Normalize())
    last = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)][-1]
    last.bias.assign(np.full_like(last.bias, -1000.0))
    x = PIXELS.repeat(2, 1).repeat(2, 2)
    files = [tmp_path / file for file in RUNTIMES]
    for made in export.deliver(model, files, recipe="static_wi8_ai8", evidence=x):
        assert made.passed and "proves little" in made.verdict.doubt


def test_training_does_not_shrink_the_range_of_what_is_silent():
    quantized = export.quantize(silenced("branch_bn"), PIXELS)
    quantized.compile(keras.optimizers.SGD(0.0), "mse")
    quantized.fit(PIXELS, np.zeros((32, 4)), epochs=2, verbose=0)
    spans = [
        float(x.maximum - x.minimum) for x in quantized.layers if x.name.startswith("branch_bn_q")
    ]
    assert spans and min(spans) >= 0.99


def test_weights_that_are_not_finite_are_told_in_one_line(tmp_path):
    model = network()
    layer = model.get_layer("last")
    layer.bias.assign(np.full_like(layer.bias, np.nan))
    with pytest.raises(UserError, match="weights that are not finite"):
        export.deliver(model, [tmp_path / "a.tflite"], recipe="static_wi8_ai8", evidence=PIXELS)
