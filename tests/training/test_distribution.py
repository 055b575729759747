"""Training on more than one device: the result is that of one device with the whole batch."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import kerascnn.config as configs
from kerascnn.data import load_data
from kerascnn.data.sharding import parts_of
from kerascnn.errors import UserError
from kerascnn.training import open_run, train
from kerascnn.training.distribution import place
from kerascnn.training.placement import Placement
from kerascnn.workers import Workers, workers_of

LENET = "configs/digits/lenet5.yaml"
# 512 and 258 images: the last batch of validation is a small one, and has no equal parts.
SMALL = (
    "model.name=resnet8",  # it has batch normalization
    "data.size=[8, 8]",
    "data.train=[flip, {pad_crop: 1}]",
    "data.validation=0.2",
    "data.batch_size=64",
    "optimizer.schedule={name: constant, peak: 0.0001}",  # larger ones multiply rounding errors
)
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": ".",
    "PYTHONUNBUFFERED": "1",
    # A step runs some ten times: most of the time of JAX would go into making that fast.
    "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
}


def command(out, *arguments, epochs=2):
    verb = ["train", LENET, "--out", str(out), f"training.epochs={epochs}", *SMALL, *arguments]
    return [sys.executable, "-m", "kerascnn", *verb]


def rows(run):
    with (Path(run) / "history.csv").open() as file:
        return [
            {k: float(v) for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)
        ]


def free_ports(count):
    """Addresses on this machine where nothing listens."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in held]
    for s in held:
        s.close()
    return addresses


def start_workers(out, *arguments, **options):
    """Starts two; the second one is told another folder, where it has nothing to write."""
    team = ",".join(free_ports(2))
    return [
        subprocess.Popen(
            [
                *command(folder, "--backend=jax", "--workers", team, *arguments, **options),
                f"--worker={i}",
            ],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i, folder in enumerate((out, f"{out}_of_worker_1"))
    ]


def ended(processes, timeout=300):
    """(exit code, standard output, standard error) of each."""
    said = [process.communicate(timeout=timeout) for process in processes]
    return [(p.returncode, *texts) for p, texts in zip(processes, said, strict=True)]


def close(mine, other, tolerance):
    assert len(mine) == len(other)
    for one, two in zip(mine, other, strict=True):
        assert one == pytest.approx(two, abs=tolerance)


MIRRORED = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from kerascnn.__main__ import main
main()
"""


def test_two_devices_of_one_machine_give_the_loss_of_one(kerascnn, tmp_path):
    one = tmp_path / "one"
    code, _, err = kerascnn(*command(one, epochs=1)[3:])
    assert code == 0, err
    two = tmp_path / "two"
    arguments = command(two, "training.distribute=mirrored", epochs=1)[3:]
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED, *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = "2 CPU devices (mirrored); batch normalization over the batch of all devices"
    assert said in done.stdout
    # Sums in another order; a normalization of each half by itself is off by 1e-3.
    close(rows(two), rows(one), 1e-5)
    normalizations = [
        layer for layer in open_run(two).model().layers if hasattr(layer, "synchronized")
    ]
    assert normalizations and not any(layer.synchronized for layer in normalizations)


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """(a run of two workers, what they said)."""
    pytest.importorskip("jax")
    out = tmp_path_factory.mktemp("workers") / "run"
    said = ended(start_workers(out, epochs=3))
    assert [code for code, *_ in said] == [0, 0], said
    return out, said


def test_two_workers_give_the_weights_of_one_process(two_workers, tmp_path):
    one, two = tmp_path / "one", two_workers[0]
    subprocess.run(command(one, "--backend=jax", epochs=3), env=ENVIRONMENT, check=True)
    close(rows(two), rows(one), 1e-5)
    weights = [open_run(run).model().get_weights() for run in (one, two)]
    for mine, other in zip(*weights, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-4)  # 48 steps of sums in another order


def test_the_first_worker_alone_writes(two_workers):
    two, said = two_workers
    assert not Path(f"{two}_of_worker_1").exists()
    outs = [out for _, out, _ in said]
    assert "epoch 3/3" in outs[0] and "epoch" not in outs[1]
    assert "2 CPU devices of 2 workers, here worker 1 (data_parallel); batch norm" in outs[1]
    assert [err for *_, err in said] == ["", ""]


@pytest.mark.full
@pytest.mark.parametrize(("victim", "number"), [(1, signal.SIGKILL), (0, signal.SIGTERM)])
def test_a_killed_worker_stops_the_others_and_the_job_goes_on_later(
    two_workers, tmp_path, victim, number
):
    out = tmp_path / "killed"
    processes = start_workers(out, epochs=3)
    first_epoch = out / "checkpoints" / "last.keras"  # its row in history.csv comes before
    deadline = time.monotonic() + 300
    while not first_epoch.exists():
        assert all(p.poll() is None for p in processes) and time.monotonic() < deadline
        time.sleep(0.01)
    processes[victim].send_signal(number)
    other = 1 - victim
    said = ended(processes)
    if number == signal.SIGTERM:
        assert said[victim][0] == 128 + number
        assert f"worker {victim} of 2 was ended by SIGTERM; start every" in said[victim][2]
    code, _, err = said[other]
    assert code == 2 and len(err.splitlines()) == 1, err
    assert err.startswith(f"kerascnn: worker {other} of 2 stops: another worker has ended")
    assert "start every worker again with --resume" in err
    assert not (out / "run.json").exists()
    said = ended(start_workers(out, "--resume", epochs=3))
    assert [code for code, *_ in said] == [0, 0], said
    assert "epoch 1/3" not in said[0][1]
    assert rows(out) == rows(two_workers[0])


@pytest.mark.full
def test_a_mistake_of_one_worker_stops_all(tmp_path):
    pytest.importorskip("jax")
    out = tmp_path / "run"
    out.mkdir()
    (out / "history.csv").write_text("epoch\n")
    said = ended(start_workers(out))
    assert [code for code, *_ in said] == [2, 2]
    assert "holds a run already; give another --out" in said[0][2]
    assert "worker 1 of 2 stops with worker 0, whose own line says why" in said[1][2]
    assert all(len(err.splitlines()) == 1 for *_, err in said)


def test_the_parts_of_a_batch_are_the_batch():
    """Augmented as they would be in the whole one."""
    config = configs.load(LENET, [*SMALL])
    data = load_data(config.data)
    asked = {"seed": 3, "steps": 2, "first_step": 5}
    whole = list(data.training_batches(**asked))
    parts = [list(data.training_batches(**asked, part=(i, 4))) for i in range(4)]
    for step, batch in enumerate(whole):
        for kind in (0, 1):
            joined = np.concatenate([part[step][kind].numpy() for part in parts])
            np.testing.assert_array_equal(joined, batch[kind].numpy())


@pytest.mark.parametrize(
    ("count", "batch", "devices", "workers"),
    [(100, 32, 4, 2), (97, 32, 8, 8), (64, 32, 2, 1), (3, 32, 4, 4), (1, 16, 8, 2), (33, 32, 2, 2)],
)
def test_validation_images_are_shared_out_without_overlap(count, batch, devices, workers):
    parts = [parts_of(count, batch, devices, (i, workers)) for i in range(workers)]
    assert len({len(indices) for indices, _ in parts}) == 1  # every worker makes as many steps
    assert len(parts[0][0]) * workers % devices == 0
    counted = np.concatenate([indices[weights > 0] for indices, weights in parts])
    assert sorted(counted) == list(range(count))
    weights = np.concatenate([weights for _, weights in parts])
    assert weights.sum() == pytest.approx(len(weights))  # so that means over all are exact


def test_a_batch_without_equal_parts_is_refused():
    with pytest.raises(UserError, match="100 images have no equal parts for 8 devices; take 96 or"):
        Placement(devices=8).check(5000, 100)
    with pytest.raises(UserError, match="3 images have no equal parts for 8 devices; take 8 or 16"):
        Placement(devices=8).check(3, 100)
    Placement(devices=8).check(5000, 96)


def test_one_device_goes_on_with_a_run_of_many(tmp_path):
    def asked(epochs, distribute):
        epochs = f"training.epochs={epochs}"
        mlp = "model={name: mlp_128}"
        return configs.load(LENET, [*SMALL, mlp, epochs, f"training.distribute={distribute}"])

    run = train(asked(1, "auto"), tmp_path / "run")
    assert len(train(asked(2, "none"), run.path, resume=True).history) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--workers=a:1,b:2"], "say which one this is, --worker 0 to 1"),
        (["--workers=a:1,b:2", "--worker=2"], "expected 0 to 1 for the 2 of --workers, got 2"),
        (["--workers=a:1,a:1", "--worker=0"], "a:1 stands there twice"),
        (["--workers=a,b", "--worker=0"], "expected HOST:PORT,HOST:PORT,..., got 'a'"),
        (["--worker=0"], "give both"),
        (
            ["--workers=a:1,b:2", "--worker=0"],
            "2 workers train on JAX alone: TensorFlow's MultiWorkerMirroredStrategy fails inside "
            "Keras 3.15 (keras issue 20585); add --backend jax",
        ),
        (["--backend=jax"], "Keras runs on tensorflow in this process already"),
        (["training.distribute=data_parallel"], "data_parallel needs --backend jax"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(kerascnn, tmp_path, arguments, told):
    code, _, err = kerascnn("train", LENET, "--out", tmp_path / "run", *arguments)
    assert code == 2 and len(err.splitlines()) == 1, err
    assert told in err
    assert not (tmp_path / "run").exists()


KUBERNETES = {"JOB_COMPLETION_INDEX": "1"}
CLUSTER = {"chief": ["h0:2222"], "worker": ["h1:2222", "h2:2222"]}
TF_CONFIG = {"TF_CONFIG": json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": 1}})}
RANKS = {"MASTER_ADDR": "h0", "MASTER_PORT": "29500", "WORLD_SIZE": "8", "RANK": "5"}
SLURM = {
    "SLURM_JOB_ID": "7",
    "SLURM_STEP_NODELIST": "node[003-004]",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
}


@pytest.mark.parametrize(
    ("addresses", "environment", "expected"),
    [
        ("a:1,b:2", KUBERNETES, Workers(2, 1, "a:1")),
        ("[::1]:1,b:2", KUBERNETES, Workers(2, 1, "[::1]:1")),
        (None, KUBERNETES, None),
        (None, TF_CONFIG, Workers(3, 2, "h0:2222", source="TF_CONFIG")),
        (None, RANKS, Workers(8, 5, "h0:29500", source="RANK and WORLD_SIZE")),
        (
            None,
            {**RANKS, "LOCAL_RANK": "1"},
            Workers(8, 5, "h0:29500", 1, source="RANK and WORLD_SIZE"),
        ),
        (
            None,
            {"SM_HOSTS": '["algo-1", "algo-2"]', "SM_CURRENT_HOST": "algo-2"},
            Workers(2, 1, "algo-1:8476", source="SM_HOSTS"),
        ),
        (None, SLURM, Workers(4, 3, None, source="Slurm")),
        (None, {"SLURM_NTASKS": "4", "SLURM_PROCID": "0"}, None),  # a batch script, outside srun
        (None, {**RANKS, "WORLD_SIZE": "1", "RANK": "0"}, None),
        (None, {}, None),
    ],
)
def test_launchers_say_who_the_workers_are(addresses, environment, expected):
    assert workers_of(addresses, None, environment) == expected


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"TF_CONFIG": "{"}, "TF_CONFIG: expected a JSON dict"),
        ({"TF_CONFIG": '{"cluster": {"worker": 3}}'}, "expected a cluster of lists"),
        (
            {"TF_CONFIG": json.dumps({"cluster": CLUSTER, "task": {"type": "ps", "index": 0}})},
            "this task, ps 0, is no chief or worker",
        ),
        ({**RANKS, "RANK": "8"}, "worker 8 of 8 cannot be"),
        ({**RANKS, "MASTER_PORT": "high"}, "MASTER_PORT: expected a number, got 'high'"),
        ({"SM_HOSTS": '["a"]', "SM_CURRENT_HOST": "b"}, "SM_CURRENT_HOST is 'b'"),
    ],
)
def test_variables_that_cannot_be_are_named(environment, told):
    with pytest.raises(UserError, match=told):
        workers_of(None, None, environment)


MULTI_WORKER = """
import json, os, sys
cluster = {"worker": sys.argv[1].split(",")}
task = {"type": "worker", "index": int(sys.argv[2])}
os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
import keras, numpy as np, tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
with strategy.scope():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
x, y = np.zeros((8, 4), "float32"), np.zeros((8, 2), "float32")
model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(4), verbose=0)
"""


@pytest.mark.full
def test_multi_worker_mirrored_strategy_still_fails_inside_keras():
    """When it does not, Keras has mended it: let several workers train on TensorFlow, too."""
    team = ",".join(free_ports(2))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MULTI_WORKER, team, str(i)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        for i in (0, 1)
    ]
    for code, _, err in ended(processes):
        assert code and "PerReplica" in err, "Keras has mended MultiWorkerMirroredStrategy"


def test_graphics_cards_train_in_mixed_precision_with_xla(tmp_path):
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("no graphics card here")
    for precision in ("mixed_bfloat16", "mixed_float16"):
        asked = [*SMALL, "training.epochs=3", "training.xla=true", "training.distribute=auto"]
        config = configs.load(LENET, [*asked, f"training.precision={precision}"])
        history = train(config, tmp_path / precision).history
        assert history[-1]["loss"] < history[0]["loss"]


def test_the_placement_is_one_device_where_there_is_one():
    assert place("none").engine == place("auto").engine == "none"
    assert place("auto").writes and place("auto").part == (0, 1)
