"""The model card beside an artifact: its metadata in words, and how to run it in Python."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from kerascnn.errors import printable
from kerascnn.files import write_json, write_text

from .card_program import program
from .description import are_pixels
from .metadata import metadata_path

RUNTIMES = {".tflite": ("LiteRT", "ai-edge-litert"), ".onnx": ("ONNX Runtime", "onnxruntime")}
COMPARISONS = {"<=": "at most", ">=": "at least"}
FLOAT = {  # what computes in float, by the method of the recipe
    None: "All of it: this is a float file.",
    "float16": "All of it: the weights are stored as float16 and computed with as float32.",
    "dynamic": "The weights are int8; what passes between layers is float.",
    "int16x8": "Nothing: weights are int8, what passes between layers is int16.",
}


def card_path(path: str | Path) -> Path:
    """Where the model card of an artifact stands: model_int8.tflite.md."""
    path = Path(path)
    return path.with_name(path.name + ".md")


def write_metadata_and_card(path: Path, metadata: dict) -> None:
    """Writes what stands beside an artifact, the metadata last: it vouches for the rest."""
    write_text(card_path(path), card(path.name, metadata))
    write_json(metadata_path(path), metadata)


def remove_metadata_and_card(path: Path) -> None:
    """Removes what stands beside an artifact, where it is there."""
    for stale in (metadata_path(path), card_path(path)):
        stale.unlink(missing_ok=True)


def card(name: str, metadata: dict) -> str:
    """The text of a model card, Markdown in UTF-8.

    Args:
        name: of the artifact's file. metadata: what `describe` gave for it.
    """
    suffix = name[name.rfind(".") :]
    runtime, package = RUNTIMES[suffix]
    recipe = metadata["recipe"]["name"].replace("_", " ") if metadata["recipe"] else ""
    lines = [
        f"# {_plain(name)}",
        "",
        f"{_plain(metadata['model'])}, {recipe}, for {runtime}: {metadata['bytes']:,} bytes, "
        f"{metadata['gzip_bytes']:,} gzipped. It needs {metadata['minimum_runtime'] or runtime}.",
        "",
        "## What it takes",
        "",
        *[_taken(end) for end in metadata["inputs"]],
        "",
        "## What it gives",
        "",
        *[_given(end) for end in metadata["outputs"]],
        "",
        "## In Python",
        "",
        f"    pip install numpy {package}",
        "",
        "```python",
        *program(name, metadata, suffix),
        "```",
        "",
        "## Figures",
        "",
        *_figures(metadata),
        "",
        "| check | measured | limit | |",
        "| --- | ---: | --- | --- |",
        *[_check(check) for check in metadata["checks"]],
        "",
        "## What computes in float",
        "",
        _in_float(metadata),
        "",
        "## Limits",
        "",
        *[f"- {line}" for line in _limits(metadata)],
        "",
        "## How it was made",
        "",
        *_making(metadata),
        "",
        "## License",
        "",
        "To be written by the owner of the model, its weights and the images it was trained on.",
    ]
    return "".join(f"{printable(line)}\n" for line in lines)


def _plain(text):
    """Text from anywhere as Markdown shows it: no link, no markup, no HTML."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#!|&~" else c for c in printable(str(text)))


def _taken(end):
    shape = " x ".join("n" if n == -1 else str(n) for n in end["shape"])
    text = f"- **{_plain(end['name'])}**: {end['dtype']}, {shape}: {end['values']}"
    if "resize" in end:
        text += f". {end['layout']}, {end['color']}. An image of another size: {end['resize']}"
    if end["scale"] is not None and not are_pixels(end["values"]):
        text += f"; scale {end['scale']!r}, zero point {end['zero_point']}"
    return text + "."


def _given(end):
    shape = " x ".join("n" if n == -1 else str(n) for n in end["shape"])
    text = f"- **{_plain(end['name'])}**: {end['dtype']}, {shape}: {end['meaning']}"
    if end["scale"] is not None:
        text += f"; a number is {end['scale']!r} x (integer - {end['zero_point']})"
    if end["labels"]:
        text += f". Labels: {', '.join(map(_plain, end['labels']))}"
    return text + "."


def _figures(metadata):
    measured = metadata["accuracy"].get("validation")
    if not measured:
        return ["No accuracy was measured: nobody gave labels. What was checked:"]
    name = measured.get("metric", "accuracy")
    ours, model = (
        f"{measured[key]:.2%}" if name == "accuracy" else f"{measured[key]:.6g}"
        for key in ("artifact", "trained")
    )
    return [
        f"{_plain(name.capitalize())} {ours} on {measured['images']:,} validation images; that of "
        f"the model as it was given is {model}. What was checked:"
    ]


def _check(check):
    verdict = "told only" if check["informs"] else "passed" if check["passed"] else "**failed**"
    limit = f"{COMPARISONS[check['comparison']]} {check['limit']:g}"
    cells = _plain(check["name"]), f"{check['measured']:.6g}", limit, verdict
    return f"| {' | '.join(cells)} |"


def _in_float(metadata):
    method = (metadata["recipe"].get("quantization") or {}).get("method")
    if metadata["float_layers"]:
        return f"These layers: {', '.join(map(_plain, metadata['float_layers']))}."
    quantized = any(end["scale"] is not None for end in (*metadata["inputs"], *metadata["outputs"]))
    if method in FLOAT and not quantized:
        return FLOAT[method]
    return "Nothing: all layers compute with integers."


def _limits(metadata) -> Iterator[str]:
    compared = metadata["source"]["compared_on"]
    measured = metadata["accuracy"].get("validation")
    yield (
        f"It was compared with its model on {compared['inputs']:,} inputs: "
        f"{_plain(compared['from'])}. On others it may differ more."
    )
    if metadata["doubt"]:
        yield f"That it passed {_plain(metadata['doubt'])}."
    if measured:
        chosen = ", which chose the epoch of the model" if "run" in metadata["source"] else ""
        yield (
            f"The accuracy was measured on {measured['images']:,} validation images{chosen}; on "
            "images of another kind it is another."
        )
    yield "It was run on a processor, by the versions below. Time it where it will run."


def _making(metadata):
    tools = ", ".join(f"{tool} {version}" for tool, version in metadata["tools"].items())
    source = metadata["source"]
    origin = (
        f"the run of {source['run']}" if "run" in source else source.get("file", "a Keras model")
    )
    recipe = {key: value for key, value in metadata["recipe"].items() if value not in (None, False)}
    text = yaml.safe_dump(recipe, sort_keys=False, width=90).splitlines()
    return [
        f"Of {_plain(origin)}, {metadata['made']}, by the recipe below; "
        f"Python {metadata['python']}, {tools}. sha256 {metadata['sha256']}.",
        "",
        "```yaml",
        *text,
        "```",
    ]
