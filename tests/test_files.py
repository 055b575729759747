"""Files appear whole; what a dead process left goes; a folder has one writer at a time."""

import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from kerascnn.errors import UserError
from kerascnn.files import disk_errors, replacing, writable_folder, write_text
from kerascnn.locks import locked

HOLD = """
import sys
from kerascnn.locks import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("name", [".model.{}.partial.keras", ".probe.{}", ".LICENSE.{}.partial"])
@pytest.mark.parametrize(
    "write", [writable_folder, lambda folder: write_text(folder / "other.txt", "")]
)
def test_what_a_dead_process_left_is_removed_by_the_next_that_writes(tmp_path, name, write):
    (tmp_path / name.format(dead_pid())).write_text("half")
    (tmp_path / name.format(os.getpid())).write_text("of an earlier process of this number")
    living = tmp_path / name.format(os.getppid())
    living.write_text("half")
    mine = [tmp_path / "model.partial.keras", tmp_path / ".model.x.partial.keras"]
    for path in mine:
        path.write_text("of the user")
    write(tmp_path)
    assert set(tmp_path.iterdir()) - {tmp_path / "other.txt"} == {living, *mine}


def test_a_file_that_this_process_is_writing_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with replacing("a.txt") as path:
        path.write_text("a")
        write_text(tmp_path / "b.txt", "b")  # the same folder, called otherwise
        writable_folder(tmp_path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "a", "b.txt": "b"}


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order, sync = [], os.fsync

    def fsync(descriptor):
        order.append(sorted(p.name for p in tmp_path.iterdir()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_text(tmp_path / "a.txt", "a")
    assert order == [[f".a.{os.getpid()}.partial.txt"], ["a.txt"]]


def test_a_file_system_that_cannot_sync_is_written_to(tmp_path, monkeypatch):
    def fsync(descriptor):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fsync)
    write_text(tmp_path / "a.txt", "a")
    assert (tmp_path / "a.txt").read_text() == "a"


def test_a_disk_that_is_full_when_synced_keeps_the_old_file(tmp_path, monkeypatch):
    write_text(tmp_path / "a.txt", "old")

    def fsync(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(UserError, match=r"a\.txt: cannot be written: No space left on device"):
        write_text(tmp_path / "a.txt", "new")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_a_full_disk_is_told_whatever_the_library_raises(tmp_path):
    told = "run: cannot be written: No space left on device"
    with pytest.raises(UserError, match=told), disk_errors("run"):
        raise RuntimeError("Unable to write (errno = 28, 'No space left on device')")
    with pytest.raises(RuntimeError, match="of its own"), disk_errors("run"):
        raise RuntimeError("a mistake of its own")


def test_a_second_process_is_told_who_holds_the_folder(tmp_path, holder):
    told = rf"run: in use by process {holder.pid} \(-c .*run\)"
    with pytest.raises(UserError, match=told), locked(tmp_path / "run"):
        pass
    holder.communicate()
    with locked(tmp_path / "run"):
        pass
    assert list((tmp_path / "run").iterdir()) == []


def test_a_lock_dies_with_its_process(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(tmp_path / "run") as folder:
        assert folder == tmp_path / "run"


def test_a_thread_may_lock_again_and_another_may_not(tmp_path):
    refused = []

    def other():
        try:
            with locked(tmp_path):
                pass
        except UserError as error:
            refused.append(str(error))

    with locked(tmp_path), locked(tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 1
    other()
    assert len(refused) == 1


def test_many_at_once_get_a_lock_one_after_the_other(tmp_path):
    script = """
import sys, time
from pathlib import Path
from kerascnn.errors import UserError
from kerascnn.locks import locked
folder, entered = Path(sys.argv[1]), 0
while entered < 30:
    try:
        with locked(folder):
            (folder / "inside").touch(exist_ok=False)
            time.sleep(0.001)
            (folder / "inside").unlink()
            entered += 1
    except UserError:
        pass
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], env={**os.environ, "PYTHONPATH": "."}
        )
        for _ in range(4)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
