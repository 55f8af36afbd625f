"""`virt-qm plan`: which steps, in which order, quoted how; and scripts to a node that are really run, with qemu-img and a stub of pvesm."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import bridge
from bridge.cli import main

STORAGE = """\
dir: store
\tpath {path}
\tcontent images,iso

nfs: nfs-store
\tpath {nfs}
\tserver 192.0.2.7
\texport /srv/vm
\tcontent images,iso

rbd: ceph
\tmonhost 192.0.2.21
\tpool vms
\tcontent images

lvmthin: thin
\tvgname pve
\tthinpool data
\tcontent images
"""
CONFIG = """\
name: web
onboot: 1
scsihw: virtio-scsi-single
scsi0: store:100/vm-100-disk-0.qcow2,iothread=1,size=32G
scsi1: thin:vm-100-disk-1,discard=on,size=8G
virtio0: nfs-store:100/vm-100-disk-2.raw,size=1G
virtio1: ceph:vm-100-disk-3,size=1G
ide2: store:iso/debian.iso,media=cdrom,size=600M
sata0: none,media=cdrom
net0: virtio=BC:24:11:00:00:01,bridge=vmbr0
unused0: store:100/vm-100-disk-9.raw
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Facts of the present host; its `store` is a real directory."""
    (facts := tmp_path / "host").mkdir()
    (facts / "storage.cfg").write_text(STORAGE.format(path=tmp_path / "source", nfs=tmp_path / "nfs"))
    (tmp_path / "source/images/100").mkdir(parents=True)
    (tmp_path / "source/template/iso").mkdir(parents=True)
    (tmp_path / "nfs/images/100").mkdir(parents=True)
    return facts


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["plan", "--report", "none", *map(str, arguments)])


def config(directory: Path, text: str = CONFIG, vmid: int = 100) -> Path:
    file = directory / f"{vmid}.conf"
    file.write_text(text)
    return file


def planned(*arguments: object) -> Any:
    result = run("--as", "json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def image(path: Path, form: str, content: bytes, backing: Path | None = None) -> None:
    """A small image that starts with the content."""
    on = ["-b", str(backing), "-F", "qcow2"] if backing else []
    subprocess.run(["qemu-img", "create", "-q", "-f", form, *on, path, "1M"], check=True)
    subprocess.run(["qemu-io", "-f", form, "-c", f"write -P {content[0]} 0 4k", path], check=True, capture_output=True)


def starts_with(path: Path, form: str) -> int:
    """The first byte that a guest would read."""
    flat = path.with_suffix(".flat")
    subprocess.run(["qemu-img", "convert", "-f", form, "-O", "raw", path, flat], check=True)
    try:
        return flat.read_bytes()[0]
    finally:
        flat.unlink()


def execute(text: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    script = directory / "plan.sh"
    script.write_text(text)
    return subprocess.run(["sh", script], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", **environment})


# --- to libvirt


def test_the_steps_to_libvirt_in_their_order(host: Path, tmp_path: Path) -> None:
    plan = planned("--to", "libvirt", "--host", host, "--images", "/srv/images", "--pool", "images", config(tmp_path))
    assert [step["id"] for step in plan["first"]] == ["directory", "pool"]
    (vm,) = plan["vms"]
    assert [step["id"] for step in vm["steps"]] == [
        *("100-stopped", "web-virtio0-reached", "web-virtio1-reached", "bridge-vmbr0", "iso-debian.iso", "web-scsi0", "web-scsi1"),
        *("100-define", "100-autostart"),
    ]
    steps = {step["id"]: step for step in vm["steps"]}
    assert steps["web-scsi0"]["commands"] == [
        [
            "qemu-img",
            "convert",
            "-p",
            "-f",
            "qcow2",
            "-O",
            "qcow2",
            f"{tmp_path}/source/images/100/vm-100-disk-0.qcow2",
            "/srv/images/web-scsi0.qcow2.part",
        ]
    ]
    assert steps["web-scsi1"]["commands"][0][7] == "/dev/pve/vm-100-disk-1"
    assert steps["web-scsi1"]["makes"] == "/srv/images/web-scsi1.raw"
    assert steps["web-virtio1-reached"]["commands"][0][-1].startswith('json:{"auth-client-required"')
    assert steps["100-autostart"]["commands"] == [["virsh", "autostart", "web"]]
    xml = steps["100-define"]["document"]
    assert "file='/srv/images/web-scsi0.qcow2'" in xml.replace('"', "'")
    assert f"file='{tmp_path}/nfs/images/100/vm-100-disk-2.raw'" in xml.replace('"', "'")
    assert "vms/vm-100-disk-3" in xml
    assert [line.split(":")[0] for line in vm["stays"]] == ["virtio0", "virtio1", "unused0 (store"]


def test_what_is_asked_for_otherwise(host: Path, tmp_path: Path) -> None:
    arguments = ["--copy", "nfs-store", "--image-format", "qcow2", "--via", "/mnt/there", "-c", "", "--images", "/srv/images"]
    plan = planned("--to", "libvirt", "--host", host, *arguments, config(tmp_path))
    steps = {step["id"]: step for step in plan["vms"][0]["steps"]}
    assert steps["web-virtio0"]["makes"] == "/mnt/there/web-virtio0.qcow2"
    assert steps["web-scsi1"]["commands"][0][3:7] == ["-f", "raw", "-O", "qcow2"]
    assert "/srv/images/web-virtio0.qcow2" in steps["100-define"]["document"]
    assert "/mnt/there" not in steps["100-define"]["document"]


def test_variables_fill_their_flash_and_a_tpm_keeps_its_length(host: Path, tmp_path: Path) -> None:
    text = "bios: ovmf\nefidisk0: thin:vm-100-disk-0,efitype=4m,size=4M\ntpmstate0: store:100/vm-100-disk-1.raw,version=v2.0\n"
    plan = planned("--to", "libvirt", "--host", host, config(tmp_path, text))
    steps = {step["kind"]: step for step in plan["vms"][0]["steps"]}
    assert steps["variables"]["commands"][1] == ["truncate", "-s", "540672", "/var/lib/libvirt/images/vm100-efidisk0.raw.part"]
    assert steps["tpm"]["commands"][0][:3] == ["cp", "--sparse=always", "--"]
    assert "<source file='/var/lib/libvirt/images/vm100-efidisk0.raw'/>" in steps["define"]["document"].replace('"', "'")


def test_firmware_and_tpm_keep_their_form_whatever_the_disks_get(host: Path, tmp_path: Path) -> None:
    text = (
        "bios: ovmf\nefidisk0: store:100/vm-100-disk-0.raw,efitype=4m,size=4M\ntpmstate0: store:100/vm-100-disk-1.raw,version=v2.0\n"
        "scsi0: store:100/vm-100-disk-2.raw\n"
    )
    script = run("--to", "libvirt", "--host", host, "--image-format", "qcow2", config(tmp_path, text)).stdout
    images = set(re.findall(r"/var/lib/libvirt/images/(vm100-[a-z0-9.]+?)(?:\.part)?['\"\s]", script))
    assert {image for image in images if not image.startswith("vm100-tpmstate0")} == {"vm100-efidisk0.raw", "vm100-scsi0.qcow2"}
    assert "vm100-tpmstate0.qcow2" not in script


DRIVES = """\
name: drives
ide0: none,media=cdrom
ide1: cdrom,media=cdrom
ide2: store:iso/debian.iso,media=cdrom,size=600M
ide3: store:100/vm-100-cloudinit.qcow2,media=cdrom
sata0: store:100/vm-100-disk-5.raw,media=cdrom
scsi0: store:iso/debian.iso,media=cdrom
"""


@pytest.mark.parametrize("way", ["libvirt", "qemu-server"])
def test_cd_roms_and_cloud_init_drives_were_dropped(way: str, host: Path, node: Path, tmp_path: Path) -> None:
    """`format=` beside media=cdrom makes qemu-server ignore a drive: the plan wrote it, and blamed the config."""
    file = config(tmp_path, DRIVES)
    arguments = ["--to", "libvirt", "--host", host, file] if way == "libvirt" else to_node(host, node, tmp_path, file)
    (vm,) = planned(*arguments)["vms"]
    assert [f for f in vm["findings"] if "format" in f[3]] == []
    document = vm["steps"][-1]["document"]
    if way == "libvirt":
        assert document.count('device="cdrom"') == 6
        for name in ("debian.iso", "vm-100-cloudinit.raw", "drives-sata0.raw"):
            assert f"/var/lib/libvirt/images/{name}" in document
    else:
        assert "ide3: store:100/vm-100-cloudinit.qcow2,media=cdrom\n" in document
        assert "sata0: store:100/vm-100-disk-0.raw,media=cdrom\n" in document
        assert "format" not in document


@pytest.mark.parametrize("text", [CONFIG, DRIVES, "bios: ovmf\nefidisk0: thin:vm-100-disk-0,efitype=4m,size=4M\n"])
def test_a_plan_has_no_finding_that_to_xml_lacks(text: str, host: Path, tmp_path: Path) -> None:
    facts = bridge.HostFacts.load(host)
    wanted = {(f.kind, f.message) for f in bridge.convert(text, "xml", "conf", vmid=100, host=facts).findings}
    (vm,) = planned("--to", "libvirt", "--host", host, config(tmp_path, text))["vms"]
    assert {(kind, message) for kind, _, _, message, *_ in vm["findings"]} <= wanted


@pytest.mark.parametrize("uri", ["qemu+ssh://root@far.example/system", "qemu+tls://far.example/system", "qemu+tcp://[2001:db8::1]/system"])
def test_images_of_a_host_that_is_far_away_were_copied_here(uri: str, host: Path) -> None:
    from bridge.operations.plan.given import Input
    from bridge.operations.plan.to_libvirt import Wish, plan

    facts = bridge.HostFacts.load(host)
    words = {"source": None, "vmid": 100, "host": facts, "file": "100.conf"}
    given = [Input("100.conf", b"name: a\nscsi0: store:100/vm-100-disk-0.qcow2\n", words)]
    wish = Wish(uri=uri, images="/srv/images", via="/srv/images")
    with pytest.raises(bridge.BridgeError, match="is another machine, and /srv/images here is not its directory: pass --upload"):
        plan(given, wish, None)
    steps = plan(given, wish._replace(via="/mnt/far"), None).vms[0].steps
    assert next(step.makes for step in steps if step.kind == "image") == "/mnt/far/a-scsi0.qcow2"
    made = plan(given, wish._replace(via="/var/tmp/x", upload=True), None)
    assert [step.id for step in made.steps()] == [
        *("directory", "pool", "100-stopped", "a-scsi0", "a-scsi0-new", "a-scsi0-volume", "a-scsi0-upload", "100-define"),
    ]
    upload = next(step for step in made.steps() if step.id == "a-scsi0-upload")
    assert upload.commands[0] == ["virsh", "-c", uri, "vol-upload", "a-scsi0.qcow2", "/var/tmp/x/a-scsi0.qcow2", "--pool", "images"]


def test_a_directory_and_what_others_hold(host: Path, tmp_path: Path) -> None:
    (many := tmp_path / "many").mkdir()
    config(many, "name: one\n", 101)
    config(many, '{"name": "two", "memory": 512}', 102)
    (many / "x.xml").write_text(DOMAIN.format(name="three", more=""))
    (many / "notes.txt").write_text("no VM")
    plan = planned("--to", "libvirt", "--host", host, many)
    assert sorted(vm["name"] for vm in plan["vms"]) == ["one", "three", "two"]


DOMAIN = (
    "<domain type='kvm'><name>{name}</name><uuid>5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10</uuid><memory>65536</memory><vcpu>1</vcpu>"
    "<os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os><devices>{more}</devices></domain>"
)


def test_domains_get_ids_of_their_own(node: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.xml" for name in ("a", "b")]
    for file in files:
        file.write_text(DOMAIN.format(name=file.stem, more=""))
    config(tmp_path / "configs", "name: there\n", 201)
    arguments = ["--to", "qemu-server", "--to-host", node, "--to-storage", "store", "--config-dir", tmp_path / "configs", *files]
    refused = run(*arguments)
    assert (refused.exit_code, "two VMs have the id 100: pass --vmid-from N, which gives each its own" in refused.output) == (1, True)
    assert [vm["vmid"] for vm in planned(*arguments, "--vmid-from", 200)["vms"]] == [200, 202]


@pytest.mark.parametrize("way", ["libvirt", "qemu-server"])
def test_one_vm_that_cannot_be_planned_does_not_stop_the_rest(way: str, host: Path, node: Path, tmp_path: Path) -> None:
    texts = {101: "name: a\n", 102: "scsi0: nowhere:vm-102-disk-0\n", 103: "name: c\n"}
    files = [config(tmp_path, text, vmid) for vmid, text in texts.items()]
    arguments = ["--to", "libvirt", "--host", host, *files] if way == "libvirt" else to_node(host, node, tmp_path, *files)
    refused = run(*arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    result = run("--as", "json", "--keep-going", *arguments)
    assert result.exit_code == 1
    assert "error: " in result.stderr
    assert "102.conf:1: scsi0: storage 'nowhere' does not exist" in result.stderr
    assert [vm["name"] for vm in json.loads(result.stdout)["vms"]] == ["a", "c"]
    assert [Path(file).name for file, _ in json.loads(result.stdout)["refused"]] == ["102.conf"]


@pytest.mark.slow
def test_one_vm_that_cannot_be_moved_does_not_stop_the_rest(host: Path, node: Path, tmp_path: Path) -> None:
    for vmid in (101, 103):
        (tmp_path / f"source/images/{vmid}").mkdir()
        image(tmp_path / f"source/images/{vmid}/vm-{vmid}-disk-0.raw", "raw", b"\x11")
    files = [config(tmp_path, f"name: vm{vmid}\nscsi0: store:{vmid}/vm-{vmid}-disk-0.raw\n", vmid) for vmid in (101, 102, 103)]
    done = execute(run("--keep-going", *to_node(host, node, tmp_path, *files)).stdout, tmp_path)
    assert done.returncode == 1
    assert "error: vm102 is not moved\nerror: not moved, the others are: vm102\n" in done.stderr
    assert "all done" not in done.stdout
    assert sorted(path.name for path in (tmp_path / "configs").iterdir()) == ["101.conf", "103.conf"]
    (tmp_path / "source/images/102").mkdir()
    image(tmp_path / "source/images/102/vm-102-disk-0.raw", "raw", b"\x22")
    again = execute((tmp_path / "plan.sh").read_text(), tmp_path)
    assert (again.returncode, again.stdout.count("done before")) == (0, 4), again.stderr
    assert "all done: vm101, vm102, vm103" in again.stdout


def ek(*state: str) -> bytes:
    """What the swtpm of this state says that it is: its permanent state holds the seeds that all its keys come of."""
    with tempfile.TemporaryDirectory() as work:
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", *state, "--ctrl", f"type=unixio,path={work}/ctrl", "--server"]
        command += [f"type=unixio,path={work}/data", "--flags", "startup-clear,not-need-init"]
        with subprocess.Popen(command) as process:
            while not Path(work, "data").exists():
                assert process.poll() is None
                time.sleep(0.05)
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(f"{work}/data")
                    connection.sendall(CREATE_PRIMARY)
                    return connection.recv(4096)
            finally:
                process.terminate()


CREATE_PRIMARY = bytes.fromhex(
    "8002 00000043 00000131 4000000b 00000009 40000009 0000 00 0000"  # TPM2_CreatePrimary in the endorsement hierarchy, no password
    "0004 0000 0000"  # no secret, no data
    "001a 0023 000b 00030472 0000 0006 0080 0043 0010 0003 0010 0000 0000"  # an ECC storage key on P-256, AES-128 in CFB mode
    "0000 00000000"
)
"""The key that comes of it is the same for the same TPM, and another for every other one."""


@pytest.mark.slow
def test_the_state_of_a_tpm_in_libvirts_own_directory_is_carried(node: Path, tmp_path: Path) -> None:
    """swtpm makes the file that qemu-server's swtpm takes: the TPM is the same one, with every key that the guest has sealed."""
    own = tmp_path / "swtpm/5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10/tpm2"
    own.mkdir(parents=True)
    subprocess.run(["swtpm_setup", "--tpm2", "--tpmstate", f"dir://{own}", "--createek", "--overwrite"], check=True, capture_output=True)
    wanted = ek(f"dir={own}")
    assert wanted[6:10] == bytes(4)  # TPM_RC_SUCCESS
    file = tmp_path / "w.xml"
    tpm = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
    file.write_text(DOMAIN.format(name="w", more=tpm))
    arguments = ["--to", "qemu-server", "--to-host", node, "--to-storage", "store", "--config-dir", tmp_path / "configs", "--vmid", 300]
    text = run(*arguments, "--swtpm-dir", tmp_path / "swtpm", file).stdout
    done = execute(text, tmp_path)
    assert done.returncode == 0, done.stderr
    state = tmp_path / "target/images/300/vm-300-disk-0.raw"
    assert "tpmstate0: store:300/vm-300-disk-0.raw,version=v2.0\n" in (tmp_path / "configs/300.conf").read_text()
    assert state.stat().st_size == 4 << 20
    assert ek(f"backend-uri=file://{state}") == wanted
    assert execute(text, tmp_path).stdout.count("done before") == 2
    (vm,) = planned(*arguments, "--swtpm-dir", tmp_path / "swtpm", file)["vms"]
    assert [f for f in vm["findings"] if f[0] == "tpm-state"] == []
    shutil.rmtree(own)
    state.unlink()
    shutil.rmtree(tmp_path / "plan.sh.done")
    (tmp_path / "configs/300.conf").unlink()
    failed = execute(text, tmp_path)
    assert (failed.returncode, "error: there is no state of a TPM in " in failed.stderr) == (1, True)
    assert not state.exists()


def test_what_a_plan_leaves_behind_stood_in_comments_of_the_script_only(host: Path, tmp_path: Path) -> None:
    text = f"{CONFIG}\n[before]\nmemory: 256\nsnaptime: 1\n"
    result = CliRunner().invoke(
        main, ["plan", "--to", "libvirt", "--host", str(host), str(config(tmp_path, text)), "-o", str(tmp_path / "x.sh")]
    )
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert "not copied: unused0 (store:100/vm-100-disk-9.raw) is not moved [metadata-only]" in said
    assert "not copied: the snapshots before are not moved: the images hold the present state only" in said


def test_snapshots_and_pending_changes_are_named_and_left(host: Path, tmp_path: Path) -> None:
    text = "name: a\nparent: snap\n\n[PENDING]\ncores: 4\n\n[snap]\nscsi0: store:100/x.raw\nsnaptime: 1\n"
    plan = planned("--to", "libvirt", "--host", host, config(tmp_path, text))
    assert plan["vms"][0]["stays"] == [
        "the snapshots snap are not moved: the images hold the present state only",
        "pending changes are not moved: cores",
    ]
    assert "snap" not in plan["vms"][0]["steps"][-1]["document"]


def test_vms_that_cannot_stand_beside_each_other(host: Path, tmp_path: Path) -> None:
    one, two = config(tmp_path, "name: a\n", 100), config(tmp_path, "name: a\n", 101)
    result = run("--to", "libvirt", "--host", host, one, two)
    assert (result.exit_code, "another of these files has the name 'a'" in result.output) == (1, True)


def test_a_volume_whose_place_is_unknown_is_an_error(tmp_path: Path) -> None:
    result = run("--to", "libvirt", config(tmp_path, "scsi0: nowhere:vm-100-disk-0\n"))
    assert result.exit_code == 1
    assert "100.conf:1: scsi0: storage 'nowhere' is not in the host facts: give the node's storage.cfg: --host DIR" in result.output


HOSTILE = 'it\'s; touch pwned; $(touch pwned) `touch pwned` "x" \\ #.qcow2'


@pytest.mark.slow
def test_nothing_of_a_config_is_run(host: Path, tmp_path: Path) -> None:
    """A description, a name of a file and an XML path full of shell."""
    (directory := tmp_path / "a $(touch pwned) 'b'").mkdir()
    file = directory / "100.conf"
    file.write_text("# END $(touch pwned)\n# `touch pwned`\nname: web\nnumber: $(touch pwned)\n")
    xml = directory / "b.xml"
    path = HOSTILE.replace(",", "")
    xml.write_text(
        "<domain type='kvm'><name>b</name><memory>65536</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os><devices>"
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
        f"<source file=\"/srv/{path.replace(chr(34), '&quot;')}\"/><target dev='vda' bus='virtio'/></disk></devices></domain>"
    )
    for files in ((file,), (xml,), (file, xml)):
        arguments = ["--to", "libvirt", "--images", str(tmp_path / "it's $(touch pwned)"), "--host", host, *files]
        result = run(*arguments)
        if result.exit_code:
            assert xml in files, result.output  # the path may be refused
            continue
        (tools := tmp_path / "tools").mkdir(exist_ok=True)
        for tool in ("qemu-img", "virsh"):
            (tools / tool).write_text('#!/bin/sh\nfor word; do case $word in *.part) : > "$word";; esac; done\ncat > /dev/null\n')
            (tools / tool).chmod(0o755)
        done = execute(result.stdout, tmp_path, PATH=f"{tools}:/usr/bin:/bin")
        assert done.returncode == 0, done.stderr
        assert list(tmp_path.rglob("pwned")) == []
        plan = planned(*arguments)
        for step in [*plan["first"], *plan["vms"][0]["steps"]]:
            for command in step.get("commands", []):
                assert shlex.join(command) in result.stdout
        shutil.rmtree(tmp_path / "plan.sh.done")
        shutil.rmtree(tmp_path / "it's $(touch pwned)", ignore_errors=True)


# --- to qemu-server, run for real


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """Facts of the node: another `store`, the same `nfs-store`."""
    (facts := tmp_path / "node").mkdir()
    (facts / "storage.cfg").write_text(STORAGE.format(path=tmp_path / "target", nfs=tmp_path / "nfs"))
    (tmp_path / "configs").mkdir()
    return facts


def to_node(host: Path, node: Path, tmp_path: Path, *files: Path) -> list[object]:
    return [
        *("--to", "qemu-server", "--host", host, "--to-host", node, "--to-storage", "store"),
        *("--config-dir", tmp_path / "configs", *files),
    ]


TWO_DISKS = (
    "name: web\nscsihw: virtio-scsi-single\nscsi0: store:100/vm-100-disk-0.qcow2,iothread=1,size=1M\n"
    "virtio0: nfs-store:100/vm-100-disk-2.raw,size=1M\nide2: store:iso/debian.iso,media=cdrom\n"
)


def source_images(tmp_path: Path) -> None:
    images = tmp_path / "source/images/100"
    image(images / "base.qcow2", "qcow2", b"\x11")
    image(images / "vm-100-disk-0.qcow2", "qcow2", b"\x22", images / "base.qcow2")
    image(tmp_path / "nfs/images/100/vm-100-disk-2.raw", "raw", b"\x33")
    (tmp_path / "source/template/iso/debian.iso").write_bytes(b"iso" * 1024)


@pytest.mark.slow
def test_a_move_to_a_node_is_run(host: Path, node: Path, tmp_path: Path) -> None:
    source_images(tmp_path)
    text = run(*to_node(host, node, tmp_path, config(tmp_path, TWO_DISKS))).stdout
    done = execute(text, tmp_path)
    assert done.returncode == 0, done.stderr
    target = tmp_path / "target/images/100/vm-100-disk-0.qcow2"
    assert starts_with(target, "qcow2") == 0x22
    assert "backing file" not in subprocess.run(["qemu-img", "info", target], capture_output=True, text=True, check=True).stdout
    moved = (tmp_path / "configs/100.conf").read_text()
    assert moved == (
        "ide2: store:iso/debian.iso,media=cdrom\nname: web\nscsi0: store:100/vm-100-disk-0.qcow2,iothread=1\n"
        "scsihw: virtio-scsi-single\nvirtio0: nfs-store:100/vm-100-disk-2.raw,size=1M\n"
    )
    facts = bridge.HostFacts.load(node)
    assert str(target) in bridge.convert(moved, "argv", vmid=100, host=facts).text
    assert sorted(path.name for path in (tmp_path / "configs").iterdir()) == ["100.conf"]
    again = execute(text, tmp_path)
    assert again.returncode == 0
    assert again.stdout.count("done before") == 3


@pytest.mark.slow
def test_it_stops_at_the_first_error_and_goes_on_from_there(host: Path, node: Path, tmp_path: Path) -> None:
    source_images(tmp_path)
    images = tmp_path / "source/images/100"
    (images / "vm-100-disk-0.qcow2").rename(images / "gone")
    text = run(*to_node(host, node, tmp_path, config(tmp_path, TWO_DISKS))).stdout
    first = execute(text, tmp_path)
    assert first.returncode != 0
    assert "vm-100-disk-0.qcow2" in first.stderr
    assert list((tmp_path / "configs").iterdir()) == []
    (images / "gone").rename(images / "vm-100-disk-0.qcow2")
    second = execute(text, tmp_path)
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("done before") == 1  # the ISO image
    assert (tmp_path / "configs/100.conf").exists()


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(host: Path, node: Path, tmp_path: Path) -> None:
    """A stub of qemu-img that kills the script after writing half, and one that kills it after writing all."""
    source_images(tmp_path)
    text = run(*to_node(host, node, tmp_path, config(tmp_path, TWO_DISKS))).stdout
    (tools := tmp_path / "tools").mkdir()
    stub = tools / "qemu-img"
    path = f"{tools}:/usr/bin:/bin"
    for body in (
        'for last; do :; done; echo half > "$last"; kill -9 $PPID',
        '/usr/bin/qemu-img "$@"; kill -9 $PPID',
        ':; exec /usr/bin/qemu-img "$@"',
    ):
        stub.write_text(f'#!/bin/sh\n[ "$1" = convert ] || exec /usr/bin/qemu-img "$@"\n{body}\n')
        stub.chmod(0o755)
        done = execute(text, tmp_path, PATH=path)
        finals = [file for file in (tmp_path / "target").rglob("*") if file.is_file() and file.suffix != ".part"]
        assert all(b"half" not in file.read_bytes()[:4] for file in finals)
    assert done.returncode == 0, done.stderr
    assert starts_with(tmp_path / "target/images/100/vm-100-disk-0.qcow2", "qcow2") == 0x22
    assert list((tmp_path / "target").rglob("*.part")) == []


@pytest.mark.slow
def test_what_it_did_not_make_is_not_overwritten(host: Path, node: Path, tmp_path: Path) -> None:
    source_images(tmp_path)
    text = run(*to_node(host, node, tmp_path, config(tmp_path, TWO_DISKS))).stdout
    theirs = tmp_path / "target/images/100/vm-100-disk-0.qcow2"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    done = execute(text, tmp_path)
    assert (done.returncode, theirs.read_text()) == (1, "theirs")
    assert f"error: {theirs} is there already, and not from this plan" in done.stderr
    theirs.unlink()
    (tmp_path / "configs/100.conf").write_text("theirs")
    assert execute(text, tmp_path).returncode == 1
    assert (tmp_path / "configs/100.conf").read_text() == "theirs"


@pytest.mark.slow
def test_a_storage_that_is_missing_is_added(host: Path, tmp_path: Path) -> None:
    source_images(tmp_path)
    (tools := tmp_path / "tools").mkdir()
    (tools / "pvesm").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n[ "$1" = add ]\n')
    (tools / "pvesm").chmod(0o755)
    (tmp_path / "configs").mkdir()
    (empty := tmp_path / "empty").mkdir()
    text = "name: web\nscsi0: store:100/vm-100-disk-0.qcow2\n"
    arguments = ["--to", "qemu-server", "--host", host, "--to-host", empty, "--to-storage", "new", "--config-dir", tmp_path / "configs"]
    refused = run(*arguments, config(tmp_path, text))
    assert (refused.exit_code, "the node has no storage 'new'" in refused.output) == (1, True)
    result = run(*arguments, "--to-path", tmp_path / "target", config(tmp_path, text))
    done = execute(result.stdout, tmp_path, PATH=f"{tools}:/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "said").read_text() == f"status --storage new\nadd dir new --path {tmp_path}/target --content images,iso\n"
    assert "scsi0: new:100/vm-100-disk-0.qcow2" in (tmp_path / "configs/100.conf").read_text()


@pytest.mark.slow
def test_an_iso_image_that_two_vms_use_is_copied_once(host: Path, node: Path, tmp_path: Path) -> None:
    (tmp_path / "source/template/iso/debian.iso").write_bytes(b"iso" * 1024)
    files = [config(tmp_path, f"name: vm{vmid}\nide2: store:iso/debian.iso,media=cdrom\n", vmid) for vmid in (100, 101)]
    for arguments in (to_node(host, node, tmp_path, *files), ["--to", "libvirt", "--host", host, *files]):
        steps = [step["id"] for vm in planned(*arguments)["vms"] for step in vm["steps"]]
        assert steps.count("iso-debian.iso") == 1
        assert len(steps) == len(set(steps))
    done = execute(run(*to_node(host, node, tmp_path, *files)).stdout, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "target/template/iso/debian.iso").read_bytes() == b"iso" * 1024
    assert sorted(path.name for path in (tmp_path / "configs").iterdir()) == ["100.conf", "101.conf"]


def test_only_directories_are_copied_to(host: Path, node: Path, tmp_path: Path) -> None:
    arguments = ["--to", "qemu-server", "--host", host, "--to-host", node, "--to-storage", "thin", config(tmp_path)]
    result = run(*arguments)
    assert (result.exit_code, "a plan copies to directories; name one of type dir, nfs or cifs" in result.output) == (1, True)


@pytest.mark.slow
def test_a_bridge_that_the_node_lacks_stops_it(host: Path, node: Path, tmp_path: Path) -> None:
    text = "name: web\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr4093\n"
    done = execute(run(*to_node(host, node, tmp_path, config(tmp_path, text))).stdout, tmp_path)
    assert (done.returncode, list((tmp_path / "configs").iterdir())) == (1, [])
    assert "this node has no bridge vmbr4093" in done.stderr


@pytest.mark.slow
def test_a_domain_comes_to_a_node(node: Path, tmp_path: Path) -> None:
    """A file that is on none of its storages is copied; one on a storage of the node stays."""
    image(disk := tmp_path / "disk.qcow2", "qcow2", b"\x44")
    (tmp_path / "nfs/images/300").mkdir(parents=True)
    image(stays := tmp_path / "nfs/images/300/vm-300-disk-0.raw", "raw", b"\x55")
    xml = tmp_path / "a.xml"
    xml.write_text(
        "<domain type='kvm'><name>a</name><memory>65536</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os><devices>"
        f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>"
        f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{stays}'/><target dev='vdb' bus='virtio'/></disk>"
        "</devices></domain>"
    )
    arguments = [
        "--to",
        "qemu-server",
        "--to-host",
        node,
        "--to-storage",
        "store",
        "--config-dir",
        tmp_path / "configs",
        "--vmid",
        300,
        xml,
    ]
    done = execute(run(*arguments).stdout, tmp_path)
    assert done.returncode == 0, done.stderr
    moved = (tmp_path / "configs/300.conf").read_text()
    assert "virtio0: store:300/vm-300-disk-0.qcow2" in moved
    assert "virtio1: nfs-store:300/vm-300-disk-0.raw" in moved
    assert starts_with(tmp_path / "target/images/300/vm-300-disk-0.qcow2", "qcow2") == 0x44


TO_NODE = "qemu-server"
DIRECTORIES = {"--images": "libvirt", "--via": "libvirt", "--to-path": TO_NODE, "--config-dir": TO_NODE, "--swtpm-dir": TO_NODE}
RELATIVE = "is a relative path, which is another one wherever it is read: begin it with /"


def refused_directory(tmp_path: Path, option: str, said: str) -> str:
    (tmp_path / "100.conf").write_text("memory: 512\nname: a\nscsi0: local:100/vm-100-disk-0.qcow2,size=1G\n")
    new = ("--to-storage", "new") if option == "--to-path" else ()
    done = run("--to", DIRECTORIES[option], *new, option, said, tmp_path / "100.conf")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    return done.stderr


@pytest.mark.parametrize("option", DIRECTORIES)
@pytest.mark.parametrize(
    ("said", "problem"), [("images", RELATIVE), ("../images", RELATIVE), ("", "is empty"), ("/srv/../x", "has .. in it")]
)
def test_a_directory_that_depends_on_where_one_stands_got_into_the_plan(tmp_path: Path, option: str, said: str, problem: str) -> None:
    assert refused_directory(tmp_path, option, said).startswith(f"error: {option}: '{said}' {problem}")


@pytest.mark.parametrize("option", ["--images", "--to-path"])
@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("/", "has no room for images of its own"),
        ("//", "has no room for images of its own"),
        ("/etc", "is in a directory that holds no images"),
        ("/dev", "is for devices, not for images"),
        ("/dev/shm/", "is for devices, not for images"),
        ("/srv/a,b", "has a comma or blanks at its ends, which a config cannot hold"),
    ],
)
def test_a_directory_without_room_for_images_was_blamed_on_the_config(tmp_path: Path, option: str, said: str, problem: str) -> None:
    assert refused_directory(tmp_path, option, said) == f"error: {option}: '{said}' {problem}: name another directory\n"


def test_a_directory_with_slashes_at_its_end_is_one_all_the_same(tmp_path: Path) -> None:
    file = config(tmp_path, "name: a\nscsi0: local:100/vm-100-disk-0.qcow2\n")
    assert planned("--to", "libvirt", "--images", "//srv//images/", file)["vms"][0]["steps"][1]["makes"] == "/srv/images/a-scsi0.qcow2"
    words = ("--to", TO_NODE, "--to-storage", "new", "--to-path", "/srv/new//", "--config-dir", "/srv/./configs/", "--copy", "local")
    there = planned(*words, file)
    assert [step["makes"] for step in there["vms"][0]["steps"]] == ["/srv/new/images/100/vm-100-disk-0.qcow2", "/srv/configs/100.conf"]


def test_a_storage_that_can_have_no_such_name_was_blamed_on_the_config(tmp_path: Path) -> None:
    done = run("--to", "qemu-server", "--to-storage", "my images", "--to-path", "/srv/new", config(tmp_path, "name: a\n"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: --to-storage: 'my images' is not the id of a storage: ")


@pytest.mark.parametrize("to", ["libvirt", TO_NODE])
def test_what_input_and_config_both_make_a_plan_tell_was_told_twice(to: str, tmp_path: Path) -> None:
    """And the line of a config that nobody has was told as one of the XML."""
    config(tmp_path, "name: a\niothreads: 2\nscsihw: virtio-scsi-single\nscsi0: local:100/vm-100-disk-0.raw,iothread=1\n")
    (tmp_path / "a.xml").write_text(bridge.convert((tmp_path / "100.conf").read_text(), "xml", vmid=100).text)
    for file in ("100.conf", "a.xml"):
        [vm] = planned("--to", to, tmp_path / file)["vms"]
        told = [(kind, message) for kind, _, _, message, *_ in vm["findings"]]
        assert [message for kind, message in told if kind == "not-applied"] != []
        assert len(told) == len(set(told))
        assert [where for _, _, where, *_ in vm["findings"] if re.search(r"a\.xml:[0-9]", where)] == []


def disk_of(path: str, target: str = "vda") -> str:
    driver = "<driver name='qemu' type='qcow2'/>"
    return f"<disk type='file' device='disk'>{driver}<source file='{path}'/><target dev='{target}' bus='virtio'/></disk>"


@pytest.mark.parametrize("to", ["libvirt", TO_NODE])
def test_a_disk_that_the_plan_copies_was_to_be_copied_by_hand(to: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(DOMAIN.format(name="a", more=disk_of("/srv/a.qcow2") + disk_of("/srv/b.qcow2", "vdb")))
    plan = planned("--to", to, "--vmid", 200, tmp_path / "a.xml")
    [vm] = plan["vms"]
    assert len([step for step in vm["steps"] if step["kind"] == "image"]) == 2
    assert [message for kind, _, _, message, *_ in vm["findings"] if kind in ("storage-unknown", "import-needed")] == []


def test_a_script_begins_with_ten_lines_of_findings_at_most_and_the_worst_first() -> None:
    done = run("--to", TO_NODE, "--vmid", 200, "--bridge", "default=vmbr0", Path(__file__).parents[1] / "samples/workstation.xml")
    heading = done.stdout.partition("# --- VM 200")[2].partition("\ncheck ")[0].partition("\nif ")[0]
    said = [line.split(":")[0].removeprefix("# ") for line in heading.splitlines()[1:] if not line.startswith("# not copied")]
    assert said[-1] == "virt-qm plan -v lists all there is to know of it, --as json too"
    assert said[:-1] == sorted(said[:-1], key=["guest", "data", "host", "note"].index)
    assert 3 < len(said) <= 10


@pytest.mark.parametrize(
    "line", ["scsi0: x:vm-100-disk-0", "virtio1: local:100/vm-100-disk-0.raw,nonsense=1", "net0: virtio=no-address", "memory: lots"]
)
def test_a_disk_whose_line_is_bad_was_left_behind_without_a_word(line: str, tmp_path: Path) -> None:
    """A conversion refuses the file; the plan moved the rest of the VM. From node to node it is what qemu-server starts there, too."""
    file, told = config(tmp_path, f"name: a\n{line}\n"), f"vm 100 - unable to parse value of '{line.split(':')[0]}'"
    done = run("--to", "libvirt", file)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"100.conf:2: {told}" in done.stderr
    [vm] = planned("--to", TO_NODE, file)["vms"]
    assert [severity for _, severity, _, message, *_ in vm["findings"] if message.startswith(told)] == ["guest"]


@pytest.mark.parametrize("to", ["libvirt", TO_NODE])
def test_a_line_that_nobody_knows_is_told_by_a_plan_too(to: str, tmp_path: Path) -> None:
    [vm] = planned("--to", to, config(tmp_path, "name: a\nno-such-key: 1\n"))["vms"]
    assert [where.rpartition("/")[2] for kind, _, where, *_ in vm["findings"] if kind == "bad-line"] == ["100.conf:2"]
