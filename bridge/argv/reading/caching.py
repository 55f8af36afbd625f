"""The cache mode of a drive, which QEMU keeps as three switches (block.c, bdrv_parse_cache_mode; blockdev.c, blockdev_init)."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...core.report import BridgeError
from .line import Line
from .said import Said, switch


class Caching(NamedTuple):
    """`writeback`: the guest sees a write cache; `direct`: the host's page cache is left out; `no_flush`: flushes are not passed on."""

    writeback: bool = True
    direct: bool = False
    no_flush: bool = False


MODES = {
    "writeback": Caching(),
    "none": Caching(direct=True),
    "writethrough": Caching(writeback=False),
    "directsync": Caching(writeback=False, direct=True),
    "unsafe": Caching(no_flush=True),
}
"""`cache=` of -drive -> its switches."""
ALIASES = {"off": "none"}
_NAMES = {switches: name for name, switches in MODES.items()}


def take_caching(said: Said) -> Caching | None:
    """`cache=MODE` of -drive and what single switches (`cache.direct=on`) say beside it, in whatever order; None if neither is there.

    Raises BridgeError for a mode that QEMU does not know."""
    nested = said.properties.pop("cache", None)
    if nested is None:
        return None
    switches: dict[str, Any] = nested if isinstance(nested, dict) else {"": nested}
    name = switches.pop("", "writeback")
    found = MODES.get(ALIASES.get(name, name)) if isinstance(name, str) else None
    if found is None:
        raise BridgeError(f"-drive cache={str(name)[:40]}: QEMU knows {', '.join((*MODES, *ALIASES))}", said)
    for field in Caching._fields:
        if (state := switch(switches.get(key := field.replace("_", "-")))) is not None:
            del switches[key]
            found = found._replace(**{field: state})
    if switches:
        said.properties["cache"] = switches
    return found


def mode_of(line: Line, where: Said, caching: Caching) -> str:
    """The mode with these switches, else the nearest: what the guest sees first, then whether flushes count; the rest is told."""
    if (name := _NAMES.get(caching)) is not None:
        return name
    near = caching._replace(direct=False) if caching.writeback else caching._replace(no_flush=False)
    lost = "cache.direct=on" if caching.writeback else "cache.no-flush=on"
    line.report.add("host-lost", where, f"no cache mode has {lost} beside the rest: {_NAMES[near]} is taken")
    return _NAMES[near]
