"""The verbs that list the networks: models, chart."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, JsonOption, app, only_one
from kerascnn.console import console, print_csv, print_json, start_tensorflow


@app.command()
def models(
    pattern: Annotated[str, typer.Argument(help="A shell pattern, in quotes.")] = "*",
    markdown: Annotated[bool, typer.Option("--markdown", help="As README shows it.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Lists the networks: name, year, parameters, multiply-accumulates, input, accuracy.

    Accuracies are published ones, with who published them and by which protocol: whether the
    network saw one crop of each image, several, or was trained anew for longer.

    Example: kerascnn models 'resnet*'
    """
    only_one(as_json, as_csv)
    from kerascnn.listing import networks, networks_markdown, networks_table

    rows = networks(pattern)
    if as_json:
        print_json(rows)
    elif as_csv:
        print_csv(rows)
    elif markdown:
        typer.echo(networks_markdown(rows), nl=False)
    else:
        console.print(networks_table(rows, pattern))


@app.command()
def chart(
    out: Annotated[Path, typer.Option(help="The picture to write, a .png or .svg file.")],
    pattern: Annotated[str, typer.Argument(help="A shell pattern, in quotes.")] = "*",
    protocol: Annotated[
        str, typer.Option(help="How the accuracies were measured, as `kerascnn models` says.")
    ] = "one-crop",
) -> None:
    """Draws the ImageNet networks: published top-1 against multiply-accumulates.

    The area of a disc is the number of parameters. Nothing is built or measured. Accuracies of one
    protocol share a chart, and its axis says which: one-crop, several-crops, dense, larger-crop,
    new-recipe.

    Example: kerascnn chart --out zoo.png
    """
    start_tensorflow()
    from kerascnn.analysis import zoo_chart

    zoo_chart(out, pattern=pattern, protocol=protocol)
    console.print(f"  ->  {out}")
