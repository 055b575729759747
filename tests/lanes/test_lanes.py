"""Every lane of this machine takes a file of its kind, and none gives a figure it cannot prove."""

import json

import numpy as np
import pytest

from export.lanes import LANES, Options, chosen, measure, record
from export.lanes.baseline import changes
from export.lanes.clocked import LITERT
from export.lanes.lane import Golden, differs, golden
from export.lanes.measuring import samples
from kerascnn.errors import UserError
from kerascnn.files import write_json

FAST = Options(runs=50)
HERE = {name: lane.probe() for name, lane in LANES.items()}


def lane_or_skip(name):
    if not HERE[name].available:
        pytest.skip(f"no lane {name} here: {HERE[name].missing}")
    return LANES[name]


@pytest.mark.parametrize("name", [n for n, lane in LANES.items() if ".tflite" in lane.formats])
def test_a_lane_gives_a_figure_of_an_int8_file(name, files):
    figures = measure([files["int8"]], [lane_or_skip(name)], FAST)
    assert figures and all(f.lane == name and f.evidence == LANES[name].evidence for f in figures)
    assert all(not f.refused and f.value > 0 for f in figures), [f.refused for f in figures]


@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "browser"])
def test_a_lane_gives_a_figure_of_an_onnx_file(name, tmp_path):
    from foreign_files import graph, helper, value
    from onnx import save

    path, scale = tmp_path / "scale.onnx", np.float32([2.0])
    ends = [value("x", "FLOAT", [1, 3])], [value("y", "FLOAT", [1, 3])]
    save(graph([helper.make_node("Mul", ["x", "by"], ["y"])], *ends, {"by": scale}), path)
    (figure,) = measure([path], [lane_or_skip(name)], FAST)
    assert not figure.refused and figure.value > 0


def test_instructions_are_the_same_in_every_run(files):
    """The figure is exact: two processes count the same, so CI can hold a ratio of 1."""
    arm = lane_or_skip("arm")
    first, second = (measure([files["int8"]], [arm], FAST) for _ in range(2))
    assert [f.value for f in first] == [f.value for f in second]
    assert all(f.details["bit_identical"] for f in first)
    assert first[0].value > first[1].value  # a Cortex-A53 has no dot products, a Cortex-A76 has


def test_an_npu_names_what_it_leaves_to_the_processor(files):
    npu = lane_or_skip("ethos-u55")
    placed = npu.check(files["float"])
    assert not placed.taken
    operators = " ".join(operator for operator, _ in placed.fallbacks)
    assert "MAX_POOL_2D" in operators and "FULLY_CONNECTED" in operators
    assert not npu.check(files["int8"]).fallbacks
    (refused, *_) = measure([files["float"]], [npu], FAST)
    assert refused.value is None and placed.fallbacks[0][0] in refused.refused


def test_micro_says_why_it_refuses_and_how_much_memory_it_takes(files, tmp_path):
    """What stops it is named in its own words, not as 'invocation failed'."""
    import keras
    import tensorflow as tf
    from foreign_files import from_function

    micro = lane_or_skip("tflm")
    (figure,) = measure([files["int8"]], [micro], FAST)
    assert 2**10 < figure.value < 2**20  # bytes: kilobytes, for a network of kilobytes
    spec = tf.TensorSpec([1, 4], tf.uint8)
    path = from_function(tmp_path / "cast.tflite", lambda x: keras.ops.cast(x, "float32"), spec)
    (figure,) = measure([path], [micro], FAST)
    assert figure.value is None and "UINT8" in figure.refused and "--io float32" in figure.refused


def test_the_kernels_of_a_lane_are_those_it_is_named_for(files):
    """XNNPACK takes nodes, LiteRT's own kernels are without it; all give the verified outputs."""
    names = ("litert", "litert-builtin", "litert-reference")
    taken = {}
    for name in names:
        (figure,) = measure([files["int8"]], [LANES[name]], FAST)
        taken[name], nodes = figure.details["delegated"]
    assert taken["litert"] > 0 and taken["litert-builtin"] == taken["litert-reference"] == 0
    assert taken["litert"] <= nodes


def test_what_xnnpack_does_not_take_is_named():
    """Rounding uint8 pixels to int8, and back at the end, is left to LiteRT's own kernels."""
    path = "android_demo/app/src/main/assets/resnet8_int8_static.tflite"
    (figure,) = measure([path], [LITERT], FAST)
    assert figure.details["delegated"] == (14, 16)
    expected = [("QUANTIZE", "normalize_quant"), ("QUANTIZE", "head_logits")]
    assert figure.details["fallbacks"] == expected


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([[[3, 5]]], ""),
        ([[[4, 5]]], ""),  # one step: kernels round a requantization in two ways
        ([[[5, 5]]], "2 steps"),
        ([[[3, 5, 1]]], "(1, 3)"),
        ([], "0 outputs"),
    ],
)
def test_outputs_that_differ_give_no_figure(found, said):
    expected = Golden([], [np.array([[3, 5]], np.uint8)], [0.1])
    told = differs(expected, [np.array(x, np.uint8) for x in found])
    assert said in told and bool(told) == bool(said)


def test_behind_a_softmax_a_lane_may_be_as_far_off_as_litert_s_own_kernels(tmp_path):
    """Where a step of the logits is many of the probabilities, no two kernel sets agree to one."""
    import keras
    from foreign_files import tflite
    from keras import layers

    from export.lanes.lane import disagreement

    inputs = keras.Input((12, 12, 3), batch_size=1)
    x = layers.Conv2D(32, 3, activation="relu")(inputs)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(stddev=1, seed=0))(
        layers.Flatten()(x)
    )
    model = keras.Model(inputs, layers.Softmax()(x))
    path = tflite(tmp_path / "softmax.tflite", model, "int8", "uint8")
    figures = measure([path], [LANES["litert-builtin"], LANES["litert-reference"]], FAST)
    assert not any(figure.refused for figure in figures)
    expected = golden(path)
    wrong = [np.roll(array, 1, axis=-1) for array in expected.outputs]
    assert "LiteRT's own kernels do by" in disagreement(path, expected, wrong)


def test_floats_may_differ_by_their_rounding_alone():
    expected = Golden([], [np.float32([[100.0, 1.0]])], [None])
    assert not differs(expected, [np.float32([[100.005, 1.0]])])
    assert "0.02" in differs(expected, [np.float32([[100.02, 1.0]])])
    assert "not finite" in differs(expected, [np.float32([[np.nan, 1.0]])])


def test_a_lane_whose_outputs_are_wrong_is_reported_as_that(files, monkeypatch):
    wrong = golden(files["int8"])
    wrong.outputs[0][:] += 3
    monkeypatch.setattr("export.lanes.clocked.golden", lambda path: wrong)
    (figure,) = LITERT.bench([files["int8"]], FAST)
    assert figure.value is None and "differ from the verified ones by" in figure.refused


def test_a_record_is_what_makes_a_figure_believable(files):
    lanes = chosen("litert")
    figures = measure([files["float"], files["int8"]], lanes, FAST)
    found = json.loads(json.dumps(record(figures, lanes, FAST, "kerascnn benchmark")))
    assert {"device", "cpu", "system", "governor", "turbo"} <= set(found["machine"])
    assert [file["accuracy"] for file in found["files"]] == [None, None]  # files without metadata
    assert found["machine"]["cpu"] and found["command"] == "kerascnn benchmark"
    assert found["lanes"]["litert"]["versions"]["ai-edge-litert"]
    for row in found["figures"]:
        details = row["details"]
        assert len(row["sha256"]) == 64 and "samples" not in details
        assert details["minimum"] <= details["median"] <= details["p90"] <= details["p99"]
        assert len(details["turns"]) == 5 and details["memory"] > 0 and details["load"] >= 0
        assert (details["threads"], len(details["cores"]), details["runs"]) == (1, 1, 50)
        assert details["loading"] > 0 and details["first"] > 0 and details["drift"] is None
        assert details["delegate"].startswith("XNNPACK of ai-edge-litert 2.")
        low, high = details["interval"]
        assert low <= high
    assert [len(row["milliseconds"]) for row in samples(figures)] == [50, 50]


def test_a_baseline_holds_figures_and_misses_those_that_are_gone(tmp_path):
    def rows(**values):
        return {
            "figures": [
                {
                    "file": f"a/{n}.tflite",
                    "lane": "arm",
                    "setting": "A",
                    "evidence": "counted",
                    "value": v,
                }
                for n, v in values.items()
            ]
        }

    write_json(tmp_path / "old.json", rows(same=100, slower=100, gone=100))
    found = changes(rows(same=100, slower=111, gone=None, new=5), tmp_path / "old.json", 1.1)
    assert [(c.file, c.exceeds) for c in found] == [
        ("same.tflite", False),
        ("slower.tflite", True),
        ("gone.tflite", True),
        ("new.tflite", False),
    ]
    write_json(tmp_path / "other.json", {"timings": []})
    with pytest.raises(UserError, match="no figures of lanes"):
        changes(rows(), tmp_path / "other.json", 1.1)


@pytest.mark.parametrize(
    ("text", "said"), [("litter", "did you mean 'litert'"), ("litert,,", "unknown lane ''")]
)
def test_a_lane_nobody_knows_names_its_neighbour(text, said):
    with pytest.raises(UserError, match=said):
        chosen(text)


def test_a_lane_that_is_not_here_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="android is not on this machine: apt install adb"):
        chosen("android")
    with pytest.raises(UserError, match="arm is not on this machine: apt install qemu-user"):
        chosen("arm")
    assert {lane.name for lane in chosen("all")}.isdisjoint({"arm", "android", "browser"})


@pytest.mark.parametrize("name", ["arm", "browser"])
def test_a_file_of_any_batch_is_refused_where_nobody_can_say_one(name, files):
    (figure, *_) = measure([files["open"]], [lane_or_skip(name)], FAST)
    assert figure.value is None and "--batch 1" in figure.refused
