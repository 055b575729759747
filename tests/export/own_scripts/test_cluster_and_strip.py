"""`export.cluster`, `export.strip` and `export.equalize` in somebody's own script."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import export
from kerascnn.errors import UserError
from kerascnn.models.graph import kernel_variable

X = np.random.default_rng(0).uniform(-1, 1, (64, 8, 8, 3)).astype("float32")
Y = np.random.default_rng(1).integers(0, 4, 64)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def cnn(**first):
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(16, 3, activation="relu", name="first", **first),
            layers.Conv2D(16, 3, name="second"),
            layers.BatchNormalization(name="bn"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, name="logits"),
        ]
    )


def kernels(model):
    found = [x for x in model.layers if hasattr(x, "kernel")]
    return {x.name: ops.convert_to_numpy(kernel_variable(x)) for x in found}


def values(model):
    """How many values each kernel has."""
    return {name: len(np.unique(w)) for name, w in kernels(model).items()}


def fitted(model, optimizer="adam", epochs=2):
    model.compile(optimizer, LOSS)
    model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0)
    return model


@pytest.mark.parametrize(
    "optimizer", ["adam", *(pytest.param(x, marks=pytest.mark.full) for x in ("sgd", "rmsprop"))]
)
def test_shared_values_are_trained_and_the_model_given_stays(optimizer):
    model = fitted(cnn(), epochs=10)
    before = model.get_weights()
    shared = export.cluster(model, values=16)
    start = kernels(shared)
    assert all(n <= 16 for n in values(shared).values())
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    shared.compile(optimizer, LOSS)
    first = shared.evaluate(X, Y, verbose=0)
    shared.fit(X, Y, batch_size=8, epochs=5, verbose=0)
    assert all(n <= 16 for n in values(shared).values())
    assert not any(np.array_equal(start[name], w) for name, w in kernels(shared).items())
    assert shared.evaluate(X, Y, verbose=0) < first  # the rate of the model is a rate for it
    model.compile("sgd", LOSS)
    model.fit(X, Y, verbose=0)
    assert min(values(model).values()) > 16


def test_a_cluster_moves_by_the_mean_of_what_its_weights_would():
    """One step of SGD against the same without sharing."""
    model = cnn()
    shared = export.cluster(model, values=4)
    free = export.strip(shared)
    start = kernels(shared)
    for m in (shared, free):
        m.compile(keras.optimizers.SGD(0.1), LOSS)
        m.train_on_batch(X, Y)
    for name, trained in kernels(shared).items():
        for value in np.unique(start[name]):
            members = start[name] == value
            assert trained[members] == pytest.approx(kernels(free)[name][members].mean(), rel=1e-5)


@pytest.mark.full
def test_a_model_that_was_loaded_goes_on_when_it_is_clustered_once_more(tmp_path):
    shared = fitted(export.cluster(fitted(cnn()), values=16, exclude=["logits"]))
    shared.save(tmp_path / "shared.keras")
    loaded = keras.models.load_model(tmp_path / "shared.keras")
    again = export.cluster(loaded, values=16, exclude=["logits"])
    for name, trained in kernels(shared).items():
        np.testing.assert_array_equal(kernels(again)[name], trained)
    fitted(again)
    found = values(again)
    assert found.pop("logits") > 16 and all(n == 16 for n in found.values())


def test_zeros_and_a_constraint_of_ones_own_stay():
    model = cnn(kernel_constraint="non_neg")
    model.compile("adam", LOSS)
    model.fit(
        X,
        Y,
        batch_size=8,
        epochs=2,
        verbose=0,
        callbacks=[export.Pruning(model, 0.5, exclude=["first"])],
    )
    zero = {name: w == 0 for name, w in kernels(model).items()}
    shared = fitted(export.cluster(model, values=8, exclude=["logits"]), keras.optimizers.SGD(0.1))
    for name in ("second", "logits"):
        np.testing.assert_array_equal(kernels(shared)[name] == 0, zero[name])
    assert kernels(shared)["first"].min() >= 0 and values(shared)["first"] <= 8


@pytest.mark.parametrize(
    "loaded", [pytest.param(False, marks=pytest.mark.full), True], ids=["at_once", "loaded"]
)
def test_int8_training_keeps_the_values_down_to_the_file(loaded, tmp_path):
    shared = fitted(export.cluster(fitted(cnn()), values=8))
    if loaded:
        shared.save(tmp_path / "shared.keras")
        shared = keras.models.load_model(tmp_path / "shared.keras")
    quantized = fitted(export.quantize(shared, (X, Y), per_channel=False))
    path = tmp_path / "model.tflite"
    export.deliver(quantized, [path], evidence=(X, Y))
    assert all(n <= 8 for n in values(quantized).values())
    found = int8_kernels(path)
    # `second` has the gains of its normalization in it, a channel each.
    assert len(np.unique(found[16, 3, 3, 3])) <= 8 and len(np.unique(found[4, 16])) <= 8
    assert max(len(np.unique(filters)) for filters in found[16, 3, 3, 16]) <= 8
    plain = export.strip(quantized)
    assert all(n <= 8 for n in values(plain).values())


def int8_kernels(path):
    """shape -> the int8 weights of a .tflite file."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    found = {}
    for detail in interpreter.get_tensor_details():
        shape = tuple(int(n) for n in detail["shape"])
        if detail["dtype"] is np.int8 and shape and shape[0] > 1:
            found[shape] = interpreter.get_tensor(detail["index"])
    return found


def test_strip_gives_plain_layers_that_compute_the_same_and_nothing_holds_them(tmp_path):
    shared = fitted(export.cluster(fitted(cnn()), values=8))
    plain = export.strip(shared)
    np.testing.assert_array_equal(plain(X), shared(X))
    assert values(plain) == values(shared)
    assert all(v.constraint is None for v in plain.weights)
    assert values(fitted(plain))["second"] > 8
    quantized = fitted(export.quantize(cnn(), (X, Y)))
    plain = export.strip(quantized)
    assert {type(x).__module__.split(".")[0] for x in plain.layers} == {"keras"}
    assert plain.output_names == quantized.output_names
    np.testing.assert_array_equal(kernels(plain)["second"], kernels(quantized)["second"])
    float_outputs, int8_outputs = (m.predict(X, verbose=0) for m in (plain, quantized))
    assert np.abs(float_outputs - int8_outputs).max() < 0.1 * np.ptp(float_outputs)
    fitted(plain).save(tmp_path / "plain.keras")
    export.quantize(keras.models.load_model(tmp_path / "plain.keras"), (X, Y))


def test_nested_models_classes_and_blocks_are_copied_as_they_are():
    class Own(keras.Model):
        pass

    class Block(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.conv = layers.Conv2D(8, 3, name="inside")

        def call(self, x):
            return ops.relu(self.conv(x))

    inner = keras.Input((8, 8, 3))
    backbone = keras.Model(inner, layers.Conv2D(8, 3, name="deep")(inner), name="backbone")
    image = keras.Input((8, 8, 3))
    x = layers.Flatten()(Block(name="block")(backbone(image)))
    model = Own(image, {"a": layers.Dense(4)(x), "b": layers.Dense(2)(x)})
    shared = export.cluster(model, values=8)
    assert type(shared) is Own and shared.output_names == ["a", "b"]
    for layer in (shared.get_layer("backbone").get_layer("deep"), shared.get_layer("block").conv):
        assert len(np.unique(ops.convert_to_numpy(layer.kernel))) == 8
    plain = export.strip(shared)
    for name, y in shared(X).items():
        np.testing.assert_array_equal(plain(X)[name], y)


def test_what_cannot_be_clustered_is_one_line():
    with pytest.raises(UserError, match="expected 2 values or more, got 1"):
        export.cluster(cnn(), values=1)
    with pytest.raises(UserError, match="unknown layer to exclude 'frist'; did you mean 'first'"):
        export.cluster(cnn(), values=4, exclude=["frist"])
    shared = export.cluster(cnn(), values=4)
    with pytest.raises(UserError, match="first: shares its values; prune first and cluster"):
        export.Pruning(shared, 0.5)


def test_an_equalized_model_computes_the_same_with_channels_of_like_ranges():
    model = cnn()
    scales = np.geomspace(1, 100, 16).astype("float32")
    kernel, bias = model.get_layer("first").get_weights()
    model.get_layer("first").set_weights([kernel * scales, bias * scales])
    equal = export.equalize(model, X)
    np.testing.assert_allclose(equal.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-3)

    def spread(m):
        largest = np.abs(kernels(m)["first"]).max((0, 1, 2))
        return largest.max() / largest.min()

    assert spread(equal) < spread(model) / 4
