"""How fast augmented JPEGs come out of the pipeline, against decoding them alone.

    python -m benchmarks.pipeline [--rounds 7] [--steps 25]

512 JPEGs of 500 x 375, parts of the photographs inside scikit-learn, quality 90; batches of 32 at
224 pixels. Alone: `tf.io.read_file` and `tf.io.decode_jpeg` in a parallel map of tf.data, whole
images and nothing else. Ours: `Data.training_batches`, with what `train` of a config says. In
turns, so many batches a round. The speed is images a second of processor time, summed over the
cores, so that a machine that others use can tell; images a second by the clock stand in the note.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_sample_images

from benchmarks.ratios import Ratio, spread
from benchmarks.tables import show
from kerascnn.config import DataConfig
from kerascnn.data import load_data

WANTED = 0.9
IMAGES, BATCH, SHAPE = 512, 32, (375, 500, 3)
TRAIN: dict[str, list[Any]] = {
    "inception_crop, flip": ["inception_crop", "flip"],
    "pad_crop, flip": [{"pad_crop": 16}, "flip"],
    "nothing but the size": [],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=25)
    options = parser.parse_args()
    found = ratios(options.rounds, options.steps)
    show("pipelines, ours over decoding alone", [ratio.row() for ratio in found])


def ratios(rounds: int = 7, steps: int = 25) -> list[Ratio]:
    """The speed of each augmentation over that of decoding."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder)
        alone = _alone(sorted(folder.rglob("*.jpg")), steps)
        racers = {what: _ours(folder, train, steps) for what, train in TRAIN.items()}
        racers = {"alone": alone, **racers}
        speeds = {what: [] for what in racers}
        for turn in range(rounds + 1):
            for what, dataset in racers.items():
                found = _speeds(dataset, steps * BATCH)
                if turn:  # the first one reads the files, and lets the thread pools grow
                    speeds[what].append(found)
        cores, clock = ({k: [s[i] for s in v] for k, v in speeds.items()} for i in (0, 1))
        middle = {what: f"{np.median(found):,.0f}" for what, found in clock.items()}
        return [
            Ratio(
                f"JPEG pipeline at 224: {what}",
                "decode_jpeg alone",
                *spread(cores[what], cores["alone"]),
                WANTED,
                speed=True,
                note=f"{middle[what]} images/s over {middle['alone']}",
            )
            for what in TRAIN
        ]


def _write(folder):
    photographs = load_sample_images().images
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        image = photographs[number % 2]
        top, left = (
            int(rng.integers(0, n - m)) for n, m in zip(image.shape, SHAPE[:2], strict=False)
        )
        pixels = image[top : top + SHAPE[0], left : left + SHAPE[1]]
        path = folder / f"class_{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(tf.io.encode_jpeg(pixels, quality=90).numpy())


def _alone(paths: list[Path], steps: int) -> tf.data.Dataset:
    names = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    names = names.repeat().take(steps * BATCH)
    images = names.map(lambda x: tf.io.decode_jpeg(tf.io.read_file(x), 3), tf.data.AUTOTUNE)
    return images.prefetch(BATCH)


def _ours(folder, train, steps) -> tf.data.Dataset:
    config = {"name": "folder", "path": str(folder), "size": [224, 224], "batch_size": BATCH}
    data = load_data(DataConfig(**config, train=train))
    return data.training_batches(seed=0, steps=steps)


def _speeds(dataset: tf.data.Dataset, images: int) -> tuple[float, float]:
    """Images a second of processor time, and by the clock: to the end, so that nothing runs on."""
    wall, cores = time.perf_counter(), time.process_time()
    for _ in dataset:
        pass
    return images / (time.process_time() - cores), images / (time.perf_counter() - wall)


if __name__ == "__main__":
    main()
