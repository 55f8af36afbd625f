"""The machines that are held against each other: a config as qemu-server starts it, and its XML as libvirt does."""

from __future__ import annotations

import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import bridge
from bridge.argv.read import CommandLine, read
from bridge.data import gates
from bridge.guest.compare import Difference, compare
from bridge.guest.native import Embedded
from bridge.guest.run import Runner, differences
from bridge.guest.tree import tree
from tests import corpus

CASES = Path(__file__).parent / "cases"
MORE_CASES = CASES.parent.parent / "cases"
HOST = MORE_CASES / "host"
HERE = "10.0"
"""The version of the QEMU that the tests run with: own configs ask for its machines."""
VMID = 8006
CORPORA = ("random.jsonl", "random-extra.jsonl", "cfg2cmd.jsonl")
SAMPLED = CORPORA[:2]
SAMPLE = 40
"""Configs that run where not all do, own ones among them."""


class Left(NamedTuple):
    """Configs that are not compared. `config` or `argv` match, or `refusal` is what QEMU or libvirt here says."""

    reason: str
    config: str | None = None
    argv: str | None = None
    refusal: str | None = None


LEFT_OUT = (
    Left("a template never runs: its command line is for a backup alone", config=r"^template: 1"),
    Left("another architecture", argv=r"(^|,)type=virt\b"),
    Left(
        "cards of the host in slots that no PCI bus has: libvirt refuses such an address",
        config=r"^hostpci\d+:.*\b[0-9a-f]{2}:[2-9a-f][0-9a-f]\b",
    ),
    Left("QEMU refuses what qemu-server writes: this watchdog is an ISA card", argv=r"^ib700,bus=pci"),
    Left("QEMU has no such device: the config is about quoting", argv=r"^foo,"),
    Left("QEMU here is built without it, and libvirt asks QEMU", refusal=r"launch ?[sS]ecurity|SEV|TDX"),
)


class Machine(NamedTuple):
    """A config with the host that it stands on; `argv` is the reference's command line, or None: then the bridge's counts."""

    name: str
    config: str
    host: bridge.HostFacts
    qemu: str
    vmid: int = VMID
    argv: list[str] | None = None

    def line(self) -> CommandLine:
        """As qemu-server starts it."""
        words = self.argv or bridge.convert(self.config, "argv", "conf", vmid=self.vmid, host=self.host).argv
        assert words is not None
        return read(words)

    def xml(self) -> bridge.Result:
        return bridge.convert(self.config, "xml", "conf", vmid=self.vmid, host=self.host, qemu=self.qemu)

    def left_out(self) -> Left | None:
        for left in LEFT_OUT:
            if left.config and re.search(left.config, self.config, re.MULTILINE):
                return left
            if left.argv and any(re.search(left.argv, word) for word in self.argv or ()):
                return left
        return None


def own(directory: Path) -> list[Machine]:
    host = bridge.HostFacts.load(HOST, qemu_version=HERE)
    return [Machine(path.stem, path.read_text(), host, HERE) for path in sorted(directory.glob("*.conf"))]


def of_corpora(names: tuple[str, ...]) -> list[Machine]:
    if corpus.SHARED is None:
        return []
    found = []
    for name in names:
        for row in corpus.rows(name):
            if "argv" in row:
                host = bridge.HostFacts.load(corpus.SHARED / "corpus/host", **row.get("host", {}))
                label = f"{name.removesuffix('.jsonl')}-{row['name']}"
                newest = ".".join(map(str, gates.qemu_version(host.qemu_version, host.qemu_server)[:2]))
                found.append(Machine(label, row["conf"], host, newest, row["vmid"], row["argv"]))
    return found


def machines(full: bool) -> list[Machine]:
    """All of them, or a sample of SAMPLE with all own ones, the same ones every time."""
    mine = own(CASES)
    if full:
        return mine + own(MORE_CASES) + of_corpora(CORPORA)
    rows = [machine for machine in of_corpora(SAMPLED) if machine.left_out() is None]
    return mine + list(corpus.sample(rows, SAMPLE - len(mine), False))


class Result(NamedTuple):
    """`told`: the findings of severity `guest` that the writer of the XML had."""

    differences: list[Difference]
    told: list[str]
    left: Left | None = None


class Compared:
    """Machines are compared by two threads, each with a libvirt of its own, as soon as the first is asked for."""

    def __init__(self, wanted: list[Machine]) -> None:
        self._runner = Runner("qemu-system-x86_64")
        self._own = threading.local()
        self._opened: list[Embedded] = []
        self._pool = ThreadPoolExecutor(2)
        self.futures: dict[str, Future[Result]] = {machine.name: self._pool.submit(self._compare, machine) for machine in wanted}

    def result(self, name: str) -> Result:
        return self.futures[name].result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        for libvirt in self._opened:
            libvirt.__exit__(None, None, None)

    def _libvirt(self) -> Embedded:
        if not hasattr(self._own, "libvirt"):
            self._own.libvirt = Embedded()
            self._opened.append(self._own.libvirt)
        found: Embedded = self._own.libvirt
        return found

    def _compare(self, machine: Machine) -> Result:
        if (left := machine.left_out()) is not None:
            return Result([], [], left)
        newest = gates.version(machine.qemu)
        xml = machine.xml()
        try:
            native = self._libvirt().native(xml.text)
        except bridge.BridgeError as error:
            for left in LEFT_OUT:
                if left.refusal and re.search(left.refusal, str(error)):
                    return Result([], [], left)
            raise
        a, b = machine.line(), read(native.words + native.plugged)
        said = compare(tree(a, newest), tree(b, newest))
        seen = [self._runner.tree(line, name, newest) for line, name in ((a, "qemu-server"), (b, "libvirt"))]
        return Result(differences(said, *seen), [finding.message for finding in xml.findings if finding.severity == "guest"])
