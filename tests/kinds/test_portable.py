"""Paths of a node: what a domain says on a libvirt host that is none, and what comes back of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bridge
from bridge.libvirt.tree.node import QEMU_NS
from tests.kinds.both import HOST, commandline, domain, xml

PARTS = {
    "agent": "agent: 1\n",
    "agent on a serial port": "agent: 1,type=isa\n",
    "serial ports": "serial0: socket\nserial1: socket\n",
    "VNC": "vga: std\nkeyboard: de\n",
    "SPICE": "vga: qxl2\nspice_enhancements: videostreaming=all\n",
    "UEFI": "bios: ovmf\nmachine: pc-q35-10.0\nefidisk0: local:100/vm-100-disk-1.raw,efitype=4m,size=528K\n",
    "UEFI without a disk": "bios: ovmf\nmachine: pc-q35-10.0\n",
    "UEFI on an unknown storage": "bios: ovmf\nefidisk0: tank:vm-100-disk-1,efitype=4m,pre-enrolled-keys=1,size=4M\n",
    "SEV": "bios: ovmf\nmachine: pc-q35-10.0\ncpu: EPYC\namd-sev: std\nefidisk0: local:100/vm-100-disk-1.raw,efitype=4m,size=528K\n",
    "TDX": "bios: ovmf\nmachine: pc-q35-10.1\nintel-tdx: tdx,attestation=0\n",
    "aarch64": "arch: aarch64\nbios: ovmf\nefidisk0: local:100/vm-100-disk-1.qcow2,efitype=4m,size=64M\n",
    "boot ROM of an old card": "machine: pc-i440fx-2.3\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n",
}
NODE = re.compile(r"/var/run/qemu-server|/run/qemu-server|/usr/share/(?:pve-edk2-firmware|kvm|qemu-server)")


def converted(text: str, **more: object) -> bridge.Result:
    return bridge.convert(text, "xml", "conf", host=HOST, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("part", PARTS)
def test_a_domain_named_paths_that_only_a_node_has(part: str) -> None:
    text = converted(PARTS[part]).text
    assert NODE.findall(text) == []


@pytest.mark.parametrize("part", [part for part in PARTS if part not in ("TDX", "aarch64")])
def test_a_node_keeps_its_paths_if_wanted(part: str) -> None:
    text = converted(PARTS[part], node_paths=True).text
    assert NODE.findall(text) != []
    back = bridge.convert(text, "conf", "xml", host=HOST)
    assert [f.message for f in back.findings if f.severity in ("guest", "data") and NODE.search(f.message)] == []


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("node", [False, True])
def test_the_config_comes_back_from_either(part: str, node: bool) -> None:
    text = converted(PARTS[part], node_paths=node).text
    assert bridge.convert(text, "conf", "xml", vmid=100, host=HOST).text == bridge.rewrite_config(PARTS[part])


def test_sockets_are_libvirts_to_choose() -> None:
    root = xml("agent: 1\nserial0: socket\nvga: std\n")
    assert root.find("devices/channel/source") is None
    assert [port.get("type") for port in root.iterfind("devices/serial")] == ["pty"]
    graphics = root.find("devices/graphics")
    assert graphics is not None
    assert (graphics.get("socket"), [dict(listen.items()) for listen in graphics]) == (None, [{"type": "socket"}])


def test_every_vm_with_spice_had_the_same_port() -> None:
    graphics = xml("vga: qxl\n").find("devices/graphics[@type='spice']")
    assert graphics is not None
    assert dict(graphics.items()) == {"type": "spice", "autoport": "yes"}
    told = converted("vga: qxl\n", node_paths=True)
    assert "tlsPort=" in told.text
    assert any("spice_tls" in f.message for f in told.findings)


@pytest.mark.parametrize("volume", ["tank:vm-100-disk-1,efitype=4m", "tank:100/vm-100-disk-0.qcow2,efitype=4m", "tank:vm-100-disk-1"])
@pytest.mark.parametrize("node", [False, True])
def test_libvirt_starts_with_no_variables_in_a_pool(volume: str, node: bool) -> None:
    result = converted(f"bios: ovmf\nefidisk0: {volume}\n", node_paths=node)
    assert "type=\"volume\"" not in result.text
    assert re.search(r"<nvram type=.file. template=\S+VARS\S* format=.raw.>\s*<source file=./var/lib/libvirt/qemu/nvram/", result.text)
    assert "efivars" not in result.text
    assert [f.severity for f in result.findings if f.kind == "firmware-state" and "efidisk0" in f.message] == ["data"]


def test_the_boot_picture_is_where_the_finding_says() -> None:
    result = converted("name: a\n")
    (told,) = [f for f in result.findings if f.kind == "boot-picture"]
    assert "splash=/usr/share/qemu/bootsplash.jpg" in commandline("name: a\n")
    assert "/usr/share/qemu/bootsplash.jpg" in told.message
    mapped = HOST.with_facts(["firmware_map./usr/share/qemu-server/bootsplash.jpg=/srv/x.jpg"])
    there = bridge.convert("name: a\n", "xml", "conf", host=mapped)
    assert "splash=/srv/x.jpg" in there.text
    assert [f for f in there.findings if f.kind == "boot-picture"] == []
    assert [f for f in bridge.convert(there.text, "conf", "xml", host=mapped).findings if "picture" in f.message] == []
    assert [f for f in converted("name: a\n", node_paths=True).findings if f.kind == "boot-picture"] == []


@pytest.mark.parametrize(("path", "told"), [("/usr/share/qemu/bootsplash.jpg", 0), ("/home/me/logo.jpg", 1), ("logo.bmp", 1)])
def test_another_picture_stands_in_args(path: str, told: int) -> None:
    words = f"<arg value='-boot'/><arg value='splash={path}'/>"
    text = domain().replace("</domain>", f"<commandline xmlns='{QEMU_NS}'>{words}</commandline></domain>")
    found = bridge.convert(text, "conf", "xml")
    assert sum("picture" in f.message for f in found.findings) == told
    assert "args" not in found.text
    assert (f"args: -boot splash={path}\n" in bridge.convert(text, "conf", "xml", args=True).text) == bool(told)


def test_a_file_of_the_users_is_to_be_copied() -> None:
    result = converted("hostpci0: 0000:01:00.0,romfile=vbios.bin\n")
    assert [(f.kind, f.hint) for f in result.findings if "vbios.bin" in f.message] == [
        ("import-needed", "copy it to the same place on the other host")
    ]
    assert [f for f in converted("hostpci0: 0000:01:00.0,romfile=a.bin\n", node_paths=True).findings if f.kind == "import-needed"] == []


def test_a_map_of_firmware_names_another_file() -> None:
    host = HOST.with_facts(["firmware_map./usr/share/pve-edk2-firmware/OVMF_CODE_4M.secboot.fd=/opt/code.fd"])
    result = bridge.convert(PARTS["UEFI"], "xml", "conf", host=host)
    assert ">/opt/code.fd</loader>" in result.text
    assert [f for f in result.findings if "own build" in f.message] == []


def test_all_files_of_the_node_stand_in_one_table() -> None:
    """Nobody writes a directory of the node into XML beside `passes.portable` and the options for a node."""
    found = [path.name for path in sorted(Path("bridge/libvirt").glob("*.py")) if NODE.search(path.read_text())]
    assert found == ["chardev.py", "hostpci.py", "net.py"]
