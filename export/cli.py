"""The command `kerascnn`: the verbs of export, and those of kerascnn beside them."""

import shlex
import sys

import typer

from kerascnn.console import complaints
from kerascnn.errors import UserError, raised_inside
from kerascnn.verbs import data, training, transfer, visualization, zoo  # noqa: F401, they mount themselves

from .verbs import (  # noqa: F401, they mount themselves
    answers,
    compression,
    conversion,
    evaluation,
    hardware,
    hub,
    inspection,
    lanes,
    results,
    search,
    web,
)
from .verbs.invocation import invoke

INTERRUPTED = 130  # the exit code, 128 + SIGINT


def main() -> None:
    """The entry point. Exit codes: 0; 1 a file that differs; 2 a mistake the user can mend;
    130 interrupted."""
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        invoke(arguments or ["--help"])
    except typer.Exit as end:
        if end.exit_code == INTERRUPTED:  # typer makes this of a KeyboardInterrupt
            _interrupted(arguments)
        sys.exit(end.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _interrupted(arguments)
    except typer.TyperException as error:
        _complain(error.format_message())
    except UserError as error:
        if debug:
            raise
        _complain(str(error))
    except OSError as error:  # a path that the system refuses, whichever it is
        if debug:
            raise
        _complain(f"{error.filename or 'the system'}: {error.strerror or error}")
    except Exception as error:
        if debug:
            raise
        if told := raised_inside(error):
            _complain(str(told))
        first = (str(error).strip().splitlines() or [""])[0][:300]
        _complain(f"unexpected {type(error).__name__}: {first}; --debug shows where", 70)


def _interrupted(arguments):
    complaints.print(f"interrupted{_way_on(arguments)}")
    sys.exit(INTERRUPTED)


def _way_on(arguments):
    """What to say of a command that goes on where it was interrupted, if it does."""
    if arguments[:1] in (["train"], ["search"]) and "--resume" not in arguments:
        options = arguments.index("--") if "--" in arguments else len(arguments)
        arguments = [*arguments[:options], "--resume", *arguments[options:]]
    if arguments[:1] not in (["train"], ["search"], ["compress"]):
        return ""
    return f"; this goes on with it: kerascnn {shlex.join(arguments)}"


def _complain(text, code=2):
    complaints.print(f"kerascnn: {text}")
    sys.exit(code)
