"""Who trains together: processes on several machines, as options or a launcher's variables say.

Each process is a worker, numbered from 0. The first one waits for the others at its HOST:PORT.
Nothing here imports Keras: a worker is known before anything else is.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerascnn.errors import UserError

PORT = 8476  # where a launcher names hosts alone
KUBERNETES_INDEX = "JOB_COMPLETION_INDEX"  # of a pod, in an indexed Job
AGAIN = "start every worker again with --resume"
_SLURM = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID")
_OPEN_MPI = ("OMPI_MCA_orte_hnp_uri", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK")
_RANKS = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK")


@dataclass(frozen=True)
class Workers:
    """The workers of a training, and which of them this process is.

    count: of workers. index: of this one, from 0. first: HOST:PORT of worker 0, or None where
    JAX finds it by itself (Slurm, Open MPI). device: the one device of its machine that this
    worker takes; None for all of them. source: what told all this, in a few words.
    """

    count: int
    index: int
    first: str | None
    device: int | None = None
    source: str = "--workers"


def lost(index: int, count: int) -> str:
    """What a worker says when it lost another one."""
    return (
        f"worker {index} of {count} stops: another worker has ended, or cannot be reached; its "
        f"own last line says why; {AGAIN}"
    )


def workers_of(
    addresses: str | None, index: int | None, environment: Mapping[str, str] = os.environ
) -> Workers | None:
    """The workers that `--workers` and `--worker` name, else those of a launcher's variables.

    Args:
        addresses: HOST:PORT of every worker, separated by commas, the same text for all of them.
        index: which of these this process is, from 0; by default what Kubernetes numbers the pods
            of an indexed Job by.
        environment: the variables.

    Returns:
        None where nothing speaks of more than one process.

    Raises:
        UserError: an address without a port, or one that occurs twice; no index, or one too large.
    """
    if addresses is None:
        if index is not None:
            raise UserError("--worker says which one of --workers HOST:PORT,... this is: give both")
        return _launched(environment)
    hosts = [part.strip() for part in addresses.split(",")]
    for host in hosts:
        if not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^\s:\[\]]+):\d{1,5}", host):
            raise UserError(f"--workers: expected HOST:PORT,HOST:PORT,..., got {host!r}")
    if twice := next((host for host in hosts if hosts.count(host) > 1), None):
        raise UserError(f"--workers: {twice} stands there twice; each worker has its own address")
    if index is None:
        if KUBERNETES_INDEX not in environment:
            raise UserError(
                f"--workers names {len(hosts)}: say which one this is, "
                f"--worker 0 to {len(hosts) - 1}"
            )
        index = _number(environment, KUBERNETES_INDEX)
    if not 0 <= index < len(hosts):
        raise UserError(
            f"--worker: expected 0 to {len(hosts) - 1} for the {len(hosts)} of --workers, "
            f"got {index}"
        )
    return Workers(len(hosts), index, hosts[0]) if len(hosts) > 1 else None


def _launched(environment):
    """What the variables of a launcher say; None where there is none, or one process alone."""
    found = None
    if "TF_CONFIG" in environment:
        found = _tf_config(environment)
    elif all(name in environment for name in _RANKS):
        found = _ranks(environment)
    elif "SM_HOSTS" in environment and "SM_CURRENT_HOST" in environment:
        found = _sagemaker(environment)
    elif all(name in environment for name in _SLURM):
        found = _self_detected(environment, "SLURM_NTASKS", "SLURM_PROCID", "Slurm")
    elif all(name in environment for name in _OPEN_MPI):
        found = _self_detected(environment, *_OPEN_MPI[1:], "Open MPI")
    return found if found and found.count > 1 else None


def _tf_config(environment):
    """TF_CONFIG, as Vertex AI, Azure ML and Kubeflow's TFJob set it: a cluster and one's task."""
    tree = _json(environment, "TF_CONFIG", dict)
    cluster, task = tree.get("cluster") or {}, tree.get("task") or {}
    try:
        named = [
            (kind, i) for kind in ("chief", "worker") for i in range(len(cluster.get(kind, ())))
        ]
        hosts = [str(cluster[kind][i]) for kind, i in named]
        own: Any = task.get("type"), int(task.get("index", 0))
    except (TypeError, ValueError, AttributeError, KeyError):
        raise UserError("TF_CONFIG: expected a cluster of lists of HOST:PORT, and a task") from None
    if not hosts:
        return None
    if own not in named:
        raise UserError(
            f"TF_CONFIG: this task, {own[0]} {own[1]}, is no chief or worker of its cluster; "
            "start kerascnn train in those alone"
        )
    return Workers(len(hosts), named.index(own), hosts[0], source="TF_CONFIG")


def _ranks(environment):
    """MASTER_ADDR and the rest, as Azure ML, Kubeflow's PyTorchJob and torchrun set them."""
    first = f"{environment['MASTER_ADDR']}:{_number(environment, 'MASTER_PORT')}"
    device = _number(environment, "LOCAL_RANK") if "LOCAL_RANK" in environment else None
    count, index = (_number(environment, name) for name in ("WORLD_SIZE", "RANK"))
    return _fitting(Workers(count, index, first, device, source="RANK and WORLD_SIZE"))


def _sagemaker(environment):
    hosts, own = _json(environment, "SM_HOSTS", list), environment["SM_CURRENT_HOST"]
    if own not in hosts:
        raise UserError(f"SM_CURRENT_HOST is {own!r}, which is none of SM_HOSTS")
    return Workers(len(hosts), hosts.index(own), f"{hosts[0]}:{PORT}", source="SM_HOSTS")


def _self_detected(environment, count, index, name):
    return _fitting(
        Workers(_number(environment, count), _number(environment, index), None, source=name)
    )


def _fitting(workers):
    if not 0 <= workers.index < workers.count:
        raise UserError(
            f"{workers.source}: worker {workers.index} of {workers.count} cannot be; "
            "workers are numbered from 0"
        )
    return workers


def _number(environment, name):
    try:
        return int(environment[name])
    except ValueError:
        raise UserError(f"{name}: expected a number, got {environment[name][:80]!r}") from None


def _json(environment, name, kind) -> Any:
    try:
        value = json.loads(environment[name])
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, kind):
        raise UserError(f"{name}: expected a JSON {kind.__name__}, got {environment[name][:80]!r}")
    return value
