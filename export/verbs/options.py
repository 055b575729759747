"""What several verbs take."""

from pathlib import Path
from typing import Annotated

import typer

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
CodeOption = Annotated[
    Path | None, typer.Option(help="For a .keras file: the Python file of its own layers.")
]
