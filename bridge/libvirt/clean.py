"""A domain without libvirt's escapes, <qemu:commandline> and <qemu:override>, for who wants none: a domain with them is tainted, and tools
that know only libvirt's own elements drop or refuse them. What stood there is told, by what guest or host loses with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from ..core.report import BridgeError
from ..core.shellwords import without_secrets
from ..data.devices import HOST
from .controller import HDA
from .tree.domain import Domain, Property

SAME = frozenset(("vram64_size_mb", "ram_size_mb", "vram_size_mb"))
"""Overrides that only write out what libvirt's own elements come to."""
NO_GUEST = HOST | {"enable-migration"}
"""Properties that no guest sees."""
PROTECTION = ("sev-snp-guest", "tdx-guest")
CPU = "x86_64-cpu."
LONGEST = 160


class Loss(NamedTuple):
    """A finding: `kind` is a key of `core.report.KINDS`."""

    kind: str
    message: str
    hint: str = ""


def give_up(domain: Domain) -> None:
    """Forget arguments and overrides, with a finding for each. Raises BridgeError where the guest would lose its protection."""
    losses = [*_overrides(domain), *_arguments(_pairs(domain.arguments))]
    domain.arguments, domain.overrides = [], {}
    for kind, message, hint in losses:
        domain.report.add(kind, None, message, hint)


def _overrides(domain: Domain) -> Iterator[Loss]:
    """One for each device and kind."""
    for alias, properties in domain.overrides.items():
        told: dict[str, list[str]] = {}
        for name, said in properties.items():
            if name not in SAME:
                told.setdefault("host-lost" if name in NO_GUEST else "guest-changed", []).append(_property(name, said))
        for kind, words in told.items():
            yield Loss(kind, f"{alias.removeprefix('ua-')}: {', '.join(words)}: XML says it by qemu:override alone, left out")


def _property(name: str, said: Property) -> str:
    type_, value = said
    if name == "driver":
        return f"the device is a {value}, not the one that libvirt has in its place"
    return f"no {name}" if type_ == "remove" else f"{name}={value}"


Pair = tuple[str, str]
"""An option of QEMU and its value, which may be empty."""


def _pairs(words: list[str]) -> list[Pair]:
    found: list[Pair] = []
    for word in words:
        if word.startswith("-"):
            found.append((word, ""))
        elif found:
            found[-1] = found[-1][0], f"{found[-1][1]} {word}".strip()
    return found


def _arguments(pairs: list[Pair]) -> Iterator[Loss]:
    for option, value in pairs:
        if option == "-object" and any(f'"{kind}"' in value for kind in PROTECTION):
            message = "the guest's memory is protected by QEMU's command line alone with this libvirt, and that is never left out"
            raise BridgeError(f"{message}: a younger libvirt has an element for it (--libvirt), or leave out --clean")
        if option in ("-chardev", "-netdev") or (option == "-machine" and value.startswith("pflash")):
            continue  # the other half of a device, which is told
        yield _SAYS.get(option, _other)(option, value)


def _other(option: str, value: str) -> Loss:
    return Loss("guest-lost", f"{_short(f'{option} {value}')}: XML says it by qemu:commandline alone, left out")


def _cut_flash(_option: str, _value: str) -> Loss:
    message = "the image of the firmware's variables is larger than they are, and the guest gets all of it as flash"
    return Loss("guest-changed", message, "copy the variables to a file of their size")


def _global(_option: str, value: str) -> Loss:
    if value == f"{CPU}enforce=on":
        return Loss("host-lost", "cpu: QEMU no longer refuses to start where the host's CPU lacks a feature: the guest goes without it")
    if value.startswith(CPU):
        return Loss("guest-changed", f"cpu: {value.removeprefix(CPU)}: XML says it by qemu:commandline alone, left out")
    return Loss("guest-changed", f"machine: {value}: XML says it by qemu:commandline alone, left out")


def _device(_option: str, value: str) -> Loss:
    try:
        said = json.loads(value)
        driver, key = said["driver"], said.get("id")
    except (ValueError, KeyError, TypeError):
        driver, _, rest = value.partition(",")
        key = next((word[3:] for word in rest.split(",") if word.startswith("id=")), None)
    named = f"{key}: " if key else ""
    if value == HDA:  # its id is a key of configs, too
        named = "the board's own sound: "
    return Loss("guest-lost", f"{named}libvirt has no element for the device {driver} as qemu-server makes it, left out")


def _machine(_option: str, value: str) -> Loss:
    if value == "acpi=off":
        return Loss("guest-changed", "the guest has ACPI: libvirt starts UEFI with it only")
    return Loss("guest-changed", f"machine: {value}: XML says it by qemu:commandline alone, left out")


def _short(text: str) -> str:
    text = without_secrets(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


_SAYS = {
    "-blockdev": _cut_flash,
    "-cpu": lambda _, value: Loss("guest-changed", f"the CPU is QEMU's default one: libvirt has no words for {_short(value)}"),
    "-device": _device,
    "-global": _global,
    "-machine": _machine,
    "-no-reboot": lambda *_: Loss("host-lost", "a restart of the guest ends it by libvirt alone, not by QEMU itself: libvirtd must run"),
    "-uuid": lambda *_: Loss("guest-changed", "the guest sees the domain's UUID, not zeros"),
}
