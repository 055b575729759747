"""Anyone's model in anyone's script: quantized, trained, saved, loaded elsewhere, delivered."""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import own_scripts
import pytest
from own_scripts import nested_backbone, own_train_step

from kerascnn import export
from kerascnn.errors import UserError

HERE = Path(__file__).parent
SCRIPTS = sorted(
    m.name
    for m in pkgutil.iter_modules(own_scripts.__path__)
    if m.name not in ("parts", "go_on", "conftest") and not m.name.startswith("test_")
)
IN_FLOAT = {"convnext", "convnext_tiny", "islands"}  # where layers stay float
LARGE = {"convnext_tiny", "efficientnet_v2_b0", "mobilenet_v3_small"}  # minutes each
# What no page of docs/ runs, or others below ask for; the others are marked full.
QUICK = {"own_train_step", "several_inputs", "two_heads"}
FLOAT = {"subclassed", "two_heads"}
CASES = [n if n in QUICK else pytest.param(n, marks=pytest.mark.full) for n in SCRIPTS]


def script(name):
    return importlib.import_module(f"own_scripts.{name}")


def flat(outputs):
    return keras.tree.flatten(outputs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("scripts")


class OnDemand(dict):
    """What a function gives for a key, once asked for."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def __missing__(self, key):
        self[key] = self.function(key)
        return self[key]


@pytest.fixture(scope="module")
def trained(folder):
    """name -> (float model, quantized one after two epochs, its outputs before it was trained)."""

    def train(name):
        keras.utils.set_random_seed(0)
        module = script(name)
        model, (x, y) = module.model(), module.data()
        quantized = export.quantize(model, (x, y))
        before = flat(quantized.predict(x, verbose=0))
        quantized.compile(**module.COMPILE)
        quantized.fit(x, y, epochs=2, verbose=0)
        quantized.save(folder / f"{name}.keras")
        np.savez(folder / f"{name}.npz", *flat(quantized.predict(x, verbose=0)))
        return model, quantized, before

    return OnDemand(train)


@pytest.fixture(scope="module")
def gone_on(trained, folder):
    """name -> what a new process says that loads it, fits on and delivers; see go_on.py."""
    # As beside every second training script; its folder is the current one.
    (folder / "export.py").write_text("raise SystemExit('a script of mine')")
    path = os.pathsep.join(map(str, (HERE, HERE.parents[1])))
    rest = {*SCRIPTS} - QUICK - LARGE
    found = {}

    def go_on(name):
        # Small ones all in one process, but for those that only a full run asks for.
        names = next((sorted(some) for some in (QUICK, rest) if name in some), [name])
        if name not in found:
            for each in names:
                assert trained[each]
            command = [sys.executable, "-m", "own_scripts.go_on", folder, *names]
            environment = {**os.environ, "PYTHONPATH": path}
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, cwd=folder
            )
            assert done.returncode == 0, done.stderr[-2000:]
            found.update(json.loads((folder / "gone_on.json").read_text()))
        return found[name]

    return OnDemand(go_on)


@pytest.mark.parametrize("name", CASES)
def test_the_simulation_is_the_model_but_for_its_rounding(trained, name):
    model, _, before = trained[name]
    x, _ = script(name).data()
    for found, wanted in zip(before, flat(model.predict(x, verbose=0)), strict=True):
        error = np.sqrt(np.mean((found - wanted) ** 2)) / np.std(wanted)
        assert error < 0.2, error  # 8 bits: a few percent; a wrong input range: half or more


@pytest.mark.parametrize("name", CASES)
def test_it_loads_elsewhere_bit_for_bit_and_trains_on(gone_on, name):
    assert gone_on[name]["largest_difference"] == 0
    assert gone_on[name]["moved"] > 0


@pytest.mark.parametrize("name", CASES)
def test_its_int8_files_equal_it(gone_on, folder, name):
    assert gone_on[name]["errors"] == []
    for kind in ("tflite", "onnx"):
        metadata = json.loads((folder / f"{name}_int8.{kind}.json").read_text())
        assert all(check["passed"] for check in metadata["checks"]), metadata["checks"]
        assert bool(metadata["float_layers"]) == (name in IN_FLOAT)
        ends = [end["name"] for end in metadata["outputs"]]
        assert ends == gone_on[name]["outputs"]
        near = [c["measured"] for c in metadata["checks"] if "within 1 step" in c["name"]]
        assert len(near) == len(ends) and min(near) >= 0.99


@pytest.mark.parametrize(
    "name", [n if n in FLOAT else pytest.param(n, marks=pytest.mark.full) for n in SCRIPTS]
)
def test_the_float_model_is_delivered_as_it_is(trained, folder, name):
    x, y = script(name).data()
    files = [folder / f"{name}_float32.tflite", folder / f"{name}_float32.onnx"]
    for made in export.deliver(trained[name][0], files, evidence=(x, y)):
        assert made.passed and made.path.exists()


def test_outputs_keep_their_names_through_losses_saving_and_files(trained, gone_on):
    _, quantized, _ = trained["two_heads"]
    assert quantized.output_names == gone_on["two_heads"]["outputs"] == ["label", "box"]


@pytest.mark.full
def test_outputs_of_a_dict_are_called_by_its_keys(gone_on):
    assert set(gone_on["dict_outputs"]["outputs"]) == {"label", "box"}


def test_a_train_step_of_ones_own_is_the_one_that_trains(trained):
    _, quantized, _ = trained["own_train_step"]
    assert type(quantized) is own_train_step.Careful and own_train_step.Careful.steps > 0


def test_a_nested_model_is_found_frozen_and_can_be_thawed(trained):
    _, quantized, _ = trained["nested_backbone"]
    group = quantized.get_layer("backbone")
    assert not group.trainable and len(quantized.trainable_weights) == 2
    x, y = nested_backbone.data()
    kernels = [layer.kernel.numpy() for layer in group.layers if "conv" in layer.name]
    quantized.compile(**nested_backbone.COMPILE)
    quantized.fit(x, y, verbose=0)
    for layer, kernel in zip((x for x in group.layers if "conv" in x.name), kernels, strict=True):
        np.testing.assert_array_equal(layer.kernel.numpy(), kernel)
    group.trainable = True
    assert group.get_layer("conv0").trainable and len(quantized.trainable_weights) > 2


def test_augmentation_stays_in_the_training_and_out_of_the_files(trained, folder):
    _, quantized, _ = trained["augmentation"]
    x, _ = script("augmentation").data()
    once, again = (quantized(x, training=True) for _ in range(2))
    assert not np.allclose(once, again)
    once, again = (quantized.predict(x, verbose=0) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_pixels_come_as_bytes_and_numbers_by_their_range(gone_on, folder):
    metadata = json.loads((folder / "several_inputs_int8.tflite.json").read_text())
    ends = {end["name"]: end for end in metadata["inputs"]}
    assert ends["image"]["values"].startswith("raw pixels")
    x, _ = script("several_inputs").data()
    span = np.ptp(x["numbers"])
    # Three epochs have moved the range towards the extremes of their batches.
    assert ends["numbers"]["scale"] == pytest.approx(span / 255, rel=0.1)


def test_what_is_quantized_is_not_quantized_twice(trained):
    _, quantized, _ = trained["floats"]
    x, _ = script("floats").data()
    with pytest.raises(UserError, match="simulates int8 already"):
        export.quantize(quantized, x)


def test_a_file_that_differs_raises_and_leaves_nothing(trained, tmp_path):
    """The metric that the owner names decides."""
    model, _, _ = trained["floats"]
    x, y = script("floats").data()
    made = []

    def gets_worse(targets, outputs):
        made.append(1)
        return 1.0 / len(made)

    with pytest.raises(export.DeliveryError, match="points of gets_worse lost") as refused:
        export.deliver(model, [tmp_path / "a.tflite"], evidence=(x, y), metric=gets_worse)
    assert not refused.value.deliveries[0].passed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.full
def test_a_large_network_after_an_epoch_is_told_how_steady_it_is(tmp_path):
    """Drawn weights, one epoch: no file is nearer to the simulation than that is to itself."""
    keras.utils.set_random_seed(0)
    x, y = script("efficientnet_v2_b0").data()
    base = keras.applications.EfficientNetV2B0(
        input_shape=x.shape[1:], include_top=False, weights=None, pooling="avg"
    )
    model = keras.Model(base.input, keras.layers.Dense(4)(base.output))
    quantized = export.quantize(model, x)
    quantized.compile(**{**script("efficientnet_v2_b0").COMPILE, "optimizer": "adam"})
    quantized.fit(x, y, batch_size=16, verbose=0)
    files = [tmp_path / "a.tflite", tmp_path / "a.onnx"]
    for made in export.deliver(quantized, files, evidence=x, accept=True):
        (near,) = (c for c in made.verdict.checks if "within 1 step" in c.name)
        assert made.passed
        assert near.measured >= 0.99 or near.limit < 0.99  # else its own steadiness was not asked


JAX_SCRIPT = """
import sys
import keras
from own_scripts import floats
from kerascnn import export
from kerascnn.errors import UserError
assert keras.backend.backend() == "jax"
x, y = floats.data()
image = keras.Input(x.shape[1:])
left, right = (keras.layers.Conv2D(8, 3, activation=a)(image) for a in ("relu", "tanh"))
joined = keras.layers.Concatenate()([left, keras.layers.Conv2D(8, 1)(left), right])
pooled = keras.layers.GlobalAveragePooling2D()(joined)
model = keras.Model(image, keras.layers.Dense(4)(pooled))
quantized = export.quantize(model, (x, y))
quantized.compile(**floats.COMPILE)
quantized.fit(x, y, epochs=2, verbose=0)
quantized.save(sys.argv[1])
try:
    export.convert(quantized, "tflite")
except UserError as error:
    print(error)
"""


def test_a_model_trained_on_jax_is_delivered_on_tensorflow(tmp_path):
    path = os.pathsep.join(map(str, (HERE, HERE.parents[1])))
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "KERAS_BACKEND": "jax",
        # A step runs some ten times: most of the time would go into making that fast.
        "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
    }
    command = [sys.executable, "-c", JAX_SCRIPT, tmp_path / "jax.keras"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = done.stdout.splitlines()
    assert "runs on jax" in line and "KERAS_BACKEND=tensorflow" in line
    loaded = keras.models.load_model(tmp_path / "jax.keras")
    files = [tmp_path / "a.tflite", tmp_path / "a.onnx"]
    for made in export.deliver(loaded, files, evidence=script("floats").data()):
        assert made.passed and made.path.exists()
        (near,) = (c.measured for c in made.verdict.checks if "within 1 step" in c.name)
        assert near >= 0.99
