"""YAML <-> validated sections. A key nobody knows names its nearest neighbour."""

import re
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from kerascnn.config.run import Config
from kerascnn.errors import UserError, unknown
from kerascnn.files import readable_file, write_text

Parsed = TypeVar("Parsed", bound=BaseModel)
MOST_YAML = 2**20  # bytes; ours have hundreds


class _Loader(yaml.SafeLoader):
    """Safe YAML; text that looks like a number or a date and is none says so with its place.

    yaml's own constructors raise what int() and the like raise, without a place.
    """

    def __init__(self, stream):
        super().__init__(stream)
        self.keys = {}  # id of a node -> the key it stands behind

    def construct_mapping(self, node, deep=False):
        if isinstance(node, yaml.MappingNode):
            self.keys.update((id(value), key.value) for key, value in node.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node, deep=False):
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception:
            key = self.keys.get(id(node))
            place = f"{key}: " if isinstance(key, str) else ""
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"{place}{shown(node.value)} is no {kind} that can be read",
                node.start_mark,
            ) from None


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Reads a YAML mapping, safely. UserError where there is none."""
    path = readable_file(path, most=MOST_YAML)
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply to be a config") from None
    except ValueError as error:  # a date that does not exist, a number of 5,000 digits
        raise UserError(f"{path}: {shown(str(error))}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "not YAML"
        raise UserError(f"{path}{where}: {what}") from None
    if not isinstance(tree, dict):
        got = type(tree).__name__
        raise UserError(f"{path}: expected a mapping of sections, got {got}")
    return tree


def parse(schema: type[Parsed], tree: Any, where: object) -> Parsed:
    """Validates `tree` (nested dicts) as `schema`; the first mistake becomes a UserError.

    where: what messages name first, the path of a file.
    """
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        raise _mistake(error, schema, where) from None


def load(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Reads a training config.

    Args:
        path: a YAML file.
        overrides: strings as "training.epochs=2", applied in order; values are YAML.

    Raises:
        UserError: no such file, unknown key (with its neighbour), value of a wrong type.
    """
    return parse(Config, override(read_yaml(path), overrides), path)


def override(tree: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Returns `tree` with "section.key=value" strings applied."""
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"expected key=value, as training.epochs=2, got {text!r}")
        *parents, last = key.split(".")
        node = tree = dict(tree)
        for parent in parents:
            child = node.get(parent, {})
            if not isinstance(child, dict):
                raise UserError(f"{key}: {parent!r} is a value, not a section")
            node[parent] = dict(child)
            node = node[parent]
        try:
            node[last] = yaml.load(value, _Loader)
        except (yaml.YAMLError, RecursionError):
            raise UserError(f"{key}: {shown(value)} is not a YAML value") from None
    return tree


def save(config: BaseModel, path: str | Path) -> None:
    """Writes the resolved config, every default spelled out."""
    write_text(path, dump(config))


def dump(config: BaseModel) -> str:
    """Returns the config as YAML text that `load` reads back."""
    tree: dict[str, Any] = config.model_dump(mode="json")
    return yaml.safe_dump(tree, sort_keys=False)


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """dotted key -> value, of nested dicts."""
    found = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def differences(before: dict[str, Any], now: dict[str, Any], where: str) -> list[str]:
    """A line for each dotted key in which two trees differ: what is `where`, what was asked."""
    old, new = flat(before), flat(now)
    return [
        f"{key} is {shown(old.get(key))} {where}, {shown(new.get(key))} was asked"
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    ]


def _mistake(error, schema, where):
    """One line for the first of pydantic's errors."""
    first = error.errors()[0]
    keys, beside = _place(schema, [str(part) for part in first["loc"]])
    key = ".".join(keys)
    if first["type"] == "extra_forbidden":
        prefix = "".join(f"{part}." for part in keys[:-1])
        return UserError(f"{where}: {unknown('key', key, [prefix + name for name in beside])}")
    if first["type"] == "missing":
        return UserError(f"{where}: the key {key!r} is missing")
    if first["type"] == "union_tag_invalid":
        names = re.findall(r"'([^']*)'", first["ctx"]["expected_tags"])
        return UserError(f"{where}: {unknown(f'{key}.name', first['ctx']['tag'], names)}")
    message = first["msg"].removeprefix("Value error, ")
    return UserError(
        f"{where}: {key}: {message[:1].lower()}{message[1:]}, got {shown(first['input'])}"
    )


def _place(schema, location):
    """(the keys of a place in a config, the names beside the last one).

    Pydantic's locations have the names of optimizers and the like between the keys, where there is
    a choice of sections.
    """
    keys, sections, beside = [], [schema], []
    for part in location:
        if len(sections) > 1:
            chosen = [s for s in sections if s.model_fields["name"].default == part]
            if chosen:
                sections = chosen
                continue
        keys.append(part)
        beside = list(sections[0].model_fields) if sections else []
        field = sections[0].model_fields.get(part) if sections else None
        sections = _sections(field.annotation) if field else []
    return keys, beside


def _sections(kind):
    """The sections that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [section for part in get_args(kind) for section in _sections(part)]


def shown(value: object) -> str:
    """repr(value) in a few words: a file may hold anything, as long and as deep as it likes."""
    try:
        return shortened.repr(value)
    except ValueError:  # a number of thousands of digits
        return f"something too long to show, of type {type(value).__name__}"


shortened = reprlib.Repr()
shortened.maxstring = shortened.maxother = 80
