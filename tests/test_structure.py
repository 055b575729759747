"""The arrows between the rooms point one way, and no room has a name that says nothing."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each room, and the rooms it may import: kerascnn never imports export.
ARROWS = {
    "kerascnn.numpy_ops": {"kerascnn.errors"},
    "kerascnn.layers": {"kerascnn.errors"},
    "kerascnn.models": {"kerascnn.errors", "kerascnn.layers"},
    "kerascnn.data": {"kerascnn.errors"},
    "kerascnn.training": {
        "kerascnn.errors", "kerascnn.files", "kerascnn.console", "kerascnn.config",
        "kerascnn.data", "kerascnn.models",
    },
    "kerascnn.evaluation": {"kerascnn.errors", "kerascnn.files", "kerascnn.data"},
    "kerascnn.analysis": {
        "kerascnn.errors", "kerascnn.files", "kerascnn.layers", "kerascnn.models",
        "kerascnn.tables",
    },
}  # fmt: skip
SOURCES = sorted(
    p.relative_to(ROOT) for room in ("kerascnn", "export") for p in (ROOT / room).rglob("*.py")
)


def imports(path):
    """The modules that a file names in import statements, at any depth."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            if node.module == "kerascnn":
                yield from (f"kerascnn.{alias.name}" for alias in node.names)
            else:
                yield node.module


def room(module):
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_arrows_point_one_way(path):
    own = room(".".join(path.with_suffix("").parts))
    for module in imports(path):
        if path.parts[0] == "kerascnn":
            assert not module.startswith("export"), f"{path} imports {module}"
        if own in ARROWS and module.startswith("kerascnn.") and room(module) != own:
            assert room(module) in ARROWS[own], f"{path} imports {module}"


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.parts[1] in ("layers", "models")], ids=str
)
def test_layers_and_models_work_on_every_backend(path):
    assert not {m.split(".")[0] for m in imports(path)} & {"tensorflow", "tf_keras", "jax", "torch"}


def test_private_names_of_keras_live_in_one_file():
    private = ("_nodes_by_depth", "_functional", "_outputs_struct", "fill_in(")
    users = {str(p) for p in SOURCES if any(name in (ROOT / p).read_text() for name in private)}
    assert users == {"kerascnn/models/graph.py"}


PRINTING = {"kerascnn/console.py", "kerascnn/tables.py"}


def test_what_is_printed_goes_through_the_console():
    """rich by itself obeys markup in names; a bar of progress shows numbers alone."""
    for path in SOURCES:
        if path.as_posix() not in PRINTING:
            assert {m for m in imports(path) if m.split(".")[0] == "rich"} <= {"rich.progress"}, (
                path
            )


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_names_say_something(path):
    assert not set(path.with_suffix("").parts) & {
        "util",
        "utils",
        "helpers",
        "common",
        "misc",
        "base",
    }
