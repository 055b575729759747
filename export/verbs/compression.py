"""The verbs that make a network smaller: compress, sensitivity, pack, unpack."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, DataDir, JsonOption, RunArgument, app, only_one
from kerascnn.console import busy, console, print_csv, print_json, start_tensorflow
from kerascnn.errors import UserError
from kerascnn.locks import locked

from .options import RecipeOption
from .verdicts import fail_unless, print_verdicts


@app.command()
def compress(run: RunArgument, recipe: RecipeOption, data_dir: DataDir = None) -> None:
    """Prunes and trains for int8, as a recipe says; keeps the model in RUN/RECIPE.

    One that was interrupted goes on by the same command, to the same weights.
    A recipe that trains nothing (static, dynamic, float16) needs only `kerascnn convert`.

    Example: kerascnn compress runs/demo --recipe pruned50_qat_wi8_ai8
    """
    from ..recipes.recipe import load_recipe

    loaded = load_recipe(recipe)
    start_tensorflow()
    from kerascnn.training import open_run

    from ..delivery.compress import compress as compress_run

    opened = open_run(run)

    compress_run(opened, loaded, data_dir=data_dir)
    console.print(f"  ->  {opened.path / loaded.name / 'model.keras'}")
    if loaded.container:
        _pack(opened, loaded, data_dir)


@app.command()
def sensitivity(
    run: RunArgument,
    images: Annotated[int, typer.Option(help="Validation images to try on.", min=1)] = 1000,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
    data_dir: DataDir = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Prunes one layer at a time and shows what accuracy it costs, the worst layers first.

    Example: kerascnn sensitivity runs/demo
    """
    only_one(as_json, as_csv)
    start_tensorflow()
    from kerascnn.files import write_json
    from kerascnn.training import open_run

    from ..pruning.sensitivity import as_json as figures_of
    from ..pruning.sensitivity import sensitivity as scan_run
    from ..pruning.sensitivity import suggestions

    opened = open_run(run)
    with busy("pruning layer after layer"):
        scan = scan_run(opened, samples=images, data_dir=data_dir)
    figures = figures_of(scan)
    if out:
        write_json(out, figures)
    if as_json:
        print_json(figures)
    elif as_csv:
        print_csv(figures["layers"])
    else:
        console.print(scan.table)
        for line in suggestions(scan):
            console.print(line, highlight=False)


@app.command()
def pack(run: RunArgument, recipe: RecipeOption, data_dir: DataDir = None) -> None:
    """Writes shared weights as a small .kcnn file, decodes it, and keeps it if it is exact.

    Example: kerascnn pack runs/demo --recipe deep_compression
    """
    from ..recipes.recipe import load_recipe

    loaded = load_recipe(recipe)
    start_tensorflow()
    from kerascnn.training import open_run

    _pack(open_run(run), loaded, data_dir)


@app.command()
def unpack(
    file: Annotated[Path, typer.Argument(help="A .kcnn file that `kerascnn pack` wrote.")],
    out: Annotated[Path, typer.Option(help="The .keras file to write.")] = Path("model.keras"),
) -> None:
    """Turns a .kcnn file back into the Keras model that was packed.

    Example: kerascnn unpack runs/demo/model_deep_compression.kcnn --out model.keras
    """
    if out.suffix != ".keras":
        raise UserError(f"--out: expected a .keras file, got {str(out)!r}")
    start_tensorflow()
    from kerascnn.files import replacing

    from ..delivery.packing import unpack as unpack_file

    model = unpack_file(file)
    with replacing(out) as path:
        model.save(path)
    console.print(f"  {model.name}, {model.count_params():,} weights  ->  {out}")


def _pack(run, recipe, data_dir):
    """Packs, says size and accuracy; exit code 1 if the file is not exact or lost too much."""
    from ..delivery.packing import pack as pack_run

    with locked(run.path):
        path, metadata, verdict = pack_run(run, recipe, data_dir=data_dir)
    print_verdicts([(path, "Keras", verdict)])
    reached = verdict.accuracy
    console.print(
        f"  {metadata['bytes']:,} bytes instead of {metadata['float32_bytes']:,} as float32, "
        f"{metadata['float32_bytes'] / metadata['bytes']:.1f} times smaller; validation accuracy "
        f"{reached['artifact']:.2%} (trained {reached['trained']:.2%})"
    )
    fail_unless(verdict.passed)
