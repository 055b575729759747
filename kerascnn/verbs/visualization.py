"""The verbs that draw: convolve, look."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import DataDir, app
from kerascnn.console import busy, console, start_tensorflow
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


@app.command()
def look(
    source: Annotated[
        str, typer.Argument(metavar="RUN|NAME", help="A run, or what `kerascnn models` lists.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The .html page; RUN/look.html by default.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Of a NAME: imagenet, or a .safetensors or .h5 file.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Of a NAME: a folder of class folders, or a source: cifar10."),
    ] = None,
    size: Annotated[int | None, typer.Option(help="Of a NAME: side of the images.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Shows what a network sees, as one page of pictures.

    Its graph, the filters of its first layer, the maps of an image, the patches that excite a
    channel most, what answers rest on (gradients, guided backpropagation, Grad-CAM, occlusion),
    t-SNE of features, nearest neighbours; of a run, confusion and the worst mistakes, too.

    Example: kerascnn look runs/digits
    """
    require("report", "a page of pictures")
    require("digits", "t-SNE")
    start_tensorflow()
    from kerascnn.visualization import look as draw
    from kerascnn.visualization import open_network, write_page

    with busy(f"{source}: opens it") as tell:
        shown = open_network(
            source,
            weights=weights,
            data=data,
            size=(size, size) if size else None,
            data_dir=data_dir,
        )
        pictures = draw(shown, lambda title: tell(f"{source}: {title}"))
    page = out or (Path(source) / "look.html" if Path(source).is_dir() else Path("look.html"))
    lead = f"{len(shown.images):,} images were looked at."
    write_page(page, f"What {shown.model.name} sees", lead, pictures)
    console.print(f"  {len(pictures)} pictures  ->  {page}", highlight=False)
