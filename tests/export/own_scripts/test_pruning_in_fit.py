"""`export.Pruning` in somebody's own script: their compile, their fit, their optimizer."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

import export
from kerascnn.errors import UserError

ROOT = Path(__file__).parents[3]
X = np.random.default_rng(0).uniform(-1, 1, (64, 8, 8, 3)).astype("float32")
Y = np.random.default_rng(1).integers(0, 4, 64)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def cnn(**convolution):
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(8, 3, activation="relu", name="first", **convolution),
            layers.Conv2D(16, 3, activation="relu", name="second", **convolution),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, name="logits"),
        ]
    )


def kernels(model):
    return {x.name: ops.convert_to_numpy(x.kernel) for x in model.layers if hasattr(x, "kernel")}


def zeros(model):
    """The share of zeros in each kernel."""
    return {name: float((kernel == 0).mean()) for name, kernel in kernels(model).items()}


def half(model):
    """Whether half of each kernel is zero, to a weight."""
    return list(zeros(model).values()) == pytest.approx([0.5] * len(zeros(model)), abs=1e-3)


class ZerosBetweenBatches(keras.callbacks.Callback):
    """Stands before the pruner: what the step itself has left of the zeros."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(min(zeros(self.model).values()))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"steps_per_execution": 4},
        pytest.param({"jit_compile": True}, id="jit_compile", marks=pytest.mark.full),
        pytest.param({"run_eagerly": True}, id="run_eagerly", marks=pytest.mark.full),
        {"optimizer": keras.optimizers.Adam(gradient_accumulation_steps=2)},
        pytest.param(
            {"optimizer": keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01))},
            id="loss_scale",
            marks=pytest.mark.full,
        ),
        pytest.param(
            {"optimizer": keras.optimizers.SGD(0.01, use_ema=True, ema_momentum=0.9)},
            id="averages",
            marks=pytest.mark.full,
        ),
    ],
    ids=lambda options: next(iter(options), "plain"),
)
def test_a_model_that_was_compiled_and_fitted_before_is_pruned_without_compiling_it_again(options):
    model = cnn()
    optimizer = options.pop("optimizer", keras.optimizers.Adam(0.01))
    model.compile(type(optimizer).from_config(optimizer.get_config()), LOSS, **options)
    model.fit(X, Y, batch_size=8, verbose=0)
    pruner = export.Pruning(model, sparsity=0.5)
    between = ZerosBetweenBatches()
    model.fit(X, Y, batch_size=8, epochs=2, callbacks=[between, pruner], verbose=0)
    assert half(model) and pruner.reached
    assert between.seen[-1] == pytest.approx(0.5, abs=0.01)  # the step itself keeps them
    model.fit(X, Y, batch_size=8, verbose=0)
    if not optimizer.use_ema:  # whose averages come in behind the last step
        assert half(model)


def test_a_training_step_of_ones_own_is_pruned():
    class Own(keras.Model):
        def train_step(self, data):
            x, y = data
            import tensorflow as tf

            with tf.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            slopes = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(slopes, self.trainable_variables)
            return {"loss": loss}

    inner = cnn()
    model = Own(inner.inputs, inner.outputs)
    model.compile("adam", LOSS)
    model.fit(X, Y, batch_size=8, verbose=0)
    model.fit(X, Y, batch_size=8, epochs=2, callbacks=[export.Pruning(model, 0.5)], verbose=0)
    assert half(model)


def test_a_step_that_its_owner_traced_is_pruned_by_the_callback():
    """Neither the constraint nor a new train function can reach into this one."""
    import tensorflow as tf

    class Traced(keras.Model):
        @tf.function
        def moved(self, x, y):
            with tf.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            for variable, slope in zip(
                self.trainable_variables, tape.gradient(loss, self.trainable_variables), strict=True
            ):
                variable.assign(variable - 0.01 * slope)
            return loss

        def train_step(self, data):
            return {"loss": self.moved(*data)}

    inner = cnn()
    model = Traced(inner.inputs, inner.outputs)
    model.compile("adam", LOSS)
    model.fit(X, Y, batch_size=8, verbose=0)
    seen = ZerosBetweenBatches()
    model.fit(X, Y, batch_size=8, epochs=2, callbacks=[export.Pruning(model, 0.5), seen], verbose=0)
    assert half(model) and seen.seen[-2:] == pytest.approx([0.5, 0.5], abs=0.01)


def test_blocks_subclasses_sequences_and_half_precision_are_pruned():
    class Block(layers.Layer):
        def __init__(self, filters):
            super().__init__()
            self.conv, self.skip = layers.Conv1D(filters, 3, padding="same"), layers.Dense(filters)

        def call(self, x):
            return ops.relu(self.conv(x) + self.skip(x))

    class Own(keras.Model):
        def __init__(self):
            super().__init__(dtype="mixed_bfloat16")
            self.first, self.second = Block(8), Block(8)
            self.label, self.box = layers.Dense(4, dtype="float32"), layers.Dense(2)

        def call(self, x):
            x = ops.mean(self.second(self.first(x)), axis=1)
            return {"label": self.label(x), "box": self.box(x)}

    x, box = X.reshape(64, 64, 3), np.zeros((64, 2))
    model = Own()
    model.compile("adam", {"label": LOSS, "box": "mse"})
    with pytest.raises(UserError, match="no weights yet; call the model once on data"):
        export.Pruning(model, 0.5)
    model.fit(x, {"label": Y, "box": box}, batch_size=8, verbose=0)
    pruner = export.Pruning(model, 0.5)
    model.fit(x, {"label": Y, "box": box}, batch_size=8, callbacks=[pruner], verbose=0)
    found = [
        v for v in model.trainable_variables if v.path.endswith("kernel")
    ]  # two blocks of two, two heads
    assert len(found) == 6
    for kernel in found:
        assert (ops.convert_to_numpy(kernel) == 0).mean() == pytest.approx(0.5, abs=0.01)


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    """The file of a model that was pruned to a half."""
    keras.utils.set_random_seed(0)
    path, model = tmp_path_factory.mktemp("own") / "pruned.keras", cnn()
    model.compile("adam", LOSS)
    model.fit(X, Y, batch_size=8, epochs=2, callbacks=[export.Pruning(model, 0.5)], verbose=0)
    model.save(path)
    return path


def test_zeros_of_a_loaded_model_stay_when_it_is_said(pruned):
    model = keras.models.load_model(pruned)
    before = kernels(model)
    model.fit(X, Y, batch_size=8, verbose=0)  # nobody has said it
    assert max(zeros(model).values()) < 0.1
    model = keras.models.load_model(pruned)
    model.train_on_batch(X, Y)  # traced without a constraint
    model.load_weights(pruned)
    export.keep_zeros(model)
    model.fit(X, Y, batch_size=8, verbose=0)
    for name, kernel in kernels(model).items():
        np.testing.assert_array_equal(kernel == 0, before[name] == 0)
        assert not np.array_equal(kernel, before[name])


def test_pruning_of_a_loaded_model_goes_on_from_its_zeros(pruned):
    model = keras.models.load_model(pruned)
    before = {name: kernel == 0 for name, kernel in kernels(model).items()}
    seen = ZerosBetweenBatches()
    model.fit(
        X, Y, batch_size=8, epochs=2, callbacks=[export.Pruning(model, 0.75), seen], verbose=0
    )
    assert min(seen.seen) > 0.49
    for name, kernel in kernels(model).items():
        assert (kernel == 0)[before[name]].all()
        assert (kernel == 0).mean() == pytest.approx(0.75, abs=0.01)


def test_a_kernel_that_an_initializer_left_at_zero_is_trained():
    model = cnn()
    model.get_layer("logits").kernel.assign(np.zeros((16, 4)))
    model.compile("adam", LOSS)
    model.fit(X, Y, batch_size=8, epochs=3, callbacks=[export.Pruning(model, 0.5)], verbose=0)
    assert half(model)


@keras.saving.register_keras_serializable("tests")
class AtMost(keras.constraints.Constraint):
    def __call__(self, w):
        return ops.clip(w, -0.05, 0.05)


def test_a_constraint_of_ones_own_still_acts_and_comes_back():
    model = cnn(kernel_constraint=AtMost())
    model.compile(keras.optimizers.SGD(0.5), LOSS)
    model.fit(X, Y, batch_size=8, epochs=2, callbacks=[export.Pruning(model, 0.5)], verbose=0)
    found = kernels(model)
    assert half(model) and np.abs(found["second"]).max() == pytest.approx(0.05)
    plain = export.strip(model)
    assert isinstance(plain.get_layer("second").kernel.constraint, AtMost)
    assert plain.get_layer("logits").kernel.constraint is None
    np.testing.assert_array_equal(plain(X), model(X))
    plain.compile(keras.optimizers.SGD(0.5), LOSS)
    plain.fit(X, Y, batch_size=8, verbose=0)
    assert max(zeros(plain).values()) < 0.4  # dead units move nothing
    assert np.abs(kernels(plain)["second"]).max() <= 0.0501
    assert half(model)  # is not the one that was trained


def test_an_end_before_the_target_is_said_in_one_line(capsys):
    model = cnn()
    model.compile("adam", LOSS)
    stop = keras.callbacks.EarlyStopping(  # of the one epoch before, since no loss is below 0
        "loss", min_delta=100, patience=1, restore_best_weights=True
    )
    pruner = export.Pruning(model, sparsity=0.5)
    model.fit(X, Y, batch_size=8, epochs=20, callbacks=[stop, pruner], verbose=0)
    said = capsys.readouterr().out.strip()
    assert not pruner.reached
    assert "of the weights are zero at the end, 50.0% were asked for" in said
    assert len(said.splitlines()) == 1
    model.fit(X, Y, batch_size=8, epochs=2, callbacks=[pruner], verbose=0)  # the way out
    assert pruner.reached and not capsys.readouterr().out


def endless():
    while True:
        yield X[:8], Y[:8]


def test_how_long_a_training_is_fit_says_or_else_its_owner():
    model = cnn()
    model.compile("adam", LOSS)
    until = {"steps_per_epoch": 4, "epochs": 2, "shuffle": False, "verbose": 0}
    model.fit(endless(), callbacks=[export.Pruning(model, 0.5)], **until)
    assert half(model)

    def some():
        for _ in range(8):
            yield X[:8], Y[:8]

    model = cnn()
    model.compile("adam", LOSS)
    with pytest.raises(UserError, match=r"Pruning\(\.\.\., steps=epochs \* batches\)"):
        model.fit(some(), callbacks=[export.Pruning(model, 0.5)], shuffle=False, verbose=0)
    pruning = export.Pruning(model, 0.5, steps=8)
    with pytest.warns(UserWarning, match="ran out of data"):  # says Keras, of any generator
        model.fit(some(), callbacks=[pruning], shuffle=False, verbose=0)
    assert half(model)


def zeros_in_file(path):
    """The share of zeros among the int8 weights of convolutions and dense layers of a file."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter, found = Interpreter(str(path)), []
    for detail in interpreter.get_tensor_details():
        if detail["dtype"] is np.int8 and len(detail["shape"]) in (2, 4) and detail["shape"][0] > 1:
            try:
                found.append(interpreter.get_tensor(detail["index"]))
            except ValueError:
                continue  # not a constant
    return sum((x == 0).sum() for x in found) / sum(x.size for x in found)


@pytest.mark.full
@pytest.mark.parametrize("loaded", [False, True], ids=["at_once", "loaded"])
def test_int8_training_after_pruning_keeps_the_zeros_down_to_the_file(loaded, tmp_path):
    model = cnn()
    model.compile("adam", LOSS)
    model.fit(X, Y, batch_size=8, epochs=2, callbacks=[export.Pruning(model, 0.5)], verbose=0)
    if loaded:
        model.save(tmp_path / "model.keras")
        model = keras.models.load_model(tmp_path / "model.keras")
    quantized = export.quantize(model, (X, Y))
    quantized.compile("adam", LOSS)
    quantized.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    path = tmp_path / "model.tflite"
    export.deliver(quantized, [path], evidence=(X, Y))
    assert zeros_in_file(path) >= 0.5
    plain = export.strip(quantized)
    assert type(plain.get_layer("second")) is layers.Conv2D and half(plain)


SCRIPT = """
import keras, numpy as np, export
from keras import layers, ops
x = np.random.default_rng(0).uniform(-1, 1, (64, 8, 8, 3)).astype("float32")
y = np.random.default_rng(1).integers(0, 4, 64)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(8, 3, activation="relu"),
                          layers.Flatten(), layers.Dense(4)])
model.compile("adam", loss)
model.fit(x, y, verbose=0)
def share(m):
    return [float((ops.convert_to_numpy(k.kernel) == 0).mean()) for k in (m.layers[0], m.layers[2])]
model.fit(x, y, batch_size=8, epochs=2, callbacks=[export.Pruning(model, 0.5)], verbose=0)
assert np.allclose(share(model), 0.5, atol=0.01), share(model)
model.fit(x, y, batch_size=8, verbose=0)
assert np.allclose(share(model), 0.5, atol=0.01), share(model)
shared = export.cluster(model, values=8)
shared.compile("adam", loss)
before = shared.layers[1].get_weights()[0]
shared.fit(x, y, batch_size=8, verbose=0)
after = shared.layers[1].get_weights()[0]
assert len(np.unique(after)) <= 8 and not np.array_equal(before, after)
assert np.allclose(share(model), 0.5, atol=0.01)
print("done")
"""


@pytest.mark.full
def test_zeros_and_shared_values_stay_on_jax():
    pytest.importorskip("jax")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.strip().endswith("done"), done.stderr[-2000:]
