"""bios and efidisk0: which image, how it is opened, and the way back."""

from __future__ import annotations

import pytest

import bridge
from bridge.host.storagecfg import read_storage_cfg
from tests.kinds.both import back, commandline, domain, findings, keys, pieces, values

CFG = "dir: local\n\tpath /var/lib/vz\n\tcontent images,iso\n\nlvmthin: lvm\n\tvgname pve\n\tthinpool data\n\tcontent images\n"
HOST = bridge.HostFacts(qemu_version="11.0.2", storages=read_storage_cfg(CFG, "storage.cfg", []))
DISK = "efidisk0: local:100/vm-100-disk-0.qcow2,efitype=4m\n"


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ("bios: ovmf\n", "OVMF_CODE.fd"),
        (f"bios: ovmf\n{DISK}", "OVMF_CODE_4M.fd"),
        (f"bios: ovmf\nmachine: q35\n{DISK}", "OVMF_CODE_4M.secboot.fd"),
    ],
)
def test_code_image(config: str, code: str) -> None:
    assert f'"filename":"/usr/share/pve-edk2-firmware//{code}"' in values(config, "-blockdev", HOST)[0]


def test_before_blockdev_the_flash_is_a_drive() -> None:
    config = "bios: ovmf\nmachine: pc-i440fx-9.2\nefidisk0: lvm:vm-100-disk-0,efitype=4m\n"
    assert values(config, "-drive", HOST) == [
        "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/pve-edk2-firmware//OVMF_CODE_4M.fd",
        "if=pflash,unit=1,id=drive-efidisk0,format=raw,file=/dev/pve/vm-100-disk-0,size=540672",
    ]


def test_temporary_variables() -> None:
    config = "bios: ovmf\nmachine: pc-i440fx-9.2\n"
    assert values(config, "-drive", HOST)[1].endswith("format=raw,file=/run/qemu-server/efidisk/100-ovmf.fd,size=131072")
    out = bridge.convert(config, to="argv", source="conf", host=HOST)
    assert [f.message for f in out.findings if f.kind == "warning"] == ["no efidisk configured! Using temporary efivars disk."]


def test_xml_of_a_file() -> None:
    os = pieces(f"bios: ovmf\nmachine: q35\n{DISK}", "os", HOST)[0]
    assert '<loader readonly="yes" type="pflash" secure="no" format="raw">/usr/share/OVMF/OVMF_CODE_4M.secboot.fd</loader>' in os
    assert '<nvram type="file" format="qcow2"><source file="/var/lib/vz/images/100/vm-100-disk-0.qcow2"/></nvram>' in os


def test_a_larger_volume_is_cut_to_the_size_of_its_variables() -> None:
    words = commandline("bios: ovmf\nefidisk0: lvm:vm-100-disk-0,efitype=4m\n", HOST)
    assert '{"driver":"raw","size":540672,"node-name":"efivars","file":"libvirt-pflash1-storage"}' in words
    assert "pflash1=efivars" in words
    assert back("bios: ovmf\nefidisk0: lvm:vm-100-disk-0,efitype=4m\n", HOST)["efidisk0"] == "lvm:vm-100-disk-0,efitype=4m"


@pytest.mark.parametrize("efidisk", ["local:100/vm-100-disk-0.qcow2,efitype=4m", "local:100/vm-100-disk-0.raw"])
def test_back(efidisk: str) -> None:
    found = back(f"bios: ovmf\nefidisk0: {efidisk}\n", HOST)
    assert (found["bios"], found["efidisk0"]) == ("ovmf", efidisk)


def test_foreign_firmware() -> None:
    loader = "<loader readonly='yes' secure='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.ms.fd</loader>"
    nvram = "<nvram template='/usr/share/OVMF/OVMF_VARS_4M.ms.fd'>/var/lib/vz/images/100/vm-100-disk-3.raw</nvram>"
    text = domain(os=loader + nvram, machine="pc-q35-8.0")
    assert keys(text, HOST)["efidisk0"] == "local:100/vm-100-disk-3.raw,efitype=4m,pre-enrolled-keys=1"
    assert any("place of /usr/share/OVMF/OVMF_CODE_4M.ms.fd" in message for message in findings(text, "normalised", HOST))
    own = text.replace("/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "/opt/OVMF.fd")
    assert any("in place of /opt/OVMF.fd" in message for message in findings(own, "guest-changed", HOST))
    assert keys(domain(), HOST).get("bios") is None
    auto = domain().replace("<os>", "<os firmware='efi'>")
    assert keys(auto, HOST)["bios"] == "ovmf"
