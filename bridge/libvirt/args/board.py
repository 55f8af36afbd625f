"""What firmware and board are told beyond a config: tables, files, a kernel to start (mapping-machine 12, 13; libvirt 11.3's words)."""

from __future__ import annotations

import re
from collections.abc import Callable

from ...core.report import Fields
from ...core.rows import whole_number
from ...host.volid import BOOT
from ..numa import size_bytes
from ..tree.domain import Domain
from ..tree.node import Node
from .devices import option, path

SMBIOS = {"bios": "0", "system": "1", "baseBoard": "2", "chassis": "3"}
"""Element of <sysinfo> -> SMBIOS type."""
_FIELD = re.compile(r"[a-z]{1,16}")
_CONFIG_NAME = re.compile(r"opt/[A-Za-z0-9_./-]{1,55}")


def smbios(node: Node) -> list[str]:
    """Entries of <bios>, <baseBoard>, ... or the texts of <oemStrings>. Raises ValueError for what QEMU could not take."""
    if node.tag == "oemStrings":
        return ["-smbios", "type=11" + "".join(f",value={option(entry.text.strip())}" for entry in node.children)]
    fields = {entry.attrib.get("name", ""): entry.text for entry in node.children if entry.tag == "entry"}
    if node.tag not in SMBIOS or not fields or not all(_FIELD.fullmatch(name) for name in fields):
        raise ValueError("no SMBIOS table")
    return ["-smbios", f"type={SMBIOS[node.tag]}" + "".join(f",{name}={option(text)}" for name, text in fields.items())]


def fw_cfg(node: Node) -> list[str]:
    name, file = node.attrib.get("name", ""), node.attrib.get("file")
    if not _CONFIG_NAME.fullmatch(name):
        raise ValueError("no name of a firmware configuration item")
    return ["-fw_cfg", f"name={name},file={path(file)}" if file else f"name={name},string={option(node.text)}"]


_TABLES = {"raw": "", "rawset": "", "slic": "sig=SLIC,", "msdm": "sig=MSDM,"}


def acpi_table(node: Node) -> list[str]:
    kind = node.attrib.get("type", "")
    if kind not in _TABLES:
        raise ValueError("no kind of ACPI table")
    return ["-acpitable", f"{_TABLES[kind]}file={path(node.text.strip())}"]


DIRECT = {"kernel": "-kernel", "initrd": "-initrd", "cmdline": "-append", "dtb": "-dtb", "shim": "-shim"}


def direct(node: Node) -> list[str]:
    """A kernel that QEMU itself loads, or what goes with one."""
    text = node.text.strip(" \t\r\n")
    if node.tag != "cmdline":
        path(text[len(BOOT) - 1 :] if text.startswith(BOOT) else text)
    elif not text.isprintable():
        raise ValueError("control characters")
    return [DIRECT[node.tag], text]


def boot(name: str, text: str) -> list[str]:
    """A number of milliseconds of `-boot`, to which the later word counts."""
    number = whole_number(text) if text != "-1" else -1
    return ["-boot", f"{name}={number}"]


def tseg(node: Node) -> list[str]:
    size = size_bytes(node.text.strip(" \t\r\n"), node.attrib.get("unit", "MiB"), node)
    if size & 0xFFFFF:
        raise ValueError("not whole MiB")
    return ["-global", f"mch.extended-tseg-mbytes={size >> 20}"]


def hole64(node: Node, base: str | None) -> list[str]:
    """The 64-bit PCI window."""
    host = {"i440fx": "i440FX-pcihost", "q35": "q35-pcihost"}[base or ""]
    size = size_bytes(node.text.strip(" \t\r\n"), node.attrib.get("unit", "KiB"), node)
    return ["-global", f"{host}.pci-hole64-size={size >> 10}K"]


def mend(
    domain: Domain,
    node: Node,
    message: str,
    build: Callable[[Node], list[str]],
    names: tuple[str, ...] | None = None,
    about: Fields | None = None,
) -> None:
    """A loss that the words of `build` mend where it has some. `names` are the attributes that the message speaks of; None: it shows all
    that the element holds."""
    try:
        words = build(node)
    except (ValueError, KeyError):
        domain.report.add("guest-lost", node, message, about=about)
    else:
        domain.report.mend("guest-lost", node, message, words, about=about)
    if names is None:
        node.take_all()
    else:
        node.claim_text(*names)
