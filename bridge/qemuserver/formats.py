"""Named value formats of qemu-server's schema: what a text must look like, and what qemu-server says when it does not.

Sources: PVE/JSONSchema.pm, PVE/ParseUtils.pm, PVE/CpuSet.pm, PVE/QemuServer.pm and PVE/QemuServer/{Drive,CPUConfig}.pm of release 9.2.6.
Every pattern is ASCII and matches the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..data.options import CPU_LEVELS, CPU_MODELS, DRIVES, VM_CPU_FLAGS, option

SPACE = " \t\n\r\f\v"
"""White space to qemu-server; str.strip() and str.isspace() take more."""
MAX_CPU = 8191
"""Highest CPU id in a set (security-rules C8): qemu-server walks a range number by number."""


class ValueFormat(NamedTuple):
    """`accepts(text)` is true or false; `message(text)` says what is wrong with a refused text."""

    accepts: Callable[[str], object]
    message: Callable[[str], str]


def _full(pattern: str, flags: int = 0) -> Callable[[str], object]:
    return re.compile(pattern, re.ASCII | flags).fullmatch


_SPLIT = re.compile(r"[,;\s\x85\xa0]+", re.ASCII)


def split_list(text: str) -> list[str]:
    """A list of a registered format: parts between `,` `;` and blanks, or between NULs if there is one; may be empty."""
    if "\0" in text:
        parts = text.split("\0")
        while parts and not parts[-1]:
            parts.pop()
        return parts
    return [part for part in _SPLIT.split(text) if part]


_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?"
_is_name = _full(rf"{_LABEL}(?:\.{_LABEL})*")
_OCTET = r"(?:25[0-5]|(?:2[0-4]|1[0-9]|[1-9])?[0-9])"
_IPV4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_is_ipv4 = _full(_IPV4)
_is_hex16 = _full(r"[0-9a-fA-F]{1,4}")
_CONFIG_ID = _full(r"[a-z][a-z0-9_-]+", re.IGNORECASE)
_is_volume = _full(r"[a-z][a-z0-9\-_.]*[a-z0-9]:.+", re.IGNORECASE)
_is_storage = _full(r"[a-z][a-z0-9\-_.]*[a-z0-9]", re.IGNORECASE)


def _groups(text: str, *, ends: bool) -> int:
    """How many 16-bit groups the colon-separated text holds; -1 if it is malformed. Only the end of an address may hold an IPv4 address."""
    if not text:
        return 0
    parts = text.split(":")
    count = len(parts)
    if ends and "." in parts[-1]:
        if not _is_ipv4(parts.pop()):
            return -1
        count += 1
    return count if all(map(_is_hex16, parts)) else -1


def is_ipv6(text: str) -> bool:
    """RFC 3986 form: eight groups, or fewer with one `::` in place of at least one."""
    if len(text) > 45 or text.count("::") > 1 or ":::" in text:
        return False
    head, gap, tail = text.partition("::")
    if not gap:
        return _groups(text, ends=True) == 8
    left, right = _groups(head, ends=False), _groups(tail, ends=True)
    return left >= 0 and right >= 0 and left + right <= 7


def _is_cidr(is_address: Callable[[str], object], bits: int) -> Callable[[str], object]:
    def accepts(text: str) -> object:
        address, _, length = text.partition("/")
        return length.isascii() and length.isdigit() and len(length) < 10 and 7 < int(length) <= bits and is_address(address)

    return accepts


_is_cidr4, _is_cidr6 = _is_cidr(_is_ipv4, 32), _is_cidr(is_ipv6, 128)


def is_address(text: str) -> object:
    """An IPv4 or IPv6 address, or a DNS name."""
    return _is_ipv4(text) or is_ipv6(text) or _is_name(text)


SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGT]?)(?:(?<=[KMGT])iB)?", re.ASCII)
_SHIFT = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def parse_size(text: str) -> int | None:
    """Bytes of `4G`, `1.5T`, `4194304K`, `512`; None if it is not a size."""
    match = SIZE.fullmatch(text)
    if not match or len(text) > 40:
        return None
    number, unit = match.groups()
    whole = 1 << _SHIFT[unit]
    return int(float(number) * whole) if "." in number else int(number) * whole


def format_size(size: int) -> str:
    """Bytes with the largest unit that divides them exactly: 4294967296 -> `4G`."""
    for unit in "TGMK":
        if size and not size & ((1 << _SHIFT[unit]) - 1):
            return f"{size >> _SHIFT[unit]}{unit}"
    return "0T" if size == 0 else str(size)


_STARTUP = _full(r"(?:(?:order=|up=|down=)?[0-9]+)")


def _is_startup(text: str) -> bool:
    parts = [part for part in text.split(",") if part.strip(SPACE)]
    return text not in ("", "0") and all(map(_STARTUP, parts))


_CPU_RANGE = re.compile(r"\s*([0-9]+)(?:-([0-9]+))?\s*", re.ASCII)


def parse_cpuset(text: str) -> list[tuple[int, int]] | None:
    """`0,5,8-11` -> [(0, 0), (5, 5), (8, 11)]; None if it is no set of CPU ids up to MAX_CPU."""
    ranges = []
    for part in text.rstrip(",").split(",") if text.rstrip(",") else []:
        match = _CPU_RANGE.fullmatch(part)
        if not match:
            return None
        first, last = match[1], match[2] or match[1]
        if len(first.lstrip("0")) > 4 or len(last.lstrip("0")) > 4 or not int(first) <= int(last) <= MAX_CPU:
            return None
        ranges.append((int(first), int(last)))
    return ranges


_HOTPLUG = frozenset(("network", "disk", "cpu", "memory", "usb", "cloudinit"))


def _wrong_hotplug(text: str) -> str:
    return f"invalid hotplug feature '{next(part for part in split_list(text) if part not in _HOTPLUG)}'"


_DRIVE_KEYS = frozenset(DRIVES)
_BOOT_DRIVES = frozenset(key for key in DRIVES if not key.startswith(("efidisk", "tpmstate")))
_OTHER_BOOT = _full(r"(?:net|usb|hostpci)[0-9]+")


def _is_bootdev(text: str) -> object:
    return text in _BOOT_DRIVES or (_OTHER_BOOT(text) and option(text))


def _is_file(text: str) -> object:
    return text.startswith("/") or text in ("none", "cdrom") or _is_volume(text)


def _storage_message(text: str) -> str:
    return f"storage ID '{text}' " + ("cannot be shorter than 2 characters" if len(text) < 2 else "contains illegal characters")


def _says(message: str) -> Callable[[str], str]:
    return lambda text: message.replace("%s", text)


_LOOKS = "value does not look like a valid "
_VOLUME_MESSAGE = _says("unable to parse volume ID '%s'")

FORMATS: dict[str, ValueFormat] = {
    "address": ValueFormat(is_address, _says(_LOOKS + "address: %s")),
    "disk-size": ValueFormat(SIZE.fullmatch, _says(_LOOKS + "disk size: %s")),
    "dns-name": ValueFormat(_is_name, _says(_LOOKS + "DNS name")),
    "ipv4": ValueFormat(_is_ipv4, _says(_LOOKS + "IPv4 address")),
    "ipv6": ValueFormat(is_ipv6, _says(_LOOKS + "IPv6 address")),
    "mac-addr": ValueFormat(
        _full(r"[a-f0-9][02468ace](?::[a-f0-9]{2}){5}", re.IGNORECASE), _says(_LOOKS + "unicast MAC address")
    ),
    "pve-bridge-id": ValueFormat(_full(r"[-_.\w]+"), _says("invalid bridge ID '%s'")),
    "pve-configid": ValueFormat(_CONFIG_ID, _says("invalid configuration ID '%s'")),
    "pve-cpuset": ValueFormat(lambda text: parse_cpuset(text) is not None, _says("unable to parse cpuset option")),
    "pve-hotplug-features": ValueFormat(
        lambda text: text in ("0", "1") or all(part in _HOTPLUG for part in split_list(text)), _wrong_hotplug
    ),
    "pve-ipv4-config": ValueFormat(
        lambda text: text in ("dhcp", "manual") or _is_cidr4(text), _says(_LOOKS + "ipv4 network configuration")
    ),
    "pve-ipv6-config": ValueFormat(
        lambda text: text in ("auto", "dhcp", "manual") or _is_cidr6(text), _says(_LOOKS + "ipv6 network configuration")
    ),
    "pve-phys-bits": ValueFormat(
        _full(r"host|0?[89]|[1-5][0-9]|6[0-4]"), _says("value must be an integer between 8 and 64 or 'host'")
    ),
    "pve-qm-bootdev": ValueFormat(_is_bootdev, _says("invalid boot device '%s'")),
    "pve-qm-bootdisk": ValueFormat(_DRIVE_KEYS.__contains__, _says("invalid boot disk '%s'")),
    "pve-startup-order": ValueFormat(_is_startup, _says("unable to parse startup options")),
    "pve-storage-id": ValueFormat(_is_storage, _storage_message),
    "pve-tag": ValueFormat(_full(r"[a-z0-9_][a-z0-9_\-+.]*", re.IGNORECASE), _says("invalid characters in tag")),
    "pve-volume-id": ValueFormat(_is_volume, _VOLUME_MESSAGE),
    "pve-volume-id-or-qm-path": ValueFormat(_is_file, _VOLUME_MESSAGE),
    "urlencoded": ValueFormat(_full(r"[-%a-zA-Z0-9_.!~*'()]*"), _says("invalid urlencoded string: %s")),
}


def _list_of(item: ValueFormat) -> ValueFormat:
    def wrong(text: str) -> str:
        return item.message(next(part for part in split_list(text) if not item.accepts(part)))

    return ValueFormat(lambda text: all(map(item.accepts, split_list(text))), wrong)


def value_format(name: str) -> ValueFormat:
    """The format of that name; `X-list` is a list of X."""
    return _list_of(FORMATS[name.removesuffix("-list")]) if name.endswith("-list") else FORMATS[name]


_CPU_NAMES = frozenset(CPU_MODELS + CPU_LEVELS)
_VM_CPU_FLAGS = frozenset(VM_CPU_FLAGS)


def cpu_problem(cpu: Mapping[str, str | bool]) -> str | None:
    """What forbids this parsed `cpu` in a VM's config beyond the sub-options' own rules; None if nothing does.

    Whether a `custom-` model exists is for the host facts to say.
    """
    model = str(cpu.get("cputype", ""))
    if model in ("", "0"):
        return "CPU is missing cputype"
    if model not in _CPU_NAMES and not model.startswith("custom-"):
        return f"Built-in cputype '{model}' is not defined (missing 'custom-' prefix?)"
    flags = str(cpu.get("flags", ""))
    if flags and not all(flag[1:] in _VM_CPU_FLAGS for flag in flags.split(";")):
        return "VM-specific CPU flags must be a subset of: " + ", ".join(VM_CPU_FLAGS)
    if "reported-model" in cpu:
        return "Property 'reported-model' not allowed in VM-specific CPU config."
    return None
