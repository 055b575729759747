"""docs/data.md lists every source and every transform, in YAML that a config takes."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from kerascnn.config import DataConfig
from kerascnn.data.transforms import TRANSFORMS

PAGE = (Path(__file__).parents[2] / "docs/data.md").read_text()


def column(heading):
    """The entries in back-quotes in the first column of the table under a heading."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
    return [entry for row in rows for entry in re.findall("`([^`]*)`", row)]


def test_every_source_is_listed():
    assert set(column("Sources")) == set(get_args(DataConfig.model_fields["name"].annotation))


def test_every_transform_is_listed_as_it_is_written():
    found = set()
    for entry in column("Transforms"):
        data = DataConfig(name="digits", train=[yaml.safe_load(entry)])
        found.add(data.train[0].name)
    assert found == set(TRANSFORMS)


@pytest.mark.parametrize("entry", column("Normalization"))
def test_every_normalization_is_one(entry):
    DataConfig(name="cifar10", normalize=yaml.safe_load(entry))


def test_the_config_on_the_page_is_one():
    text = next(t for t in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if "data:" in t)
    assert len(DataConfig(**yaml.safe_load(text)["data"]).train) == 4
