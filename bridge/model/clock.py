"""The real time clock and the timers."""

from __future__ import annotations

from .part import Part


class Clock(Part, kw_only=True):
    localtime: bool | None = None
    startdate: str | None = None
    """`now` or a date, read as UTC."""
    tdf: bool | None = None
    """RTC drift fix (`driftfix=slew`)."""
    pit_discard: bool | None = None
