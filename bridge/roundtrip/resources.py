"""Which of the host's own things a line of a config names: volumes, devices, bridges, directories (security-rules M1, M2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from ..data.options import DRIVES
from ..qemuserver.setting import Setting

Props = Mapping[str, object]


def _volume(said: Props) -> Iterator[str]:
    if (file := str(said.get("file", "none"))) != "none":
        yield file


def _usb(said: Props) -> Iterator[str]:
    host, mapping = said.get("host"), said.get("mapping")
    if host is not None and str(host).lower() != "spice":
        yield f"USB device {str(host).lower()}"
    if mapping is not None:
        yield f"USB mapping {mapping}"


def _hostpci(said: Props) -> Iterator[str]:
    for function in str(said.get("host") or "").lower().split(";"):
        if function:
            short = function.count(":") == 1  # of the first domain
            yield f"PCI device {'0000:' if short else ''}{function}"
    for name, what in (("mapping", "PCI mapping"), ("mdev", "mediated device type"), ("romfile", "ROM file")):
        if said.get(name) is not None:
            yield f"{what} {said[name]}"


def _one(name: str, what: str, *harmless: str) -> Callable[[Props], Iterator[str]]:
    def named(said: Props) -> Iterator[str]:
        value = said.get(name)
        if value is not None and str(value) not in harmless:
            yield f"{what} {value}"

    return named


_BY_PROPS: dict[str, Callable[[Props], Iterator[str]]] = {
    "usb": _usb,
    "hostpci": _hostpci,
    "net": _one("bridge", "bridge"),
    "virtiofs": _one("dirid", "directory"),
    "rng": _one("source", "source of entropy", "/dev/urandom", "/dev/random"),
    "ivshmem": _one("name", "shared memory"),
}


def named_by(key: str, entry: Setting) -> set[str]:
    """The host's resources that one line names, each in words that tell it from all others."""
    stem = key.rstrip("0123456789")
    said = entry.props()
    found: Iterator[str] = iter(())
    if key in DRIVES or stem in ("efidisk", "tpmstate", "unused"):
        found = _volume(said or {"file": entry.value})
    elif stem in ("serial", "parallel") or key == "vmstate":
        found = iter(() if entry.value == "socket" else (entry.value,))
    elif stem in _BY_PROPS and said is not None:
        found = _BY_PROPS[stem](said)
    return set(found)


def is_own(resource: str, vmid: int) -> bool:
    """Whether this is a volume of VM `vmid`, by the name that Proxmox VE gives to volumes of a VM: `vm-VMID-...`."""
    own = rf"(?:{vmid}/)?vm-{vmid}-[A-Za-z0-9_.-]+"
    base = r"(?:[0-9]+/)?base-[0-9]+-[A-Za-z0-9_.-]+/"  # of a linked clone
    return re.fullmatch(rf"[A-Za-z][A-Za-z0-9_.-]*:(?:{base})?{own}", resource) is not None
