"""The network over clips, arXiv:1412.0767."""

import keras
import numpy as np
import pytest

from kerascnn import UserError
from kerascnn.data import moving_squares
from kerascnn.models import build as build_with_weights


def test_the_first_pooling_spares_the_frames_and_the_last_rounds_up(build):
    model = build("c3d")
    ends = [model.get_layer(f"stage{k}_pool").output.shape[1:] for k in range(1, 6)]
    assert ends == [
        (16, 56, 56, 64),
        (8, 28, 28, 128),
        (4, 14, 14, 256),
        (2, 7, 7, 512),
        (1, 4, 4, 512),
    ]


def test_all_kernels_are_3x3x3(build):
    kernels = [x.kernel_size for x in build("c3d").layers if isinstance(x, keras.layers.Conv3D)]
    assert kernels == [(3, 3, 3)] * 8


def test_too_few_frames_are_refused_and_have_to_be():
    with pytest.raises(UserError, match=r"c3d_small: expected clips of at least 2 frames, got 1"):
        build_with_weights("c3d_small", input_shape=(1, 24, 24, 1))
    assert build_with_weights("c3d_small", input_shape=(2, 24, 24, 1)).output.shape == (None, 4)


@pytest.mark.full
def test_it_sees_where_a_square_goes_which_no_single_frame_shows():
    """Run backwards, the same frames show the opposite direction."""
    keras.utils.set_random_seed(0)
    model = build_with_weights("c3d_small")
    x, y = moving_squares(600)
    model.compile(
        keras.optimizers.Adam(2e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(x / 128 - 0.5, y, batch_size=32, epochs=8, verbose=0)
    clips, labels = moving_squares(200, seed=1)
    _, accuracy = model.evaluate(clips / 128 - 0.5, labels, verbose=0)
    _, backwards = model.evaluate(clips[:, ::-1] / 128 - 0.5, labels ^ 1, verbose=0)
    assert accuracy > 0.9 and backwards > 0.9  # chance is a quarter


def test_a_clip_shows_its_square_moving_as_its_class_says():
    clips, labels = moving_squares(40, side=30)
    for clip, label in zip(clips[..., 0], labels, strict=True):
        axis, sign = (1, 0)[label // 2], (-1, 1)[label % 2]
        found = []
        for frame in clip:  # correlation with the square, at every place and around the edges
            box = np.zeros_like(frame)
            box[:6, :6] = 1
            match = np.fft.ifft2(np.fft.fft2(frame) * np.conj(np.fft.fft2(box))).real
            found.append(np.unravel_index(match.argmax(), match.shape))
        steps = np.diff(np.array(found), axis=0)
        steps = (steps + 15) % 30 - 15
        assert (np.abs(steps[:, 1 - axis]) <= 1).all()  # noise may move the best match by one
        assert (steps[:, axis] * sign > 0).mean() > 0.7
