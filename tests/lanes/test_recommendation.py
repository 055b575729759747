"""`recommend` names a recipe that exists, and finds what is wrong with a file."""

import pytest

from export.lanes import LANES
from export.lanes.recommendation import TARGETS, objections, recommend, way
from export.recipes.recipe import load_recipe
from kerascnn.errors import UserError


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_recommended_exists(target):
    advice = recommend(target)
    assert load_recipe(advice.recipe).name == advice.recipe
    assert set(advice.lanes) <= set(LANES)
    compress = [line for line in way("runs/mine", advice) if line.startswith("kerascnn compress")]
    assert (
        bool(compress) == advice.trains == (load_recipe(advice.recipe).quantization.method == "qat")
    )


def test_a_float_file_is_nothing_for_a_microcontroller(files):
    said = " ".join(objections(files["float"], recommend("mcu")))
    assert "computes in float32" in said
    assert not objections(files["int8"], recommend("mcu"))
    assert "an .onnx file" in " ".join(objections(files["int8"], recommend("server")))


def test_a_target_nobody_knows_names_its_neighbour():
    with pytest.raises(UserError, match="did you mean 'phone-cpu'"):
        recommend("phone_cpu")
