"""The options of a command line by what they make, while the VM is read of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...core.report import BridgeError, Report
from ...data.devices import ALIASES
from ...data.qemu import FLAGS
from ...data.readconfig import READCONFIG
from ...host.facts import HostFacts
from ...model.part import Address
from ...model.raw import Backend, Other
from ...model.vm import VM
from ..machine import RUN, SHARE
from ..read import CommandLine, Option
from .said import Said, number

QMP = "socket,id=qmp,path={}/{}.qmp,server=on,wait=off"
"""The monitor of qemu-server's own, by which its command lines are known."""


class Dev:
    """A device; `said` is its option, or the whole -readconfig that brings it. `address` is where QEMU puts it."""

    __slots__ = ("address", "bus", "driver", "id", "name", "on_bus", "said", "taken")

    def __init__(self, said: Said) -> None:
        self.said = said
        self.name = said.take("driver") or ""
        """As it was written."""
        self.driver = ALIASES.get(self.name, self.name)
        self.id = said.take("id")
        self.address: Address | None = None
        self.bus = ""
        """Of a drive: `ide`, `sata` or `scsi`."""
        self.on_bus = "bus" in said.properties
        self.taken = False
        """Whether some kind knows it."""


class Line:
    """What the kinds read of, and what they fill."""

    def __init__(self, command: CommandLine, host: HostFacts, report: Report, vmid: int, file: str) -> None:
        self.host = host
        self.report = report
        self.file = file
        self.vm = VM()
        self.program = command.program
        self.words = command.words
        self.options, self.before = _options(command, file)
        self.is_pve, self.vmid = self._whose(vmid)
        self.is_libvirt = not self.is_pve and any(option.name == "mon" and "chardev=charmonitor" in option.text for option in self.options)
        self.trailing: list[str] = []
        """Words behind all that qemu-server writes: those of `args`."""
        if self.is_pve:
            self._cut()
        self.spoken: dict[int, dict[str, Any]] = {}
        """id(disk.where) -> fields that were said though they are what qemu-server assumes."""
        self.memory_said = False
        self.strict = False
        """The firmware boots from nothing that has no place in the boot order."""
        self.others: list[Other] = []
        self.held: dict[int, Other] = {}
        """id of a small device -> the same as it was, for XML."""
        self.copy_on_read: set[int] = set()
        """id of the uppermost node of a drive."""
        self.copied: set[int] = set()
        """The same of its device."""
        self.ends: dict[int, Backend] = {}
        """id of a card's option -> what it hangs on, where it is no tap."""
        self.unsaid_ids: set[int] = set()
        """id(disk.where) of SCSI drives whose id is QEMU's own."""
        self.used: set[int] = set()
        """id of each -drive that a device has."""
        self.shown: list[Other] = []
        """Options that show the picture."""
        self.late: list[Callable[[], None]] = []
        """What is lost in a config, and stands in XML."""
        self.node_names: dict[int, str] = {}
        """id(where) of a drive -> the name of its protocol node."""
        self.threads: dict[str, int] = {}
        """iothread objects: id -> number, from 1."""
        self.objects = self._by_id("object", "id")
        self.chardevs = self._by_id("chardev", "id")
        self.netdevs = self._by_id("netdev", "id")
        self.audiodevs = self._by_id("audiodev", "id")
        self.tpmdevs = self._by_id("tpmdev", "id")
        self.nodes = self._by_id("blockdev", "node-name")
        self.drives = self._by_id("drive", "id")
        self.devices = self._devices()

    def _whose(self, vmid: int) -> tuple[bool, int]:
        said = next((option.text for option in self.options if option.name == "id"), None)
        own = number(said)
        if own is None or not any(option.name == "chardev" and option.text == QMP.format(RUN, own) for option in self.options):
            return False, vmid
        return True, own

    def _cut(self) -> None:
        """What stands behind qemu-server's one -machine, the last of its options."""
        at = next((n for n, option in enumerate(self.options) if option.name == "machine"), len(self.options)) + 1
        if at < len(self.options) and self.options[at].name == "loadstate":
            self.trailing += self.options[at].words
            del self.options[at]
        if at < len(self.options) and self.options[at].name == "snapshot":
            at += 1
        for option in self.options[at:]:
            self.trailing += option.words
        del self.options[at:]

    def _by_id(self, name: str, key: str) -> dict[str, Said]:
        found: dict[str, Said] = {}
        for option in self.all(name):
            if (value := option.peek(key)) is not None:
                if value in found:
                    raise BridgeError(f"-{name} {key}={value} is there twice", option)
                found[value] = option
        return found

    def _devices(self) -> list[Dev]:
        """QEMU makes those that are JSON after all others (system/vl.c, qemu_create_cli_devices)."""
        plain: list[Dev] = []
        later: list[Dev] = []
        for option in self.options:
            if option.name == "device":
                (later if option.text.startswith("{") else plain).append(Dev(option))
                option.claim()
            elif option.name == "readconfig":
                name = option.text.removeprefix(f"{SHARE}/")
                if name in READCONFIG and "/" not in name:
                    option.claim()
                    plain += [self._of_file(option, device) for device in READCONFIG[name]]
        return [*plain, *later]

    def _of_file(self, option: Said, properties: dict[str, str]) -> Dev:
        said = Said(Option("readconfig", option.text), option.n, self.file, [])
        said.properties = dict(properties)
        return Dev(said)

    def all(self, *names: str) -> list[Said]:
        return [option for option in self.options if option.name in names]

    def last(self, *names: str) -> Said | None:
        """The last of these options, which is the one that counts; the others are claimed with it."""
        found = self.all(*names)
        for option in found:
            option.claim()
        return found[-1] if found else None

    def flag(self, *names: str) -> Said | None:
        return self.last(*names)

    def of(self, *drivers: str) -> Iterator[Dev]:
        """The devices of these drivers that nobody took yet, in QEMU's order."""
        for device in self.devices:
            if not device.taken and device.driver in drivers:
                yield device

    def global_(self, name: str, *values: str) -> str | None:
        """Take `-global NAME=VALUE`, the last one; only one of `values`, if there are any."""
        found = None
        for option in self.all("global"):
            key, equals, value = option.text.partition("=")
            if not option.claimed and equals and key == name and (not values or value in values):
                option.claim()
                found = value
        return found


def _options(command: CommandLine, file: str) -> tuple[list[Said], list[str]]:
    """The options, and the words that stand before QEMU's own name."""
    start = command.words.index(command.program) + 1 if command.program else 0
    found, at = [], start
    for option in command.options:
        size = 2 if command.words[at].startswith("-") and option.name not in FLAGS else 1  # an image's name stands alone
        found.append(Said(option, at + 1, file, command.words[at : at + size]))
        at += size
    return found, command.words[: start - 1 if command.program else 0]
