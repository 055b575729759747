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

    if batch != "dynamic" and not (batch.isdigit() and int(batch) > 0):
        raise UserError(f"--batch: expected a number of images or 'dynamic', got {batch!r}")
    loaded = load_recipe(recipe)
    refuse_formats(loaded.method, to)
    start_tensorflow()
    size = None if batch == "dynamic" else int(batch)
    if run.suffix == ".keras":
        from export.conversion.own_model import deliver_own

        deliveries = deliver_own(
            run, loaded, to, images=images, out=out, batch=size, trust=trust, code=code
        )
    elif images or out or trust or code:
        raise UserError(f"{run}: --images, --out, --trust and --code are for a .keras file")
    else:
        from export.conversion.deliver import deliver
        from kerascnn.training import open_run

        opened = open_run(run)
        deliveries = deliver(opened, loaded, to, batch=size, data_dir=data_dir)
    console.print(verdict_table([(d.path, d.engine, d.verdict) for d in deliveries]))
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
    console.print(verdict_table([(file, title, verdict)]))
    _fail_unless(verdict.passed)


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


def verdict_table(rows):
    """The table of what was checked: rows of (path, engine, verdict)."""
    table = Table(Column("file", no_wrap=True), "engine", "check", "measured", "limit", "")
    for path, engine, verdict in rows:
        for number, check in enumerate(verdict.checks):
            table.add_row(
                "" if number else escape(path.name), "" if number else engine, check.name,
                f"{check.measured:.6g}", f"{check.comparison} {check.limit:g}",
                "[green]ok[/green]" if check.passed else "[red]FAILED[/red]",
            )  # fmt: skip
    return table


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
