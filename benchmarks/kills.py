"""Commands killed at random, and run again: is anything lost, is anything different?

    python -m benchmarks.kills --seed 0 --kills 40 --out docs/reliability.md

Each kill is a `kill -9` of a command on the digits, at a random moment of one of its stages, in
turn. Then every file that has its final name must load, everything that was there before must
still be there, and the same command again (train with --resume) must end with the result of one
that nobody killed: the same weights bit for bit, the same history.

A verb more is a `Verb` more in VERBS: how it starts, what it is doing by what stands in the folder,
and what its result is.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from benchmarks.tables import put_section, show, table_lines
from export.delivery.packing import unpack
from export.delivery.preparation import kept_model
from export.delivery.progress import RECORD, STAGES
from export.recipes.recipe import load_recipe
from export.runtimes import Artifact
from kerascnn.errors import UserError
from kerascnn.files import read_json
from kerascnn.training import load_finite, open_run
from kerascnn.training.history import read_history

ROOT = Path(__file__).parents[1]
CONFIG = str(ROOT / "configs" / "digits" / "lenet5.yaml")
EPOCHS, FEWER = 6, 2
SCHEDULE = "optimizer.schedule.name=constant"  # which may be trained for longer
RECIPE = """
name: killed
channels: {macs: 0.7, fine_tune: {epochs: 2, peak: 0.01}}
pruning: {sparsity: 0.5, fine_tune: {epochs: 3, peak: 0.01}}
clustering: {clusters: 16, fine_tune: {epochs: 2, peak: 0.0005}}
quantization: {fine_tune: {epochs: 3, peak: 0.002}}
"""
STALLED = 600  # seconds after which a command counts as hanging


@dataclass(frozen=True)
class Verb:
    """begin: what stands in the folder before: another verb's result, or nothing.

    arguments: folder -> of the command. stage: folder -> the name of what the command does now.
    result: folder -> name -> array or value, what must come out the same.
    """

    name: str
    begin: str | None
    arguments: Callable
    stage: Callable
    result: Callable


def train_arguments(epochs, *, resume):
    more = ["--resume"] if resume else []
    overrides = [SCHEDULE, f"training.epochs={epochs}"]
    return lambda folder: ["train", CONFIG, "--out", str(folder / "run"), *overrides, *more]


def train_stage(first):
    """The stage of a training that begins behind so many epochs."""

    def stage(folder):
        done = _rows(folder / "run" / "history.csv")
        return "start" if done <= first else "epochs" if done < EPOCHS else "end"

    return stage


def train_result(folder):
    rows = read_history(folder / "run" / "history.csv")
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
    run = open_run(folder / "run")
    return {**_weights(run.model()), "history": history, "facts": run.facts}


def compress_arguments(folder):
    return ["compress", str(folder / "run"), "--recipe", str(folder / "killed.yaml")]


def compress_stage(folder):
    out = folder / "run" / "killed"
    if not (out / RECORD).exists():
        return "start"
    stages = [stage for stage in STAGES if stage in yaml.safe_load(RECIPE)]
    return next((s for s in stages if not (out / s / "model.keras").exists()), "end")


def compress_result(folder):
    recipe = load_recipe(folder / "killed.yaml")
    return _weights(kept_model(open_run(folder / "run"), recipe))


def convert_arguments(folder):
    return ["convert", str(folder / "run"), "--to", "tflite", "onnx", "--recipe", "float32"]


def pack_arguments(folder):
    return ["pack", str(folder / "run"), "--recipe", str(folder / "killed.yaml")]


def file_stage(folder):
    """Of a command that writes artifacts: before, while and after one has a hidden name."""
    hidden = list((folder / "run").glob(".model_*partial*"))
    return "a hidden file" if hidden else "no hidden file"


def files_result(folder):
    """The bytes of the artifacts, and what their metadata say but when."""
    found = {}
    for path in sorted((folder / "run").glob("model_*.*")):
        if path.suffix == ".json":
            found[path.name] = {k: v for k, v in read_json(path).items() if k != "made"}
        else:
            found[path.name] = path.read_bytes()
    return found


VERBS = (
    Verb("train", None, train_arguments(EPOCHS, resume=True), train_stage(0), train_result),
    Verb("a short train", None, train_arguments(FEWER, resume=False), train_stage(0), train_result),
    Verb(
        "train on",
        "a short train",
        train_arguments(EPOCHS, resume=True),
        train_stage(FEWER),
        train_result,
    ),
    Verb("compress", "a short train", compress_arguments, compress_stage, compress_result),
    Verb("a first convert", "a short train", convert_arguments, file_stage, files_result),
    Verb("convert", "a first convert", convert_arguments, file_stage, files_result),
    Verb("a first pack", "compress", pack_arguments, file_stage, files_result),
    Verb("pack", "a first pack", pack_arguments, file_stage, files_result),
)
KILLED = ("train", "train on", "compress", "convert", "pack")


def _rows(path):
    return max(0, path.read_text().count("\n") - 1) if path.exists() else 0


def _weights(model):
    return {f"weight {i}": w for i, w in enumerate(model.get_weights())}


class Killer:
    """Kills commands in folders below `scratch`, and tells what is wrong then.

    wholes: name of a verb -> the folder of its uninterrupted run. seconds: (verb, stage) -> how
    long that took.
    """

    def __init__(self, scratch):
        self.scratch, self.wholes, self.seconds = scratch, {}, {}
        for verb in VERBS:
            self.wholes[verb.name] = self._whole(verb)
        self.expected = {v.name: v.result(self.wholes[v.name]) for v in VERBS}

    def cases(self):
        """Every (verb, stage) that can be killed."""
        named = {verb.name: verb for verb in VERBS}
        return [(named[name], stage) for name, stage in self.seconds if name in KILLED]

    def _whole(self, verb):
        """Runs a verb to its end, and measures how long each stage takes."""
        folder = self._folder(verb, "whole")
        process = start(verb, folder)
        before = time.perf_counter()
        while process.poll() is None:
            stage = verb.stage(folder)
            now = time.perf_counter()
            key = (verb.name, stage)
            self.seconds[key] = self.seconds.get(key, 0.0) + now - before
            before = now
            time.sleep(0.002)
        _, said = process.communicate()
        if process.returncode:
            raise UserError(f"{verb.name}: nobody killed it, and it failed: {said.strip()}")
        return folder

    def _folder(self, verb, name):
        folder = self.scratch / f"{verb.name} {name}".replace(" ", "_")
        if verb.begin:
            shutil.copytree(self.wholes[verb.begin], folder)
        folder.mkdir(exist_ok=True)
        (folder / "killed.yaml").write_text(RECIPE)
        return folder

    def kill(self, verb, stage, number, rng):
        """Kills a verb in a stage and runs it again.

        Returns:
            (the stage it was in when it died, what is wrong then: a list of sentences).
        """
        folder = self._folder(verb, number)
        before = final_files(folder)
        process = start(verb, folder)
        deadline = time.monotonic() + STALLED
        while process.poll() is None and verb.stage(folder) != stage:
            if time.monotonic() > deadline:
                break
            time.sleep(0.001)
        time.sleep(0.9 * rng.random() * self.seconds[verb.name, stage])
        process.send_signal(signal.SIGKILL)
        process.communicate()
        hit = verb.stage(folder) if process.returncode == -signal.SIGKILL else "too late"
        wrong = [f"{path} is lost" for path in sorted(before - final_files(folder))]
        wrong += broken(folder)
        again = start(verb, folder)
        try:
            _, said = again.communicate(timeout=STALLED)
        except subprocess.TimeoutExpired:
            again.kill()
            return hit, [*wrong, "run again, it hangs"]
        if again.returncode:
            return hit, [*wrong, f"run again, it fails: {said.strip()}"]
        wrong += broken(folder) + differing(self.expected[verb.name], verb.result(folder))
        wrong += [f"{path.name} is left over" for path in folder.rglob(".*")]
        if not wrong:
            shutil.rmtree(folder)
        return hit, wrong


def start(verb, folder):
    """The process of a command."""
    code = "from kerascnn.__main__ import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *verb.arguments(folder)],
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def final_files(folder):
    """The paths of a folder that have their final names, but TensorBoard's, which grow."""
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {p for p in found if not p.name.startswith(".") and "tensorboard" not in p.parts}


def loads(path):
    """Loads an artifact in its engine."""
    with Artifact(path):
        pass


LOADERS = {
    ".keras": load_finite,
    ".json": read_json,
    ".csv": read_history,
    ".yaml": lambda path: yaml.safe_load(path.read_text()),
    ".tflite": loads,
    ".onnx": loads,
    ".kcnn": unpack,
}


def broken(folder):
    """What does not load of a folder's files: sentences."""
    found = []
    for path in sorted(final_files(folder)):
        try:
            LOADERS[path.suffix](folder / path)
        except (UserError, yaml.YAMLError, OSError) as error:
            found.append(f"{path} does not load: {error}")
    return found


def differing(expected, found):
    """What is not as it would be if nobody had killed: sentences."""
    names = dict.fromkeys([*expected, *found])
    return [
        f"{name} differs"
        for name in names
        if name not in expected or name not in found or not _same(expected[name], found[name])
    ]


def _same(one, other):
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    return one == other


def main():
    """Kills, and writes the section of the page; exit code 1 if anything was lost or different."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="kills"))
    killer = Killer(scratch)
    rng = random.Random(options.seed)
    cases = killer.cases()
    rng.shuffle(cases)
    counts, failures = {}, []
    for number in range(options.kills):
        verb, stage = cases[number % len(cases)]
        hit, wrong = killer.kill(verb, stage, number, rng)
        row = counts.setdefault((verb.name, hit), {"kills": 0, "lost or different": 0})
        row["kills"] += 1
        row["lost or different"] += bool(wrong)
        failures += [f"{verb.name}, killed in {hit}: {text}" for text in wrong]
        said = "; ".join(wrong) or "ok"
        print(f"{number + 1}/{options.kills}  {verb.name}: {hit}  {said}", flush=True)
    rows = [{"command": verb, "killed in": hit, **row} for (verb, hit), row in counts.items()]
    rows.sort(key=lambda row: (row["command"], row["killed in"]))
    show("kill -9, then the same command again", rows)
    if options.out:
        put_section(options.out, "kills", section(options, rows, failures))
    if failures:
        print(f"the folders are in {scratch}")
        sys.exit(1)
    shutil.rmtree(scratch)


def section(options, rows, failures):
    """The lines of the page."""
    bad = sum(row["lost or different"] for row in rows)
    return [
        "## Killed at random",
        "",
        f"{options.kills} times `kill -9` at a random moment, LeNet-5 on the digits, each followed",
        f"by the same command again (train with `--resume`); {bad} of them lost something, left a",
        "file that does not load, or ended with other weights than one that nobody killed,",
        "or files (compared bit for bit). `train on` gives a finished run more epochs; `compress`",
        "removes channels, prunes, clusters and trains for int8; `convert` and `pack` write anew",
        "what is there. Written by `python -m benchmarks.kills "
        f"--seed {options.seed} --kills {options.kills}`.",
        "",
        *table_lines(rows),
        *(["", *(f"- {text}" for text in failures)] if failures else []),
    ]


if __name__ == "__main__":
    main()
