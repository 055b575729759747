"""The page, in the real browser: what it answers is what Python's runtime answers."""

import json

import numpy as np
import pytest
from PIL import Image

from export.lanes.browser import BROWSER
from export.lanes.browser.server import answer_of
from export.proof.resizing import resize_in_words
from export.runtimes import Artifact
from export.webdemo import write_webdemo
from kerascnn.config import DataConfig
from kerascnn.data import read_image
from kerascnn.errors import UserError

ASK = """
import { classify } from './demo.js';
import { inputOf, rgba } from './pixels.js';
const contract = await (await fetch('contract.json')).json();
const answers = [];
try {
  for (const name of await (await fetch('pictures.json')).json()) {
    const blob = await (await fetch(name)).blob();
    const bitmap = await createImageBitmap(blob, { imageOrientation: 'from-image' });
    const { probabilities } = await classify(bitmap);
    answers.push({ pixels: Array.from(inputOf(rgba(bitmap), contract)), probabilities });
  }
  await fetch('/answer', { method: 'POST', body: JSON.stringify(answers) });
} catch (error) {
  await fetch('/answer', { method: 'POST', body: JSON.stringify({ error: String(error) }) });
}
"""


@pytest.fixture(scope="module")
def browser():
    probe = BROWSER.probe()
    if not probe.available:
        pytest.skip(f"no browser here: {probe.missing}")


def pictures(folder):
    """Twelve PNG files: small and large, wide and tall, grey, with opacity, noise and slopes."""
    rng, names = np.random.default_rng(3), []
    for number, (height, width) in enumerate([(32, 32), (1, 1), (7, 90), (200, 31)] * 3):
        slope = np.linspace(0, 255, height * width * 3).reshape(height, width, 3)
        pixels = (slope / 2 + rng.uniform(0, 127, slope.shape)).astype(np.uint8)
        kind = ("RGB", "L", "RGBA")[number % 3]
        names.append(f"picture{number}.png")
        picture = Image.fromarray(pixels)
        picture = picture.convert("L") if kind == "L" else picture
        if kind == "RGBA":
            picture.putalpha(255)
        picture.save(folder / names[-1])
    return names


def asked(site, folder, names):
    """What the page answers about pictures."""
    page = (site / "index.html").read_text()
    pages = {path.relative_to(site).as_posix(): path for path in site.rglob("*") if path.is_file()}
    pages["ask.html"] = page.replace(
        "</body>", '<script type="module" src="ask.js"></script></body>'
    ).encode()
    pages |= {"ask.js": ASK.encode(), "pictures.json": json.dumps(names).encode()}
    pages |= {name: folder / name for name in names}
    return answer_of(pages, start="ask.html")


@pytest.mark.parametrize("file", ["model_int8.tflite", "model_float32.tflite", "model_int8.onnx"])
def test_the_page_answers_as_python_does(finished_run, tmp_path, browser, file):
    """Pixels to one level: browser and TensorFlow round one resize in two orders."""
    names, path = pictures(tmp_path), finished_run / file
    write_webdemo(path, tmp_path / "site")
    answers = asked(tmp_path / "site", tmp_path, names)
    assert "error" not in answers, answers
    metadata = json.loads((finished_run / f"{file}.json").read_text())
    (image,), (end,) = metadata["inputs"], metadata["outputs"]
    shape, rule = image["shape"][1:], "stretch"
    wanted = np.stack([read_image(tmp_path / name, shape, rule) for name in names])
    got = np.array([answer["pixels"] for answer in answers]).reshape(wanted.shape)
    assert np.abs(got - wanted.astype(int)).max() <= 1
    with Artifact(path) as artifact:  # what Python makes of the page's own pixels
        (logits,) = artifact.run([got.astype(image["dtype"])])
    if end["scale"] is not None:
        logits = (logits.astype(float) - end["zero_point"]) * end["scale"]
    raised = np.exp(logits - logits.max(1, keepdims=True))
    expected = raised / raised.sum(1, keepdims=True)
    found = np.array([answer["probabilities"] for answer in answers])
    assert np.abs(found - expected).max() < 1e-3


def test_the_page_shows_the_middle_where_the_metadata_says_so(finished_run, tmp_path, browser):
    file = "model_int8.tflite"
    metadata = json.loads((finished_run / f"{file}.json").read_text())
    evaluate = DataConfig(name="digits", evaluate=[{"resize_short": 40}, "center_crop"]).evaluate
    metadata["inputs"][0]["resize"] = resize_in_words("stretch", evaluate, (32, 32))
    (tmp_path / file).write_bytes((finished_run / file).read_bytes())
    (tmp_path / f"{file}.json").write_text(json.dumps(metadata))
    names = pictures(tmp_path)
    write_webdemo(tmp_path / file, tmp_path / "site")
    answers = asked(tmp_path / "site", tmp_path, names)
    assert "error" not in answers, answers
    shape = tuple(metadata["inputs"][0]["shape"][1:])
    wanted = np.stack([read_image(tmp_path / name, shape, "stretch", evaluate) for name in names])
    got = np.array([answer["pixels"] for answer in answers]).reshape(wanted.shape)
    assert np.abs(got - wanted.astype(int)).max() <= 1  # two orders of rounding


def test_the_folder_needs_nothing_from_elsewhere(finished_run, tmp_path, browser):
    """No address of another host stands in what we wrote, and the metadata's facts stand in it."""
    write_webdemo(finished_run, tmp_path / "site")
    for name in ("index.html", "demo.js", "pixels.js", "engines.js", "demo.css"):
        assert "http" not in (tmp_path / "site" / name).read_text(), name
    contract = json.loads((tmp_path / "site/contract.json").read_text())
    assert contract["name"] == "model_int8.tflite"
    assert contract["output"]["labels"] == [str(n) for n in range(10)]
    write_webdemo(finished_run, tmp_path / "site")  # again, over its own


def test_what_a_page_cannot_show_is_refused(finished_run, tmp_path, browser):
    metadata = json.loads((finished_run / "model_int8.tflite.json").read_text())
    (tmp_path / "a.tflite").write_bytes((finished_run / "model_int8.tflite").read_bytes())

    def refused(change, said):
        (tmp_path / "a.tflite.json").write_text(json.dumps({**metadata, **change}))
        with pytest.raises(UserError, match=said):
            write_webdemo(tmp_path / "a.tflite", tmp_path / "site")
        assert not (tmp_path / "site").exists()

    (image,), (end,) = metadata["inputs"], metadata["outputs"]
    refused({"inputs": [{**image, "dtype": "int8"}]}, "write it with --io uint8")
    refused({"inputs": [{**image, "resize": "as it likes"}]}, "the page cannot do that")
    refused({"inputs": [image, image]}, "takes no pictures alone")
    refused({"outputs": [{**end, "meaning": "numbers"}]}, "gives no classes")
    refused({"checks": [{**metadata["checks"][0], "passed": False}]}, "did not pass its checks")


def test_a_folder_of_other_files_is_left_alone(finished_run, tmp_path, browser):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other files"):
        write_webdemo(finished_run, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(UserError, match=r"has no \.tflite or .onnx file"):
        write_webdemo(tmp_path, tmp_path / "site")
