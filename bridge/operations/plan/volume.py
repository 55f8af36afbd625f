"""The volumes of a config: where each is, what becomes of it, and the config with other volumes in their places."""

from __future__ import annotations

import json
from typing import NamedTuple

from ...core.report import BridgeError, Line
from ...data.options import DRIVES
from ...host.facts import HostFacts
from ...host.storage import Location, blockdev_options, locate
from ...host.storagecfg import Storage
from ...qemuserver.setting import Setting
from ...qemuserver.text import ConfigText
from .step import Step

KEYS = (*DRIVES, "efidisk0", "tpmstate0")
SHARED_TYPES = frozenset(("nfs", "cifs", "cephfs", "rbd", "iscsi", "iscsidirect", "zfs"))
"""Storages that are not node's own, whether storage.cfg says `shared` or not."""
IMAGE_FORMATS = ("raw", "qcow2")
SAME = ("type", "path", "server", "export", "share", "pool", "namespace", "monhost", "portal", "target", "vgname")
"""Two definitions that agree in these reach the same volumes."""


class Volume(NamedTuple):
    """A drive with a medium. `format` is what its image holds."""

    key: str
    location: Location
    format: str
    cdrom: bool
    line: Line

    @property
    def spec(self) -> str:
        """The image as qemu-img takes it."""
        location = self.location
        if location.path is not None and location.kind != "network":
            return location.path
        return "json:" + json.dumps(blockdev_options(location), sort_keys=True)


def volumes(config: ConfigText, facts: HostFacts, file: str) -> list[Volume]:
    """All that must be there for the VM to start. Raises BridgeError for one whose place is not known."""
    found = []
    for key in dict.fromkeys(KEYS):
        entry = config.main.entries.get(key)
        parts = entry.parts if entry is not None else None
        if entry is None or not parts or "file" not in parts:
            continue
        line = Line(file, entry.line)
        location = locate(facts, str(parts["file"]))
        if location.kind in ("empty", "cdrom"):
            continue
        if location.kind == "volume":
            raise BridgeError(f"{key}: {location.doubt}: give the node's storage.cfg: --host DIR, the directory that it is in", line)
        form = location.format or str(parts.get("format") or "raw")
        found.append(Volume(key, location, form, parts.get("media") == "cdrom", line))
    return found


def reach(volume: Volume, vm: str) -> Step:
    """The check that a volume which is not copied is there. `vm` names the machine in the step's id."""
    about = f"{volume.location.volid} ({volume.key} of {vm}) is not reached from here: check its storage, or plan with --copy"
    return Step(id=f"{vm}-{volume.key}-reached", kind="check", about=about, commands=[["qemu-img", "info", "--force-share", volume.spec]])


def is_shared(volume: Volume, facts: HostFacts) -> bool:
    """Whether the volume's storage is meant to be reached from several hosts."""
    storage = facts.storages.get(volume.location.storage or "")
    return volume.location.kind == "network" or (storage is not None and (storage.shared or storage.type in SHARED_TYPES))


def same_storage(here: Storage, there: Storage | None) -> bool:
    """Whether two definitions lead to the same volumes."""
    return there is not None and all(getattr(here, field) == getattr(there, field) for field in SAME)


def moved(config: ConfigText, places: dict[str, tuple[str, str | None]]) -> None:
    """Put other volumes into the config: key -> (volume id or path, format to say or None). The sizes are unsaid: they may change.

    A CD-ROM has no format: qemu-server drops the drive of one that says it."""
    for key, (file, form) in places.items():
        entry = config.main.entries[key]
        rest = [part for part in entry.value.split(",") if "=" in part and part.split("=")[0] not in ("file", "format", "size", "volume")]
        said = [f"format={form}"] if form is not None and "media=cdrom" not in rest else []
        config.main.entries[key] = Setting(",".join([file, *rest, *said]), entry.line)


def left_behind(config: ConfigText) -> list[str]:
    """What a plan does not move, as sentences; it is taken out of the config."""
    unused = [key for key in config.main.entries if key.startswith("unused")]
    notes = [f"{key} ({config.main.entries.pop(key).value}) is not moved" for key in unused]
    if config.snapshots:
        notes.append(f"the snapshots {', '.join(sorted(config.snapshots))} are not moved: the images hold the present state only")
        config.snapshots.clear()
        config.main.entries.pop("parent", None)
    if config.pending.entries:
        notes.append(f"pending changes are not moved: {', '.join(sorted(config.pending.entries))}")
        config.pending.entries.clear()
    config.pending.description = None
    return notes
