"""The verb that says what a network or a file is made of: describe."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import JsonOption, app
from kerascnn.console import console, print_json, start_tensorflow

from .options import CodeOption, TrustOption


@app.command()
def describe(
    name: Annotated[
        str,
        typer.Argument(
            help="What `kerascnn models` lists, or a .keras, .h5, .tflite or .onnx file."
        ),
    ],
    as_json: JsonOption = False,
    trust: TrustOption = False,
    code: CodeOption = None,
):
    """Shows what a network or a file is made of: layers and their cost, or operators and ends.

    A .tflite or .onnx file may be of any tool: sizes, operators, quantization, what computes in
    float. A network, or a .keras file, is shown layer by layer.

    Example: kerascnn describe resnet8
    """
    from ..runtimes.engines import BY_SUFFIX

    if Path(name).suffix in BY_SUFFIX:
        _describe_file(Path(name), as_json)
        return
    start_tensorflow()
    from kerascnn.analysis import describe as describe_model
    from kerascnn.analysis import describe_table

    from ..subject.opening import is_model_file

    found = describe_model(_model(Path(name), trust, code) if is_model_file(name) else name)
    if as_json:
        print_json(found)
    else:
        console.print(describe_table(found))


def _model(path, trust, code):
    from kerascnn.training import load_model

    from ..subject.opening import classes_of

    with classes_of(code):
        return load_model(path, trust=trust)


def _describe_file(path, as_json):
    from ..inspection.description import describe as describe_file

    found = describe_file(path)
    if as_json:
        print_json(found)
        return
    console.print(found.table)
    for line in found.lines:
        console.print(f"  {line}", highlight=False)
