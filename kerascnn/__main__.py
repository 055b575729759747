"""The command `kerascnn`, also as `python -m kerascnn`. Its verbs are mounted by export.cli."""

from importlib import import_module

import kerascnn


def main() -> None:
    """Runs the command line of `export`, whatever else is called so on the path."""
    kerascnn.answers_at_once = True
    import_module(f"{kerascnn.export.__name__}.cli").main()


if __name__ == "__main__":
    main()
