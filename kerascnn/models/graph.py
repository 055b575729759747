"""Rebuilding a functional model with other layers: the one file that uses private names of Keras.

`Model._run_through_graph` is not public; pyproject pins Keras for its sake.
"""

import keras


def rebuild(model, inputs, operation_fn=lambda operation: operation):
    """Runs `inputs` through the graph of `model`, each node by `operation_fn(its operation)`.

    Args:
        model: a functional or sequential `keras.Model`.
        inputs: a Keras tensor, or a list as long as the model's inputs.
        operation_fn: operation -> a callable with the same arguments. The operation itself by
            default: its weights are then shared with `model`.

    Returns:
        The outputs, in the structure of the model's.
    """
    functional = model._functional if isinstance(model, keras.Sequential) else model
    return functional._run_through_graph(inputs, operation_fn=operation_fn)


def normalized(network, normalize):
    """Puts a `Normalize` in front of a network, so that it takes raw pixels, 0..255.

    The layer is called "normalize". The graph stays flat and the layers keep their names.
    """
    image = keras.Input(network.input_shape[1:], name="image")
    x = rescaling(normalize)(image)
    return keras.Model(image, rebuild(network, x), name=network.name)


def rescaling(normalize):
    """The layer (pixel - mean) / std, as the scale and offset that Keras' Rescaling takes."""
    mean, std = (
        list(v) if isinstance(v, tuple) else v for v in (normalize.mean, normalize.std)
    )
    if isinstance(mean, list) or isinstance(std, list):
        count = len(mean if isinstance(mean, list) else std)
        mean, std = (v if isinstance(v, list) else [v] * count for v in (mean, std))
        scale = [1 / s for s in std]
        offset = [-m / s for m, s in zip(mean, std, strict=True)]
    else:
        scale, offset = 1 / std, -mean / std
    return keras.layers.Rescaling(scale, offset, name="normalize")
