"""A class a pixel: drawn masks, the loss over pixels, mean IoU, and files that keep it."""

import json
import math

import keras
import numpy as np
import pytest
from PIL import Image

import kerascnn.config as configs
from kerascnn import UserError
from kerascnn.data import load_data
from kerascnn.data.shapes import draw
from kerascnn.evaluation import mean_iou, segmentation
from kerascnn.training import train
from kerascnn.training.losses import Accuracy, cross_entropy
from kerascnn.visualization import segmentation_figure

CONFIG = "configs/shapes/unet_small.yaml"
SMALL = ["data.size=[24,24]", "data.images=96", "data.batch_size=16", "training.epochs=2"]
SMALL += ["model.arguments={widths: [4, 8]}"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A tiny U-Net after two epochs."""
    out = tmp_path_factory.mktemp("masks") / "run"
    return train(configs.load(CONFIG, SMALL), out)


def test_masks_are_those_of_the_drawn_shapes():
    data = load_data(configs.load(CONFIG, SMALL).data)
    assert data.names[:3] == ("background", "circle", "ring") and len(data.names) == 7
    split = data.test.take(np.arange(6))
    masks = data.targets(split)
    for mask, label, number in zip(masks, split.labels, split.images.numbers, strict=True):
        drawn = draw(0, number, (24, 24))
        np.testing.assert_array_equal(mask, drawn.mask.numpy() * (int(drawn.label) + 1))
        assert {*np.unique(mask)} == {0, label}
    (images, targets), *_ = data.training_batches(seed=3, steps=1)
    assert images.shape == (16, 24, 24, 3) and targets.shape == (16, 24, 24)


def test_the_loss_is_the_mean_over_the_pixels():
    logits = np.log(np.array([[[[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]]], "float32"))
    labels = np.array([[[0, 2]]])
    expected = -(math.log(0.5) + math.log(0.1)) / 2
    assert float(cross_entropy(labels, logits)[0]) == pytest.approx(expected, rel=1e-6)
    third = -(math.log(0.5 * 0.25 * 0.25) + math.log(0.1 * 0.8 * 0.1)) / 12  # 0.5 of each third
    smoothed = float(cross_entropy(labels, logits, smoothing=0.5)[0])
    assert smoothed == pytest.approx(expected / 2 + third, rel=1e-6)
    accuracy = Accuracy()
    accuracy.update_state(labels, logits)
    assert float(accuracy.result()) == 0.5


def test_intersection_over_union_by_hand():
    masks = np.array([[[0, 0, 1, 1]]])
    answers = np.array([[[0, 1, 1, 1]]])
    found = segmentation(masks, answers, 3)
    assert found.iou == (0.5, pytest.approx(2 / 3), None)
    assert found.mean_iou == pytest.approx((0.5 + 2 / 3) / 2) and found.pixel_accuracy == 0.75
    np.testing.assert_array_equal(found.confusion, [[1, 1, 0], [0, 2, 0], [0, 0, 0]])
    assert mean_iou(np.eye(3)[answers], masks) == found.mean_iou


def test_a_run_keeps_mean_iou_and_evaluates_to_it(run, kerascnn, tmp_path):
    last = run.history[-1]
    data, model = run.data(), run.model()
    best = max(run.history, key=lambda row: row["val_accuracy"])
    logits = model.predict(data.batches(data.validation), verbose=0)
    masks = data.targets(data.validation)
    # Keras counts in float32; a class that nobody has is left out by both.
    assert best["val_mean_iou"] == pytest.approx(mean_iou(logits, masks), abs=1e-5)
    assert run.facts["validation_mean_iou"] == best["val_mean_iou"] and "mean_iou" in last
    sheet = tmp_path / "worst.png"
    code, out, err = kerascnn("evaluate", run.path, "--mistakes", sheet)
    assert code == 0, err
    kept = json.loads((run.path / "evaluation.json").read_text())
    assert f"mean IoU {kept['mean_iou']:.2%}" in out and "background" in out
    assert kept["images"] == len(data.test) == 19
    with Image.open(sheet) as picture:
        assert picture.width > 500
    code, out, _ = kerascnn("evaluate", run.path, "--json")
    assert code == 0 and json.loads(out)["mean_iou"] == kept["mean_iou"]


def test_int8_files_are_verified_and_keep_it(run, kerascnn):
    given = ["--to", "tflite", "onnx", "--recipe", "static_wi8_ai8"]
    code, out, err = kerascnn("convert", run.path, *given)
    assert code == 0, out + err
    for kind in ("tflite", "onnx"):
        sheet = json.loads((run.path / f"model_int8_static.{kind}.json").read_text())
        (lost,) = [c for c in sheet["checks"] if c["name"] == "points of mean IoU lost"]
        assert lost["passed"]
        code, out, err = kerascnn("verify", run.path / f"model_int8_static.{kind}")
        assert code == 0 and "points of mean IoU lost" in out, err


def test_predictions_are_drawn_beside_their_masks():
    images = np.zeros((3, 8, 8, 3), np.uint8)
    masks, answers = np.zeros((2, 3, 8, 8), int)
    answers[1, :4] = 1
    figure = segmentation_figure(images, masks, answers, ["background", "circle"])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles.count("mask") == 3 and "answer, 50.0%" in titles
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["background", "circle"]


@pytest.mark.parametrize(
    "given, told",
    [
        (["data.name=digits", "data.images=null"], "belongs to data.name=shapes"),
        (["data.train=[flip]"], "goes without transforms"),
        (["loss.name=hinge"], "loss.name: hinge is of a class an image"),
        (["model={name: resnet8}"], "resnet8: gives a class an image, and data.targets is masks"),
        (["data.targets=classes"], "unet_bn: gives a class a pixel; say data.targets: masks"),
        (["data.size=[25,24]"], "gives maps of 24x24 for images of 25x24"),
    ],
)
def test_what_does_not_go_with_masks_is_told(given, told, tmp_path):
    with pytest.raises(UserError, match=told):
        train(configs.load(CONFIG, [*SMALL, *given]), tmp_path / "run")


def test_what_is_of_a_class_an_image_refuses_such_a_run(run, kerascnn):
    for arguments, told in (
        (["evaluate", run.path, "--crops", "ten"], "--crops is for a class an image"),
        (["look", run.path], "gives a class a pixel"),
        (["report", run.path], "gives a class a pixel"),
        (["predict", run.path, "x.png"], "expected one input and one output of (n, classes)"),
    ):
        code, _, err = kerascnn(*arguments)
        assert code == 2 and told in err, arguments


def test_the_objective_counts_pixels_on_this_backend():
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, keras.layers.Conv2D(3, 1, name="head_logits")(image))
    from kerascnn.training.objective import Objective

    objective = Objective(model)
    objective.compile("sgd")
    x, y = np.ones((2, 4, 4, 1), "float32"), np.zeros((2, 4, 4), "int32")
    logs = objective.evaluate(x, y, verbose=0, return_dict=True)
    assert {"loss", "accuracy", "mean_iou"} <= {*logs}
