"""Folders that one process writes into at a time."""

import contextlib
import os
import shlex
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from kerascnn.errors import UserError
from kerascnn.files import writable_folder

_held = {}  # folder -> the thread of this process that holds it


@contextlib.contextmanager
def locked(folder: Path | str) -> Iterator[Path]:
    """Inside, no other process can be in `locked` of this folder; it is made where it is missing.

    The lock ends with its process, however that ends. A thread that holds it may take it again.
    Where a file system knows no locks, everybody gets it.

    Raises:
        UserError: another one holds it; says its number and its command.
    """
    folder = writable_folder(folder)
    key, thread = folder.resolve(), threading.get_ident()
    if _held.get(key) == thread:
        yield folder
        return
    path = folder / ".lock"
    file = _hold(path)
    _held[key] = thread
    try:
        yield folder
    finally:
        del _held[key]
        with contextlib.suppress(OSError):  # before it is open to others, or theirs would go
            path.unlink()
        file.close()


def _hold(path):
    """The open file of a lock that this process has now."""
    while True:
        try:
            file = path.open("a+b")
        except OSError as error:
            raise UserError(f"{path}: cannot be written: {error.strerror}") from None
        if not _is_free(file):
            with file:
                file.seek(0)
                pid, _, command = file.read(1000).decode("utf-8", "replace").partition(" ")
            raise UserError(
                f"{path.parent}: in use by process {pid or '?'} ({command or 'just begun'}); "
                "wait until it is done, or name another folder"
            )
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                break
        file.close()  # whoever held it has removed it meanwhile
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:500]
    with contextlib.suppress(OSError):  # on a full disk it is a lock all the same
        os.truncate(path, 0)
        os.write(file.fileno(), f"{os.getpid()} {command}".encode("utf-8", "replace"))
    return file


def _is_free(file):
    """Takes the lock of an open file, if nobody has it."""
    if os.name == "nt":
        import msvcrt

        file.seek(2**30)  # what is locked cannot be read there: not the text
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here
        return True
    return True
