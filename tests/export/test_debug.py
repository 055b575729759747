"""An int8 file that lost its accuracy: which layer, why, and what helps."""

import re

import keras
import numpy as np
import pytest
from collapsing import SABOTAGED, collapsing_run, depthwise_network
from keras import layers
from small_networks import network, pixels, randomized

import export
from export.constraints.kernels import sparsity
from export.debugging.analysis import analyse
from export.debugging.diagnosis import diagnose
from export.debugging.probe import Probe
from export.proof.metadata import read_metadata
from export.quantization.float_form import unrounded
from export.quantization.quantizer import calibrate, quantized_model
from export.recipes.names import recipe_name
from export.recipes.recipe import Recipe
from export.recipes.stages import Quantization
from export.subject.samples import Samples
from kerascnn.errors import UserError
from kerascnn.training import load_model, open_run

FILE = "model_int8_static.tflite"


def analyse_labelled(simulated, images, labels):
    return analyse(simulated, Samples((images,), (labels,)), "classes")


@pytest.fixture(scope="module")
def collapsed(tmp_path_factory):
    """A run whose int8 file loses far more than its recipe allows. Its tests may write into it."""
    keras.utils.set_random_seed(0)
    return collapsing_run(tmp_path_factory.mktemp("collapsed") / "run")


@pytest.fixture(scope="module")
def small():
    """(a calibrated simulation, its images, labels that it was not trained for)."""
    keras.utils.set_random_seed(0)
    model = randomized(depthwise_network((12, 12, 3)))
    images = pixels(model, 48)
    simulated = quantized_model(model)
    calibrate(simulated, [images])
    return simulated, images, model.predict(images, verbose=0).argmax(1)


def test_a_file_that_was_not_kept_is_explained_and_mended(kerascnn, collapsed):
    code, out, _ = kerascnn("convert", collapsed, "--to", "tflite", "--recipe", "static_wi8_ai8")
    assert code == 1
    assert f"kerascnn debug {collapsed / FILE}" in "".join(out.splitlines())
    code, out, _ = kerascnn("debug", collapsed / FILE, "--fix")
    assert code == 0
    first = re.search(r"│ (\w+) +│", out)
    assert first and first[1] == SABOTAGED
    assert re.search(rf"{SABOTAGED}: output channel \d+ is \d+x wider than the median", out)
    kept = next(line for line in out.splitlines() if "kept" in line)
    assert "equalized" in kept or "corrected" in kept or "biases" in kept
    fixed = collapsed / "model_int8_static_fixed.tflite"
    metadata = read_metadata(fixed)
    assert metadata["recipe"]["quantization"]["equalize"]
    reached = metadata["accuracy"]["validation"]
    assert reached["artifact"] >= reached["trained"] - metadata["recipe"]["max_drop"] / 100
    code, out, _ = kerascnn("verify", fixed)
    assert code == 0 and "FAILED" not in out
    assert not (collapsed / FILE).exists()
    recipe = collapsed / metadata["recipe"]["name"] / "recipe.yaml"
    code, _, err = kerascnn("convert", collapsed, "--to", "tflite", "--recipe", recipe)
    assert code == 0, err


def test_what_rounds_nothing_is_exact_and_shares_add_up(small):
    found = analyse_labelled(*small)
    by_name = {layer.name: layer for layer in found.layers}
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)
    shares = [layer.share for layer in found.layers]
    assert shares == sorted(shares, reverse=True)
    assert by_name["normalize"].share == 0  # whole pixels are what its 256 steps are
    assert by_name["normalize"].activations.snr >= 99
    assert by_name["stem_conv"].layers == ("stem_conv", "stem_bn", "stem_relu")
    assert by_name["head_pool"].weights is None


def test_signal_to_noise_is_what_eight_bits_give(small):
    """Rounding to steps d has an error of d^2 / 12: 255 steps of a uniform tensor, 48 dB."""
    found = {layer.name: layer for layer in analyse_labelled(*small).layers}
    kernel = found["block1_2_conv"].weights
    assert 38 < kernel.snr < 50  # 127 steps to the largest of 16 weights, Glorot uniform
    assert found["block1_2_conv"].activations.accumulated < found["stem_conv"].activations.snr
    for layer in found.values():
        if layer.activations:
            assert layer.activations.accumulated <= layer.activations.snr + 1
            assert layer.activations.clipped == 0  # calibrated on these images
    assert found["stem_conv"].consumers == ("block1_1_conv",)
    assert found["block2_2_conv"].consumers == ("head_pool",)


def test_the_probe_is_the_simulation_when_all_is_on_and_the_float_network_when_all_is_off(small):
    simulated, images, _ = small
    probe = Probe(simulated)
    off = probe.outputs([images])
    np.testing.assert_allclose(off, unrounded(simulated).predict(images, verbose=0), atol=1e-5)
    probe.set(probe.units, weights=True, activations=True)
    rounded = simulated.predict(images, verbose=0)
    step = np.ptp(rounded) / 255  # where float32 sums fall on the other side of a half
    assert (np.abs(probe.outputs([images]) - rounded) < step / 2).mean() > 0.98
    assert np.abs(off - rounded).max() > step


def test_an_outlier_weight_shows_in_the_kernel():
    model = randomized(depthwise_network((12, 12, 3)))
    images = pixels(model, 24)
    labels = np.zeros(len(images), int)

    def weights():
        simulated = quantized_model(model)
        calibrate(simulated, [images])
        found = next(
            x for x in analyse_labelled(simulated, images, labels).layers if x.name == name
        )
        return found.weights, found

    name = "block1_2_conv"
    healthy, _ = weights()
    kernel = model.get_layer(name).kernel
    values = kernel.numpy()
    values[0, 0, 3, 5] = 100 * np.abs(values).max()
    kernel.assign(values)
    hurt, layer = weights()
    assert hurt.snr < healthy.snr - 10
    assert hurt.outlier > 100 and hurt.outlier_channel == 5
    if layer.share >= 0.05:
        assert "channel 5" in diagnose(layer)


def test_small_input_channels_are_named():
    def body(x):
        x = layers.Conv2D(12, 3, activation="relu", name="first")(x)
        return layers.Conv2D(6, 1, name="second")(x)

    model = network(body)
    first, second = model.get_layer("first"), model.get_layer("second")
    factors = np.array([1e3] + 11 * [1.0])  # one channel is 1000 times smaller, its kernel larger
    for weight in (first.kernel, first.bias):
        weight.assign(weight.numpy() / factors)
    second.kernel.assign(second.kernel.numpy() * factors[:, None])
    images = pixels(model)
    simulated = quantized_model(model)
    calibrate(simulated, [images])
    found = analyse_labelled(simulated, images, np.zeros(len(images), int))
    worst = {layer.name: diagnose(layer) for layer in found.layers}
    assert "those of channel 0 take the range" in worst["second"]


def test_clipped_values_are_counted():
    model = randomized(depthwise_network((12, 12, 3)))
    images = pixels(model, 24)
    simulated = quantized_model(model)
    calibrate(simulated, [images])
    rounding = simulated.get_layer("stem_relu_quant")
    rounding.maximum.assign(float(rounding.maximum) / 10)
    found = analyse_labelled(simulated, images, np.zeros(len(images), int))
    stem = next(layer for layer in found.layers if layer.name == "stem_conv")
    assert stem.activations.clipped > 0.02
    assert re.search(r"the range .* clips \d+\.\d% of the outputs", diagnose(stem))


def test_one_network_inside_a_simulation_is_the_model_it_was_made_of():
    model = randomized(depthwise_network((12, 12, 3)))
    images = pixels(model, 8)
    inner = unrounded(quantized_model(model))
    np.testing.assert_allclose(
        inner.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-5
    )


def test_names_of_refined_recipes_decode():
    quantization = Quantization(
        method="static",
        equalize=True,
        correct_biases=True,
        exclude=("head_*",),
        calibration={"images": 2048, "ranges": "percentile"},
    )
    name = recipe_name(Recipe(name="any", quantization=quantization))
    assert name == "static_wi8_ai8_images2048_percentile_equalized_corrected_float1"


@pytest.mark.parametrize(
    "given",
    [
        {"method": "dynamic", "equalize": True},
        {"method": "float16", "exclude": ("head_*",)},
        {"method": "int16x8", "calibration": {"ranges": "percentile"}},
    ],
)
def test_refinements_belong_to_simulated_int8(given):
    with pytest.raises(ValueError, match="needs 'method: qat' or 'method: static'"):
        Quantization(**given)


def test_a_clustered_recipe_is_not_equalized():
    with pytest.raises(ValueError, match="pull the shared values of 'clustering' apart"):
        Recipe(
            name="any",
            clustering={"clusters": 4, "fine_tune": {"epochs": 1, "peak": 0.1}},
            quantization={"method": "static", "equalize": True},
        )


def test_what_is_no_int8_file_is_refused(finished_run, collapsed):
    with pytest.raises(UserError, match="float32, which rounds no activations to int8"):
        export.debug(finished_run / "model_float32.tflite")
    with pytest.raises(UserError, match=r"expected a \.tflite, an \.onnx or a \.keras file"):
        export.debug(collapsed / "model.bin")
    with pytest.raises(UserError, match=r"is the model of a run; give a file of it, as .*\.tflite"):
        export.debug(collapsed / "model.keras", recipe="static_wi8_ai8")
    with pytest.raises(UserError, match=r"no such file: .*model_int4\.tflite .*--recipe NAME"):
        export.debug(collapsed / "model_int4.tflite")
    with pytest.raises(UserError, match="expected at least 1 image, got 0"):
        export.debug(collapsed / FILE, count=0)


@pytest.mark.full
def test_where_nothing_is_enough_everything_is_tried_and_nothing_kept(
    kerascnn, collapsed, monkeypatch
):
    from export.debugging.fixes import Fixer

    monkeypatch.setattr(Fixer, "_enough", lambda *_: False)
    (collapsed / "model_int8_static_fixed.tflite").unlink(missing_ok=True)
    code, out, _ = kerascnn("debug", collapsed / FILE, "--fix", "--train")
    assert code == 0
    for tried in (
        "float network",
        "as it is",
        "extremes",
        "equalized",
        "float",
        "int16",
        "trained",
    ):
        assert tried in out
    assert "None was enough" in out and "kept" not in out
    assert not (collapsed / "model_int8_static_fixed.tflite").exists()
    trained = re.search(r"trained for int8[^│]*│ +(\d+\.\d+)%", out)
    assert trained and float(trained[1]) > 90  # of digits; chance is 10


def test_training_is_a_part_of_fixing(kerascnn, collapsed):
    code, _, err = kerascnn("debug", collapsed / FILE, "--train")
    assert code == 2 and "--train is a part of --fix" in err


def test_a_trained_file_is_explained_too(finished_run):
    found = export.debug(finished_run / "model_int8.onnx", count=60)
    assert found.images == 60
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)
    trained = {layer.name for layer in open_run(finished_run).model().layers}
    assert {layer.name for layer in found.layers if layer.weights} <= trained


@pytest.mark.full
def test_a_fix_keeps_what_was_pruned(kerascnn, own_run, monkeypatch):
    from export.debugging.fixes import Fixer

    monkeypatch.setattr(Fixer, "_enough", lambda _, candidate: "equalized" in candidate.what)
    monkeypatch.setattr(Fixer, "_best", lambda fixer: fixer.candidates[-1])
    code, out, err = kerascnn("debug", own_run / "model_int8.tflite", "--fix")
    assert code == 0, out + err
    metadata = read_metadata(own_run / "model_int8_fixed.tflite")
    name = metadata["recipe"]["name"]
    assert name.startswith("pruned50_static_wi8_ai8_") and "equalized" in name
    assert sparsity(load_model(own_run / name / "model.keras")) >= 0.5
    code, out, _ = kerascnn("verify", own_run / "model_int8_fixed.tflite")
    assert code == 0 and "FAILED" not in out
    assert kerascnn("report", own_run)[0] == 0
