"""The engine tfmot prunes, clusters and quantizes Keras 3 models, and gives such models back."""

import json

import keras
import numpy as np
import pytest
import yaml
from keras import layers
from small_networks import every_rule, pixels

from kerascnn.config import DataConfig, parse
from kerascnn.data import load_data
from kerascnn.errors import UserError
from kerascnn.training.run import open_run

tf_keras = pytest.importorskip("tf_keras")
tfmot = pytest.importorskip("tensorflow_model_optimization")

from export.constraints.kernels import sparsity  # noqa: E402
from export.conversion.tflite import to_tflite  # noqa: E402
from export.delivery import compress  # noqa: E402
from export.delivery.preparation import kept_model  # noqa: E402
from export.quantization.quantized_layers import is_int8  # noqa: E402
from export.recipes import recipe  # noqa: E402
from export.recipes import stages as recipe_stages  # noqa: E402
from export.runtimes import Artifact  # noqa: E402
from export.tfmot import bridge, tf_keras_training, weights  # noqa: E402
from export.tfmot import engine as tfmot_engine  # noqa: E402
from export.tfmot.tf_keras_training import make_optimizer  # noqa: E402
from kerascnn.training.optimizers import make_optimizer as make_keras_optimizer  # noqa: E402

FINE_TUNE = {"epochs": 1, "peak": 0.01}


@pytest.fixture(scope="module")
def simulated():
    model = every_rule()
    return model, tfmot_engine.quantize(model, [pixels(model)])


def test_ranges_are_the_extremes_of_the_calibration_images(simulated):
    model, simulation = simulated
    seen = np.asarray(keras.Model(model.input, model.get_layer("alone_relu").output)(pixels(model)))
    low, high = tfmot_engine.output_range(simulation.model.get_layer("alone_relu"))
    assert float(low) == 0.0
    assert float(high) == pytest.approx(seen.max(), rel=1e-5)


def test_the_simulation_is_close_to_the_model_before_any_training(simulated):
    model, simulation = simulated
    x = pixels(model)
    difference = np.abs(simulation.model.predict(x, verbose=0) - np.asarray(model(x)))
    assert difference.max() < 0.1 * np.abs(model(x)).max()  # ranges at tfmot's +-6 are far outside


def test_the_keras_3_simulation_is_the_same(simulated):
    model, simulation = simulated
    x = pixels(model)
    tfmots = simulation.model.predict(x, verbose=0)
    assert_the_same_but_for_averages(simulation.to_keras().predict(x, verbose=0), tfmots)


def assert_the_same_but_for_averages(found, expected):
    """The Keras 3 simulation rounds what comes out of an average pooling, as the kernel does."""
    levels = np.unique(expected)
    step = np.diff(levels)[np.diff(levels) > 1e-4].min()
    steps = np.abs(found - expected) / step
    assert (steps <= 1.01).mean() > 0.95
    assert (steps < 0.01).mean() > 0.5


def test_the_file_is_all_int8_and_agrees_with_the_simulation(simulated, tmp_path):
    model, simulation = simulated
    path = tmp_path / "model.tflite"
    path.write_bytes(simulation.to_tflite())
    images = pixels(model).astype("uint8")
    with Artifact(path) as artifact:
        assert artifact.inputs[0]["dtype"] == artifact.outputs[0]["dtype"] == "uint8"
        names = {operator["name"] for operator in artifact.operators}
        found = artifact.run([images])[0].astype(int)
        end = artifact.outputs[0]
    assert names <= {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "LOGISTIC",
        "MEAN",
        "MUL",
        "QUANTIZE",
        "RESHAPE",
    }
    logits = simulation.model.predict(images.astype("float32"), verbose=0)
    steps = np.abs(found - (np.rint(logits / end["scale"]) + end["zero_point"]).clip(0, 255))
    assert (steps <= 1).mean() > 0.95  # the kernel of average pooling rounds, the simulation not
    # Written from the Keras 3 simulation, the file gives the very same integers.
    path.write_bytes(to_tflite(simulation.to_keras()))
    with Artifact(path) as artifact:
        np.testing.assert_array_equal(artifact.run([images])[0], found)


def test_training_moves_weights_and_ranges_but_not_what_was_put_in(simulated):
    model, _ = simulated
    simulation = tfmot_engine.quantize(model, [pixels(model)])
    network = simulation.model

    def kernel(name):
        found = bridge.named_weights(network.get_layer(name))
        return found.get("kernel", found.get("depthwise_kernel"))

    names = ("stem", "alone_identity", "channels")
    before = {name: kernel(name) for name in names}
    network.compile("sgd", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(pixels(model), np.zeros(32), batch_size=8, verbose=0)
    changed = {name: (before[name] != kernel(name)).any() for name in names}
    assert changed == {"stem": True, "alone_identity": False, "channels": False}
    x = pixels(model)
    trained = simulation.to_keras()
    found = trained.predict(x, verbose=0)
    assert_the_same_but_for_averages(found, network.predict(x, verbose=0))
    assert not np.allclose(found, model(x), atol=1e-2)


def test_a_layer_tfmot_cannot_round_is_named():
    image = keras.Input((8, 3))
    x = layers.Flatten()(layers.LayerNormalization(name="odd")(layers.Dense(4)(image)))
    with pytest.raises(UserError, match="odd: int8 has no rule for a LayerNormalization layer"):
        tfmot_engine.quantize(keras.Model(image, x), [])


# Stages, on the handwritten digits.


def tiny():
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Rescaling(1 / 128, -1.0, name="normalize")(image)
    for number, filters in enumerate((8, 16)):
        x = layers.Conv2D(filters, 3, 2, "same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    return keras.Model(image, layers.Dense(10, name="logits")(layers.Flatten()(x)), name="tiny")


@pytest.fixture
def run(tmp_path):
    """A run folder of `tiny`, at its random start."""
    keras.utils.set_random_seed(0)
    optimizer = {"weight_decay": 1e-4, "schedule": {"peak": 0.01}}
    tree = {
        "model": {"name": "tiny"},
        "optimizer": optimizer,
        "training": {"epochs": 1},
        "data": {"name": "digits", "batch_size": 64},
    }
    data = load_data(DataConfig(**tree["data"]))
    facts = {"labels": list(data.names), "input_shape": list(data.shape), "resize": "stretch"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(tree))
    (tmp_path / "run.json").write_text(json.dumps(facts))
    tiny().save(tmp_path / "model.keras")
    return open_run(tmp_path)


def kernels(model):
    return {
        layer.name: layer.get_weights()[0] for layer in model.layers if hasattr(layer, "kernel")
    }


def make(**sections):
    return parse(recipe.Recipe, {"name": "test", **sections}, "test")


def test_pruning_reaches_its_sparsity_and_quantization_keeps_the_zeros(run):
    stages = {
        "pruning": {
            "engine": "tfmot",
            "sparsity": 0.75,
            "end": 0.5,
            "exclude": ["logits"],
            "fine_tune": FINE_TUNE,
        },
        "quantization": {"engine": "tfmot", "fine_tune": FINE_TUNE},
    }
    model = compress.compress(run, make(**stages))
    assert is_int8(model)
    zeros = {name: (kernel == 0).mean() for name, kernel in kernels(model).items()}
    assert zeros["conv0"] == zeros["conv1"] == pytest.approx(0.75, abs=0.01)
    assert zeros["logits"] == 0
    # Not only the variables: what the layer computes with is zero there too.
    rounded = np.asarray(model.get_layer("conv1").kernel)
    assert (rounded == 0).mean() >= 0.75
    kept = kept_model(run, make(**stages))
    assert kept.count_params() == model.count_params()


def test_the_schedule_constant_prunes_from_the_start(run):
    section = {"sparsity": 0.5, "begin": 0.0, "schedule": "constant", "engine": "tfmot"}
    tf_model = weights.prunable(run.model(), 0.5, 10, schedule="constant")
    assert make(pruning={**section, "fine_tune": FINE_TUNE}).pruning.schedule == "constant"
    tf_model.compile("sgd", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    step = tfmot.sparsity.keras.UpdatePruningStep()
    tf_model.fit(pixels(run.model()), np.zeros(32), batch_size=16, callbacks=[step], verbose=0)
    assert sparsity(weights.strip(tf_model, run.model())) == pytest.approx(0.5, 0.01)


@pytest.mark.full
def test_two_of_four_weights_in_a_row_are_zero(run):
    section = {"engine": "tfmot", "sparsity": 0.5, "pattern": "2:4", "fine_tune": FINE_TUNE}
    model = compress.compress(run, make(pruning=section))
    kernel = model.get_layer("conv1").get_weights()[0]  # (3, 3, 8, 16)
    rows = np.moveaxis(kernel, 2, 3).reshape(-1, 4)  # along the input channels
    assert (np.count_nonzero(rows, axis=1) <= 2).all()
    assert sparsity(model) == pytest.approx(0.5, abs=0.05)  # conv0 has one input channel


@pytest.mark.full
def test_clustering_leaves_few_values_and_quantization_keeps_them(run):
    pruned = run.model()
    kernel = pruned.get_layer("conv1").get_weights()[0]
    pruned.get_layer("conv1").set_weights([kernel * (abs(kernel) > np.median(abs(kernel)))])
    pruned.save(run.path / "model.keras")
    gentle = {"epochs": 1, "peak": 1e-4}
    sections = {
        "clustering": {"engine": "tfmot", "clusters": 6, "exclude": ["logits"]},
        "quantization": {"engine": "tfmot"},
    }
    compress_to = make(**{name: {**s, "fine_tune": gentle} for name, s in sections.items()})
    only_clustered = compress_to.model_copy(update={"quantization": None, "name": "clustered"})
    found = kernels(compress.compress(run, only_clustered))
    assert [len(np.unique(found[name])) for name in ("conv0", "conv1")] == [6, 6]
    assert len(np.unique(found["logits"])) == found["logits"].size
    kept = kernels(compress.compress(run, compress_to))
    for channel in np.moveaxis(kept["conv1"], -1, 0):  # each channel has a scale of its own
        assert len(np.unique(channel)) <= 6
    for clustered in (found, kept):
        assert (clustered["conv1"] == 0).mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.full
def test_a_finished_stage_is_not_trained_again_when_the_next_is_interrupted(
    run, tmp_path, monkeypatch, capsys
):
    section = {"engine": "tfmot", "fine_tune": {"epochs": 2, "peak": 0.01}}
    asked = make(pruning={**section, "sparsity": 0.5}, quantization=section)
    once = compress.compress(run, asked).get_weights()
    (run.path / "test").rename(tmp_path / "once")
    honest = tf_keras_training.BestEpoch.on_epoch_end
    epochs = []

    def on_epoch_end(self, epoch, logs=None):
        honest(self, epoch, logs)
        epochs.append(epoch)
        if len(epochs) == 3:  # the first of the quantization
            raise KeyboardInterrupt

    monkeypatch.setattr(tf_keras_training.BestEpoch, "on_epoch_end", on_epoch_end)
    with pytest.raises(KeyboardInterrupt):
        compress.compress(run, asked)
    keras.utils.set_random_seed(99)  # another process draws other numbers
    capsys.readouterr()
    again = compress.compress(run, asked).get_weights()
    assert "pruning: is done" in capsys.readouterr().out
    assert epochs == [0, 1, 0, 0, 1]
    for mine, other in zip(again, once, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_training_that_diverges_ends_at_once(run):
    wild = {"engine": "tfmot", "fine_tune": {"epochs": 2, "peak": 1e30}}
    with pytest.raises(UserError, match=r"training diverged in epoch 1: loss is nan"):
        compress.compress(run, make(quantization=wild))
    assert not [*(run.path / "test").rglob("*.keras")]


def test_fine_tuning_keeps_the_best_epoch_and_writes_history(run):
    from export.tfmot.bridge import to_tf_keras

    model = to_tf_keras(run.model())
    two = recipe_stages.FineTune(epochs=3, peak=0.05)
    rows = tf_keras_training.fit(model, run.data(), two, run.config, run.path / "tuned")
    model.compile(metrics=[tf_keras.metrics.SparseCategoricalAccuracy(name="accuracy")])
    validation = run.data().batches(run.data().validation)
    reached = model.evaluate(validation, verbose=0, return_dict=True)["accuracy"]
    assert reached == pytest.approx(max(row["val_accuracy"] for row in rows))
    assert (run.path / "tuned" / "history.csv").read_text().count("\n") == 4


@pytest.mark.parametrize("decoupled", [False, True])
def test_the_optimizer_of_tf_keras_makes_the_same_step(decoupled):
    config = make_config(decoupled)
    start, gradient = np.full((2, 3), 0.5, "float32"), np.full((2, 3), 0.25, "float32")
    kernel, bias = keras.Variable(start), keras.Variable(start[0])
    ours = make_keras_optimizer(config, [kernel, bias], steps_per_epoch=10, epochs=1)
    variables = [tf_keras.backend.variable(v) for v in (start, start[0])]
    theirs = make_optimizer(config, 0.1, variables)
    for _ in range(3):
        ours.apply(
            [keras.ops.convert_to_tensor(g) for g in (gradient, gradient[0])], [kernel, bias]
        )
        theirs.apply_gradients(zip((gradient, gradient[0]), variables, strict=True))
    for a, b in zip((kernel, bias), variables, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(a), b.numpy(), rtol=1e-5)


def make_config(decoupled):
    from kerascnn.config import PlateauSchedule, SGDConfig

    schedule = PlateauSchedule(peak=0.1)  # a plain number as its rate
    return SGDConfig(
        momentum=0.9, nesterov=True, weight_decay=0.01, decoupled=decoupled, schedule=schedule
    )


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"pruning": {"engine": "tfmot", "sparsity": 0.7, "pattern": "2:4"}}, "sparsity of 0.5"),
        ({"quantization": {"engine": "tfmot", "per_channel": False}}, "needs 'engine: native'"),
        ({"quantization": {"engine": "tf_mot"}}, "quantization.engine"),
    ],
)
def test_what_an_engine_has_not_is_said_while_the_recipe_is_read(section, message):
    ((name, values),) = section.items()
    with pytest.raises(UserError, match=message):
        make(**{name: {**values, "fine_tune": FINE_TUNE}})


def test_without_the_extra_a_recipe_says_what_to_install(run, monkeypatch):
    lacking = {"tfmot": ["tf-keras"]}
    monkeypatch.setattr("kerascnn.extras.missing", lambda extra: lacking.get(extra, []))
    section = {"engine": "tfmot", "fine_tune": FINE_TUNE}
    with pytest.raises(UserError, match=r"needs tf-keras: pip install 'kerascnn\[tfmot\]'"):
        compress.compress(run, make(quantization=section))
