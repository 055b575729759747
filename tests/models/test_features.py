"""The tensor at the end of each stage."""

import keras
import numpy as np
import pytest

from kerascnn import UserError
from kerascnn.models import Preprocessing, features, normalized
from kerascnn.models import build as build_with_weights

# fmt: off
ENDS = {
    "lenet5": {"stage1": (14, 14, 6), "stage2": (5, 5, 16)},
    "alexnet": {"stage1": (27, 27, 96), "stage2": (13, 13, 256), "stage3": (6, 6, 256)},
    "nin_cifar10": {"stage1": (16, 16, 96), "stage2": (8, 8, 192), "stage3": (8, 8, 10)},
    "vgg16": {"stage1": (112, 112, 64), "stage2": (56, 56, 128), "stage3": (28, 28, 256),
              "stage4": (14, 14, 512), "stage5": (7, 7, 512)},
    "googlenet_aux": {"stem": (28, 28, 192), "stage1": (28, 28, 480), "stage2": (14, 14, 832),
                      "stage3": (7, 7, 1024)},
    "inception_v3": {"stem": (35, 35, 192), "stage1": (35, 35, 288), "stage2": (17, 17, 768),
                     "stage3": (8, 8, 2048)},
    "squeezenet1_0_bypass": {"stem": (109, 109, 96), "stage1": (54, 54, 256),
                             "stage2": (27, 27, 512), "stage3": (13, 13, 512)},
    "resnet50": {"stem": (56, 56, 64), "stage1": (56, 56, 256), "stage2": (28, 28, 512),
                 "stage3": (14, 14, 1024), "stage4": (7, 7, 2048)},
    "densenet121": {"stem": (56, 56, 64), "stage1": (56, 56, 256), "stage2": (28, 28, 512),
                    "stage3": (14, 14, 1024), "stage4": (7, 7, 1024)},
    "fractalnet20": {"stage1": (16, 16, 64), "stage2": (8, 8, 128), "stage3": (4, 4, 256),
                     "stage4": (2, 2, 512), "stage5": (1, 1, 512)},
    "mobilenet_v2": {"stem": (112, 112, 32), "stage1": (112, 112, 16), "stage2": (56, 56, 24),
                     "stage3": (28, 28, 32), "stage4": (14, 14, 64), "stage5": (14, 14, 96),
                     "stage6": (7, 7, 160), "stage7": (7, 7, 320)},
    "shufflenet_v2_x1_0": {"stem": (56, 56, 24), "stage1": (28, 28, 116),
                           "stage2": (14, 14, 232), "stage3": (7, 7, 464)},
}
# fmt: on


@pytest.mark.parametrize("name", ENDS)
def test_each_stage_ends_where_the_next_begins(build, name):
    model = build(name)
    ends = features(model)
    assert {stage: tensor.shape[1:] for stage, tensor in ends.output.items()} == ENDS[name]
    assert list(ends.output) == list(ENDS[name])


@pytest.mark.parametrize("name", ENDS)
def test_whatever_a_later_stage_reads_passes_through_the_end_of_each(build, name):
    model = build(name)
    logits = model.get_layer("head_logits").output
    drawn = [x.output for x in model.layers if x.name.endswith("_column")]  # all joins read it
    for tensor in features(model).output.values():
        # Keras refuses where another path leads from the image to the logits.
        assert keras.Model([tensor, *drawn], logits).count_params() < model.count_params()


def test_features_share_the_weights_of_the_model():
    model = build_with_weights("resnet8")
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    last = features(model)(x)["stage3"]
    logits = model.get_layer("head_logits")(model.get_layer("head_pool")(last))
    np.testing.assert_array_equal(logits, model(x))


def test_features_of_a_network_with_its_normalization_take_pixels():
    network = build_with_weights("resnet8")
    model = normalized(network, Preprocessing(100.0, 50.0))
    x = np.random.default_rng(0).uniform(0, 255, size=(2, 32, 32, 3)).astype("float32")
    expected = features(network)((x - 100) / 50)["stage2"]
    np.testing.assert_allclose(features(model)(x)["stage2"], expected, rtol=0, atol=1e-4)


def test_a_network_without_stages_says_so(build):
    with pytest.raises(UserError, match=r"mlp_128: expected layers named stem_\* or stage1_\*"):
        features(build("mlp_128"))
