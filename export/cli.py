"""The command `kerascnn`: the verbs of export, and those of kerascnn.cli mounted beside them."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from kerascnn.cli import DataDir, RunArgument, app
from kerascnn.console import complaints, console, start_tensorflow
from kerascnn.errors import UserError

RecipeOption = Annotated[
    str, typer.Option(help="The name of a recipe in configs/export, or a YAML file of your own.")
]


@app.command()
def compress(run: RunArgument, recipe: RecipeOption, data_dir: DataDir = None):
    """Prunes and trains for int8, as a recipe says; keeps the model in RUN/RECIPE.

    A recipe that trains nothing (static, dynamic, float16) needs only `kerascnn convert`.

    Example: kerascnn compress runs/demo --recipe pruned50_qat_wi8_ai8
    """
    from export.compression.recipe import load_recipe

    loaded = load_recipe(recipe)
    start_tensorflow()
    from export.compression.compress import compress as compress_run
    from kerascnn.training import open_run

    opened = open_run(run)

    compress_run(opened, loaded, data_dir=data_dir)
    console.print(f"  ->  {opened.path / loaded.name / 'model.keras'}")
    if loaded.container:
        _pack(opened, loaded, data_dir)


ImagesOption = Annotated[
    Path | None,
    typer.Option(help="For a .keras file: a folder of images, or an .npy or .npz array."),
]
TrustOption = Annotated[
    bool, typer.Option("--trust", help="For a .keras file: run the Python code inside it.")
]
CodeOption = Annotated[
    Path | None, typer.Option(help="For a .keras file: the Python file of its own layers.")
]


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
        int | None, typer.Option(help="Of .onnx files, 17 (the default) to 21.")
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
        console.print(f"  kerascnn debug {escape(str(lost[0]))} --recipe {escape(recipe)} says why")
    _fail_unless(all(d.verdict.passed for d in deliveries))


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
    _fail_unless(verdict.passed)


@app.command()
def debug(
    file: Annotated[
        Path, typer.Argument(help="An int8 file of a run; also one that convert did not keep.")
    ],
    recipe: Annotated[
        str | None, typer.Option(help="What would make FILE, where its name does not tell.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Try what helps, keep what suffices.")] = False,
    train: Annotated[
        bool, typer.Option("--train", help="With --fix: train for int8 too, if all else fails.")
    ] = False,
    images: Annotated[int, typer.Option(help="Validation images to measure on.", min=1)] = 200,
    data_dir: DataDir = None,
):
    """Shows which layers of an int8 file lose its accuracy, and why; --fix tries what helps.

    --fix tries, in this order, wider and narrower calibration, equalized channels with corrected
    biases, the worst layers in float, activations of 16 bits, and with --train training for int8.

    Example: kerascnn debug runs/demo/model_int8_static.tflite --fix
    """
    if train and not fix:
        raise UserError("--train is a part of --fix; say both")
    start_tensorflow()
    from export.debugging import tables
    from export.debugging.analysis import analyse
    from export.debugging.fixes import Fixer
    from export.debugging.subject import open_subject

    subject = open_subject(file, recipe=recipe, data_dir=data_dir)
    with console.status("switching the roundings on, one at a time"):
        analysis = analyse(subject.simulated, *subject.sample(images))
    console.print(tables.layers(analysis))
    console.print(tables.explanation(analysis), highlight=False)
    if not fix:
        return
    with console.status("") as status:
        fixer = Fixer(subject, images=images, say=lambda text: status.update(f"trying: {text}"))
        outcome = fixer.fix(train=train)
    console.print(tables.fixes(outcome))
    console.print(tables.summary(outcome, subject, trained=train), highlight=False)
    _fail_unless(outcome.delivery is None or outcome.delivery.verdict.passed)


@app.command()
def benchmark(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help=".tflite and .onnx files.")
    ],
    runs: Annotated[int, typer.Option(help="Timed runs of each file.")] = 100,
    threads: Annotated[int, typer.Option(help="Threads of each engine.", min=1)] = 1,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
):
    """Times files against each other on this machine, in turn, one image at a time.

    Example: kerascnn benchmark runs/demo/model_float32.tflite runs/demo/model_int8.tflite
    """
    from export.benchmarking import as_json
    from export.benchmarking import benchmark as measure
    from kerascnn.files import write_json

    with console.status("measuring"):
        timings = measure(files, runs=runs, threads=threads)
    table = Table(
        Column("file", no_wrap=True), "engine", "threads", "median ms", "p90 ms", "min ms", "ratio"
    )
    for t in timings:
        table.add_row(
            escape(Path(t.file).name), f"{t.engine} {t.version}", str(t.threads), f"{t.median:.4f}",
            f"{t.p90:.4f}", f"{t.minimum:.4f}", f"{t.median / timings[0].median:.2f}",
        )  # fmt: skip
    console.print(table)
    if out:
        write_json(out, as_json(timings))


@app.command()
def report(run: RunArgument, data_dir: DataDir = None):
    """Writes RUN/report.html: curves, confusion, filters, and the table of artifacts.

    Example: kerascnn report runs/demo
    """
    start_tensorflow()
    from export.report import write_report
    from kerascnn.training import open_run

    opened = open_run(run)

    console.print(f"  ->  {write_report(opened, data_dir=data_dir)}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The run folder to write.")] = Path("runs/demo"),
):
    """Runs the whole way on the handwritten digits inside scikit-learn, verb after verb.

    Example: kerascnn demo --out runs/demo
    """
    from export.demonstration import commands
    from kerascnn.files import writable_folder

    if (out / "history.csv").exists():
        raise UserError(f"{out}: holds a run already; remove it, or give another --out")
    writable_folder(out)
    for arguments in commands(out):
        console.print(f"\n[bold]$ kerascnn {escape(' '.join(arguments))}[/bold]", highlight=False)
        invoke(arguments)


@app.command()
def sensitivity(
    run: RunArgument,
    images: Annotated[int, typer.Option(help="Validation images to try on.", min=1)] = 1000,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
    data_dir: DataDir = None,
):
    """Prunes one layer at a time and shows what accuracy it costs, the worst layers first.

    Example: kerascnn sensitivity runs/demo
    """
    start_tensorflow()
    from export.compression.sensitivity import as_json, sensitivity_table, suggestions
    from export.compression.sensitivity import sensitivity as scan_run
    from kerascnn.files import write_json
    from kerascnn.training import open_run

    opened = open_run(run)
    with console.status("pruning layer after layer"):
        scan = scan_run(opened, images=images, data_dir=data_dir)
    console.print(sensitivity_table(scan))
    for line in suggestions(scan):
        console.print(escape(line), highlight=False)
    if out:
        write_json(out, as_json(scan))


@app.command()
def pack(run: RunArgument, recipe: RecipeOption, data_dir: DataDir = None):
    """Writes shared weights as a small .kcnn file, decodes it, and keeps it if it is exact.

    Example: kerascnn pack runs/demo --recipe deep_compression
    """
    from export.compression.recipe import load_recipe

    loaded = load_recipe(recipe)
    start_tensorflow()
    from kerascnn.training import open_run

    _pack(open_run(run), loaded, data_dir)


@app.command()
def unpack(
    file: Annotated[Path, typer.Argument(help="A .kcnn file that `kerascnn pack` wrote.")],
    out: Annotated[Path, typer.Option(help="The .keras file to write.")] = Path("model.keras"),
):
    """Turns a .kcnn file back into the Keras model that was packed.

    Example: kerascnn unpack runs/demo/model_deep_compression.kcnn --out model.keras
    """
    if out.suffix != ".keras":
        raise UserError(f"--out: expected a .keras file, got {str(out)!r}")
    start_tensorflow()
    from export.compression.packing import unpack as unpack_file
    from kerascnn.files import replacing

    model = unpack_file(file)
    with replacing(out) as path:
        model.save(path)
    console.print(f"  {model.name}, {model.count_params():,} weights  ->  {out}")


def _pack(run, recipe, data_dir):
    """Packs, says size and accuracy; exit code 1 if the file is not exact or lost too much."""
    from export.compression.packing import pack as pack_run

    path, sheet, verdict = pack_run(run, recipe, data_dir=data_dir)
    print_verdicts([(path, "Keras", verdict)])
    reached = verdict.accuracy
    console.print(
        f"  {sheet['bytes']:,} bytes instead of {sheet['float32_bytes']:,} as float32, "
        f"{sheet['float32_bytes'] / sheet['bytes']:.1f} times smaller; validation accuracy "
        f"{reached['artifact']:.2%} (trained {reached['trained']:.2%})"
    )
    _fail_unless(verdict.passed)


def print_verdicts(rows):
    """Prints the table of what was checked, and what it leaves in doubt.

    rows: of (path, engine, verdict).
    """
    table = Table(Column("file", no_wrap=True), "engine", "check", "measured", "limit", "")
    for path, engine, verdict in rows:
        for number, check in enumerate(verdict.checks):
            table.add_row(
                "" if number else escape(path.name), "" if number else engine, check.name,
                f"{check.measured:.6g}", f"{check.comparison} {check.limit:g}",
                "[green]ok[/green]" if check.passed else "[red]FAILED[/red]",
            )  # fmt: skip
    console.print(table)
    for path, _, verdict in rows:
        if verdict.doubt:
            console.print(escape(f"  {path.name}: that it passed {verdict.doubt}"))


def _fail_unless(passed):
    if not passed:
        complaints.print("a file differs from its model and was not kept or must not be used")
        raise typer.Exit(1)


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
    text = "".join(c if c.isprintable() else " " for c in text)  # files may put anything in it
    complaints.print(escape(f"kerascnn: {text}"))
    sys.exit(code)
