"""ResNet v2, arXiv:1603.05027."""

import pytest
from keras import layers

EVERY_KIND = ["resnet50_v2", "resnet50_v2_keras", "resnet110_v2", "resnet164_v2"]


def sources(model, name):
    """Names of the layers whose outputs `name` reads."""
    inputs = model.get_layer(name).input
    inputs = inputs if isinstance(inputs, list) else [inputs]
    return [x._keras_history.operation.name for x in inputs]


@pytest.mark.parametrize("name", EVERY_KIND)
def test_an_identity_runs_from_addition_to_addition(build, name):
    model = build(name)
    assert "stage1_block1_add" in sources(model, "stage1_block2_add")
    assert not [x.name for x in model.layers if x.name.endswith("_out")]


@pytest.mark.parametrize("name", EVERY_KIND)
def test_the_order_is_normalization_relu_convolution(build, name):
    model = build(name)
    assert sources(model, "stage2_block2_1_bn") == ["stage2_block1_add"]
    assert sources(model, "stage2_block2_1_relu") == ["stage2_block2_1_bn"]
    assert sources(model, "stage2_block2_1_conv") == ["stage2_block2_1_relu"]
    assert sources(model, "head_pool") == ["head_relu"]


@pytest.mark.parametrize("name", ["resnet50_v2", "resnet164_v2"])
def test_one_normalization_serves_both_branches_where_the_shape_changes(build, name):
    model = build(name)
    assert sources(model, "stage2_block1_proj_conv") == ["stage2_block1_1_relu"]
    assert "stage2_block1_proj_conv" in sources(model, "stage2_block1_add")


def test_the_first_unit_does_not_normalize_what_the_stem_has(build):
    model = build("resnet50_v2")
    assert sources(model, "stage1_block1_1_conv") == ["stem_pool"]
    assert sources(model, "stage1_block1_proj_conv") == ["stem_pool"]


@pytest.mark.parametrize(
    ("name", "block", "sizes"),
    [
        ("resnet50_v2", 1, (56, 28, 14, 7)),
        ("resnet50_v2_keras", 1, (56, 28, 14, 7)),
        ("resnet164_v2", 18, (32, 16, 8)),
    ],
)
def test_stages_halve_the_image(build, name, block, sizes):
    model = build(name)
    found = [
        model.get_layer(f"stage{stage}_block{block}_add").output.shape[1]
        for stage in range(1, len(sizes) + 1)
    ]
    assert found == list(sizes)


def test_keras_applications_strides_in_the_last_unit_of_a_stage(build):
    model = build("resnet50_v2_keras")
    assert model.get_layer("stage1_block3_2_conv").strides == (2, 2)
    assert isinstance(model.get_layer("stage1_block3_proj_pool"), layers.MaxPooling2D)
    assert model.get_layer("stage4_block3_2_conv").strides == (1, 1)


def test_cifar_bottlenecks_stride_on_the_first_1x1(build):
    model = build("resnet164_v2")
    assert model.get_layer("stage2_block1_1_conv").strides == (2, 2)
    assert model.get_layer("stage2_block1_2_conv").strides == (1, 1)


@pytest.mark.parametrize("depth", [110, 164])
def test_the_name_counts_the_layers_with_weights(build, depth):
    model = build(f"resnet{depth}_v2")
    kinds = (layers.Conv2D, layers.Dense)
    path = [x for x in model.layers if isinstance(x, kinds) and "_proj" not in x.name]
    assert len(path) == depth
