"""The command `kerascnn`: the verbs of export, and those of kerascnn.cli mounted beside them."""

import sys

import typer

from export.verbs import compression, conversion, results  # noqa: F401, they mount themselves
from kerascnn.cli import app
from kerascnn.console import complaints
from kerascnn.errors import UserError


def invoke(arguments):
    """Runs one command in this process; what it raises passes through."""
    group = typer.main.get_command(app)
    code = group.main(_spread(arguments), prog_name="kerascnn", standalone_mode=False)
    if code:
        raise typer.Exit(code)


def _spread(arguments):
    """`--to tflite onnx` as click wants it: --to tflite --to onnx."""
    spread, repeating = [], False
    for argument in arguments:
        if repeating and not argument.startswith("-"):
            spread += ["--to", argument]
            continue
        repeating = argument == "--to"
        if not repeating:
            spread.append(argument)
    return spread


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
        first = (str(error).strip().splitlines() or [""])[0][:300]
        _complain(f"unexpected {type(error).__name__}: {first}; --debug shows where", 70)


def _complain(text, code=2):
    complaints.print(f"kerascnn: {text}")
    sys.exit(code)
