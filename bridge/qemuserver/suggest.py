"""Did you mean ...?"""

from __future__ import annotations

from ..data.options import keys

NO_GUESS = "remove the line, or check the spelling"


def suggestion(key: str) -> str:
    """The known keys nearest to an unknown one, as a hint; empty if none is near."""
    from difflib import get_close_matches

    stem = key.rstrip("0123456789")
    near = get_close_matches(stem, {name.rstrip("N0123456789") for name in keys()}, n=2)
    return f"did you mean {' or '.join(near)}?" if near else NO_GUESS
