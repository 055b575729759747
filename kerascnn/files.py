"""Files appear whole or not at all: written under a temporary name, then renamed."""

import contextlib
import errno
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerascnn.errors import UserError

UNFINISHED = re.compile(r"\..+\.(\d+)\.partial(\.[^.]*)?|\.probe\.(\d+)")  # names with a pid
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)
_writing = set()  # the temporary files of this process


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it to `path` if the block succeeds.

    The temporary name keeps the suffix, since Keras and others choose the format by it. The file
    is on the disk before it gets its name, so that a power failure leaves the old one or the new.
    What a process that ended in the middle left in the folder is removed.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    written = temporary.resolve()
    _writing.add(written)
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_unfinished(path.parent)
            yield temporary
            with temporary.open("r+b") as file:
                _sync(file.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        _writing.discard(written)
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def disk_errors(path: Path | str) -> Iterator[None]:
    """Makes a UserError of a full or broken disk, whichever library noticed it while writing.

    HDF5 and TensorFlow have exceptions of their own, with the system's words within.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        words = [os.strerror(number) for number in DISK]
        said = next((text for text in words if text.lower() in str(error).lower()), None)
        if said is None:
            raise
        raise UserError(f"{path}: cannot be written: {said}") from None


def _sync(descriptor):
    """Waits until the disk has it; some file systems know no such thing."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in DISK:
            raise


def _sync_folder(folder):
    if os.name == "nt":  # where folders cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _remove_unfinished(folder):
    """Removes temporary files of processes that are no more."""
    for entry in os.scandir(folder):
        match = UNFINISHED.fullmatch(entry.name)
        if match and not _is_written(Path(entry.path), int(match[1] or match[3])):
            with contextlib.suppress(OSError):
                Path(entry.path).unlink()


def _is_written(path, pid):
    # In a container every command may have the same pid.
    return path.resolve() in _writing if pid == os.getpid() else _is_alive(pid)


def _is_alive(pid):
    if os.name == "nt":  # os.kill would end it
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)
        return bool(handle and (ctypes.windll.kernel32.CloseHandle(handle) or True))
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # of another user
    except (OSError, OverflowError):
        return False
    return True


def write_bytes(path: Path | str, data: bytes) -> None:
    """Writes bytes to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path | str, text: str) -> None:
    """Writes UTF-8 text to `path`, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path | str, value: Any) -> None:
    """Writes `value` as indented JSON."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def readable_file(path: Path | str, *, most: int) -> Path:
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


def read_json(path: Path | str) -> dict[str, Any]:
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


def writable_folder(path: Path | str) -> Path:
    """Makes the folder `path` and returns it; UserError if nothing can be written there.

    What a process that ended in the middle left there is removed.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(path)
        probe = path / f".probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    return path
