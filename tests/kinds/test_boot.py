"""boot, bootdisk: who gets which bootindex, and the way back."""

from __future__ import annotations

import pytest

import bridge
from bridge.host.storagecfg import read_storage_cfg
from tests.kinds.both import back, domain, keys, pieces

HOST = bridge.HostFacts(qemu_version="11.0.2", storages=read_storage_cfg("dir: local\n\tpath /var/lib/vz\n\tcontent images,iso\n", "s", []))
DISKS = "scsi0: local:100/vm-100-disk-0.raw\nscsi1: local:100/vm-100-disk-1.raw\nide2: none,media=cdrom\nnet0: virtio=BC:24:11:00:00:01\n"


@pytest.mark.parametrize(
    ("boot", "wanted"),
    [
        ("", {"ide2": 200, "net0": 300}),
        ("bootdisk: scsi1\n", {"ide2": 200, "scsi1": 101, "net0": 300}),
        ("boot: nc\nbootdisk: scsi0\n", {"net0": 100, "scsi0": 200}),
        ("boot: a\n", {}),
        ("boot: order=net0;scsi1\n", {"net0": 100, "scsi1": 101}),
        ("boot: order=scsi1;scsi7\n", {"scsi1": 100}),
        ("boot:  \n", {}),
    ],
)
def test_bootindexes(boot: str, wanted: dict[str, int]) -> None:
    vm = bridge.convert(DISKS + boot, to="argv", source="conf", host=HOST).vm
    assert {d.key: d.bootindex for d in (*vm.disks, *vm.nets) if d.bootindex is not None} == wanted


def test_nothing_boots_in_xml_either() -> None:
    assert any('<boot dev="fd"/>' in os for os in pieces(DISKS + "boot:  \n", "os", HOST))
    assert back(DISKS + "boot:  \n", HOST)["boot"] == " "


@pytest.mark.parametrize("order", ["order=net0;scsi1", "order=scsi0", "order=ide2;scsi0;net0"])
def test_back(order: str) -> None:
    assert back(DISKS + f"boot: {order}\n", HOST)["boot"] == order


def test_the_old_default_stays_unsaid() -> None:
    assert "boot" not in back(DISKS, HOST)


FOREIGN = """<devices>
  <disk type='file' device='disk'>
    <driver name='qemu' type='raw'/><source file='/var/lib/vz/images/100/vm-100-disk-0.raw'/><target dev='vda' bus='virtio'/>
  </disk>
  <disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>
  <interface type='bridge'><mac address='bc:24:11:00:00:01'/><source bridge='vmbr0'/><model type='virtio'/></interface>
</devices>"""


@pytest.mark.parametrize(
    ("classes", "order"),
    [
        ("", "order=virtio0"),
        ("<boot dev='network'/><boot dev='hd'/>", "order=net0;virtio0"),
        ("<boot dev='cdrom'/>", "order=ide0"),
    ],
)
def test_classes(classes: str, order: str) -> None:
    assert keys(domain(FOREIGN, os=classes), HOST)["boot"] == order


def test_a_place_in_the_order_is_taken_once() -> None:
    twice = FOREIGN.replace("<target", "<boot order='1'/><target")
    with pytest.raises(bridge.BridgeError, match="boot order 1 is said for"):
        keys(domain(twice), HOST)
