"""FractalNet, arXiv:1605.07648."""

import pytest
from keras import layers

from kerascnn.layers import FractalJoin


def path_lengths(model):
    """The fewest and the most convolutions between the image and the logits."""
    lengths = {}
    for layer in model.layers:  # Keras lists them in the order of the data.
        data = [x for x in _inputs(layer) if x.shape != (None,)]  # not the drawn column
        before = [lengths[id(x)] for x in data] or [(0, 0)]
        own = isinstance(layer, layers.Conv2D)
        lengths[id(layer.output)] = (
            min(low for low, _ in before) + own,
            max(high for _, high in before) + own,
        )
    return lengths[id(model.output)]


@pytest.mark.parametrize(("name", "columns"), [("fractalnet20", 3), ("fractalnet40_narrow", 4)])
def test_depth_is_a_power_of_the_columns(build, name, columns):
    model = build(name)
    convolutions = [x for x in model.layers if isinstance(x, layers.Conv2D)]
    assert path_lengths(model) == (5, 5 * 2 ** (columns - 1))
    assert len(convolutions) == 5 * (2**columns - 1)


def test_a_join_takes_the_columns_that_end_in_its_row(build):
    model = build("fractalnet40_narrow")
    joins = [x for x in model.layers if isinstance(x, FractalJoin) and "stage1" in x.name]
    assert {x.name: x.columns for x in joins} == {
        "stage1_block2_join": (0, 1),
        "stage1_block4_join": (0, 1, 2),
        "stage1_block6_join": (0, 1),
        "stage1_block8_join": (0, 1, 2, 3),
    }


def test_one_drawn_column_holds_for_the_whole_network(build):
    model = build("fractalnet20")
    column = model.get_layer("drop_path").output
    joins = [x for x in model.layers if isinstance(x, FractalJoin)]
    assert len(joins) == 10
    assert all(any(x is column for x in _inputs(join)) for join in joins)
    assert all(join.drop == 0.15 for join in joins)


def _inputs(layer):
    return layer._inbound_nodes[0].arguments.keras_tensors


def test_each_column_is_pooled_before_the_last_join(build):
    model = build("fractalnet20")
    pooled = [model.get_layer(f"stage1_block4_{column}_pool").output for column in (1, 2, 3)]
    read = _inputs(model.get_layer("stage1_block4_join"))
    assert all(any(x is y for y in read) for x in pooled)
    assert model.get_layer("stage5_block4_join").output.shape[1:] == (1, 1, 512)


def test_dropout_grows_by_a_tenth_from_block_to_block(build):
    model = build("fractalnet20")
    rates = {x.name[:6]: x.rate for x in model.layers if isinstance(x, layers.Dropout)}
    assert rates == pytest.approx({"stage2": 0.1, "stage3": 0.2, "stage4": 0.3, "stage5": 0.4})
