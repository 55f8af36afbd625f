"""A QEMU of our own, paused, with a QMP socket."""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.embed import command_line
from tests.processes import PATIENCE, remove, wait_for


class QMPError(Exception):
    """QEMU did not start, ended, or refused a command; the message is its own."""


class Qemu:
    """One QEMU process, started at once from a command line for this machine (`command_line.startable` makes one of any).

    `socket` is free for one more QMP client, `virt-qm pin` for example; `qmp` talks over a socket of its own. `pid` is the process.
    """

    def __init__(self, argv: list[str]) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="qemu-"))  # short: a socket's path has at most 107 bytes
        self.socket = self.directory / "qmp"
        own = self.directory / "own"
        self.argv = [*argv, "-S", "-display", "none"]
        for path in (self.socket, own):
            self.argv += ["-qmp", f"unix:{path},server=on,wait=off"]
        if any(word.startswith("qxl") or '"qxl' in word for word in argv):
            self.argv += ["-spice", f"unix=on,addr={self.directory}/spice,disable-ticketing=on"]
        self._log = (self.directory / "stderr").open("w+")
        self._process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self.pid = self._process.pid
        try:
            self._connection = self._connect(own)
            self._lines = self._connection.makefile("rw", encoding="utf-8")
            self.qmp("qmp_capabilities")
        except BaseException:
            self.close()
            raise

    def _connect(self, path: Path) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)

        def answers() -> bool:
            try:
                connection.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                if self._process.poll() is not None:
                    raise QMPError(self._said() or "QEMU did not start") from None
                return False
            return True

        try:
            wait_for(answers, "QEMU")
        except BaseException:
            connection.close()
            raise
        return connection

    def _said(self) -> str:
        return (self.directory / "stderr").read_text(errors="replace").strip()

    def qmp(self, command: str, **arguments: Any) -> Any:
        """What a QMP command returns; names with dashes by dict: `qmp("qom-list", **{"path": "/"})`. QMPError if QEMU refuses."""
        try:
            self._lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            self._lines.flush()
            for line in self._lines:
                answer = json.loads(line)
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise QMPError(answer["error"]["desc"])
        except OSError:
            pass  # it ended: said below
        raise QMPError(f"QEMU ended in {command}: {self._said()}")

    def monitor(self, line: str) -> str:
        """What a command of the human monitor prints: `info qtree`."""
        return str(self.qmp("human-monitor-command", **{"command-line": line}))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for name in ("_lines", "_connection", "_log"):
            if opened := getattr(self, name, None):
                with suppress(BrokenPipeError):  # of a command that QEMU did not live to read
                    opened.close()
        remove(self.directory)

    def __enter__(self) -> Qemu:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def start(argv: list[str]) -> Qemu:
    """Start a command line of qemu-server's or libvirt's paused under TCG, without the parts that need its host."""
    return Qemu(command_line.startable(argv))
