"""The facts of the Proxmox VE node that this runs on, read where qemu-server 9.2.6 reads them. No process is started, nothing is asked.

A file that is not there, or says nothing that can be used, is a fact that is not known.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.report import BridgeError
from .facts import MAX_FILE, HostFacts

ROOT = Path("/")
PVE = "etc/pve"
FIRMWARE = "usr/share/pve-edk2-firmware"

_PACKAGE = re.compile(r"^Package: (pve-qemu-kvm|qemu-server)\n(?:.+\n)*?Version: (?:[0-9]+:)?([0-9]+(?:\.[0-9]+){1,3})", re.MULTILINE)
_INITIATOR = re.compile(r"^\s*InitiatorName\s*=\s*([.\-:\w]+)", re.MULTILINE | re.ASCII)
_PHYS_BITS = re.compile(r"^address sizes\s*:\s*([0-9]+)\s+bits physical", re.MULTILINE)
_FSID = re.compile(r"^\s*fsid\s*=\s*([0-9a-f-]{36})\s*$", re.MULTILINE)
_OVS = re.compile(r"^iface\s+(\S+)\s(?:(?!^\S).*\n)*?\s+ovs_type\s+OVSBridge\b", re.MULTILINE)
_VMID = re.compile(r"[1-9][0-9]{2,8}")


def is_node(root: Path | None = None) -> bool:
    """Whether this is a node of a Proxmox VE cluster, or a cluster of its own."""
    return ((root or ROOT) / PVE / "qemu-server").is_dir()


def nodename(root: Path | None = None) -> str:
    """The host's name without its domain, as Proxmox VE calls the node."""
    return (_text((root or ROOT) / "etc/hostname").strip() or os.uname().nodename).partition(".")[0]


def find_config(vmid: str, root: Path | None = None) -> Path | None:
    """The config of a VM by its id, on this node or another one of the cluster."""
    if not _VMID.fullmatch(vmid):
        return None
    pve = (root or ROOT) / PVE
    own = pve / f"qemu-server/{vmid}.conf"
    return own if own.exists() else next(iter(sorted(pve.glob(f"nodes/*/qemu-server/{vmid}.conf"))), None)


def node_of(config: Path, root: Path | None = None) -> str | None:
    """The other node of the cluster that a config in /etc/pve belongs to; None for this one's."""
    try:
        parts = config.resolve().relative_to(((root or ROOT) / PVE / "nodes").resolve()).parts
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        return None
    return parts[0] if parts[0] != nodename(root) else None


def probe(root: Path | None = None, node: str | None = None) -> HostFacts:
    """Everything that this node knows; of another `node` of the cluster only what /etc/pve says.

    Raises BridgeError where a file in /etc/pve cannot be understood."""
    root = root or ROOT
    found: dict[str, Any] = dict(_cluster(root))
    if node is None:
        found.update(_node(root))
    found["nodename"] = node or nodename(root)
    return HostFacts.load(root / PVE, **dict(_valid(found)))


def _valid(found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in found.items():
        if value is None:
            continue
        try:
            HostFacts.load(None, **{key: value})
        except BridgeError:
            continue  # not what this program takes it for: not known
        yield key, value


def _cluster(root: Path) -> Iterator[tuple[str, Any]]:
    """What all nodes share."""
    ceph = root / PVE / "priv/ceph"
    yield "ceph_keyring", sorted(file.stem for file in ceph.glob("*.keyring"))
    yield "ceph_conf", sorted(file.stem for file in ceph.glob("*.conf"))
    fsid = _FSID.search(_text(root / PVE / "ceph.conf"))
    if fsid:
        yield "ceph_fsid", dict.fromkeys(_own_ceph(root), fsid[1])


def _own_ceph(root: Path) -> Iterator[str]:
    """Storages on the cluster's own Ceph: RBD without monitors of its own."""
    from .storagecfg import read_storage_cfg

    for storage in read_storage_cfg(_text(root / PVE / "storage.cfg"), "storage.cfg", []).values():
        if storage.type == "rbd" and not storage.hosts():
            yield storage.id


def _node(root: Path) -> Iterator[tuple[str, Any]]:
    versions = dict(_PACKAGE.findall(_text(root / "var/lib/dpkg/status", limit=64 * MAX_FILE)))
    yield "qemu_version", versions.get("pve-qemu-kvm")
    yield "qemu_server", versions.get("qemu-server")
    yield "arch", os.uname().machine
    yield from _cpu(_text(root / "proc/cpuinfo", limit=64 * MAX_FILE))
    yield "numa_nodes", len(list((root / "sys/devices/system/node").glob("node[0-9]*"))) or None
    pages = (root / "sys/kernel/mm/hugepages").glob("hugepages-*kB")
    yield "hugepage_sizes_mib", sorted(int(page.name[10:-2]) >> 10 for page in pages) or None
    yield "render_node", any((root / "dev/dri").glob("renderD*"))
    yield "vhost_net", (root / "dev/vhost-net").exists()
    yield "cdrom_path", next((f"/dev/{name}" for name in ("cdrom", "cdrom1", "cdrom2") if (root / "dev" / name).is_symlink()), "")
    initiator = _INITIATOR.search(_text(root / "etc/iscsi/initiatorname.iscsi"))
    yield "iscsi_initiator_name", initiator[1] if initiator else None
    mtus = {name: int(mtu) for name, mtu in _bridges(root) if mtu.isdecimal() and mtu.isascii()}
    yield "bridges", sorted(mtus)
    yield "bridge_mtu", {name: mtu for name, mtu in mtus.items() if 68 <= mtu <= 65520}
    yield "firmware_bytes", {file.name: file.stat().st_size for file in (root / FIRMWARE).glob("*.fd")} or None
    yield "hw_capabilities", _capabilities(_text(root / "run/qemu-server/host-hw-capabilities.json"))
    functions = sorted(file.name for file in (root / "sys/bus/pci/devices").glob("*"))
    if functions:
        yield "pci", {"present": functions, "info": {name: _function(root / "sys/bus/pci/devices" / name) for name in functions}}


def _cpu(cpuinfo: str) -> Iterator[tuple[str, Any]]:
    """/proc/cpuinfo: as many CPUs as it lists, the first one's vendor and flags."""
    yield "cpus", len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE)) or None
    vendor = re.search(r"^vendor_id\s*:\s*(\S+)", cpuinfo, re.MULTILINE)
    yield "cpu_vendor", vendor[1] if vendor else None
    flags = re.search(r"^flags\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    yield "cpu_flags", flags[1].split() if flags else None
    bits = _PHYS_BITS.search(cpuinfo)
    yield "phys_address_bits", int(bits[1]) if bits else None


def _bridges(root: Path) -> Iterator[tuple[str, str]]:
    """(name, MTU) of Linux bridges, and of Open vSwitch's, which only the network's config tells."""
    said = set(_OVS.findall(_text(root / "etc/network/interfaces")))
    for device in sorted((root / "sys/class/net").glob("*")):
        if (device / "bridge").is_dir() or device.name in said:
            yield device.name, _text(device / "mtu").strip()


def _function(device: Path) -> dict[str, Any]:
    """A PCI function, as `facts.PCIInfo`."""
    names = {"vendor": "vendor", "device": "device", "subsystem_vendor": "subsystem_vendor", "subsystem_device": "subsystem_device"}
    said: dict[str, Any] = {field: _text(device / name).strip() or None for field, name in names.items()}
    group = device / "iommu_group"
    if group.is_symlink() and group.readlink().name.isdecimal():
        said["iommugroup"] = int(group.readlink().name)
    said["nvidia"] = (device / "nvidia").is_dir()
    said["mdev"] = said["nvidia"] or (device / "mdev_supported_types").is_dir()
    return said


def _capabilities(text: str) -> dict[str, Any] | None:
    import msgspec

    try:
        return msgspec.json.decode(text, type=dict[str, Any]) if text else None
    except msgspec.DecodeError:
        return None


def _text(file: Path, limit: int = MAX_FILE) -> str:
    """The start of a file; empty if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""
