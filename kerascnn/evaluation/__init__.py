"""Evaluation of trained networks."""

from kerascnn.evaluation.classification import Evaluation, accuracy, classification, evaluate
from kerascnn.evaluation.prediction import logits_of, predict, predictions

__all__ = [
    "Evaluation",
    "accuracy",
    "classification",
    "evaluate",
    "logits_of",
    "predict",
    "predictions",
]
