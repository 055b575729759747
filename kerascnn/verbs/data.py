"""The verbs of data: data shard, data show."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import DataDir, Verbs, app
from kerascnn.console import busy, console, start_tensorflow

data_app = Verbs(no_args_is_help=True, rich_markup_mode=None, help="Writes shards, shows images.")
app.add_typer(
    data_app, name="data", short_help="Writes images into shards; shows what is trained on"
)


@data_app.command()
def shard(
    folder: Annotated[Path, typer.Argument(help="A folder of class folders.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    megabytes: Annotated[int, typer.Option(min=1, max=2**16, help="About, of a shard.")] = 128,
) -> None:
    """Writes images in class folders into TFRecord shards, in parallel.

    Image files are copied as they are. Started again, it goes on where it was interrupted, and
    writes anew what no longer is what its checksum says.

    Example: kerascnn data shard photos --out photos-shards
    """
    start_tensorflow()
    from kerascnn.data.folders import summary
    from kerascnn.data.shard_writing import shard_folder

    with busy(f"{folder}: looks at every file") as tell:
        shards = shard_folder(
            folder,
            out,
            shard_bytes=megabytes * 10**6,
            told=lambda done, of: tell(f"{out}: {done:,} of {of:,} shards"),
        )
    parts = shards.index.splits.values()
    counts = [sum(each) for each in zip(*(part.counts for part in parts), strict=True)]
    console.print(
        f"  {summary(counts, shards.index.classes, shards.index.left_out)}", highlight=False
    )
    kept = f", {shards.kept:,} were there" if shards.kept else ""
    console.print(f"  {shards.written:,} shards written{kept}  ->  {out}", highlight=False)
    console.print(f"  in a config: data: {{name: shards, path: {out}}}", highlight=False)


@data_app.command()
def show(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file.")],
    out: Annotated[Path, typer.Option(help="The picture to write, a .png or .svg file.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="As training.seed=2.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Draws training images as the network sees them, augmented, and the counts of the classes.

    Example: kerascnn data show configs/digits/lenet5.yaml --out sheet.png
    """
    import kerascnn.config as configs

    asked = configs.load(config, overrides or ())
    start_tensorflow()
    from kerascnn.data import load_data
    from kerascnn.data.sheet import draw_sheet

    seed = asked.training.seed
    data = load_data(asked.data, seed=seed, data_dir=data_dir)
    draw_sheet(data, out, seed=seed)
    console.print(f"  {data.summary()}", highlight=False)
    console.print(f"  ->  {out}", highlight=False)
