"""Layers of a network that begin with what another one has learned."""

import keras

from kerascnn.config import PretrainedConfig
from kerascnn.errors import UserError, unknown
from kerascnn.training.run import open_run


def copy_pretrained(model: keras.Model, config: PretrainedConfig) -> None:
    """Copies the weights of the named layers of a run into the layers of these names.

    Raises:
        UserError: no such run, a layer that one of both networks has not, or another shape.
    """
    learned = {layer.name: layer for layer in open_run(config.run).model().layers if layer.weights}
    ours = {layer.name: layer for layer in model.layers if layer.weights}
    for name in config.layers:
        for layers, of in ((ours, model.name), (learned, config.run)):
            if name not in layers:
                raise unknown(f"model.pretrained: layer with weights of {of}", name, layers)
        shapes = [[tuple(w.shape) for w in layers[name].weights] for layers in (learned, ours)]
        if shapes[0] != shapes[1]:
            raise UserError(
                f"model.pretrained: {name} has weights of {shapes[0]} in {config.run}, expected "
                f"{shapes[1]}; leave it out of the layers"
            )
        ours[name].set_weights(learned[name].get_weights())
