"""A guest's kernel and its initramfs: busybox, an `init`, a small program, and the drivers of what the cases have.

tests/install unpacks Debian's kernel and a static busybox under .cache/guest.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from tests.corpus import ROOT

FILES = ROOT / ".cache/guest"
OWN = Path(__file__).parent

DRIVERS = [
    "ata/ahci",
    "ata/ata_piix",
    "ata/ata_generic",
    "block/virtio_blk",
    "cdrom/cdrom",
    "char/hw_random/virtio-rng",
    "char/virtio_console",
    "firmware/qemu_fw_cfg",
    "hid/usbhid/usbhid",
    "hid/hid-generic",
    "i2c/busses/i2c-i801",
    "i2c/busses/i2c-piix4",
    "net/ethernet/intel/e1000/e1000",
    "net/ethernet/intel/e1000e/e1000e",
    "net/ethernet/realtek/8139cp",
    "net/virtio_net",
    "net/vmxnet3/vmxnet3",
    "scsi/megaraid/megaraid_sas",
    "scsi/scsi_mod",
    "scsi/sd_mod",
    "scsi/sr_mod",
    "scsi/sym53c8xx_2/sym53c8xx",
    "scsi/virtio_scsi",
    "scsi/vmw_pvscsi",
    "usb/host/ehci-pci",
    "usb/host/uhci-hcd",
    "usb/host/xhci-pci",
    "virtio/virtio_balloon",
    "virtio/virtio_pci",
    "watchdog/i6300esb",
    "watchdog/iTCO_wdt",
]
"""Modules below kernel/drivers; what they depend on comes with them."""


def kernel() -> Path:
    """The kernel image that tests/install unpacked."""
    found = sorted((FILES / "boot").glob("vmlinuz-*"))
    assert found, "run tests/install: there is no kernel in .cache/guest"
    return found[-1]


def unpacked_kernel() -> Path:
    """The same kernel as an ELF file, which firmware of a PC starts by its PVH entry: unpacking it is half of a boot under TCG.

    The place of what is packed stands in the setup header (Linux' Documentation/arch/x86/boot.rst: payload_offset, payload_length).
    """
    target = FILES / kernel().name.replace("vmlinuz", "vmlinux")
    if not target.exists():
        packed = kernel().read_bytes()
        offset, length = struct.unpack_from("<II", packed, 0x248)
        start = ((packed[0x1F1] or 4) + 1) * 512 + offset
        half = half_of(target)
        half.write_bytes(lzma.LZMADecompressor().decompress(packed[start : start + length]))
        half.replace(target)
    return target


def half_of(target: Path) -> Path:
    """Where it is made. Two processes may make one thing at a time; the last one's stays."""
    return target.with_name(f"{target.name}.{os.getpid()}")


def initramfs(init: Path = OWN / "init", program: Path = OWN / "identity.c") -> Path:
    """The initramfs with this script as its first process, and a program in C for it; built once for its inputs."""
    inputs = [Path(__file__), init, program, kernel()]
    key = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()[:16]
    target = FILES / f"initramfs-{key}"
    if not target.exists():
        with tempfile.TemporaryDirectory() as directory:
            fill(Path(directory), init, program)
            half = half_of(target)
            half.write_bytes(archive(Path(directory)))
            half.replace(target)
    return target


def fill(root: Path, init: Path, program: Path) -> None:
    """The tree: programs, drivers with the lists that modprobe reads, and mount points."""
    for name in ("bin", "dev", "proc", "sys", "tmp"):
        (root / name).mkdir()
    busybox = next(path for path in (FILES / "bin/busybox", FILES / "usr/bin/busybox") if path.exists())
    shutil.copy(busybox, root / "bin/busybox")
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    shutil.copy(init, root / "init")
    (root / "init").chmod(0o755)
    subprocess.run(["gcc", "-static", "-Os", "-o", root / "bin" / program.stem, program], check=True)
    version = kernel().name.removeprefix("vmlinuz-")
    modules = next(path for path in (FILES / "lib/modules", FILES / "usr/lib/modules") if path.exists()) / version
    for source in closure(modules):
        target = root / "lib/modules" / version / source.relative_to(modules)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.with_suffix("" if target.suffix == ".xz" else target.suffix).write_bytes(content(source))
    shutil.copy(modules / "modules.builtin", root / "lib/modules" / version)
    subprocess.run([busybox, "depmod", "-b", root, version], check=True)


def closure(modules: Path) -> list[Path]:
    """The files of DRIVERS and of the modules they depend on."""
    files = {path.name.split(".")[0].replace("-", "_"): path for path in modules.rglob("*.ko*")}
    wanted, found = [path.rpartition("/")[2].replace("-", "_") for path in DRIVERS], {}
    for name in wanted:
        if name not in found:
            found[name] = files[name]
            wanted += depends(content(files[name]))
    return list(found.values())


def content(module: Path) -> bytes:
    return lzma.decompress(module.read_bytes()) if module.suffix == ".xz" else module.read_bytes()


def depends(module: bytes) -> list[str]:
    """The names in its .modinfo section."""
    start = module.index(b"\0depends=") + 9
    return [name.replace("-", "_") for name in module[start : module.index(b"\0", start)].decode().split(",") if name]


def archive(root: Path) -> bytes:
    """A tree as cpio, the form that the kernel unpacks."""
    out = [record(path.relative_to(root).as_posix(), path) for path in sorted(root.rglob("*"))]
    return b"".join([*out, record("TRAILER!!!", None)])


def record(name: str, path: Path | None) -> bytes:
    mode, data = 0, b""
    if path is not None:
        mode = path.lstat().st_mode
        if path.is_symlink():
            data = str(path.readlink()).encode()
        elif path.is_file():
            data = path.read_bytes()
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    header = b"070701" + b"".join(f"{field:08x}".encode() for field in fields) + name.encode() + b"\0"
    return padded(header) + padded(data)


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
