"""Every small command line: what its guest sees, and the guest of a plain one does not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import msgspec
import pytest

import bridge
from bridge.argv.read import read
from bridge.guest.compare import compare
from bridge.guest.inert import Inert
from bridge.guest.tree import Tree, tree
from tests.sheets.lines import LINES, PLAIN
from tests.sheets.sheet import check, differences, names

OWN = (
    "-device qxl-vga,ram_size_mb=64,vram_size_mb=32,vram64_size_mb=128",
    *(f"-machine {machine} -device pcie-root-port,id=p,chassis=1 -device VGA" for machine in ("microvm", "q35", "pc-q35-2.4", "pc-q35-4.0", "none")),
    "-device qemu-xhci,id=x -device usb-hub,bus=x.0,port=1 -device usb-tablet,bus=x.0,port=1.8 -device usb-kbd,bus=x.0",
    "-device qemu-xhci,id=x -device usb-hub,bus=x.0 -device usb-tablet,bus=x.0 -device usb-kbd,bus=x.0 -device usb-mouse,bus=x.0 -device usb-tablet,bus=x.0 -device usb-tablet,bus=x.0",
    *(f"-machine {machine} " + " ".join(f"-drive file=/i/{n},format=raw,if=none,id=d{n} -device ide-hd,drive=d{n}" for n in range(number)) for machine in ("pc", "q35") for number in (1, 3, 7)),
    "-set machine.x.y=1", "-set device.gone.addr=1", "-set", "-smp 4,sockets=2 -machine pc-q35-2.4", "-smp 8,cores=2,maxcpus=16", "-smp 6,threads=3", "-cpu Skylake-Client,+mpx", "-cpu Skylake-Client -machine pc-q35-4.0",
    "-machine pc-i440fx-7.7", "-cpu Unheard-Of,+aes,-sse", "-global driver=VGA,property=vgamem_mb,value=64", "-global VGA.romfile=/r", "-global qemu64-x86_64-cpu.migratable=off", "-device edu,filename=/a",
)  # fmt: skip
"""Beside those that all formats read: what a guest is shown of alone."""
MACHINES = frozenset(("pc", "q35", "pc-i440fx-9.2", "pc-q35-9.2", "none"))
HERE = (9, 2)
"""A QEMU and what it knows."""


@cache
def plain() -> Tree:
    return tree(read(PLAIN))


def flat(whole: Tree) -> list[str]:
    """A line for each fact."""
    found = [f"{group} {name}: {value}" for group, facts in (*whole.facts.items(), *whole.host.items()) for name, value in facts.items()]
    for place, device in whole.devices.items():
        found += [f"{place}: {name} {value}" for name, value in msgspec.to_builtins(device).items() if not isinstance(value, dict)]
        found += [f"{place}: {name}={value}" for name, value in (*device.properties.items(), *device.host.items())]
    return [*found, f"boot: {whole.boot}", *(f"note: {note}" for note in whole.notes)]


def seen(base: Tree, line: str) -> Iterator[str]:
    try:
        found = tree(read(line))
    except bridge.BridgeError:
        yield "! refused"
        return
    yield from differences(flat(base), flat(found))
    for each in compare(base, found, host=True):
        yield f"{each.importance}: {each.what} ({each.where_a}, {each.where_b})"


def started(line: str) -> Iterator[str]:
    """The words with which QEMU shows the machine without its host, where they are not those of the plain one."""
    try:
        found = Inert(read(line), MACHINES, HERE)
        words = found.words("/run/x")
    except bridge.BridgeError:
        yield "! refused"
        return
    plain = Inert(read(PLAIN), MACHINES, HERE).words("/run/x")
    yield from differences(plain, words)
    yield from (f"lost: {what}" for what in found.lost)
    yield from (f"withheld: {driver} {name}" for driver, name in sorted(found.withheld))


@pytest.mark.parametrize("line", [*LINES, *OWN])
def test_a_guest_sees_of_a_line(line: str) -> None:
    check("guest", line, list(seen(plain(), f"{PLAIN} {line}")))


@pytest.mark.parametrize("line", [*LINES, *OWN])
def test_a_line_starts_without_its_host(line: str) -> None:
    check("inert", line, list(started(f"{PLAIN} {line}")))


def test_what_the_lines_are_compared_with() -> None:
    check("guest", "the plain one", flat(plain()))
    check("inert", "the plain one", Inert(read(PLAIN), MACHINES, HERE).words("/run/x"))


def test_every_entry_is_of_a_line() -> None:
    assert names("guest") == names("inert") == {*LINES, *OWN, "the plain one"}
