"""The report of a run: one page, RUN/report.html, that needs nothing beside itself."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kerascnn.analysis import count, first_layer_filters
from kerascnn.config import dump
from kerascnn.console import printable
from kerascnn.errors import UserError
from kerascnn.evaluation import accuracy
from kerascnn.files import write_text
from kerascnn.models import variant
from kerascnn.training import Run, open_run

from ..constraints.kernels import sparsity
from ..delivery.preparation import kept_model
from ..proof.metadata import amend, read_metadata
from ..proof.reference import as_taken
from ..proof.schemas import CheckRecord
from ..runtimes import Artifact
from . import plots, records


def write_report(run: Run | Path | str, *, data_dir: Path | str | None = None) -> Path:
    """Writes what is known of a run as one page, without scripts and without the network.

    An artifact whose metadata lacks its accuracy on the test images is run on them first, and the
    metadata gets that number.

    Args:
        run: a `Run`, or the path of its folder.
        data_dir: as in `train`.

    Returns:
        The path of the page, RUN/report.html.

    Raises:
        UserError: a file of the run is missing, broken, or speaks of something else.
    """
    run = open_run(run)
    if run.config.data.targets != "classes":
        raise UserError(f"{run.path}: gives a class a pixel; a report is of a class an image")
    all_metadata = records.read_all_metadata(run)
    commands = _commands(run, all_metadata)
    epochs = run.config.training.epochs
    history = records.read_curves(run.path / "history.csv", epochs, commands["train"])
    outcome = records.read_outcome(run, commands["train"])
    stages = records.read_stages(run)
    evaluation = records.read_evaluation(run, commands["evaluate"])
    benchmark = records.read_benchmark(run, commands["benchmark"])
    model = run.model()
    zeros = _zeros(run, all_metadata)
    all_metadata = _tested(run, all_metadata, data_dir)
    page = (
        pages()
        .get_template("report.html.j2")
        .render(
            run=run,
            commands=commands,
            config=dump(run.config),
            outcome=outcome,
            zeros=zeros,
            pruned=_pruned(all_metadata, zeros),
            fours=_in_fours(all_metadata),
            row=variant(run.config.model.name).row,
            counted=count(model),
            written=datetime.now(UTC),
            curves=_curves(history, "Training", outcome.best_epoch),
            stages=[
                (recipe, stage, _curves(rows, stage.title())) for recipe, stage, rows in stages
            ],
            evaluation=evaluation,
            filters=_filters(model),
            benchmark=benchmark,
            confusion=evaluation and plots.confusion(evaluation.counts, run.labels),
            artifacts=[
                (path.name, metadata, benchmark and benchmark.timing(path, metadata))
                for path, metadata in all_metadata.items()
            ],
            packed=[(path.name, metadata) for path, metadata in records.read_packed(run).items()],
            unlisted=records.without_metadata(run),
        )
    )
    path = run.path / "report.html"
    write_text(path, page)
    return path


def percent(share: float) -> str:
    """0.996 -> "99.60 %". What is not all of it is never written as 100 %."""
    text = f"{100 * share:.2f} %"
    return "> 99.99 %" if share < 1 and text == "100.00 %" else text


def agreement(checks: Sequence[CheckRecord]) -> list[str]:
    """What the checks of metadata say of an artifact and its model, a few words each.

    The check of the accuracy is left out: the accuracies stand in columns of their own.
    """
    words = {
        "largest difference, as a share": "logits within {0:.1e} of the largest",
        "outputs within 1 step of the simulation": "{1} within 1 step",
        "labels that agree with the simulation": "{1} same label",
        "noise of the outputs": "logits with {1} noise",
        "labels that agree with the model": "{1} same label",
    }
    return [
        words[c.name].format(c.measured, percent(c.measured)) for c in checks if c.name in words
    ]


def _commands(run, paths):
    """The commands that make what a report needs, by their verbs."""
    files = " ".join(map(str, paths))
    return {
        "train": f"kerascnn train CONFIG --out {run.path}",
        "evaluate": f"kerascnn evaluate {run.path}",
        "convert": f"kerascnn convert {run.path} --to tflite onnx --recipe float32",
        "benchmark": f"kerascnn benchmark {files} --out {run.path}/benchmark.json",
    }


def pages() -> Environment:
    """The templates of this package, filled in safely: text from outside is escaped."""
    environment = Environment(
        loader=PackageLoader(str(__package__)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(
        percent=percent, agreement=agreement, whole="{:,}".format, moment=_moment
    )
    return environment


def _shown(value):
    """What stands in a page: names from outside may hold controls and marks of direction."""
    if isinstance(value, Markup):
        return value
    return "\n".join(map(printable, str(value).split("\n")))


def _moment(time):
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _curves(rows, title, best=None):
    return [
        plots.loss(rows, title, best),
        plots.accuracy(rows, title, best),
        plots.learning_rate(rows, title),
    ]


def _filters(model):
    """The picture of the first convolution's filters; None for a network that has none."""
    try:
        return plots.filters(first_layer_filters(model))
    except UserError:
        return None


def _zeros(run, all_metadata):
    """recipe -> the share of zeros that its pruning left, for the recipes of the artifacts."""
    recipes = {metadata.recipe.name: metadata.recipe for metadata in all_metadata.values()}
    return {
        name: sparsity(kept_model(run, recipe))
        for name, recipe in recipes.items()
        if recipe.pruning
    }


def _in_fours(all_metadata):
    """recipe -> whether its zeros make the pattern 2:4, for the recipes that prune."""
    recipes = (metadata.recipe for metadata in all_metadata.values())
    return {r.name: r.pruning.pattern == "2:4" for r in recipes if r.pruning}


def _pruned(all_metadata, zeros):
    """What pruning changed: recipe -> [(path, its share of zeros), ...], each pruned file followed
    by the files of the same kind and number format whose recipe does not prune (share None)."""
    found = {}
    for name, share in zeros.items():
        rows = found[name] = []
        for path, metadata in all_metadata.items():
            if metadata.recipe.name == name:
                rows.append((path.name, share))
                rows += [
                    (p.name, None)
                    for p, s in all_metadata.items()
                    if not s.recipe.pruning
                    and p.suffix == path.suffix
                    and (s.output.scale is None) == (metadata.output.scale is None)
                ]
    return found


def _tested(run, all_metadata, data_dir):
    """The metadata, each with an accuracy on the test images; what is missing is measured."""
    untested = [path for path, metadata in all_metadata.items() if metadata.accuracy.test is None]
    if not untested:
        return all_metadata
    data = run.data(data_dir)
    images, labels, reached = data.pixels(data.test), data.test.labels, {}
    for path in untested:
        with Artifact(path) as artifact:
            logits = artifact.run([as_taken(images, artifact.inputs[0], True)])[0]
        expected = (len(labels), len(run.labels))
        if logits.shape != expected:
            raise UserError(f"{path}: expected outputs {expected}, got {logits.shape}")
        reached[path] = {"artifact": accuracy(logits, labels), "images": len(labels)}
    for path, test in reached.items():
        amend(path, accuracy={**read_metadata(path)["accuracy"], "test": test})
    return records.read_all_metadata(run)
