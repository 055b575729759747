"""The command line that verbs are mounted on, and the options that they share."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kerascnn.errors import UserError

# As --help lists them: the way from images to a file in an app first. The rest comes last.
GROUPS = {
    "From images to files": (
        "new",
        "train",
        "search",
        "finetune",
        "evaluate",
        "compress",
        "convert",
        "verify",
        "benchmark",
        "recommend",
        "report",
        "stage",
        "webdemo",
    ),
    "Look and debug": (
        "predict",
        "describe",
        "features",
        "debug",
        "sensitivity",
        "models",
        "chart",
        "look",
        "convolve",
        "invariance",
        "experiment",
        "ablate",
        "data",
        "doctor",
    ),
}


class GroupedHelp(TyperGroup):
    """A group of commands that --help lists by `GROUPS`."""

    def list_commands(self, ctx: Any) -> list[str]:
        listed = [name for names in GROUPS.values() for name in names if name in self.commands]
        return [*listed, *(name for name in self.commands if name not in listed)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        left = self.list_commands(ctx)
        width = max(map(len, left))
        for title, names in {**GROUPS, "More": left}.items():
            verbs = [name for name in names if name in left]
            left = [name for name in left if name not in verbs]
            room = formatter.width - width - 6
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (name.ljust(width), self.commands[name].get_short_help_str(room))
                        for name in verbs
                    ]
                )


class Verbs(typer.Typer):
    """A command line whose list of verbs gives the first sentence of each in full."""

    def command(self, name: str | None = None, **options: Any) -> Callable[..., Any]:
        def mount(function):
            sentence = inspect.cleandoc(function.__doc__).split("\n\n")[0].split(". ")[0]
            sentence = sentence.replace("\n", " ").removesuffix(".")
            return super(Verbs, self).command(name, short_help=sentence, **options)(function)

        return mount


app = Verbs(
    cls=GroupedHelp,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keras 3 models in, verified edge artifacts out.",
)

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the figures as JSON, and nothing else.")
]
CsvOption = Annotated[
    bool, typer.Option("--csv", help="Print the figures as CSV, and nothing else.")
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="The folder with mnist/ or cifar-10-batches-bin/; else $KERASCNN_DATA."),
]


def only_one(as_json: bool, as_csv: bool) -> None:
    """UserError where figures are asked for in two formats."""
    if as_json and as_csv:
        raise UserError("--json and --csv are two formats; give one")
