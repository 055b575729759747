"""Where the time of a file goes, by the names of its layers, as LiteRT and ONNX Runtime tell it."""

from pathlib import Path

import numpy as np
import pytest

from export.lanes import LANES, Options, measure, record
from export.lanes.breakdown import breakdowns
from export.reporting.lanes import write_lanes
from export.runtimes import litert_profiler
from export.runtimes.litert_profiler import Event
from export.runtimes.operator_times import by_kind, layer_in, of_litert, without_operators

ASSETS = Path("android_demo/app/src/main/assets")
INT8, FLOAT = ASSETS / "resnet8_int8_static.tflite", ASSETS / "resnet8_float32.tflite"
ASKED = Options(runs=50, operators=True)
BLOCKS = [f"stage{i}_block1_{j}_conv" for i in (1, 2, 3) for j in (1, 2)]
CONVOLUTIONS = {*BLOCKS, "stem_conv", "stage2_block1_proj_conv", "stage3_block1_proj_conv"}


@pytest.fixture(scope="module")
def litert():
    lanes = [LANES["litert"]]
    figures = measure([INT8, FLOAT], lanes, ASKED)
    return record(figures, lanes, ASKED, "kerascnn benchmark"), figures


def test_every_convolution_has_its_time_under_the_name_of_its_layer(litert):
    for row in litert[0]["figures"]:
        times = row["details"]["operators"]
        convolutions = [t for t in times if t["operator"].startswith("Convolution")]
        assert {t["layer"] for t in convolutions} == CONVOLUTIONS and len(convolutions) == 9
        assert {"head_pool", "head_logits", "stage1_block1_out"} <= {t["layer"] for t in times}


def test_convolutions_take_most_of_a_run(litert):
    """The profiler's whole microseconds miss some of it, and its own work adds some."""
    for found in breakdowns(litert[0]):
        assert 0.5 * found.median < found.told < 3 * found.median
        assert len(found.top) == 10 and found.top[0][0] in CONVOLUTIONS
        kind, count, _, share = found.kinds[0]
        assert kind.startswith("Convolution") and count == 9 and share > 0.8
        assert sum(row[3] for row in found.kinds) == pytest.approx(1)


def test_onnx_runtime_says_what_it_fused(tmp_path):
    from foreign_files import graph, helper, value
    from onnx import save

    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="stem/Conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["stem_relu"], name="stem_relu/Relu"),
    ]
    ends = [value("x", "FLOAT", [1, 3, 16, 16])], [value("stem_relu", "FLOAT", [1, 8, 16, 16])]
    weights = {"w": rng.normal(size=(8, 3, 3, 3)).astype("float32")}
    save(graph(nodes, *ends, weights), tmp_path / "stem.onnx")
    lanes = [LANES["onnxruntime"]]
    if not lanes[0].probe().available:
        pytest.skip(lanes[0].probe().missing)
    figures = measure([tmp_path / "stem.onnx"], lanes, ASKED)
    (found,) = breakdowns(record(figures, lanes, ASKED, ""))
    # A convolution that ran with its activation has the name of either, by the kernels of the CPU.
    assert {"stem", "stem_relu"} & {layer for layer, *_ in found.top}
    assert ("Relu", 1, 0) in found.fused


def test_the_page_and_the_terminal_show_it(litert, tmp_path, kerascnn):
    page = write_lanes(tmp_path / "out", *litert).read_text()
    assert "What operators take" in page and "<code>stage1_block1_1_conv</code>" in page
    code, out, err = kerascnn("benchmark", INT8, "--lanes", "litert", "--operators", "--runs", "50")
    assert (code, err) == (0, "") and "under the profiler" in out and "stem_conv" in out
    code, _, err = kerascnn("benchmark", INT8, "--operators")
    assert code == 2 and "--lanes litert" in err


def test_a_file_that_nobody_can_profile_still_has_its_latency(files):
    """LiteRT's own buffers are of one size; the reason stands where the times would."""
    lanes = [LANES["litert"]]
    (figure,) = measure([files["open"]], lanes, ASKED)
    (found,) = breakdowns(record([figure], lanes, ASKED, ""))
    assert figure.value > 0 and "--batch 1" in found.reason and not found.top


def test_a_version_of_litert_that_nobody_looked_at_is_not_trusted(monkeypatch):
    """The layout of an event would be a guess, and a wrong one reads memory that is not its own."""
    monkeypatch.setattr(litert_profiler, "version", lambda name: "2.9.0")
    with pytest.raises(ValueError, match=r"LiteRT 2\.3\.x"):
        litert_profiler.events(INT8, [], 1)


def events(*operators):
    """Of a delegate, in its order; "1:ADD" is node 1 of the file."""
    found, place = [], 0
    for text in operators:
        node, _, name = text.rpartition(":")
        found.append(Event(name, int(node) if node else None, place, 2))
        place = 0 if node else place + 1
    return found


def test_operators_of_a_delegate_follow_the_nodes_of_the_file():
    nodes = {
        0: ("PAD", "pad/Pad"),
        1: ("CONV_2D", "a/Relu;a/Conv2D"),
        2: ("CUSTOM", "own"),
        3: ("CONV_2D", "b/BiasAdd"),
        4: ("CONCATENATION", "join/concat"),
        5: ("FULLY_CONNECTED", "end/MatMul"),
    }
    told = events(
        "Convolution (NHWC, F32) IGEMM",  # with the pad in front of it
        "Clamp (NC)",
        "2:CUSTOM",
        "Fully Connected (NC, F32) GEMM",  # a 1x1 convolution
        "Copy (NC, X32)",
        "Copy (NC, X32)",
        "Fully Connected (NC, F32) GEMM",
        "Something new",
    )
    times = of_litert([told, told], nodes)
    assert [t.layer for t in times] == ["a", "a", "own", "b", "join", "join", "end", ""]
    assert {t.milliseconds for t in times} == {0.002}
    assert by_kind(times)[0] == ("Fully Connected (NC, F32) GEMM", 2, 0.004)


def test_a_slow_quarter_of_the_runs_does_not_count():
    runs = [[Event("ADD", 0, 0, taken)] for taken in (3, 3, 3, 900)]
    assert of_litert(runs, {0: ("ADD", "sum/add")})[0].milliseconds == 0.003


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        (
            "stem_relu/Relu;stem_bn/add_2;stem_conv/BiasAdd;stem_conv/Conv2D;stem_bn/add_11",
            "stem_conv",
        ),
        ("proj_conv/BiasAdd;proj_conv/Conv2D1", "proj_conv"),
        ("block_out/Relu;block_add/Add", "block_out"),
        ("head_logits", "head_logits"),
    ],
)
def test_a_fused_tensor_is_of_its_convolution(name, layer):
    assert layer_in(name) == layer


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("stage2_block2_2_conv_token_45", "stage2_block2_2_conv"),
        ("stage2_block3_add/DequantizeLinear/duplicated", "stage2_block3_add"),
        ("/layer1/layer1.0/conv1/Conv", "/layer1/layer1.0/conv1"),
        ("Transpose_token_134", "Transpose"),
        ("stem_conv_nchwc", "stem_conv"),
    ],
)
def test_what_onnx_runtime_adds_to_a_name_goes(name, layer):
    assert without_operators(name) == layer
