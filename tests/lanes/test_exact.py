"""Figures of ResNet-8 in int8 that are the same everywhere: counted, modelled, allocated.

The file is the one that the Android app ships. A figure that moves here moved for a reason: another
file, another LiteRT, QEMU, Vela or TFLite Micro; the versions stand beside it.
"""

import hashlib
import json
from pathlib import Path

import pytest

from export.lanes import LANES, Options, measure

RESNET8 = Path("android_demo/app/src/main/assets/resnet8_int8_static.tflite")
SHA256 = "f181e3d88333bf6a926bb4b541805ec21bdfa44bd0ed387b012fdba54fabb639"
INSTRUCTIONS = {  # of the second inference and any later one
    "Cortex-A53": 4_919_022,
    "Cortex-A76": 1_501_535,
    "Armv8.6 i8mm": 1_255_436,
}
CYCLES = {
    "ethos-u55": {"U55-32": 707_762, "U55-64": 363_251, "U55-128": 213_308, "U55-256": 147_257},
    "ethos-u65": {"U65-256": 108_068, "U65-512": 67_896},
    "ethos-u85": {
        "U85-128": 183_522,
        "U85-256": 107_545,
        "U85-512": 58_060,
        "U85-1024": 38_127,
        "U85-2048": 31_085,
    },
}
ARENA = 55_920  # bytes


def figures(name, version):
    """Setting -> figure of the lane, where it is here in the version that the figures are of."""
    probe = LANES[name].probe()
    if not probe.available:
        pytest.skip(f"no lane {name} here: {probe.missing}")
    assert hashlib.sha256(RESNET8.read_bytes()).hexdigest() == SHA256
    for package, known in version.items():
        if not probe.versions[package].startswith(known):
            pytest.skip(f"the figures are of {package} {known}; here is {probe.versions[package]}")
    return {f.setting: f for f in measure([RESNET8], [LANES[name]], Options())}


def test_instructions_of_resnet8():
    """LiteRT's of one version; QEMU's own do not count, a newer one counts the same."""
    found = figures("arm", {"ai-edge-litert": "2.3."})
    assert {core: f.value for core, f in found.items()} == INSTRUCTIONS
    assert all(f.details["bit_identical"] for f in found.values())


@pytest.mark.parametrize("name", CYCLES)
def test_cycles_of_resnet8(name):
    found = figures(name, {"ethos-u-vela": "5.2."})
    assert {size: f.value for size, f in found.items()} == CYCLES[name]
    assert not any(f.details["fallbacks"] for f in found.values())


def test_arena_of_resnet8():
    (figure,) = figures("tflm", {"tflite-micro": "0.dev2026"}).values()
    assert figure.value == ARENA


def test_a_baseline_that_is_exceeded_ends_with_exit_code_1(tmp_path, kerascnn):
    """With figures that are exact, a limit of 1 holds them: this is the line that CI runs."""
    figures("ethos-u55", {"ethos-u-vela": "5.2."})
    baseline = tmp_path / "figures.json"
    call = ("benchmark", RESNET8, "--lanes", "ethos-u55")
    code, out, err = kerascnn(*call, "--json")
    assert (code, err) == (0, "")
    known = json.loads(out)
    baseline.write_text(json.dumps(known))
    held = (*call, "--baseline", baseline, "--limit", "1")
    code, out, _ = kerascnn(*held)
    assert code == 0 and out.count("ethos-u55 U55-") == 4 and "over" not in out
    known["figures"][2]["value"] -= 1  # a cycle less than now
    baseline.write_text(json.dumps(known))
    code, out, _ = kerascnn(*held)
    assert code == 1 and out.count("over 1") == 1 and "U55-128" in out
