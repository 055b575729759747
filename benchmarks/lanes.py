"""What networks cost, lane by lane: float32, int8, and int8 of a half of the multiply-accumulates.

    python -m benchmarks.lanes --out docs/lanes.md resnet8 squeezenet1_1

Without names it takes all of NETWORKS. Files are made once, in the folder `--files`; figures
stand in docs/lanes.json as soon as a lane has given them, and the page and its chart are drawn of
those. What stands there is not measured again but with --again, so the same command goes on where
it was interrupted. A lane that this machine has not is left for another.

Nobody trained these networks: `benchmarks.signal_weights` gives them weights. A latency does not
depend on what they are; an accuracy would, and here there is none but the published one.
"""

import argparse
import datetime
import json
from pathlib import Path

import keras

import kerascnn
from benchmarks.lanes_page import COLUMNS, page
from benchmarks.lanes_page import chart as draw
from benchmarks.signal_weights import carry_signal, photographs
from export.lanes import LANES, Options, measure
from export.lanes.breakdown import breakdowns
from export.lanes.measuring import record
from export.runtimes.machine import load_average, machine
from kerascnn import export
from kerascnn.config import Normalize
from kerascnn.files import write_json, write_text
from kerascnn.models import variant
from kerascnn.models.graph import normalized

NETWORKS = (
    "resnet8",
    "mobilenet_v1_025",
    "mobilenet_v1",
    "mobilenet_v2",
    "squeezenet1_1",
    "shufflenet_v2_x1_0",
    "resnet50",
    "densenet121",
    "googlenet",
    "vgg16",
)
FORMS = ("float32", "int8", "channels50 int8")
SUFFIXES = (".tflite", ".onnx")
IMAGES = 16  # that set weights, statistics and ranges
RUNS = 50


def path_of(folder, network, form, suffix):
    """Where a file stands."""
    return folder / network / (form.replace(" ", "_") + suffix)


def make(folder, network):
    """Writes the files of a network that are not there."""
    paths = [path_of(folder, network, form, suffix) for form in FORMS for suffix in SUFFIXES]
    if all(path.exists() for path in paths):
        return
    (folder / network).mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    model = normalized(kerascnn.build(network), Normalize())
    images = photographs(variant(network).row.input_shape, IMAGES)
    carry_signal(model, images)
    pixels = images.astype("float32")
    thin = export.remove_channels(model, 0.5, criterion="l1")
    made = {
        "float32": model,
        "int8": export.quantize(model, pixels, pixels=True),
        "channels50 int8": export.quantize(thin, pixels, pixels=True),
    }
    for form, network_of_form in made.items():
        for suffix in SUFFIXES:
            data = export.convert(network_of_form, suffix[1:], pixels=True)
            path_of(folder, network, form, suffix).write_bytes(data)
    keras.backend.clear_session()


def columns_of(lane):
    """(suffix, settings) of the columns of a lane."""
    found = [c for columns in COLUMNS.values() for c in columns if c.lane == lane]
    return found[0].suffix, [column.setting for column in found]


def measured(folder, network, lane):
    """{form: {setting: what a cell says}} of a network on a lane."""
    suffix, settings = columns_of(lane)
    paths = {str(path_of(folder, network, form, suffix)): form for form in FORMS}
    options = Options(runs=RUNS, operators=lane in ("litert", "onnxruntime"))
    figures = measure(list(paths), [LANES[lane]], options)
    facts = record(figures, [LANES[lane]], options, "")
    kinds = {
        b.file: [(k, round(share, 3)) for k, _, _, share in b.kinds[:3]] for b in breakdowns(facts)
    }
    found = {form: {} for form in FORMS}
    for figure in figures:
        for setting in settings if figure.refused else (figure.setting,):
            if setting in settings:
                found[paths[figure.file]][setting] = {
                    "value": figure.value,
                    "refused": figure.refused,
                    "sha256": figure.sha256,
                    "kinds": kinds.get(figure.file, []),
                }
    return found


def main():
    """Measures what no figure stands of yet, and writes figures, page and chart after each lane."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NETWORK", help=", ".join(NETWORKS))
    parser.add_argument("--out", type=Path, required=True, help="the page; .json and .svg beside")
    parser.add_argument("--files", type=Path, default=Path("runs/lanes"))
    parser.add_argument("--lanes", help="only these, with commas between")
    parser.add_argument("--again", action="store_true", help="measure what has figures, too")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NETWORKS):
        parser.error(f"{', '.join(unknown)}: expected of {', '.join(NETWORKS)}")
    store = options.out.with_suffix(".json")
    figures = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    lanes = list(dict.fromkeys(c.lane for columns in COLUMNS.values() for c in columns))
    chosen = options.lanes.split(",") if options.lanes else lanes
    for network in options.names or NETWORKS:
        for lane in chosen:
            if not options.again and lane in figures.get(network, {}):
                continue
            probe = LANES[lane].probe()
            if not probe.available:
                print(f"{network} {lane}: {probe.missing}", flush=True)
                continue
            make(options.files, network)
            found = measured(options.files, network, lane)
            day = datetime.datetime.now(datetime.UTC).date().isoformat()
            figures.setdefault(network, {})[lane] = {
                "date": day,
                "versions": probe.versions,
                "machine": machine(),
                "load": load_average(),
                "forms": found,
            }
            write_json(store, figures)
            write_text(options.out, page(figures, NETWORKS, FORMS))
            draw(options.out.with_suffix(".svg"), figures, NETWORKS)
            print(network, lane, day, flush=True)


if __name__ == "__main__":
    main()
