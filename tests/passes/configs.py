"""VMs of random configs, for the laws of the passes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from hypothesis import strategies as st

from bridge.core.report import Report
from bridge.model.vm import VM
from bridge.qemuserver.read import read
from bridge.qemuserver.text import parse
from tests import option_samples
from tests.option_samples import VMID

LINES = sorted({
    line
    for sample in option_samples.samples()
    for line in sample.config.splitlines()
    if not line.startswith(("lock", "template", "snaptime", "vmstate", "parent", "running", "hookscript"))
})  # fmt: skip
OSTYPES = ("other", "l24", "l26", "wxp", "w2k8", "wvista", "win7", "win8", "win10", "win11", "solaris")
MACHINES = (
    *("pc", "q35", "pc-i440fx-9.2", "pc-q35-9.2", "pc-q35-9.2+pve1", "pc-i440fx-6.1", "pc-i440fx-4.0", "pc-q35-8.1", "pc-i440fx-2.11"),
    "pc-q35-7.2",
)
DISK = "local:100/vm-100-disk-{}.raw"
DRIVES = (
    *("iothread=1", "cache=writeback", "discard=on", "ssd=1", "aio=threads", "werror=stop", "rerror=report", "serial=A", "ro=1"),
    *("media=cdrom", "iops=100", "backup=0"),
)
MODELS = ("virtio", "e1000", "rtl8139", "vmxnet3", "e1000e")
NICS = ("firewall=1", "link_down=1", "mtu=1", "mtu=1400", "queues=2", "rate=10", "tag=7", "host-tunnel=1")


def _numbered(line: str, number: int) -> str:
    """Another device of the same kind."""
    return re.sub(r"^((?:ide|sata|scsi|virtio|net|usb|hostpci|serial|parallel|virtiofs|numa))0:", rf"\g<1>{number}:", line)


def _with(options: tuple[str, ...]) -> st.SearchStrategy[str]:
    some = st.lists(st.sampled_from(options), max_size=3, unique_by=lambda text: text.split("=")[0])
    return some.map(lambda texts: "".join(f",{text}" for text in texts))


_drive = st.builds(
    lambda bus, number, more: f"{bus}{number}: {DISK.format(f'{bus}{number}')}{more}",
    st.sampled_from(("ide", "sata", "scsi", "scsi", "scsi", "virtio", "virtio")), st.integers(0, 15), _with(DRIVES),
)  # fmt: skip
_nic = st.builds(
    lambda number, model, more: f"net{number}: {model}=BC:24:11:00:00:{number:02X},bridge=vmbr0{more}",
    st.integers(0, 31), st.sampled_from(MODELS), _with(NICS),
)  # fmt: skip
_sample = st.builds(_numbered, st.sampled_from(LINES), st.integers(0, 3))
_rest = ("iothreads: 3,affinity=2-3", "bios: ovmf", "agent: 1", "vga: qxl2", "tablet: 0", "numa: 1")
_board = st.one_of(
    st.sampled_from(OSTYPES).map("ostype: {}".format), st.sampled_from(MACHINES).map("machine: {}".format),
    st.sampled_from(("virtio-scsi-single", "virtio-scsi-pci", "lsi", "megasas", "pvscsi")).map("scsihw: {}".format),
    st.integers(1, 5).map("iothreads: {}".format), st.sampled_from(_rest),
)  # fmt: skip
_any = st.one_of(_drive, _drive, _nic, _sample, _sample, _board, _board)


def _joined(lines: list[str]) -> str:
    """A key once; the first says it."""
    kept: dict[str, str] = {}
    for line in lines:
        kept.setdefault(line.split(":")[0], line)
    return "".join(f"{line}\n" for line in kept.values())


configs = st.lists(_any, max_size=14).map(_joined)


def said(text: str) -> VM:
    """The VM as the config says it."""
    return read(parse(text, vmid=VMID, name="100.conf"), VMID, "100.conf", Report())


def differences(one: object, other: object, path: str = "") -> Iterator[tuple[str, object, object]]:
    """(path of a field, its value in one, in the other): `disks[].rerror`."""
    if isinstance(one, msgspec.Struct) and type(one) is type(other):
        for name in one.__struct_fields__:
            yield from differences(getattr(one, name), getattr(other, name), f"{path}.{name}".removeprefix("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for here, there in zip(one, other, strict=True):
            yield from differences(here, there, f"{path}[]")
    elif one != other:
        yield path, one, other
