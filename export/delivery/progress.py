"""How far a compression has come: a stage that is finished is not trained again.

RUN/RECIPE/progress.json   what the work in the folder belongs to, and the result once it is there
RUN/RECIPE/STAGE/          model.keras once the stage is finished; checkpoints/ to go on from
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import keras

from kerascnn.config import dump
from kerascnn.console import console
from kerascnn.errors import UserError
from kerascnn.files import read_json, replacing, write_json
from kerascnn.training import Run, load_finite

from ..recipes.recipe import Recipe

RECORD = "progress.json"
STAGES = ("slimming", "narrowing", "channels", "pruning", "clustering", "quantization")


class Progress:
    """The work on one recipe in one folder, which the caller has locked.

    Work that belongs to another recipe, another model or another config of the run is begun anew.

    Args:
        run, recipe: a `Run` and a `Recipe`. out: the folder of the compressed model.
    """

    def __init__(self, run: Run, recipe: Recipe, out: Path) -> None:
        self.out, self.seed = out, run.config.training.seed
        self.record = {
            "recipe": dump(recipe),
            "config": dump(run.config),
            "model": digest(run.path / "model.keras"),
            "keras": keras.__version__,
        }
        before = self._before()
        self.result = before.pop("result", None)
        if before == self.record:
            return
        if before or any((out / stage).exists() for stage in STAGES):
            console.print(f"  {out}: holds work on another recipe or model; begins anew")
        self.result = None
        (out / RECORD).unlink(missing_ok=True)  # first: what it vouches for goes now
        for stage in STAGES:
            for name in ("model.keras", "checkpoints/last.keras"):
                (out / stage / name).unlink(missing_ok=True)
        write_json(out / RECORD, self.record)

    def _before(self):
        try:
            return read_json(self.out / RECORD)
        except UserError:  # none yet, or none that can be read
            return {}

    def finished(self) -> keras.Model | None:
        """The compressed model, if all is done and it is still the one that was kept."""
        path = self.out / "model.keras"
        if self.result is None or not path.exists() or digest(path) != self.result:
            return None
        console.print(f"  {self.out}: all stages are done")
        return load_finite(path)

    def finish(self) -> None:
        """Records that model.keras is the result."""
        write_json(self.out / RECORD, {**self.record, "result": digest(self.out / "model.keras")})

    def stage(self, name: str, make: Callable[[Path], keras.Model]) -> keras.Model:
        """The model of a stage: loaded if it is finished, else what `make` gives for its folder."""
        path = self.out / name / "model.keras"
        if path.exists():
            console.print(f"  {path.parent}: is done")
        else:
            self.draw_anew()
            model = make(path.parent)
            with replacing(path) as temporary:
                model.save(temporary)
        self.draw_anew()
        return load_finite(path)

    def draw_anew(self) -> None:
        """Makes what is drawn at random from here on independent of what was before.

        A dropout draws the start of its random numbers when it is built, and when it is loaded.
        """
        keras.utils.set_random_seed(self.seed)


def digest(path: Path | str) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
