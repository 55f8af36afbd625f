"""Every example of every --help runs as it stands; only what names a host is replaced by one of the tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

import bridge
from bridge.cli import COMMANDS, main
from tests.corpus import ROOT
from tests.embed.qemu import start
from tests.host import node
from tests.libvirtd.daemon import Daemon

pytestmark = pytest.mark.slow

PROGRAM = """\
#!{python}
import os
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from bridge.host import probe
probe.ROOT = Path(os.environ.get("NODE", "/"))
from bridge.cli import main
main(prog_name="virt-qm")
"""
NODE = re.compile(r" 100\b|/etc/pve")
"""What only a Proxmox VE node has."""
PRIVATE = """\
kvm: 0
memory: 128
scsi1: local:100/vm-100-disk-1.raw,iothread=1
scsihw: virtio-scsi-single
virtio0: local:100/vm-100-disk-0.raw,iothread=1
"""
DOMAIN = "<domain type='qemu'><name>web</name><memory>65536</memory><os><type machine='pc' arch='x86_64'>hvm</type></os></domain>"


MOVING = frozenset(("move", "state"))
"""Commands whose examples need a guest that runs, or its saved state: `tests/move` runs these."""


def examples() -> Iterator[tuple[str, str]]:
    """(command, line) of each --help."""
    for name in sorted(COMMANDS.keys() - MOVING):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        _, label, text = (command.help or "").partition("Example:\n")
        assert label, f"{name} --help has no example"
        for line in text.split("\n\n")[0].split("\n"):
            if line.strip():
                yield name, line.strip()


def without(config: str, *keys: str) -> str:
    return "".join(line for line in config.splitlines(True) if not line.startswith(keys))


class Stage:
    """A directory with the samples, a node's files, and a `virt-qm` for which this machine can be that node."""

    def __init__(self, root: Path) -> None:
        self.root, self.home, self.node = root, root / "home", node.make(root / "node")
        for directory in ("bin", "home/.local/share/bash-completion/completions"):
            (root / directory).mkdir(parents=True)
        (self.node / "etc/pve/qemu-server/100.conf").write_text(without(node.CONFIG, "cpu") + "kvm: 0\n")  # for any host of the tests
        (self.home / "samples").symlink_to(ROOT / "samples")
        (self.home / "domains").mkdir()
        (self.home / "domains/web.xml").write_text(DOMAIN)
        program = root / "bin/virt-qm"
        program.write_text(PROGRAM.format(python=sys.executable, root=str(ROOT)))
        program.chmod(0o755)
        self.closing: list[Callable[[], None]] = []

    def host(self) -> str:
        """A libvirt host with one domain."""
        daemon = Daemon()
        self.closing.append(daemon.close)
        domain = daemon.directory / "web.xml"
        domain.write_text(DOMAIN)
        daemon.virsh("define", str(domain))
        return daemon.uri

    def socket(self) -> str:
        """VM 100, running with a pool of iothreads."""
        return self._running(without(node.CONFIG, "cpu", "usb").replace("tank:vm-100-disk-0", "local:100/vm-100-disk-0.raw"))

    def private(self) -> str:
        """VM 100, running with an iothread for each of two disks."""
        return self._running(PRIVATE)

    def process(self) -> str:
        """A QEMU that somebody started."""
        qemu = start(["qemu-system-x86_64", "-m", "64", "-name", "by-hand"])
        self.closing.append(qemu.close)
        return str(qemu.pid)

    def _running(self, config: str) -> str:
        facts = bridge.HostFacts(qemu_server="rfc-iothreads", qemu_version="10.0.2")
        qemu = start(bridge.convert(config, "argv", "conf", vmid=100, host=facts).argv or [])
        self.closing.append(qemu.close)
        return str(qemu.socket)

    def set(self, line: str) -> str:
        """The line with names that hold here."""
        hosts: dict[str, Callable[[], str]] = {
            "qemu:///system": self.host,
            "qemu+ssh://root@host/system": self.host,
            "/var/run/qemu-server/100.qmp": self.socket,
            "pin 100 --set": lambda: f"pin 100 --qmp {self.private()} --set",
            "4711": self.process,
            "=2-3": lambda: "=0",  # CPUs that any host has
            "=4": lambda: "=0",
            "/etc/pve": lambda: str(self.node / "etc/pve"),
            "-o /tmp": lambda: f"-o {self.home}",
        }
        for name, here in hosts.items():
            if name in line:
                line = line.replace(name, here())
        return line

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PATH": f"{self.root}/bin:{os.environ['PATH']}", "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        if NODE.search(line):
            environment["NODE"] = str(self.node)
        command = ["bash", "-o", "pipefail", "-c", self.set(line)]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.home, env=environment, stdin=subprocess.DEVNULL)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    found = Stage(tmp_path)
    yield found
    for close in found.closing:
        close()


@pytest.mark.parametrize(("name", "line"), list(examples()), ids=lambda text: text.split(" /")[0].replace("/", "."))
def test_example(name: str, line: str, stage: Stage) -> None:
    assert f"virt-qm {name}" in line
    before = set(stage.home.rglob("*"))
    done = stage.run(line)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout or done.stderr or set(stage.home.rglob("*")) > before
