"""Another host, as ssh sees it: an sshd that ssh starts for each connection, without any port, before the libvirtd of the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.processes import remove, wait_for

NAME = "other"
SSHD = "/usr/sbin/sshd"
NETCAT = """
import os, select, socket, sys
there = socket.socket(socket.AF_UNIX)
there.connect(sys.argv[-1])
while True:
    for each in select.select([0, there], [], [])[0]:
        data = os.read(0, 65536) if each == 0 else there.recv(65536)
        if not data:
            sys.exit()
        there.sendall(data) if each == 0 else os.write(1, data)
"""
"""`nc -U SOCKET`, as libvirt starts it there. Its own helper knows root's libvirtd and no other."""


class OtherHost:
    """`uri` is of its libvirt, which listens at `socket`. `runtime`: what XDG_RUNTIME_DIR is there."""

    def __init__(self, socket: Path, runtime: Path) -> None:
        self.runtime = runtime
        self.directory = Path(tempfile.mkdtemp(prefix="other-", dir="/tmp"))
        self.ssh = self.directory / "ssh"
        for key in ("host", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / key], check=True)
        (self.directory / "authorized").write_text((self.directory / "key.pub").read_text())
        (self.directory / "known").write_text(f"{NAME} {(self.directory / 'host.pub').read_text()}")
        own = self.directory
        (own / "sshd_config").write_text(
            f"HostKey {own}/host\nAuthorizedKeysFile {own}/authorized\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            f"KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nPidFile none\nSetEnv XDG_RUNTIME_DIR={self.runtime}\n"
        )
        (own / "config").write_text(
            f"Host {NAME}\n ProxyCommand {own}/proxy\n IdentityFile {own}/key\n IdentitiesOnly yes\n"
            f" UserKnownHostsFile {own}/known\n GlobalKnownHostsFile none\n"
        )
        self._script("proxy", f"echo $$ >> {own}/pids; exec {SSHD} -i -f {own}/sshd_config -E {own}/log")
        self._script("ssh", f'exec ssh -F {own}/config "$@"')
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's own, for as long as a connection is not known
        (own / "nc").write_text(f"#!{sys.executable}\n{NETCAT}")
        (own / "nc").chmod(0o755)
        self.uri = f"qemu+ssh://{NAME}/session?command={self.ssh}&proxy=netcat&netcat={own}/nc&socket={socket}"

    def _script(self, name: str, line: str) -> None:
        (self.directory / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.directory / name).chmod(0o755)

    def connections(self) -> set[int]:
        """The sshd of each."""
        pids = self.directory / "pids"
        found = {int(line) for line in pids.read_text().split()} if pids.exists() else set()
        return {pid for pid in found if _name(pid) == "sshd"}

    def cut(self) -> None:
        """All connections."""
        for pid in self.connections():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.connections(), "the end of all connections")

    def refuse(self) -> None:
        """Nobody is let in any more."""
        (self.directory / "authorized").write_text("")

    def no_directory(self) -> None:
        """None can be made there any more."""
        config = self.directory / "sshd_config"
        config.write_text(config.read_text().replace(f"={self.runtime}", f"={self.directory}/none"))

    def left(self) -> list[Path]:
        """Directories of moves that are there."""
        return list(self.runtime.glob("virt-qm-move-*"))

    def close(self) -> None:
        self.cut()
        remove(self.directory)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
