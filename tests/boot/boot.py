"""One VM, booted twice: with qemu-server's command line, and as the domain that the bridge makes of its config."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import bridge
from bridge.data.firmware import BASE
from bridge.operations.pin import wanted
from tests.boot.domain import Domain
from tests.boot.guest import Facts, differences, facts
from tests.boot.images import FIRMWARE
from tests.boot.initramfs import initramfs, kernel, unpacked_kernel
from tests.boot.reference import Reference
from tests.libvirtd.daemon import Daemon, VirshError
from tests.processes import processor_time, remove

CASES = Path(__file__).with_name("cases")
HOST = Path(__file__).with_name("host")
APPEND = "console=ttyS0 nokaslr quiet loglevel=1 panic=-1 no_timer_check"
"""The kernel would look whether its timer ticks while it waits in a loop; on a busy host that says nothing, and it panics."""
BOOT_LIMIT, TIME_LIMIT = 150.0, 900.0
"""Seconds of processor time, of which the longest boot takes 25; and on the clock, for a guest that hangs and does nothing."""
ATTEMPTS = 3
"""A guest of several CPUs sometimes hangs early under TCG, on either side; nothing it says can be told from that."""
END = re.compile(r"^== end\r?$", re.MULTILINE)
CONSOLE = "serial0: socket\n"
"""Every VM has one: it is how the guest speaks."""


class HungError(Exception):
    """A guest did not say all in time."""


class Explanation(NamedTuple):
    """A difference that is known: in the guests of this case, and why."""

    case: str
    difference: re.Pattern[str]
    reason: str


EXPLAINED = (
    Explanation(
        "shared-iothreads",
        re.compile(r"block .* device/vpd_pg83: - \| .*|by-id .*:  \| scsi-0QEMU_QEMU_HARDDISK_drive-scsi[01]"),
        "the tree of the RFC is older than qemu-server's device_id; the domain has it, as qemu-server 9.2.6 has",
    ),
)


class Boot(NamedTuple):
    """What both guests said, and the iothreads of both on the host: how many, and their CPUs where they are pinned."""

    reference: Facts
    domain: Facts
    iothreads: tuple[int, int]
    pins: tuple[list[str], list[str]]
    seconds: float

    def differences(self, case: str) -> tuple[list[str], list[str]]:
        """Those without a reason, and those with one."""
        every = differences(self.reference, self.domain)
        known = [each for each in every if any(e.case == case and e.difference.fullmatch(each) for e in EXPLAINED)]
        return [each for each in every if each not in known], known


def cases() -> dict[str, str]:
    """Name -> config."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(CASES.glob("*.conf"))}


def boot(config: str, daemon: Daemon, edit: Callable[[str], str] = str) -> Boot:
    """Both guests at once, to their end. `edit` changes the domain's XML first."""
    if "serial0:" not in config:
        config += CONSOLE
    host = facts_of_host(config, daemon)
    libvirt, qemu = daemon.versions()
    argv = bridge.convert(config, to="argv", source="conf", vmid=100, host=host).argv or []
    xml = edit(bridge.convert(config, to="xml", source="conf", vmid=100, host=host, libvirt=libvirt, qemu=qemu).text)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return both(argv, xml, wanted(config.encode(), 100, "100.conf"), daemon)
        except (HungError, VirshError):  # a loaded machine loses a guest now and then; a real fault comes again
            daemon.clear()
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def both(argv: list[str], xml: str, pins: dict[str, frozenset[int]], daemon: Daemon) -> Boot:
    start = time.monotonic()
    image = kernel() if "pflash" in " ".join(argv) else unpacked_kernel()  # OVMF does not know the PVH entry
    with ExitStack() as closing:
        directory = Path(tempfile.mkdtemp(prefix="boot-"))
        closing.callback(remove, directory)
        reference = Reference(argv, directory / "reference", image, initramfs(), APPEND)
        closing.callback(reference.close)
        domain = Domain(xml, daemon, image, initramfs(), APPEND)
        closing.callback(domain.close)
        said = until_the_end(reference, domain)
        threads = reference.iothreads(), domain.iothreads()
        pinned = reference.pinned(pins), domain.pinned()
    left, right = map(facts, said)
    return Boot(left, right, threads, pinned, time.monotonic() - start)


def facts_of_host(config: str, daemon: Daemon) -> bridge.HostFacts:
    """Of a node with this QEMU; the firmware's files are Debian's on the other side."""
    dialect = {"qemu_server": "rfc-iothreads"} if re.search(r"^iothreads:", config, re.MULTILINE) else {}
    there = {BASE + path.name: str(path) for path in FIRMWARE.glob("*.fd")}
    return bridge.HostFacts.load(HOST, qemu_version=daemon.versions()[1], firmware_map=there, **dialect)


def until_the_end(*guests: Reference | Domain) -> list[str]:
    """The consoles, once all guests have said everything."""
    until = time.monotonic() + TIME_LIMIT
    while True:
        said = [guest.console() for guest in guests]
        if all(map(END.search, said)):
            return said
        if time.monotonic() > until or any(processor_time(guest.pid()) > BOOT_LIMIT for guest in guests):
            raise HungError("a guest did not come to its end:\n" + "\n----\n".join(text[-1500:] for text in said))
        time.sleep(0.2)
