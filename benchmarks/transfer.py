"""Transfer against training from scratch, on CIFAR-10.

    python -m benchmarks.transfer --data-dir ~/datasets --out docs/transfer_cifar10.md

A network learns nine of the ten classes, from 4,000 images each. Then it is fine-tuned on all ten
with few images of each, none of which it has seen, as `kerascnn finetune` chooses; and the same
network is trained on the same images from scratch, with the same number of steps. Both are tested
on all test images; "new class" is the share of its 1,000 that are right.

    --epochs 30 --steps 2000     of the first training, of each later one; fewer for a quick look
    --network resnet20

One seed. The plot stands beside the page.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

import kerascnn.config as configs
from kerascnn.data import Data, Split, load_data
from kerascnn.data.splits import Source
from kerascnn.files import replacing, write_text
from kerascnn.training import Run, finish, fit, run_model
from kerascnn.transfer import Orders
from kerascnn.transfer.finetuning import finetune_on
from kerascnn.transfer.start import start_from

NEW = 9  # the class that the first training does not see: trucks
SEEN = 4000  # images a class of the first training; the others are for the second
COUNTS = (10, 50, 500)
HELD_OUT = 30  # images a class that choose the epoch, of both
RATE = {"name": "cosine", "peak": 0.05, "warmup": 0}


def main():
    """Trains, compares, and writes the page and the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--network", default="resnet20")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    options = parser.parse_args()
    whole = load_data(config(options.network, 1).data, data_dir=options.data_dir)
    with tempfile.TemporaryDirectory() as folder:
        rows, first = compare(whole, options, Path(folder))
    text = page_of(rows, first, options)
    print(text)
    if options.out:
        write_text(options.out, text)
        plot(rows, options.out.with_suffix(".svg"))


def config(network, epochs, batch=128):
    """The config of a training of `network`, the schedule being that of all."""
    return configs.parse(
        configs.Config,
        {
            "model": {"name": network},
            "data": {
                "name": "cifar10",
                "batch_size": batch,
                "train": [{"pad_crop": 4}, "flip"],
            },
            "optimizer": {"momentum": 0.9, "weight_decay": 5e-4, "schedule": RATE},
            "training": {"epochs": epochs},
        },
        "benchmark",
    )


def compare(whole, options, folder):
    """Returns a row (images a class, strategy, four accuracies) for each count, and the first's."""
    labels = np.concatenate([whole.train.labels, whole.validation.labels])
    images = np.concatenate([whole.train.images, whole.validation.images])
    places = [np.flatnonzero(labels == k) for k in range(10)]

    def part(start, stop, classes=range(10)):
        chosen = np.concatenate([places[k][start:stop] for k in classes])
        return Split(images[chosen], labels[chosen])

    known = [k for k in range(10) if k != NEW]
    held = part(SEEN, SEEN + HELD_OUT)
    first = data_of(
        whole, part(0, SEEN, known), part(SEEN, SEEN + HELD_OUT, known), only(whole.test, known), 9
    )
    source = trained(first, config(options.network, options.epochs), folder / "first")
    accuracy = accuracies(source.model(), first)[0]
    rows = []
    for count in options.counts:
        few = data_of(whole, part(SEEN + HELD_OUT, SEEN + HELD_OUT + count), held, whole.test, 10)
        made = config(options.network, 1, batch=min(64, 5 * count))
        few = replace(few, config=made.data)
        epochs = max(1, options.steps // few.steps_per_epoch())
        made = made.model_copy(
            update={"training": made.training.model_copy(update={"epochs": epochs})}
        )
        scratch = trained(few, made, folder / f"scratch{count}")
        start = start_from(None, source)
        slower = made.optimizer.schedule.model_copy(update={"peak": 0.02})
        tuned = made.model_copy(
            update={"optimizer": made.optimizer.model_copy(update={"schedule": slower})}
        )
        out = folder / f"tuned{count}"
        finetune_on(few, start, tuned, out, Orders())
        run = Run(out)
        pairs = (accuracies(model.model(), few) for model in (scratch, run))
        rows.append(
            (count, run.facts["transfer"]["strategy"], *(x for pair in pairs for x in pair))
        )
        print(rows[-1], flush=True)
    return rows, accuracy


def only(split, classes):
    """The images of some classes."""
    return split.take(np.flatnonzero(np.isin(split.labels, classes)))


def data_of(whole, train, validation, test, classes):
    """The `Data` of these splits of the first `classes` classes."""
    source = Source(train, test, tuple(whole.names[:classes]), whole.shape)
    return Data(train, validation, test, whole.shape, whole.config, source)


def trained(data, made, out):
    """Trains the network of a config from scratch; returns its `Run`."""
    keras.utils.set_random_seed(made.training.seed)
    out.mkdir()
    configs.save(made, out / "config.yaml")
    model = run_model(made, data, "float32")
    rows = fit(model, data, made.optimizer, made.training, out, checkpoints=out / "checkpoints")
    finish(made, data, out, rows)
    return Run(out)


def accuracies(model, data):
    """(of all test images, of those of the new class): shares that are right."""
    logits = model.predict(data.batches(data.test).map(lambda x, y: x), verbose=0)
    right = logits.argmax(1) == data.test.labels
    new = data.test.labels == NEW
    return float(right.mean()), float(right[new].mean()) if new.any() else 0.0


def page_of(rows, first, options):
    """The results as a page of Markdown."""
    table = [
        ["images a class", "chosen", "scratch", "fine-tuned", "new class, scratch", "fine-tuned"],
        *(
            [str(count), chosen, *(f"{x:.1%}" for x in (scratch, tuned, new_scratch, new_tuned))]
            for count, chosen, scratch, new_scratch, tuned, new_tuned in rows
        ),
    ]
    lines = [f"| {' | '.join(row)} |" for row in table]
    lines.insert(1, "|---" * len(table[0]) + "|")
    return "\n".join(
        [
            "# Transfer on CIFAR-10",
            "",
            f"{options.network} learned nine classes in {options.epochs} epochs ({first:.1%} of "
            "their test images), then all",
            f"ten from few images each, {options.steps:,} steps; against as many from scratch. One "
            "seed. Written by",
            f"`python -m benchmarks.transfer --network {options.network} --epochs {options.epochs} "
            f"--steps {options.steps}`.",
            "",
            *lines,
            "",
            "![Test accuracy against images a class](transfer_cifar10.svg)",
            "",
        ]
    )


def plot(rows, path):
    """Draws both curves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    counts = [row[0] for row in rows]
    axes.plot(counts, [100 * row[4] for row in rows], "o-", label="fine-tuned")
    axes.plot(counts, [100 * row[2] for row in rows], "s--", label="from scratch")
    axes.set_xscale("log")
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set(xlabel="training images a class", ylabel="top-1, all test images, %")
    axes.grid(color="0.92")
    axes.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary)


if __name__ == "__main__":
    main()
