"""The verbs that draw: convolve."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import app
from kerascnn.console import console, start_tensorflow
from kerascnn.errors import UserError
from kerascnn.extras import require


@app.command()
def convolve(
    image: Annotated[
        Path | None, typer.Argument(metavar="[IMAGE]", help="An image file; it is made grey.")
    ] = None,
    out: Annotated[Path, typer.Option(help="A .png or .svg picture, or an .html page.")] = Path(
        "convolution.html"
    ),
    kernel: Annotated[
        list[str] | None,
        typer.Option(
            help="box, gaussian, sharpen, sobel, laplacian, gabor or canny; may be repeated."
        ),
    ] = None,
) -> None:
    """Shows what convolution does: to an image, and number by number.

    A picture has the image, the kernels and what they make of it. A page has small grids as well,
    which show stride, padding, dilation, groups and transposition step by step; it needs no image.

    Example: kerascnn convolve photo.jpg --kernel sobel --kernel canny --out edges.png
    """
    if image is None and (kernel or out.suffix in (".png", ".svg")):
        raise UserError("expected an IMAGE to convolve; without one an .html page is written")
    require("report", "a picture")
    pictures = []
    if image is not None:
        start_tensorflow()
        from kerascnn.data import read_whole_image
        from kerascnn.visualization import convolved_figure
        from kerascnn.visualization.pages import Picture, save_figure

        names = kernel or ["gaussian", "sobel", "canny"]
        figure = convolved_figure(read_whole_image(image, 1)[..., 0], names)
        if out.suffix in (".png", ".svg"):
            save_figure(figure, out)
            console.print(f"  ->  {out}")
            return
        pictures.append(Picture(image.name, f"Under {', '.join(names)}.", figure))
    from kerascnn.visualization import write_convolution_page

    write_convolution_page(out, pictures)
    console.print(f"  ->  {out}")
