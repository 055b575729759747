"""The verbs that make files and prove them: convert, verify, debug."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, DataDir, JsonOption, app, only_one
from kerascnn.console import busy, console, print_csv, print_json, start_tensorflow
from kerascnn.errors import UserError
from kerascnn.files import write_json
from kerascnn.locks import locked

from .options import (
    AgainstOption,
    CodeOption,
    ImagesOption,
    NameOption,
    TrustOption,
    as_names,
)
from .verdicts import fail_unless, print_comparison, print_verdicts, verdict_figures


@app.command()
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run, or a .keras file.")
    ],
    to: Annotated[list[str], typer.Option("--to", help="tflite, onnx, or both: --to tflite onnx.")],
    recipe: Annotated[
        str | None,
        typer.Option(help="The name of a recipe in configs/export, or a YAML file of your own."),
    ] = None,
    batch: Annotated[str, typer.Option(help="Images at a time, or 'dynamic'.")] = "1",
    io: Annotated[
        str | None,
        typer.Option(help="Ends of a .tflite file: uint8, int8 (int8 files alone) or float32."),
    ] = None,
    opset: Annotated[
        int | None, typer.Option(help="Of .onnx files, 17 (the default) to 25.")
    ] = None,
    data_dir: DataDir = None,
    images: ImagesOption = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write; else that of the run or the file.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Keep a file that fell short; its metadata says so.")
    ] = False,
    trust: TrustOption = False,
    code: CodeOption = None,
) -> None:
    """Writes .tflite and .onnx files, runs them, and keeps those that equal their model.

    Quantizes on the way where a recipe does that without training; without a recipe a model is
    converted as it is. A .keras file that was not trained here is converted too: floats need
    nothing else, int8 needs --images.

    Example: kerascnn convert runs/demo --to tflite onnx --recipe float32
    """
    from ..conversion.formats import refuse_formats
    from ..recipes.recipe import load_recipe

    if batch != "dynamic" and not (batch.isdecimal() and int(batch) > 0):
        raise UserError(f"--batch: expected a number of images or 'dynamic', got {batch!r}")
    loaded = recipe and load_recipe(recipe)
    size = None if batch == "dynamic" else int(batch)
    refuse_formats(loaded and loaded.method, to, batch=size, io=io, opset=opset)
    start_tensorflow()
    from ..delivery.deliver import attempt
    from ..subject.opening import open_subject

    subject = open_subject(source, data_dir=data_dir, images=images, trust=trust, code=code)
    with locked(out or subject.folder):
        deliveries = attempt(
            subject, to, recipe=loaded, batch=size, io=io, opset=opset, accept=accept, out=out
        )
    print_verdicts([(d.path, d.engine, d.verdict) for d in deliveries if d.verdict])
    lost = [d.path for d in deliveries if d.verdict and not d.passed]
    if lost and loaded and loaded.method in ("static", "qat"):
        given = lost[0] if subject.run is not None else f"{source} --images {images}"
        console.print(f"  kerascnn debug {given} --recipe {recipe} says why")
    if refused := [d for d in deliveries if d.error]:
        raise UserError("; ".join(str(d.error) for d in refused))
    fail_unless(accept or not lost)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A file that `kerascnn convert` wrote.")],
    model: Annotated[
        Path | None, typer.Option(help="The .keras file it was made of, where not beside it.")
    ] = None,
    data_dir: DataDir = None,
    against: AgainstOption = None,
    name: NameOption = None,
    images: ImagesOption = None,
    trust: TrustOption = False,
    code: CodeOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Runs an artifact again and compares it with its model; exit code 1 if they differ.

    With --against it takes a file that any tool wrote, and compares it with that.

    Example: kerascnn verify runs/demo/model_int8.tflite
    """
    only_one(as_json, as_csv)
    if against and model:
        raise UserError("--against and --model name two models; give one")
    from ..runtimes.engines import ENGINES, engine_name

    title = ENGINES[engine_name(file)].title
    start_tensorflow()
    from ..delivery.verify import verify as verify_file
    from ..inspection.comparison import compare

    about = {"data_dir": data_dir, "images": images, "trust": trust, "code": code}
    if against:
        verdict = compare(file, against, names=as_names(name), **about)
    else:
        verdict = verify_file(file, model, **about)
    if as_json:
        print_json(verdict_figures(file, title, verdict))
    elif as_csv:
        print_csv([{"file": file, "engine": title, **check.as_dict()} for check in verdict.checks])
    else:
        print_verdicts([(file, title, verdict)])
        if against:
            print_comparison(verdict)
    fail_unless(verdict.passed)


@app.command()
def debug(
    file: Annotated[
        Path,
        typer.Argument(help="An int8 file, also one that convert did not keep; or a .keras file."),
    ],
    recipe: Annotated[
        str | None, typer.Option(help="What makes FILE, where its name does not tell.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Try what helps, keep what suffices.")] = False,
    train: Annotated[
        bool, typer.Option("--train", help="With --fix: train for int8 too, if all else fails.")
    ] = False,
    count: Annotated[int, typer.Option(help="Images to measure on.", min=1)] = 200,
    data_dir: DataDir = None,
    against: AgainstOption = None,
    name: NameOption = None,
    images: ImagesOption = None,
    trust: TrustOption = False,
    code: CodeOption = None,
    model_explorer: Annotated[
        Path | None,
        typer.Option(help="Also write each layer's share as node data of Model Explorer, JSON."),
    ] = None,
) -> None:
    """Shows which layers of an int8 file lose its accuracy, and why; --fix tries what helps.

    --fix tries, in this order, wider and narrower calibration, equalized channels with corrected
    biases, the worst layers in float, activations of 16 bits, and with --train training for int8,
    for which a run is needed. Of a .keras file it needs labels beside the images.

    With --against it takes a file that any tool wrote, and says which outputs differ, by how many
    steps, and what computes in float.

    Example: kerascnn debug runs/demo/model_int8_static.tflite --fix
    """
    if against and model_explorer:
        raise UserError("--model-explorer shows what layers lose; --against looks at outputs alone")
    if against and (fix or recipe):
        raise UserError("--against tells how far a file is; --fix and --recipe are for our own")
    if train and not fix:
        raise UserError("--train is a part of --fix; say both")
    start_tensorflow()
    from ..debugging import tables
    from ..debugging.analysis import analyse
    from ..debugging.case import open_case
    from ..debugging.fixes import Fixer
    from ..debugging.model_explorer import node_data
    from ..inspection.comparison import compare

    if against:
        about = {"data_dir": data_dir, "images": images, "trust": trust, "code": code}
        print_comparison(compare(file, against, names=as_names(name), **about))
        return
    case = open_case(file, recipe=recipe, data_dir=data_dir, images=images, trust=trust, code=code)
    if train and case.subject.run is None:
        raise UserError(f"{file}: --train takes a run; fit what export.quantize gives in a script")
    with busy("switching the roundings on, one at a time"):
        analysis = analyse(case.reference.model, case.sample(count), case.meaning)
    console.print(analysis.table)
    for line in tables.explanation(analysis):
        console.print(line, highlight=False)
    if model_explorer:
        write_json(model_explorer, node_data(analysis, case.reference.model, case.tflite()))
        console.print(f"  ->  {model_explorer}", highlight=False)
    if not fix:
        return
    with busy("") as say:
        fixer = Fixer(case, images=count, say=lambda text: say(f"trying: {text}"))
        outcome = fixer.fix(train=train)
    console.print(tables.fixes(outcome))
    for line in tables.summary(outcome, case, trained=train):
        console.print(line, highlight=False)
    fail_unless(outcome.delivery is None or outcome.delivery.passed)
