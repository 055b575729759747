"""The verbs that share files: push, pull."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import app
from kerascnn.console import busy, console


@app.command()
def push(
    file: Annotated[Path, typer.Argument(help="A file that `kerascnn convert` wrote.")],
    to: Annotated[str, typer.Option("--to", metavar="USER/REPO", help="On the Hugging Face Hub.")],
    public: Annotated[
        bool, typer.Option("--public", help="Make the repository, if it is new, open to all.")
    ] = False,
) -> None:
    """Puts a verified file, its metadata and its card into a repository of the Hugging Face Hub.

    A file that changed since it was verified, or that failed, is refused. A new repository is
    private unless you say --public. It takes `pip install 'kerascnn[hub]'` and `hf auth login`.

    Example: kerascnn push runs/demo/model_int8.tflite --to me/digits
    """
    from ..delivery.hub import push as put

    with busy("uploading"):
        address = put(file, to, public=public)
    console.print(f"  ->  {address}")


@app.command()
def pull(
    source: Annotated[
        str, typer.Argument(metavar="USER/REPO[/FILE]", help="What `kerascnn push` made.")
    ],
    out: Annotated[Path, typer.Option(help="The folder to write.")] = Path(),
) -> None:
    """Fetches verified files from the Hugging Face Hub, and checks that they are what was verified.

    Example: kerascnn pull me/digits --out models
    """
    from ..delivery.hub import pull as fetch

    with busy("downloading"):
        found = fetch(source, out)
    for path in found:
        console.print(f"  ->  {path}")
