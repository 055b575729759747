"""The command `kerascnn`: the verbs of export, and those of kerascnn.cli mounted beside them."""

import sys

import typer

from kerascnn.console import complaints, plain
from kerascnn.errors import UserError, raised_inside

from .verbs import compression, conversion, results  # noqa: F401, they mount themselves
from .verbs.invocation import invoke


def main():
    """The entry point. Exit codes: 0; 1 a file that differs; 2 a mistake the user can mend."""
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        invoke(arguments or ["--help"])
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        complaints.print("interrupted")
        sys.exit(130)
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


def _complain(text, code=2):
    complaints.print(plain(f"kerascnn: {text}"))  # files may put anything in it
    sys.exit(code)
