"""`export.remove_channels` of models and losses of any kind."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import export
from kerascnn.analysis import count
from kerascnn.errors import UserError

X = np.random.default_rng(0).uniform(-1, 1, (64, 16, 16, 3)).astype("float32")
Y = np.random.default_rng(1).integers(0, 4, 64)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def body(x):
    x = layers.Conv2D(16, 3, padding="same", name="first")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return layers.Conv2D(32, 3, padding="same", activation="relu", name="second")(x)


def network(units=4, size=(16, 16), **head):
    image = keras.Input((*size, 3), name="image")
    x = layers.GlobalAveragePooling2D()(body(image))
    return keras.Model(image, layers.Dense(units, name="head", **head)(x))


def widths(before, after):
    return {w.name: w.after for w in export.channel_widths(before, after)}


def removed(model, after):
    """Whether channels have gone, and at least half of the multiplications."""
    assert count(after).macs <= 0.5 * count(model).macs
    return widths(model, after)["second"] < 32


def weigh_one_channel(model, chosen):
    """All channels of `second` alike, but one that the head hardly takes."""
    head = model.get_layer("head")
    kernel = np.ones(head.kernel.shape, "float32") + np.random.default_rng(3).normal(
        0, 0.1, head.kernel.shape
    )
    kernel[chosen] = 1e-6
    head.kernel.assign(kernel)


@pytest.mark.parametrize(
    ("head", "loss", "targets"),
    [
        ({}, LOSS, Y),
        ({"activation": "softmax"}, "sparse_categorical_crossentropy", Y),
        ({"activation": "softmax"}, "categorical_crossentropy", np.eye(4)[Y]),
        ({"activation": "sigmoid"}, "binary_crossentropy", np.eye(4)[Y]),
        ({}, "mse", np.random.default_rng(2).normal(size=(64, 4))),
        ({}, lambda y, z: ops.mean(ops.abs(y - z)), np.ones((64, 4))),
    ],
    ids=["logits", "softmax", "one_hot", "labels", "regression", "own"],
)
def test_what_matters_to_the_loss_of_its_owner_stays(head, loss, targets):
    """Channels that the head does not take go first, whatever the loss."""
    model = network(**head)
    idle = np.random.default_rng(0).permutation(32)[:16]
    weigh_one_channel(model, idle)
    macs = count(model).macs
    kept = 1 - 16 * 16 * 9 * 256 / macs  # 16 of the 32 that `second` makes
    thin = export.remove_channels(model, kept, data=(X, targets), loss=loss)
    assert widths(model, thin) == {"first": 16, "second": 16, "head": 4}
    stay = np.setdiff1d(np.arange(32), idle)
    kernels = [m.get_layer("second").get_weights()[0] for m in (model, thin)]
    np.testing.assert_array_equal(kernels[1], kernels[0][..., stay])


def test_the_loss_of_a_compiled_model_is_taken_and_the_thin_one_trains_saves_and_is_delivered(
    tmp_path,
):
    image, number = keras.Input((16, 16, 3), name="image"), keras.Input((5,), name="number")
    x = layers.GlobalAveragePooling2D()(body(image))
    x = layers.Concatenate()([x, layers.Dense(16, activation="relu", name="side")(number)])
    heads = {"label": layers.Dense(4, name="a")(x), "where": layers.Dense(2, name="b")(x)}
    model = keras.Model({"image": image, "number": number}, heads)
    losses = {"label": LOSS, "where": "mse"}
    model.compile("adam", losses, loss_weights={"label": 1.0, "where": 0.1})
    x = {"image": X, "number": X[:, 0, :5, 0]}
    y = {"label": Y, "where": X[:, 0, 0, :2]}
    before = [w.copy() for w in model.get_weights()]
    thin = export.remove_channels(model, macs=0.5, data=(x, y))
    assert removed(model, thin) and set(thin.output) == {"label", "where"}
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    thin.compile("adam", losses)
    thin.fit(x, y, verbose=0)
    thin.save(tmp_path / "thin.keras")
    again = keras.models.load_model(tmp_path / "thin.keras")
    for a, b in zip(
        again.predict(x, verbose=0).values(), thin.predict(x, verbose=0).values(), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    export.deliver(thin, [tmp_path / "thin.tflite"], evidence=(x, y))


def test_a_class_of_ones_own_and_a_nested_model_come_back():
    class Own(keras.Model):
        steps = 0

        def train_step(self, data):
            Own.steps += 1
            return super().train_step(data)

    inner = keras.Input((16, 16, 3))
    backbone = keras.Model(inner, body(inner), name="backbone")
    backbone.trainable = False
    image = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(backbone(image, training=False))
    model = Own(image, layers.Dense(4, name="head")(x))
    model.backbone = backbone
    thin = export.remove_channels(model, 0.5, data=(X, Y), loss=LOSS)
    assert type(thin) is Own and removed(model, thin)
    assert thin.backbone is thin.get_layer("backbone")
    assert thin.backbone.get_layer("second").filters == widths(model, thin)["second"]
    assert len(thin.trainable_weights) == 2  # the head
    thin.backbone.trainable = True
    thin.compile("adam", LOSS)
    Own.steps = 0
    thin.fit(X, Y, verbose=0)
    assert Own.steps > 0 and len(thin.trainable_weights) == 8


class Block(layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.a, self.b = layers.Conv1D(filters, 3, padding="same"), layers.BatchNormalization()
        self.c = layers.Conv1D(filters, 1)

    def call(self, x, training=False):
        return ops.relu(self.b(self.a(x), training=training) + self.c(x))


def test_a_subclass_of_blocks_in_half_precision_becomes_a_narrower_graph():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = Block(16), Block(32)
            self.head = layers.Dense(4, dtype="float32", name="head")

        def call(self, x, training=False):
            x = self.b(self.a(x, training=training), training=training)
            return self.head(ops.mean(x, axis=1))

    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = Own()
        model.compile("adam", LOSS)
        x = X.reshape(64, 256, 3)
        model.fit(x, Y, verbose=0)
        thin = export.remove_channels(model, 0.5, data=(x, Y))  # with the loss of the fit
        assert thin.count_params() < 0.7 * model.count_params()
        thin.compile("adam", LOSS)
        history = thin.fit(x, Y, verbose=0).history
        assert np.isfinite(history["loss"][0])
        assert {layer.compute_dtype for layer in thin.layers} >= {"float16"}
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_of_a_model_for_any_size_the_multiplications_of_the_data_are_counted():
    fixed, free = network(), network(size=(None, None))
    free.set_weights(fixed.get_weights())
    thin = [export.remove_channels(m, 0.5, data=(X, Y), loss=LOSS) for m in (fixed, free)]
    assert widths(fixed, thin[0]) == widths(free, thin[1])
    assert thin[1].input_shape == (None, None, None, 3)


def test_what_does_not_fit_is_one_line():
    model = network()
    for message, arguments in {
        "not compiled with one; give loss=": {"data": (X, Y)},
        "the data have inputs alone": {"data": X, "loss": LOSS},
        "taylor needs data": {"loss": LOSS},
        "Could not interpret loss identifier: nope": {"data": (X, Y), "loss": "nope"},
        r"label value of 1\d which is outside the valid range of \[0, 4\)": {
            "data": (X, Y + 10),
            "loss": LOSS,
        },
    }.items():
        with pytest.raises(UserError, match=message) as raised:
            export.remove_channels(model, 0.5, **arguments)
        assert len(str(raised.value).splitlines()) == 1
    with pytest.raises(UserError, match="its layers differ"):
        export.channel_widths(model, keras.Sequential([keras.Input((4,)), layers.Dense(2)]))
