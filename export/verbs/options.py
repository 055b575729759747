"""What several verbs take."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.errors import UserError

RecipeOption = Annotated[
    str, typer.Option(help="The name of a recipe in configs/export, or a YAML file of your own.")
]
ImagesOption = Annotated[
    Path | None,
    typer.Option(help="For a .keras file: a folder of images, or an .npy or .npz array."),
]
TrustOption = Annotated[
    bool, typer.Option("--trust", help="For a .keras file: run the Python code inside it.")
]
AgainstOption = Annotated[
    Path | None,
    typer.Option(help="Compare with this instead: a .keras, .tflite or .onnx file, or a run."),
]
NameOption = Annotated[
    list[str] | None,
    typer.Option("--name", help="IN_THE_FILE=IN_THE_MODEL, of an input or output; repeatable."),
]
CodeOption = Annotated[
    Path | None, typer.Option(help="For a .keras file: the Python file of its own layers.")
]


def as_names(pairs: list[str] | None) -> dict[str, str]:
    """What --name says: name in the file -> name in the model; UserError for other words."""
    found = {}
    for text in pairs or ():
        theirs, _, ours = text.rpartition("=")
        if not theirs or not ours:
            raise UserError(f"--name: expected IN_THE_FILE=IN_THE_MODEL, got {text!r}")
        found[theirs] = ours
    return found
