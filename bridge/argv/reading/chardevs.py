"""-chardev as QMP has it (`{"id": …, "backend": {"type": …, "data": {…}}}`, QEMU 9.2), made the flat list of properties that every reader
knows (qapi/char.json, ChardevBackend)."""

from __future__ import annotations

from typing import Any

from .said import Said

NAMES = {
    "file": {"out": "path", "in": "input-path"},
    "parallel": {"device": "path"},
    "pipe": {"device": "path"},
    "serial": {"device": "path"},
    "spiceport": {"fqdn": "name"},
    "spicevmc": {"type": "name"},
}
"""Type -> names that differ in the flat form."""
ADDRESSES: dict[str, dict[str, str]] = {"fd": {"str": "fd"}, "unix": {}, "inet": {}, "vsock": {}}
LOCAL = {"host": "localaddr", "port": "localport"}
Properties = dict[str, Any]


def flatten(said: Said) -> None:
    """Put the members of `backend` in its place. What is no such object stays, and is told by who takes the rest."""
    backend = said.properties.get("backend")
    if not isinstance(backend, dict):
        return
    kind, data = backend.get("type"), backend.get("data", {})
    if not isinstance(kind, str) or not isinstance(data, dict):
        said.properties["backend"] = "of an unknown form"
        return
    names = NAMES.get(kind, {})
    found: Properties = {}
    for name, value in data.items():
        if kind in ("socket", "udp") and name in ("addr", "remote", "local"):
            found |= _address(value, LOCAL if name == "local" else {})
        else:
            found[names.get(str(name), str(name))] = value
    said.properties = {"backend": kind, **found, **{name: value for name, value in said.properties.items() if name != "backend"}}


def _address(address: Any, names: dict[str, str]) -> Properties:
    """SocketAddressLegacy."""
    kind = address.get("type") if isinstance(address, dict) else None
    data = address.get("data") if isinstance(address, dict) else None
    if kind not in ADDRESSES or not isinstance(data, dict):
        return {"addr": str(address)}
    names = names or ADDRESSES[str(kind)]
    return {names.get(str(name), str(name)): value for name, value in data.items()}
