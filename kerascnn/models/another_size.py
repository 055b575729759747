"""A model for images of another size than it was built on."""

import keras

from kerascnn.errors import UserError
from kerascnn.models.graph import functional, traced, walk


def at_size(model: keras.Model, size: tuple[int, int]) -> keras.Model:
    """Returns a model on the same layers and weights for images of (height, width).

    Raises:
        UserError: a model that takes no single image, or a layer that is tied to its size, as the
            first dense layer behind a flattened map is.
    """
    graph = functional(traced(model))
    shapes = [tuple(x.shape) for x in graph.inputs]
    if [len(shape) for shape in shapes] != [4]:
        raise UserError(
            f"{model.name}: takes {', '.join(map(str, shapes))}, expected one image, (None, height,"
            " width, channels), to give it another size"
        )
    image = keras.Input(
        (*size, shapes[0][3]), dtype=graph.inputs[0].dtype, name=graph.inputs[0].name
    )

    def call(node, *args, **kwargs):
        try:
            return node.operation(*args, **kwargs)
        except ValueError as error:
            raise UserError(
                f"{model.name}: does not fit images of {size[0]}x{size[1]}: "
                f"{node.operation.name} is tied to its size: {str(error).splitlines()[0][:200]}"
            ) from None

    return keras.Model(image, walk(graph, image, call), name=model.name)
