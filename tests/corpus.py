"""The reference corpora beside the repo, `../shared/corpus`: there on some machines, not in a clone of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parent.parent
SHARED: Path | None = ROOT.parent / "shared" if (ROOT.parent / "shared/corpus").is_dir() else None

Row = dict[str, Any]
T = TypeVar("T")


@cache
def rows(name: str) -> list[Row]:
    """All rows of a file of the corpora, `random.jsonl`; none where there are no corpora. A name that is not there is an OSError."""
    if SHARED is None:
        return []
    text = (SHARED / "corpus" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def sample(of: Sequence[T], size: int | None, full: bool) -> Sequence[T]:
    """At most `size` rows, always the same ones and in their order; all with `full` or without a size."""
    if full or size is None or size >= len(of):
        return of
    return [of[i] for i in sorted(random.Random(1).sample(range(len(of)), size))]
