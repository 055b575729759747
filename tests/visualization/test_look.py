"""What a network sees: known answers of small networks, and the page of a run."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from image_files import picture
from keras import layers

from kerascnn import UserError, build, save_state_dict
from kerascnn.analysis import describe
from kerascnn.visualization import (
    exciting_patches,
    feature_maps_figure,
    filters_figure,
    grad_cam,
    guided_gradients,
    input_gradients,
    network_figure,
    occlusion_map,
    tsne,
)
from kerascnn.visualization.feature_maps import maps_of
from kerascnn.visualization.network_graph import blocks_of

SIZE = 12


@pytest.fixture
def bright():
    """A network whose class 1 is the number of bright pixels, and an image with a bright corner."""
    image = keras.Input((SIZE, SIZE, 1), name="image")
    conv = layers.Conv2D(2, 1, activation="relu", name="conv")
    x = layers.GlobalAveragePooling2D(name="pool")(conv(image))
    dense = layers.Dense(2, name="logits")
    model = keras.Model(image, dense(x))
    conv.set_weights([np.array([[[[0.1, -0.1]]]], "float32"), np.array([0, 5], "float32")])
    dense.set_weights([np.array([[0, 1], [1, 0]], "float32"), np.zeros(2, "float32")])
    pixels = np.zeros((SIZE, SIZE, 1), np.uint8)
    pixels[1:4, 7:10] = 200
    return model, pixels


def test_gradients_are_those_of_the_formula(bright):
    model, image = bright
    slopes = input_gradients(model, image[None] + 1.0, [1])[0, ..., 0]
    np.testing.assert_allclose(slopes, 0.1 / SIZE**2, rtol=1e-5)  # relu(0.1 x), averaged
    off = input_gradients(model, image[None] + 1.0, [0])[0, ..., 0]
    np.testing.assert_allclose(off[5:, :5], -0.1 / SIZE**2, rtol=1e-5)
    np.testing.assert_array_equal(off[1:4, 7:10], 0)  # relu(5 - 0.1 x) is off there


def test_guided_backpropagation_passes_on_what_raises_the_answer():
    image = keras.Input((1, 1, 2))
    hidden = layers.Conv2D(2, 1, use_bias=False, activation="relu", name="hidden")
    y = layers.Flatten()(layers.Conv2D(1, 1, use_bias=False, name="out")(hidden(image)))
    model = keras.Model(image, y)
    hidden.set_weights([np.array([[[[1.0, 2], [3, 1]]]], "float32")])
    model.get_layer("out").set_weights([np.array([[[[1.0], [-1]]]], "float32")])
    x = np.ones((1, 1, 1, 2), "float32")
    assert input_gradients(model, x, [0]).ravel() == pytest.approx([1 - 2, 3 - 1])
    assert guided_gradients(model, x, [0]).ravel() == pytest.approx([1, 3])  # not by the second


def test_grad_cam_and_occlusion_find_the_bright_corner(bright):
    model, image = bright
    cam = grad_cam(model, image[None], [1])[0]
    assert cam.shape == (SIZE, SIZE)
    assert cam[1:4, 7:10].min() > 0 and np.count_nonzero(cam) == 9
    harm = occlusion_map(model, image, 1)
    assert harm[2, 8] > 0.9 * harm.max() > 0
    assert harm[7:, :5].max() < 0  # grey in the place of black makes it brighter


def test_a_patch_is_where_the_kernel_answers_most():
    image = keras.Input((8, 8, 1))
    conv = layers.Conv2D(1, 3, strides=2, name="conv")
    model = keras.Model(image, layers.Flatten()(conv(image)))
    conv.set_weights([np.ones((3, 3, 1, 1), "float32"), np.zeros(1, "float32")])
    pixels = np.zeros((3, 8, 8, 1))
    pixels[1, 2:5, 4:7] = 1  # exactly at stop (1, 2)
    pixels[2, 3, 5] = 1
    ((first, second),) = exciting_patches(model, pixels, "conv", [0], most=2)
    assert (first.image, first.answer, first.box) == (1, 9.0, (2, 4, 5, 7))
    assert (second.image, second.answer) == (2, 1.0)


def test_blocks_add_up_to_the_network():
    model = build("resnet8")
    blocks, whole = blocks_of(model), describe(model)
    assert sum(block.params for block in blocks) == whole.params
    assert sum(block.macs for block in blocks) == whole.macs
    names = [block.name for block in blocks]
    assert names[1:] == ["stem", "stage1_block1", "stage2_block1", "stage3_block1", "head"]
    assert [block.sources for block in blocks[1:]] == [{0}, {1}, {2}, {3}, {4}]
    told = [text.get_text() for text in network_figure(model).axes[0].texts]
    assert any(text.startswith("stage2_block1, 8 layers") for text in told)


def test_maps_and_filters_of_networks_with_and_without_stages(bright):
    model, image = bright
    assert list(maps_of(model)) == ["conv"]
    assert len([a for a in feature_maps_figure(model, image).axes if a.images]) == 2
    network = build("resnet8", input_shape=(16, 16, 3))
    assert list(maps_of(network))[1:] == [f"stage{i}_block1_out" for i in (1, 2, 3)]
    assert len([a for a in filters_figure(network).axes if a.images]) == 16
    with pytest.raises(UserError, match="expected maps"):
        maps_of(build("mlp_128", input_shape=(8, 8, 1)))


def test_tsne_keeps_two_clouds_apart():
    rng = np.random.default_rng(0)
    clouds = np.concatenate([rng.normal(0, 1, (20, 30)), rng.normal(9, 1, (20, 30))])
    places = tsne(clouds)
    middles = places[:20].mean(axis=0), places[20:].mean(axis=0)
    own = np.linalg.norm(places[:20] - middles[0], axis=1)
    assert own.max() < np.linalg.norm(places[:20] - middles[1], axis=1).min()
    with pytest.raises(UserError, match="five images at least, got 4"):
        tsne(clouds[:4])


def test_the_page_of_a_run_has_every_picture(kerascnn, finished_run, tmp_path):
    out = tmp_path / "look.html"
    code, told, err = kerascnn("look", finished_run, "--out", out)
    assert code == 0, err
    page = out.read_text()
    titles = re.findall(r"<h2>([^<]*)</h2>", page)
    assert titles[:3] == ["The network", "Filters of the first layer", "Maps of an image"]
    assert {"What an answer rests on", "A map of the images", "Confusion"} <= {*titles}
    assert page.count("data:image/png;base64,") == len(titles) >= 10
    assert f"{len(titles)} pictures" in told
    assert "<script" not in page and not re.search(r'(?:src|href)="https?:', page)


@pytest.mark.full
def test_the_page_of_a_network_with_weights(kerascnn, tmp_path):
    network = build("squeezenet1_1", input_shape=(64, 64, 3))
    weights = save_state_dict(network, tmp_path / "squeezenet1_1.safetensors")
    for number in range(24):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(picture(64, 64, seed=number)).numpy())
    out = tmp_path / "look.html"
    given = ["--weights", weights, "--data", tmp_path / "photos", "--size", 64, "--out", out]
    code, _, err = kerascnn("look", "squeezenet1_1", *given)
    assert code == 0, err
    titles = re.findall(r"<h2>([^<]*)</h2>", out.read_text())
    assert "What an answer rests on" in titles and "Confusion" not in titles


def test_a_network_needs_weights_and_images(kerascnn, finished_run):
    for arguments, said in (
        (["resnet8"], "resnet8: of a network, say --weights and --data, too; or give a run"),
        (["resnt8", "--weights", "x", "--data", "y"], "did you mean 'resnet8'?"),
        ([finished_run, "--weights", "imagenet"], "a run has its weights, data and size"),
    ):
        code, _, err = kerascnn("look", *arguments)
        assert code == 2 and said in err
