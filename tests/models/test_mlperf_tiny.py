"""The networks of MLPerf Tiny, arXiv:2106.07597."""

import numpy as np
import pytest
from keras import layers

import kerascnn

CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D)


@pytest.mark.parametrize("name", ["resnet8", "mobilenet_v1_025_vww", "ds_cnn"])
def test_every_convolution_has_a_bias(name):
    model = kerascnn.build(name)
    assert all(x.use_bias for x in model.layers if isinstance(x, CONVOLUTIONS))


def test_resnet8_projects_without_normalization():
    names = [layer.name for layer in kerascnn.build("resnet8").layers]
    projections = [name for name in names if "_proj" in name]
    assert projections == ["stage2_block1_proj_conv", "stage3_block1_proj_conv"]


def test_visual_wake_words_takes_a_quarter_of_mobilenet_and_no_relu6():
    model = kerascnn.build("mobilenet_v1_025_vww")
    assert model.get_layer("stem_conv").filters == 8
    assert model.get_layer("stage5_block2_2_relu").output.shape[1:] == (3, 3, 256)
    assert all(x.max_value is None for x in model.layers if isinstance(x, layers.ReLU))


def test_keyword_spotting_averages_24_of_25_rows():
    model = kerascnn.build("ds_cnn")
    assert model.get_layer("stem_conv").output.shape[1:] == (25, 5, 64)
    pool = model.get_layer("head_pool")
    x = np.zeros((1, 25, 5, 64), "float32")
    x[:, 24] = 1
    assert not np.any(pool(x))
    x[:, 23] = 24
    assert np.allclose(pool(x), 1)
