import numpy as np
import pytest

from kerascnn.layers import FractalColumn, FractalJoin, StochasticDepth

IMAGES = 4000


def share(condition):
    return np.mean(np.asarray(condition))


def near(probability):
    """Within four standard deviations of a share of IMAGES draws; the seeds are fixed."""
    return pytest.approx(probability, abs=4 * np.sqrt(probability * (1 - probability) / IMAGES))


def test_a_branch_is_scaled_at_inference(rng):
    x = rng.normal(size=(3, 2, 2, 1)).astype("float32")
    np.testing.assert_allclose(StochasticDepth(0.8)(x), 0.8 * x, rtol=1e-6)


def test_a_branch_lives_or_dies_image_by_image_while_training():
    x = np.random.default_rng(1).normal(size=(IMAGES, 2, 2, 3)).astype("float32")
    y = np.asarray(StochasticDepth(0.8, seed=7)(x, training=True))
    kept = (y == x).all(axis=(1, 2, 3))
    dropped = (y == 0).all(axis=(1, 2, 3))
    assert (kept | dropped).all()
    assert share(kept) == near(0.8)


def test_two_calls_draw_anew_and_the_seed_repeats_them():
    x = np.ones((64, 1), "float32")
    layer = StochasticDepth(0.5, seed=3)
    first, second = (np.asarray(layer(x, training=True)) for _ in range(2))
    again = np.asarray(StochasticDepth(0.5, seed=3)(x, training=True))
    assert (first != second).any()
    assert (first == again).all()


def test_certain_survival_changes_nothing(rng):
    x = rng.normal(size=(5, 4)).astype("float32")
    np.testing.assert_array_equal(StochasticDepth(1.0)(x, training=True), x)
    np.testing.assert_array_equal(StochasticDepth(1.0)(x), x)


@pytest.mark.parametrize("training", [False, True])
def test_gradients_of_stochastic_depth(check_gradients, rng, training):
    def make(dtype):
        return StochasticDepth(0.6, seed=0, dtype=dtype)

    check_gradients(make, rng.normal(size=(8, 3)), training=training)


def test_a_column_is_drawn_for_a_share_of_the_images():
    x = np.zeros((IMAGES, 2, 2, 1), "float32")
    column = np.asarray(FractalColumn(4, global_fraction=0.6, seed=1)(x, training=True))
    assert column.dtype == np.int32
    assert set(column) == {-1, 0, 1, 2, 3}
    assert share(column == -1) == near(0.4)
    for c in range(4):
        assert share(column == c) == near(0.6 / 4)


def test_no_column_is_drawn_at_inference():
    np.testing.assert_array_equal(FractalColumn(4)(np.zeros((5, 1), "float32")), [-1] * 5)


def powers_of_two(count):
    """Inputs 1, 2, 4, ...: their mean tells which of them it is the mean of."""
    return [np.full((IMAGES, 1, 1, 1), 2.0**i, "float32") for i in range(count)]


def test_a_join_is_the_mean_at_inference():
    y = FractalJoin(0.5)(powers_of_two(3))
    np.testing.assert_allclose(y, np.full((IMAGES, 1, 1, 1), 7 / 3), rtol=1e-6)


def test_local_sampling_drops_each_input_and_keeps_at_least_one():
    y = np.asarray(FractalJoin(0.5, seed=2)(powers_of_two(2), training=True)).ravel()
    assert set(y) == {1.0, 2.0, 1.5}
    # Four equal cases; the one without survivors is shared out between the two inputs.
    assert share(y == 1.5) == near(1 / 4)
    assert share(y == 1.0) == near(1 / 4 + 1 / 8)
    assert share(y == 2.0) == near(1 / 4 + 1 / 8)


def test_global_sampling_keeps_the_one_column():
    column = np.arange(IMAGES, dtype="int32") % 3
    y = FractalJoin(0.5, seed=2)(powers_of_two(3), column, training=True)
    np.testing.assert_array_equal(np.ravel(y), 2.0**column)


def test_a_join_knows_which_columns_come_to_it():
    column = np.arange(IMAGES, dtype="int32") % 3
    y = FractalJoin(0.5, columns=(1, 2))(powers_of_two(2), column, training=True)
    # Column 0 does not come here: both inputs are alive.
    np.testing.assert_array_equal(np.ravel(y), np.array([1.5, 1.0, 2.0])[column])


def test_minus_one_samples_locally():
    column = np.full(IMAGES, -1, "int32")
    y = np.asarray(FractalJoin(0.5, seed=2)(powers_of_two(2), column, training=True))
    assert set(y.ravel()) == {1.0, 2.0, 1.5}


def test_a_join_of_one_input_passes_it():
    y = FractalJoin(0.9)(powers_of_two(1), training=True)
    np.testing.assert_array_equal(y, powers_of_two(1)[0])


@pytest.mark.parametrize("training", [False, True])
def test_gradients_of_a_join(check_gradients, rng, training):
    def make(dtype):
        return FractalJoin(0.4, seed=0, dtype=dtype)

    inputs = [rng.normal(size=(6, 2, 2, 1)) for _ in range(3)]
    check_gradients(make, inputs, training=training)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StochasticDepth(0), r"survival: expected a probability in \(0, 1\], got 0"),
        (lambda: FractalColumn(0), "columns: expected at least 1, got 0"),
        (
            lambda: FractalColumn(2, global_fraction=2),
            r"global_fraction: expected a share in \[0, 1\], got 2",
        ),
        (lambda: FractalJoin(1.0), r"drop: expected a probability in \[0, 1\), got 1.0"),
        (lambda: FractalJoin()(powers_of_two(1)[0]), "expected a list of tensors"),
        (
            lambda: FractalJoin(columns=(0,))(powers_of_two(2)),
            r"one number for each of the 2 inputs, got \(0,\)",
        ),
    ],
)
def test_says_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()
