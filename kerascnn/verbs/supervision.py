"""One of several workers, as a process of its own, so that what ends it is said in one line.

Where a worker is lost, the libraries that connect the others end their processes at once, with a
stack trace. So the command starts itself again and watches: it hands on what the worker says, says
in a line what ended it, and passes on the signals that it gets.
"""

import os
import re
import signal
import subprocess
import sys
import threading

from kerascnn.console import complaints
from kerascnn.errors import UserError
from kerascnn.workers import AGAIN, Workers, lost

WATCHED = "KERASCNN_WATCHED"  # holds the descriptor of a pipe that closes with whoever watches
_LOGGED = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d")  # how entries of the C++ libraries begin
_FATAL = re.compile(r"^F\d{4} \d\d:\d\d:\d\d.*", re.MULTILINE)
_INTERRUPTED = "interrupted"
_OWN = "kerascnn: "  # as the lines of complaint begin


def is_watched() -> bool:
    """Whether this process is a worker that another one watches; then it ends with that one."""
    if WATCHED not in os.environ:
        return False
    watcher = int(os.environ[WATCHED])

    def end():
        os.read(watcher, 1)  # returns when the other end is closed
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
    return True


def watch(workers: Workers) -> int:
    """Runs this command again as a worker and says in one line what ended it.

    Returns:
        The exit code: that of the worker; 2 where another worker was lost, 128 and the number of
        the signal where one ended this worker.
    """
    ours, theirs = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "kerascnn", *sys.argv[1:]],
        env={**os.environ, WATCHED: str(ours)},
        pass_fds=[ours],
        stderr=subprocess.PIPE,
        start_new_session=True,  # a terminal's Ctrl-C comes here alone, and is passed on once
        text=True,
        errors="replace",
    )
    os.close(ours)
    before = {
        number: signal.signal(number, lambda number, _: process.send_signal(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        aside, told = _handed_on(process.stderr)
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(theirs)
    if code >= 0:
        return code
    if not told:
        complaints.print(f"{_OWN}{_meant(aside, -code, workers)}")
    if told.startswith(_INTERRUPTED):
        return 128 + signal.SIGINT
    return 2 if told or _FATAL.search(aside) else 128 - code


def _handed_on(stream):
    """Hands on what a worker says, and puts aside what its C++ libraries log.

    Returns:
        (what they logged, the line that said why the worker ends, if any). Their entries have any
        number of lines, and ours may come in the midst of them.
    """
    aside, logging, told = "", False, ""
    for line in stream:
        ours = line.startswith((_OWN, _INTERRUPTED))
        told = told or (line if ours else "")
        logging = logging or bool(_LOGGED.match(line))
        if logging and not ours and "--debug" not in sys.argv:
            aside += line
        else:
            sys.stderr.write(line)
            sys.stderr.flush()
    return aside, told


def _meant(logged, number, workers):
    """Why a worker ended by a signal, as what its libraries logged tells it."""
    here = f"worker {workers.index} of {workers.count}"
    if not (fatal := _FATAL.search(logged)):
        memory = ", perhaps for want of memory" if number == signal.SIGKILL else ""
        return f"{here} was ended by {signal.Signals(number).name}{memory}; {AGAIN}"
    last_words = logged[fatal.start() :]
    if "RegisterTask" in last_words:
        first = f" reaches the first one, {workers.first}" if workers.first else " can be reached"
        return f"{here} stops: not all have come in time; look whether each was started and{first}"
    if "distributed service" in last_words:
        return lost(workers.index, workers.count)
    return f"{here} was ended by a library: {last_words.splitlines()[0]}"


def refuse_workers(workers: Workers | None, backend: str, choice: str) -> None:
    """UserError where several workers are asked of a backend or an engine that has none.

    Args:
        choice: `training.distribute` of the config.
    """
    if workers is None:
        return
    if choice == "mirrored" or backend != "jax":
        raise UserError(
            f"{workers.source}: {workers.count} workers train on JAX alone: TensorFlow's "
            "MultiWorkerMirroredStrategy fails inside Keras 3.15 (keras issue 20585); "
            "add --backend jax and training.distribute=data_parallel"
        )
