"""Did you mean ...?"""

from __future__ import annotations

from ..data.options import keys

NO_GUESS = "remove the line, or check the spelling"


def nearest(key: str, alike: float = 0.6) -> list[str]:
    """The known keys nearest to an unknown one; `alike` from 0 to 1 (difflib)."""
    from difflib import get_close_matches

    stem = key.rstrip("0123456789")
    return get_close_matches(stem, {name.rstrip("N0123456789") for name in keys()}, n=2, cutoff=alike)


def suggestion(key: str) -> str:
    """The same as a hint."""
    near = nearest(key)
    return f"did you mean {' or '.join(near)}?" if near else NO_GUESS
