"""export: a trained Keras model becomes an artifact that is run, compared and measured.

    export.sensitivity(run)                -> Scan: what pruning each layer costs
    export.compress(run, recipe)           -> keras.Model
    export.pack(run, recipe)               -> a file of shared weights; export.unpack(path) reads it
    export.convert(model, to="tflite")     -> bytes
    export.deliver(run, recipe, formats)   -> verified files in the run folder
    export.deliver_own(file, recipe, ...)  -> the same of a .keras file that was not trained here
    export.verify(path)                    -> Verdict
    export.debug(path)                     -> Analysis: which layers of an int8 file lose accuracy
    export.benchmark(paths)                -> list of timings
    export.stage(paths, folder)            -> a folder that an app takes its models from

Names are imported when they are first used, as in kerascnn.
"""

from importlib import import_module

_homes = {
    "compress": ".delivery.compress",
    "sensitivity": ".pruning.sensitivity",
    "pack": ".delivery.packing",
    "unpack": ".delivery.packing",
    "convert": ".conversion",
    "deliver": ".delivery.deliver",
    "debug": ".debugging.debug",
    "deliver_own": ".delivery.own_model",
    "verify": ".proof.verification",
    "benchmark": ".runtimes.benchmarking",
    "stage": ".delivery.staging",
}
__all__ = [
    "benchmark",
    "compress",
    "convert",
    "debug",
    "deliver",
    "deliver_own",
    "pack",
    "sensitivity",
    "stage",
    "unpack",
    "verify",
]


def __getattr__(name):
    if name not in _homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_homes[name], __name__), name)
