"""The page of a run: its numbers are those of the files, and what is broken is said in a line."""

import hashlib
import json
import re
import shutil
from html.parser import HTMLParser

import keras
import numpy as np
import pytest

import kerascnn.config as configs
from export.cli import invoke
from export.constraints.kernels import prunable_kernels
from export.delivery.deliver import deliver
from export.proof.metadata import metadata_path, read_metadata
from export.pruning.magnitude import largest
from export.recipes.recipe import Recipe
from export.recipes.stages import FineTune, Pruning
from export.reporting.plots import confusion, filters, learning_rate, loss
from export.reporting.report import agreement, percent, write_report
from kerascnn import UserError
from kerascnn.analysis import count
from kerascnn.evaluation import accuracy, predictions
from kerascnn.files import read_json, write_json, write_text
from kerascnn.models import variant
from kerascnn.training import open_run, run_model
from kerascnn.training.history import write_history

CLASSES = ["<b>", "a$b$ & co"]
ZEROS = 0.75
FLOAT = Recipe(name="float32", max_drop=100)
PRUNED = Recipe(
    name="pruned75",
    artifact="pruned",
    max_drop=100,
    pruning=Pruning(sparsity=ZEROS, fine_tune=FineTune(epochs=2, peak=0.1)),
)
FILES = ["model_float32.onnx", "model_float32.tflite", "model_pruned.tflite"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run folder as the verbs leave it, of an untrained LeNet-5 on 20 images of noise."""
    data = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name in CLASSES:
        (data / name).mkdir()
        for number in range(10):
            keras.utils.save_img(data / name / f"{number}.png", rng.integers(0, 256, (32, 32, 1)))
    path = tmp_path_factory.mktemp("runs") / "noise"
    images = {"name": "folder", "path": str(data), "size": [32, 32], "channels": 1}
    tree = {
        "model": {"name": "lenet5"},
        "data": {**images, "batch_size": 4, "validation": 0.25},
        "optimizer": {"schedule": {"peak": 0.1}},
        "training": {"epochs": 3},
    }
    config = configs.parse(configs.Config, tree, "here")
    path.mkdir()
    configs.save(config, path / "config.yaml")
    facts = {"labels": CLASSES, "input_shape": [32, 32, 1], "resize": "stretch", "best_epoch": 2}
    write_json(path / "run.json", {**facts, "validation_accuracy": 0.5, "images": {"train": 12}})
    write_history(path / "history.csv", history(3))
    run = open_run_with_model(path, config, data)
    deliver(run, ["tflite", "onnx"], recipe=FLOAT)
    deliver(run, ["tflite"], recipe=PRUNED)
    write_json(
        path / "evaluation.json",
        {"images": 4, "top1": 0.25, "top5": None, "confusion": [[1, 1], [2, 0]]},
    )
    timings = [
        {
            "file": f"/elsewhere/{name}",
            "engine": "LiteRT",
            "version": "2.3.0",
            "threads": 2,
            "cores": [0, 1],
            "runs": 50,
            "median": 0.5 + i,
            "p90": 0.625 + i,
            "minimum": 0.25 + i,
        }
        for i, name in enumerate(FILES)
    ]
    machine = {"cpu": "Abacus 9", "cores": 4, "system": "Linux"}
    write_json(
        path / "benchmark.json",
        {
            "evidence": "measured",
            "machine": machine,
            "date": "2999-01-02T03:04:05+00:00",
            "timings": timings,
        },
    )
    return path


def open_run_with_model(path, config, data):
    """Adds the models: random weights, and the same with most of them zero."""
    keras.utils.set_random_seed(0)
    shape = type("Shape", (), {"shape": (32, 32, 1), "names": CLASSES})
    model = run_model(config, shape, "float32")
    model.save(path / "model.keras")
    for kernel in prunable_kernels(model).values():
        weights = keras.ops.convert_to_numpy(kernel)
        kernel.assign(weights * largest(np.abs(weights), 1 - ZEROS))
    (path / PRUNED.name / "pruning").mkdir(parents=True)
    model.save(path / PRUNED.name / "model.keras")
    write_text(path / PRUNED.name / "recipe.yaml", configs.dump(PRUNED))
    write_history(path / PRUNED.name / "pruning" / "history.csv", history(2))
    return open_run(path)


def history(epochs):
    keys = ("accuracy", "loss", "val_accuracy", "val_loss", "learning_rate", "seconds")
    return [{"epoch": e + 1, **dict.fromkeys(keys, 0.5 / (e + 1))} for e in range(epochs)]


@pytest.fixture(scope="module")
def reported(finished, tmp_path_factory):
    """A finished run whose report the command wrote."""
    path = shutil.copytree(finished, tmp_path_factory.mktemp("reported") / "noise")
    invoke(["report", str(path)])
    return path


@pytest.fixture
def folder(reported, tmp_path):
    """A copy to damage, without the page; its metadata have their accuracy on the test images."""
    path = shutil.copytree(reported, tmp_path / "noise")
    (path / "report.html").unlink()
    return path


class Page(HTMLParser):
    """What a browser sees: text by section, tags with attributes, rows of the tables of cards."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.texts, self.rows = [], {}, []
        self.section, self.cell, self.source = None, None, path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag == "section":
            self.section = attributes["id"]
        if tag == "tr":
            self.rows.append({})
        if tag in ("th", "td"):
            self.cell = attributes.get("data-label", "name")
            self.texts[self.section] += " "

    def handle_endtag(self, tag):
        if tag in ("th", "td"):
            self.cell = None

    def handle_data(self, data):
        self.texts[self.section] = self.texts.get(self.section, "") + data
        if self.cell:
            self.rows[-1][self.cell] = (self.rows[-1].get(self.cell, "") + data).strip()

    def text(self, section):
        return " ".join(self.texts[section].split())

    def table(self):
        """name of a file -> its row in the table of artifacts."""
        return {row["name"]: row for row in self.rows if "bytes" in row}


@pytest.fixture(scope="module")
def page(reported):
    return Page(reported / "report.html")


def test_every_artifact_has_a_row_with_the_numbers_of_its_metadata(page, reported):
    assert sorted(page.table()) == FILES
    timings = json.loads((reported / "benchmark.json").read_text())["timings"]
    for name, timing in zip(FILES, timings, strict=True):
        row, metadata = page.table()[name], read_metadata(reported / name)
        assert int(row["bytes"].replace(",", "")) == metadata["bytes"]
        assert int(row["gzipped"].replace(",", "")) == metadata["gzip_bytes"]
        assert row["validation accuracy"] == percent(metadata["accuracy"]["validation"]["artifact"])
        assert row["test accuracy"] == percent(metadata["accuracy"]["test"]["artifact"])
        within = f"logits within {metadata['checks'][0]['measured']:.1e} of the largest"
        assert row["agreement"] == within
        assert row["verified"] == "yes"
        for key in ("median", "p90", "minimum"):
            assert float(row[f"{key} ms"]) == timing[key]


def test_accuracy_on_the_test_images_is_measured_and_kept_in_the_metadata(reported):
    run = open_run(reported)
    data = run.data()
    expected = accuracy(predictions(run.model(), [data.pixels(data.test)])[0], data.test.labels)
    for name in FILES[:2]:
        found = read_metadata(reported / name)["accuracy"]
        assert found["test"] == {"artifact": expected, "images": 4}
        assert found["validation"]["images"] == 4


def test_accuracy_that_is_in_the_metadata_is_not_measured_again(folder):
    for name in FILES:
        change(
            metadata_path(folder / name),
            lambda s: s["accuracy"].update(test={"artifact": 0.125, "images": 4}),
        )
    rows = Page(write_report(open_run(folder))).table().values()
    assert {row["test accuracy"] for row in rows} == {"12.50 %"}


def test_the_page_needs_nothing_beside_itself(page):
    assert {"script", "link", "iframe", "img"}.isdisjoint(tag for tag, _ in page.tags)
    targets = [a[k] for _, a in page.tags for k in ("href", "xlink:href", "src") if k in a]
    assert targets
    assert all(t.startswith(("#", "data:image/png;base64,")) for t in targets)
    assert "//" not in re.sub(r"data:image/png;base64,[^\"]*", "", page.source)


def test_the_plots_keep_their_ids_apart_and_refer_to_their_own(page):
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', page.source))
    assert used
    assert used <= set(ids)


def test_all_that_is_known_of_the_run_has_its_section(page, reported):
    row, counted = variant("lenet5").row, count(open_run(reported).model())
    network = page.text("network")
    for number in (row.params, row.macs, counted.params, counted.macs):
        assert f"{number:,}" in network
    assert "best epoch 2" in network
    assert "schedule:" in network
    for section, count_ in (("training", 3), ("compression", 3), ("accuracy", 1), ("filters", 1)):
        start = page.source.index(f'<section id="{section}">')
        part = page.source[start : page.source.index("</section>", start)]
        assert part.count("<svg") == count_, section
    assert "6 filters of 5x5x1" in page.text("filters")
    assert "learning rate" in page.text("training")
    assert "4 test images: top-1 25.00 %" in page.text("accuracy")


def test_latency_says_how_where_and_when_it_was_measured(page):
    text = page.text("artifacts")
    assert "Latency: measured on 2999-01-02 03:04 UTC, one image at a time, on Abacus 9" in text
    assert "LiteRT 2.3.0, 2 threads on core 0, 1, 50 runs" in text


def test_zeros_of_pruning_are_said_to_change_the_gzipped_size_alone(page, reported):
    metadata = read_metadata(reported / "model_pruned.tflite")
    said = re.search(
        r"pruned75: pruning set (\S+) % of (.*?)\. The kernels", page.text("artifacts")
    )
    assert float(said[1]) == pytest.approx(100 * ZEROS, abs=0.01)  # whole weights, two decimals
    assert "zeros change the gzipped size and nothing else" in said[2]
    assert f"{metadata['bytes']:,} bytes" in said[2]
    assert f"{metadata['gzip_bytes']:,} gzipped" in said[2]
    assert "model_float32" not in said[2]


def test_a_pruned_file_stands_beside_one_that_is_not(page, reported):
    """Of the same kind: the float32 .tflite, and not the .onnx. Latency is shown beside."""
    text = page.text("artifacts")
    said = re.search(r"Beside the same kind of file (.*?) model_float32.onnx: op", text)[1]
    for name, timing in (("model_pruned.tflite", "2.5"), ("model_float32.tflite", "1.5")):
        metadata = read_metadata(reported / name)
        share = percent(metadata["gzip_bytes"] / metadata["bytes"])
        assert f"{metadata['bytes']:,} {metadata['gzip_bytes']:,} {share} {timing}000" in said
    assert "model_float32.tflite not pruned" in said and ".onnx" not in said
    assert "2:4" not in text


def test_the_pattern_two_of_four_is_said_to_need_hardware(folder):
    metadata = read_json(metadata_path(folder / "model_pruned.tflite"))
    metadata["recipe"]["pruning"].update(pattern="2:4", sparsity=0.5)
    write_json(metadata_path(folder / "model_pruned.tflite"), metadata)
    text = write_report(folder).read_text()
    assert "2:4 is faster on hardware with sparse kernels for it, and on none of these" in text


def test_a_packed_model_is_listed_with_its_size(folder):
    path = folder / "model_deep.kcnn"
    path.write_bytes(b"packed")
    recipe = {
        "name": "deep",
        "clustering": {"bits": 8, "fine_tune": {"epochs": 1, "peak": 0.1}},
    }
    write_json(
        metadata_path(path),
        {
            "sha256": hashlib.sha256(b"packed").hexdigest(),
            "bytes": 12_345,
            "float32_bytes": 246_900,
            "zeros": 0.67,
            "recipe": recipe,
            "inputs": [{"height": 32}],
            "accuracy": {"validation": {"artifact": 0.875, "images": 8}},
            "checks": [],
            "made": "2026-01-02T03:04:05+00:00",
        },
    )
    text = write_report(folder).read_text()
    for said in ("model_deep.kcnn", "12,345", "246,900", "20.0", "67.00 %", "87.50 %"):
        assert said in text
    path.write_bytes(b"other")
    with pytest.raises(UserError, match=r"model_deep.kcnn: changed since it was verified"):
        write_report(folder)


def test_operators_minimum_runtime_and_input_contract_are_those_of_the_metadata(page, reported):
    artifacts, use = page.text("artifacts"), page.text("use")
    for name in FILES:
        metadata = read_metadata(reported / name)
        assert metadata["minimum_runtime"] in artifacts
        assert all(operator["name"] in artifacts for operator in metadata["operators"])
        assert metadata["inputs"][0]["resize"] in use
        assert metadata["inputs"][0]["values"] in use
    assert "32x32 pixels (height x width), grey, NHWC" in use
    assert "Values: raw pixels, 0..255: normalization is inside the file." in use
    assert use.count("image, uint8, 1x32x32x1") == len(FILES)


def test_names_of_classes_are_text_and_neither_tags_nor_formulas(page):
    assert not [tag for tag, _ in page.tags if tag == "b"]
    assert "0 <b> · 1 a$b$ & co" in page.text("use")
    plotted = re.findall(r"<text[^>]*>([^<]*)</text>", page.source)
    assert {"&lt;b&gt;", "a$b$ &amp; co"} <= set(plotted)
    assert "<b> a$b$ & co 1" in page.text("accuracy")


def test_what_has_not_been_made_is_named_with_its_command(folder):
    for name in ("evaluation.json", "benchmark.json", f"{FILES[0]}.json"):
        (folder / name).unlink()
    made = Page(write_report(folder))
    assert f"kerascnn evaluate {folder}" in made.text("accuracy")
    files = f"{folder}/model_float32.tflite {folder}/model_pruned.tflite"
    assert f"kerascnn benchmark {files} --out {folder}/bench" in made.text("artifacts")
    assert "no metadata stands beside them: model_float32.onnx" in made.text("artifacts")
    for name in FILES[1:]:
        metadata_path(folder / name).unlink()
    bare = Page(write_report(folder))
    assert f"kerascnn convert {folder} --to tflite onnx" in bare.text("artifacts")
    assert "use" not in bare.texts


def test_a_latency_older_than_its_file_is_not_shown(folder):
    change(folder / "benchmark.json", lambda b: b.update(date="2001-01-01T00:00:00+00:00"))
    made = Page(write_report(folder))
    assert {row["median ms"] for row in made.table().values()} == {"\N{EN DASH}"}
    assert "not measured since the file was converted" in made.text("artifacts")


def test_a_file_with_a_failed_check_is_not_called_verified(folder):
    change(metadata_path(folder / FILES[0]), lambda s: s["checks"][0].update(passed=False))
    table = Page(write_report(folder)).table()
    assert [table[name]["verified"] for name in FILES] == ["no", "yes", "yes"]


def test_a_comparison_that_proves_little_is_said_to(folder):
    doubt = "proves little: over the 5 validation images, the logits hardly change"
    change(metadata_path(folder / FILES[1]), lambda s: s.update(doubt=doubt))
    made = Page(write_report(folder))
    assert [made.table()[name]["verified"] for name in FILES] == ["yes", "yes, but", "yes"]
    assert f"That the checks passed {doubt}." in made.text("artifacts")


def change(path, edit):
    tree = json.loads(path.read_text())
    edit(tree)
    path.write_text(json.dumps(tree))


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def set_confusion(rows):
    return lambda run: change(run / "evaluation.json", lambda e: e.update(confusion=rows))


# fmt: off
BROKEN = {
    "no history": (lambda run: (run / "history.csv").unlink(), r"history.csv is missing; .* train"),
    "half a history": (lambda run: truncate(run / "history.csv"), r"history.csv: expected 3 rows"),
    "empty history": (lambda run: (run / "history.csv").write_text(""), r"history.csv: expected"),
    "no history of pruning": (
        lambda run: (run / "pruned75/pruning/history.csv").unlink(),
        r"pruning/history.csv is missing; kerascnn compress .* --recipe pruned75"),
    "no pruned model": (
        lambda run: (run / "pruned75/model.keras").unlink(),
        r"pruned75/model.keras is missing; kerascnn compress"),
    "broken metadata": (
        lambda run: truncate(run / "model_float32.onnx.json"), r"onnx.json: is not JSON"),
    "metadata without its size": (
        lambda run: change(run / "model_float32.onnx.json", lambda s: s.pop("gzip_bytes")),
        r"'gzip_bytes' is missing; kerascnn convert"),
    "metadata of another run": (
        lambda run: change(run / "model_pruned.tflite.json",
                           lambda s: s["outputs"][0].update(labels=["x", "y"])),
        r"pruned.tflite.json: its labels .* convert the run again"),
    "metadata without a file": (
        lambda run: (run / "model_pruned.tflite").unlink(), r"pruned.tflite is missing"),
    "changed file": (lambda run: truncate(run / "model_pruned.tflite"), r"changed since"),
    "evaluation of 3 classes": (
        set_confusion(np.eye(3, dtype=int).tolist()),
        r"evaluation.json: expected .* 2x2, .* got 3 rows of 3; kerascnn evaluate"),
    "ragged evaluation": (set_confusion([[1, 1], [2]]), r"got 2 rows of 1 or 2"),
    "evaluation that does not add up": (set_confusion([[1, 1], [1, 0]]), r"counts 4 .* got 3"),
    "evaluation in words": (set_confusion("all right"), r"evaluation.json: confusion: .* evaluate"),
    "no evaluation inside": (
        lambda run: (run / "evaluation.json").write_text("[]"), r"expected a JSON object"),
    "benchmark without timings": (
        lambda run: change(run / "benchmark.json", lambda b: b.pop("timings")),
        r"'timings' is missing; kerascnn benchmark .* --out"),
}
# fmt: on


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_run_is_one_line_and_no_page(folder, case):
    damage, message = BROKEN[case]
    damage(folder)
    before = listing(folder)
    with pytest.raises(UserError, match=message) as raised:
        write_report(folder)
    assert "\n" not in str(raised.value)
    assert listing(folder) == before


def test_an_artifact_that_its_engine_refuses_leaves_all_metadata_as_they_were(folder):
    for name in FILES:
        change(metadata_path(folder / name), lambda s: s["accuracy"].pop("test"))
    path = folder / FILES[2]
    truncate(path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    change(metadata_path(path), lambda s: s.update(sha256=found))
    before = listing(folder)
    with pytest.raises(UserError, match=r"model_pruned.tflite: LiteRT"):
        write_report(folder)
    assert listing(folder) == before


def listing(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_share_below_all_is_never_written_as_all():
    assert percent(1.0) == "100.00 %"
    assert percent(0.999999) == "> 99.99 %"
    assert percent(0.9949) == "99.49 %"


def test_agreement_of_an_int8_file_is_said_in_steps_and_labels():
    names = [
        "outputs within 1 step of the simulation",
        "labels that agree with the simulation",
        "points of accuracy lost",
    ]
    checks = [type("Check", (), {"name": n, "measured": 0.9975}) for n in names]
    assert agreement(checks) == ["99.75 % within 1 step", "99.75 % same label"]


def test_a_confusion_of_many_classes_loses_its_names_and_counts_but_not_its_axes():
    svg = confusion(np.eye(60, dtype=int), [f"class {i}" for i in range(60)])
    assert "class 7" not in svg
    assert "answer (number of the class)" in svg


def test_a_class_without_test_images_is_an_empty_row():
    assert ">5</text>" in confusion(np.array([[0, 0], [0, 5]]), ["a", "b"])


def test_only_so_many_filters_are_drawn():
    svg = filters(np.random.default_rng(0).random((100, 3, 3, 2)))
    assert "100 filters of 3x3x2, the first 96, their first channel" in svg
    assert svg.count("<image") == 96


def test_a_diverged_training_is_still_drawn():
    rows = [{**row, "val_loss": float("nan")} for row in history(1)]
    assert "cross-entropy (nats)" in loss(rows, "Training")
    assert ">epoch</text>" in learning_rate(rows, "Training")
