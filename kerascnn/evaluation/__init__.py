"""Evaluation of trained networks."""

from kerascnn.evaluation.calibration import at_temperature, calibration_error, fit_temperature
from kerascnn.evaluation.classification import (
    ClassResult,
    Evaluation,
    accuracy,
    class_results,
    classification,
    keep_evaluation,
)
from kerascnn.evaluation.crops import PLANS, crops_of, plan_of
from kerascnn.evaluation.dense import slid
from kerascnn.evaluation.labelled_images import labelled_images
from kerascnn.evaluation.mistakes import mistakes_figure, mistakes_sheet, worst_mistakes
from kerascnn.evaluation.outputs import logits_of, outputs_of, predictions
from kerascnn.evaluation.pictures import ArrayPictures, FilePictures, Pictures, pictures_of
from kerascnn.evaluation.prediction import predict, ranked
from kerascnn.evaluation.scores import Predictor, averaged, log_probabilities, scores
from kerascnn.evaluation.segmentation import Segmentation, mean_iou, segmentation

__all__ = [
    "ArrayPictures",
    "ClassResult",
    "Evaluation",
    "FilePictures",
    "PLANS",
    "Pictures",
    "Predictor",
    "Segmentation",
    "accuracy",
    "at_temperature",
    "averaged",
    "calibration_error",
    "class_results",
    "classification",
    "crops_of",
    "fit_temperature",
    "keep_evaluation",
    "labelled_images",
    "log_probabilities",
    "logits_of",
    "mean_iou",
    "mistakes_figure",
    "mistakes_sheet",
    "outputs_of",
    "pictures_of",
    "plan_of",
    "predict",
    "predictions",
    "ranked",
    "scores",
    "segmentation",
    "slid",
    "worst_mistakes",
]
