"""A page of pictures that needs nothing beside itself, and pictures as files."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import UserError, printable
from kerascnn.extras import require
from kerascnn.files import replacing, write_text

DPI = 110


@dataclass(frozen=True)
class Picture:
    """title: of its section. told: what it shows, in sentences. content: a matplotlib figure, or
    an <svg> element made here, which goes into the page as it is."""

    title: str
    told: str
    content: Any


def write_page(path: str | Path, title: str, lead: str, pictures: Sequence[Picture]) -> None:
    """Writes pictures below each other as one HTML page, without scripts and without the network.

    Args:
        path: the .html file. title, lead: of the page, plain text.

    Raises:
        UserError: another kind of file, or one that cannot be written; no extra `report`.
    """
    path = Path(path)
    if path.suffix not in (".html", ".htm"):
        raise UserError(f"expected an .html file for a page, got {path.name!r}")
    require("report", "a page")
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=PackageLoader("kerascnn.visualization"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [
        {
            "id": f"picture-{number}",
            "title": printable(picture.title),
            "told": printable(picture.told),
            "content": Markup(_element(picture)),
        }
        for number, picture in enumerate(pictures, start=1)
    ]
    page = made.get_template("page.html.j2").render(
        title=printable(title), lead=printable(lead), sections=sections
    )
    write_text(path, page)


def save_figure(figure: Any, path: str | Path) -> None:
    """Writes a matplotlib figure as a .png or .svg file; UserError for another kind."""
    path = Path(path)
    if path.suffix not in (".png", ".svg"):
        raise UserError(f"expected a .png or .svg file, got {path.name!r}")
    with replacing(path) as temporary:
        figure.savefig(temporary)


def _element(picture: Picture) -> str:
    if isinstance(picture.content, str):
        return picture.content
    from html import escape

    written = io.BytesIO()
    picture.content.savefig(written, format="png", dpi=DPI)
    encoded = base64.b64encode(written.getvalue()).decode()
    width = round(picture.content.get_size_inches()[0] * DPI)
    name = escape(printable(picture.title), quote=True)
    return f'<img alt="{name}" width="{width}" src="data:image/png;base64,{encoded}">'
