"""The arrows between the rooms point one way, and no room has a name that says nothing."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KERASCNN = {"kerascnn.errors", "kerascnn.files", "kerascnn.console", "kerascnn.config"}
# Each room, and the rooms it may import: kerascnn never imports export.
ARROWS = {
    "kerascnn.numpy_ops": {"kerascnn.errors"},
    "kerascnn.layers": {"kerascnn.errors"},
    "kerascnn.models": {"kerascnn.errors", "kerascnn.layers"},
    "kerascnn.data": {"kerascnn.errors", "kerascnn.files", "kerascnn.console"},
    "kerascnn.training": KERASCNN | {"kerascnn.data", "kerascnn.models"},
    "kerascnn.evaluation": KERASCNN | {"kerascnn.data", "kerascnn.models"},
    "kerascnn.analysis": {
        "kerascnn.errors",
        "kerascnn.files",
        "kerascnn.layers",
        "kerascnn.models",
        "kerascnn.tables",
    },
}
# The wings of export, from the ground up: each may import those before it, and all of kerascnn.
WINGS = (
    ("recipes", "integer_form", "runtimes"),
    ("subject", "constraints"),
    ("quantization",),
    ("registered",),
    ("pruning",),
    ("sharing",),
    ("conversion",),
    ("tfmot",),
    ("proof",),
    ("delivery",),
    ("debugging", "inspection", "reporting"),
    ("verbs",),
    ("cli",),
)
SOURCES = sorted(
    p.relative_to(ROOT) for room in ("kerascnn", "export") for p in (ROOT / room).rglob("*.py")
)


def module_of(path):
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(p) for p in SOURCES}


def imports(path):
    """The modules that a file names in import statements, at any depth."""
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *filter(None, [node.module])])
            for alias in node.names:
                name = f"{module}.{alias.name}"
                yield name if name in MODULES or module == "kerascnn" else module


def room(module):
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_arrows_point_one_way(path):
    own = room(module_of(path))
    for module in imports(path):
        if path.parts[0] == "kerascnn":
            assert not module.startswith("export"), f"{path} imports {module}"
        if own in ARROWS and module.startswith("kerascnn.") and room(module) != own:
            assert room(module) in ARROWS[own], f"{path} imports {module}"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[0] == "export"], ids=str)
def test_wings_of_export_know_only_those_below(path):
    floors = {wing: floor for floor, wings in enumerate(WINGS) for wing in wings}
    if len(path.parts) == 2 and path.stem == "__init__":
        return  # it names, lazily, what all wings offer
    own = path.with_suffix("").parts[1]
    for module in imports(path):
        wing = module.split(".")[1] if module.startswith("export.") else own
        assert wing == own or floors[wing] < floors[own], f"{path} imports {module}"


def test_export_names_itself_relatively():
    """So that it works as kerascnn.export too, where a script stands beside an export.py."""
    for path in SOURCES:
        if path.parts[0] == "export":
            tree = ast.parse((ROOT / path).read_text())
            named = [
                n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and not n.level
            ]
            assert not [m for m in named if m.split(".")[0] == "export"], path


def test_no_circle_of_imports():
    """Nor one that is hidden inside functions."""
    reach = {module_of(p): set(imports(p)) & MODULES - {module_of(p)} for p in SOURCES}

    def leads_back(start):
        seen, left = set(), [*reach[start]]
        while left:
            module = left.pop()
            if module == start:
                return True
            if module not in seen:
                seen.add(module)
                left += reach[module]
        return False

    assert [module for module in sorted(reach) if leads_back(module)] == []


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.parts[1] in ("layers", "models")], ids=str
)
def test_layers_and_models_work_on_every_backend(path):
    assert not {m.split(".")[0] for m in imports(path)} & {"tensorflow", "tf_keras", "jax", "torch"}


def test_private_names_of_keras_live_in_one_file():
    private = ("_nodes_by_depth", "._functional", "_outputs_struct", "fill_in(")
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
