"""Network in Network, arXiv:1312.4400."""

import pytest
from keras import layers


@pytest.mark.parametrize("name", ["nin_cifar10", "nin_imagenet"])
def test_a_class_is_a_map_and_its_logit_the_average(build, name):
    model = build(name)
    assert not [x for x in model.layers if isinstance(x, layers.Dense)]
    logits = model.get_layer("head_logits")
    assert isinstance(logits, layers.GlobalAveragePooling2D)
    assert logits.input.shape[-1] == model.output.shape[-1]
    assert logits.input._keras_history.operation.name.endswith("_relu")


@pytest.mark.parametrize(("name", "blocks"), [("nin_cifar10", 3), ("nin_imagenet", 4)])
def test_a_block_is_one_spatial_and_two_1x1_convolutions_with_relu(build, name, blocks):
    model = build(name)
    for stage in range(1, blocks + 1):
        spatial, *pointwise = [model.get_layer(f"stage{stage}_{k}_conv") for k in (1, 2, 3)]
        assert spatial.kernel_size > (1, 1)
        assert all(x.kernel_size == (1, 1) for x in pointwise)
    convolutions = [x for x in model.layers if isinstance(x, layers.Conv2D)]
    relus = [x for x in model.layers if isinstance(x, layers.ReLU)]
    assert len(convolutions) == len(relus) == 3 * blocks


@pytest.mark.parametrize(
    ("name", "sizes"), [("nin_cifar10", (32, 16, 8)), ("nin_imagenet", (54, 27, 13, 6))]
)
def test_pooling_rounds_up(build, name, sizes):
    model = build(name)
    found = [model.get_layer(f"stage{i}_3_relu").output.shape[1] for i in range(1, len(sizes) + 1)]
    assert tuple(found) == sizes


def test_dropout_follows_both_poolings_for_cifar_and_one_for_imagenet(build):
    def dropouts(name):
        return {x.name: x.rate for x in build(name).layers if isinstance(x, layers.Dropout)}

    assert dropouts("nin_cifar10") == {"stage1_dropout": 0.5, "stage2_dropout": 0.5}
    assert dropouts("nin_imagenet") == {"stage3_dropout": 0.5}
