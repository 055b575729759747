"""Engines that run artifacts, each in a process of its own."""

from export.runtimes.process import Artifact

__all__ = ["Artifact"]
