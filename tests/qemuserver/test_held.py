"""What people hold that is not a VMID.conf as it stands, and what is not a VM at all."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
from hashlib import md5
from pathlib import Path

import pytest
from click.testing import CliRunner

import bridge
from bridge.cli import main
from bridge.paths.detect import detect
from tests.corpus import ROOT

CONFIG = "cores: 2\nmemory: 512\nname: a\nnet0: virtio=52:54:00:00:01:01,bridge=vmbr0\n"
DIGEST = "5f0b4b3e6a0d4c398f6c2f1f3b8c9d105f0b4b3e"


def conf(text: str | bytes, **more: object) -> str:
    return bridge.convert(text, "conf", **more).text  # type: ignore[arg-type]


def told(text: str | bytes, **more: object) -> list[tuple[str, str]]:
    return [(f.kind, f.message) for f in bridge.convert(text, "conf", **more).findings]  # type: ignore[arg-type]


def refusal(text: str | bytes, **more: object) -> str:
    with pytest.raises(bridge.BridgeError) as error:
        bridge.convert(text, "conf", **more)  # type: ignore[arg-type]
    return str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "", "\n \n", "hello world\n", " name: a\n memory: 512\n cores: 2\n", "\tname: a\n", "# only a note\n",
        "{}", '{"a": 1}', '{"data": 7}', "[before]\n", "Dear all,\nsubject: hello\n", "[1, 2]", b"\xff\x00", b"PK\x03\x04",
        "name a\nmemory 512\n",
        "---\nvm:\n  memory: 512\n", "name: CI\non: push\njobs:\n  test:\n", "root: x\npostmaster: root\n", '{"data": [{"key": "name"}]}',
        b"100.conf" + bytes(92) + b"0000644\0memory: 512\nname: a\n" + bytes(300), "memory: 512\nname: a\n\0\0\0",
    ],
)  # fmt: skip
def test_what_is_no_vm_became_one(text: str | bytes) -> None:
    words = refusal(text, file="x")
    assert words.startswith("x: is not a VM: give a qemu-server config")
    assert "\n" not in words


def test_the_command_ends_with_1_and_says_what_it_expected(tmp_path: Path) -> None:
    (tmp_path / "100.conf").write_text("")
    for command in ("to-xml", "to-argv", "check", "show"):
        result = CliRunner().invoke(main, [command, str(tmp_path / "100.conf")])
        assert (result.exit_code, "is not a VM: give a qemu-server config" in result.output) == (1, True), result.output


@pytest.mark.parametrize("text", ["name: a\n", "#note\nname: a\n", "\n\nname: a\n", "args: -S\n", "bad line\nname: a\n", "[s]\nname: a\n"])
def test_what_is_one_stays_one(text: str) -> None:
    assert detect(text) == detect(text.encode()) == "conf"
    assert conf(text) == bridge.rewrite_config(text)


def test_an_empty_config_is_one_if_somebody_says_so() -> None:
    assert conf("", source="conf") == ""


# qm config


def test_the_digest_is_no_line_of_the_config() -> None:
    text = f"cores: 2\ndescription: a%0Ab\ndigest: {DIGEST}\nmemory: 512\nname: a\n"
    assert conf(text) == "#a\n#b\ncores: 2\nmemory: 512\nname: a\n"
    assert told(text) == []
    found = told(text.replace("memory: 512", "memory: lots"), file="x")
    assert [where for where in found if "digest" in where[1]] == []
    assert ("bad-line", "vm 100 - unknown setting 'digest'") not in told("name: a\n")
    assert any("digest" in message for _, message in told("name: a\ndigest: zz\n"))


def test_a_password_that_the_api_does_not_show_is_none() -> None:
    text = f"ciuser: me\ncipassword: **********\ndigest: {DIGEST}\nname: a\n"
    assert conf(text) == "ciuser: me\nname: a\n"
    assert [kind for kind, _ in told(text)] == ["secret-left-out"]


# The API's JSON


def test_json_of_pvesh() -> None:
    said = {"name": "a", "memory": "512", "cores": 2, "net0": "virtio=52:54:00:00:01:01,bridge=vmbr0", "digest": DIGEST, "onboot": True}
    assert conf(json.dumps(said)) == CONFIG + "onboot: 1\n"
    assert conf(json.dumps({"data": said}, indent=2).encode()) == CONFIG + "onboot: 1\n"
    said |= {"description": "one\ntwo: x", "cipassword": "*****", "lock": None, "cpulimit": 1.5}
    assert conf(json.dumps(said)).startswith("#one\n#two%3A x\ncores: 2\ncpulimit: 1.5\n")
    assert "**" not in conf(json.dumps(said))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"memory": ', "x: is not JSON: "),
        ('{"memory": {"a": 1}}', 'x: memory: {"a": 1} is not a value of a config'),
        ('{"name": "a\\nargs: -S"}', "x: name: the value has more than one line"),
        ('{"hostname": "ct", "rootfs": "local:1"}', "x: is the config of a container"),
        ("hostname: ct\nrootfs: local:100/vm-100-disk-0.raw\n", "x: is the config of a container"),
        ('{"a":' * 5000, "x: is not JSON: "),
    ],
)
def test_json_that_is_no_config(text: str, words: str) -> None:
    assert refusal(text, file="x").startswith(words)


# qm create, qm set


def test_a_line_of_qm_create() -> None:
    net = "virtio=52:54:00:00:01:02,bridge=vmbr0"
    text = f"qm create 9000 --name a --memory 4096 --net0 {net} --scsi0 local:9000/vm-9000-disk-0.raw --vmgenid 0\n"
    assert conf(text) == (f"boot: order=scsi0;net0\nmemory: 4096\nname: a\nnet0: {net}\nscsi0: local:9000/vm-9000-disk-0.raw\n")
    assert "/9000." in bridge.convert(text, "argv").text
    assert "/7." in bridge.convert(text, "argv", vmid=7).text
    assert [kind for kind, _ in told(text)] == ["ambiguous"]


SCRIPT = """\
#!/bin/sh
# a template; with a comment
VMID=9000 STORE=local-lvm
sudo /usr/sbin/qm create $VMID --name 'web-1' -memory 2048 \\
    --description "it's \\"new\\" # no comment" --net0 virtio,bridge=vmbr0 --onboot
qm set ${VMID} --scsi0 $STORE:0,import-from=/root/x.img,discard=on --ide2 "$STORE:cloudinit"; qm set 9000 --scsi1 local:32,format=qcow2
qm set 9000 --delete onboot,agent --boot order=scsi0 && qm template 9000
"""


def test_a_script_that_makes_a_template() -> None:
    assert detect(SCRIPT) == "conf"
    assert conf(SCRIPT) == (
        '#it\'s "new" # no comment\n'
        "boot: order=scsi0\nide2: local-lvm:vm-9000-cloudinit,media=cdrom\nmemory: 2048\nname: web-1\nnet0: virtio,bridge=vmbr0\n"
        "scsi0: local-lvm:vm-9000-disk-0,discard=on\nscsi1: local:9000/vm-9000-disk-1.qcow2,size=32G\ntemplate: 1\n"
    )
    found = told(SCRIPT)
    assert ("import-needed", "scsi0: local-lvm:vm-9000-disk-0 is a copy of /root/x.img: the command makes it") in found
    assert ("import-needed", "scsi1: local:9000/vm-9000-disk-1.qcow2 is new, 32 GiB: the command makes it") in found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("#!/bin/bash\nset -e\nexport VMID=5\nqm create $VMID --name a\n", "name: a"),
        ("readonly -r VMID=5 NAME='b'\necho making $NAME\nqm create $VMID --name $NAME\n", "name: b"),
        ("root@pve:~# qm create 5 --name c\n", "name: c"),
        ("$ qm create 5 --name d\n", "name: d"),
    ],
)
def test_a_script_or_a_terminal_as_people_have_it_was_refused(text: str, line: str) -> None:
    assert detect(text) == "conf"
    assert line in conf(text).splitlines()
    assert [message for _, message in told(text) if "is not read" in message] == []


@pytest.mark.parametrize(
    ("options", "line"),
    [("--mem 512", "memory: 512"), ("--Cores 2", "cores: 2"), ("-desc x", "#x"), ("--balloon 0 --boot c --bootd scsi0", "bootdisk: scsi0")],
)
def test_an_option_that_is_cut_short_was_unknown(options: str, line: str) -> None:
    """Getopt::Long takes any beginning that is only one option's, as in the wiki's `qm set 9000 --sshkey FILE`."""
    assert line in conf(f"qm create 5 {options}").splitlines()
    assert [kind for kind, _ in told("qm create 5 --vmgenid 0\nqm set 5 --sshkey ~/.ssh/id_rsa.pub")].count("secret-left-out") == 1
    assert refusal("qm create 5 --c 1", file="x").startswith("x:1: --c may be short for ")


def test_a_disk_that_came_later_was_booted_from() -> None:
    """The API makes the boot order when it makes the VM, and takes out of it what is deleted; it puts nothing in."""
    made = "qm create 5 --net0 virtio,bridge=vmbr0 --ide2 none,media=cdrom\n"
    assert "boot: order=ide2;net0\n" in conf(f"{made}qm set 5 --scsi0 local-lvm:vm-5-disk-0\n")
    assert "boot: order=net0\n" in conf(f"{made}qm set 5 --delete ide2\n")
    assert "boot:  \n" in conf(f"{made}qm set 5 --delete ide2,net0\n")
    assert "boot: order=scsi0\n" in conf(f"{made}qm set 5 --scsi0 local-lvm:vm-5-disk-0 --boot order=scsi0\n")


def test_a_generation_id_that_the_api_draws_was_the_number_one() -> None:
    assert "vmgenid" not in conf("qm create 5 --vmgenid 1 --name a\n")
    assert "vmgenid" not in conf("qm create 5 --name a\nqm set 5 --vmgenid 1\n")
    assert [message for _, message in told("qm create 5 --vmgenid 1 --smbios1 uuid=5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10\n")] == [
        "qm create draws vmgenid by chance: it is not said here"
    ]


def test_a_finding_named_a_line_that_the_file_does_not_have() -> None:
    script = "# one\nqm create 5 --name a --memory 512 \\\n  --net0 virtio,bridge=vmbr0\nqm set 5 --iothreads 2 --cores x\n"
    found = {f.kind: str(f.where) for f in bridge.convert(script, "argv", file="x.sh").findings}
    assert (found["not-applied"], found["bad-line"]) == ("x.sh:4", "x.sh:4")
    text = json.dumps({"data": {"name": "a", "memory": 512, "iothreads": "2", "cores": "x"}}, indent=1)
    found = {f.kind: str(f.where) for f in bridge.convert(text, "argv", file="x.json").findings}
    assert (found["not-applied"], found["bad-line"]) == ("x.json:5", "x.json:6")
    one = {str(f.where) for f in bridge.convert(json.dumps(json.loads(text)), "argv", file="x.json").findings if f.where}
    assert one == {"x.json:1"}


def test_windows_is_pinned_as_the_api_pins_it() -> None:
    host = bridge.HostFacts(qemu_version="10.0.2")
    assert "machine: pc-q35-10.0,viommu=intel\n" in conf("qm create 5 --ostype win11 --machine q35,viommu=intel\n", host=host)
    assert "machine: pc-i440fx-10.0\n" in conf("qm create 5 --ostype win10\n", host=host)
    assert "machine" not in conf("qm create 5 --ostype l26\n", host=host)


@pytest.mark.parametrize("name", [path.stem for path in sorted((ROOT / "tests/cases").glob("*.conf"))])
def test_the_line_that_is_printed_comes_back(name: str) -> None:
    text, host = (ROOT / f"tests/cases/{name}.conf").read_text(), bridge.HostFacts.load(ROOT / "tests/cases/host")
    made = bridge.convert(text, "conf", "conf", vmid=8006, host=host, create=True).text
    back, wanted = (bridge.convert(each, "argv", vmid=8006, host=host).argv or [] for each in (made, _as_created(text)))
    zero = next((n for n, word in enumerate(back) if word.startswith("type=1,uuid=00000000-")), None)
    assert (back if zero is None else back[: zero - 1] + back[zero + 1 :]) == wanted


def _as_created(text: str) -> str:
    """The config with what the command leaves out left out."""
    lines = [line for line in text.split("\n\n[")[0].split("\n") if line.partition(":")[0] not in ("meta", "lock", "template")]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("qm create 5 --foo 1", "x:1: --foo: qm has no such option"),
        ("\nqm create 5 --name $N", "x:2: $N is not set in these lines: write its value"),
        ("qm create $(pvesh get /cluster/nextid) --name a", "x:1: what a command prints is not known here: write it out"),
        ("qm set 5 --name `hostname`", "x:1: what a command prints is not known here: write it out"),
        ("qm create 5 --name 'a", "x:1: a quote does not end"),
        ("qm create five --name a", "x:1: 'five' is not a VM's id"),
        ("qm create 5 --name a\nqm create 6 --name b", "x:2: VM 6 after VM 5: give the lines of one VM"),
        ("qm create 5 --archive /x.vma", "x:1: --archive: the VM is in the backup: give that"),
        ("qm create 5 name", "x:1: 'name' is not an option"),
    ],
)
def test_lines_that_cannot_be_known_are_told_with_their_place(text: str, words: str) -> None:
    assert refusal(text, file="x") == words


def test_other_commands_are_told_and_never_run(tmp_path: Path) -> None:
    text = f"touch {tmp_path}/x\nqm create 5 --name a --vmgenid 0 --smbios1 uuid=5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10\nqm start 5\n"
    first, second = [message for _, message in told(text)]
    assert first.startswith("'touch /")
    assert second == "'qm start' is not read: only qm create and qm set say what a VM is"
    assert not (tmp_path / "x").exists()


# Backups


def archive(config: bytes, name: bytes = b"qemu-server.conf", damage: bool = False) -> bytes:
    """A VMA archive as vzdump begins it: header, blobs, then a cluster of the first disk."""
    blobs = b"\0"
    offsets = []
    for blob in (b"qemu-server.fw\0", b"[OPTIONS]\n", name + b"\0", config):
        offsets.append(len(blobs))
        blobs += struct.pack("<H", len(blob)) + blob
    blobs = blobs.ljust((len(blobs) + 511) // 512 * 512, b"\0")
    length = 12288 + len(blobs)
    names = struct.pack(">256I", offsets[0], offsets[2], *[0] * 254)
    contents = struct.pack(">256I", offsets[1], offsets[3], *[0] * 254)
    rest = struct.pack(">III", 12288, len(blobs), length) + bytes(1984) + names + contents + bytes(4) + bytes(256 * 32) + blobs
    front = b"VMA\0" + struct.pack(">I", 1) + bytes(range(16)) + struct.pack(">q", 1714521600)
    checksum = md5(front + bytes(16) + rest, usedforsecurity=False).digest()
    return front + checksum + rest + (b"" if damage else b"VMAE" + bytes(5000))


BACKUP = CONFIG.encode() + b"#qmdump#map:scsi0:drive-scsi0:local:raw:\n"


def test_the_config_in_a_backup() -> None:
    assert conf(archive(BACKUP)) == CONFIG
    assert told(archive(BACKUP)) == []


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
def test_backups_as_vzdump_names_them(packed: str, tmp_path: Path) -> None:
    data = archive(BACKUP) + bytes(6 << 20)
    file = tmp_path / f"vzdump-qemu-107-2024_05_01-00_00_00.vma{packed}"
    file.write_bytes(gzip.compress(data) if packed == ".gz" else data)
    if packed == ".zst":
        plain = file.with_suffix("")
        plain.write_bytes(data)
        subprocess.run(["zstd", "-qf", plain, "-o", file], check=True)
    result = CliRunner().invoke(main, ["to-argv", "--report", "none", str(file)])
    assert result.exit_code == 0, result.output
    assert "-id 107" in result.output
    piped = CliRunner().invoke(main, ["to-conf", "--report", "none", "-"], input=file.read_bytes())
    assert piped.output == CONFIG


def test_a_backup_that_cannot_be_unpacked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "vzdump-qemu-107.vma.zst"
    file.write_bytes(b"\x28\xb5\x2f\xfdgarbage")
    assert "107.vma.zst: cannot be unpacked: zstd: " in CliRunner().invoke(main, ["to-conf", str(file)]).output
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(main, ["to-conf", str(file)])
    assert (result.exit_code, "is packed, and zstd is not installed: install it, or unpack the file" in result.output) == (1, True)
    (tmp_path / "x.gz").write_bytes(b"\x1f\x8bgarbage")
    assert "x.gz: cannot be unpacked: " in CliRunner().invoke(main, ["to-conf", str(tmp_path / "x.gz")]).output


def test_a_small_file_that_becomes_a_large_one_is_cut(tmp_path: Path) -> None:
    for name, packed in (("a.gz", gzip.compress(bytes(64 << 20))), ("b.zst", b"")):
        (tmp_path / name).write_bytes(packed)
        if not packed:
            subprocess.run(["zstd", "-qf", "-", "-o", tmp_path / name], input=bytes(64 << 20), check=True)
        assert f"{name}: is larger than 4 MiB" in CliRunner().invoke(main, ["to-conf", str(tmp_path / name)]).output


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (archive(BACKUP)[:2000], "x: the archive is cut off: its header has "),
        (b"VMA\0short", "x: is not a VMA archive: its header is cut off"),
        (archive(BACKUP, b"lxc.conf"), "x: the archive holds no qemu-server.conf: it is not a backup of a VM"),
        (archive(BACKUP)[:60] + b"\xff" + archive(BACKUP)[61:], "x: the header of the archive is damaged"),
        (b"VMA\0" + bytes(56) + b"\x7f\xff\xff\xff" + bytes(3000), "x: is not a VMA archive: its header would have "),
        (b"VMA\0" + bytes(3000), "x: is not a VMA archive: its header would have 0 bytes"),
    ],
)
def test_an_archive_that_is_none(data: bytes, words: str) -> None:
    assert refusal(data, file="x").startswith(words)
