"""A command run in this process, as the demo and the tests do it."""

from collections.abc import Sequence

import typer

from kerascnn.cli import app


def invoke(arguments: Sequence[str]) -> None:
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
