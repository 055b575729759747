"""What README says is what the code says."""

import re
from pathlib import Path

import yaml

from kerascnn.analysis import models_markdown

README = Path("README.md").read_text()


def test_the_table_of_models_is_the_registry():
    """`kerascnn models --markdown` writes it."""
    table = re.search(r"<!-- models -->\n(.*?)<!-- end -->", README, re.DOTALL)
    assert table and table.group(1) == models_markdown()


def test_the_commands_of_readme_exist():
    from kerascnn.cli import app

    names = {c.name or c.callback.__name__ for c in app.registered_commands}
    used = set(re.findall(r"^ +kerascnn (\w+)", README, re.MULTILINE))
    assert used and used <= names


def test_the_configs_of_readme_exist():
    for path in set(re.findall(r"configs/[\w/]+\.yaml", README)):
        assert yaml.safe_load(Path(path).read_text()), path
