"""`describe`: the lines, the sums, and the memory of a forward pass."""

import time

import keras
import pytest
from keras import Input, Model, layers

from kerascnn import UserError
from kerascnn.analysis import describe
from kerascnn.models import variant


def test_a_network_is_described_by_name():
    found = describe("lenet5")
    row = {x.name: x for x in found.layers}["stage2_conv"]
    assert (row.kind, row.output_shape, row.params, row.macs) == (
        "Conv2D",
        (10, 10, 16),
        2416,
        240_000,
    )
    assert [(x.size, x.stride, x.offset) for x in row.receptive_field] == [(14, 2, 0)] * 2
    expected = variant("lenet5").row
    assert (found.name, found.params, found.macs) == ("lenet5", expected.params, expected.macs)


def test_kinds_add_up_to_the_totals():
    found = describe("resnet8")
    assert sum(x.params for x in found.by_kind) == found.params
    assert sum(x.macs for x in found.by_kind) == found.macs
    assert [x.kind for x in found.by_kind] == ["Conv2D", "Dense", "BatchNormalization"]
    assert found.by_kind[0].calls == 9


@pytest.mark.parametrize(
    ("precision", "size"), [("float32", 4), ("float16", 2), ("bfloat16", 2), ("int8", 1)]
)
def test_memory_is_told_at_a_precision(precision, size):
    found = describe("lenet5", precision=precision)
    rows = {x.name: x.memory for x in found.layers}
    assert rows["stage1_conv"] == 28 * 28 * 6 * size
    assert found.precision == precision


def test_an_unknown_precision_names_its_neighbour():
    with pytest.raises(UserError, match="unknown precision 'float3'; did you mean 'float32'"):
        describe("lenet5", precision="float3")


def test_an_unknown_network_names_its_neighbour():
    with pytest.raises(UserError, match="did you mean 'lenet5'"):
        describe("lenet_5")


def memory(image, outputs):
    """Memory in numbers of elements."""
    found = describe(Model(image, outputs), precision="int8")
    return found.memory


def test_a_chain_holds_an_input_and_an_output_at_a_time():
    image = Input((100,))
    x = layers.Dense(60)(image)
    x = layers.Dense(80, name="widest")(x)
    found = memory(image, layers.Dense(10)(x))
    assert (found.total, found.peak) == (100 + 60 + 80 + 10, 100 + 60)


def test_the_peak_is_where_input_and_output_are_largest():
    image = Input((10,))
    x = layers.Dense(60)(image)
    x = layers.Dense(80, name="widest")(x)
    found = memory(image, layers.Dense(10)(x))
    assert (found.peak, found.peak_at) == (60 + 80, "widest")


def test_a_shortcut_lives_until_it_is_added():
    image = Input((10,))
    x = layers.Dense(20)(image)
    y = layers.Dense(20)(layers.Dense(50, name="inside")(x))
    found = memory(image, layers.Add()([x, y]))
    # While the branch's second layer runs: the shortcut, its input and its output.
    assert found.peak == 20 + 50 + 20


def test_normalization_and_activation_need_no_room():
    image = Input((10,))
    x = layers.Dense(50)(image)
    plain = memory(image, x)
    x = layers.Dropout(0.5)(layers.ReLU()(layers.BatchNormalization()(x)))
    assert memory(image, layers.Reshape((5, 10))(x)) == plain


def test_an_activation_does_not_overwrite_what_is_read_later():
    image = Input((10,))
    x = layers.Dense(50)(image)
    activated = layers.ReLU(name="activated")(x)
    found = memory(image, layers.Add()([layers.Dense(50)(activated), x]))
    assert found.total == 10 + 50 + 50 + 50 + 50


def test_an_activation_does_not_overwrite_what_is_read_later_under_another_name():
    image = Input((10,))
    x = layers.Dense(50)(image)
    same = layers.Reshape((5, 10))(x)
    activated = layers.ReLU()(x)
    late = layers.Flatten()(same)
    found = memory(image, layers.Add()([layers.Dense(50)(activated), late]))
    assert found.total == 10 + 50 + 50 + 50 + 50


def test_an_activation_does_not_overwrite_an_output():
    image = Input((10,))
    x = layers.Dense(50)(image)
    assert memory(image, [x, layers.ReLU()(x)]).total == 10 + 50 + 50


def test_outputs_live_to_the_end():
    image = Input((10,))
    early = layers.Dense(70, name="early")(image)
    late = layers.Dense(30)(layers.Dense(40)(early))
    assert memory(image, [early, late]).peak == 70 + 40 + 30


def test_all_inputs_live_from_the_start():
    first, second = Input((10,)), Input((200,))
    x = layers.Dense(30)(layers.Dense(90, name="busy")(first))
    found = describe(Model([first, second], layers.Concatenate()([x, second])), precision="int8")
    assert found.memory.peak == 230 + 230  # the joined vector and its two parts


def test_several_outputs_of_a_layer_are_all_shown():
    found = describe("shufflenet_v2_x0_5")
    row = next(x for x in found.layers if x.kind == "ChannelSplit")
    first, second = row.output_shape
    assert first == second
    assert row.memory == 2 * 4 * first[0] * first[1] * first[2]


def test_resnet152_in_under_five_seconds_and_without_weights(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a weight was made")

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", refuse)
    start = time.process_time()
    found = describe("resnet152")
    assert time.process_time() - start < 5
    assert found.params == variant("resnet152").row.params
    assert found.macs == variant("resnet152").row.macs
