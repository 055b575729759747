"""How a training comes to its devices: the engines, and the connection between several workers."""

import functools
from typing import Any

import keras
import numpy as np

from kerascnn.console import muted
from kerascnn.errors import UserError
from kerascnn.training.placement import ONE_DEVICE, Placement
from kerascnn.workers import Workers

ARRIVAL = 300  # seconds that the workers wait for each other in the beginning
SILENCE = 60  # seconds after which a worker that sends nothing counts as gone
LEAVING = 5  # seconds that a worker waits for the others when it ends


def place(choice: str) -> Placement:
    """The placement that `training.distribute` asks for on this backend and these devices.

    Args:
        choice: "none", "auto", "mirrored" or "data_parallel".

    Raises:
        UserError: an engine that the backend has not.
    """
    backend = keras.config.backend()
    if choice == "none":
        return ONE_DEVICE
    if choice == "auto":
        choice = {"tensorflow": "mirrored", "jax": "data_parallel"}.get(backend, "none")
        return _placed(choice, only_accelerators=True)
    needed = {"mirrored": "tensorflow", "data_parallel": "jax"}[choice]
    if backend != needed:
        other = {"tensorflow": "mirrored", "jax": "data_parallel"}.get(backend)
        way_out = f", or training.distribute={other}" if other else ""
        raise UserError(
            f"training.distribute: {choice} needs --backend {needed}, this is {backend}; "
            f"give that{way_out}"
        )
    return _placed(choice, only_accelerators=False)


def _placed(engine, *, only_accelerators):
    if engine == "mirrored":
        import tensorflow as tf

        devices = tf.config.list_logical_devices("GPU")
        if not devices and not only_accelerators:
            devices = tf.config.list_logical_devices("CPU")
        if len(devices) < 2:
            return ONE_DEVICE
        strategy = _mirrored(tuple(device.name for device in devices))
        return Placement(engine, len(devices), devices[0].device_type, strategy=strategy)
    if engine == "data_parallel":
        import jax

        if jax.device_count() < 2:
            return ONE_DEVICE
        return Placement(
            engine,
            jax.device_count(),
            jax.devices()[0].platform.upper(),
            jax.process_index(),
            jax.process_count(),
            keras.distribution.DataParallel(auto_shard_dataset=False),
        )
    return ONE_DEVICE


@functools.cache
def _mirrored(devices):
    """One strategy for these devices: sums of a second one would be mixed up with the first's."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)


def connect(workers: Workers | None) -> None:
    """Connects this process with the other workers; before anything has asked for a device.

    Waits until all are there, five minutes at most.
    """
    if workers is None:
        return
    import jax
    from jax.experimental import multihost_utils

    common: dict[str, Any] = {
        "initialization_timeout": ARRIVAL,
        "heartbeat_timeout_seconds": SILENCE,
        "shutdown_timeout_seconds": LEAVING,
    }
    if workers.first is not None:
        common |= {
            "coordinator_address": workers.first,
            "num_processes": workers.count,
            "process_id": workers.index,
            "local_device_ids": workers.device,
            "cluster_detection_method": "deactivate",
        }
    # Its preemption service would take SIGTERM, and leave the worker running.
    jax.config.update("jax_enable_preemption_service", False)
    jax.distributed.initialize(**common)
    with muted(1):  # gloo greets on standard output when it is first used
        multihost_utils.process_allgather(np.int32(workers.index))
