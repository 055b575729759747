"""Whether a run may go on with a config: what it was trained with stands in its folder."""

from pathlib import Path

from kerascnn.config import Config, flat, parse, read_yaml
from kerascnn.errors import UserError
from kerascnn.training.checkpoints import epochs_done
from kerascnn.training.history import rows_of

LENGTH = "training.epochs"
# What does not change the training: one device or many, and who is told.
FREE = ("training.distribute", "training.trackers")
# Schedules that the number of epochs does not bend.
OPEN_ENDED = ("constant", "steps", "plateau", "exponential")


def refuse_existing(out: Path) -> None:
    """UserError where a folder holds a run."""
    if (out / "history.csv").exists():
        raise UserError(f"{out}: holds a run already; give another --out, or --resume it")


def refuse_another(config: Config, out: Path, *, resume: bool) -> None:
    """UserError where a folder holds a run that a config cannot go on with. Writes nothing.

    Args:
        config: a `Config`. out: the folder of a run that may be there. resume: whether to go on.
    """
    if not resume:
        refuse_existing(out)
        return
    last = out / "checkpoints" / "last.keras"
    if not last.exists():
        return  # no epoch was done
    path = out / "config.yaml"
    if not path.exists():
        raise UserError(f"{path} is missing: what this run was trained with; put it back")
    differing = _differences(parse(Config, read_yaml(path), path), config)
    for key in FREE:
        differing.pop(key, None)
    was, asked = differing.get(LENGTH, (0, 0))
    if (
        asked is not None
        and was is not None
        and asked > was
        and config.optimizer.schedule.name in OPEN_ENDED
    ):
        del differing[LENGTH]
    if differing:
        told = "; ".join(
            f"{key} is {before!r} in the run, {after!r} was asked"
            for key, (before, after) in differing.items()
        )
        why = ""
        if LENGTH in differing:
            why = f" (more epochs may follow where the schedule is {', '.join(OPEN_ENDED)})"
        raise UserError(
            f"{out}: goes on only with its own config: {told}{why}; "
            "leave that as it was, or give another --out"
        )
    rows_of(out / "history.csv", epochs_done(last), last)


def _differences(before, after):
    """dotted key -> (value before, value after), where two configs differ."""
    trees = [flat(config.model_dump(mode="json")) for config in (before, after)]
    keys = dict.fromkeys([*trees[0], *trees[1]])
    pairs = {key: tuple(tree.get(key) for tree in trees) for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
