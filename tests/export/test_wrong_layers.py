"""A verdict that is right: files that are wrong in one layer fail, good ones of trained networks
pass, with labels and without."""

import keras
import numpy as np
import pytest

import kerascnn.config as configs
from export.conversion.convert import convert
from export.delivery.preparation import prepared
from export.proof.checks import near_the_simulation
from export.proof.verification import judge
from export.quantization.quantized_layers import QuantizedKernel
from export.recipes.recipe import load_recipe
from export.runtimes import Artifact
from export.subject.opening import open_subject
from export.subject.subject import subject_of_model
from kerascnn import UserError, export, train
from kerascnn.models.graph import in_float32


@pytest.fixture(scope="module", params=["lenet5", pytest.param("resnet8", marks=pytest.mark.full)])
def trained(request, tmp_path_factory):
    """The subject of a network that has learned the digits."""
    out = tmp_path_factory.mktemp(request.param) / "run"
    chosen = [f"model.name={request.param}", "training.epochs=6", "data.batch_size=64"]
    return open_subject(train(configs.load("configs/digits/lenet5.yaml", chosen), out))


@pytest.fixture(scope="module")
def references(trained):
    """With the labels of the run, and of the same model and images without any."""
    recipe = load_recipe("static_wi8_ai8")
    labelled = prepared(trained, recipe)
    images = trained.samples.inputs[0].astype("float32")
    unlabelled = subject_of_model(labelled.model, images, pixels=True)
    return {"labelled": labelled, "unlabelled": prepared(unlabelled)}


def wrong_models(model):
    """(what is wrong, a copy of a simulation in which it is) for each layer with a kernel."""
    for number, layer in enumerate(model.layers):
        if not isinstance(layer, QuantizedKernel):
            continue
        for what, change in {
            "channels swapped": lambda k: np.flip(k, -1),
            "upside down": lambda k: np.flip(k, 0),
            "a tenth too large": lambda k: 1.1 * k,
        }.items():
            kernel = keras.ops.convert_to_numpy(layer._kernel)
            changed = change(kernel)
            if np.allclose(changed, kernel):
                continue
            copy = in_float32(model)
            copy.layers[number]._kernel.assign(changed)
            yield f"{layer.name}, {what}", copy


@pytest.mark.parametrize("kind", ["labelled", "unlabelled"])
def test_the_good_file_passes_and_each_wrong_one_fails(references, kind, tmp_path):
    reference = references[kind]
    path = tmp_path / "model.tflite"

    def passes(model):
        path.write_bytes(convert(model, "tflite", batch=None, pixels=(True,)))
        with Artifact(path) as artifact:
            return judge(artifact, reference).passed

    assert passes(reference.model)
    passed = [what for what, model in wrong_models(reference.model) if passes(model)]
    assert passed == []


def test_a_network_that_strays_from_itself_is_allowed_so_much_and_no_more():
    off, moved = np.zeros(10_000), np.zeros(10_000)
    off[:383], moved[:320] = 2, 2  # SqueezeNet 1.0 on photographs: 0.9617, of itself 0.9680
    assert all(c.passed for c in near_the_simulation(off, lambda: moved, decided=False))
    assert not all(c.passed for c in near_the_simulation(off, lambda: 0 * moved, decided=False))
    off[:] = 1
    assert not all(c.passed for c in near_the_simulation(off, lambda: moved, decided=True))


def test_a_bias_that_no_int32_holds_names_its_layer():
    """As of a frozen backbone whose weights were never loaded: it gives out next to nothing."""
    image = keras.Input((8, 8, 3))
    tiny = keras.initializers.RandomNormal(stddev=1e-9)
    x = keras.layers.Conv2D(4, 3, kernel_initializer=tiny, name="never_loaded")(image)
    x = keras.layers.Conv2D(4, 3, bias_initializer="ones", name="behind_it")(x)
    images = np.random.default_rng(0).uniform(-1, 1, (32, 8, 8, 3)).astype("float32")
    quantized = export.quantize(keras.Model(image, x), images)
    with pytest.raises(UserError, match=r"behind_it: its bias is .* steps .* which is no range"):
        export.deliver(quantized, ["never_written.tflite"], evidence=images)
