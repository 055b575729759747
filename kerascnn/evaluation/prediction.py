"""What a trained network says of image files."""

import numpy as np

from kerascnn.data import read_image


def predict(run, paths, top=3):
    """Ranks the labels of a run for image files, any size; they are resized as in training.

    Returns:
        For each path a list of `top` pairs (label, probability), likeliest first.

    Raises:
        UserError: a file that is missing or no image.
    """
    shape, rule = run.facts["input_shape"], run.facts["resize"]
    pixels = np.stack([read_image(path, tuple(shape), rule) for path in paths])
    logits = run.model().predict(pixels.astype("float32"), verbose=0)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    ranked = np.argsort(-probabilities, axis=1)[:, :top]
    return [
        [(run.labels[i], float(row[i])) for i in order]
        for row, order in zip(probabilities, ranked, strict=True)
    ]


def logits_of(model, images: np.ndarray) -> np.ndarray:
    """The outputs of a model of one input and one output for pixels, (n, h, w, c) uint8."""
    return model.predict(images.astype("float32"), batch_size=256, verbose=0)


def predictions(model, inputs, batch_size: int = 64) -> list[np.ndarray]:
    """The outputs of a model for an array an input, (n, ...): an array an output, float32.

    Integers are given as the floats that a Keras model computes with.
    """
    import keras

    from kerascnn.models.graph import packed

    given = packed(model, [np.asarray(x, "float32") for x in inputs])
    outputs = model.predict(given, batch_size=batch_size, verbose=0)
    return [np.asarray(y, "float32") for y in keras.tree.flatten(outputs)]
