"""Engines that run artifacts, each in a process of its own."""

from .artifact import Artifact

__all__ = ["Artifact"]
