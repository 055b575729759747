"""Sequences and clips that are drawn: data of any size for networks of one and three dimensions."""

import numpy as np

SHAPES = ("cylinder", "bell", "funnel")
DIRECTIONS = ("left", "right", "up", "down")
SQUARE = 6  # pixels of its side
NOISE = 20  # grey levels, standard deviation


def cylinder_bell_funnel(
    count: int, *, steps: int = 128, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draws sequences of Cylinder-Bell-Funnel, the classes `SHAPES` in turn.

    Noise, and somewhere in it a plateau, a rise that breaks off, or a jump that fades, of random
    place, length and height.

    Args:
        count: number of sequences. steps: of each; the place and the length go with it.

    Returns:
        Sequences, (count, steps, 1) float32, about -3 to 9, and labels, (count,) int32.

    Source: Saito, "Local Feature Extraction and Its Applications Using a Library of Bases", 1994.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % len(SHAPES)
    rng.shuffle(labels)
    time = np.arange(steps) * (128 / steps)  # the definition counts in 128ths
    first = rng.uniform(16, 32, (count, 1))
    length = rng.uniform(32, 96, (count, 1))
    height = 6 + rng.normal(size=(count, 1))
    along = (time - first) / length  # 0..1 where the shape lies
    forms = np.stack([np.ones_like(along), along, 1 - along])
    shape = forms[labels, np.arange(count)] * ((along >= 0) & (along <= 1))
    sequences = height * shape + rng.normal(size=along.shape)
    return sequences[..., None].astype(np.float32), labels


def moving_squares(
    count: int, *, frames: int = 8, side: int = 24, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draws clips of a square that moves, the classes `DIRECTIONS` in turn.

    It starts anywhere, moves one to three pixels a frame and comes back in where it went out: no
    single frame says where it goes.

    Args:
        count: number of clips. frames, side: of each; side at least 12.

    Returns:
        Clips, (count, frames, side, side, 1) float32 pixels, 0..255, and labels, (count,) int32.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % len(DIRECTIONS)
    rng.shuffle(labels)
    clips = rng.normal(60, NOISE, (count, frames, side, side))
    square = np.zeros((side, side))
    square[:SQUARE, :SQUARE] = 120
    starts, speeds = rng.integers(0, side, (count, 2)), rng.integers(1, 4, count)
    for clip, label, start, speed in zip(clips, labels, starts, speeds, strict=True):
        axis, sign = (1, 0)[label // 2], (-1, 1)[label % 2]
        for time in range(frames):
            place = start.copy()
            place[axis] += sign * speed * time
            clip[time] += np.roll(square, tuple(place), (0, 1))
    return clips[..., None].clip(0, 255).astype(np.float32), labels
