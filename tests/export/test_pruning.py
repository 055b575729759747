"""Magnitude pruning: when zeros come, where they may stand, and that they stay."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops
from small_networks import pixels, randomized

import export
from export.constraints.kernels import prunable_kernels, sparsity
from export.constraints.zeros import keep_zeros
from export.delivery.compress import compress
from export.delivery.preparation import kept_model
from export.pruning.magnitude import kept, two_of_four
from export.pruning.schedule import Pruning
from export.quantization.biases import settle_biases
from export.quantization.quantizer import calibrate, quantized_model
from export.recipes.recipe import Recipe, load_recipe
from kerascnn.config import parse
from kerascnn.errors import UserError
from kerascnn.training import load_model, open_run

FINE_TUNE = {"epochs": 1, "peak": 0.01}


def array(variable):
    return ops.convert_to_numpy(variable).copy()


def small():
    """Two convolutions, a transposed and a dense layer; the first has three input channels."""
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="stem")(image)
    x = layers.Conv2D(12, 3, padding="same", activation="relu", name="conv")(x)
    x = layers.Conv2DTranspose(8, 2, strides=2, activation="relu", name="up")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return randomized(keras.Model(image, layers.Dense(5, name="logits")(x)))


def train(model, *, steps=4, callbacks=(), rate=0.01):
    """Steps of 8 images each."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate, 0.9), loss)
    images, labels = pixels(model, 8 * steps), np.arange(8 * steps) % 5
    model.fit(images / 255, labels, batch_size=8, callbacks=list(callbacks), verbose=0)


def most_in_a_row(weights, axis):
    """The most nonzeros in any four weights in a row, the last of a row filled up with zeros."""
    rows = np.moveaxis(weights, axis, -1)
    rows = np.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, -rows.shape[-1] % 4)])
    return np.count_nonzero(rows.reshape(-1, 4), axis=1).max()


class Zeros(keras.callbacks.Callback):
    """The share of zeros after each step."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(sparsity(self.model))


@pytest.mark.parametrize(("begin", "expected"), [(0.0, [0.5] * 4), (0.5, [0, 0.5, 0.5, 0.5])])
def test_the_schedule_constant_zeroes_all_at_once(begin, expected):
    """With begin = 0.5 of four steps the zeros are there after the second, and before it none."""
    model, zeros = small(), Zeros()
    pruner = Pruning(model, 0.5, 4, begin=begin, schedule="constant")
    train(model, callbacks=[pruner, zeros])
    assert zeros.seen == pytest.approx(expected, abs=1e-3)


def test_two_of_four_by_hand():
    """Rows of the second axis, the largest two of each four; of the three left over, two."""
    rows = np.array([[4.0, 1, 3, 2, 7, 5, 6], [1, 2, 3, 4, 0, 0, 9]])
    expected = [[1, 0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, 1, 1]]
    np.testing.assert_array_equal(two_of_four(rows, 1), expected)
    np.testing.assert_array_equal(two_of_four(rows.T, 0), np.transpose(expected))
    assert two_of_four(rows[:, :2], 1).all()  # filled up to four, two zeros are there already


def test_zeros_of_the_pattern_rise_like_any_others():
    layer = small().get_layer("conv")
    magnitudes = np.abs(array(layer.kernel))
    quarter, half = (kept(layer, magnitudes, s, in_fours=True) for s in (0.25, 0.5))
    assert (quarter == 0).mean() == pytest.approx(0.25, abs=1e-3)
    np.testing.assert_array_equal(half, two_of_four(magnitudes, 2))
    assert (half <= quarter).all()  # a zero stays one
    removed = magnitudes[quarter == 0]
    assert removed.max() <= magnitudes[(half == 0) & (quarter == 1)].min()


@pytest.mark.parametrize("schedule", ["constant", "polynomial"])
def test_of_four_weights_along_the_input_channels_two_are_zero(schedule):
    model = small()
    pruner = Pruning(model, 0.5, 4, end=0.5, schedule=schedule, pattern="2:4", exclude=["logits"])
    train(model, callbacks=[pruner])
    axes = {"stem": 2, "conv": 2, "up": 3}  # a transposed kernel is (height, width, out, in)
    for name, axis in axes.items():
        weights = array(model.get_layer(name).kernel)
        assert most_in_a_row(weights, axis) == 2
        expected = 1 / 3 if name == "stem" else 0.5
        assert (weights == 0).mean() == pytest.approx(expected)
    assert array(model.get_layer("logits").kernel).all()


@pytest.mark.parametrize("pattern", ["unstructured", pytest.param("2:4", marks=pytest.mark.full)])
def test_zeros_survive_saving_int8_training_and_the_file(pattern, tmp_path):
    """Down to the bytes of the int8 file, where a kernel is (output, height, width, input)."""
    model = small()
    train(model, callbacks=[Pruning(model, 0.5, 4, end=0.5, pattern=pattern)])
    model.save(tmp_path / "pruned.keras")
    loaded = load_model(tmp_path / "pruned.keras")
    zero = {name: array(k) == 0 for name, k in prunable_kernels(loaded).items()}
    assert all(z.mean() > 0.3 for z in zero.values())
    keep_zeros(loaded)  # what a training to come must be told
    train(loaded)
    simulated = quantized_model(loaded)
    calibrate(simulated, [pixels(simulated)])
    keep_zeros(simulated)
    train(simulated)
    for name, k in prunable_kernels(simulated).items():
        np.testing.assert_array_equal(array(k) == 0, zero[name])
        assert not array(simulated.get_layer(name).kernel)[zero[name]].any()
    settle_biases(simulated)
    path = tmp_path / "model.tflite"
    path.write_bytes(export.convert(simulated, "tflite"))
    stored = int8_kernels(path)
    names = {(8, 3, 3, 3): "stem", (12, 3, 3, 8): "conv", (8, 2, 2, 12): "up", (5, 8): "logits"}
    assert set(stored) == set(names)
    for shape, name in names.items():
        expected = (
            zero[name].T
            if name == "logits"
            else np.moveaxis(zero[name], 2 if name == "up" else 3, 0)
        )
        assert expected.shape == shape
        assert not stored[shape][expected].any()
        if pattern == "2:4":
            assert most_in_a_row(stored[shape], -1) <= 2


def int8_kernels(path):
    """shape -> the int8 weights of a .tflite file."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    found = {}
    for detail in interpreter.get_tensor_details():
        shape = tuple(detail["shape"])
        if detail["dtype"] is np.int8 and shape and shape[0] > 1:
            found[shape] = interpreter.get_tensor(detail["index"])
    return found


def test_a_recipe_prunes_two_of_four_and_keeps_them_in_int8(own_run):
    recipe = parse(
        Recipe,
        {
            "name": "fours",
            "pruning": {
                "sparsity": 0.5,
                "pattern": "2:4",
                "schedule": "constant",
                "exclude": ["stage1_conv"],
                "fine_tune": FINE_TUNE,
            },
            "quantization": {"fine_tune": FINE_TUNE},
        },
        "test",
    )
    run = open_run(own_run)
    compress(run, recipe)
    kernels = prunable_kernels(kept_model(run, recipe))
    assert (array(kernels.pop("stage1_conv")) == 0).mean() < 0.05  # smaller than half a step
    for k in kernels.values():
        assert most_in_a_row(array(k), -2) == 2


@pytest.mark.parametrize("path", sorted(Path("configs/export").glob("*.yaml")), ids=str)
def test_every_recipe_that_ships_is_read_and_called_as_its_file(path):
    assert load_recipe(path.stem).name == path.stem


def test_layers_of_a_nested_model_are_pruned_too():
    backbone = small()
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.Dense(3, name="head")(backbone(image)))
    assert list(prunable_kernels(model)) == ["stem", "conv", "up", "logits", "head"]
    assert list(prunable_kernels(model, ["lo*", "conv"])) == ["stem", "up", "head"]


def test_what_pruning_cannot_do_is_said():
    model = small()
    with pytest.raises(UserError, match="unknown schedule 'constnat'; did you mean 'constant'"):
        Pruning(model, 0.5, 4, schedule="constnat")
    with pytest.raises(UserError, match="unknown pattern '4:2'; expected one of: 2:4, unstr"):
        Pruning(model, 0.5, 4, pattern="4:2")
    with pytest.raises(UserError, match=r"'2:4' is a sparsity of 0\.5, got 0\.7"):
        Pruning(model, 0.7, pattern="2:4")
    with pytest.raises(UserError, match="from 0 to below 1, got 50"):
        Pruning(model, 50)
    with pytest.raises(UserError, match="unknown layer to exclude 'logit'; did you mean 'logits'"):
        Pruning(model, 0.5, exclude=["logit"])
    flat = keras.Sequential([keras.Input((4,)), layers.Flatten()], name="flat")
    with pytest.raises(UserError, match="flat: expected a convolution or a dense layer, it has"):
        Pruning(flat, 0.5)
    section = {"sparsity": 0.7, "pattern": "2:4", "fine_tune": FINE_TUNE}
    with pytest.raises(UserError, match=r"'2:4' is a sparsity of 0\.5"):
        parse(Recipe, {"name": "test", "pruning": section}, "test")
