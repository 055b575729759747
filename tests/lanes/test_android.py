"""The phone's lane, against an adb of our own making: no phone is here.

The logs below have the form of LiteRT's benchmark_model, with and without percentiles.
"""

import stat

import pytest

from export.lanes import Options
from export.lanes.android import ANDROID, PROGRAM, parsed
from kerascnn.errors import UserError

NEW = """\
INFO: Initialized session in 4.21ms.
INFO: Replacing 14 out of 16 node(s) with delegate (TfLiteXNNPackDelegate) node
count=120 first=900 curr=410 min=401 max=950 avg=415.2 std=40 p5=402 median=409 p95=480

count=50 first=420 curr=405 min=399 max=612 avg=411.5 std=21 p5=400 median=407 p95=455

INFO: Inference timings in us: Init: 4210, First inference: 900, Warmup (avg): 415.2
"""
OLD = """\
count=100 first=900 curr=410 min=401 max=950 avg=415.2 std=40

count=50 first=420 curr=405 min=399 max=612 avg=411.5 std=21

Inference timings in us: Init: 4210, First inference: 900, Warmup (avg): 415.2
"""
FAILED = "INFO: Loaded model\nERROR: Failed to apply GPU delegate.\n"


def test_the_timed_runs_are_the_second_count():
    found = parsed(NEW)
    assert found["median"] == 0.407 and found["p95"] == 0.455 and found["runs"] == 50
    assert found["delegated"] == [14, 16] and (found["loading"], found["first"]) == (4.21, 0.9)
    assert not found["estimated"]


def test_a_log_without_percentiles_gives_the_mean_and_says_so():
    assert parsed(OLD)["median"] == 0.4115 and parsed(OLD)["estimated"]


def test_a_phone_is_measured_for_minutes(adb, files):
    cpu, *_ = ANDROID.bench([files["int8"]], Options(sustained=0.005))
    drift = cpu.details["drift"]
    assert drift["first"] == drift["last"] == 0.407 and drift["ratio"] == 1


def test_a_log_without_runs_gives_its_error():
    with pytest.raises(UserError, match="Failed to apply GPU delegate"):
        parsed(FAILED)


@pytest.fixture
def adb(tmp_path, monkeypatch):
    """An adb whose device runs LiteRT on its processor and has no GPU delegate."""
    (tmp_path / "new.log").write_text(NEW)
    (tmp_path / "failed.log").write_text(FAILED)
    script = tmp_path / "adb"
    script.write_text(
        f"""#!/bin/sh
case "$*" in
  devices) printf 'List of devices attached\\n%b' "$(cat {tmp_path}/devices)";;
  *getprop*) echo some;;
  *use_gpu*) cat {tmp_path}/failed.log;;
  *benchmark_model*--graph*) cat {tmp_path}/new.log;;
esac
"""
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "devices").write_text("serial\\tdevice\\n")
    (tmp_path / "benchmark_model").write_bytes(b"\x7fELF")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv(PROGRAM, str(tmp_path / "benchmark_model"))
    return tmp_path


def test_a_device_gives_a_figure_for_each_setting_that_runs(adb, files):
    assert ANDROID.probe().available
    cpu, threads, gpu, nnapi = ANDROID.bench([files["int8"]], Options(threads=(1, 4)))
    assert (cpu.setting, threads.setting) == ("CPU, 1 thread", "CPU, 4 threads")
    assert cpu.value == nnapi.value == 0.407 and cpu.details["android"] == "some"
    assert gpu.value is None and "GPU delegate" in gpu.refused


@pytest.mark.parametrize(
    ("devices", "said"), [("", "sees none"), ("a\\tunauthorized\\n", "sees unauthorized")]
)
def test_a_device_that_is_not_ready_is_named(adb, devices, said):
    (adb / "devices").write_text(devices)
    assert said in ANDROID.probe().missing
