"""Why an int8 file loses accuracy: `export.debug`."""

from kerascnn.errors import UserError

from .analysis import analyse
from .subject import open_subject

COUNT = 200


def debug(path, *, recipe=None, count=COUNT, data_dir=None, images=None, trust=False, code=None):
    """Finds which layers of an int8 file lose its accuracy.

    Args:
        path: a .tflite or .onnx file in a run folder, measured on the run's validation images;
            also one that `convert` refused to keep. Or a .keras file that was not trained here,
            or what `convert` made of it, measured on `images`.
        recipe: where the file is missing and its name does not tell it; of a .keras file.
        count: how many images to measure on.
        data_dir: as in `train`.
        images, trust, code: of a .keras file, as in `deliver_own`.

    Returns:
        An `Analysis`, the worst layer first.

    Raises:
        UserError: no int8 file, or a run that is incomplete.
    """
    if count < 1:
        raise UserError(f"expected at least 1 image, got {count}")
    subject = open_subject(
        path, recipe=recipe, data_dir=data_dir, images=images, trust=trust, code=code
    )
    return analyse(subject.simulated, *subject.sample(count))
