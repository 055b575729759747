"""The program in a model card: it runs the file on one sample."""

from typing import Any

from .description import RAW_AS_INT8, are_pixels

NOT_ZERO = 128  # what is subtracted of pixels where an input is int8


def program(name: str, metadata: dict[str, Any], suffix: str) -> list[str]:
    """The lines of a program that runs the file on one sample."""
    ends, given = metadata["inputs"], metadata["outputs"]
    variables = ["x"] if len(ends) == 1 else [f"x{i}" for i in range(len(ends))]
    lines = (
        ["import json", "", "import numpy as np"] if given[0]["labels"] else ["import numpy as np"]
    )
    if suffix == ".tflite":
        lines += ["from ai_edge_litert.interpreter import Interpreter", ""]
    else:
        lines += ["import onnxruntime", ""]
    for variable, end in zip(variables, ends, strict=True):
        lines += _sample(variable, end)
    taken = [_as_taken(variable, end) for variable, end in zip(variables, ends, strict=True)]
    if suffix == ".tflite":
        lines += [f"interpreter = Interpreter({name!r})", "interpreter.allocate_tensors()"]
        lines.append("ends = interpreter.get_input_details(), interpreter.get_output_details()")
        for number, value in enumerate(taken):
            lines.append(f'interpreter.set_tensor(ends[0][{number}]["index"], {value})')
        lines += [
            "interpreter.invoke()",
            'found = [interpreter.get_tensor(end["index"]) for end in ends[1]]',
        ]
    else:
        named = ", ".join(f"{e['name']!r}: {value}" for e, value in zip(ends, taken, strict=True))
        lines += [
            f"session = onnxruntime.InferenceSession({name!r})",
            f"found = session.run(None, {{{named}}})",
        ]
    for number, end in enumerate(given):
        value = f"found[{number}]"
        if end["scale"] is not None:
            value = f"({value}.astype('float32') - {end['zero_point']}) * {end['scale']!r}"
        lines.append(f"y{number if len(given) > 1 else ''} = {value}")
    if given[0]["labels"]:
        first = "y0" if len(given) > 1 else "y"
        lines.append(f'labels = json.load(open({name + ".json"!r}))["outputs"][0]["labels"]')
        lines.append(f"print(labels[{first}[0].argmax()])")
    else:
        lines.append(
            f"print({', '.join(f'y{i}' for i in range(len(given))) if len(given) > 1 else 'y'})"
        )
    return lines


def _sample(variable, end):
    shape = tuple(1 if n == -1 else n for n in end["shape"])
    if are_pixels(end["values"]):
        what = f"{end.get('color', 'pixels')}, 0..255, as they are"
        return [f'{variable} = np.zeros({shape}, "uint8")  # {what}']
    return [f'{variable} = np.zeros({shape}, "float32")  # as the model was trained on']


def _as_taken(variable, end):
    """The expression that makes what a file takes of a sample."""
    if end["values"] == RAW_AS_INT8:
        return f'({variable}.astype("int16") - {NOT_ZERO}).astype("int8")'
    if are_pixels(end["values"]):
        return variable if end["dtype"] == "uint8" else f'{variable}.astype("{end["dtype"]}")'
    if end["scale"] is None:
        return variable if end["dtype"] == "float32" else f'{variable}.astype("{end["dtype"]}")'
    low, high = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-(2**15), 2**15 - 1)}[
        end["dtype"]
    ]
    steps = f"np.rint({variable} / {end['scale']!r}) + {end['zero_point']}"
    return f'({steps}).clip({low}, {high}).astype("{end["dtype"]}")'
