"""What was seen on 29 November: forged metadata, each fault by its symptom. None comes back, and each is told; with the gate taken out
the law finds all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import bridge
from tests.trust.documents import DISK, FOREIGN, VMID, Residue, main_lines, section_lines, violations, with_residue

NET = "virtio=52:54:00:00:01:01,bridge=vmbr0"
RAW = "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>{}</qemu:commandline></domain>"


def key(name: str, text: str | None, seen: str | None = None) -> Residue:
    return Residue({name: (text, seen)})


def seen(name: str) -> str:
    """What the foreign domain itself says of a key."""
    return main_lines(bridge.convert(FOREIGN, "conf", "xml", vmid=VMID).text)[name]


DISK_SEEN = seen("virtio0")
FORGED = {
    "a hookscript runs as root": key("hookscript", "local:snippets/x.sh"),
    "a lock keeps the VM from starting": key("lock", "backup"),
    "cloud-init takes somebody else's user data": key("cicustom", "user=local:snippets/user.yml"),
    "cloud-init makes a user root": key("ciuser", "root"),
    "cloud-init sets an address": key("ipconfig0", "ip=dhcp"),
    "cloud-init sets a name server": key("nameserver", "192.0.2.1"),
    "cloud-init lets a key in": key("sshkeys", "ssh-ed25519%20AAAA"),
    "raw arguments come out of the metadata alone": key("args", "-netdev tap,id=x0,script=/srv/up.sh"),
    "a template": key("template", "1"),
    "destroying the VM deletes another volume": key("unused0", "local:200/vm-200-disk-0.raw"),
    "a saved state is loaded": key("vmstate", "local:100/vm-100-state-x.raw"),
    "a second card": key("net1", "virtio=52:54:00:00:02:01,bridge=vmbr1"),
    "a card without a bridge": key("net1", "virtio=52:54:00:00:02:02"),
    "net0 stands on another bridge": key("net0", NET.replace("vmbr0", "vmbr1"), seen("net0")),
    "a directory of the host": key("virtiofs0", "media"),
    "shared memory of the host": key("ivshmem", "size=1,name=foo"),
    "the hardware's entropy": key("rng0", "source=/dev/hwrng"),
    "a volume that leads out of its storage": key("scsi1", "local:iso/../../etc/shadow.iso"),
    "a volume of NFS that leads out of its storage": key("scsi1", "nfs:../../x"),
    "another VM's logical volume": key("scsi1", "lvm:root"),
    "an own volume that the XML lacks": key("scsi1", "local:100/vm-100-disk-7.raw"),
    "the state of a TPM of another VM": key("tpmstate0", "local:200/vm-200-disk-0.raw,version=v2.0"),
    "the variables of another VM": key("efidisk0", "local:200/vm-200-disk-0.raw,efitype=4m"),
    "a disk of another format": key("virtio0", f"{DISK},format=qcow2", DISK_SEEN),
    "a disk with another cache": key("virtio0", f"{DISK_SEEN.split(',')[0]},cache=unsafe", DISK_SEEN),
    "another image of the disk": key("virtio0", DISK_SEEN.replace("vm-100", "vm-200"), DISK_SEEN),
    "a disk that is gone": key("virtio0", None, DISK_SEEN),
    "more memory": key("memory", "4096", seen("memory")),
    "memory that is gone": key("memory", None, seen("memory")),
    "no KVM": key("kvm", "0"),
    "UEFI": key("bios", "ovmf"),
    "another architecture": key("arch", "aarch64"),
    "a serial port of the host": key("serial0", "/dev/ttyS0"),
    "a USB device of the host": key("usb0", "host=1-1"),
    "a mapped USB device that no host facts know": key("usb0", "mapping=stick"),
    "a mapped PCI device that no host facts know": key("hostpci0", "mapping=gpu"),
    "a mediated device": key("hostpci0", "0000:01:00.0,mdev=nvidia-63"),
    "a CPU model that no host facts know": key("cpu", "custom-x", seen("cpu")),
    "an unknown CPU model with flags": key("cpu", "cputype=custom-x,flags=+aes", seen("cpu")),
    "an unknown CPU model that is hidden": key("cpu", "custom-x,hidden=1", seen("cpu")),
    "a PCI device of the host": key("hostpci0", "0000:01:00.0"),
    "an option that no qemu-server has": key("nosuch", "1"),
    "a value that no schema takes": key("onboot", "maybe"),
    "two at once, one of them harmless": Residue({"tags": ("a;b", None), "kvm": ("0", None)}),
    "two that hide behind each other": Residue({"bios": ("ovmf", None), "efidisk0": ("local:200/vm-200-disk-0.raw", None)}),
}  # fmt: skip
"""Symptom -> the metadata that shows it."""


@pytest.mark.parametrize("symptom", FORGED)
def test_forged_keys_do_not_come_back(symptom: str) -> None:
    residue = FORGED[symptom]
    assert violations(FOREIGN, residue) == []
    result = bridge.convert(with_residue(FOREIGN, residue), "conf", "xml", vmid=VMID)
    told = [finding.message for finding in result.findings if finding.kind == "withheld"]
    for name, (text, _) in residue.keys.items():
        if name != "tags":
            assert main_lines(result.text).get(name) != text
            assert any(name in message for message in told)


@pytest.mark.parametrize("symptom", FORGED)
def test_the_law_finds_them_where_the_gate_is_out(symptom: str) -> None:
    try:
        assert violations(FOREIGN, FORGED[symptom], trust=True)
    except bridge.BridgeError:
        pass  # not even a config: an option or a value that is none


def test_args_do_not_come_back_though_the_words_stand_in_the_xml_too() -> None:
    words = "<qemu:arg value='-netdev'/><qemu:arg value='tap,id=x0,script=/srv/up.sh'/>"
    xml = with_residue(FOREIGN, key("args", "-netdev tap,id=x0,script=/srv/up.sh")).replace("</domain>", RAW.format(words))
    with pytest.raises(bridge.BridgeError, match="on request only"):
        bridge.convert(xml, "conf", "xml", vmid=VMID)
    for to in ("conf", "argv", "xml"):
        result = bridge.convert(xml, to, "xml", vmid=VMID, args=False)
        assert "script=/srv/up.sh" not in result.text.partition("</metadata>")[2 if to == "xml" else 0]
        assert "args:" not in result.text
    assert "args: -netdev tap,id=x0,script=/srv/up.sh" in bridge.convert(xml, "conf", "xml", vmid=VMID, args=True).text
    assert "args" not in main_lines(bridge.convert(xml, "conf", "xml", vmid=VMID, args=False, trust_metadata=True).text)


def test_a_qm_create_command_takes_no_hookscript_from_the_metadata() -> None:
    xml = with_residue(FOREIGN, key("hookscript", "local:snippets/x.sh"))
    assert "hookscript" not in bridge.convert(xml, "conf", "xml", vmid=VMID, create=True).text


# Sections

FOREIGN_SECTIONS = {
    "a disk of the host is attached at the next start": "\n[PENDING]\nscsi5: /dev/sda\n",
    "a file of the host is attached": "\n[PENDING]\nscsi5: /etc/shadow\n",
    "another VM's volume": "\n[PENDING]\nscsi5: local:200/vm-200-disk-0.raw\n",
    "a serial port of the host": "\n[PENDING]\nserial0: /dev/ttyS0\n",
    "a parallel port of the host": "\n[PENDING]\nparallel0: /dev/parport0\n",
    "a USB device of the host": "\n[PENDING]\nusb0: host=1-1\n",
    "a PCI device of the host": "\n[PENDING]\nhostpci0: 0000:01:00.0\n",
    "a device of the host for the variables": "\n[PENDING]\nefidisk0: /dev/sda\n",
    "the state of another VM's TPM": "\n[PENDING]\ntpmstate0: local:200/vm-200-disk-0.raw,version=v2.0\n",
    "a directory of the host": "\n[PENDING]\nvirtiofs0: media\n",
    "a bridge that the XML does not name": "\n[PENDING]\nnet1: virtio=52:54:00:00:02:01,bridge=vmbr9\n",
    "the hardware's entropy": "\n[PENDING]\nrng0: source=/dev/hwrng\n",
    "a password": "\n[PENDING]\ncipassword: x\n",
    "a user": "\n[PENDING]\nciuser: root\n",
    "raw arguments": "\n[PENDING]\nargs: -S\n",
    "a hookscript": "\n[PENDING]\nhookscript: local:snippets/x.sh\n",
    "a snapshot with a disk of the host": "\n[snap1]\nscsi0: /dev/sda\nsnaptime: 1\n",
    "a snapshot with raw arguments": "\n[snap1]\nargs: -S\nsnaptime: 1\n",
    "a snapshot with a saved state": "\n[snap1]\nsnaptime: 1\nvmstate: local:100/vm-100-state-snap1.raw\n",
    "a volume whose name hides another": "\n[snap1]\nscsi0: local:vm-100-disk-0/../../200/vm-200-disk-0.raw\nsnaptime: 1\n",
    "images that a backup would delete": "\n[special:fleecing]\nfleecing-images: local:200/vm-200-fleece-0.raw\n",
    "what cloud-init is to use": "\n[special:cloudinit]\nciuser: root\n",
}  # fmt: skip


@pytest.mark.parametrize("symptom", FOREIGN_SECTIONS)
def test_a_section_with_what_is_not_the_vms_own_does_not_come_back(symptom: str) -> None:
    sections = FOREIGN_SECTIONS[symptom]
    result = bridge.convert(with_residue(FOREIGN, Residue(sections=sections)), "conf", "xml", vmid=VMID)
    assert section_lines(result.text) == []
    name = sections.split("]")[0].strip("\n[")
    told = [finding.message for finding in result.findings if finding.kind == "withheld"]
    line = sections.split("\n")[2]
    assert any(name in message or "snapshots and pending changes" in message for message in told)
    assert line not in result.text.splitlines()


OWN_SECTIONS = {
    "an own volume": "\n[PENDING]\nscsi5: local:100/vm-100-disk-1.raw\n",
    "the XML's own disk": f"\n[before]\nsnaptime: 1\nvirtio0: {DISK_SEEN}\n",
    "other hardware": "\n[before]\ncores: 4\nmemory: 512\nnet0: e1000=52:54:00:00:01:01,bridge=vmbr0\nsnaptime: 1\n",
    "a serial socket": "\n[before]\nserial0: socket\nsnaptime: 1\n",
    "a linked clone": "\n[before]\nscsi0: zfs:base-900-disk-0/vm-100-disk-3\nsnaptime: 1\n",
    "something that goes": "\n[PENDING]\ndelete: net0\n",
}


@pytest.mark.parametrize("what", OWN_SECTIONS)
def test_a_section_of_the_vms_own_comes_back_whole(what: str) -> None:
    sections = OWN_SECTIONS[what]
    result = bridge.convert(with_residue(FOREIGN, Residue(sections=sections)), "conf", "xml", vmid=VMID)
    assert result.text.endswith(sections)
    pending = [finding for finding in result.findings if finding.kind == "pending-changes"]
    assert bool(pending) == sections.startswith("\n[PENDING]")
    assert all(finding.severity == "host" for finding in pending)


def test_a_section_that_stays_is_not_lost_with_one_that_does_not() -> None:
    good, bad = OWN_SECTIONS["the XML's own disk"], FOREIGN_SECTIONS["a snapshot with a disk of the host"]
    result = bridge.convert(with_residue(FOREIGN, Residue(sections=good + bad)), "conf", "xml", vmid=VMID)
    assert result.text.endswith(good)
    assert "[snap1]" not in result.text


# Stand-ins for characters


@pytest.mark.parametrize(
    "config",
    [
        "#x%00hookscript%3A local%3Asnippets/x.sh\nname: a\n",
        "memory: 512\nname: a\n\n[before]\n#x%00hookscript%3A local\nsnaptime: 1\n",
        "#50%25 %2500 %0A\nmemory: 512\nname: a\n",
        "memory: 512\nname: a\n\n[before]\n#%2500%00%250A\nsnaptime: 1\n",
    ],
)
def test_characters_that_stand_for_a_line_end_make_no_line(config: str) -> None:
    want = bridge.rewrite_config(config, vmid=VMID)
    xml = bridge.convert(config, "xml", "conf", vmid=VMID).text
    for trust in (False, True):
        back = bridge.convert(xml, "conf", "xml", vmid=VMID, trust_metadata=trust).text
        assert back == want
        assert not any(line.startswith("hookscript") for line in back.splitlines())


@pytest.mark.parametrize("key", ["args: -S\0hookscript: local:snippets/x.sh", "ciuser: b\0lock: backup", "tags: a\0[special:fleecing]"])
def test_nul_in_a_pending_change_is_no_new_line(key: str) -> None:
    try:
        xml = bridge.convert(f"memory: 512\nname: a\n\n[PENDING]\n{key}\n", "xml", "conf", vmid=VMID).text
    except bridge.BridgeError:
        return
    back = bridge.convert(xml, "conf", "xml", vmid=VMID, trust_metadata=True).text
    assert not any(line.startswith(("hookscript", "lock", "[special")) for line in back.splitlines())


# What honest metadata brings back


def test_what_no_xml_shows_comes_back_by_itself() -> None:
    keys = {"tags": ("a;b", None), "onboot": ("1", None), "protection": ("1", None), "startup": ("order=1", None), "shares": ("500", None)}
    result = bridge.convert(with_residue(FOREIGN, Residue(keys, description="first\nsecond")), "conf", "xml", vmid=VMID)
    assert {key: main_lines(result.text)[key] for key in keys} == {key: text for key, (text, _) in keys.items()}
    assert not [finding for finding in result.findings if finding.kind == "withheld" and "description" not in finding.message]


@pytest.mark.parametrize(
    "text",
    [f"{DISK_SEEN},size=32G", f"{DISK_SEEN},backup=0,size=8G", f"{DISK_SEEN},replicate=0", f"{DISK_SEEN},iothread=0"],
)
def test_what_an_image_has_beside_comes_back(text: str) -> None:
    result = bridge.convert(with_residue(FOREIGN, key("virtio0", text, DISK_SEEN)), "conf", "xml", vmid=VMID)
    assert main_lines(result.text)["virtio0"] == text


def test_an_edit_of_the_xml_wins_over_the_metadata() -> None:
    xml = bridge.convert("memory: 512\nname: a\nsockets: 1\ntags: x\n", "xml", "conf", vmid=VMID).text
    edited = xml.replace('<memory unit="MiB">512<', '<memory unit="MiB">1024<')
    assert edited != xml
    result = bridge.convert(edited, "conf", "xml", vmid=VMID)
    assert main_lines(result.text) | {"memory": "1024", "tags": "x", "sockets": "1"} == main_lines(result.text)


def test_trust_restores_everything() -> None:
    config = "args: -S\ncipassword: x\nhookscript: local:snippets/x.sh\nlock: backup\nmemory: 512\nname: a\n"
    config += "unused0: local:200/vm-200-disk-0.raw\n"
    config += "\n[PENDING]\nscsi5: /dev/sda\n\n[snap1]\nmemory: 512\nsnaptime: 1\nvmstate: local:100/vm-100-state-snap1.raw\n"
    want = bridge.rewrite_config(config.replace("cipassword: x\n", ""), vmid=VMID)
    xml = bridge.convert(config, "xml", "conf", vmid=VMID).text
    assert bridge.convert(xml, "conf", "xml", vmid=VMID, trust_metadata=True).text == want


@pytest.mark.parametrize("known", [True, False])
def test_a_cpu_model_of_the_node_comes_back_where_the_host_facts_know_it(known: bool, tmp_path: Path) -> None:
    """`custom-x` without its cpu-models.conf is the default CPU, as a model that adds nothing is: the XML shows neither."""
    (tmp_path / "cpu-models.conf").write_text("cpu-model: plain\n    reported-model kvm64\n")
    xml = bridge.convert("memory: 512\nname: a\n", "xml", "conf", vmid=VMID).text
    forged = xml.replace("</virt-qm:vm>", '<virt-qm:key name="cpu">custom-plain</virt-qm:key></virt-qm:vm>')
    assert forged != xml
    host = bridge.HostFacts.load(tmp_path) if known else bridge.HostFacts()
    result = bridge.convert(forged, "conf", "xml", vmid=VMID, host=host)
    assert main_lines(result.text).get("cpu") == ("custom-plain" if known else None)
    assert ("withheld" in {finding.kind for finding in result.findings}) is not known


LOSERS = {
    "a card at an address that no bus has": "hostpci1: f0:42.0\nostype: win11\n",
    "a watchdog for a bus that the board lacks": "cpu: x86-64-v2-AES,flags=+hv-evmcs\nmachine: q35\nostype: l26\nwatchdog: model=ib700\n",
    "two cards, and one that stands": "hostpci0: 00:43.1\nhostpci1: f0:42.0\nhostpci2: 0000:01:00.0\nmachine: q35\nostype: win11\n",
}


@pytest.mark.parametrize("symptom", LOSERS)
def test_a_line_that_the_domain_cannot_say_keeps_no_other_line_away(symptom: str) -> None:
    """What such a line asks for is lost on the way, so it is held back and told; the others are what the XML says to the letter."""
    lines = main_lines(bridge.rewrite_config(LOSERS[symptom], vmid=VMID))
    result = bridge.convert(bridge.convert(LOSERS[symptom], "xml", "conf", vmid=VMID).text, "conf", "xml", vmid=VMID)
    back = main_lines(result.text)
    lost = {key for key, text in lines.items() if back.get(key) != text}
    assert lost
    assert back == {key: text for key, text in lines.items() if key not in lost}
    told = [finding.message.partition(":")[0] for finding in result.findings if finding.kind == "withheld"]
    assert sorted(told) == sorted(lost)
