"""android_demo: its two builds agree, and what it ships is what was verified.

The Kotlin tests are those of `make test-android`; what needs its outcome here says so.
"""

import hashlib
import json
import re
import shutil
import struct
import subprocess
import tomllib
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from export.proof.metadata import read_metadata
from export.proof.schemas import Benchmark

DEMO = Path(__file__).parents[1] / "android_demo"
ASSETS = DEMO / "app/src/main/assets"
RESOURCES = DEMO / "app/src/main/res"
APK = DEMO / "app/target/kerascnn-demo.apk"
ANDROID = "{http://schemas.android.com/apk/res/android}"
MAVEN = "{http://maven.apache.org/POM/4.0.0}"
made_by_maven = pytest.mark.skipif(
    not (DEMO / "core/target/benchmark.json").exists(), reason="make test-android makes it"
)
needs_apk = pytest.mark.skipif(
    not APK.exists() or not shutil.which("aapt2"), reason="make apk makes it, with Android's tools"
)


def pom():
    return ElementTree.parse(DEMO / "pom.xml").getroot()


def versions_of_maven():
    (properties,) = pom().findall(f"{MAVEN}properties")
    return {
        entry.tag.removeprefix(MAVEN).removesuffix(".version"): entry.text for entry in properties
    }


def versions_of_gradle():
    return tomllib.loads((DEMO / "gradle/libs.versions.toml").read_text())["versions"]


def test_both_builds_take_the_same_versions():
    maven, gradle = versions_of_maven(), versions_of_gradle()
    for name in ("kotlin", "onnxruntime", "junit", "robolectric", "min-sdk", "target-sdk"):
        assert maven[name] == gradle[name], name


def test_both_builds_have_the_same_modules_and_sources():
    modules = {module.text for module in pom().find(f"{MAVEN}modules")}
    included = set(re.findall(r'":(\w+)"', (DEMO / "settings.gradle.kts").read_text()))
    assert modules - {"libraries"} == included == {"core", "app"}
    build = pom().find(f"{MAVEN}build")
    sources = [
        build.find(f"{MAVEN}{kind}").text for kind in ("sourceDirectory", "testSourceDirectory")
    ]
    assert sources == ["src/main/kotlin", "src/test/kotlin"]  # where Gradle looks, unless told
    for module in included:
        assert "sourceSets" not in (DEMO / module / "build.gradle.kts").read_text()
        kotlin = {
            path.parts[-len(path.relative_to(DEMO / module).parts) :][:3]
            for path in (DEMO / module / "src").rglob("*.kt")
        }
        assert kotlin == {("src", "main", "kotlin"), ("src", "test", "kotlin")}


def test_the_app_says_which_runtime_it_has():
    pinned = json.loads((ASSETS / "runtimes.json").read_text())["runtimes"]
    assert pinned["TensorFlow Lite"] == versions_of_maven()["tensorflow-lite"]


def test_what_ships_is_small_and_verified():
    models = json.loads((ASSETS / "models.json").read_text())["models"]
    assert [m["name"] for m in models] == ["resnet8_int8_static", "resnet8_float32"]
    for model in models:
        metadata = read_metadata(ASSETS / model["file"])  # compares the sha256
        assert metadata["sha256"] == model["sha256"]
        assert all(check["passed"] for check in metadata["checks"])
    assert sum(path.stat().st_size for path in ASSETS.iterdir()) < 500_000


def strings(folder):
    root = ElementTree.parse(RESOURCES / folder / "strings.xml").getroot()
    return {e.get("name"): e for e in root if e.get("translatable") != "false"}


def test_every_text_is_there_in_both_languages_with_the_same_places():
    english, german = strings("values"), strings("values-de")
    assert english.keys() == german.keys()
    for name, entry in english.items():
        places = [sorted(re.findall(r"%\d\$\S*?[a-z]", e.text)) for e in (entry, german[name])]
        assert places[0] == places[1], name


def test_layouts_hold_no_text_of_their_own():
    for layout in (RESOURCES / "layout").iterdir():
        for view in ElementTree.parse(layout).iter():
            for attribute in ("text", "contentDescription", "hint"):
                assert view.get(ANDROID + attribute, "@string/").startswith("@string/"), layout


def test_the_camera_is_the_only_permission():
    root = ElementTree.parse(DEMO / "app/src/main/AndroidManifest.xml").getroot()
    asked = [e.get(ANDROID + "name") for e in root.findall("uses-permission")]
    assert asked == ["android.permission.CAMERA"]


@made_by_maven
def test_figures_of_the_app_are_read_as_those_of_kerascnn_benchmark():
    record = Benchmark.model_validate_json((DEMO / "core/target/benchmark.json").read_text())
    (timing,) = record.timings
    assert (timing.engine, timing.threads, timing.runs) == ("ONNX Runtime", 2, 50)
    assert record.conditions == [f"ONNX Runtime {timing.version}, 2 threads, not pinned, 50 runs"]


@needs_apk
def test_the_apk_asks_for_what_the_manifest_says():
    said = tool("aapt2", "dump", "badging", APK)
    versions = versions_of_maven()
    assert "package: name='kerascnn.demo'" in said
    assert re.search(rf"(minSdkVersion|sdkVersion):'{versions['min-sdk']}'", said)
    assert f"targetSdkVersion:'{versions['target-sdk']}'" in said
    assert "launchable-activity: name='kerascnn.demo.ClassifyActivity'" in said
    assert re.findall(r"uses-permission: name='(.*?)'", said) == ["android.permission.CAMERA"]
    assert "native-code: 'arm64-v8a' 'x86_64'" in said


@needs_apk
def test_the_apk_holds_the_verified_files_and_the_runtime():
    with zipfile.ZipFile(APK) as apk:
        for model in json.loads(apk.read("assets/models.json"))["models"]:
            content = apk.read(f"assets/{model['file']}")
            assert hashlib.sha256(content).hexdigest() == model["sha256"]
            assert json.loads(apk.read(f"assets/{model['metadata']}"))["sha256"] == model["sha256"]
        for abi in ("arm64-v8a", "x86_64"):
            library = apk.getinfo(f"lib/{abi}/libtensorflowlite_jni.so")
            assert library.compress_type == zipfile.ZIP_STORED
        dex = apk.read("classes.dex")
    for younger in (b"Ljava/time/", b"Ljava/nio/file/"):  # than Android 7, where the app starts
        assert younger not in dex


@needs_apk
def test_the_readme_says_how_large_the_apk_is():
    with zipfile.ZipFile(APK) as apk:
        (methods,) = struct.unpack_from("<I", apk.read("classes.dex"), 0x58)
    said = f"The APK has {APK.stat().st_size / 1e6:.1f} MB and some {round(methods, -2):,} methods"
    assert said in (DEMO / "README.md").read_text()


@needs_apk
def test_the_apk_is_aligned_and_signed():
    tool("zipalign", "-c", "-p", "4", APK)
    assert "Verified using v2 scheme (APK Signature Scheme v2): true" in tool(
        "apksigner", "verify", "-v", APK
    )


def tool(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return done.stdout
