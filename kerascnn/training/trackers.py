"""MLflow and Weights & Biases, where a config names them: its figures, epoch by epoch."""

from collections.abc import Sequence
from importlib import import_module, util
from pathlib import Path
from typing import Any

import keras

from kerascnn.config import Config, flat
from kerascnn.errors import UserError
from kerascnn.files import read_json, write_json

PROJECT = "kerascnn"
IDENTITIES = "trackers.json"  # in a run folder: how each tracker calls the run


def check_trackers(names: Sequence[str]) -> None:
    """UserError for a tracker that is not installed."""
    for name in names:
        if util.find_spec(name) is None:
            raise UserError(
                f"training.trackers: {name} is not installed; pip install {name}, or leave it out"
            )


def tracker(name: str, config: Config, out: Path) -> keras.callbacks.Callback:
    """The callback that tells a tracker of the run in `out`, or goes on with what it knows of it.

    The address of a server, keys and the like are the tracker's own: its environment variables
    and files. Experiment or project is "kerascnn", unless these say otherwise.
    """
    return TRACKERS[name](config, out)


class _Tracker(keras.callbacks.Callback):
    """A callback that knows how its tracker calls the run, and tells the logs of each epoch."""

    name: str

    def __init__(self, config, out):
        super().__init__()
        self.module: Any = import_module(self.name)
        self.config, self.out = flat(config.model_dump(mode="json")), out

    def _identity(self):
        path = self.out / IDENTITIES
        return read_json(path).get(self.name) if path.exists() else None

    def _keep(self, identity):
        path = self.out / IDENTITIES
        known = read_json(path) if path.exists() else {}
        write_json(path, {**known, self.name: identity})

    def _figures(self, logs):
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        return {**{k: float(v) for k, v in (logs or {}).items()}, "learning_rate": rate}


class MLflowTracker(_Tracker):
    """A run of MLflow: the config as parameters, the figures as metrics."""

    name = "mlflow"

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        identity = self._identity()
        if identity is None:
            import os

            if "MLFLOW_EXPERIMENT_NAME" not in os.environ:
                self.module.set_experiment(PROJECT)
            self._keep(self.module.start_run(run_name=self.out.name).info.run_id)
            self.module.log_params(self.config)
        else:
            self.module.start_run(run_id=identity)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.module.log_metrics(self._figures(logs), step=epoch + 1)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.module.end_run()


class WandbTracker(_Tracker):
    """A run of Weights & Biases: the config, and the figures by epoch."""

    name = "wandb"

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        import os

        self.run = self.module.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=self.out.name,
            dir=str(self.out),
            config=self.config,
            id=self._identity(),
            resume="allow",
        )
        self._keep(self.run.id)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.run.log(self._figures(logs), step=epoch + 1)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.run.finish()


TRACKERS = {tracker.name: tracker for tracker in (MLflowTracker, WandbTracker)}
