"""A static page that runs a verified file wholly in the browser."""

from .writing import write_webdemo

__all__ = ["write_webdemo"]
