"""Raw QEMU arguments."""

from __future__ import annotations

from .part import Part


class Raw(Part, kw_only=True):
    args: str | None = None
    """`args:` as said."""
    words: list[str] | None = None
    """The same, split into words."""
    vmstate: str | None = None
    """Path of the saved state to load."""
