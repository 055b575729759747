"""Evaluation of trained networks."""

from kerascnn.evaluation.classification import Evaluation, accuracy, classification, evaluate
from kerascnn.evaluation.outputs import outputs_of, predictions
from kerascnn.evaluation.prediction import predict, ranked

__all__ = [
    "Evaluation",
    "accuracy",
    "classification",
    "evaluate",
    "outputs_of",
    "predict",
    "predictions",
    "ranked",
]
