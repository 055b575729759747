"""Loading models from files."""

import gc
import random
import resource
import sys
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import Input, Model, layers

from kerascnn import UserError
from kerascnn.models.graph import allow_depth
from kerascnn.training import load_model


def test_a_model_deeper_than_pythons_stack_is_loaded(tmp_path):
    before = sys.getrecursionlimit()
    try:
        allow_depth(1200)
        x = image = Input((2,))
        for _ in range(1200):
            x = layers.Identity()(x)
        model = Model(image, x)
        model.save(tmp_path / "model.keras")
        sys.setrecursionlimit(before)  # as in another process
        assert len(load_model(tmp_path / "model.keras").layers) == len(model.layers)
    finally:
        sys.setrecursionlimit(before)


@keras.saving.register_keras_serializable(package="loading")
class Subclassed(keras.Model):
    """Its weights are made when it is first called."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.dense = units, layers.Dense(units)
        self.drop = layers.Dropout(0.5)

    def call(self, x):
        return self.drop(self.dense(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="loading")
class OwnConstant(layers.Layer):
    """Cannot be built without weights, since its variable has a value; what is before it counts."""

    def build(self, shape):
        self.constant = keras.Variable(np.arange(shape[-1], dtype="float32"), trainable=False)

    def call(self, x):
        return x * self.constant


def plain(units):
    image = Input((800,))
    return Model(image, OwnConstant()(layers.Dense(4)(layers.Dense(units, name="wide")(image))))


def nested(units):
    inner = keras.Sequential([Input((800,)), layers.Dense(units, name="wide")])
    image = Input((800,))
    return Model(image, layers.Dense(2, activation="softmax")(inner(image)))


def shared(units):
    """Counted once for all its calls."""
    first, second = Input((8,)), Input((8,))
    dense = layers.Dense(units, name="wide")
    return Model([first, second], layers.Add()([dense(first), dense(second)]))


def subclassed(units):
    model = Subclassed(units)
    model(np.zeros((1, 800), "float32"))
    return model


def quantized(units):
    model = nested(units)
    model.quantize("int8")
    return model


KINDS = [plain, nested, shared, subclassed, quantized]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_is_loaded(tmp_path, kind):
    model = kind(30)
    model.save(tmp_path / "model.keras")
    states = []
    for load in (keras.models.load_model, load_model):
        keras.utils.set_random_seed(0)
        loaded = load(tmp_path / "model.keras")
        states.append(random.getstate())
    assert states[0] == states[1]  # layers draw their seeds once, or a training would change
    for mine, stored in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(mine), keras.ops.convert_to_numpy(stored)
        )


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_a_file_does_not_hold_take_no_memory(tmp_path, kind):
    """The address space that is left would not hold the weights, 1 to 3 GB."""
    kind(31_337).save(tmp_path / "honest.keras")
    with zipfile.ZipFile(tmp_path / "honest.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    kind(30).save(tmp_path / "small.keras")
    with zipfile.ZipFile(tmp_path / "small.keras") as archive:
        members["model.weights.h5"] = archive.read("model.weights.h5")
    members["config.json"] = members["config.json"].replace(b"31337", b"99999999")
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**29, before[1]))
    try:
        with pytest.raises(UserError, match=r"model.keras: holds .* bytes, and its layers take"):
            load_model(tmp_path / "model.keras")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_looking_first_costs_little(tmp_path):
    """A network of 13 MB and 150 layers: measured 1.2 to 1.3 times as long as Keras takes."""
    keras.applications.MobileNetV2(weights=None).save(tmp_path / "model.keras")
    loads = [keras.models.load_model, load_model]
    times = [[], []]
    gc.collect()
    gc.disable()  # what other tests left in memory would be gone through again and again
    try:
        for _ in range(3):
            for load, taken in zip(loads, times, strict=True):
                start = time.process_time()
                load(tmp_path / "model.keras")
                taken.append(time.process_time() - start)
    finally:
        gc.enable()
    assert min(times[1]) < 1.5 * min(times[0])  # a fifth more, for a machine that is busy
