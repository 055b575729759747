"""The verb that writes a page: webdemo."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import app
from kerascnn.console import console


@app.command()
def webdemo(
    source: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run, or a verified .tflite or .onnx file.")
    ],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
) -> None:
    """Writes a static page that classifies pictures and the camera wholly in the browser.

    Any host of files serves the folder. It fetches nothing from elsewhere and sends nothing.

    Example: kerascnn webdemo runs/demo --out site
    """
    from ..webdemo import write_webdemo

    page = write_webdemo(source, out)
    console.print(f"  ->  {page}")
    console.print(f"  look at it: python3 -m http.server --directory {out}", highlight=False)
