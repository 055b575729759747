"""tf.data pipelines: raw pixels in, batches of float32 pixels 0..255 out.

Training batches are a pure function of (seed, step): an epoch's order comes from a stateless
permutation, every augmentation from a stateless seed. A resumed run therefore sees exactly the
batches that the uninterrupted one would have seen.

TensorFlow is imported inside the functions: the rest of the package runs without it.
"""

from dataclasses import dataclass

import numpy as np

from kerascnn.data.folders import summary
from kerascnn.data.images import files_reader, resize
from kerascnn.data.sources import load_source
from kerascnn.data.splits import Source, Split
from kerascnn.errors import UserError


@dataclass(frozen=True)
class Data:
    """The three splits of a run and what its network sees.

    shape: (height, width, channels) of the network's input. source: what the splits are of.
    """

    train: Split
    validation: Split
    test: Split
    shape: tuple[int, int, int]
    config: object
    source: Source

    @property
    def names(self):
        """The classes, in the order of their labels."""
        return self.source.names

    def summary(self):
        """Returns a line on the images of a folder: how many of which class, what was left out."""
        labels = np.concatenate([part.labels for part in (self.train, self.validation, self.test)])
        counts = np.bincount(labels, minlength=len(self.names)).tolist()
        return summary(counts, self.names, self.source.left_out)

    def training_batches(self, *, seed, steps, first_step=0, part=(0, 1)):
        """Batches of (images, labels) for `steps` steps from `first_step` on, augmented.

        part: (i, n) gives the i-th of n equal parts of each batch, as one of n workers takes it.
        """
        return _training_batches(self, seed, first_step, steps, part)

    def batches(self, split, batch_size=None):
        """Batches of a split in its order, not augmented, the last one perhaps smaller."""
        import tensorflow as tf

        load = self._loader(split)
        size = batch_size or self.config.batch_size
        order = tf.data.Dataset.range(len(split)).batch(size)
        return order.map(load, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def steps_per_epoch(self):
        """Whole batches in the training images; an epoch drops what is left over."""
        return max(1, len(self.train) // self.config.batch_size)

    def pixels(self, split, count=None):
        """The first `count` images as the artifacts want them: (n, *shape) uint8."""
        part = split.take(np.arange(min(count or len(split), len(split))))
        batches = [x.numpy() for x, _ in self.batches(part)]
        return np.rint(np.concatenate(batches)).clip(0, 255).astype(np.uint8)

    def _loader(self, split):
        """indices -> (images at the network's size, labels)."""
        import tensorflow as tf

        labels = tf.constant(split.labels)
        if split.in_memory:
            stored = tf.constant(split.images)

            def load(indices):
                images = tf.cast(tf.gather(stored, indices), tf.float32)
                return resize(images, self.shape, self.config.resize), tf.gather(labels, indices)
        else:
            read = files_reader(split.images, split.orientations, self.shape, self.config.resize)

            def load(indices):
                return read(indices), tf.gather(labels, indices)

        return load


def load_data(config, *, seed=0, data_dir=None):
    """Loads and splits the images of a `DataConfig`.

    The validation images are a stratified share of the training images, fixed by `seed`; the
    test images are the source's own.
    """
    source = load_source(config, data_dir)
    if source.shape is None and config.size is None:
        raise UserError("data.size is missing: a folder of images needs one, as [96, 96]")
    channels = source.shape[2] if source.shape else config.channels
    height, width = config.size or source.shape[:2]
    margins = [t.argument for t in config.train if t.name == "pad_crop"]
    if max(margins, default=0) >= min(height, width):
        raise UserError(
            f"data.train: pad_crop: {max(margins)} with images of {height} x {width}: a crop may "
            "miss the image; give a margin that is smaller"
        )
    held_out = _stratified(source.train.labels, config.validation, seed)
    if not held_out.any() or held_out.all():
        raise UserError(
            f"data.validation={config.validation} of {len(source.train)} images leaves nothing "
            "to validate or to train on"
        )
    return Data(
        train=source.train.take(~held_out),
        validation=source.train.take(held_out),
        test=source.test,
        shape=(height, width, channels),
        config=config,
        source=source,
    )


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
    per_epoch = data.steps_per_epoch()
    load = data._loader(data.train)
    number, parts = part
    own = slice(number * size // parts, (number + 1) * size // parts)

    def batch(step):
        epoch, position = step // per_epoch, step % per_epoch
        window = tf.range(size, dtype=tf.int64) + position * size
        order = tf.stack([tf.cast(seed, tf.int64), epoch])
        indices = tf.random.experimental.index_shuffle(window, order, len(data.train) - 1)
        images, labels = load(indices[own])
        return augment(images, data.config.train, (seed, step), size, own), labels

    numbers = tf.data.Dataset.range(first_step, first_step + steps)
    return numbers.map(batch, tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def augment(images, transforms, seed, size=None, own=slice(None)):
    """Applies the transforms to a batch, (n, h, w, c), each image drawn for itself.

    size, own: where the images are but these ones of a batch of `size`, what is drawn for them is
    what would be drawn for them in that batch.
    """
    import tensorflow as tf

    for number, transform in enumerate(transforms):
        key = tf.stack([tf.cast(seed[0], tf.int64) * 1000 + number, tf.cast(seed[1], tf.int64)])
        count = tf.shape(images)[0] if size is None else size
        images = TRANSFORMS[transform.name](images, transform.argument, key, count, own)
    return images


def flip(images, _, seed, count, own):
    """Mirrors each image with probability one half."""
    import tensorflow as tf

    heads = tf.random.stateless_uniform([count, 1, 1, 1], seed)[own] < 0.5
    return tf.where(heads, tf.reverse(images, [2]), images)


def pad_crop(images, margin, seed, count, own):
    """Pads by `margin` zeros and crops the size back at a random place (ResNet, section 4.2)."""
    import tensorflow as tf

    height, width = images.shape[1:3]
    corner = tf.random.stateless_uniform([count, 2], seed, 0, 2 * margin + 1, tf.int32)[own]
    padded = tf.pad(images, [[0, 0], [margin, margin], [margin, margin], [0, 0]])
    rows = corner[:, :1] + tf.range(height)
    columns = corner[:, 1:] + tf.range(width)
    return tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


TRANSFORMS = {"flip": flip, "pad_crop": pad_crop}
