"""Why an int8 file loses accuracy: `export.debug`."""

from export.debugging.analysis import analyse
from export.debugging.subject import open_subject
from kerascnn.errors import UserError

IMAGES = 200


def debug(path, *, recipe=None, images=IMAGES, data_dir=None):
    """Finds which layers of an int8 file lose its accuracy, on validation images of its run.

    Args:
        path: a .tflite or .onnx file in a run folder; also one that `convert` refused to keep.
        recipe: where the file is missing and its name does not tell it.
        images: how many to measure on.
        data_dir: as in `train`.

    Returns:
        An `Analysis`, the worst layer first.

    Raises:
        UserError: no int8 file, or a run that is incomplete.
    """
    if images < 1:
        raise UserError(f"expected at least 1 image, got {images}")
    subject = open_subject(path, recipe=recipe, data_dir=data_dir)
    return analyse(subject.simulated, *subject.sample(images))
