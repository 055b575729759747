"""What holds of every layer: it is saved, knows its shapes, and is built without weights."""

import functools
import inspect

import keras
import numpy as np
import pytest

import kerascnn.layers as own

# fmt: off
# name: (how it is called on a tensor, shape of that tensor, does it take images of any size)
CALLS = {
    "CeilMaxPooling2D": (own.CeilMaxPooling2D(3, 2), (6, 7, 2), True),
    "ChannelShuffle": (own.ChannelShuffle(3), (4, 5, 6), True),
    "ChannelSplit": (own.ChannelSplit(2), (4, 5, 6), True),
    "ChannelZeroPadding": (own.ChannelZeroPadding(8), (4, 5, 6), True),
    "DeformableConv2D": (own.DeformableConv2D(3, 3, 2, "same", modulated=True), (6, 7, 2), True),
    "DepthToSpace": (own.DepthToSpace(2), (3, 4, 8), True),
    "ExactConv1DTranspose": (own.ExactConv1DTranspose(3, 3, 2, output_size=10), (4, 2), False),
    "ExactConv2DTranspose": (own.ExactConv2DTranspose(3, 3, 2, "same", output_size=(7, 8)),
                             (4, 4, 2), False),
    "ExactConv3DTranspose": (own.ExactConv3DTranspose(2, 2, 2, output_size=(4, 5, 4)),
                             (2, 2, 2, 2), False),
    "FractalColumn": (own.FractalColumn(3), (4, 5, 2), True),
    "FractalJoin": (lambda x: own.FractalJoin(0.5, columns=(1, 2))(
        [x, x * 2], own.FractalColumn(3)(x)), (4, 5, 2), True),
    "LocalResponseNormalization": (own.LocalResponseNormalization(3, alpha=0.1), (4, 5, 6), True),
    "MaxPoolingWithIndices2D": (own.MaxPoolingWithIndices2D(3, 2, "same"), (6, 7, 2), False),
    "MaxUnpooling2D": (lambda x: own.MaxUnpooling2D(output_size=(6, 7))(
        *own.MaxPoolingWithIndices2D(3, 2)(x)), (6, 7, 2), False),
    "NearestUnpooling2D": (own.NearestUnpooling2D((2, 3)), (4, 5, 2), True),
    "PartiallyConnectedConv2D": (own.PartiallyConnectedConv2D([(0, 2), (1,)], 3), (6, 7, 3),
                                 False),
    "RadialBasisOutput": (own.RadialBasisOutput([(1, -1, 1), (-1, 1, 1)]), (3,), False),
    "SpatialPyramidPooling2D": (own.SpatialPyramidPooling2D((1, 2)), (4, 5, 2), True),
    "SpatiallySeparableConv2D": (own.SpatiallySeparableConv2D(3, 3, 2, "same", mid_filters=4),
                                 (6, 7, 2), True),
    "StochasticDepth": (own.StochasticDepth(0.5), (4, 5, 2), True),
    "TrainableSubsampling2D": (own.TrainableSubsampling2D(2), (6, 4, 2), False),
    "UnsharedConv1D": (own.UnsharedConv1D(3, 3, 2), (9, 2), False),
    "UnsharedConv2D": (own.UnsharedConv2D(3, 3, 2, "same"), (6, 7, 2), False),
}
# fmt: on


def fresh(name):
    """The call, with a layer of its own: the one in the table is never built."""
    call = CALLS[name][0]
    if isinstance(call, keras.layers.Layer):
        config = call.get_config()
        del config["dtype"]  # that of the table; the test's own policy shall hold
        return type(call).from_config(config)
    return call


def build(name, shape=None):
    image = keras.Input(CALLS[name][1] if shape is None else shape)
    return keras.Model(image, fresh(name)(image))


def run(model, x):
    return keras.tree.flatten(model.predict(x, verbose=0))


@pytest.fixture(scope="module")
def example():
    """example(name): a model of that layer, two images, and what it makes of them."""

    @functools.cache
    def example(name):
        model = build(name)
        x = np.random.default_rng(0).normal(size=(2, *CALLS[name][1])).astype("float32")
        return model, x, run(model, x)

    return example


def test_no_layer_is_missing_here():
    def is_layer(value):
        return inspect.isclass(value) and issubclass(value, keras.layers.Layer)

    assert set(CALLS) == {name for name in own.__all__ if is_layer(getattr(own, name))}


@pytest.mark.parametrize("name", CALLS)
def test_a_saved_model_gives_the_same(name, example, tmp_path):
    model, x, outputs = example(name)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(outputs, run(loaded, x), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", CALLS)
def test_shapes_and_types_are_known_before_the_numbers(name, example):
    model, _, outputs = example(name)
    for symbol, output in zip(keras.tree.flatten(model.output), outputs, strict=True):
        assert (2, *symbol.shape[1:]) == output.shape
        assert symbol.dtype == output.dtype


@pytest.mark.parametrize("name", CALLS)
def test_shapes_cost_no_weights(name):
    expected = [t.shape for t in keras.tree.flatten(build(name).output)]
    with keras.StatelessScope(initialize_variables=False):
        model = build(name)
        assert [t.shape for t in keras.tree.flatten(model.output)] == expected
    keras.utils.clear_session(free_memory=False)


@pytest.mark.parametrize("name", [name for name, (_, _, any_size) in CALLS.items() if any_size])
def test_images_of_any_size_give_the_same(name, example):
    fixed, x, outputs = example(name)
    free = build(name, (*[None] * (x.ndim - 2), x.shape[-1]))
    free.set_weights(fixed.get_weights())
    for ours, theirs in zip(outputs, run(free, x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)  # fused sums differ


@pytest.mark.parametrize("name", CALLS)
def test_computes_in_half_precision(name, example):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(name)
    finally:
        keras.config.set_dtype_policy("float32")
    single, x, expected = example(name)
    model.set_weights(single.get_weights())
    for output, exact in zip(run(model, x), expected, strict=True):
        if exact.dtype == "int32":
            np.testing.assert_array_equal(output, exact)
            continue
        assert output.dtype == "bfloat16"
        # Inputs, weights and results each round by 2^-9 of their size, and some terms cancel.
        error = np.abs(output.astype("float32") - exact).max()
        assert error <= 0.02 * np.abs(exact).max()
    assert all(w.dtype == "float32" for w in model.trainable_variables)


@pytest.mark.parametrize("name", CALLS)
def test_has_a_docstring_with_shapes_and_source(name):
    layer = getattr(own, name)
    text = inspect.getdoc(layer)
    assert "->" in text
    of_all = "Source of all:" in inspect.getdoc(inspect.getmodule(layer))
    assert of_all or "Source:" in text or "see `" in text.lower()
