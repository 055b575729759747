"""Where int8 rounds, and which ranges are one."""

import zipfile

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import network, pixels

from export.conversion.tflite import to_tflite
from export.debugging.probe import Probe
from export.integer_form.rewrite import integer_form
from export.quantization.fake_quant import FakeQuant
from export.quantization.placement import ABSORBED, WATCHED, roundings
from export.quantization.quantizer import calibrate, quantized_model
from export.runtimes import Artifact
from kerascnn.models.graph import nodes


def conv(x, name, filters=8):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_bn")(x))


def mixed(x):
    a = conv(x, "a")
    return layers.Concatenate(name="joined")([a, conv(a, "b")])


def block(x):
    """Concatenations of concatenations, poolings in between, a sigmoid beside."""
    x = conv(x, "stem")
    for i in (1, 2):
        x = layers.Concatenate(name=f"joined{i}")([x, conv(x, f"layer{i}")])
    y = conv(x, "bottleneck")
    x = layers.AveragePooling2D(2, name="average")(x)
    y = layers.MaxPooling2D(2, name="largest")(y)
    gate = layers.Activation("sigmoid", name="gate")(conv(x, "before_gate"))
    return layers.Concatenate(name="joined3")([x, y, gate])


def simulated(body):
    model = network(body)
    quantized = quantized_model(model)
    calibrate(quantized, [pixels(model)])
    return model, quantized


def named_ranges(model):
    """The rounder of each layer's output, by the name of the layer."""
    producers = {id(x): node for node in nodes(model) for x in node.outputs}
    return {
        producers[id(node.input_tensors[0])].operation.name: node.operation
        for node in nodes(model)
        if isinstance(node.operation, FakeQuant)
    }


def test_a_concatenation_rounds_its_inputs_only_where_one_has_a_scale_of_its_own():
    def alone(x):
        return layers.Concatenate(name="joined")([conv(x, "a"), conv(x, "b")])

    for body, a, b in ((alone, None, None), (mixed, WATCHED, ABSORBED)):
        form = integer_form(network(body))
        found = roundings(form)
        named = {node.operation.name: found[id(node)] for node in nodes(form)}
        assert (named["a_relu"], named["b_relu"], named["joined"]) == (a, b, WATCHED)


def test_what_a_concatenation_takes_has_its_range_down_the_whole_chain():
    model, quantized = simulated(block)
    found = named_ranges(quantized)
    together = ["stem_relu", "joined1", "joined2", "average", "bottleneck_relu", "joined3"]
    shared = found["joined3"]
    assert {id(found[name]) for name in together} == {id(shared)}
    assert found["before_gate_relu"] is not shared
    assert found["gate"].fixed == (0.0, 255 / 256)  # the kernel of a sigmoid has no other
    images = pixels(model)
    taps = keras.Model(model.inputs, [model.get_layer(name).output for name in together])
    largest = max(float(np.max(x)) for x in taps([images]))
    # Rounding in front of a layer moves its extremes by some steps of 255.
    assert 0.95 * largest < float(shared.maximum) < 1.05 * largest


def test_integers_are_not_rescaled_before_a_concatenation(tmp_path):
    for body in (mixed, block):
        path = tmp_path / "model.tflite"
        path.write_bytes(to_tflite(simulated(body)[1]))
        with Artifact(path) as artifact:
            names = [operator["name"] for operator in artifact.operators]
        ends = 2  # floats become integers at the input, or uint8 becomes int8, and back
        gates = 1 if body is block else 0
        assert names.count("QUANTIZE") + names.count("DEQUANTIZE") <= ends + gates


def test_what_an_average_and_others_take_is_int8_for_all_of_them(tmp_path):
    def branches(x):
        x = layers.MaxPooling2D(2)(conv(x, "stem"))
        average = layers.AveragePooling2D(3, 1, padding="same")(x)
        return layers.Concatenate()([conv(x, "a"), conv(average, "b")])

    path = tmp_path / "model.tflite"
    quantized = simulated(branches)[1]
    path.write_bytes(to_tflite(quantized))
    with Artifact(path) as artifact:
        assert not artifact.float_operators
    (stem,) = (unit for unit in Probe(quantized).units if unit.name == "stem")
    assert {"a", "b"} <= set(stem.consumers)


def test_each_place_moves_the_range_by_what_it_sees():
    rounder = FakeQuant(tensors=2, momentum=0.5)
    narrow, wide = np.float32([-1, 2]), np.float32([-4, 1])
    rounder(narrow)
    rounder.set_ranges([(-1, 2), (-4, 1)])
    assert (float(rounder.minimum), float(rounder.maximum)) == (-4, 2)
    rounder(2 * wide, index=1, training=True)
    assert (float(rounder.minimum), float(rounder.maximum)) == (-6, 2)
    rounder(narrow * 0, index=0, training=True)  # a batch of zeros says nothing
    assert (float(rounder.minimum), float(rounder.maximum)) == (-6, 2)
    rounder(narrow / 2, index=0, training=True)
    assert (float(rounder.minimum), float(rounder.maximum)) == (-6, 1.5)
    rounder.set_range(-3.0, 2.0)
    rounder(narrow / 2, index=0, training=True)
    assert (float(rounder.minimum), float(rounder.maximum)) == (-3, 2)  # the other tensor's


@pytest.mark.parametrize("high", [1.0, 1.001, 0.5, 253 / 2])
def test_zero_lies_on_an_integer_that_all_agree_on(high):
    """255 steps from -1 to 1 leave 0 in the middle between two: one would take either."""
    rounder = FakeQuant()
    rounder(np.float32([0]))
    rounder.set_range(-1.0, high)
    low, top = float(rounder.minimum), float(rounder.maximum)
    steps = -255 * low / (top - low)
    assert abs(steps % 1 - 0.5) > 0.005 and (low, top) != (0, 0)
    assert high <= top <= 1.01 * high and low == -1.0


def test_a_shared_range_trains_and_loads_again(tmp_path):
    model, quantized = simulated(block)
    images = pixels(model)
    before = float(named_ranges(quantized)["joined3"].maximum)
    quantized.compile("sgd", "mse")
    targets = np.zeros((len(images), *quantized.output_shape[1:]))
    quantized.fit(3 * images, targets, verbose=0)
    assert float(named_ranges(quantized)["joined3"].maximum) > before
    quantized.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        quantized.predict(images, verbose=0), loaded.predict(images, verbose=0)
    )
    loaded.fit(images, np.zeros((len(images), *quantized.output_shape[1:])), verbose=0)


def test_an_older_file_loads(tmp_path):
    """Its config.json has other words for what a FakeQuant is given."""
    model, quantized = simulated(block)
    quantized.save(tmp_path / "new.keras")
    words = {'"tensors": ': '"places": ', '"index": ': '"place": '}
    words |= {'"rounding_mode": "half_away"': '"halves": "away"'}
    with (
        zipfile.ZipFile(tmp_path / "new.keras") as new,
        zipfile.ZipFile(tmp_path / "old.keras", "w") as old,
    ):
        for name in new.namelist():
            content = new.read(name)
            for word, before in words.items() if name == "config.json" else ():
                assert word.encode() in content
                content = content.replace(word.encode(), before.encode())
            old.writestr(name, content)
    loaded = keras.saving.load_model(tmp_path / "old.keras")
    np.testing.assert_array_equal(
        quantized.predict(pixels(model), verbose=0), loaded.predict(pixels(model), verbose=0)
    )
    assert {x.tensors for x in named_ranges(loaded).values()} > {1}
