"""What the tests of the NumPy operators share: arrays, and the checks every operator passes."""

import keras
import numpy as np

# Different along every axis, so that no two axes can be mistaken for each other.
SIZE, KERNEL_SIZE = (5, 4, 3), (3, 2, 2)


def random(*shape, dtype="float64"):
    """Normal numbers, the same ones for a shape in every run."""
    return np.random.default_rng(shape).standard_normal(shape).astype(dtype)


def image(*rows):
    """One image of one channel with these rows, or this row: (1, *size, 1)."""
    pixels = np.array(rows, dtype=float)
    return pixels[None, ..., None]


def assert_equals_keras(y, from_keras):
    """float32 sums of at most 3*2*2*4 products of size one, each rounded to 6e-8."""
    np.testing.assert_allclose(y, keras.ops.convert_to_numpy(from_keras), atol=1e-5)


def with_kernel(operator, gradients, *shapes, output_size=None, dtype, **options):
    """The case of an operator of x, kernel and bias: it, its gradients, its inputs."""
    size = {} if output_size is None else {"output_size": output_size}
    return (
        lambda x, kernel, bias: operator(x, kernel, bias, **options, **size),
        lambda dy, x, kernel, bias: gradients(dy, x, kernel, **options),
        [random(*shape, dtype=dtype) for shape in shapes],
    )


def check_gradients(operator, gradients, inputs):
    """Against central differences; 1e-7, for a step of 1e-5 errs by 1e-10 where the operator
    bends, and by 1e-10 in rounding."""
    inputs = [array.copy() for array in inputs]
    dy = random(*np.shape(operator(*inputs)))
    expected = list(_differences(operator, inputs, dy))
    for gradient, slopes in zip(gradients(dy, *inputs), expected, strict=True):
        np.testing.assert_allclose(gradient, slopes, rtol=1e-7, atol=1e-7)


def check_float32_stays(operator, gradients, inputs):
    y = operator(*inputs)
    dtypes = {array.dtype for array in (*inputs, y, *gradients(np.ones_like(y), *inputs))}
    assert dtypes == {np.dtype("float32")}


def _differences(operator, inputs, dy, step=1e-5):
    """Central differences of sum(dy * operator(*inputs)), for every number of every input."""
    for changed in inputs:
        slopes = np.empty_like(changed)
        for index, value in np.ndenumerate(changed.copy()):
            sums = []
            for moved in (value + step, value - step):
                changed[index] = moved
                sums.append(np.sum(dy * operator(*inputs)))
            changed[index] = value
            slopes[index] = (sums[0] - sums[1]) / (2 * step)
        yield slopes
