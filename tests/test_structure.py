"""The arrows between the rooms point one way, and no room has a name that says nothing."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KERASCNN = {
    "kerascnn.config",
    "kerascnn.console",
    "kerascnn.errors",
    "kerascnn.extras",
    "kerascnn.files",
    "kerascnn.locks",
    "kerascnn.workers",
}
# Each room, and the rooms it may import: kerascnn never imports export.
ARROWS = {
    "kerascnn.numpy_ops": {"kerascnn.errors"},
    "kerascnn.layers": {"kerascnn.errors"},
    "kerascnn.models": {"kerascnn.errors", "kerascnn.layers"},
    "kerascnn.data": {
        "kerascnn.console",
        "kerascnn.errors",
        "kerascnn.extras",
        "kerascnn.files",
        "kerascnn.locks",
    },
    "kerascnn.training": KERASCNN | {"kerascnn.data", "kerascnn.models"},
    "kerascnn.evaluation": KERASCNN | {"kerascnn.data", "kerascnn.models"},
    "kerascnn.visualization": KERASCNN
    | {
        "kerascnn.analysis",
        "kerascnn.data",
        "kerascnn.evaluation",
        "kerascnn.models",
        "kerascnn.numpy_ops",
        "kerascnn.training",
        "kerascnn.transfer",
    },
    "kerascnn.experiments": KERASCNN
    | {
        "kerascnn.analysis",
        "kerascnn.data",
        "kerascnn.evaluation",
        "kerascnn.models",
        "kerascnn.tables",
        "kerascnn.training",
        "kerascnn.visualization",
    },
    "kerascnn.transfer": KERASCNN | {"kerascnn.data", "kerascnn.models", "kerascnn.training"},
    "kerascnn.analysis": {
        "kerascnn.errors",
        "kerascnn.extras",
        "kerascnn.files",
        "kerascnn.layers",
        "kerascnn.listing",
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
    ("lanes",),
    ("delivery",),
    ("architecture_search", "debugging", "inspection", "reporting", "webdemo"),
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


# The files that may use private names: of Keras, TensorFlow, tf_keras and tfmot, LiteRT.
INTERNALS = {
    "kerascnn/models/graph/internals.py",
    "export/conversion/internals.py",
    "export/tfmot/internals.py",
    "export/runtimes/litert_internals.py",
}
# Modules that are private by their place: what is below "keras.src" has a public name or none.
PRIVATE_MODULES = ("keras.src", "tensorflow.python", "tensorflow.lite.python", "tf_keras.src")


PUBLIC = {"os._exit"}  # its documentation has it
ASKING = ("getattr", "hasattr", "setattr")


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def is_self(node):
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def defined_in(tree):
    """The names that a file gives to functions, variables and attributes of `self`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield from [node.attr] if is_self(node.value) else ()


def private_attributes(tree):
    """(attribute, whether of self or cls) for each private one that is read, set or asked for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            if ast.unparse(node) in PUBLIC:
                continue
            yield node.attr, is_self(node.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ASKING and len(node.args) > 1:
            name = ast.unparse(node.args[1]).strip("'")
            if is_private(name):
                yield name, False


@pytest.fixture(scope="module")
def own_names():
    return {name for path in SOURCES for name in defined_in(ast.parse((ROOT / path).read_text()))}


@pytest.mark.parametrize("path", [p for p in SOURCES if p.as_posix() not in INTERNALS], ids=str)
def test_private_names_of_others_are_used_in_one_file(path, own_names):
    """Those of an object are own where the same file defines them; of self, where any does."""
    tree = ast.parse((ROOT / path).read_text())
    here = set(defined_in(tree))
    foreign = {
        name for name, own in private_attributes(tree) if name not in (own_names if own else here)
    }
    assert foreign == set()
    assert not [m for m in imports(path) if m.startswith(PRIVATE_MODULES)]


def public_functions(tree):
    """The functions of a file, and the methods of its public classes, that have a public name."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from (part for part in node.body if isinstance(part, ast.FunctionDef))


def unannotated(function):
    """What of a function has no type, but `self`: names of its arguments, and "return"."""
    a = function.args
    everything = [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg]
    for argument in filter(None, everything):
        if argument.arg not in ("self", "cls") and argument.annotation is None:
            yield argument.arg
    if function.returns is None:
        yield "return"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_public_functions_and_fields_say_their_types(path):
    tree = ast.parse((ROOT / path).read_text())
    functions = public_functions(tree)
    named = [f for f in functions if f.name == "__init__" or not f.name.startswith("_")]
    missing = {f"{f.name}, line {f.lineno}": [*unannotated(f)] for f in named}
    assert {where: names for where, names in missing.items() if names} == {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and "dataclass" in map(ast.unparse, node.decorator_list):
            bare = [ast.unparse(part) for part in node.body if isinstance(part, ast.Assign)]
            assert bare == [], f"{node.name}: fields without a type"


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


def test_no_two_test_files_share_a_name():
    """pytest imports a file by its name alone where its folder is no package."""
    tests = (ROOT / "tests").rglob("test_*.py")
    names = [path.name for path in tests if not (path.parent / "__init__.py").exists()]
    assert sorted({name for name in names if names.count(name) > 1}) == []
