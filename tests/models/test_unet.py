"""U-Net and SegNet-Basic, as their papers have them."""

import numpy as np
import pytest
from keras import layers

import kerascnn
from kerascnn.layers import MaxUnpooling2D


def test_572_pixels_give_388_and_23_convolutions(build):
    """Claim of section 3: 23 convolutional layers in total; Figure 1: 572 in, 388 out."""
    model = build("unet")
    assert model.input.shape == (None, 572, 572, 1) and model.output.shape == (None, 388, 388, 2)
    convs = [x for x in model.layers if isinstance(x, layers.Conv2D | layers.Conv2DTranspose)]
    assert len(convs) == 23
    assert model.get_layer("stage5_2_conv").output.shape[1:] == (28, 28, 1024)
    assert model.get_layer("stage6_concat").output.shape[1:] == (56, 56, 1024)


def test_the_encoder_s_maps_are_cropped_in_their_middle():
    model = kerascnn.build("unet", input_shape=(44, 44, 1), widths=(2, 3, 4))
    crops = {x.name: x.cropping for x in model.layers if isinstance(x, layers.Cropping2D)}
    assert crops == {"stage4_crop": ((4, 4), (4, 4)), "stage5_crop": ((16, 16), (16, 16))}


def test_a_small_one_gives_as_many_pixels_as_it_takes():
    model = kerascnn.build("unet_bn", input_shape=(24, 32, 3), num_classes=7, widths=(4, 8, 16))
    assert model.predict(np.zeros((2, 24, 32, 3)), verbose=0).shape == (2, 24, 32, 7)


@pytest.mark.parametrize("side", [16, 23, 32])
def test_segnet_puts_its_maxima_back_whatever_the_size(side):
    model = kerascnn.build("segnet_basic", input_shape=(side, 32, 3), num_classes=5, filters=4)
    assert model.output.shape == (None, side, 32, 5)
    unpooled = [x for x in model.layers if isinstance(x, MaxUnpooling2D)]
    assert len(unpooled) == 4 and unpooled[-1].output.shape == (None, side, 32, 4)


def test_segnet_s_decoder_has_no_activations(build):
    relus = [x.name for x in build("segnet_basic").layers if isinstance(x, layers.ReLU)]
    assert relus == [f"stage{i}_relu" for i in (1, 2, 3, 4)]
