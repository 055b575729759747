"""State dicts of torchvision and timm in .safetensors files: against what torch computes.

Without torch from a record of names, shapes and logits; where torch is, of every network.
"""

import json
import re

import keras
import numpy as np
import pytest
from drawn_weights import draw, pixels
from safetensors.numpy import save_file
from torch_networks import CLASSES, RECORD, RECORDED, TIMM, TORCHVISION, logits, network

import kerascnn
from kerascnn import UserError
from kerascnn.errors import Notice
from kerascnn.models.graph import rescaling
from kerascnn.models.weights import load
from kerascnn.models.weights.state_dicts import modern

ENTRIES = json.loads(RECORD.read_text())
HEAVY = {  # or seen in another of the same blocks
    "vgg11",
    "vgg11 timm",
    "inception_v3_aux",
    "alexnet_one_tower",
    "googlenet_bn",
    "vgg11_bn",
    "vgg11_bn timm",
    "inception_resnet_v2 timm",
    "inception_v4 timm",
    "resnext50_32x4d",
    "mobilenet_v2_110d timm",
    "shufflenet_v2_x1_0_torch",
    "resnet14t timm",
    "squeezenet1_0",
    "mobilenet_v2_050_torch timm",
    "inception_v3",
    "mobilenet_v2_torch timm",
    "resnet18d timm",
}

# float32 sums in another order: 1e-7 a layer, up to some 300 layers; a tensor in the wrong place,
# or one that is transposed, changes every digit.
TOLERANCE = 3e-5


def difference(found, expected):
    """The largest difference, over the largest logit."""
    return np.abs(found - expected).max() / np.abs(expected).max()


def run(name, path):
    """Raw pixels through the network `name` with the weights of `path`; one row a classifier."""
    name = name.split()[0]
    model = kerascnn.build(name, num_classes=CLASSES, weights=path)
    image = rescaling(kerascnn.preprocessing(name, path))(pixels(model.input.shape[1]))
    found = model(image, training=False)
    if not isinstance(found, dict):
        found = {"head_logits": found}
    auxiliary = sorted(found.keys() - {"head_logits"})
    rows = [found[key] for key in ("head_logits", *auxiliary)]
    return [keras.ops.convert_to_numpy(row)[0] for row in rows]


@pytest.fixture
def write(tmp_path):
    """Writes a state dict; returns its path."""

    def write(tensors, name="weights"):
        save_file(tensors, tmp_path / f"{name}.safetensors")
        return tmp_path / f"{name}.safetensors"

    return write


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.full if n in HEAVY else ()) for n in RECORDED]
)
def test_computes_what_torch_computes(write, name):
    path = write(draw(ENTRIES[name]["tensors"]))
    for found, expected in zip(run(name, path), ENTRIES[name]["logits"], strict=True):
        assert difference(found, np.array(expected)) < TOLERANCE


@pytest.mark.full
@pytest.mark.parametrize("name", [*TORCHVISION, *TIMM])
def test_every_network_computes_what_torch_computes(write, name):
    pytest.importorskip("timm" if name in TIMM else "torchvision")
    model, tensors = network(name)
    path = write(tensors)
    for found, expected in zip(run(name, path), logits(name, model), strict=True):
        assert difference(found, expected) < TOLERANCE


def squeezenet(write, change=None):
    """The path of SqueezeNet 1.1's state dict, after `change` has changed it."""
    tensors = draw(ENTRIES["squeezenet1_1"]["tensors"])
    if change:
        change(tensors)
    return write(tensors)


def test_half_precision_is_read_as_it_is(write):
    """float16 and bfloat16 values are float32 values."""
    import ml_dtypes

    tensors = draw(ENTRIES["squeezenet1_1"]["tensors"])
    for dtype in (np.float16, ml_dtypes.bfloat16):
        halves = {name: value.astype(dtype) for name, value in tensors.items()}
        model = kerascnn.build("squeezenet1_1", num_classes=CLASSES, weights=write(halves))
        kernel = model.get_layer("stem_conv").kernel
        expected = halves["features.0.weight"].astype("float32").transpose(2, 3, 1, 0)
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(kernel), expected)


def test_another_image_size_is_fine_where_no_dense_layer_depends_on_it(write):
    path = squeezenet(write)
    model = kerascnn.build(
        "squeezenet1_1", input_shape=(64, 96, 3), num_classes=CLASSES, weights=path
    )
    assert model(np.zeros((1, 64, 96, 3), "float32")).shape == (1, CLASSES)


def test_names_of_the_first_densenets_are_known():
    names = list(ENTRIES["densenet121"]["tensors"])
    old = [re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name) for name in names]
    assert old != names
    assert [modern(name) for name in old] == names


def test_no_other_name_is_taken_for_an_old_one():
    for entry in ENTRIES.values():
        assert [modern(name) for name in entry["tensors"]] == list(entry["tensors"])


MISFITS = {
    "missing": (
        lambda tensors: tensors.pop("features.0.bias"),
        r"weights.safetensors does not fit squeezenet1_1 for images of 224x224x3 and 10 classes: "
        r"expected features.0.bias \(64,\), found none; nothing was loaded: "
        r"give this network's own file, or build with the classes and arguments of that file's$",
    ),
    "left over": (
        lambda tensors: tensors.update(fc=np.zeros((3, 4), "float32")),
        r": fc \(3, 4\) has no place; nothing",
    ),
    "another shape": (
        lambda tensors: tensors.update({"features.0.weight": np.zeros((9, 3, 7, 7), "float32")}),
        r"expected features.0.weight \(64, 3, 3, 3\), found \(9, 3, 7, 7\)",
    ),
    "many": (
        lambda tensors: [tensors.pop(name) for name in list(tensors)[:9]],
        r": expected [^;]*, found none; expected [^;]*; expected [^;]*; and 6 more; nothing",
    ),
    "integers": (
        lambda tensors: tensors.update({"features.0.bias": np.zeros(64, "int8")}),
        r"expected features.0.bias in F64, F32, F16, BF16, got I8; save the state dict of the fl",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_a_misfit_lists_the_first_mismatches(write, misfit):
    change, message = MISFITS[misfit]
    with pytest.raises(UserError, match=message):
        kerascnn.build("squeezenet1_1", num_classes=CLASSES, weights=squeezenet(write, change))


def test_other_classes_are_a_misfit_that_says_how_to_take_the_rest(write):
    with pytest.raises(
        UserError,
        match=r"classifier.1.weight \(1000, 512, 1, 1\), found \(10, .* or with new_head=True",
    ):
        kerascnn.build("squeezenet1_1", weights=squeezenet(write))


@pytest.mark.parametrize(
    ("name", "heads"),
    [
        ("squeezenet1_1", {"head_conv"}),  # its classifier is a convolution
        ("googlenet_bn_aux", {"head_logits", "head_aux1_logits", "head_aux2_logits"}),
    ],
)
def test_a_new_head_leaves_the_classifiers_alone_and_loads_all_else(write, name, heads):
    path = write(draw(ENTRIES[name]["tensors"]))
    whole = kerascnn.build(name, num_classes=CLASSES, weights=path)
    ours = kerascnn.build(name, num_classes=7, weights=path, new_head=True)
    for layer in whole.layers:
        mine = ours.get_layer(layer.name).get_weights()
        if layer.name not in heads:
            for a, b in zip(layer.get_weights(), mine, strict=True):
                np.testing.assert_array_equal(a, b)
        else:
            assert mine[0].shape[-1] == 7


def test_a_new_head_excuses_nothing_else(write):
    path = squeezenet(write, lambda tensors: tensors.pop("features.0.bias"))
    with pytest.raises(UserError, match=r"features.0.bias \(64,\), found none; nothing was loaded"):
        kerascnn.build("squeezenet1_1", num_classes=7, weights=path, new_head=True)


@pytest.mark.parametrize("prefix", ["module.", "model.", "state_dict.", "state_dict.model.net."])
def test_what_a_training_wrapped_is_unwrapped_with_a_word(write, prefix):
    tensors = draw(ENTRIES["squeezenet1_1"]["tensors"])
    wrapped = {f"{prefix}{name}": value for name, value in tensors.items()}
    plain = kerascnn.build("squeezenet1_1", num_classes=CLASSES, weights=write(tensors))
    with pytest.warns(Notice, match=rf"weights.safetensors: read below '{prefix}', as a"):
        again = kerascnn.build("squeezenet1_1", num_classes=CLASSES, weights=write(wrapped))
    for a, b in zip(plain.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_stands_beside_a_wrapped_network_is_left_out_with_a_word(write):
    """As the weights of a loss in a Lightning checkpoint; but below the prefix all must fit."""
    tensors = draw(ENTRIES["squeezenet1_1"]["tensors"])
    wrapped = {f"model.{name}": value for name, value in tensors.items()}
    beside = {"criterion.weight": np.ones(10, "float32"), "global_step": np.array([3])}
    with pytest.warns(Notice, match=r"2 tensors beside it are left out: criterion.weight, global"):
        kerascnn.build("squeezenet1_1", num_classes=CLASSES, weights=write(wrapped | beside))
    wrapped["model.more"] = np.ones(3, "float32")
    with (
        pytest.warns(Notice),
        pytest.raises(UserError, match=r"more \(3,\) has no place; nothing was loaded"),
    ):
        kerascnn.build("squeezenet1_1", num_classes=CLASSES, weights=write(wrapped))


def test_the_file_of_a_relative_is_a_misfit(write):
    path = write(draw(ENTRIES["squeezenet1_0"]["tensors"]))
    with pytest.raises(
        UserError, match=r"does not fit squeezenet1_1 .*; and \d+ more; nothing was"
    ):
        kerascnn.build("squeezenet1_1", num_classes=CLASSES, weights=path)


def test_a_misfit_assigns_nothing(write):
    def change(tensors):
        del tensors["classifier.1.bias"]  # the last of all

    path = squeezenet(write, change)
    model = kerascnn.build("squeezenet1_1", num_classes=CLASSES)
    before = model.get_weights()
    with pytest.raises(UserError, match=r"classifier.1.bias"):
        load(model, "squeezenet1_1", path, {})
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("size", [0, 5, 1000, -1])
def test_a_broken_file_is_named(write, size):
    path = squeezenet(write)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match=r"weights.safetensors: cannot be read as a .safetensors"):
        kerascnn.build("squeezenet1_1", num_classes=CLASSES, weights=path)


CHOICES = [
    ("squeezenet1_1", "none.safetensors", "no such file: none.safetensors"),
    ("squeezenet1_1", "imagnet", "unknown weights 'imagnet'; expected 'imagenet', a state dict"),
    ("squeezenet1_1", 3, "unknown weights '3'"),
    ("squeezenet1_1", "a.pth", r"a.pth: a pickle can run any code .* safetensors.torch.save_file"),
    (
        "resnet50",
        "imagenet",
        r"^resnet50: no weights of keras.applications fit it; they fit "
        r"resnet50_v1_keras, resnet50_v2_keras; a state dict of "
        r"torchvision or timm fits: weights='F",
    ),
    (
        "mobilenet_v2",
        "a.safetensors",
        r"they fit mobilenet_v2_torch, mobilenet_v2_050_torch, .*; those of keras.applications "
        r"fit: weights='imagenet'",
    ),
    ("alexnet", "a.safetensors", r"they fit alexnet_one_tower$"),
    ("lenet5", "imagenet", r"no weights of keras.applications fit it; they fit vgg16, vgg19, res"),
    ("lenet5", "a.h5", r"no weights of keras.applications fit it"),
]


@pytest.mark.parametrize(("name", "weights", "message"), CHOICES)
def test_weights_that_are_not_there(name, weights, message):
    with pytest.raises(UserError, match=message):
        kerascnn.build(name, weights=weights)
