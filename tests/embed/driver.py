"""libvirt's QEMU driver embedded in a process of our own: no daemon, no system state, everything under one directory.

The library runs in a child process (`serve.py`), because odd XML can abort or hang it (security-rules).
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.processes import PATIENCE, end, remove


class DriverError(Exception):
    """libvirt refused, died, or did not answer in time; the message is its own."""


class IOThread(NamedTuple):
    """One thread of a domain: libvirt's number, from 1, and the host CPUs that it may run on."""

    id: int
    cpus: tuple[int, ...]


class EmbeddedDriver:
    """`qemu:///embed?root=DIR`. A child that died is started again at the next call; its running domains end with it."""

    def __init__(self, root: Path | None = None, time_limit: float = PATIENCE) -> None:
        self.root = root or Path(tempfile.mkdtemp(prefix="embed-"))  # short: sockets below it have at most 107 bytes
        self.time_limit = time_limit
        self._owned = root is None
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"qemu:///embed?root={self.root}"

    def define(self, xml: str) -> str:
        """Define a domain with VIR_DOMAIN_DEFINE_VALIDATE; its name. Replaces one of the same name and UUID."""
        return str(self._call("define", xml))

    def undefine(self, name: str) -> None:
        """Forget a domain, its NVRAM and TPM state with it."""
        self._call("undefine", name)

    def start(self, name: str, paused: bool = True) -> None:
        self._call("start", name, paused)

    def destroy(self, name: str) -> None:
        """Stop a running domain at once. One that does not run is left as it is."""
        self._call("destroy", name)

    def dumpxml(self, name: str, inactive: bool = True) -> str:
        """The definition as libvirt keeps it, secrets included; with inactive=False the running domain's."""
        return str(self._call("dumpxml", name, inactive))

    def iothreadinfo(self, name: str) -> list[IOThread]:
        """The iothreads, as `virsh iothreadinfo` lists them: of the running domain, else of the definition; by number."""
        return sorted(IOThread(number, tuple(cpus)) for number, cpus in self._call("iothreadinfo", name))

    def native(self, xml: str) -> list[str]:
        """libvirt's own command line for a domain, as `virsh domxml-to-native` gives it. It leaves out network devices."""
        return [str(word) for word in self._call("native", xml)]

    def pid(self, name: str) -> int:
        """The process of a running domain."""
        return int((self.root / "run/qemu" / f"{name}.pid").read_text().strip())

    def domains(self) -> list[str]:
        return [str(name) for name in self._call("domains")]

    def clear(self) -> None:
        """Destroy and undefine everything. A child that died or hangs has left who knows what: then all is made anew."""
        if self._child is not None:
            try:
                self._call("clear")
            except DriverError:
                self._stop()
        if self._child is None and self._owned:
            remove(self.root)

    def close(self) -> None:
        self.clear()
        self._stop()
        if self._owned:
            remove(self.root)

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()
        end(str(self.root))  # a QEMU outlives the library that started it
        for file in self.root.glob("run/qemu/*.pid"):
            file.unlink()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            self.root.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, str(Path(__file__).with_name("serve.py")), str(self.root)]
            with (self.root / "stderr").open("ab") as log:
                self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0)
        return self._child

    def _call(self, what: str, *arguments: str | bool) -> Any:
        child = self._started()
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps([what, *arguments]).encode() + b"\n")
        except BrokenPipeError:
            pass  # reading the answer tells
        answer = json.loads(self._answer(child, what))
        if "error" in answer:
            raise DriverError(answer["error"])
        return answer["value"]

    def _answer(self, child: subprocess.Popen[bytes], what: str) -> bytes:
        assert child.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            ready = select.select([child.stdout], [], [], self.time_limit)[0]
            chunk = child.stdout.read(1 << 20) if ready else None
            if not chunk:
                self._stop()
                log = (self.root / "stderr").read_text(errors="replace").strip()[-500:]
                raise DriverError(f"libvirt {'died' if ready else f'did not answer in {self.time_limit} s'} in {what}: {log}")
            line += chunk
        return line
