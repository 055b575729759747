"""What README and the pages say is what the code says."""

import re
from pathlib import Path

import yaml

from kerascnn.analysis import models_markdown

PAGES = {path: path.read_text() for path in (Path("README.md"), *Path("docs").glob("*.md"))}


def test_the_table_of_models_is_the_registry():
    """`kerascnn models --markdown` writes it."""
    text = PAGES[Path("docs/zoo.md")]
    table = re.search(r"<!-- models -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert table and table.group(1) == models_markdown()


def test_the_number_of_networks_is_that_of_the_registry():
    from kerascnn.models import models

    told = re.findall(r"(\d+) networks\b(?! pass)", PAGES[Path("README.md")])
    told += re.findall(r"^- (\d+) networks, exact", Path("CHANGELOG.md").read_text(), re.MULTILINE)
    assert {int(n) for n in told} == {len(models())} and len(told) >= 2


def test_the_commands_of_the_pages_exist():
    from kerascnn.cli import app

    names = {c.name or c.callback.__name__ for c in app.registered_commands}
    names |= {group.name for group in app.registered_groups}
    for path, text in PAGES.items():
        shells = "\n".join(re.findall(r"^```shell\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
        used = set(re.findall(r"(?:^ {4}|`)kerascnn ([a-z]+)\b", text, re.MULTILINE))
        used |= set(re.findall(r"^kerascnn ([a-z]+)\b", shells, re.MULTILINE))
        assert used <= names, path
    assert re.search(r"^ +kerascnn train", PAGES[Path("README.md")], re.MULTILINE)


def test_the_configs_of_the_pages_exist():
    for text in PAGES.values():
        for path in set(re.findall(r"configs/[\w/]+\.yaml", text)):
            assert yaml.safe_load(Path(path).read_text()), path


def test_a_recipe_on_a_page_is_one():
    from export.recipes.recipe import Recipe

    shown = re.findall(r"^```text\n(name: .*?)^```", "\n".join(PAGES.values()), re.S | re.M)
    assert shown and all(Recipe(**yaml.safe_load(text)) for text in shown)
