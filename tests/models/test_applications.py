"""The weights of keras.applications: its networks with drawn weights against ours, offline.

What it returns for weights="imagenet" is replaced by a network that got its weights here.
"""

import keras
import numpy as np
import pytest
from drawn_weights import pixels

import kerascnn
from kerascnn import UserError
from kerascnn.models.graph import rescaling
from kerascnn.models.weights.applications import APPLICATIONS
from kerascnn.models.weights.preprocessing import CAFFE

MODULES = {  # where the preprocessing of each function lives
    "VGG16": "vgg16",
    "VGG19": "vgg19",
    "Xception": "xception",
    "InceptionV3": "inception_v3",
    "InceptionResNetV2": "inception_resnet_v2",
    "MobileNet": "mobilenet",
    "MobileNetV2": "mobilenet_v2",
    **{f"ResNet{depth}": "resnet" for depth in (50, 101, 152)},
    **{f"ResNet{depth}V2": "resnet_v2" for depth in (50, 101, 152)},
    **{f"DenseNet{depth}": "densenet" for depth in (121, 169, 201)},
}
SMALLEST = {"mobilenet_v1_025", "mobilenet_v2_035", "resnet50_v1_keras", "xception"}
ALPHAS = {"025": 0.25, "035": 0.35, "050": 0.5, "075": 0.75, "130": 1.3, "140": 1.4}

# float32 sums in another order: 1e-7 a layer, up to some 200 layers; a kernel in the wrong place,
# or one that is turned round, changes every digit.
TOLERANCE = 1e-4


def draw(model):
    """Gives a network of keras.applications weights through which signals neither die nor explode.

    Statistics of normalization included: at their start they would hide where they go.
    """
    random = np.random.RandomState(0)
    bounds = {"gamma": (0.8, 1.2), "moving_variance": (0.5, 1.5)}
    for layer in model.layers:
        for variable in layer.weights:
            low, high = bounds.get(variable.name, (-0.1, 0.1))
            if "kernel" in variable.name:
                deep = "depthwise" in variable.name or isinstance(
                    layer, keras.layers.DepthwiseConv2D
                )
                fan_in = np.prod(variable.shape[:2] if deep else variable.shape[:-1])
                high = (6 / fan_in) ** 0.5
                low = -high
            variable.assign(random.uniform(low, high, variable.shape))
    return model


@pytest.fixture
def published(monkeypatch):
    """Publishes drawn weights: name of ours -> the network that keras.applications returns.

    It gives logits; `asked` of the fixture is what the function was called with.
    """

    def publish(name, side):
        known = APPLICATIONS[name]
        function = getattr(keras.applications, known.function)
        options = {"alpha": ALPHAS.get(name.rsplit("_", 1)[-1], 1.0)} if known.alphas else {}
        theirs = draw(
            function(
                weights=None, classifier_activation=None, input_shape=(side, side, 3), **options
            )
        )

        def answer(**asked):
            publish.asked = asked
            return theirs

        monkeypatch.setattr(keras.applications, known.function, answer)
        return theirs

    return publish


def logits(model, image):
    return keras.ops.convert_to_numpy(model(image, training=False))


def assert_same(found, expected):
    assert np.abs(found - expected).max() < TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in SMALLEST else pytest.mark.full) for n in APPLICATIONS],
)
def test_computes_what_keras_applications_computes(published, name):
    side = kerascnn.models.variant(name).row.input_shape[0]
    theirs = published(name, side)
    ours = kerascnn.build(name, weights="imagenet")
    module = getattr(keras.applications, MODULES[APPLICATIONS[name].function])
    takes = rescaling(kerascnn.preprocessing(name, "imagenet"))
    image = pixels(side)
    expected = logits(theirs, module.preprocess_input(image.copy()))
    assert_same(logits(ours, takes(image)), expected)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_preprocessing_is_that_of_keras_applications(name):
    """But for the order of the channels: ours are RGB, for the kernels of a BGR network turn."""
    module = getattr(keras.applications, MODULES[APPLICATIONS[name].function])
    theirs = module.preprocess_input(pixels(8))
    if APPLICATIONS[name].preprocessing is CAFFE:
        theirs = theirs[..., ::-1]
    ours = rescaling(kerascnn.preprocessing(name))(pixels(8))
    # float32 of values up to 255, which Keras reaches by other steps
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


def test_weights_of_an_image_size_are_its_own(published):
    published("mobilenet_v1_025", 128)
    kerascnn.build("mobilenet_v1_025", input_shape=(128, 128, 3), weights="imagenet")
    assert published.asked == {
        "weights": "imagenet",
        "classes": 1000,
        "alpha": 0.25,
        "input_shape": (128, 128, 3),
    }
    kerascnn.build("mobilenet_v1_025", input_shape=(100, 100, 3), weights="imagenet")
    assert "input_shape" not in published.asked  # those of 224x224


def test_reads_the_file_of_a_network_that_someone_trained(tmp_path):
    theirs = draw(
        keras.applications.MobileNet(
            (128, 128, 3), alpha=0.25, classes=7, weights=None, classifier_activation=None
        )
    )
    theirs.save_weights(tmp_path / "own.weights.h5")
    ours = kerascnn.build(
        "mobilenet_v1",
        alpha=0.25,
        num_classes=7,
        input_shape=(128, 128, 3),
        weights=tmp_path / "own.weights.h5",
    )
    image = pixels(128) / 127.5 - 1
    assert_same(logits(ours, image), logits(theirs, image))


@pytest.mark.parametrize("classes", [1000, 7])
def test_a_new_head_takes_all_but_the_classifier_of_a_file(tmp_path, classes):
    """Of the published 1000 classes, or of as many as asked."""
    theirs = draw(keras.applications.MobileNet((128, 128, 3), 0.25, weights=None, classes=classes))
    theirs.save_weights(tmp_path / "own.weights.h5")
    keras.utils.set_random_seed(0)
    ours = kerascnn.build(
        "mobilenet_v1_025", num_classes=7, weights=tmp_path / "own.weights.h5", new_head=True
    )
    kernel = keras.ops.convert_to_numpy(ours.get_layer("stem_conv").kernel)
    np.testing.assert_array_equal(kernel, theirs.get_layer("conv1").kernel)
    assert np.abs(ours.get_layer("head_logits").bias).max() == 0  # as it was made


@pytest.mark.full
def test_reads_the_file_that_inception_resnet_v2_saves(tmp_path):
    """Layers numbered by Keras stand in such a file by their place; other networks came before."""
    keras.layers.Conv2D(1, 1)  # takes a number
    theirs = draw(
        keras.applications.InceptionResNetV2(
            input_shape=(75, 75, 3), weights=None, classes=7, classifier_activation=None
        )
    )
    theirs.save_weights(tmp_path / "own.weights.h5")
    ours = kerascnn.build(
        "inception_resnet_v2_keras",
        input_shape=(75, 75, 3),
        num_classes=7,
        weights=tmp_path / "own.weights.h5",
    )
    assert ours.count_params() == theirs.count_params()
    image = pixels(75) / 127.5 - 1
    assert_same(logits(ours, image), logits(theirs, image))


def test_a_file_of_another_network_says_whose_it_must_be(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save_weights(tmp_path / "other.weights.h5")
    message = (
        r"other.weights.h5 does not fit mobilenet_v1_025: expected weights of "
        r"keras.applications.MobileNet, as it publishes them or as its save_weights writes them: "
    )
    with pytest.raises(UserError, match=message):
        kerascnn.build("mobilenet_v1_025", weights=tmp_path / "other.weights.h5")
    (tmp_path / "broken.h5").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"broken.h5 does not fit mobilenet_v1_025"):
        kerascnn.build("mobilenet_v1_025", weights=tmp_path / "broken.h5")


def test_without_network_a_file_is_the_way_out(monkeypatch):
    def unreachable(**options):
        raise Exception("URL fetch failure on https://example.org/w.h5: None -- no route\nat all")

    monkeypatch.setattr(keras.applications, "MobileNet", unreachable)
    message = (
        r"^mobilenet_v1_025: keras.applications could not get its weights: URL fetch failure on "
        r"https://example.org/w.h5: None -- no route; .* weights='FILE.h5'$"
    )
    with pytest.raises(UserError, match=message):
        kerascnn.build("mobilenet_v1_025", weights="imagenet")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 7}, r"are for 1000 classes, got num_classes=7; new_head=True takes"),
        ({"alpha": 0.3}, r"published for alpha 0.25, 0.5, 0.75, 1.0, got 0.3"),
    ],
)
def test_what_is_not_published_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        kerascnn.build("mobilenet_v1", weights="imagenet", **arguments)
