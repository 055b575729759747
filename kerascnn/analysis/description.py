"""What a network is made of: one line a layer, and the sums."""

from dataclasses import replace

import keras

from kerascnn.analysis.counting import count_graph
from kerascnn.analysis.described import Description, KindSum, LayerDescription
from kerascnn.analysis.famous_figures import told_wrong
from kerascnn.analysis.graph import walk
from kerascnn.analysis.memory import memory, nbytes
from kerascnn.analysis.receptive import receptive_fields
from kerascnn.analysis.training_memory import training_memory
from kerascnn.models import build
from kerascnn.models.graph import without_weights


def describe(
    name_or_model: str | keras.Model,
    *,
    precision: str = "float32",
    input_shape: tuple[int, ...] | None = None,
) -> Description:
    """Describes a network by its graph; a registered one is built without its weights.

    Args:
        name_or_model: a name that `models()` lists, or a functional or Sequential model.
        precision: of the activations: "float32", "float16", "bfloat16" or "int8".
        input_shape: (height, width, channels) that a registered network is built for.

    Returns:
        A `Description`.

    Raises:
        UserError: unknown name or precision, a model that is no graph, or an open image size.
    """
    model = name_or_model
    if isinstance(model, str):
        with without_weights():
            model = build(model, input_shape=input_shape)
    graph = walk(model)
    counts = count_graph(graph)
    fields = receptive_fields(graph)
    rows = []
    for call, counted in zip(graph.calls, counts.layers, strict=True):
        shapes = tuple(x.shape[1:] for x in call.outputs)
        rows.append(
            LayerDescription(
                name=call.name,
                kind=counted.kind,
                output_shape=shapes[0] if len(shapes) == 1 else shapes,
                params=counted.params,
                macs=counted.macs,
                memory=sum(nbytes(x, precision) for x in call.outputs),
                receptive_field=fields[call.outputs[0]],
            )
        )
    found = Description(
        name=model.name,
        precision=precision,
        layers=tuple(rows),
        params=counts.params,
        params_total=counts.params_total,
        macs=counts.macs,
        uncounted=counts.uncounted,
        memory=memory(graph, precision=precision),
        by_kind=_by_kind(rows),
        training=training_memory(graph, counts.params, counts.params_total, precision=precision),
    )
    if not isinstance(name_or_model, str):
        return found
    return replace(found, told_wrong=told_wrong(found))


def _by_kind(rows):
    sums = []
    for kind in {row.kind for row in rows}:
        same = [row for row in rows if row.kind == kind]
        params, macs = sum(row.params for row in same), sum(row.macs or 0 for row in same)
        if params or macs:
            sums.append(KindSum(kind, len(same), params, macs))
    return tuple(sorted(sums, key=lambda x: (-x.macs, -x.params, x.kind)))
