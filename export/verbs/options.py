"""What several verbs take."""

import re
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.errors import UserError
from kerascnn.files import readable_file

RecipeOption = Annotated[
    str, typer.Option(help="The name of a recipe in configs/export, or a YAML file of your own.")
]
ImagesOption = Annotated[
    Path | None,
    typer.Option(help="For a Keras file: a folder of images, or an .npy or .npz array."),
]
TrustOption = Annotated[
    bool, typer.Option("--trust", help="For a Keras file: run the Python code inside it.")
]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.txt|A,B,...", help="Names of the classes, one a line, or between commas."
    ),
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
    Path | None, typer.Option(help="For a Keras file: the Python file of its own layers.")
]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        metavar="imagenet|FILE", help="For a network by its name: its weights, as in `build`."
    ),
]
SizeOption = Annotated[
    str | None,
    typer.Option(
        metavar="N|HEIGHTxWIDTH", help="Take images of this size instead of the model's own."
    ),
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


MOST_LABELS = 2**20  # bytes of a file of names


def as_labels(text: str | None) -> tuple[str, ...] | None:
    """What --labels says: the lines of a file, or names between commas; None where it is not given.

    Raises:
        UserError: no such file, one that is no text, or one name twice.
    """
    if text is None:
        return None
    if "," in text and not Path(text).is_file():
        names = [name.strip() for name in text.split(",")]
    else:
        path = readable_file(text, most=MOST_LABELS)
        try:
            names = path.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise UserError(f"{path}: expected a text file in UTF-8, a name a line") from None
        names = [name.strip() for name in names]
        while names and not names[-1]:
            names.pop()
    if twice := [name for name in names if names.count(name) > 1 or not name]:
        raise UserError(f"--labels: expected different names, got {twice[0]!r} twice or empty")
    return tuple(names)


LARGEST = 2**15  # pixels of a side


def as_size(text: str | None) -> tuple[int, int] | None:
    """What --size says: (height, width); None where it is not given.

    Raises:
        UserError: other words than a number of pixels, or two with an x between them.
    """
    if text is None:
        return None
    sides = re.fullmatch(r"(\d{1,5})(?:[xX](\d{1,5}))?", text.strip())
    if sides:
        height, width = int(sides[1]), int(sides[2] or sides[1])
        if min(height, width) > 0 and max(height, width) <= LARGEST:
            return height, width
    raise UserError(f"--size: expected pixels, as 224 or 224x160, got {text!r}")


def as_numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    """Whole numbers above zero between commas; None where the option is not given."""
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch(r"[1-9]\d{0,4}", word) for word in words):
        raise UserError(f"{option}: expected numbers between commas, as 256,384, got {text!r}")
    return tuple(map(int, words))


UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
BINARY = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def as_bytes(text: str | None) -> int | None:
    """What --memory says, in bytes: 8GB is 8e9, 8GiB is 8 x 2**30; None where it is not given."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([kmgt]?)(i?)b?", text.strip().lower())
    if not found or (found[3] and not found[2]) or not float(found[1]):
        raise UserError(f"--memory: expected an amount, as 8GB, 512MB or 16GiB, got {text!r}")
    return int(float(found[1]) * (BINARY if found[3] else UNITS)[found[2]])
