"""Files appear whole or not at all: written under a temporary name, then renamed."""

import contextlib
import json
import os
from pathlib import Path

from kerascnn.errors import UserError


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path beside `path`; renames it to `path` if the block succeeds.

    The temporary name keeps the suffix, since Keras and others choose the format by it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path, data):
    """Writes bytes to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path, text):
    """Writes UTF-8 text to `path`, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path, value):
    """Writes `value` as indented JSON."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def readable_file(path, *, most):
    """Returns `path` as a `Path`, if a file of at most `most` bytes stands there that opens.

    Raises:
        UserError: nothing there, a folder, a device, a file without permission or a huge one.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise UserError(f"no such file: {path}")
        if not path.is_file():
            raise UserError(f"{path}: expected a file, got a {_kind(path)}")
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if size > most:
        raise UserError(f"{path}: {size:,} bytes, expected at most {most:,}: not what it is called")
    return path


def _kind(path):
    return "folder" if path.is_dir() else "device or pipe"


MOST_JSON = 64 * 2**20  # bytes; what this tool writes has thousands


def read_json(path):
    """Reads a JSON object; UserError where there is none."""
    path = readable_file(path, most=MOST_JSON)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}: is not JSON; make it anew") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def writable_folder(path):
    """Makes the folder `path` and returns it; UserError if nothing can be written there."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    return path
