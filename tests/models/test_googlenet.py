"""GoogLeNet, arXiv:1409.4842."""

import keras
import numpy as np
import pytest
from keras import layers
from oracle import CLAIMS, entry

from kerascnn import UserError
from kerascnn.analysis import count
from kerascnn.models import build as build_with_weights
from kerascnn.models import googlenet

BLOCKS = {"3": "stage1", "4": "stage2", "5": "stage3"}
TABLE_1 = entry("googlenet")["details"]["inception_table"]
AUX = ("head_aux1", "head_aux2")


@pytest.mark.parametrize("module", [pytest.param(m, id=m["layer"]) for m in TABLE_1])
def test_modules_are_those_of_table_1(build, module):
    model = build("googlenet")
    block = f"{BLOCKS[module['layer'][0]]}_block{'abcde'.index(module['layer'][1]) + 1}"
    filters = {
        "1x1": "n1x1",
        "3x3_reduce": "n3x3_reduce",
        "3x3": "n3x3",
        "5x5_reduce": "n5x5_reduce",
        "5x5": "n5x5",
        "pool_proj": "pool_proj",
    }
    for branch, column in filters.items():
        assert model.get_layer(f"{block}_{branch}_conv").filters == module[column]
    end = model.get_layer(f"{block}_concat").output.shape
    assert end == (None, module["hw"], module["hw"], module["out"])
    counted = [x for x in count(model).layers if x.name.startswith(f"{block}_")]
    assert sum(x.params for x in counted) == module["params"]
    assert sum(x.macs for x in counted) == module["macs"]


def test_22_layers_with_weights_on_the_longest_path(build):
    depth = {}
    for layer in build("googlenet").layers:
        inputs = keras.tree.flatten(layer.input) if layer.name != "image" else []
        own = isinstance(layer, layers.Conv2D | layers.Dense)
        depth[id(layer.output)] = own + max((depth[id(x)] for x in inputs), default=0)
    assert max(depth.values()) == 22


def test_auxiliary_heads_hang_on_4a_and_4d(build):
    model = build("googlenet_aux")
    for aux, block, channels in zip(AUX, (1, 4), (512, 528), strict=True):
        pool = model.get_layer(f"{aux}_pool")
        assert pool.input is model.get_layer(f"stage2_block{block}_concat").output
        assert pool.output.shape[1:] == (4, 4, channels)
        assert model.get_layer(f"{aux}_conv").filters == 128
        assert model.get_layer(f"{aux}_1_dense").units == 1024
        assert model.get_layer(f"{aux}_1_dropout").rate == 0.7


@pytest.mark.parametrize("name", ["googlenet", "googlenet_bn"])
def test_the_training_graph_is_the_network_and_two_heads(build, name):
    plain, training = build(name), build(f"{name}_aux")
    assert set(training.output) == {"head_logits", *(f"{aux}_logits" for aux in AUX)}
    shared = [x.name for x in training.layers if not x.name.startswith(AUX)]
    assert sorted(shared) == sorted(x.name for x in plain.layers)


def test_the_trained_network_ships_without_its_auxiliary_heads():
    training = build_with_weights("googlenet_bn_aux", input_shape=(79, 79, 3), num_classes=3)
    shipped = keras.Model(training.input, training.get_layer("head_logits").output)
    assert not [x.name for x in shipped.layers if "aux" in x.name]
    x = np.random.default_rng(0).normal(size=(2, 79, 79, 3)).astype("float32")
    np.testing.assert_array_equal(shipped(x), training(x)["head_logits"])


def test_each_head_takes_its_own_loss_and_weight():
    training = build_with_weights("googlenet_bn_aux", input_shape=(79, 79, 3), num_classes=3)
    names = sorted(training.output)
    training.compile(
        loss={name: keras.losses.CategoricalCrossentropy(from_logits=True) for name in names},
        loss_weights={name: 0.3 if "aux" in name else 1.0 for name in names},
    )
    x, y = np.ones((2, 79, 79, 3), "float32"), np.eye(3, dtype="float32")[:2]
    logs = training.evaluate(x, dict.fromkeys(names, y), verbose=0, return_dict=True)
    parts = [logs[f"{name}_loss"] * (0.3 if "aux" in name else 1.0) for name in names]
    # float32, and Keras sums the parts in another order.
    assert logs["loss"] == pytest.approx(sum(parts), rel=1e-5)


def test_the_paper_normalizes_responses_twice_and_torchvision_batches(build):
    paper, torchvision = build("googlenet"), build("googlenet_bn")
    found = [x.name for x in paper.layers if x.name.endswith("_lrn")]
    assert found == ["stem_1_lrn", "stem_3_lrn"]
    assert not [x for x in paper.layers if isinstance(x, layers.BatchNormalization)]
    assert not [x.name for x in torchvision.layers if x.name.endswith("_lrn")]
    assert torchvision.get_layer("stage1_block1_5x5_conv").kernel_size == (3, 3)
    assert torchvision.get_layer("stage3_pool").pool_size == (2, 2)


def test_reductions_save_two_thirds_of_the_multiplications(build):
    naive, reduced = build("inception_module_naive"), build("inception_module")
    claim, reduced_claim = CLAIMS["inception_naive"], CLAIMS["inception_bottleneck"]
    assert naive.get_layer("stage1_block1_concat").output.shape[-1] == claim["out_depth"]
    assert reduced.get_layer("stage1_block1_concat").output.shape[-1] == reduced_claim["out_depth"]
    assert count(naive).macs / count(reduced).macs == pytest.approx(3.15, abs=0.005)


def test_358_million_multiplications_count_the_3x3_twice(build):
    counted = {x.name: x.macs for x in count(build("inception_module")).layers}
    once = sum(counted.values())
    claim = CLAIMS["inception_bottleneck"]
    assert once + counted["stage1_block1_3x3_conv"] == claim["ops_slide"]


def test_a_module_refuses_other_classes_than_its_channels():
    with pytest.raises(UserError, match=r"inception_module: expected num_classes 480.*got 7"):
        build_with_weights("inception_module", num_classes=7)


def test_a_module_counts_its_branches_channels():
    model = googlenet.inception_module((1, 2, 3, 4, 5, 6), input_shape=(4, 4, 8))
    assert model.output.shape == (None, 1 + 3 + 5 + 6)
