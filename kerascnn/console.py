"""The terminal: what the verbs say goes to `console`, one line of error to `complaints`."""

from rich.console import Console

console = Console(soft_wrap=True)
complaints = Console(stderr=True, soft_wrap=True, highlight=False)
