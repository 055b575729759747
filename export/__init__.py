"""export: a trained Keras model becomes an artifact that is run, compared and measured.

In a script of your own, with a model and data of any kind:

    export.Pruning(model, sparsity=0.5)       -> Keras callback: zeros, which quantize keeps
    export.remove_channels(model, macs=0.5, data=..) -> a narrower keras.Model
    export.channel_widths(before, after)      -> what was removed, layer by layer
    export.cluster(model, values=16)          -> keras.Model whose kernels share few values
    export.keep_zeros(model)                  a pruned model that was loaded: its zeros stay so
    export.sensitivity(model, evidence)       -> Scan: what pruning each layer costs; scan.table
    export.equalize(model, data)              -> keras.Model: the same, easier to quantize
    export.quantize(model, data)              -> keras.Model that trains with int8 arithmetic
    export.FreezeStatistics(epoch)            -> Keras callback: batch statistics stay from there on
    export.strip(model)                       -> plain float keras.Model of any of these
    export.deliver(model, files, evidence=..) -> files that were run and compared
    export.verify(path, model, evidence)      -> Verdict: a file once more
    export.debug(model, evidence)             -> Analysis: which layers lose accuracy in int8
    export.convert(model, to="tflite")        -> bytes
    export.benchmark(paths)                   -> list of timings

A .tflite or .onnx file that any tool wrote:

    export.describe(path)                     -> FileDescription: operators, ends, what is in float
    export.compare(path, against, evidence)   -> Comparison with a model or with another file

A run of `kerascnn.train`, and its recipes:

    export.search(config, out, macs=.., bytes=..) -> Search: the best network within two limits
    export.compress(run, recipe)              -> keras.Model
    export.sensitivity(run)                   -> Scan: what pruning each layer costs
    export.deliver(run, ["tflite"], recipe=..)-> verified files in the run folder
    export.pack(run, recipe)                  -> a file of shared weights; unpack(path) reads it
    export.stage(paths, folder)               -> a folder that an app takes its models from

In a folder with an `export.py` of your own, `from kerascnn import export` gives this package.
"""

from importlib import import_module

import kerascnn

_homes = {
    "DeliveryError": ".delivery.deliver",
    "FreezeStatistics": ".quantization.folded_normalization",
    "Pruning": ".pruning.schedule",
    "benchmark": ".runtimes.benchmarking",
    "channel_widths": ".pruning.channel_removal",
    "cluster": ".sharing.clustering",
    "compare": ".inspection.comparison",
    "compress": ".delivery.compress",
    "convert": ".conversion.convert",
    "debug": ".debugging.debug",
    "describe": ".inspection.description",
    "deliver": ".delivery.deliver",
    "equalize": ".quantization.equalized",
    "keep_zeros": ".constraints.zeros",
    "pack": ".delivery.packing",
    "quantize": ".quantization.calibration",
    "remove_channels": ".pruning.channel_removal",
    "remove_channels_for_latency": ".delivery.latency",
    "search": ".architecture_search.halving",
    "sensitivity": ".pruning.sensitivity",
    "stage": ".delivery.staging",
    "strip": ".quantization.stripping",
    "unpack": ".delivery.packing",
    "verify": ".delivery.verify",
}
__all__ = [
    "DeliveryError",
    "FreezeStatistics",
    "Pruning",
    "benchmark",
    "channel_widths",
    "cluster",
    "compare",
    "compress",
    "convert",
    "debug",
    "deliver",
    "equalize",
    "keep_zeros",
    "describe",
    "pack",
    "quantize",
    "remove_channels",
    "remove_channels_for_latency",
    "search",
    "sensitivity",
    "stage",
    "strip",
    "unpack",
    "verify",
]


def __getattr__(name):
    if name not in _homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_homes[name], __name__), name)


# What a script saved, it loads again with keras.models.load_model and no other import than this
# package. The command line and the processes that run files do without Keras as long as they can.
if not kerascnn.answers_at_once:
    import_module(".registered", __name__)
