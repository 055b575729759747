"""Where a training runs: on one device, on all of this machine, or on those of several workers.

The engines are TensorFlow's MirroredStrategy and keras.distribution on JAX; the loop stays Keras'
`fit`. Every device takes an equal part of each batch, so that the result is that of one device
with the whole batch: the batch of a config is what all devices take together.

Only the first worker reads and writes a run's folder; the others have their files from it.
"""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascnn.data.sharding import evaluation_batches
from kerascnn.errors import UserError
from kerascnn.models.graph import all_layers
from kerascnn.workers import lost


@dataclass(frozen=True)
class Placement:
    """The devices of a training, and which of its workers this process is.

    engine: "none", "mirrored" or "data_parallel". devices: of all workers together. kind: of
    device, as "GPU". strategy: the object of TensorFlow or Keras that makes it so.
    """

    engine: str = "none"
    devices: int = 1
    kind: str = ""
    worker: int = 0
    workers: int = 1
    strategy: Any = None

    @property
    def writes(self) -> bool:
        """Whether this worker is the one that writes the run."""
        return self.worker == 0

    @property
    def part(self) -> tuple[int, int]:
        """(which part of each batch this worker loads, of how many)."""
        return self.worker, self.workers

    def described(self) -> str:
        """Where it runs and what follows for the normalization, in a line."""
        where = f"{self.devices} {self.kind} devices"
        if self.workers > 1:
            where += f" of {self.workers} workers, here worker {self.worker}"
        return f"{where} ({self.engine}); batch normalization over the batch of all devices"

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Inside, models are built and trained on these devices."""
        if self.engine == "mirrored":
            with self.strategy.scope():
                yield
        elif self.engine == "data_parallel":
            with _distribution(self.strategy):
                yield
        else:
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Inside, this worker may make variables, as saving does, without the others."""
        with _distribution(None) if self.workers > 1 else contextlib.nullcontext():
            yield

    def prepare(self, model: keras.Model) -> None:
        """Lets every BatchNormalization of a model normalize over the batch of all devices.

        On JAX it does so by itself; plain, MirroredStrategy would normalize each part by itself.
        """
        if self.engine != "mirrored":
            return
        for layer in all_layers(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True

    def check(self, images: int, batch: int) -> None:
        """UserError where a batch of `images` training images has no equal part for each device."""
        size = min(images, batch)
        if size % self.devices:
            fits = max(self.devices, size - size % self.devices)
            raise UserError(
                f"data.batch_size: {size} images have no equal parts for {self.devices} devices; "
                f"take {fits} or {fits + self.devices}"
            )

    def validation(self, data: Any) -> Any:
        """Batches of this worker's part of the validation images, as `fit` takes them."""
        if self.engine == "none":
            return data.batches(data.validation)
        return evaluation_batches(data, data.validation, self.devices, self.part)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Ends when all workers are done with the block; one that fails stops the others."""
        error = None
        try:
            yield
        except UserError as raised:
            error = raised
        if self.workers > 1:
            failed = self._gathered(np.int32(error is not None))
            if error is None and failed.any():
                raise UserError(
                    f"worker {self.worker} of {self.workers} stops with worker "
                    f"{int(failed.argmax())}, whose own line says why"
                )
        if error:
            raise error

    @contextlib.contextmanager
    def files(self, *paths: Path) -> Iterator[tuple[Path, ...]]:
        """Yields paths of the same files as the first worker has; one that it lacks is missing."""
        if self.workers == 1:
            yield paths
            return
        with tempfile.TemporaryDirectory() as folder:
            copies = tuple(Path(folder) / path.name for path in paths)
            for path, copy in zip(paths, copies, strict=True):
                content = self._sent(path.read_bytes() if self.writes and path.exists() else None)
                if content is not None:
                    copy.write_bytes(content)
            yield paths if self.writes else copies

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Makes a UserError of what is raised when a worker is lost."""
        try:
            yield
        except Exception as error:
            if self.workers == 1 or not _is_loss(error):
                raise
            raise UserError(lost(self.worker, self.workers)) from None

    def _gathered(self, value):
        from jax.experimental import multihost_utils

        with self.watched():
            return np.asarray(multihost_utils.process_allgather(value))

    def _sent(self, content):
        """The bytes that the first worker gives; None where it gives None."""
        from jax.experimental import multihost_utils

        with self.watched():
            size = -1 if content is None else len(content)
            size = int(multihost_utils.broadcast_one_to_all(np.int64(size)))
            if size < 0:
                return None
            data = np.zeros(size, np.uint8) if content is None else np.frombuffer(content, np.uint8)
            return np.asarray(multihost_utils.broadcast_one_to_all(data)).tobytes()


ONE_DEVICE = Placement()


@contextlib.contextmanager
def _distribution(strategy):
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(strategy)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def _is_loss(error):
    told = r"gloo|nccl|coordination|heartbeat|connection (closed|reset|refused)|socket closed"
    return re.search(told, f"{type(error).__name__}: {error}", re.IGNORECASE) is not None
