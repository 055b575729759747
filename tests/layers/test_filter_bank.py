import keras
import numpy as np
import pytest

from kerascnn import numpy_ops
from kerascnn.layers import FilterBank
from kerascnn.numpy_ops.kernels import gabor, sobel


def test_a_layer_begins_with_the_kernels_and_keeps_them_in_a_file(rng, tmp_path):
    image = keras.Input((8, 9, 3))
    bank = FilterBank([sobel(0), sobel(1)])
    y = keras.layers.Conv2D(2, 3, kernel_initializer=bank)(image)
    model = keras.Model(image, y)
    x = rng.normal(size=(2, 8, 9, 3)).astype("float32")
    grey = x.mean(axis=-1, keepdims=True)
    kernel = np.stack([sobel(0), sobel(1)], -1)[:, :, None]
    made = model.predict(x, verbose=0)
    # float32 sums of 27 products of size one
    np.testing.assert_allclose(made, numpy_ops.conv(grey, kernel), atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), made)
    kept = loaded.layers[1].kernel_initializer.kernels
    np.testing.assert_array_equal(kept, bank.kernels)


@pytest.mark.parametrize(
    "message, call",
    [
        (r"all of one size, got \[\(3, 3\), \(19, 19\)\]", lambda: FilterBank([sobel(0), gabor()])),
        (
            r"expected a kernel \(3, 3, channels, 1\), got \(5, 5, 3, 1\)",
            lambda: FilterBank([sobel(0)])((5, 5, 3, 1)),
        ),
    ],
)
def test_says_what_does_not_fit(message, call):
    with pytest.raises(ValueError, match=message):
        call()
