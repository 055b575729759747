"""Engines that run artifacts, each in a process of its own."""

from .process import Artifact

__all__ = ["Artifact"]
