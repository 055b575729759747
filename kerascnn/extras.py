"""What `pip install kerascnn` leaves out: the packages that only some of the work needs.

Each belongs to an extra of the same name in pyproject.toml.
"""

import sys
from importlib.util import find_spec

from kerascnn.errors import UserError

ONNX = {"tf2onnx": "tf2onnx", "onnx": "onnx", "onnxruntime": "onnxruntime"}
REPORT = {"matplotlib": "matplotlib", "jinja2": "jinja2"}
DIGITS = {"sklearn": "scikit-learn"}
EXTRAS = {  # extra -> {module that it brings: the package this comes in}
    "onnx": ONNX,
    "report": REPORT,
    "digits": DIGITS,
    "demo": {**DIGITS, **ONNX, **REPORT},
    "imagenet": {"scipy": "scipy"},
    "openvino": {"openvino": "openvino"},
    "ethos-u": {"ethosu": "ethos-u-vela"},
    "tensorboard": {"tensorboard": "tensorboard"},
    "hub": {"huggingface_hub": "huggingface_hub"},
    "tfmot": {
        "tensorflow_model_optimization": "tensorflow-model-optimization",
        "tf_keras": "tf-keras",
    },
}


def missing(extra: str) -> list[str]:
    """Returns the packages of an extra that are not installed; none of them is imported."""
    return [package for module, package in EXTRAS[extra].items() if not _is_there(module)]


def _is_there(module):
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        return find_spec(module) is not None
    except ImportError:  # of a finder that refuses it
        return False


def require(extra: str, what: str) -> None:
    """Raises UserError where a package of `extra` is missing, which `what` needs.

    Args:
        extra: a key of `EXTRAS`.
        what: the subject of the message, as "an .onnx file"; the verb is "needs".
    """
    if found := missing(extra):
        raise UserError(f"{what} needs {', '.join(found)}: {command(extra)}")


def command(extra: str) -> str:
    """Returns the command that installs an extra."""
    return f"pip install 'kerascnn[{extra}]'"
