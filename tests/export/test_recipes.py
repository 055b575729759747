"""Recipes: those that ship are named for what they do, and what fits no method is refused."""

import pytest
import yaml

from export.recipes.names import recipe_name
from export.recipes.recipe import Recipe, load_recipe, shipped_recipes
from kerascnn.config import dump, parse
from kerascnn.errors import UserError

FINE_TUNE = {"epochs": 2, "peak": 0.01}


def recipe(**stages):
    return parse(Recipe, {"name": "mine", **stages}, "mine.yaml")


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_the_name_of_a_recipe_that_ships_is_what_it_does(name):
    shipped = load_recipe(name)
    assert name == shipped.name == recipe_name(shipped)


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_a_recipe_that_ships_says_how_it_is_called(name):
    header = shipped_recipes()[name].read_text().split("name:")[0]
    assert header.startswith("# ")
    assert f"--recipe {name}" in header


def test_no_two_recipes_that_ship_write_the_same_file():
    artifacts = [load_recipe(name).artifact for name in shipped_recipes()]
    assert len(set(artifacts)) == len(artifacts)


def test_a_recipe_that_names_no_file_lends_it_its_own_name():
    assert recipe().artifact == "mine"
    assert recipe(artifact="int8").artifact == "int8"
    with pytest.raises(UserError, match="name: "):
        parse(Recipe, {"name": "Mine?"}, "mine.yaml")


def test_a_name_tells_every_stage_in_its_order():
    found = recipe(
        channels={"macs": 0.5, "fine_tune": FINE_TUNE},
        pruning={"sparsity": 0.875, "engine": "tfmot", "fine_tune": FINE_TUNE},
        clustering={"bits": 4, "fine_tune": FINE_TUNE},
        quantization={"method": "static", "per_channel": False},
    )
    name = "channels50_tfmot_pruned87_5_clustered16_static_wi8_ai8_per_tensor"
    assert recipe_name(found) == name
    pattern = {"engine": "tfmot", "sparsity": 0.5, "pattern": "2:4", "fine_tune": FINE_TUNE}
    assert recipe_name(recipe(pruning=pattern)) == "tfmot_pruned2of4"


def test_a_recipe_of_ones_own_is_called_anything(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("name: for_the_watch\nquantization: {method: static}\n")
    assert load_recipe(path).name == "for_the_watch"


@pytest.mark.parametrize(
    ("quantization", "line"),
    [
        ({"method": "qat"}, "'method: qat' trains: the key 'fine_tune' is missing"),
        ({"method": "static", "fine_tune": FINE_TUNE}, "trains nothing: leave out 'fine_tune'"),
        ({"method": "static", "engine": "tfmot"}, "'engine: tfmot' is a way of 'method: qat'"),
        ({"method": "dynamic", "per_channel": False}, "needs 'method: qat' or 'method: static'"),
        ({"method": "float16", "calibration": {}}, "has no ranges: leave out 'calibration'"),
        ({"method": "static", "calibration": None}, "leave out 'calibration: null'"),
        ({"method": "static", "calibration": {"images": 0}}, "quantization.calibration.images: "),
        ({"method": "statik"}, "'static'.* got 'statik'"),
    ],
)
def test_what_fits_no_method_is_refused(quantization, line):
    with pytest.raises(UserError, match=line):
        recipe(quantization=quantization)


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_a_resolved_recipe_reads_back_as_itself(name):
    shipped = load_recipe(name)
    assert parse(Recipe, yaml.safe_load(dump(shipped)), name) == shipped


def test_what_has_ranges_says_which_images_they_come_from():
    for method in ("static", "int16x8"):
        calibration = recipe(quantization={"method": method}).quantization.calibration
        assert calibration.images > 0
        assert calibration.seed == 0
    assert recipe(quantization={"method": "dynamic"}).quantization.calibration is None
