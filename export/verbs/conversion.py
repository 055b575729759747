"""The verbs that make files and prove them: convert, verify, debug."""

from pathlib import Path
from typing import Annotated

import typer

from export.verbs.options import CodeOption, ImagesOption, RecipeOption, TrustOption
from export.verbs.verdicts import fail_unless, print_verdicts
from kerascnn.cli import DataDir, app
from kerascnn.console import busy, console, start_tensorflow
from kerascnn.errors import UserError


@app.command()
def convert(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run, or a .keras file.")
    ],
    recipe: RecipeOption,
    to: Annotated[list[str], typer.Option("--to", help="tflite, onnx, or both: --to tflite onnx.")],
    batch: Annotated[str, typer.Option(help="Images at a time, or 'dynamic'.")] = "1",
    io: Annotated[
        str | None,
        typer.Option(help="Ends of an int8 .tflite file: uint8 (the default), int8 or float32."),
    ] = None,
    opset: Annotated[
        int | None, typer.Option(help="Of .onnx files, 17 (the default) to 25.")
    ] = None,
    data_dir: DataDir = None,
    images: ImagesOption = None,
    out: Annotated[
        Path | None, typer.Option(help="For a .keras file: the folder to write; else beside it.")
    ] = None,
    trust: TrustOption = False,
    code: CodeOption = None,
):
    """Writes .tflite and .onnx files, runs them, and keeps those that equal their model.

    Quantizes on the way where a recipe does that without training. A .keras file that was not
    trained here is converted too: floats need nothing else, int8 needs --images.

    Example: kerascnn convert runs/demo --to tflite onnx --recipe float32
    """
    from export.compression.recipe import load_recipe
    from export.conversion import refuse_formats

    if batch != "dynamic" and not (batch.isdecimal() and int(batch) > 0):
        raise UserError(f"--batch: expected a number of images or 'dynamic', got {batch!r}")
    loaded = load_recipe(recipe)
    size = None if batch == "dynamic" else int(batch)
    refuse_formats(loaded.method, to, batch=size, io=io, opset=opset)
    start_tensorflow()
    if run.suffix == ".keras":
        from export.conversion.own_model import deliver_own

        if io is not None:
            raise UserError(f"{run}: --io is for a run; an int8 file of a .keras file takes uint8")
        deliveries = deliver_own(
            run, loaded, to, images=images, out=out, batch=size, opset=opset, trust=trust,
            code=code,
        )  # fmt: skip
    elif images or out or trust or code:
        raise UserError(f"{run}: --images, --out, --trust and --code are for a .keras file")
    else:
        from export.conversion.deliver import deliver
        from kerascnn.training import open_run

        opened = open_run(run)
        deliveries = deliver(opened, loaded, to, batch=size, io=io, opset=opset, data_dir=data_dir)
    print_verdicts([(d.path, d.engine, d.verdict) for d in deliveries])
    lost = [d.path for d in deliveries if not d.verdict.passed]
    if lost and loaded.method in ("static", "qat"):
        given = f"{run} --images {images}" if run.suffix == ".keras" else lost[0]
        console.print(f"  kerascnn debug {given} --recipe {recipe} says why")
    fail_unless(all(d.verdict.passed for d in deliveries))


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A file that `kerascnn convert` wrote.")],
    data_dir: DataDir = None,
    images: ImagesOption = None,
    trust: TrustOption = False,
    code: CodeOption = None,
):
    """Runs an artifact again and compares it with its model; exit code 1 if they differ.

    Example: kerascnn verify runs/demo/model_int8.tflite
    """
    from export.runtimes.engines import TITLES, engine_name

    title = TITLES[engine_name(file)]
    start_tensorflow()
    from export.verification import verify as verify_file

    verdict = verify_file(file, data_dir=data_dir, images=images, trust=trust, code=code)
    print_verdicts([(file, title, verdict)])
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
    images: ImagesOption = None,
    trust: TrustOption = False,
    code: CodeOption = None,
):
    """Shows which layers of an int8 file lose its accuracy, and why; --fix tries what helps.

    --fix tries, in this order, wider and narrower calibration, equalized channels with corrected
    biases, the worst layers in float, activations of 16 bits, and with --train training for int8.
    Of a .keras file that was not trained here, and of its files, it shows and does not fix.

    Example: kerascnn debug runs/demo/model_int8_static.tflite --fix
    """
    if train and not fix:
        raise UserError("--train is a part of --fix; say both")
    start_tensorflow()
    from export.debugging import tables
    from export.debugging.analysis import analyse
    from export.debugging.fixes import Fixer
    from export.debugging.subject import OwnSubject, open_subject

    subject = open_subject(
        file, recipe=recipe, data_dir=data_dir, images=images, trust=trust, code=code
    )
    if fix and isinstance(subject, OwnSubject):
        raise UserError(f"{file}: --fix takes a run; a recipe of your own names what stays float")
    with busy("switching the roundings on, one at a time"):
        analysis = analyse(subject.simulated, *subject.sample(count))
    console.print(tables.layers(analysis))
    for line in tables.explanation(analysis):
        console.print(line, highlight=False)
    if not fix:
        return
    with busy("") as say:
        fixer = Fixer(subject, images=count, say=lambda text: say(f"trying: {text}"))
        outcome = fixer.fix(train=train)
    console.print(tables.fixes(outcome))
    for line in tables.summary(outcome, subject, trained=train):
        console.print(line, highlight=False)
    fail_unless(outcome.delivery is None or outcome.delivery.verdict.passed)
