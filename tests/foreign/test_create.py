"""`to-conf --as qm-create`: a command line that a shell takes as it is meant, and that says what the file says."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import bridge
from bridge.cli import main
from tests.corpus import Row

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
scsi3: /opt/x.img,format=raw
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
    assert found["scsi3"] == "/opt/x.img,format=raw"
    assert found["ide2"] == "/srv/images/boot.iso,media=cdrom"


def test_what_no_command_line_says_is_a_finding() -> None:
    result = created(CONF)
    assert not options(result.text).keys() & {"cipassword", "sshkeys", "lock", "meta", "template", "unused0"}
    told = " ".join(f"{f.message} {f.hint}" for f in result.findings)
    for text in ("cipassword", "sshkeys", "lock", "meta", "qm template 100", "unused0", "[before]"):
        assert text in told
    assert "secret" not in told.replace("secret-left-out", "")


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
