"""The teacher that a config names."""

from pathlib import Path

import keras

from kerascnn.config import DistillationConfig
from kerascnn.errors import UserError, unknown
from kerascnn.models import build, models, preprocessing
from kerascnn.models.graph import normalized
from kerascnn.training.distillation import Distillation
from kerascnn.training.run import MODEL_FILES, load_finite, open_run


def open_teacher(
    config: DistillationConfig, *, input_shape: tuple[int, ...], num_classes: int
) -> keras.Model:
    """Opens the network that a config names as teacher; it takes raw pixels.

    Args:
        config: its `teacher` is the folder of a run, a .keras file of raw pixels, or, with
            `weights`, a registered network, for which pixels are normalized as they demand.
        input_shape, num_classes: of the student, for a registered network.

    Raises:
        UserError: nothing of that kind, or weights where there is no room for them.
    """
    path = Path(config.teacher)
    if config.weights is None:
        if path.is_dir():
            return open_run(path).model()
        if path.suffix in MODEL_FILES:
            return load_finite(path)
        if config.teacher in models():
            raise UserError(
                f"distillation.teacher: {config.teacher} without weights knows nothing; write "
                "'weights', imagenet or a file, beside it"
            )
        raise UserError(
            f"distillation.teacher: {config.teacher} is neither the folder of a run nor a .keras "
            "file"
        )
    if config.teacher not in models():
        raise unknown("distillation.teacher", config.teacher, models())
    network = build(
        config.teacher, input_shape=input_shape, num_classes=num_classes, weights=config.weights
    )
    return normalized(network, preprocessing(config.teacher, config.weights))


def distillation_of(config: DistillationConfig, student: keras.Model) -> Distillation:
    """The `Distillation` of a config for a student that takes raw pixels.

    Raises:
        UserError: see `open_teacher` and `Distillation`.
    """
    from kerascnn.training.objective import without_auxiliary

    student = without_auxiliary(student)
    teacher = open_teacher(
        config, input_shape=student.input_shape[1:], num_classes=student.output_shape[-1]
    )
    return Distillation(
        student,
        teacher,
        temperature=config.temperature,
        weight=config.weight,
        features=config.features,
        feature_weight=config.feature_weight,
    )
