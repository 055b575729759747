"""What can be done for an int8 network that lost accuracy, tried in order until one is enough.

Every fix is a recipe, a variation of the file's own; so each is made, verified and described as any
other artifact, and `kerascnn convert RUN --recipe RUN/NAME/recipe.yaml` makes it again.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.config import dump
from kerascnn.errors import UserError, required
from kerascnn.evaluation import predictions
from kerascnn.files import writable_folder, write_text
from kerascnn.locks import locked
from kerascnn.models.graph import canonical, nodes

from ..conversion.convert import convert
from ..delivery.compress import keep, train_quantized
from ..delivery.deliver import Delivery, attempt
from ..proof.card import remove_metadata_and_card
from ..proof.reference import Reference
from ..proof.verification import in_values
from ..quantization.biases import settle_biases
from ..quantization.calibration import simulated
from ..quantization.float_form import unrounded
from ..recipes.names import recipe_name
from ..recipes.recipe import load_recipe
from ..recipes.stages import Quantization
from ..runtimes import Artifact
from ..runtimes.benchmarking import benchmark
from .analysis import analyse
from .case import Case

MORE = 4  # times the calibration images
BACKWARD = 3  # a training step costs about three forward passes
STAGES = ("slimming", "channels", "pruning", "clustering")


@dataclass(frozen=True)
class Candidate:
    """A file that was tried.

    what: in words. recipe: None for the float file. accuracy: 0..1, of the file on the validation
    images. size: bytes.
    """

    what: str
    recipe: Any
    path: Path
    accuracy: float
    size: int


@dataclass(frozen=True)
class Outcome:
    """candidates: the float file, the file as it is, then what was tried, in order.

    milliseconds: the median of each, measured in turns. drops: points lost. chosen: the index of
    the one that is enough, or of the best. delivery: the chosen one as a verified artifact; None
    where nothing was enough.
    """

    candidates: tuple
    milliseconds: tuple
    drops: tuple
    chosen: int
    delivery: Delivery | None


class Fixer:
    """Tries fixes for one file.

    Args:
        case: an opened `Case`; its subject has a metric and targets.
        images: for the analysis that ranks layers.
        say: a function that is told, in words, what is going on.

    Raises:
        UserError: a subject that nothing can be measured on.
    """

    def __init__(self, case: Case, *, images: int, say: Callable[[str], None]) -> None:
        self.case, self.subject, self.images, self.say = case, case.subject, images, say
        self.before = self.subject.figure(self.subject.outputs)
        if self.before is None or self.subject.calibration is None:
            raise UserError(
                f"{case.path}: --fix measures what helps, which takes labels; give them beside "
                "the images, as an array 'labels' of --images FILE.npz"
            )
        stages = case.recipe.model_copy(update={"quantization": None})
        self.base = unrounded(case.reference.model) if stages.compresses else self.subject.model
        self.calibration, self.metric = self.subject.calibration, required(self.subject.metric)
        self.quantization = required(case.recipe.quantization)
        self.candidates: list[Candidate] = []

    def fix(self, *, train: bool = False) -> Outcome:
        """Tries the fixes in order; stops where one loses no more than the recipe allows.

        train: whether quantization-aware training is tried too, last.

        Returns:
            An `Outcome`.
        """
        with tempfile.TemporaryDirectory() as folder:
            self.folder = Path(folder)
            self._try("the float network", None, self.subject.model)
            self._try("int8 as it is", self.case.recipe, self.case.reference.model)
            steps = [self._calibrations, self._equalizations, self._float_layers, self._int16]
            for step in [*steps, self._training] if train else steps:
                if self._enough(self._best()):
                    break
                step()
            times = [t.median for t in benchmark([c.path for c in self.candidates])]
            best = self._best()
            tried = best is not self.candidates[1]
            delivery = self._deliver(best) if tried and self._enough(best) else None
            return Outcome(
                tuple(self.candidates),
                tuple(times),
                tuple(map(self._drop, self.candidates)),
                self.candidates.index(best),
                delivery,
            )

    def _drop(self, candidate):
        return self.metric.lost(required(self.before), candidate.accuracy)

    def _enough(self, candidate):
        return self._drop(candidate) <= self.case.recipe.max_drop

    def _best(self):
        return min(self.candidates[1:], key=self._drop)

    def _quantization(self, **changes):
        """The quantization of the file without its training, changed."""
        own = self.quantization
        fields = {"method": "static", "per_channel": own.per_channel, "exclude": own.exclude}
        return Quantization(**{**fields, "calibration": self._calibration(), **changes})

    def _calibration(self, **changes):
        return required(self.quantization.calibration).model_copy(update=changes)

    def _recipe(self, quantization):
        recipe = self.case.recipe
        changed = recipe.model_copy(update={"quantization": quantization})
        artifact = f"{recipe.artifact.removesuffix('_fixed')}_fixed"
        return changed.model_copy(update={"name": recipe_name(changed), "artifact": artifact})

    def _static(self, what, quantization):
        self.say(what)
        model = self._simulated(quantization)
        settle_biases(model)
        self._try(what, self._recipe(quantization), model)

    def _simulated(self, quantization):
        subject = self.subject
        return simulated(self.base, quantization, self.calibration, subject.pixels)

    def _try(self, what, recipe, model):
        kind, options = self.case.kind, {}
        if recipe is not None and recipe.method == "int16x8":
            wanted = recipe.quantization.calibration
            samples = self.calibration(wanted.images, wanted.seed)
            options = {"method": "int16x8", "samples": samples}
        path = self.folder / f"{len(self.candidates)}.{kind}"
        path.write_bytes(convert(model, kind, pixels=self.subject.pixels, **options))
        taken = Reference(self.subject, model)
        with Artifact(path) as artifact:
            found = artifact.run(taken.as_taken(artifact.inputs))
            values = [in_values(y, end) for y, end in zip(found, artifact.outputs, strict=True)]
        reached = required(self.subject.figure(values))
        self.candidates.append(Candidate(what, recipe, path, reached, path.stat().st_size))

    def _calibrations(self):
        own = required(self.quantization.calibration).images
        count = len(self.calibration(MORE * own, 0))
        for ranges, words in (
            ("extremes", "extremes"),
            ("percentile", "99.99 % of the values"),
            ("least_squares", "least squared error"),
        ):
            calibration = self._calibration(images=count, ranges=ranges)
            self._static(f"{words}, {count} images", self._quantization(calibration=calibration))

    def _equalizations(self):
        shared = self.case.recipe.clustering is not None
        words = "corrected biases" if shared else "equalized, corrected biases"
        for ranges in ("extremes", "least_squares"):
            quantization = self._quantization(
                equalize=not shared,
                correct_biases=True,
                calibration=self._calibration(ranges=ranges),
            )
            suffix = "" if ranges == "extremes" else ", least squared error"
            self._static(words + suffix, quantization)

    def _float_layers(self):
        """The worst layers of the best candidate so far, in doubling numbers, up to a half."""
        best = self._best()
        quantization = best.recipe.quantization
        if quantization.method != "static":
            quantization = self._quantization()
        model = self._simulated(quantization)
        self.say("which layers are worst")
        sample, meaning = self.case.sample(self.images), self.case.meaning
        worst = analyse(model, sample, meaning, negligible=2.0).layers
        own = {node.operation.name for node in nodes(canonical(self.base))}
        heavy = [layer for layer in worst if layer.name in own and "Rescaling" not in layer.kind]
        count = 1
        while count <= len(heavy) // 2:
            names = [name for layer in heavy[:count] for name in _to_leave(layer) if name in own]
            exclude = tuple(dict.fromkeys((*quantization.exclude, *names)))
            self._static(
                f"also {_listed([layer.name for layer in heavy[:count]])} float",
                quantization.model_copy(update={"exclude": exclude}),
            )
            if self._enough(self.candidates[-1]):
                return
            count *= 2

    def _int16(self):
        if self.case.kind != "tflite":
            return
        self.say("int16 activations")
        calibration = self._calibration(ranges="extremes")
        recipe = self._recipe(Quantization(method="int16x8", calibration=calibration))
        self._try("int16 activations", recipe, self.base)

    def _training(self):
        """Quantization-aware training, from the best ranges and channels so far."""
        best = min(
            (c for c in self.candidates[1:] if c.recipe.method in ("static", "qat")),
            key=self._drop,
        )
        trained = required(load_recipe("qat_wi8_ai8").quantization)
        fine_tune = required(self.quantization.fine_tune or trained.fine_tune)
        start = best.recipe.quantization.model_copy(
            update={"method": "qat", "fine_tune": fine_tune, "engine": "native"}
        )
        recipe = self._recipe(start)
        run, data = self.subject.run, self.subject.data
        self.say(
            f"training for int8, {fine_tune.epochs} epochs: about "
            f"{_duration(self._seconds_per_image() * len(data.train) * fine_tune.epochs)}"
        )
        with locked(run.path / recipe.name) as out:
            model = train_quantized(self.base, recipe, run, data, out / "quantization")
            keep(model, recipe, out)
        self._try(f"trained for int8, {fine_tune.epochs} epochs", recipe, model)

    def _seconds_per_image(self):
        """Of a training step, from a pass over some images."""
        model, batch = self.case.reference.model, self.subject.data.config.batch_size
        images = [x[: 4 * batch] for x in self.subject.samples.inputs]
        predictions(model, images)  # compiles
        start = time.perf_counter()
        predictions(model, images)
        return BACKWARD * (time.perf_counter() - start) / len(images[0])

    def _deliver(self, candidate):
        subject, recipe = self.subject, candidate.recipe
        name = f"{subject.stem}_{recipe.artifact}.{self.case.kind}"
        if subject.run is not None:
            self._keep_recipe(recipe)
        remove_metadata_and_card(subject.folder / name)  # an earlier --fix gives way
        (delivery,) = attempt(subject, [self.case.kind], recipe=recipe)
        return delivery

    def _keep_recipe(self, recipe):
        """Leaves the recipe in the folder of the run, with what its stages trained before."""
        run = self.subject.run
        out = writable_folder(run.path / recipe.name)
        write_text(out / "recipe.yaml", dump(recipe))
        if recipe.compresses and recipe.method != "qat":
            keep(self.base, recipe, out)
            for stage in STAGES:
                history = run.path / self.case.recipe.name / stage / "history.csv"
                if history.exists():
                    shutil.copy(history, writable_folder(out / stage))


def _to_leave(layer):
    """What has to be float for a layer to lose nothing, by names.

    Rounded outputs are lost on whoever takes them in int8, so the consumers are left float too.
    """
    if layer.activations_share > layer.weights_share:
        return (*layer.layers, *layer.consumers)
    return (layer.name,)


def _listed(names):
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _duration(seconds):
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"
