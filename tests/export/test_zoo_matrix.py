"""Networks of every kind in four files: a dozen small ones, and the whole zoo."""

import keras
import pytest

from benchmarks.zoo_matrix import FLOAT, STEPS, measure, of_images, small
from kerascnn.config import Normalize
from kerascnn.models.graph import normalized
from tests.models.miniatures import make

DOZEN = [
    "lenet5",
    "inception_module",
    "squeezenet1_0_bypass",
    "resnet8",
    "resnet164_v2",
    "densenet121",
    "resnext29_8x64d",
    "mobilenet_v1",
    "mobilenet_v2",
    "shufflenet_v1_g3_x0_5",
    "shufflenet_v2_x0_5",
    "ds_cnn",
]


@pytest.fixture(autouse=True)
def forgotten():
    """Of all networks one stays in memory."""
    yield
    keras.backend.clear_session()


def check(measured):
    assert not measured.refusal
    assert measured.float_tflite <= FLOAT
    assert measured.float_onnx <= FLOAT
    assert measured.int8_tflite >= STEPS
    assert measured.int8_onnx == 1.0


@pytest.mark.parametrize("name", DOZEN)
def test_four_files_of_a_small_network_equal_it(name):
    check(measure(normalized(make(name), Normalize())))


@pytest.mark.full
@pytest.mark.parametrize("name", [name for name in of_images() if "deformable" not in name])
def test_four_files_of_a_network_equal_it(name):
    check(measure(small(name)))


def test_deformable_convolutions_are_float_and_int8_says_so():
    measured = measure(normalized(make("resnet50_deformable_v2"), Normalize()))
    assert max(measured.float_tflite, measured.float_onnx) <= FLOAT
    assert "int8 has no rule for a DeformableConv2D layer; leave it float" in measured.refusal
