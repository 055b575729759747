"""Arm processors, emulated: the instructions of an inference, the same in every run."""

from .lane import ARM

__all__ = ["ARM"]
