"""The matrix of networks and lanes: figures, what is missing, and what int8 slows."""

from benchmarks.lanes import FORMS, NETWORKS, columns_of
from benchmarks.lanes_page import BUSY, COLUMNS, chart, page
from kerascnn.models import variant


def told(values, setting="1 thread", refused="", load=1.0):
    """What a lane says of a network: a figure for each of FORMS, or why there is none."""
    cells = [
        {setting: {"value": v, "refused": "" if v else refused, "kinds": [("Conv", 0.75)]}}
        for v in values
    ]
    return {
        "date": "2026-12-01",
        "versions": {"runtime": "1.0"},
        "machine": {"cpu": "a processor", "cores": 2},
        "load": load,
        "forms": dict(zip(FORMS, cells, strict=True)),
    }


def test_every_network_has_a_row_for_every_form_and_what_was_not_run_says_so():
    figures = {"resnet8": {"litert": told([0.2, 0.1, 0.05])}}
    text = page(figures, NETWORKS, FORMS)
    assert "| resnet8 | int8 | 0.1 | not yet run |" in text
    assert text.count("| vgg16 | float32 |") == len(COLUMNS)
    assert "| litert | runtime 1.0 | a processor, 2 cores | 1 | 2026-12-01 |" in text
    assert BUSY not in text and "Nowhere, of what was measured." in text


def test_where_int8_is_slower_stands_with_where_its_time_goes():
    text = page({"resnet8": {"onnxruntime": told([0.1, 0.15, 0.1], load=9.0)}}, NETWORKS, FORMS)
    assert (
        "- resnet8 on ONNX Runtime: 1.50 of the time of float32. Its int8 time: Conv 75%." in text
    )
    assert BUSY in text


def test_a_reason_stands_once_with_its_files():
    lane = told([None, 2e6, 1e6], setting="U55-128", refused="no operator runs there")
    text = page({"resnet8": {"ethos-u55": lane}, "vgg16": {"ethos-u55": lane}}, NETWORKS, FORMS)
    assert "| resnet8 | float32 | refused |" in text and "| resnet8 | int8 | 2 |" in text
    assert "no operator runs there (resnet8 float32, vgg16 float32)" in text


def test_networks_and_columns_are_known():
    assert all(variant(name).row.params for name in NETWORKS)
    assert columns_of("arm") == (".tflite", ["Cortex-A53", "Cortex-A76"])
    assert columns_of("onnxruntime") == (".onnx", ["1 thread"])


def test_the_chart_names_the_networks(tmp_path):
    chart(tmp_path / "chart.svg", {"vgg16": {"litert": told([60.0, 10.0, 5.0])}}, NETWORKS)
    assert "<svg" in (tmp_path / "chart.svg").read_text()
