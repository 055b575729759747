"""Channels cut and added."""

import keras
import numpy as np
import pytest

from kerascnn.layers import ChannelSplit, ChannelZeroPadding, identity_shortcut


def image(*shape):
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def test_split_cuts_in_order():
    x = image(2, 3, 3, 6)
    parts = ChannelSplit(3)(x)
    assert [tuple(part.shape) for part in parts] == [(2, 3, 3, 2)] * 3
    assert np.array_equal(np.concatenate(parts, axis=-1), x)


def test_padding_appends_zeros():
    y = np.array(ChannelZeroPadding(5)(image(1, 2, 2, 3)))
    assert np.array_equal(y[..., :3], image(1, 2, 2, 3))
    assert y.shape[-1] == 5
    assert not y[..., 3:].any()


@pytest.mark.parametrize("size", [4, 5])
def test_the_identity_shortcut_takes_every_second_pixel(size):
    x = keras.Input((size, size, 3))
    model = keras.Model(x, identity_shortcut(x, 8, 2, name="proj"))
    y = model.predict(image(1, size, size, 3), verbose=0)
    assert np.array_equal(y[..., :3], image(1, size, size, 3)[:, ::2, ::2])
    assert not y[..., 3:].any()


def test_the_identity_shortcut_adds_nothing_where_nothing_changes():
    x = keras.Input((4, 4, 3))
    assert identity_shortcut(x, 3, 1, name="proj") is x


@pytest.mark.parametrize("layer", [ChannelSplit(2), ChannelZeroPadding(6)])
def test_they_save_and_load(layer, tmp_path):
    x = keras.Input((2, 2, 4))
    model = keras.Model(x, layer(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    y, again = (m.predict(image(1, 2, 2, 4), verbose=0) for m in (model, loaded))
    assert np.array_equal(y, again)
    assert layer.compute_output_shape((None, 2, 2, 4)) == (
        [x.shape for x in model.outputs] if len(model.outputs) > 1 else model.output.shape
    )


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match="divisor of the 5 channels, got 2"):
        ChannelSplit(2)(image(1, 1, 1, 5))
    with pytest.raises(ValueError, match="at least the input's 5 channels, got 4"):
        ChannelZeroPadding(4)(image(1, 1, 1, 5))
