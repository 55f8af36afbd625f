"""`virt-qm plan` of command lines: to libvirt the machine as it stands, to qemu-server by a config; the scripts are run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

import bridge
from tests.test_plan import execute, host, image, node, planned, run, starts_with  # noqa: F401  fixtures

MONITOR = "socket,id=qmp,path=/var/run/qemu-server/100.qmp,server=on,wait=off"
OWN = f"/usr/bin/kvm -id 100 -name vm100 -chardev {MONITOR} -m 512 -machine type=pc+pve0"


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """A script of somebody's with a disk, an ISO image, flash and a kernel."""
    image(tmp_path / "disk.qcow2", "qcow2", b"\x44")
    for name, content in (("boot.iso", b"iso"), ("vars.fd", bytes(1 << 10)), ("bzImage", b"kernel"), ("initrd.img", b"initrd")):
        (tmp_path / name).write_bytes(content * 512)
    file = tmp_path / "web.sh"
    file.write_text(
        f"#!/bin/sh\nDIR={tmp_path}\nexec qemu-system-x86_64 -name web -M q35 -m 1G -nodefaults"
        " -kernel $DIR/bzImage -initrd $DIR/initrd.img"
        " -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd -drive if=pflash,format=raw,file=$DIR/vars.fd"
        " -drive file=$DIR/disk.qcow2,if=virtio,format=qcow2 -cdrom $DIR/boot.iso -drive file=nbd://h/x,if=virtio,format=raw"
        " -nic bridge,br=vmbr0,model=virtio-net-pci,mac=52:54:00:00:00:01 -virtfs local,path=/srv/share,security_model=none,mount_tag=s\n"
    )
    return file


def domain_of(plan: Any, step: str) -> etree._Element:
    return etree.fromstring(next(each["document"] for each in plan["vms"][0]["steps"] if each["id"] == step))


def without_files(root: etree._Element) -> str:
    for node_ in root.iter("source", "kernel", "initrd", "uuid"):
        node_.attrib.clear()
        node_.text = None
    text: bytes = etree.tostring(root, method="c14n2", strip_text=True)  # type: ignore[call-overload]
    return text.decode()


def test_to_libvirt_the_machine_moves_as_it_stands(line: Path) -> None:
    plan = planned("--to", "libvirt", "--images", "/srv/images", line)
    (vm,) = plan["vms"]
    assert [step["id"] for step in vm["steps"]] == [
        *("bridge-vmbr0", "iso-boot.iso", "web-vda", "web-nvram", "web-kernel", "web-initrd", "web-define"),
    ]
    assert [step["kind"] for step in vm["steps"]][2:6] == ["image", "variables", "image", "image"]
    root = domain_of(plan, "web-define")
    alone = etree.fromstring(bridge.convert(line.read_bytes(), "xml", "argv").text)
    assert root.find("uuid") is not None
    root.remove(root.find("uuid"))  # type: ignore[arg-type]
    files = [source.get("file") for source in root.iter("source") if source.get("file")]
    assert files == ["/srv/images/web-nvram.raw", "/srv/images/boot.iso", "/srv/images/web-vda.qcow2"]
    assert (root.findtext("os/kernel"), root.findtext("os/initrd")) == ("/srv/images/web-kernel", "/srv/images/web-initrd")
    assert without_files(root) == without_files(alone)
    assert len(vm["stays"]) == 3
    assert [part in "\n".join(vm["stays"]) for part in ("vdb: x", "/srv/share", "OVMF_CODE_4M.fd")] == [True] * 3


def test_its_findings_are_those_of_to_xml(line: Path) -> None:
    said = {finding[3] for finding in planned("--to", "libvirt", line)["vms"][0]["findings"]}
    assert said == {finding.message for finding in bridge.convert(line.read_bytes(), "xml", "argv").findings}


def test_another_format_and_a_chain_that_is_flattened(line: Path, tmp_path: Path) -> None:
    image(tmp_path / "top.qcow2", "qcow2", b"\x55", tmp_path / "disk.qcow2")
    nodes = (
        '{"driver":"qcow2","node-name":"b","file":{"driver":"file","filename":"%s/disk.qcow2"}}',
        '{"driver":"qcow2","node-name":"t","backing":"b","file":{"driver":"file","filename":"%s/top.qcow2"}}',
    )
    words = " ".join(f"-blockdev '{each % tmp_path}'" for each in nodes)
    line.write_text(f"qemu-system-x86_64 -name web -nodefaults {words} -device virtio-blk-pci,drive=t\n")
    images = tmp_path / "images"
    arguments = ("--to", "libvirt", "--images", images, "--image-format", "raw", line)
    root = domain_of(planned(*arguments), "web-define")
    assert root.find("devices/disk/backingStore") is None
    assert root.find("devices/disk/driver").get("type") == "raw"  # type: ignore[union-attr]
    (stubs := tmp_path / "stubs").mkdir()
    (stubs / "virsh").write_text('#!/bin/sh\ncat > "$DEFINED"\n')
    (stubs / "virsh").chmod(0o755)
    done = execute(run(*arguments).stdout, tmp_path, PATH=f"{stubs}:/usr/bin:/bin", DEFINED=str(tmp_path / "defined"))
    assert done.returncode == 0, done.stderr
    assert (images / "web-vda.raw").read_bytes()[0] == 0x55
    assert etree.parse(tmp_path / "defined").findtext("name") == "web"


def test_a_line_of_qemu_servers_own_moves_by_its_config(host: Path, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "100.cmd").write_text(OWN)
    plan = planned("--to", "libvirt", "--host", host, tmp_path / "100.cmd")
    assert domain_of(plan, "vm100-define").find("metadata") is not None


def test_to_a_node_the_images_become_volumes(line: Path, node: Path, tmp_path: Path) -> None:  # noqa: F811
    arguments = ["--to", "qemu-server", "--to-host", node, "--to-storage", "store", "--config-dir", tmp_path / "configs", "--vmid", 300]
    text = line.read_text().replace("br=vmbr0", "br=lo").replace(" -drive file=nbd://h/x,if=virtio,format=raw", "")
    line.write_text(text)
    done = execute(run(*arguments, line).stdout, tmp_path)
    assert done.returncode == 0, done.stderr
    config = (tmp_path / "configs/300.conf").read_text()
    assert "efidisk0: store:300/vm-300-disk-" in config
    assert "ide1: store:300/vm-300-disk-0.raw,media=cdrom" in config
    key = next(row for row in config.splitlines() if row.startswith("virtio0: "))
    volume = key.removeprefix("virtio0: store:").partition(",")[0]
    assert starts_with(tmp_path / "target/images" / volume, "qcow2") == 0x44


def test_two_lines_without_an_id_are_both_defined(line: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.cmd"
    other.write_text("qemu-system-x86_64 -name other -nodefaults")
    plan = planned("--to", "libvirt", line, other)
    assert [vm["steps"][-1]["id"] for vm in plan["vms"]] == ["web-define", "other-define"]
