"""tf.data pipelines: raw pixels in, batches of float32 pixels 0..255 out.

Training batches are a pure function of (seed, step): an epoch's order comes from a stateless
permutation, every augmentation from numbers of that step and of the place in the batch. A resumed
run therefore sees exactly the batches that the uninterrupted one would have seen.

TensorFlow is imported inside the functions: the rest of the package runs without it.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kerascnn.data.augmentation import Chain, mixed, uniform_numbers
from kerascnn.data.folders import summary
from kerascnn.data.normalization import Normalization, computed
from kerascnn.data.reading import Corrupted, batch_reader
from kerascnn.data.sources import load_source
from kerascnn.data.splits import Source, Split
from kerascnn.data.transforms import TRANSFORMS
from kerascnn.errors import UserError, required


@dataclass(frozen=True)
class Data:
    """The three splits of a run and what its network sees.

    shape: (height, width, channels) of the network's input. source: what the splits are of.
    corrupted: the training images that could not be read and were skipped.
    known_normalization: what a run has computed to normalize by already.
    """

    train: Split
    validation: Split
    test: Split
    shape: tuple[int, int, int]
    config: Any
    source: Source
    corrupted: Corrupted = field(default_factory=Corrupted)
    known_normalization: Normalization | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The classes, in the order of their labels."""
        return self.source.names

    @property
    def mixes_labels(self) -> bool:
        """Whether labels of training batches are soft, (n, classes) float32, not (n,) int32."""
        return bool(self._mixing())

    @cached_property
    def normalization(self) -> Normalization:
        """What pixels are normalized by: as the config has it, or computed from the images."""
        if self.known_normalization is not None:
            return self.known_normalization
        asked = self.config.normalize
        return computed(self) if asked.from_images else Normalization(asked.mean, asked.std)

    def class_counts(self, split: Split) -> list[int]:
        """How many images of each class a split has."""
        return np.bincount(split.labels, minlength=len(self.names)).tolist()

    def summary(self) -> str:
        """Returns a line on the images of a folder: how many of which class, what was left out."""
        parts = (self.train, self.validation, self.test)
        counts = np.sum([self.class_counts(part) for part in parts], axis=0).tolist()
        return summary(counts, self.names, self.source.left_out)

    def training_batches(
        self, *, seed: int, steps: int, first_step: int = 0, part: tuple[int, int] = (0, 1)
    ) -> Any:
        """Batches of (images, labels) for `steps` steps from `first_step` on, augmented.

        Labels are (n,) int32, (n, classes) float32 where `mixes_labels`, or (n, height, width)
        int32 where `config.targets` is "masks".

        part: (i, n) gives the i-th of n equal parts of each batch, as one of n workers takes it.
        """
        return _training_batches(self, seed, first_step, steps, part)

    def batches(self, split: Split, batch_size: int | None = None) -> Any:
        """Batches of a split in its order, as `data.evaluate` says, the last perhaps smaller."""
        return self._in_order(split, batch_size or self.config.batch_size, Corrupted())

    def _in_order(self, split, size, corrupted):
        import tensorflow as tf

        load = self._loader(split, self.config.evaluate, corrupted)
        order = tf.data.Dataset.range(len(split)).batch(size)
        loaded = order.map(
            lambda indices: load(indices, _no_numbers(indices))[:2], tf.data.AUTOTUNE
        )
        return loaded.prefetch(tf.data.AUTOTUNE)

    def targets(self, split: Split) -> np.ndarray:
        """What is learned of a split: classes, (n,), or those of the pixels, (n, height, width)."""
        if self.config.targets == "classes":
            return split.labels
        return np.concatenate([masks.numpy() for _, masks in self.batches(split)])

    def plain_batches(self, split: Split) -> Any:
        """As `batches`, of training images: those that may be corrupted are skipped."""
        return self._in_order(split, self.config.batch_size, self.corrupted)

    def steps_per_epoch(self) -> int:
        """Whole batches in the training images; an epoch drops what is left over."""
        return max(1, len(self.train) // self.config.batch_size)

    def pixels(self, split: Split, count: int | None = None) -> np.ndarray:
        """The first `count` images as the artifacts want them: (n, *shape) uint8."""
        part = split.take(np.arange(min(count or len(split), len(split))))
        batches = [x.numpy() for x, _ in self.batches(part)]
        return np.rint(np.concatenate(batches)).clip(0, 255).astype(np.uint8)

    def _mixing(self):
        return [t for t in self.config.train if TRANSFORMS[t.name].batch]

    def _loader(self, split, transforms, corrupted):
        """(indices, numbers) -> (images at the network's size, labels, which of them were read)."""
        import tensorflow as tf

        label_of = tf.constant(split.labels)
        dense = self.config.targets == "masks"
        mask_of = split.images.mask_fetcher() if dense else None
        chain = Chain(transforms, self.shape, self.config.resize)
        read = (
            _from_memory(split, chain) if split.in_memory else batch_reader(split, chain, corrupted)
        )

        def load(indices, numbers):
            images, places = read(indices, numbers)
            shown = tf.gather(indices, places)
            if mask_of is not None:
                return images, tf.map_fn(mask_of, shown, fn_output_signature=tf.int32), places
            return images, tf.gather(label_of, shown), places

        return load


def _from_memory(split, chain):
    """As `batch_reader`, of a split whose pixels are in memory."""
    import tensorflow as tf

    stored = tf.constant(split.images)

    def read(indices, numbers):
        images = chain.of_batch(tf.gather(stored, indices), numbers)
        return images, tf.range(tf.size(indices, tf.int64))

    return read


def load_data(config: Any, *, seed: int = 0, data_dir: Any = None) -> Data:
    """Loads and splits the images of a `DataConfig`.

    The validation images are the source's own, or else a stratified share of the training images,
    fixed by `seed`; the test images are the source's own.
    """
    source = load_source(config, data_dir)
    if source.shape is None and config.size is None:
        raise UserError("data.size is missing: images of many sizes need one, as [96, 96]")
    channels = source.shape[2] if source.shape else config.channels
    height, width = config.size or required(source.shape)[:2]
    _refuse_what_misses(config, height, width, channels)
    train, validation = source.train, source.validation
    if validation is None:
        held_out = _stratified(source.train.labels, config.validation, seed)
        if not held_out.any() or held_out.all():
            raise UserError(
                f"data.validation={config.validation} of {len(source.train)} images leaves nothing "
                "to validate or to train on"
            )
        train, validation = source.train.take(~held_out), source.train.take(held_out)
    return Data(
        train=train,
        validation=validation,
        test=source.test,
        shape=(height, width, channels),
        config=config,
        source=source,
        corrupted=Corrupted(config.skip_corrupted),
    )


def _refuse_what_misses(config, height, width, channels):
    """UserError for numbers of a config that do not fit the images once their shape is known."""
    margins = [t.argument for t in config.train if t.name == "pad_crop"]
    if max(margins, default=0) >= min(height, width):
        raise UserError(
            f"data.train: pad_crop: {max(margins)} with images of {height} x {width}: a crop may "
            "miss the image; give a margin that is smaller"
        )
    for name in ("mean", "std"):
        value = getattr(config.normalize, name)
        if isinstance(value, tuple) and len(value) not in (1, channels):
            raise UserError(f"data.normalize.{name}: expected {channels} numbers, one a channel")


def _stratified(labels, share, seed):
    """A mask of round(share) of each class, of one image at least and never of all of them.

    A share that rounds to nothing or to everything in every class is kept as it is.
    """
    rng = np.random.default_rng(seed)
    mask = np.zeros(len(labels), bool)
    sizes = np.bincount(labels)
    counts = np.rint(share * sizes).astype(int)
    if 0 < counts.sum() < len(labels):
        counts = counts.clip(np.minimum(1, sizes - 1), sizes - 1)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        mask[rng.permutation(members)[: counts[label]]] = True
    return mask


def _training_batches(data, seed, first_step, steps, part):
    import tensorflow as tf

    size = min(data.config.batch_size, len(data.train))
    per_epoch, mixing = data.steps_per_epoch(), data._mixing()
    transforms = [t for t in data.config.train if t not in mixing]
    load = data._loader(data.train, transforms, data.corrupted)
    draws = Chain(transforms, data.shape, data.config.resize).draws
    places = _places(size, part, neighbour=bool(mixing))

    def batch(step):
        epoch, position = step // per_epoch, step % per_epoch
        window = tf.range(size, dtype=tf.int64) + position * size
        order = tf.stack([tf.cast(seed, tf.int64), epoch])
        random: Any = tf.random  # what the stubs say of it is not all
        indices = random.experimental.index_shuffle(window, order, len(data.train) - 1)
        numbers = uniform_numbers(size, draws, seed, step)
        images, labels, read = load(tf.gather(indices, places), tf.gather(numbers, places))
        if not mixing:
            return images, labels
        labels = tf.one_hot(labels, len(data.names))
        images, labels = mixed(images, labels, mixing, (seed, step), size, tf.gather(places, read))
        if part[1] == 1:
            return images, labels
        own = read > 0  # the first is there for the second to be mixed with
        return images[own], labels[own]

    numbers = tf.data.Dataset.range(first_step, first_step + steps)
    return numbers.map(batch, tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def _places(size, part, *, neighbour):
    """Where the images that a worker loads stand in the batch of all, (n,) int64.

    neighbour: with the one before them, where there are several workers.
    """
    number, parts = part
    start, end = number * size // parts, (number + 1) * size // parts
    if neighbour and parts > 1:
        start -= 1
    return np.arange(start, end) % size


def _no_numbers(indices):
    import tensorflow as tf

    return tf.zeros([tf.size(indices), 0])
