"""A storage whose volumes are real, in the directory of a private libvirtd, and configs made to start there."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from bridge.data.options import DRIVES
from tests.boot.images import FIRMWARE
from tests.embed.command_line import machine_types
from tests.libvirtd.daemon import Daemon
from tests.processes import remove

NEEDS_HOST = re.compile(
    r"(hostpci|usb|virtiofs|numa|parallel)\d+|args|hugepages|ivshmem|amd-sev|intel-tdx|cpulimit|cpuunits|affinity|cpu|arch|audio0|watchdog"
)
"""Options that want what a test machine may not have; and NUMA nodes, which must fit the memory."""
HOST_PARTS = re.compile(
    r",(aio|cache|format|size|snapshot|import-from|scsiblock|tag|trunks|bridge|firewall|rate|mtu|queues|host-tunnel)=[^,]*"
)
FIXED: dict[str, Callable[[str], str | None]] = {
    "machine": lambda value: value if value.split("+")[0].split(",")[0] in machine_types() else None,
    "memory": lambda _: "192",
    "balloon": lambda value: "0" if value == "0" else None,
    "sockets": lambda _: None,
    "vcpus": lambda _: None,
    "smp": lambda _: None,
    "cores": lambda _: "2",
    "vga": lambda value: value if value in ("std", "none", "cirrus") or value.startswith("serial") else "std",
    "rng0": lambda value: value.replace("/dev/hwrng", "/dev/urandom"),
}
"""Option -> what it is here."""


class Store:
    """`store:` of a host; `host` is its directory of facts for --host."""

    def __init__(self, daemon: Daemon, name: str = "store") -> None:
        self.daemon = daemon
        self._root = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=daemon.directory))
        self._root.chmod(0o755)
        self.path = self._root / "path"
        self.host = self._root / "host"
        (self.path / "images").mkdir(parents=True)
        self.host.mkdir()
        (self.host / "storage.cfg").write_text(f"dir: {name}\n\tpath {self.path}\n\tcontent images,iso\n")
        self.name = name

    def volume(self, vmid: int, name: str, size: str = "32M", template: Path | None = None) -> str:
        """A volume id; the image is made, empty or as a copy."""
        file = self.path / "images" / str(vmid) / name
        file.parent.mkdir(exist_ok=True)
        form = file.suffix[1:]
        if template is not None:
            command = ["qemu-img", "convert", "-f", "raw", "-O", form, str(template), str(file)]
        else:
            command = ["qemu-img", "create", "-q", "-f", form, str(file), size]
        subprocess.run(command, check=True)
        self.daemon.give(self.path)
        return f"{self.name}:{vmid}/{name}"

    def remove(self) -> None:
        """Once no guest uses it."""
        remove(self._root)

    def startable(self, conf: str, vmid: int) -> str:
        """A config for a machine that has no cards and is slow: emulated, volumes in this store, NICs in user mode."""
        lines = ["kvm: 0"]
        for line in conf.split("\n"):
            key, colon, value = line.partition(": ")
            if line.startswith("["):
                break
            if not colon or line.startswith("#") or key == "kvm" or NEEDS_HOST.fullmatch(key):
                continue
            own = self._own(key, value, vmid)
            if own is not None:
                lines.append(f"{key}: {own}")
        return "\n".join(lines) + "\n"

    def _own(self, key: str, value: str, vmid: int) -> str | None:
        """The value here; None leaves the option out."""
        if key in FIXED:
            return FIXED[key](value)
        if key == "efidisk0":
            return self.volume(vmid, "efidisk0.raw", template=FIRMWARE / "OVMF_VARS_4M.fd") + ",efitype=4m"
        if key == "tpmstate0":
            return self.volume(vmid, "tpmstate0.raw", "4M") + ",version=v2.0"
        if key in DRIVES:
            return self._drive(key, value, vmid)
        if re.fullmatch(r"net\d+", key):
            return None if value.startswith("ne2k_isa") else HOST_PARTS.sub("", value)
        return "socket" if key.startswith("serial") else value

    def _drive(self, key: str, value: str, vmid: int) -> str:
        file, _, rest = value.partition(",")
        if file != "none":
            file = self.volume(vmid, f"{key}.raw")
        own = HOST_PARTS.sub("", f"{file.removeprefix('file=')},{rest}").rstrip(",")
        return own if "media=cdrom" in rest else own + ",aio=threads,cache=writeback"
