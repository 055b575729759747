"""The verb that says what a network or a file is made of: describe."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, JsonOption, app, only_one
from kerascnn.console import console, print_csv, print_json, start_tensorflow
from kerascnn.errors import UserError
from kerascnn.verbs.backends import import_keras_for_shapes

from .options import CodeOption, SizeOption, TrustOption, as_bytes, as_size


@app.command()
def describe(
    name: Annotated[
        str,
        typer.Argument(
            help="What `kerascnn models` lists, a run, or a .keras, .h5, .tflite or .onnx file."
        ),
    ],
    size: SizeOption = None,
    batch: Annotated[int, typer.Option(help="Images of a batch in training.", min=1)] = 32,
    memory: Annotated[
        str | None,
        typer.Option(metavar="8GB", help="Say how many images fit into this much memory."),
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    trust: TrustOption = False,
    code: CodeOption = None,
) -> None:
    """Shows what a network or a file is made of: layers and their cost, or operators and ends.

    A .tflite or .onnx file may be of any tool: sizes, operators, quantization, what computes in
    float. A network, or a .keras file, is shown layer by layer and by kinds, with the memory that
    training takes. A figure that is usually told wrong of it is put right.

    Example: kerascnn describe resnet8
    """
    only_one(as_json, as_csv)
    available, sides = as_bytes(memory), as_size(size)
    from ..runtimes.engines import BY_SUFFIX

    if Path(name).suffix in BY_SUFFIX:
        if size or memory:
            raise UserError(f"{name}: --size and --memory are for Keras models")
        _describe_file(Path(name), as_json, as_csv)
        return
    if Path(name).exists() or Path(name).suffix:
        start_tensorflow()
    else:
        import_keras_for_shapes()
    from kerascnn.analysis import describe_table, kinds_table, training_table

    found = _described(name, sides, trust, code)
    if as_json:
        print_json(found)
        return
    if as_csv:
        print_csv(found.layers)
        return
    console.print(describe_table(found))
    console.print(kinds_table(found))
    console.print(training_table(found, batch=batch, memory=available))
    for sentence in found.told_wrong:
        console.print(f"  {sentence}", highlight=False)


def _described(name, size, trust, code):
    from kerascnn.analysis import describe as describe_model
    from kerascnn.models import variant
    from kerascnn.models.another_size import at_size
    from kerascnn.training import load_model, open_run

    from ..subject.models import classes_of, is_model_file

    if is_model_file(name):
        with classes_of(code):
            model = load_model(Path(name), trust=trust)
    elif Path(name).is_dir():
        model = open_run(Path(name)).model()
    else:
        shape = None if size is None else (*size, variant(name).row.input_shape[2])
        return describe_model(name, input_shape=shape)
    return describe_model(at_size(model, size) if size else model)


def _describe_file(path, as_json, as_csv):
    from ..inspection.description import describe as describe_file

    found = describe_file(path)
    if as_json:
        print_json(found)
        return
    if as_csv:
        print_csv(found.content.operators)
        return
    console.print(found.table)
    for line in found.lines:
        console.print(f"  {line}", highlight=False)
