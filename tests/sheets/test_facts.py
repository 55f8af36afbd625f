"""Facts of a host as options and files say them: what each becomes, and how one that is none is refused, with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.core.report import BridgeError
from bridge.host import maps
from bridge.host.facts import _FROM_FILES, MAX_FILE, HostFacts
from tests.sheets.sheet import check, names

GIVEN = (
    "cpus=8", "cpus=0", "cpus=8193", "cpus=x", "cpus=", "cpus", "=8", "cpu=8", "frob=1", "arch=aarch64", "arch=mips", "nodename=pve1", "nodename=a b", "cpu_vendor=GenuineIntel", "cpu_flags=aes,,sse", "phys_address_bits=31", "phys_address_bits=64",
    "render_node=1", "render_node=true", "render_node=maybe", "qemu_server=9.2.6", "qemu_server=rfc-iothreads", "qemu_server=frob", "qemu_version=10.0.2", "qemu_version=x", "vhost_net=0", "iscsi_initiator_name=iqn.2003-01.org.example:i",
    "cdrom_path=", "cdrom_path=dev", "spice_port=0", "spice_port=65535", "spice_address=::1", "spice_address=a b", "hugepage_sizes_mib=2,1024", "hugepage_sizes_mib=x", "numa_nodes=2", "bridges=vmbr0,vmbr1", "bridges=a b", "bridge_mtu.vmbr0=9000",
    "bridge_mtu.vmbr0=67", "bridge_mtu=9000", "bridge_mtu.=1", "firmware_bytes.OVMF_VARS*=1024", "pci.present=0000:01:00.0", "pci.present=x", "pci.info.0000:01:00.vendor=0x10de", "pci.info.0000:01:00.vendor=x", "pci.info.0000:01:00.frob=1", "pci.info.0000:01:00=1",
    "pci=x", "pci.frob=1", "zfs_over_iscsi.lun=3", "zfs_over_iscsi.luns.st:vm-1-disk-0=5", "ceph_fsid.st=11111111-2222-3333-4444-555555555555", "ceph_fsid.st=x", "ceph_keyring=a,b", "secret_uuid.st=x", "path_kind./i/a=block", "path_kind./i/a=odd",
    "scsi_type./dev/sda=tape", "storage_map./i=store", "storage_map./i=s", "bridge_map.default=vmbr0", "network_map.vmbr0=isolated", "firmware_map./a=/b", "firmware_map./a=b", "pools.default=/i", "pools.default=i", "storages=x", "storages.x=y", "warnings=x",
    "hw_capabilities.amd-sev.cbitpos=51", "volume_chain=x", "remembered=x", f"{'k' * 90}=1", f"{'v' * 90}",
)  # fmt: skip
TOML = {
    "good": 'cpus = 8\nbridges = ["vmbr0"]\n[bridge_mtu]\nvmbr0 = 9000\n[pci]\npresent = ["0000:01:00.0"]\n[pci.info."0000:01:00"]\nvendor = "0x10de"\n', "not TOML": "cpus = 8\nfrob\n", "an unknown key": "cpus = 8\n\nfrob = 1\n",
    "a key of a file": 'x = 1\nstorages = "a"\n', "a wrong number": "\ncpus = 0\n", "a text for a number": 'cpus = "8"\n', "a wrong release": '\nqemu_server = "frob"\n', "in a table": "[bridge_mtu]\nvmbr0 = 1500\nvmbr1 = 1\n",
    "in a table in a table": '[pci.info."0000:01:00"]\nvendor = "0x10de"\ndevice = "x"\n', "unknown in a table": '[pci]\nfrob = 1\n', "a list of others": "bridges = [1]\n", "a quoted key": '"cpus" = 0\n', "a chain": '[[volume_chain]]\nstorage = "st"\nfiles = ["/a"]\nsnapshots = ["old"]\n',
    "not UTF-8": "cpus = 8\nnodename = '\udcff'\n", "longer": "#" * (MAX_FILE + 1), "as long": "#" * MAX_FILE, "a long number": f"cpus = {'9' * 5000}\n",
}  # fmt: skip
MAPS = {
    "good": '[storages]\n"/i" = "store"\n[bridges]\ndefault = "vmbr0"\n[networks]\nvmbr0 = "isolated"\n[firmware]\n"/a" = "/b"\n[pools]\ndefault = "/i"\n', "not TOML": "[storages]\nx\n", "another table": "[storages]\n[pool]\n", "no table": "storages = 1\n",
    "a number": '[storages]\n"/i" = "store"\n"/j" = 1\n', "a wrong value": '[storages]\n"/i" = "a/b"\n', "a wrong key": '[networks]\n"a b" = "c"\n', "not UTF-8": "[storages]\na = '\udcff'\n", "an empty key": '[storages]\n"" = "store"\n', "an odd key": '[bridges]\n"a\\u0007b" = "c d"\n',
}  # fmt: skip


def changed(facts: HostFacts) -> list[str]:
    usual = HostFacts()
    said = {
        name: getattr(facts, name)
        for name in facts.__struct_fields__
        if name not in _FROM_FILES and getattr(facts, name) != getattr(usual, name)
    }
    return [f"{name} = {msgspec.to_builtins(value)}" for name, value in said.items()]


def outcome(make: Any, place: str = "") -> list[str]:
    try:
        return changed(make())
    except BridgeError as error:
        said = f"! {error}".replace(place or "\0", "HERE")
        return [said.partition(" TOML: ")[0]]  # the rest is Python's


@pytest.mark.parametrize("text", GIVEN)
def test_a_fact_is(text: str) -> None:
    check("facts", f"option {text[:60]}", outcome(lambda: HostFacts().with_facts([text])))


@pytest.mark.parametrize("name", TOML)
def test_a_file_of_facts_is(name: str, tmp_path: Path) -> None:
    (tmp_path / "host.toml").write_bytes(TOML[name].encode("utf-8", "surrogateescape"))
    check("facts", f"host.toml, {name}", outcome(lambda: HostFacts.load(tmp_path), str(tmp_path)))


@pytest.mark.parametrize("name", MAPS)
def test_a_file_of_maps_is(name: str) -> None:
    data = MAPS[name].encode("utf-8", "surrogateescape")
    check("facts", f"map, {name}", outcome(lambda: maps.with_pairs(HostFacts(), maps.of_file(data, "map.toml"))))


def test_every_entry_is_of_a_case() -> None:
    assert names("facts") == {
        *(f"option {text[:60]}" for text in GIVEN),
        *(f"host.toml, {name}" for name in TOML),
        *(f"map, {name}" for name in MAPS),
    }
