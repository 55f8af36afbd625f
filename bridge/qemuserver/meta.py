"""name, description, ostype, smbios1, vmgenid, onboot, template, meta, and the keys that only the management layer uses
(qemu-server 9.2.6; mapping-machine 12, 15)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from msgspec.structs import replace

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.meta import SMBIOS, Meta
from ..model.vm import VM
from .section import ConfigSection, Lines, read_keys, write_keys

FLAGS = (Row("onboot", "onboot"), Row("template", "template"))
TEXTS = (
    Row("name", "name"),
    Row("ostype", "ostype"),
    Row("vmgenid", "vmgenid"),
)
SMBIOS_TEXTS = ("manufacturer", "product", "version", "serial", "sku", "family")
SMBIOS_ROWS = tuple(Row(field, field, code=True) for field in ("uuid", *SMBIOS_TEXTS, "base64"))
META_ROWS = (Row("creation_qemu", "creation-qemu", code=True), Row("keys", "ctime", code=True))

KEYS = (
    "autostart",
    "hookscript",
    "lock",
    "migrate_downtime",
    "migrate_speed",
    "parent",
    "protection",
    "running-nets-host-mtu",
    "snaptime",
    "startup",
    "tags",
    "vmstatestorage",
)
"""Without any effect on the guest or the command line."""
UNUSED = 256
ROWS = (*FLAGS, *TEXTS, Row("description", "description", code=True), *(Row("keys", key, code=True) for key in (*KEYS, "unusedN")))
"""Top-level keys."""
UNUSED_ROWS = (Row("keys", "file", code=True),)
TABLE = (
    Rows(Meta, "", ROWS, ("vmid", "title", "uuid")),
    Rows(Meta, "meta", META_ROWS),
    Rows(Meta, "unusedN", UNUSED_ROWS),
    Rows(SMBIOS, "smbios1", SMBIOS_ROWS),
)

_LITERAL = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII).fullmatch
"""What a text of smbios1 may be without base64=1."""


def read(section: ConfigSection, vm: VM) -> None:
    said = read_keys(section.text, TEXTS) | read_keys(section.flag, FLAGS)
    keys = {key: section.text(key) or "" for key in KEYS if key in section.entries}
    for _, key in section.indexed("unused", UNUSED):
        keys[key] = section.text(key) or ""
    created = section.props("meta")
    if created is not None:
        said["creation_qemu"] = created.get("creation-qemu", "")
        if "ctime" in created:
            keys["ctime"] = created["ctime"]
    vm.meta = replace(vm.meta, description=section.description, smbios1=_smbios(section), keys=keys or None, **said)


def _smbios(section: ConfigSection) -> SMBIOS | None:
    parsed = section.props("smbios1")
    if parsed is None:
        return None
    said = dict(parsed)
    encoded = said.pop("base64", None)
    if encoded:
        for key in SMBIOS_TEXTS:
            if key in said:
                said[key] = _decoded(said[key])
    return SMBIOS(base64=encoded, where=section.line("smbios1"), **said)


def _decoded(text: str) -> str:
    """As Perl decodes it: what is left over at the end is not an error."""
    letters = text.rstrip("=")
    try:
        data = binascii.a2b_base64(letters + "=" * (-len(letters) % 4))
    except (ValueError, binascii.Error):
        data = binascii.a2b_base64(letters[:-1])
    return data.decode("utf-8", "replace")


def write(vm: VM, lines: Lines) -> None:
    meta = vm.meta
    write_keys(lines, meta, (*TEXTS, *FLAGS))
    keys = dict(meta.keys or {})
    created = {"creation-qemu": meta.creation_qemu or None, "ctime": keys.pop("ctime", None)}
    lines.props("meta", {key: value for key, value in created.items() if value})
    for key, value in keys.items():
        lines.put(key, value)
    if meta.smbios1 is not None:
        lines.props("smbios1", _smbios_said(meta.smbios1))


def _smbios_said(smbios: SMBIOS) -> dict[str, Any]:
    """Texts outside the base64 alphabet need base64=1 for all of them (security-rules S7)."""
    texts = {key: value for key in SMBIOS_TEXTS if (value := getattr(smbios, key)) is not None}
    said: dict[str, Any] = {"uuid": smbios.uuid} if smbios.uuid else {}
    if smbios.base64 or not all(map(_LITERAL, texts.values())):
        texts = {key: base64.b64encode(value.encode()).decode() for key, value in texts.items() if value}
        said["base64"] = True
    elif smbios.base64 is not None:
        said["base64"] = smbios.base64
    return said | texts
