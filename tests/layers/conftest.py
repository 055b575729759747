"""What the tests of the layers share; all of it works on TensorFlow and on JAX."""

import contextlib

import keras
import numpy as np
import pytest
from keras import ops


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module", autouse=True)
def no_more_memory_than_a_file_needs():
    """JAX keeps all it ever compiled: gigabytes by the end of this folder."""
    yield
    if keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()


def _gradients(function, arrays):
    """d function / d each of `arrays`; `function` takes tensors and returns a scalar."""
    backend = keras.backend.backend()
    tensors = [ops.convert_to_tensor(array) for array in arrays]
    if backend == "jax":
        import jax

        found = jax.jit(jax.grad(lambda leaves: function(*leaves)))(tensors)
    elif backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        found = tape.gradient(value, tensors)
    else:
        raise NotImplementedError(f"gradients on the backend {backend!r}")
    return [ops.convert_to_numpy(gradient) for gradient in found]


@pytest.fixture
def compiled():
    """A function of arrays as one compiled function where single operations cost a compilation."""
    return _compiled


@pytest.fixture
def gradients():
    return _gradients


def _compiled(function):
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function)


def _float64():
    """JAX computes in float64 only where it is told so."""
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.enable_x64(True)


@pytest.fixture
def check_gradients(rng):
    """check(make, *inputs, training=False): gradients against central finite differences.

    `make(dtype)` returns the layer; every input and every trainable weight, set at random, is
    moved along a random direction, which sees an error in any entry. In float64 a step of 1e-5
    has errors of 1e-10 by truncation and by rounding; 1e-6 leaves room for large sums.
    """

    def check(make, *inputs, training=False, step=1e-5, tolerance=1e-6):
        with _float64():
            layer = make("float64")
            symbols = [keras.KerasTensor(x.shape, "float64") for x in keras.tree.flatten(inputs)]
            shape = layer(*keras.tree.pack_sequence_as(inputs, symbols)).shape
            weights = [rng.normal(size=tuple(w.shape)) for w in layer.trainable_variables]
            fixed = [ops.convert_to_numpy(w) for w in layer.non_trainable_variables]
            probe = rng.normal(size=tuple(shape))
            extra = {"training": True} if training else {}

            def value(*arrays):
                these = keras.tree.pack_sequence_as(inputs, list(arrays[: len(symbols)]))
                own = list(arrays[len(symbols) :])
                outputs, _ = layer.stateless_call(own, fixed, *these, **extra)
                return ops.sum(outputs * probe)

            compiled = _compiled(value)
            arrays = keras.tree.flatten(inputs) + weights
            assert all(array.dtype == np.float64 for array in arrays)
            for i, gradient in enumerate(_gradients(value, arrays)):
                direction = rng.normal(size=arrays[i].shape)
                ends = []
                for sign in (1, -1):
                    moved = list(arrays)
                    moved[i] = arrays[i] + sign * step * direction
                    ends.append(float(compiled(*moved)))
                expected = (ends[0] - ends[1]) / (2 * step)
                assert abs(expected) > 1e-3  # else the comparison would say nothing
                assert np.sum(gradient * direction) == pytest.approx(
                    expected, rel=tolerance, abs=tolerance
                )

    return check
