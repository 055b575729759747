"""export: a trained Keras model becomes an artifact that is run, compared and measured.

    export.compress(run, recipe)           -> keras.Model
    export.convert(model, to="tflite")     -> bytes
    export.deliver(run, recipe, formats)   -> verified files in the run folder
    export.deliver_own(file, recipe, ...)  -> the same of a .keras file that was not trained here
    export.verify(path)                    -> Verdict
    export.benchmark(paths)                -> list of timings

Names are imported when they are first used, as in kerascnn.
"""

from importlib import import_module

_homes = {
    "compress": "export.compression.compress",
    "convert": "export.conversion",
    "deliver": "export.conversion.deliver",
    "deliver_own": "export.conversion.own_model",
    "verify": "export.verification",
    "benchmark": "export.benchmarking",
}
__all__ = ["benchmark", "compress", "convert", "deliver", "deliver_own", "verify"]


def __getattr__(name):
    if name not in _homes:
        raise AttributeError(f"module 'export' has no attribute {name!r}")
    return getattr(import_module(_homes[name]), name)
