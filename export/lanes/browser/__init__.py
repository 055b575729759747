"""The browser: LiteRT.js and ONNX Runtime Web in a headless Chromium."""

from .lane import BROWSER

__all__ = ["BROWSER"]
