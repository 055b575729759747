"""Which models take pixels: those that begin by normalizing them, however that is written."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.applications import densenet, resnet_v2, vgg16
from small_networks import randomized

import kerascnn as package
from export.subject.meaning import pixel_inputs

MEANS_BGR = np.array([103.939, 116.779, 123.68], "float32")
OF_PIXELS = {
    "caffe, by keras.applications": vgg16.preprocess_input,
    "-1..1, by keras.applications": resnet_v2.preprocess_input,
    "torch, by keras.applications": densenet.preprocess_input,
    "flipped channels": lambda x: keras.ops.flip(x, axis=-1) - MEANS_BGR,
    "a slice of channels": lambda x: layers.Rescaling(1.0, -MEANS_BGR)(x[..., ::-1]),
    "joined channels": lambda x: layers.Rescaling(1 / 255)(
        layers.Concatenate()([x[..., 2:], x[..., 1:2], x[..., :1]])
    ),
    "resized first": lambda x: layers.Rescaling(1 / 255)(layers.Resizing(12, 12)(x)),
}
OF_FLOATS = {
    "nothing": lambda x: x,
    "0..1 in": lambda x: x * 2 - 1,
    "channels alone": lambda x: x[..., ::-1],
    "an activation": layers.ReLU(),
}


def network(front):
    image = keras.Input((24, 24, 3))
    x = layers.Conv2D(8, 3, activation="relu")(front(image))
    outputs = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
    return randomized(keras.Model(image, outputs, name="fronted"))


def photos(folder):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        picture = rng.integers(0, 256, (30, 26, 3), np.uint8)
        (folder / f"{number}.png").write_bytes(tf.io.encode_png(picture).numpy())
    return folder


@pytest.mark.parametrize("name", OF_PIXELS)
def test_a_model_that_normalizes_pixels_takes_them(name):
    assert pixel_inputs(network(OF_PIXELS[name])) == (True,)


@pytest.mark.parametrize("name", OF_FLOATS)
def test_a_model_that_does_not_takes_its_own_floats(name):
    assert pixel_inputs(network(OF_FLOATS[name])) == (False,)


@pytest.mark.parametrize("name", ["vgg16", "vgg19", "resnet50_v1_keras"])
def test_networks_with_caffes_preprocessing_take_pixels(name):
    plain = package.build(name, input_shape=(32, 32, 3), num_classes=4)
    model = package.normalized(plain, package.preprocessing(name))
    assert (pixel_inputs(plain), pixel_inputs(model)) == ((False,), (True,))


@pytest.mark.parametrize(
    "recipe", [pytest.param("float32", marks=pytest.mark.full), "static_wi8_ai8"]
)
@pytest.mark.parametrize("name", ["caffe, by keras.applications", "a slice of channels", "resized"])
def test_a_folder_of_photos_converts_it(kerascnn, tmp_path, name, recipe):
    front = OF_PIXELS.get(name) or OF_PIXELS["resized first"]
    network(front).save(tmp_path / "mine.keras")
    images = photos(tmp_path / "photos")
    convert = ("convert", tmp_path / "mine.keras", "--to", "tflite", "onnx", "--recipe", recipe)
    code, out, err = kerascnn(*convert, "--images", images)
    assert code == 0, out + err
    (metadata,) = tmp_path.glob("*.tflite.json")
    (end,) = json.loads(metadata.read_text())["inputs"]
    assert (end["dtype"], end["color"]) == ("uint8", "RGB")


def test_a_preprocessing_of_ones_own():
    plain = package.build("resnet8", num_classes=4)
    model = package.normalized(plain, package.Preprocessing((120.0, 110.0, 100.0), 60.0))
    grey = np.full((1, 32, 32, 3), (180, 170, 160), "float32")
    np.testing.assert_allclose(model(grey), plain(np.ones((1, 32, 32, 3))), atol=1e-5)


@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [
        (127.5, 0.0, "std: expected grey levels above 0"),
        (float("nan"), 1.0, "mean: expected a number"),
        ((1.0, 2.0, 3.0), (1.0, 2.0), "a mean and a std a channel"),
        ([1.0, 2.0], 1.0, "mean: expected a number, or a tuple"),
    ],
)
def test_a_preprocessing_that_makes_no_sense(mean, std, words):
    with pytest.raises(package.UserError, match=words):
        package.Preprocessing(mean, std)
