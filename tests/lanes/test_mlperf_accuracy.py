"""Files beside MLPerf Tiny's references: the same images, as each file takes them."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.mlperf_tiny import TASKS, Task, as_taken, performance_subset, rows_of, stimuli
from export.runtimes import Artifact
from kerascnn.errors import UserError

CIFAR = Path("~/datasets/cifar-10-batches-bin/test_batch.bin").expanduser()


def test_the_performance_subset_has_twenty_images_of_each_class():
    labels = np.arange(10_000) % 10
    places = performance_subset(labels)
    assert len(set(places.tolist())) == 200 and (np.bincount(labels[places]) == 20).all()
    assert (performance_subset(labels) == places).all()


def test_the_performance_subset_is_the_reference_s():
    """The first of perf_samples_idxs.npy in github.com/mlcommons/tiny."""
    if not CIFAR.exists():
        pytest.skip(f"no {CIFAR}")
    labels = np.frombuffer(CIFAR.read_bytes(), np.uint8).reshape(-1, 3073)[:, 0]
    assert performance_subset(labels)[:6].tolist() == [7657, 8959, 3596, 327, 2783, 6567]


@pytest.mark.parametrize(
    ("dtype", "taken"), [("uint8", [0, 200]), ("int8", [-128, 72]), ("float32", [0.0, 200.0])]
)
def test_pixels_come_as_a_file_takes_them(dtype, taken):
    found = as_taken(np.array([0, 200], np.uint8), {"dtype": dtype}, None)
    assert found.dtype == dtype and found.tolist() == taken


def test_features_are_rounded_anew_where_a_file_has_another_scale():
    features = np.array([-10, 0, 30], np.int8)
    end = {"dtype": "int8", "scale": 0.5, "zero_point": -2}
    assert as_taken(features, end, (0.5, -2)) is features
    assert as_taken(features, end, (0.25, 2)).tolist() == [-8, -3, 12]  # of -3, -0.5 and 7
    assert as_taken(features, {"dtype": "float32"}, (0.25, 2)).tolist() == [-3, -0.5, 7]


def test_stimuli_are_read_as_the_runner_has_them(tmp_path):
    for number in range(3):
        np.full(490, number - 1, np.int8).tofile(tmp_path / f"tst_{number}.bin")
    (tmp_path / "y_labels.csv").write_text("tst_2.bin,12,7\ntst_0.bin,12,2\n")
    samples, labels = stimuli(tmp_path, TASKS["kws01"])
    assert samples.shape == (2, 49, 10, 1) and labels.tolist() == [7, 2]
    assert samples[:, 0, 0, 0].tolist() == [1, -1]
    (tmp_path / "tst_0.bin").write_bytes(b"short")
    with pytest.raises(UserError, match="not the stimuli of Keyword spotting"):
        stimuli(tmp_path, TASKS["kws01"])


def test_files_of_other_ends_are_right_on_the_same_images(files):
    """An int8 and a float file of one network, against what the float file itself says."""
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3), np.uint8)
    with Artifact(files["float"]) as artifact:
        labels = artifact.run([images.astype("float32")])[0].argmax(1)
    task = Task("Test", "small", 0.85, (12, 12, 3), "uint8")
    paths = {str(files["float"]): "the reference", str(files["int8"]): "ours"}
    reference, ours = rows_of(paths, task, images, labels, np.arange(10))
    assert reference["top-1 of 40"] == "100.00%" and reference["at least 85%"] == "yes"
    assert reference["top-1 of 10"] == "100.0%" and ours["made by"] == "ours"
    assert set(ours) == set(reference) and ours["bytes"] < reference["bytes"]
