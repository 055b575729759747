"""Figures of famous networks that are usually told wrong, beside what their layers add up to."""

import re

from kerascnn.analysis.described import Description
from kerascnn.models import variant


def told_wrong(description: Description) -> tuple[str, ...]:
    """What is told of this network and does not hold, a sentence each; nothing of most networks.

    description: of a network at its own size, by its registered name.
    """
    name = description.name
    if name not in TOLD:
        return ()
    row = variant(name).row
    if (description.params, description.macs) != (row.params, row.macs):
        return ()  # another network of that name, or another size
    return (TOLD[name](description),)


def _vgg16(description):
    in_place, numbers = description.memory.total, {"float32": 4, "int8": 1}
    size = numbers.get(description.precision, 2)
    views = ("Flatten", "Dropout")
    outputs = sum(row.memory for row in description.layers if row.kind not in views)
    # The hidden dense layers have their ReLU inside; a copy behind it would be as large again.
    hidden = sum(r.memory for r in description.layers if re.match(r"head_\d_dense", r.name))
    copies = outputs + hidden
    return (
        "Often told: 24 M numbers, 96 MB, of activations a forward pass in float32. The layers add "
        f"up to {in_place / size / 1e6:.1f} M numbers ({4 * in_place / size / 1e6:.1f} MB) with "
        f"each ReLU in the place of its convolution, and to {copies / size / 1e6:.1f} M "
        f"({4 * copies / size / 1e6:.1f} MB) with a copy behind each."
    )


def _inception_module(description):
    (three,) = (r.macs for r in description.layers if r.name == "stage1_block1_3x3_conv")
    naive, told = variant("inception_module_naive").row.macs, description.macs + three
    return (
        f"Often told: {told / 1e6:.0f} M multiplications. That counts the 3x3 convolution twice; "
        f"they are {description.macs / 1e6:.0f} M, {naive / description.macs:.2f} times fewer than "
        f"without reductions, not {naive / told:.2f}."
    )


def _googlenet(description):
    alexnet = variant("alexnet").row.params
    (classifier,) = (r.params for r in description.layers if r.name == "head_logits")
    return (
        "Often told: 12 times fewer parameters than AlexNet, which is 60 M / 5 M, both rounded. "
        f"They are {alexnet / description.params:.1f} times fewer, "
        f"{alexnet / (description.params - classifier):.1f} without GoogLeNet's classifier."
    )


def _squeezenet1_0(description):
    alexnet = variant("alexnet").row.params
    return (
        "Often told: 50 times fewer parameters than AlexNet, and 0.5 MB. They are "
        f"{alexnet / description.params:.1f} times fewer, {4 * description.params / 1e6:.1f} MB; "
        "the 0.5 MB are after compression."
    )


TOLD = {
    "vgg16": _vgg16,
    "inception_module": _inception_module,
    "googlenet": _googlenet,
    "squeezenet1_0": _squeezenet1_0,
}
