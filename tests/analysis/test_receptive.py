"""Receptive fields against what units really see, and against the published table."""

import keras
import numpy as np
import pytest
from keras import Input, Model, layers

import kerascnn.layers as own
from kerascnn.analysis import ReceptiveField, describe


def seen(model, size):
    """For each output position along the first axis, the first and last input that changes it.

    All weights are positive, so that nothing cancels.
    """
    for weight in model.weights:
        weight.assign(np.ones(weight.shape))
    shape = (size, *model.input_shape[1:])
    impulses = np.eye(size, dtype="float32").reshape(size, size, *[1] * (len(shape) - 2))
    outputs = keras.ops.convert_to_numpy(model(np.broadcast_to(impulses, shape)))
    reached = outputs.reshape(size, outputs.shape[1], -1).sum(axis=-1) != 0  # (input, output)
    return [(np.flatnonzero(column)[0], np.flatnonzero(column)[-1]) for column in reached.T]


def stack(size, used):
    """A model of the layers `used`, over (size, 1), or over (size, 9, 1) where they are 2D."""
    two = any("2D" in type(layer).__name__ for layer in used)
    x = image = Input((size, 9, 1) if two else (size, 1))
    for layer in used:
        x = layer(x)
        x = x[0] if isinstance(x, (list, tuple)) else x  # maxima, not where they stood
    return Model(image, x)


def field(model):
    return describe(model).layers[-1].receptive_field[0]


def conv(**arguments):
    return layers.Conv1D(1, use_bias=False, **arguments)


STACKS = {
    "stacked": [conv(kernel_size=3), conv(kernel_size=3), conv(kernel_size=3)],
    "strided": [conv(kernel_size=5, strides=2), conv(kernel_size=3, strides=3)],
    "same": [conv(kernel_size=4, strides=2, padding="same"), conv(kernel_size=3, padding="same")],
    "same_odd": [conv(kernel_size=3, strides=3, padding="same"), conv(kernel_size=2)],
    "causal": [conv(kernel_size=3, padding="causal"), conv(kernel_size=2)],
    "dilated": [conv(kernel_size=3, dilation_rate=d) for d in (1, 2, 4)],
    "pooled": [layers.AveragePooling1D(3, 2), conv(kernel_size=3), layers.AveragePooling1D(2)],
    "padded": [layers.ZeroPadding1D((2, 1)), conv(kernel_size=3, strides=2)],
    "cropped": [layers.Cropping1D((3, 2)), conv(kernel_size=3)],
    "separable": [
        layers.SeparableConv1D(1, 3, use_bias=False),
        layers.DepthwiseConv1D(5, use_bias=False),
    ],
    "unshared": [own.UnsharedConv1D(1, 5, 2, "same", use_bias=False), conv(kernel_size=3)],
    "unshared_2d": [own.UnsharedConv2D(1, (4, 2), 3, use_bias=False)],
    "spatially_separable": [
        own.SpatiallySeparableConv2D(1, (5, 3), (2, 1), "same", use_bias=False),
        own.SpatiallySeparableConv2D(1, (3, 1), use_bias=False),
    ],
    "overlapping": [layers.MaxPooling1D(3, 2), layers.MaxPooling1D(3, 1)],
    "ceil": [own.CeilMaxPooling2D(3, 2), own.CeilMaxPooling2D((3, 2), 2)],
    "indices": [own.MaxPoolingWithIndices2D((3, 2), 2, "same")],
    "pointwise": [layers.Dense(2, use_bias=False), layers.ReLU(), conv(kernel_size=3)],
}


@pytest.mark.parametrize("name", STACKS)
def test_the_field_is_what_a_unit_sees(name):
    size = 40
    model = stack(size, STACKS[name])
    expected = field(model)
    for i, (first, last) in enumerate(seen(model, size)):
        start = expected.offset + i * expected.stride
        # At the borders a part of the field lies in the padding.
        assert (first, last) == (max(start, 0), min(start + expected.size - 1, size - 1))


ENLARGING = {
    "transposed": [layers.Conv1DTranspose(1, 5, strides=2, use_bias=False)],
    "transposed_same": [layers.Conv1DTranspose(1, 4, strides=2, padding="same", use_bias=False)],
    "exact": [
        layers.Conv1DTranspose(1, 3, strides=2, padding="same", output_padding=0, use_bias=False)
    ],
    "nearest": [layers.UpSampling1D(3), conv(kernel_size=3)],
    "hourglass": [conv(kernel_size=4, strides=2), layers.UpSampling1D(2), conv(kernel_size=3)],
    "exact_same": [own.ExactConv1DTranspose(1, 4, 2, "same", output_size=79, use_bias=False)],
    "exact_valid": [own.ExactConv2DTranspose(1, 3, 2, output_size=(81, 20), use_bias=False)],
    "nearest_unpooling": [own.NearestUnpooling2D(3), layers.MaxPooling2D((3, 1), 1, "same")],
    "sub_pixel": [layers.Conv1D(2, 3, use_bias=False), own.DepthToSpace(2), conv(kernel_size=2)],
    "after_stride": [
        conv(kernel_size=2, strides=2),
        layers.Conv1DTranspose(1, 2, strides=2, use_bias=False),
    ],
}


@pytest.mark.parametrize("name", ENLARGING)
def test_behind_a_layer_that_enlarges_no_unit_sees_beyond_its_field(name):
    size = 40
    model = stack(size, ENLARGING[name])
    expected = field(model)
    sizes = []
    for i, (first, last) in enumerate(seen(model, size)):
        assert expected.offset + i * expected.stride <= first
        sizes.append(last - first + 1)
    assert max(sizes) <= expected.size
    if len(ENLARGING[name]) == 1:
        assert max(sizes) == expected.size


def test_bilinear_upsampling_sees_two_pixels():
    image = Input((6, 6, 1))
    x = layers.UpSampling2D(2, interpolation="bilinear")(image)
    assert field(Model(image, x)).size == 2


def test_branches_that_meet_see_what_any_of_them_sees():
    image = Input((20, 1))
    wide = layers.Conv1D(1, 7, padding="same")(image)
    x = layers.Concatenate()([layers.Conv1D(1, 1)(image), wide])
    late = layers.Cropping1D((2, 0))(layers.Conv1D(1, 3, padding="same")(image))
    early = layers.Cropping1D((0, 2))(image)
    assert field(Model(image, x)) == ReceptiveField(7, 1, -3)
    assert field(Model(image, layers.Add()([late, early]))) == ReceptiveField(4, 1, 0)


def test_axes_are_counted_apart():
    image = Input((20, 20, 3))
    x = layers.Conv2D(4, (1, 5), strides=(2, 1), padding="same")(image)
    fields = describe(Model(image, x)).layers[-1].receptive_field
    assert fields == (ReceptiveField(1, 2, 0), ReceptiveField(5, 1, -2))


@pytest.mark.parametrize(
    "everywhere",
    [
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Flatten(),
        layers.Reshape((4, 100, 3)),
        layers.Concatenate(axis=1),
    ],
)
def test_there_is_none_behind_a_layer_that_mixes_places(everywhere):
    image = Input((20, 20, 3))
    x = everywhere([image, image] if isinstance(everywhere, layers.Concatenate) else image)
    assert describe(Model(image, layers.Activation("relu")(x))).layers[-1].receptive_field is None


def test_a_tensor_that_gives_a_size_is_not_seen():
    image = Input((20, 20, 1))
    x = layers.MaxPooling2D(3, 2)(image)
    like = layers.Conv2D(1, 9, padding="same")(image)
    there = own.ExactConv2DTranspose(1, 3, 2, "same")
    here = own.ExactConv2DTranspose(1, 3, 2, "same", output_size=18)
    like = layers.Cropping2D(1)(like)
    assert field(Model(image, there(x, like))) == field(Model(image, here(x)))


@pytest.mark.parametrize(
    "where_the_image_says",
    [
        own.DeformableConv2D(1, 3),
        own.SpatialPyramidPooling2D(),
        lambda x: own.MaxUnpooling2D()(*own.MaxPoolingWithIndices2D()(x)),
        lambda x: own.squeeze_and_excitation(x, 1, name="stage1"),
    ],
)
def test_there_is_none_where_all_of_the_image_counts(where_the_image_says):
    image = Input((20, 20, 1))
    model = Model(image, where_the_image_says(image))
    assert describe(model).layers[-1].receptive_field is None


def test_operators_on_tensors_keep_their_places():
    image = Input((20, 20, 3))
    x = layers.Conv2D(3, 3, padding="same")(image)
    assert field(Model(image, keras.ops.relu(x + image) * x)) == ReceptiveField(3, 1, -1)


PUBLISHED = {  # the table of Araujo, Norris & Sim, Distill 2019
    "resnet50_v2_keras": 483,
    "resnet152_v2_keras": 1507,
    "mobilenet_v1": 315,
    "alexnet": 195,
    "vgg16": 212,
    "inception_v3": 1311,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_whole_networks_see_what_is_published(name):
    rows = [row for row in describe(name).layers if row.receptive_field]
    assert {x.size for x in rows[-1].receptive_field} == {PUBLISHED[name]}
    assert {x.stride for x in rows[-1].receptive_field} == {32}
