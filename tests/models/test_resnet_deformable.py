"""ResNets with deformable convolutions, arXiv:1703.06211 and arXiv:1811.11168."""

import keras
import numpy as np
import pytest

from kerascnn.layers import DeformableConv2D
from kerascnn.models import build as build_with_weights


@pytest.mark.parametrize(
    ("name", "stages", "count"),
    [
        ("resnet50_deformable", {"stage4"}, 3),
        ("resnet50_deformable_v2", {"stage2", "stage3", "stage4"}, 13),
    ],
)
def test_the_3x3_of_the_last_stages_are_deformable(build, name, stages, count):
    found = [x.name for x in build(name).layers if isinstance(x, DeformableConv2D)]
    assert len(found) == count and {x.split("_")[0] for x in found} == stages
    assert all(x.endswith("_2_conv") for x in found)


def test_at_the_start_it_is_the_plain_resnet_with_the_same_weights():
    small = {"depth": (1, 1, 1, 1), "input_shape": (32, 32, 3), "num_classes": 3}
    plain, deformable = (
        build_with_weights(n, **small) for n in ("resnet50", "resnet50_deformable")
    )
    for layer in plain.layers:
        weights, mine = layer.get_weights(), deformable.get_layer(layer.name)
        mine.set_weights(weights + mine.get_weights()[len(weights) :])
    image = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    expected = keras.ops.convert_to_numpy(plain(image))
    # the same sums in another order
    np.testing.assert_allclose(
        deformable(image), expected, rtol=0, atol=1e-4 * np.abs(expected).max()
    )
