"""The page of `benchmarks.lanes`: tables by kind of evidence, what int8 slows, and the chart."""

from dataclasses import dataclass

from kerascnn.files import replacing
from kerascnn.models import variant

NOT_YET_RUN = "not yet run"

HEAD = """\
# Lane by lane

What networks cost in float32, in int8, and in int8 after half of the multiply-accumulates went with
their channels. Written by `python -m benchmarks.lanes --out docs/lanes.md`, which goes on where it
stopped. Kinds of evidence never share a table; [Measuring where it will run](measuring.md) says
what each is. The networks have made-up weights: a latency does not depend on them.

![Published top-1 against multiply-accumulates and against measured time](lanes.svg)

Left: the published top-1 on ImageNet against the multiply-accumulates of an image; the area of a
disc is the size of the float32 weights. Right: against the time that LiteRT took here, in float32
(light) and int8 (dark; the accuracy is the published one, which int8 keeps at best).
"""


@dataclass(frozen=True)
class Column:
    """heading: with the unit. lane, setting: as `kerascnn benchmark` has them. suffix: of the
    files. scale: what a figure is divided by."""

    heading: str
    lane: str
    setting: str
    suffix: str = ".tflite"
    scale: float = 1.0


THREAD = "1 thread"
COLUMNS = {
    "measured": (
        Column("LiteRT, ms", "litert", THREAD),
        Column("LiteRT builtin, ms", "litert-builtin", THREAD),
        Column("ONNX Runtime, ms", "onnxruntime", THREAD, ".onnx"),
        Column("OpenVINO, ms", "openvino", THREAD, ".onnx"),
        Column("Chromium, ms", "browser", THREAD),
    ),
    "counted": (
        Column("Cortex-A53, M instructions", "arm", "Cortex-A53", scale=1e6),
        Column("Cortex-A76, M instructions", "arm", "Cortex-A76", scale=1e6),
    ),
    "modelled": (
        Column("U55-128, M cycles", "ethos-u55", "U55-128", scale=1e6),
        Column("U65-512, M cycles", "ethos-u65", "U65-512", scale=1e6),
        Column("U85-256, M cycles", "ethos-u85", "U85-256", scale=1e6),
    ),
    "compat": (Column("TFLite Micro, arena in kB", "tflm", "", scale=1e3),),
}
BUSY = (
    "More processes waited for the machine than it has cores while some of these were measured: "
    "the clock's figures are upper bounds, and differences of a tenth are none. What is counted, "
    "modelled and allocated does not mind."
)
MEANING = {
    "measured": "A clock, one thread, medians. ONNX Runtime and OpenVINO run the .onnx files.",
    "counted": "Instructions of one inference, emulated: exact, and no time.",
    "modelled": "Cycles as Vela estimates them. Nothing ran. An NPU has no floats.",
    "compat": "Whether it runs, and the working memory it takes.",
}


def cell(figures, network, form, column):
    """What stands in a table: a figure, "refused" or "not yet run"."""
    lane = figures.get(network, {}).get(column.lane)
    found = lane and lane["forms"][form].get(column.setting)
    if not found:
        return NOT_YET_RUN
    if found["value"] is None:
        return "refused"
    return f"{found['value'] / column.scale:,.3g}"


def page(figures, networks, forms):
    """The figures as Markdown."""
    lines = HEAD.splitlines()
    for evidence, columns in COLUMNS.items():
        lines += ["", f"## {evidence.capitalize()}", "", MEANING[evidence], ""]
        lines += ["| network | file | " + " | ".join(c.heading for c in columns) + " |"]
        lines += ["|---|---|" + "---|" * len(columns)]
        for network in networks:
            for form in forms:
                cells = [cell(figures, network, form, column) for column in columns]
                lines.append(f"| {network} | {form} | " + " | ".join(cells) + " |")
    slower = slowed(figures, networks)
    lines += ["", "## Where int8 is slower than float32", ""]
    lines += slower or ["Nowhere, of what was measured."]
    lines += ["", "## What was refused", ""]
    lines += refusals(figures) or ["Nothing."]
    lines += ["", "## When, and on what", ""]
    return "\n".join([*lines, *origins(figures)]) + "\n"


def slowed(figures, networks):
    """A line for each network that int8 slows on a lane with a clock, and where its time goes."""
    lines = []
    for network in networks:
        for column in COLUMNS["measured"]:
            forms = figures.get(network, {}).get(column.lane, {}).get("forms", {})
            plain, int8 = (forms.get(f, {}).get(column.setting) or {} for f in ("float32", "int8"))
            if not (plain.get("value") and int8.get("value")) or int8["value"] <= plain["value"]:
                continue
            ratio = int8["value"] / plain["value"]
            kinds = ", ".join(f"{kind} {share:.0%}" for kind, share in int8["kinds"])
            why = f" Its int8 time: {kinds}." if kinds else ""
            name = column.heading.split(",")[0]
            lines.append(f"- {network} on {name}: {ratio:.2f} of the time of float32.{why}")
    return lines


def refusals(figures):
    """A line for each reason that a lane gave, and for which files."""
    reasons = {}
    for network, lanes in figures.items():
        for lane, told in lanes.items():
            for form, cells in told["forms"].items():
                for found in cells.values():
                    if found["refused"]:
                        key = lane, found["refused"]
                        reasons.setdefault(key, {})[f"{network} {form}"] = None
    return [f"- {lane}: {reason} ({', '.join(files)})" for (lane, reason), files in reasons.items()]


def origins(figures):
    """The days, versions and machines of the figures, a line a lane; and whether they were busy."""
    found = {}
    for lanes in figures.values():
        for lane, told in lanes.items():
            versions = ", ".join(f"{k} {v}" for k, v in told["versions"].items())
            key = lane, versions, told["machine"]["cpu"], told["machine"]["cores"]
            found.setdefault(key, []).append((told["date"], told["load"] or 0.0))
    lines = ["| lane | versions | processor | load at most | days |", "|---|---|---|---|---|"]
    busy = False
    for (lane, versions, cpu, cores), seen in found.items():
        first, last = min(day for day, _ in seen), max(day for day, _ in seen)
        span = first if first == last else f"{first} to {last}"
        load = max(load for _, load in seen)
        busy |= load > cores and lane in {c.lane for c in COLUMNS["measured"]}
        lines.append(f"| {lane} | {versions} | {cpu}, {cores} cores | {load:.0f} | {span} |")
    return ([BUSY, ""] if busy else []) + lines


def chart(path, figures, networks):
    """Draws published accuracy against multiply-accumulates, and against LiteRT's time."""
    from matplotlib.figure import Figure

    rows = {n: variant(n).row for n in networks if variant(n).row.num_classes == 1000}
    sizes = {n: 4 * row.params for n, row in rows.items()}
    figure = Figure(figsize=(12, 5), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for name, row in rows.items():
        area = sizes[name] / 4e5
        left.scatter(row.macs, row.top1, s=area, color="tab:blue", alpha=0.35)
        _name(left, name, row.macs, row.top1)
        forms = figures.get(name, {}).get("litert", {}).get("forms", {})
        times = [(forms.get(f, {}).get(THREAD) or {}).get("value") for f in ("float32", "int8")]
        if not all(times):
            continue
        right.plot(times, [row.top1] * 2, color="0.7", linewidth=1, zorder=0)
        right.scatter(times[0], row.top1, s=area, color="tab:blue", alpha=0.35)
        right.scatter(times[1], row.top1, s=area / 4, color="tab:blue")
        _name(right, name, min(times), row.top1)
    left.set(xscale="log", xlabel="multiply-accumulates for one image")
    left.set_ylabel("published top-1 on ImageNet, %")
    right.set(xscale="log", xlabel="ms for one image: LiteRT, one thread")
    for axes in (left, right):
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
        axes.margins(0.15)
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata={"Date": None})


def _name(axes, name, x, y):
    axes.annotate(name, (x, y), (4, 6), textcoords="offset points", fontsize=8)
