"""qemu-server's command line run for real: its files, taps and sockets are replaced, the machine stays as it is."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

from bridge.operations.pin import cpu_list, pin
from tests.boot.images import FIRMWARE, image, picture, tpm_state, variables
from tests.embed.command_line import QEMU, Words, machine_type, options_of, parse, readconfig, spell
from tests.processes import PATIENCE, remove, wait_for

DROPPED = frozenset(("-id", "-daemonize", "-pidfile", "-mon", "-vnc", "-iscsi", "-enable-kvm"))


class Reference:
    """One guest on qemu-server's command line. `console` is what it said so far."""

    def __init__(self, argv: Words, directory: Path, kernel: Path, initramfs: Path, append: str) -> None:
        self.directory = directory
        directory.mkdir()
        self.qmp = directory / "qmp"
        self._console = directory / "console"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.argv = [
            *runnable(argv, directory),
            *("-kernel", str(kernel), "-initrd", str(initramfs), "-append", append),
            *("-display", "none", "-qmp", f"unix:{self.qmp},server=on,wait=off"),
        ]
        try:
            if "tpmchar" in " ".join(self.argv):
                self._start_swtpm()
            with (directory / "stderr").open("wb") as log:
                self._processes.append(subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        except BaseException:
            self.close()
            raise

    def _start_swtpm(self) -> None:
        state, control = tpm_state(self.directory / "tpm"), self.directory / "swtpm"
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"backend-uri=file://{state}", "--ctrl", f"type=unixio,path={control}"]
        swtpm = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._processes.append(swtpm)
        wait_for(lambda: control.exists() or swtpm.poll() is not None, "swtpm")
        assert swtpm.poll() is None, "swtpm did not start"

    def iothreads(self) -> int:
        """How many this QEMU has, by QMP."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(self.qmp))
            lines = connection.makefile("rw", encoding="utf-8")
            for command in ("qmp_capabilities", "query-iothreads"):
                lines.write(json.dumps({"execute": command}) + "\n")
            lines.flush()
            said = map(json.loads, lines)
            answers = (line["return"] for line in said if "return" in line)  # a greeting and events come between
            next(answers)
            return len(next(answers))

    def pinned(self, to: dict[str, frozenset[int]]) -> list[str]:
        """Pin them as `virt-qm pin` does; the CPUs that each may run on then."""
        return [cpu_list(frozenset(os.sched_getaffinity(each.thread_id))) for each in pin(self.qmp, to)] if to else []

    def console(self) -> str:
        assert self._processes[-1].poll() is None, f"QEMU ended: {(self.directory / 'stderr').read_text(errors='replace')[-2000:]}"
        return self._console.read_text(errors="replace") if self._console.exists() else ""

    def pid(self) -> int:
        return self._processes[-1].pid

    def close(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        remove(self.directory)


def runnable(argv: Words, directory: Path) -> Words:
    """The command line for this machine; images, variables and sockets are in `directory`."""
    out = [QEMU]
    for option, value in options_of(argv):
        if option in DROPPED:
            continue
        if value is None:
            out.append(option)
        else:
            out += REWRITE[option](option, value, directory) if option in REWRITE else [option, value]
    return out


def blockdev(option: str, value: str, directory: Path) -> Words:
    """The nodes stay; the file below them is ours, without the host's way of reaching it."""
    top = json.loads(value)
    is_variables = top["node-name"] == "drive-efidisk0"
    node: Any = top
    form = "raw"  # of the file below: what the node above it reads
    while node:
        if "filename" in node:
            path = node["filename"]
            node["filename"] = firmware(path) or str(variables(path, directory, form) if is_variables else image(path, directory, form))
            node["driver"] = "file"
        node.pop("aio", None)
        if "cache" in node:
            node["cache"]["direct"] = False
        form = node["driver"]
        node = node.get("file")
    return [option, json.dumps(top)]


def drive(option: str, value: str, directory: Path) -> Words:
    """The same for machines below the blockdev gate."""
    options = parse(value, "file")
    form = options.get("format", "raw")
    if options.get("if") == "pflash":
        options["file"] = firmware(options["file"]) or str(variables(options["file"], directory, form))
    elif "file" in options:
        options["file"] = str(image(options["file"], directory, form))
    options.pop("aio", None)
    if options.get("cache") in ("none", "directsync"):
        options["cache"] = {"none": "writeback", "directsync": "writethrough"}[options["cache"]]
    words = [f"{name}={str(value).replace(',', ',,')}" for name, value in options.items()]
    return [option, ",".join(words)]


def firmware(path: str) -> str | None:
    """The same file of Debian's package."""
    return str(FIRMWARE / Path(path).name) if "pve-edk2-firmware" in path else None


def chardev(option: str, value: str, directory: Path) -> Words:
    options = parse(value, "backend")
    name = options["id"]
    if name in ("qmp", "qmp-event"):
        return []
    if name == "serial0":
        return [option, f"file,id=serial0,path={directory / 'console'}"]
    if name == "tpmchar":
        return [option, f"socket,id=tpmchar,path={directory / 'swtpm'}"]
    if "path" in options:
        return [option, spell({**options, "path": str(directory / f"{name}.sock")}, "backend")]
    return [option, value]


def machine(option: str, value: str, _: Path) -> Words:
    options = parse(value, "type")
    return [option, spell({**options, "type": machine_type(options.get("type", "pc"))}, "type")]


def own_picture(option: str, value: str, directory: Path) -> Words:
    return [option, re.sub(r"splash=[^,]*", f"splash={picture(directory)}", value)]


def netdev(option: str, value: str, _: Path) -> Words:
    return [option, f"user,restrict=on,id={parse(value, 'type')['id']}"]


def spice(option: str, _: str, directory: Path) -> Words:
    return [option, f"unix=on,addr={directory / 'spice'},disable-ticketing=on"]


REWRITE = {
    "-blockdev": blockdev,
    "-boot": own_picture,
    "-chardev": chardev,
    "-drive": drive,
    "-machine": machine,
    "-netdev": netdev,
    "-readconfig": lambda _, value, __: readconfig(value),
    "-spice": spice,
}
