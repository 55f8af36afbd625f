"""`to-conf --as qm-create`: a command line that a shell takes as it is meant, and that says what the file says."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import bridge
from bridge.cli import main
from bridge.data.options import option
from tests.corpus import ROOT, Row

VMID = 100
CONF = """\
# it's "quoted" $(reboot)
# and `has` lines
args: -device 'x y' -smbios type=11,value=$HOME
boot: order=scsi0
cipassword: secret
lock: backup
memory: 2048
meta: creation-qemu=10.0.2,ctime=1700000000
name: web
net0: virtio=BC:24:11:00:00:01,bridge=vmbr0
scsi0: local:100/vm-100-disk-0.qcow2,size=32G
scsi1: local:999/vm-999-disk-0.qcow2,cache=none,size=8G
scsi2: /srv/images/data.img,format=raw,iothread=1
scsi3: /opt/x.img,format=raw,serial=a%20b
ide2: /srv/images/boot.iso,media=cdrom
sshkeys: ssh-rsa%20AAAA
template: 1
unused0: local:100/vm-100-disk-9.qcow2

[before]
memory: 512
"""
HOST = bridge.HostFacts(storage_map={"/srv/images": "big"})


def created(conf: str, host: bridge.HostFacts = HOST) -> bridge.Result:
    return bridge.convert(conf, "conf", "conf", vmid=VMID, host=host, create=True)


def options(command: str) -> dict[str, str]:
    """The options as a shell gives them to `qm`."""
    script = command.replace("qm create 100", "printf '%s\\0'", 1)
    words = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode().split("\0")[:-1]
    found = {}
    while words:
        name, equals, value = words.pop(0).partition("=")
        found[name.removeprefix("--")] = value if equals else words.pop(0)
    return found


def test_a_shell_gives_qm_what_the_config_says() -> None:
    found = options(created(CONF).text)
    assert found["description"] == " it's \"quoted\" $(reboot)\n and `has` lines"
    assert found["args"] == "-device 'x y' -smbios type=11,value=$HOME"
    assert (found["memory"], found["name"], found["boot"]) == ("2048", "web", "order=scsi0")


def test_images_of_others_are_imported() -> None:
    found = options(created(CONF).text)
    assert found["scsi0"] == "local:100/vm-100-disk-0.qcow2,size=32G"
    assert found["scsi1"] == "local:0,import-from=local:999/vm-999-disk-0.qcow2,cache=none"
    assert found["scsi2"] == "big:0,import-from=/srv/images/data.img,iothread=1"
    assert found["scsi3"] == "local:0,import-from=/opt/x.img,serial=a%20b"
    assert found["ide2"] == "/srv/images/boot.iso,media=cdrom"


def test_what_no_command_line_says_is_a_finding() -> None:
    result = created(CONF)
    assert not options(result.text).keys() & {"cipassword", "sshkeys", "lock", "meta", "template", "unused0"}
    told = " ".join(f"{f.message} {f.hint}" for f in result.findings)
    for text in ("cipassword", "sshkeys", "lock", "meta", "qm template 100", "unused0", "[before]"):
        assert text in told
    assert "secret" not in told.replace("secret-left-out", "")


NOT_SAID = {"boot": "cdn", "smbios1": "uuid=00000000-0000-0000-0000-000000000000", "vmgenid": "0"}


@pytest.mark.parametrize(
    ("conf", "added"),
    [
        ("name: a\n", NOT_SAID),
        ("boot: order=net0\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n", {k: v for k, v in NOT_SAID.items() if k != "boot"}),
        ("boot:  \nvmgenid: 1\n", {"smbios1": NOT_SAID["smbios1"]}),
        ("smbios1: serial=x\nvmgenid: d0a6b5d4-3a4e-4c84-8f6e-4e5a5d0c7b02\nboot: c\nbootdisk: scsi0\n", {}),
        ("ostype: win11\n", {**NOT_SAID, "machine": "pc-i440fx-5.1"}),
        ("ostype: win10\nmachine: q35,viommu=intel\n", {**NOT_SAID, "machine": "pc-q35-5.1,viommu=intel"}),
        ("ostype: win10\nmeta: creation-qemu=9.2.0,ctime=1\nmachine: q35\n", {**NOT_SAID, "machine": "pc-q35-9.2"}),
        ("ostype: win10\nmachine: pc-q35-8.1\n", NOT_SAID),
        ("ostype: l26\nmachine: q35\n", NOT_SAID),
    ],
)
def test_qm_create_gave_the_guest_what_no_config_said(conf: str, added: dict[str, str]) -> None:
    """API2/Qemu.pm, create_vm: boot, smbios1 and vmgenid if not said, and Windows gets the newest machine."""
    found = options(created(conf).text)
    said = dict(line.split(": ", 1) for line in bridge.rewrite_config(conf, VMID).splitlines())
    assert {key: value for key, value in found.items() if said.get(key) != value} == added


@pytest.mark.parametrize("conf", ["name: a\n", "ostype: win10\nmachine: q35\nscsi0: local:100/vm-100-disk-0.raw\n", "bootdisk: scsi0\n"])
def test_the_guest_of_the_command_is_that_of_the_file(conf: str) -> None:
    """What the command says, as a config, starts with the command line of the file."""
    found = options(created(conf).text)
    text = "".join(f"{key}: {value}\n" for key, value in found.items())
    host = bridge.HostFacts(qemu_version="10.0.2")
    words, wanted = (bridge.convert(each, "argv", "conf", vmid=VMID, host=host).argv or [] for each in (text, conf))
    at = words.index("-smbios")
    assert words[at + 1].startswith("type=1,uuid=00000000-")
    assert words[:at] + words[at + 2 :] == wanted


def test_linux_on_q35_gets_qemus_hot_plug_with_a_new_vm() -> None:
    told = [f.message for f in created("ostype: l26\nmachine: q35\n").findings if f.kind == "guest-changed"]
    assert len(told) == 1
    assert "hot plug" in told[0]
    assert [f for f in created("ostype: l26\nmachine: pc-q35-9.0\n").findings if f.kind == "guest-changed"] == []


FOREIGN = bridge.HostFacts()


@pytest.mark.parametrize(
    ("key", "said", "wanted"),
    [
        ("efidisk0", "/x/vars.fd,format=raw", "local:0,import-from=/x/vars.fd,efitype=2m,pre-enrolled-keys=0"),
        ("efidisk0", "local:7/vm-7-disk-0.raw,efitype=4m", "local:0,import-from=local:7/vm-7-disk-0.raw,efitype=4m,pre-enrolled-keys=0"),
        ("efidisk0", "/x/v.fd,efitype=4m,format=raw,pre-enrolled-keys=1", "local:0,import-from=/x/v.fd,efitype=4m,pre-enrolled-keys=1"),
        ("efidisk0", "local:100/vm-100-disk-0.raw,efitype=4m,size=528K", "local:100/vm-100-disk-0.raw,efitype=4m,size=528K"),
        ("tpmstate0", "none,version=v2.0", "local:1,version=v2.0"),
        ("tpmstate0", "/x/tpm", "local:0,import-from=/x/tpm,version=v1.2"),
        ("tpmstate0", "/x/tpm,version=v2.0", "local:0,import-from=/x/tpm,version=v2.0"),
        ("virtio0", "/x.qcow2,iothread=1,serial=a%20b,size=1G", "local:0,import-from=/x.qcow2,iothread=1,serial=a%20b"),
        ("virtio0", "/dev/disk/by-id/x,cache=none", "/dev/disk/by-id/x,cache=none"),
        ("virtio0", "/var/lib/vz/images/100/vm-100-disk-0.raw", "/var/lib/vz/images/100/vm-100-disk-0.raw"),
        ("ide2", "/var/lib/vz/template/iso/a.iso,media=cdrom", "/var/lib/vz/template/iso/a.iso,media=cdrom"),
        ("ide2", "/home/me/a.iso,media=cdrom", "none,media=cdrom"),
        ("ide2", "local:100/vm-100-cloudinit.qcow2,media=cdrom,size=4M", "local:cloudinit,media=cdrom"),
        ("ide2", "none,media=cdrom", "none,media=cdrom"),
    ],
)
def test_the_api_refuses_drives_that_a_file_may_have(key: str, said: str, wanted: str) -> None:
    result = created(f"{key}: {said}\n", FOREIGN)
    assert options(result.text)[key] == wanted
    told = [f for f in result.findings if f.kind == "import-needed" and key in f.message]
    assert len(told) == (said.startswith("/") and wanted != said)


def test_a_weight_of_no_cpu_is_none() -> None:
    assert "cpuunits" not in options(created("cpuunits: 0\n").text)
    assert options(created("cpuunits: 50\n").text)["cpuunits"] == "50"


@pytest.mark.parametrize(("pending", "told"), [("", 0), ("\n[PENDING]\nmemory: 4096\n", 1), ("\n[PENDING]\ndelete: cpu\n", 1)])
def test_pending_changes_are_told_where_there_are_some(pending: str, told: int) -> None:
    assert sum("pending" in f.message for f in created(f"name: a\n{pending}").findings) == told


DISK = """<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory><vcpu>1</vcpu><os><type machine='pc-q35-10.0'>hvm</type></os>
<iothreads>1</iothreads><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2' iothread='1' discard='unmap'/>
<source file='/x.qcow2'/><target dev='vda' bus='virtio'/><serial>AB 1</serial></disk></devices></domain>"""


def test_the_hint_of_an_import_wiped_the_options_of_the_disk() -> None:
    result = bridge.convert(DISK, "conf", "xml", vmid=VMID)
    (hint,) = [f.hint for f in result.findings if f.kind == "storage-unknown"]
    value = "import-from=/x.qcow2,aio=threads,cache=writeback,detect_zeroes=0,discard=on,iothread=1,serial=AB%201"
    assert hint.endswith(f"or import it: qm set 100 --virtio0 STORAGE:0,{value}")
    found = options(bridge.convert(DISK, "conf", "xml", vmid=VMID, create=True).text)
    assert found["virtio0"] == f"local:0,{value}"


NEW_DISK = re.compile(r"(?:([^/:\s]+):)?(\d+(?:\.\d+)?)")
NO_PARAMETERS = ("meta", "parent", "running-nets-host-mtu", "runningcpu", "runningmachine", "snaptime", "vmstate")


def refusals(command: str) -> list[str]:
    """What `qm create` would say to its options: the checks of API2/Qemu.pm (create_vm, check_drive_param), as a stand-in for it."""
    found = []
    for key, value in options(command).items():
        if key != "description" and ((option(key) is None and key != "args") or key in NO_PARAMETERS):
            found.append(f"{key}: no such parameter")
        if key == "cpuunits" and not 1 <= int(value) <= 262144:
            found.append("cpuunits: out of range")
        if not re.fullmatch(r"(ide|sata|scsi|virtio)\d+|efidisk0|tpmstate0", key):
            continue
        file, *rest = value.split(",")
        said = dict(part.split("=", 1) for part in rest)
        if "import-from" in said:
            new = NEW_DISK.fullmatch(file)
            if new is None or new[1] is None or float(new[2]) != 0 or "media" in said:
                found.append(f"{key}: 'import-from' requires special syntax")
            needed = {"efidisk0": ("efitype", "pre-enrolled-keys"), "tpmstate0": ("version",)}.get(key, ())
            found += [f"{key}: need to specify '{name}' when using 'import-from'" for name in needed if name not in said]
        elif file.startswith("/") and not file.startswith(("/dev/", "/var/lib/vz/")):
            found.append(f"{key}: unable to associate path '{file}' to any storage")
        elif key == "tpmstate0" and file == "none":
            found.append("tpmstate0: no volume")
    text = "".join(f"{key}: {value}\n" for key, value in options(command).items() if key != "description" and "import-from" not in value)
    try:
        bridge.rewrite_config(text, vmid=VMID, strict=True)
    except bridge.BridgeError as error:
        found.append(str(error))
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "tests/cases").glob("*.conf")), ids=lambda path: path.stem)
def test_the_api_takes_the_command_of_every_case(path: Path) -> None:
    text, host = path.read_text(), bridge.HostFacts.load(ROOT / "tests/cases/host")
    xml = bridge.convert(text, "xml", "conf", vmid=VMID, host=host, metadata=False).text
    assert refusals(bridge.convert(text, "conf", "conf", vmid=VMID, host=host, create=True).text) == []
    assert refusals(bridge.convert(xml, "conf", "xml", vmid=VMID, host=bridge.HostFacts(), create=True, args=True).text) == []


def test_the_stand_in_refuses() -> None:
    efidisk = "--efidisk0 local:0,import-from=/x,efitype=4m"
    for words in ("--meta x", "--cpuunits 0", "--virtio0 /x.raw", efidisk, "--tpmstate0 none", "--foo 1"):
        assert len(refusals(f"qm create 100 {words}\n")) >= 1, words


@pytest.mark.corpus("random.jsonl", sample=60)
def test_the_api_takes_the_command_of_every_row(row: Row) -> None:
    text = bridge.rewrite_config(row["conf"], vmid=row["vmid"])
    command = bridge.convert(text, "conf", "conf", vmid=row["vmid"], create=True).text.replace(f"qm create {row['vmid']}", "qm create 100")
    assert [each for each in refusals(command) if "unable to parse" not in each] == []


@pytest.mark.corpus("random.jsonl", sample=60)
def test_every_key_is_there(row: Row) -> None:
    text = bridge.rewrite_config(row["conf"], vmid=row["vmid"])
    command = bridge.convert(text, "conf", "conf", vmid=row["vmid"], create=True).text
    assert command.startswith(f"qm create {row['vmid']}")
    said = {word.partition("=")[0][2:] for word in shlex.split(command)[3:] if word.startswith("--")}
    keys = {line.partition(":")[0] for line in text.split("\n\n")[0].split("\n") if line and not line.startswith(("#", "["))}
    left_out = {"meta", "lock", "template", "cipassword", "sshkeys"}
    assert {key for key in keys - said if not key.startswith("unused")} <= left_out


def test_xml_becomes_a_command() -> None:
    xml = "<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>"
    assert options(bridge.convert(xml, "conf", "xml", vmid=VMID, create=True).text)["name"] == "a"


def test_the_command(tmp_path: Path) -> None:
    xml = "<domain type='kvm'><name>a</name><memory>524288</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>"
    (tmp_path / "100.xml").write_text(xml)
    done = CliRunner().invoke(main, ["to-conf", str(tmp_path / "100.xml"), "--as", "qm-create", "-o", str(tmp_path)])
    assert done.exit_code == 0
    assert (tmp_path / "100.sh").read_text().startswith("qm create 100 \\\n  --")


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("memory: 512\nbios: OVMF\n", "bios: 'OVMF' is not one of seabios, ovmf"),
        ("ostype: l26,\nmemory: 512\n", "ostype: 'l26,' is not one of"),
        ("cores: 0\nmemory: 512\n", "cores: 0 is not"),
        ("memory: 512\nvmgenid: 4ffe9821-7d8b-196b-bde7-539021f25f59,\n", "vmgenid: .* does not have the form"),
    ],
)
def test_a_value_that_the_api_refuses_made_a_command_that_failed_whole(config: str, why: str) -> None:
    with pytest.raises(bridge.BridgeError, match=why) as error:
        created(config)
    assert str(error.value).startswith(f"100.conf:{1 + config.split(chr(10))[0].startswith('memory')}: ")
    bridge.convert(config, "conf", "conf", vmid=VMID)


def test_no_cpu_shares_are_said_otherwise_to_the_api() -> None:
    assert "cpuunits" not in options(created("cpuunits: 0\nmemory: 512\n").text)
