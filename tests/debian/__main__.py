"""What somebody on Debian 13 does in the first hour, in a root that has the package and Debian's own packages alone.

`python -m tests.debian ROOT`: as an ordinary user there, README's console blocks from top to bottom, every case there and back, and a VM
that is defined on Debian's libvirt, imported, checked and planned. Prints what it did; ends with 1 at the first thing that is not so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bridge import rewrite_config
from tests.corpus import ROOT
from tests.processes import wait_for
from tests.shown import fits, run, steps

USER = "visitor"
HOME = f"/home/{USER}"
URI = "qemu:///session"
VMID = "8006"
DISK = "local:300/vm-300-disk-0.qcow2"
VM = f"kvm: 0\nname: walk\nmemory: 64\niothreads: 2\nscsihw: virtio-scsi-single\nscsi0: {DISK},iothread=1\nonboot: 1\n"
NO_LIBVIRT = "apt-get install python3-libvirt"


class Root:
    """A root directory in which commands run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / HOME.lstrip("/")
        path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
        self.as_root = ["chroot", str(root), "env", path, "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        self.as_user = [
            *("chroot", f"--userspec={USER}:{USER}", str(root), "env", "-i", f"--chdir={HOME}", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"),
            *(f"HOME={HOME}", f"XDG_RUNTIME_DIR={HOME}/run", "COLUMNS=120", f"LIBVIRT_DEFAULT_URI={URI}"),
        ]

    def do(self, *words: str, root: bool = False, code: int = 0) -> str:
        """What it prints on both. Ends everything unless its exit code is `code`."""
        done = subprocess.run([*(self.as_root if root else self.as_user), *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        said = done.stdout + done.stderr
        if done.returncode != code:
            sys.exit(f"{' '.join(words)}: exit code {done.returncode}, not {code}:\n{said}")
        return said

    def install(self, *packages: str) -> None:
        self.do("apt-get", "install", "-y", "-q", "--no-install-recommends", *packages, root=True)

    def processes(self) -> Iterator[int]:
        """Those that live in this root."""
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and (entry / "root").resolve() == self.root.resolve():
                    yield int(entry.name)
            except OSError:
                continue

    def end(self) -> None:
        """A session's libvirtd stays for a while after its last client."""
        for pid in self.processes():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        wait_for(lambda: not list(self.processes()), "the end of what runs there")


def main() -> None:
    root = Root(Path(sys.argv[1]).resolve())
    root.do("useradd", "--create-home", USER, root=True)
    (root.home / "run").mkdir(mode=0o700)
    shutil.copytree(ROOT / "samples", root.home / "samples")
    shutil.copytree(ROOT / "tests/cases", root.home / "cases")
    root.do("chown", "-R", f"{USER}:", HOME, root=True)
    try:
        for walk in (without_libvirt, readme, cases, libvirt):
            print(f"{walk.__name__}: {walk(root)}", flush=True)
    finally:
        root.end()


def without_libvirt(root: Root) -> str:
    said = root.do("virt-qm", "import", "--all", "-o", "x", code=1)
    if NO_LIBVIRT not in said:
        sys.exit(f"no word of {NO_LIBVIRT}: {said}")
    for file in ("man/man1/virt-qm.1.gz", "bash-completion/completions/virt-qm", "zsh/vendor-completions/_virt-qm"):
        if not (root.root / "usr/share" / file).exists():
            sys.exit(f"no {file}")
    return said.strip()


def readme(root: Root) -> str:
    """Its first lines take the package in another way."""
    shown = list(steps((ROOT / "README.md").read_text(encoding="utf-8")))
    for step in shown:
        code, said = run(step, root.home, root.as_user)
        if not fits(step.output, said):
            sys.exit(f"README.md:{step.line}: {step.command}\nprints with exit code {code}:\n{said}")
    return f"{len(shown)} commands print what it says"


def cases(root: Root) -> str:
    """Every case gives its command line here as elsewhere, and comes back from its XML."""
    names = sorted(file.stem for file in (ROOT / "tests/cases").glob("*.conf"))
    for name in names:
        words = ("--host", "cases/host", "--vmid", VMID, "-q")
        line = root.do("virt-qm", "to-argv", *words, f"cases/{name}.conf")
        if line != (ROOT / f"tests/cases/{name}.cmd").read_text():
            sys.exit(f"{name}: another command line: {line}")
        root.do("virt-qm", "to-xml", *words, f"cases/{name}.conf", "-o", f"{name}.xml")
        config = root.do("virt-qm", "to-conf", *words, "--trust-metadata", f"{name}.xml")
        if config != rewrite_config((ROOT / f"tests/cases/{name}.conf").read_text(), int(VMID)):
            sys.exit(f"{name}: another config: {config}")
    return f"{len(names)} configs give the command lines and come back"


def libvirt(root: Root) -> str:
    """Debian's own, as its packages come: no daemon of ours, no settings."""
    root.install("python3-libvirt", "libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-clients", "qemu-system-x86", "qemu-utils")
    (root.home / "300.conf").write_text(VM)
    said = [root.do("virt-qm", "define", "-q", "300.conf")]
    listed = root.do("virsh", "-q", "list", "--all", "--name").split()
    threads = root.do("virsh", "-q", "dumpxml", "walk").count("<iothread id=")
    if listed != ["walk"] or threads < 4:
        sys.exit(f"defined: {listed}, {threads} rows of iothreads")
    said.append(root.do("virt-qm", "define", "-q", "300.conf", code=1))
    said.append(root.do("virt-qm", "import", "-q", "--all", "--vmid-from", "200", "-o", "configs"))
    root.do("virt-qm", "check", "-q", "configs")
    root.do("virt-qm", "plan", "-q", "--to", "qemu-server", "walk", "-o", "move.sh")
    root.do("sh", "-n", "move.sh")
    return "".join(said).strip()


if __name__ == "__main__":
    main()
