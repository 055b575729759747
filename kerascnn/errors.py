"""The one exception of kerascnn's own, and the sentence for a name nobody knows."""

import difflib


class UserError(Exception):
    """Something the user can mend. One line: what was expected, what came, the way out."""


def unknown(kind, name, choices):
    """Returns the UserError for a `name` that is none of `choices`, naming its nearest match."""
    choices = sorted(choices)
    near = difflib.get_close_matches(str(name), choices, n=1, cutoff=0.5)
    way_out = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(choices)}"
    return UserError(f"unknown {kind} {str(name)!r}; {way_out}")
