"""One VM that can run on both sides: on qemu-server's command line and as a domain of a private libvirtd, with the same images.

The guest counts, writes to every disk and reads it all back (count.c); what it says stands in one console a run.
"""

from __future__ import annotations

import copy
import re
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

import bridge
from bridge.argv.read import fields
from bridge.operations.move.machine import Machine
from tests.boot import domain, reference
from tests.boot.boot import APPEND, facts_of_host
from tests.boot.images import SIZE, tpm_state
from tests.boot.initramfs import initramfs, kernel, unpacked_kernel
from tests.libvirtd.daemon import Daemon, in_network
from tests.processes import PATIENCE, PAUSE, end, processor_time, remove, wait_for

OWN = Path(__file__).parent
VMID = 100
BOOT_LIMIT = 150.0
"""Seconds of processor time until the guest counts; it takes some 10."""
ADDED = {"kvm": "0", "serial0": "socket"}
"""What every VM has here; and a UUID of its own, because both sides must know it, and others may run these tests, too."""
ATTEMPTS, HANGS_AFTER, LEAST = 3, 80.0, 2.0
"""Seconds of processor time after which a guest that has not counted is started anew; or seconds on the clock, in which it has had less
processor time than that: it waits for what does not come. One on a busy machine has more."""
TURNS = 10
"""After so many the guest has read back all its blocks at least once (`ALL` of count.c)."""
DRIVERS = {
    "ahci": "ahci",
    "e1000": "e1000",
    "ich9-ahci": "ahci",
    "ide-cd": "ata_piix",
    "ide-hd": "ata_piix",
    "lsi": "sym53c8xx",
    "megasas": "megaraid_sas",
    "pvscsi": "vmw_pvscsi",
    "virtio-balloon-pci": "virtio_balloon",
    "virtio-blk-pci": "virtio_blk",
    "virtio-net-pci": "virtio_net",
    "virtio-rng-pci": "virtio-rng",
    "virtio-scsi-pci": "virtio_scsi",
    "virtio-serial": "virtio_console",
}
"""Device -> the guest's driver. It loads these at once; for any other it looks at all its devices, which takes seconds."""
TICK = re.compile(r"^tick (\d+) disks (\d+) blocks \d+\r?$", re.MULTILINE)
WRONG = re.compile(r"^wrong: .*$", re.MULTILINE)


ONE_CPU = "maxcpus=1"
"""The guest leaves its other CPUs alone: with them QEMU loses pages under TCG now and then (memory.py, docs/live-move.md)."""


class Network(NamedTuple):
    """Taps made beforehand, one for each side, in a network namespace; and the guest's address."""

    outside: str
    inside: str
    address: str
    namespace: str


class Run(NamedTuple):
    """A QEMU outside of libvirt: `socket` is its QMP; `process` if it is a child of ours."""

    process: subprocess.Popen[bytes] | None
    socket: Path

    def machine(self) -> Machine:
        return Machine(self.socket, PATIENCE)


class Lab:
    """The VM of a config. `argv` is qemu-server's line for this machine, `xml` the domain."""

    def __init__(self, config: str, daemon: Daemon, edit: Callable[[str], str] = str, network: Network | None = None) -> None:
        self.daemon = daemon
        said = {line.partition(":")[0] for line in config.split("\n")}
        added = {**ADDED, "smbios1": f"uuid={uuid.uuid4()}"}
        self.config = config.rstrip("\n") + "\n" + "".join(f"{key}: {value}\n" for key, value in added.items() if key not in said)
        host = facts_of_host(self.config, daemon)
        libvirt, qemu = daemon.versions()
        words = bridge.convert(self.config, to="argv", source="conf", vmid=VMID, host=host).argv or []
        self.converted = bridge.convert(self.config, to="xml", source="conf", vmid=VMID, host=host, libvirt=libvirt, qemu=qemu)
        root = etree.fromstring(self.converted.text)
        self.name, self.uuid = str(root.findtext("name")), str(root.findtext("uuid"))
        self.directory = Path(tempfile.mkdtemp(prefix="vm-", dir=daemon.directory / "images"))
        self.directory.chmod(0o777)
        image = kernel() if "pflash" in " ".join(words) else unpacked_kernel()
        self.boot = domain.direct(image, initramfs(OWN / "init", OWN / "count.c"), daemon.directory / "images")
        disks = sum(1 for disk in root.findall("devices/disk") if disk.get("device") == "disk")
        append = f"{APPEND} {ONE_CPU} disks={disks} drivers={drivers(words)}" + (f" address={network.address}" if network else "")
        inside: Any = root
        self.xml = edit(self._with_taps(domain.runnable(inside, self.directory, self.boot, append), network))
        self.network = in_network(network.namespace) if network else []
        self.argv = [
            *self._with_tap(reference.runnable(words, self.directory), network),
            *("-kernel", str(self.boot[0]), "-initrd", str(self.boot[1]), "-append", append, "-display", "none"),
        ]
        self.file = self.directory / "domain.xml"
        self.file.write_text(self.xml)
        self.runs: list[subprocess.Popen[bytes]] = []
        (self.directory / "console").touch()
        self.give()

    def give(self) -> None:
        """All files belong to libvirt's user; root may use them anyway."""
        self.daemon.give(self.directory)

    @staticmethod
    def _with_tap(words: list[str], network: Network | None) -> list[str]:
        if network is None:
            return words
        tap = f"tap,id=net0,ifname={network.outside},script=no,downscript=no"
        return [tap if word.startswith("user,restrict=on,id=net0") else word for word in words]

    @staticmethod
    def _with_taps(xml: str, network: Network | None) -> str:
        if network is None:
            return xml
        root = etree.fromstring(xml)
        card = root.find("devices/interface")
        assert card is not None
        card.set("type", "ethernet")
        etree.SubElement(card, "target", dev=network.inside, managed="no")
        return etree.tostring(root, encoding="unicode")

    def elsewhere(self, directory: Path | None = None) -> Lab:
        """The same VM with images of its own, which are empty: its sockets and consoles are the ones that it has."""
        found = copy.copy(self)
        there = Path(tempfile.mkdtemp(prefix="disks-", dir=directory or self.directory))
        there.chmod(0o777)
        text, old = " ".join(self.argv), {str(path) for path in self.directory.rglob("vm-100-disk-*")}
        for path in sorted(path for path in old if path in text):
            new = there / Path(path).name
            subprocess.run(["qemu-img", "create", "-q", "-f", new.suffix[1:], new, str(SIZE)], check=True)
            found.argv = [word.replace(path, str(new)) for word in found.argv]
            found.xml = found.xml.replace(path, str(new))
        found.file = there / "domain.xml"
        found.file.write_text(found.xml)
        self.daemon.give(there)
        return found

    def line(self, tag: str) -> list[str]:
        """The command line of a run with this name: its console is TAG.console, its QMP socket TAG.qmp."""
        words = [word.replace(f"path={self.directory}/console", f"path={self.directory}/{tag}.console") for word in self.argv]
        words = [word.replace(f"{self.directory}/swtpm", f"{self.directory}/{tag}.swtpm") for word in words]
        return [*words, "-qmp", f"unix:{self.directory}/{tag}.qmp,server=on,wait=off"]

    def start(self, tag: str, *more: str) -> Run:
        """Run it outside of libvirt."""
        self.tpm(tag)
        socket = self.directory / f"{tag}.qmp"
        with (self.directory / f"{tag}.stderr").open("wb") as log:
            process = subprocess.Popen(
                ["nice", "-n", "5", *self.network, *self.line(tag), *more], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.runs.append(process)
        wait_for(lambda: socket.exists() or process.poll() is not None, "QEMU's socket")
        assert process.poll() is None, (self.directory / f"{tag}.stderr").read_text(errors="replace")[-2000:]
        return Run(process, socket)

    def boot_up(self, tag: str) -> Run:
        """Run it until it counts. A guest sometimes hangs early under TCG, on either side; nothing that it says can be told from that, so
        that it is started anew."""
        for attempt in range(1, ATTEMPTS + 1):
            run = self.start(tag)
            process = run.process
            assert process is not None
            since, had = time.monotonic(), 0.0
            while not self.ticks(f"{tag}.console"):
                assert process.poll() is None, (self.directory / f"{tag}.stderr").read_text(errors="replace")[-2000:]
                has = processor_time(process.pid)
                idle = time.monotonic() > since + HANGS_AFTER and has < had + LEAST
                if attempt < ATTEMPTS and (has > HANGS_AFTER or idle):
                    break
                assert not idle, "the guest waits for what does not come"
                assert has < BOOT_LIMIT, "the guest does not count"
                if time.monotonic() > since + HANGS_AFTER:
                    since, had = time.monotonic(), has
                time.sleep(PAUSE)
            else:
                return run
            process.kill()
            process.wait()
            run.socket.unlink(missing_ok=True)
            (self.directory / f"{tag}.console").unlink(missing_ok=True)
        raise AssertionError("the last attempt returns or raises")

    def tpm(self, tag: str) -> None:
        """A TPM emulator for a run, if the VM has one, on the state that both sides have."""
        if not any("tpmchar" in word for word in self.argv):
            return
        state, control = self.directory / "tpm", self.directory / f"{tag}.swtpm"
        if not state.exists():
            tpm_state(state)
            self.give()
        own = self.directory / f"{tag}.tpm"
        own.write_bytes(state.read_bytes())
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"backend-uri=file://{own}", "--ctrl", f"type=unixio,path={control}"]
        self.runs.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_for(control.exists, "swtpm")

    def ticks(self, console: str) -> list[int]:
        """The turns that a console has; nothing may be wrong in it."""
        file = self.directory / console
        said = file.read_text(errors="replace") if file.exists() else ""
        wrong = WRONG.findall(said)
        assert wrong == [], wrong[:5]
        return [int(match[1]) for match in TICK.finditer(said)]

    def cut(self, console: str) -> bool:
        """Whether its last line goes on elsewhere: the guest was stopped while it spoke."""
        return not (self.directory / console).read_bytes().endswith(b"\n")

    def counts(self, console: str, pid: int, turns: int = TURNS) -> list[int]:
        """Wait until it has counted so many turns more; all turns of that console."""
        before = len(self.ticks(console))

        def counted() -> list[int]:
            found = self.ticks(console)
            if not found and not (self.directory / console).exists():
                return []
            said = (self.directory / console).read_text(errors="replace")
            assert found or processor_time(pid) < BOOT_LIMIT, f"the guest does not count: {said[-1500:]}"
            return found if len(found) >= before + turns else []

        return wait_for(counted, f"{turns} turns more in {console}")

    def pid(self) -> int:
        """Of libvirt's QEMU."""
        return self.daemon.pid(self.name)

    def state(self) -> str:
        """Of the domain, with its reason; empty if there is none."""
        return self.daemon.virsh("domstate", self.name, "--reason") if self.name in self.daemon.domains() else ""

    def close(self) -> None:
        for process in reversed(self.runs):
            process.kill()
            process.wait()
        end(str(self.directory))  # the one that the VM moved to is nobody's child
        self.daemon.clear()
        remove(self.directory)


def drivers(words: list[str]) -> str:
    """Of the devices of a command line, as the guest's own command line lists them."""
    made = {fields(value, "driver").get("driver", "") for option, value in pairwise(words) if option == "-device"}
    return ",".join(sorted({"virtio_pci", *(DRIVERS[device] for device in made if device in DRIVERS)}))
