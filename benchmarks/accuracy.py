"""What a network loses on its way to int8: accuracy on the 10,000 test images of CIFAR-10.

    python -m benchmarks.accuracy --runs runs --data-dir ~/datasets --out docs/accuracy.md resnet8

Each name is a config of configs/cifar10 and a run in the folder `--runs`: trained if it is not
there. Then, for each recipe: compressed with the fine-tuning shortened to EPOCHS, converted,
verified, and the .tflite file itself is run on all test images. What stands in a run already is
not made again.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.delivery.compress import compress
from export.delivery.deliver import deliver
from export.proof.metadata import read_metadata
from export.recipes.recipe import load_recipe
from export.recipes.stages import FineTune
from export.runtimes import Artifact
from kerascnn.config import load
from kerascnn.evaluation import accuracy
from kerascnn.files import write_text
from kerascnn.training import open_run, train

RECIPES = ("float32", "static_wi8_ai8", "qat_wi8_ai8", "pruned50_qat_wi8_ai8")
EPOCHS = {"pruning": 3, "quantization": 2}
LONGER = {"shufflenet_v1_g3_x0_5": 6}  # epochs of qat_wi8_ai8, where 2 are not enough
PEAK = 0.25  # of the run's own learning rate; int8 training starts where the run had half settled


@dataclass(frozen=True)
class Measured:
    """top1: share of the test images. size, gzipped: bytes of the .tflite. None: refused."""

    top1: float | None = None
    size: int | None = None
    gzipped: int | None = None


def shortened(name, run):
    """A shipped recipe, named as its files are, with `EPOCHS` of fine-tuning and no refusal."""
    recipe = load_recipe(name)
    peak = run.config.optimizer.schedule.peak
    changes = {"artifact": name, "max_drop": 100.0}  # the table shows the drop, whatever it is
    for stage, epochs in EPOCHS.items():
        section = getattr(recipe, stage)
        if section is not None and section.fine_tune is not None:
            share = PEAK if stage == "pruning" else PEAK / 5
            if name == "qat_wi8_ai8" and run.path.name in LONGER:
                epochs, share = LONGER[run.path.name], 2 * share
            tuned = FineTune(epochs=epochs, peak=peak * share)
            changes[stage] = section.model_copy(update={"fine_tune": tuned})
    return recipe.model_copy(update=changes)


def measure(run, name, data_dir):
    """Makes the file of a recipe, unless it is there, and runs it on the test images."""
    recipe = shortened(name, run)
    path = run.path / f"model_{name}.tflite"
    if not path.exists():
        if recipe.compresses and not (run.path / name / "model.keras").exists():
            compress(run, recipe, data_dir=data_dir)
        if not deliver(run, recipe, ["tflite"], batch=None, data_dir=data_dir)[0].verdict.passed:
            return Measured()
    data, metadata = run.data(data_dir), read_metadata(path)
    with Artifact(path) as artifact:
        logits = artifact.run([data.pixels(data.test)])[0]
    return Measured(
        accuracy(logits.astype(np.float32), data.test.labels),
        metadata["bytes"],
        metadata["gzip_bytes"],
    )


def table(rows):
    """The rows, (run, {recipe: Measured}), as a page of Markdown."""
    lines = [
        "# Accuracy after compression",
        "",
        "Top-1 on the 10,000 test images of CIFAR-10, of the .tflite file itself, and its size.",
        "These are short trainings (the epochs stand in the table): what int8 and pruning cost is",
        "the message, not the level. Written by `python -m benchmarks.accuracy`; pruned networks",
        f"were fine-tuned for {EPOCHS['pruning']} epochs, int8 ones for {EPOCHS['quantization']}.",
        *(
            f"(qat_wi8_ai8 of {name}: {epochs}, at twice the learning rate.)"
            for name, epochs in LONGER.items()
        ),
        "Pruning changes the size after gzip, and nothing else.",
        "",
        "| network | epochs | " + " | ".join(RECIPES) + " |",
        "|---|---|" + "---|" * len(RECIPES),
    ]
    for run, found in rows:
        cells = [run.path.name, str(run.config.training.epochs)]
        for name in RECIPES:
            m = found[name]
            cells.append(
                "refused"
                if m.top1 is None
                else f"{m.top1:.2%}, {m.size / 1e3:,.0f} kB, {m.gzipped / 1e3:,.0f} gzipped"
            )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    """Measures, and writes the page after every network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = []
    for name in options.names:
        folder = options.runs / name
        if (folder / "run.json").exists():
            run = open_run(folder)
        else:
            run = train(load(f"configs/cifar10/{name}.yaml"), folder, data_dir=options.data_dir)
        rows.append((run, {r: measure(run, r, options.data_dir) for r in RECIPES}))
        page = table(rows)
        print(page.splitlines()[-1], flush=True)
        if options.out:
            write_text(options.out, page)


if __name__ == "__main__":
    main()
