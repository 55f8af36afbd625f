"""A move between two libvirt hosts, planned and run: images, firmware variables and TPM state arrive, and the VMs boot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from bridge.cli import main
from tests.boot.domain import direct
from tests.boot.images import FIRMWARE, manufactured
from tests.boot.initramfs import initramfs, kernel
from tests.libvirtd.daemon import NOBODY, Daemon
from tests.libvirtd.store import Store
from tests.processes import wait_for

pytestmark = pytest.mark.slow

SAYS = b"booted from the disk that was moved\n"
BOOT_SECTOR = bytes.fromhex("fa31c08ed8be1a7cbaf803ac84c07403eeebf8f4ebfd") + b"\x90" * 4 + SAYS + b"\0"
"""cli; ds = 0; every byte at 0x7c1a goes to COM1 until a zero; hlt."""
DISK = 1 << 20


@pytest.fixture
def there() -> Iterator[Daemon]:
    """A second libvirtd: the host that the VMs move to."""
    daemon = Daemon()
    yield daemon
    daemon.close()


def virt_qm(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result


def boot_disk(path: Path) -> None:
    """A raw disk whose boot sector speaks on the serial port."""
    path.write_bytes(BOOT_SECTOR.ljust(510, b"\0") + b"\x55\xaa" + bytes(DISK - 512))


def chain(directory: Path, content: bytes) -> Path:
    """A qcow2 image on another one: the first half of the content is below, the second above."""
    raw, base, top = directory / "raw", directory / "base.qcow2", directory / "top.qcow2"
    half = len(content) // 2
    raw.write_bytes(content[:half] + bytes(len(content) - half))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, base], check=True)
    raw.write_bytes(content)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-B", base, "-F", "qcow2", raw, top], check=True)
    raw.unlink()
    return top


def domains_here(store: Store, tmp_path: Path) -> None:
    """Two VMs as domains of the first host."""
    libvirtd = store.daemon
    images = store.path / "images/200"
    images.mkdir()
    boot_disk(images / "vm-200-disk-0.raw")
    content = bytes(range(256)) * (DISK // 256)
    shutil.move(chain(store.path / "images", content), store.path / "images/vm-201-disk-0.qcow2")
    (second := store.path / "images/201").mkdir()
    shutil.move(store.path / "images/vm-201-disk-0.qcow2", second / "vm-201-disk-0.qcow2")
    subprocess.run(["qemu-img", "rebase", "-u", "-b", "../base.qcow2", "-F", "qcow2", second / "vm-201-disk-0.qcow2"], check=True)
    shutil.copy(FIRMWARE / "OVMF_VARS_4M.fd", second / "vm-201-disk-1.raw")
    (second / "vm-201-disk-2.raw").write_bytes(manufactured().ljust(4 << 20, b"\0"))
    libvirtd.give(store.path)
    common = "kvm: 0\nmemory: 256\nserial0: socket\n"
    first = f"{common}name: plain\nonboot: 1\nvirtio0: store:200/vm-200-disk-0.raw,cache=writeback,aio=threads\nboot: order=virtio0\n"
    uefi = (
        f"{common}name: uefi\nmachine: q35\nbios: ovmf\nefidisk0: store:201/vm-201-disk-1.raw,efitype=4m\n"
        "tpmstate0: store:201/vm-201-disk-2.raw,version=v2.0\nscsihw: virtio-scsi-single\n"
        "scsi0: store:201/vm-201-disk-0.qcow2,cache=writeback,aio=threads,iothread=1\n"
    )
    for vmid, text in ((200, first), (201, uefi)):
        (tmp_path / f"{vmid}.conf").write_text(text)
    virt_qm("define", "-c", libvirtd.uri, "--host", store.host, "--report", "none", tmp_path / "200.conf", tmp_path / "201.conf")


def execute(script: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """As the user that the second host runs as."""
    user = NOBODY if os.getuid() == 0 else None
    environment = environment or {"PATH": os.environ["PATH"], "HOME": str(script.parent)}
    return subprocess.run(["sh", script], capture_output=True, text=True, check=False, user=user, group=user, env=environment)


def boot(daemon: Daemon, name: str, end: str, edit: bool = False) -> str:
    """What the VM says on its serial port until a line that matches."""
    if edit:  # the kernel of tests/boot tells what the guest sees
        root: Any = etree.fromstring(daemon.virsh("dumpxml", "--inactive", "--security-info", name))
        loads = *map(str, direct(kernel(), initramfs(), daemon.directory / "images")), "console=ttyS0 quiet loglevel=1 panic=-1"
        for tag, text in zip(("kernel", "initrd", "cmdline"), loads, strict=True):
            etree.SubElement(root.find("os"), tag).text = text
        file = daemon.directory / "edited.xml"
        file.write_bytes(etree.tostring(root))
        daemon.virsh("define", str(file))
    daemon.virsh("start", "--paused", name)
    terminal = os.open(daemon.virsh("ttyconsole", name), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    said = b""

    def done() -> bool:
        nonlocal said
        try:
            said += os.read(terminal, 1 << 16)
        except BlockingIOError:
            pass
        return re.search(end, spoken(), re.MULTILINE) is not None

    def spoken() -> str:
        return said.decode("utf-8", "replace").replace("\r", "")

    try:
        daemon.virsh("resume", name)
        wait_for(done, f"{end} of {name}")
    finally:
        os.close(terminal)
    return spoken()


def test_two_vms_move_to_another_libvirt_host_and_boot(store: Store, there: Daemon, tmp_path: Path) -> None:
    domains_here(store, tmp_path)
    here = store.daemon
    files = []
    for name in ("plain", "uefi"):
        files.append(tmp_path / f"{name}.xml")
        files[-1].write_text(here.virsh("dumpxml", "--inactive", name))
    images = there.directory / "images/moved"
    script = there.directory / "plan/plan.sh"
    script.parent.mkdir()
    virt_qm("plan", "--to", "libvirt", "-c", there.uri, "--images", images, "--report", "none", "-o", script, *files)
    there.give(script.parent)
    images.parent.chmod(0o777)
    done = execute(script)
    assert done.returncode == 0, done.stderr
    assert there.domains() == ["plain", "uefi"]
    for name in ("plain", "uefi"):
        assert there.dominfo(name)["UUID"] == here.dominfo(name)["UUID"]
        assert there.dominfo(name)["Autostart"] == here.dominfo(name)["Autostart"]
    moved = {path.name: path for path in images.iterdir()}
    assert sorted(moved) == ["plain-virtio0.raw", "uefi-efidisk0.raw", "uefi-scsi0.qcow2", "uefi-tpmstate0.raw"]
    assert moved["plain-virtio0.raw"].read_bytes()[:512] == BOOT_SECTOR.ljust(510, b"\0") + b"\x55\xaa"
    assert moved["uefi-efidisk0.raw"].read_bytes() == (FIRMWARE / "OVMF_VARS_4M.fd").read_bytes()
    assert moved["uefi-tpmstate0.raw"].read_bytes()[:4096] == manufactured()[:4096]
    shutil.rmtree(store.path / "images")  # nothing depends on the first host
    store.path.joinpath("images").mkdir()
    assert SAYS.decode().strip() in boot(there, "plain", "that was moved$")
    there.virsh("destroy", "plain")
    said = boot(there, "uefi", "^== end$", edit=True)
    assert re.search(r"^efi$", said, re.MULTILINE)
    assert "tpm_version_major=2" in said
    assert re.search(rf"/block/sda/size={DISK // 512}$", said, re.MULTILINE)
    again = execute(script)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("done before") == 8  # a directory, four images, two definitions, one autostart


def test_a_plan_from_configs_starts_vms_with_their_host(store: Store, there: Daemon, tmp_path: Path) -> None:
    domains_here(store, tmp_path)
    script = there.directory / "plan/plan.sh"
    script.parent.mkdir()
    images = there.directory / "images/moved"
    arguments = ["--to", "libvirt", "-c", there.uri, "--images", images, "--host", store.host, "--report", "none", "-o", script]
    virt_qm("plan", *arguments, tmp_path / "200.conf", tmp_path / "201.conf")
    there.give(script.parent)
    images.parent.chmod(0o777)
    done = execute(script)
    assert done.returncode == 0, done.stderr
    assert [there.dominfo(name)["Autostart"] for name in ("plain", "uefi")] == ["enable", "disable"]
    assert SAYS.decode().strip() in boot(there, "plain", "that was moved$")


def test_a_clash_is_found_when_it_is_planned(store: Store, tmp_path: Path) -> None:
    domains_here(store, tmp_path)
    arguments = ["plan", "--to", "libvirt", "-c", store.daemon.uri, "--host", store.host, tmp_path / "200.conf"]
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert (result.exit_code, "domain 'plain' is defined already: it needs no plan" in result.output) == (1, True)


def test_a_command_line_moves_to_a_libvirt_host_and_boots(there: Daemon, tmp_path: Path) -> None:
    (script := there.directory / "plan/plan.sh").parent.mkdir()
    boot_disk(script.with_name("disk.raw"))
    line = tmp_path / "script.sh"
    line.write_text(
        f"#!/bin/sh\nqemu-system-x86_64 -name script -m 128 -nodefaults -serial pty -device e1000,mac=52:54:00:00:00:09,addr=0x9,netdev=n"
        f" -netdev user,id=n -drive file={script.parent}/disk.raw,format=raw,if=virtio\n"
    )
    images = there.directory / "images/moved"
    virt_qm("plan", "--to", "libvirt", "-c", there.uri, "--images", images, "--report", "none", "-o", script, line)
    there.give(script.parent)
    images.parent.chmod(0o777)
    done = execute(script)
    assert done.returncode == 0, done.stderr
    assert there.domains() == ["script"]
    root: Any = etree.fromstring(there.virsh("dumpxml", "--inactive", "script"))
    assert [each.get("slot") for each in root.iterfind("devices/interface/address")] == ["0x09"]
    assert SAYS.decode().strip() in boot(there, "script", "that was moved$")
