"""What `diff` makes a side of: storages that nobody told of, Ceph pools of XML, and libvirt's own line where it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bridge.core.report import BridgeError
from bridge.guest.native import Native
from bridge.guest.side import side
from bridge.host.facts import HostFacts
from bridge.host.storagecfg import read_storage_cfg
from tests.sheets.domains import disk, domain
from tests.sheets.sheet import check, names


def ceph(name: str, host: str = "192.0.2.1") -> str:
    return domain(devices=disk(type="network", source=f"<source protocol='rbd' name='{name}'><host name='{host}' port='6789'/></source>"))


CFG = "rbd: ceph\n\tmonhost 192.0.2.1\n\tpool vms\n\tcontent images\n\ndir: store\n\tpath /srv\n\tcontent images,iso\n"
NOBODY, TOLD = HostFacts(), HostFacts(storages=read_storage_cfg(CFG, "storage.cfg", []))
CONF = "scsi0: near:vm-100-disk-0\nscsi1: far:100/vm-100-disk-1.qcow2\nsata0: store:100/vm-100-disk-2.raw\nide2: far:iso/a.iso,media=cdrom\nefidisk0: none\n"
TEXTS = {
    "config": CONF, "line": "kvm -m 512 -drive file=/i/a,format=raw,if=virtio", "domain": domain(devices=disk()),
    "pool": ceph("vms/vm-100-disk-0"), "pool of another": ceph("other/image"), "pool with a namespace": ceph("other/name.space/image"), "pool without a name": ceph("image"),
    "pool of other servers": ceph("vms/vm-100-disk-0", "192.0.2.99"), "two of a pool": domain(devices=ceph("a/1").partition("<devices>")[2].partition("</devices>")[0] + disk(dev="vdb")),
    "no devices": "<domain type='kvm'><name>a</name><memory>1024</memory><os><type machine='pc'>hvm</type></os></domain>",
}  # fmt: skip
HOSTS = {
    "nobody": NOBODY, "told": TOLD, "mapped": HostFacts(storage_map={"other": "ceph", "other/name.space": "mine", "a": "b"}),
    "told and mapped": HostFacts(storages=TOLD.storages, storage_map={"other": "ceph"}),
}  # fmt: skip


class Libvirt:
    """Gives a line, or not."""

    def __init__(self, refuses: bool) -> None:
        self.refuses = refuses

    def native(self, text: bytes) -> Native:
        if self.refuses:
            raise BridgeError("no such machine")
        assert text
        return Native(["kvm", "-m", "77"], ["there is no KVM here", "another"], ["-device", "plugged-cpu"])


LIBVIRTS: dict[str, Any] = {"none": None, "there": Libvirt(False), "refusing": Libvirt(True)}
CASES = [
    *((text, host, None, "none") for text in TEXTS for host in HOSTS if text not in ("line", "no devices") or host == "nobody"),
    *(("domain", "nobody", by, libvirt) for by in (None, "model", "libvirt") for libvirt in LIBVIRTS if (by, libvirt) != (None, "none")), ("config", "nobody", "libvirt", "there"),
]  # fmt: skip


def made(text: str, host: str, by: Any, libvirt: str) -> Iterator[str]:
    words = {"source": None, "vmid": 100, "host": HOSTS[host], "file": "F", "args": False}
    try:
        found = side(TEXTS[text].encode(), words, by, LIBVIRTS[libvirt])
    except BridgeError as error:
        yield f"! {error}"
        return
    yield f"{found.file} {found.format} by {found.by}"
    wanted = ("drive", "blockdev", "m", "device plugged")
    yield from (f"-{each.name} {each.value[-100:]}" for each in found.line.options if each.name in wanted or "plugged" in each.value)
    yield from (" | ".join(each) for each in found.findings if each.kind in ("assumed", "storage-unknown", "not-applied"))


def name_of(case: tuple[str, str, Any, str]) -> str:
    text, host, by, libvirt = case
    return f"{text}, {host}, by {by}, libvirt {libvirt}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_side_is(case: tuple[str, str, Any, str]) -> None:
    check("sides", name_of(case), list(made(*case)))


def test_every_entry_is_of_a_case() -> None:
    assert names("sides") == set(map(name_of, CASES))
