"""The terminal: what the verbs say goes to `console`, one line of error to `complaints`."""

import contextlib
import os
import sys

from rich.console import Console
from rich.markup import escape

from kerascnn.errors import printable

console = Console(soft_wrap=True)
complaints = Console(stderr=True, soft_wrap=True, highlight=False)


def plain(text):
    """Returns text from outside, as names of files are, so that `console` shows it and no more."""
    return escape(printable(text))


@contextlib.contextmanager
def muted():
    """Silences what C++ libraries write to file descriptor 2; Python's exceptions still pass."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def start_tensorflow():
    """Imports TensorFlow without its greetings; its warnings stay off for this process."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with muted():
        import tensorflow as tf
        from absl import logging

        logging.set_verbosity(logging.ERROR)

        tf.get_logger().setLevel("ERROR")
        tf.constant(0)  # looks for devices, which has greetings of its own
