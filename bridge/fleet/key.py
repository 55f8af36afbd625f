"""A secret of the user who runs fleets: what it seals in a record, nobody else wrote."""

from __future__ import annotations

import os
from pathlib import Path

from ..core.files import NotRegularError, open_regular, place

LENGTH = 32
"""Bytes."""
PLACE = "virt-qm/fleet.key"
"""Below the directory of the user's state (XDG base directories)."""


def own_key() -> bytes:
    """The user's, made when there is none; where none can be kept, one for this time only. Then no record counts, which is safe."""
    try:
        file = _state() / PLACE
        try:
            return _read(file)
        except FileNotFoundError:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            place(file, os.urandom(LENGTH), replace=False, mode=0o600)
        except FileExistsError:
            pass  # another one was quicker
        return _read(file)
    except (OSError, RuntimeError):
        return os.urandom(LENGTH)


def _state() -> Path:
    """Raises RuntimeError for a user without a home."""
    said = os.environ.get("XDG_STATE_HOME", "")
    return Path(said) if said.startswith("/") else Path.home() / ".local/state"


def _read(file: Path) -> bytes:
    """Raises OSError, also for a key that others can read or have written."""
    with os.fdopen(open_regular(file), "rb") as stream:
        status = os.fstat(stream.fileno())
        key = stream.read(LENGTH + 1)
    if status.st_uid != os.geteuid() or status.st_mode & 0o077 or len(key) != LENGTH:
        raise NotRegularError
    return key
