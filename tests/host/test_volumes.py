"""Whose an image is, and whether it is a template's, told by its name alone."""

from __future__ import annotations

import pytest

from bridge.host.storagecfg import Storage
from bridge.host.volume import parse_volname

IN_NAMES = ("lvmthin", "zfspool", "rbd")
"""Storage types whose templates are images of the name base-VMID-disk-N (PVE::Storage's plugins, parse_volname)."""


@pytest.mark.parametrize("type_", IN_NAMES)
@pytest.mark.parametrize(
    ("name", "vmid", "base"), [("vm-101-disk-3", 101, False), ("base-9002-disk-1", 9002, True), ("vm-1234-cloudinit", 1234, False)]
)
def test_a_volume_says_its_vm_and_whether_it_is_a_templates(type_: str, name: str, vmid: int, base: bool) -> None:
    found = parse_volname(Storage(id="st", type=type_, pool="p"), name)
    assert (found.vtype, found.name, found.vmid, bool(found.is_base), found.format) == ("images", name, vmid, base, "raw")


@pytest.mark.parametrize(("name", "vmid", "base", "form"), [
    ("101/vm-101-disk-3.qcow2", 101, False, "qcow2"), ("9002/base-9002-disk-1.raw", 9002, True, "raw"),
    ("7001/vm-7001-disk-0.vmdk", 7001, False, "vmdk"),
    ("9002/base-9002-disk-1.raw/103/vm-103-disk-0.qcow2", 103, False, "qcow2"),
])  # fmt: skip
def test_a_file_says_its_vm_too(name: str, vmid: int, base: bool, form: str) -> None:
    found = parse_volname(Storage(id="st", type="dir", path="/s"), name)
    assert (found.vtype, found.vmid, bool(found.is_base), found.format) == ("images", vmid, base, form)
    assert found.base_vmid == (9002 if "vm-103" in name else None)
