"""Ladders of versions: what the first version that brings a thing writes, and the last one before it does not."""

from __future__ import annotations

import re
from typing import NamedTuple


class Rung(NamedTuple):
    """`more`: what the first one writes, `less`: what the one before it writes instead; each a regular expression in the whole text."""

    config: str
    before: str
    since: str
    more: str = ""
    less: str = ""


def check(rung: Rung, before: str, since: str) -> None:
    """`before` and `since`: what both versions write."""
    assert rung.more or rung.less
    if rung.more:
        assert re.search(rung.more, since), since
        assert not re.search(rung.more, before), before
    if rung.less:
        assert re.search(rung.less, before), before
        assert not re.search(rung.less, since), since
