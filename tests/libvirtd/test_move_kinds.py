"""More than twenty VMs, of every kind of disk, firmware, card and display, moved by a plan: from a config to a libvirt host, and from
there to a node. Both scripts run with the real virsh, qemu-img and swtpm; what can start here starts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result

import bridge
from bridge.argv.read import read
from bridge.cli import main
from bridge.guest.compare import compare
from bridge.guest.tree import tree
from tests.boot.images import FIRMWARE, manufactured
from tests.libvirtd.daemon import Daemon
from tests.libvirtd.store import Store
from tests.libvirtd.test_plan import execute

pytestmark = pytest.mark.slow

VMID = 300
COMMON = "kvm: 0\nmemory: 128\n"
CACHE = "cache=writeback,aio=threads"


class Move(NamedTuple):
    """`starts`: on a machine without cards, bridges and KVM."""

    text: str
    starts: bool = True


def drive(name: str, more: str = "") -> str:
    return f"store:{VMID}/vm-{VMID}-{name},{CACHE}{more}"


MOVES = {
    "virtio-raw": Move(f"virtio0: {drive('disk-0.raw', ',serial=AB%201')}\nboot: order=virtio0\n"),
    "virtio-qcow2": Move(f"virtio0: {drive('disk-0.qcow2', ',discard=on,iothread=1')}\nvirtio1: {drive('disk-1.raw', ',iothread=1')}\n"),
    "scsi-single": Move(
        f"scsihw: virtio-scsi-single\nscsi0: {drive('disk-0.qcow2', ',iothread=1,ssd=1')}\n"
        f"scsi3: {drive('disk-1.raw', ',wwn=0x5000c500a1b2c3d4')}\n"
    ),
    "scsi-pool": Move(f"iothreads: 2\nscsihw: virtio-scsi-single\nscsi0: {drive('disk-0.raw', ',iothread=1')}\n"),
    "lsi": Move(f"scsi0: {drive('disk-0.raw')}\nscsi1: {drive('disk-1.qcow2')}\n"),
    "pvscsi": Move(f"scsihw: pvscsi\nscsi0: {drive('disk-0.raw', ',product=Disk')}\n"),
    "megasas": Move(f"scsihw: megasas\nscsi0: {drive('disk-0.raw')}\n"),
    "ide": Move(f"ide0: {drive('disk-0.raw', ',model=OLD%20DISK')}\nide2: store:iso/tools.iso,media=cdrom\nide3: none,media=cdrom\n"),
    "sata": Move(f"machine: q35\nsata0: {drive('disk-0.qcow2')}\nsata5: store:iso/tools.iso,media=cdrom\n"),
    "cloud-init": Move(
        f"scsihw: virtio-scsi-pci\nscsi0: {drive('disk-0.raw')}\nide2: store:{VMID}/vm-{VMID}-cloudinit.qcow2,media=cdrom\nciuser: me\n"
    ),
    "limits": Move(f"virtio0: {drive('disk-0.raw', ',mbps_rd=10,iops_wr=100,backup=0,replicate=0')}\n"),
    "ovmf": Move(f"bios: ovmf\nefidisk0: store:{VMID}/vm-{VMID}-efi-0.raw,efitype=4m,size=528K\nvirtio0: {drive('disk-1.raw')}\n"),
    "ovmf-tpm": Move(
        f"machine: q35\nbios: ovmf\nefidisk0: store:{VMID}/vm-{VMID}-efi-0.raw,efitype=4m,size=528K\n"
        f"tpmstate0: store:{VMID}/vm-{VMID}-tpm-1.raw,version=v2.0,size=4M\nostype: win11\nsata0: {drive('disk-2.raw')}\n"
    ),
    "cards": Move(
        "net0: virtio=BC:24:11:00:00:01\nnet1: e1000=BC:24:11:00:00:02\nnet2: rtl8139=BC:24:11:00:00:03\n"
        "net3: vmxnet3=BC:24:11:00:00:04,link_down=1\nboot: order=net0;net1\n"
    ),
    "bridged": Move(
        "net0: virtio=BC:24:11:00:00:01,bridge=lo,mtu=1400,rate=5\nnet1: virtio=BC:24:11:00:00:02,bridge=lo,tag=5\n", starts=False
    ),
    "displays": Move(
        "vga: virtio\nserial0: socket\nserial1: socket\nagent: 1\nrng0: source=/dev/urandom\nwatchdog: i6300esb,action=reset\n"
    ),
    "no-display": Move("vga: serial0\nserial0: socket\nballoon: 0\ntablet: 0\nagent: 1,type=isa\n"),
    "memory": Move("memory: 1024\nnuma: 1\nsockets: 2\nhotplug: network,disk,usb,memory\ncores: 2\nvcpus: 3\n", starts=False),
    "identity": Move(
        "smbios1: uuid=5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10,serial=U04,manufacturer=QUNNRQ==,base64=1\ntablet: 0\nlocaltime: 1\n"
        "vmgenid: d0a6b5d4-3a4e-4c84-8f6e-4e5a5d0c7b02\nstartup: order=3\nonboot: 1\ntags: a;b\n"
    ),
    "old-usb": Move(
        "machine: pc-q35-6.2\nusb0: spice\nusb1: spice,usb3=1\nusb2: spice\nvga: qxl\ntablet: 1\n"
        "audio0: device=ich9-intel-hda,driver=spice\n"
    ),
    "read-only": Move(
        f"scsihw: virtio-scsi-pci\nscsi0: {drive('disk-0.raw', ',ro=1,queues=2')}\nsata1: {drive('disk-1.vmdk')}\n"
        f"virtio0: {drive('disk-2.raw', ',ro=1')}\nargs: -smbios type=11,value=x\n"
    ),
    "many": Move(
        "scsihw: virtio-scsi-pci\n"
        + "".join(f"scsi{n}: {drive(f'disk-{n}.raw')}\n" for n in range(0, 20, 6))
        + "".join(f"net{n}: virtio=BC:24:11:00:01:{n:02x}\n" for n in range(9))
    ),
    "passthrough": Move(
        f"machine: q35\nhostpci0: 0000:01:00.0,pcie=1\nusb0: host=0627:0001\nvirtio0: {drive('disk-0.raw')}\n", starts=False
    ),
}


@pytest.fixture(scope="module")
def there() -> Iterator[Daemon]:
    """The libvirt host that the VMs move to, and from there to the node."""
    daemon = Daemon()
    yield daemon
    daemon.clear()
    daemon.close()


@pytest.fixture
def place(there: Daemon) -> Iterator[Path]:
    """A directory of the user that the scripts run as."""
    directory = there.directory / "move"
    directory.mkdir()
    yield directory
    there.clear()
    for each in (directory, *(there.directory / "images").iterdir()):
        shutil.rmtree(each)


def virt_qm(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result


def volumes(store: Store, text: str) -> None:
    """Images with something in them: each begins with its own name."""
    for vmid, name in re.findall(r"store:(\d+)/(\S+?)[,\n]", text):
        template = {"efi": FIRMWARE / "OVMF_VARS_4M.fd"}.get(name.split("-")[2])
        store.volume(int(vmid), name, "1M", template)
        file = store.path / "images" / vmid / name
        if "-tpm-" in name:
            file.write_bytes(manufactured().ljust(4 << 20, b"\0"))
        elif template is None:
            write = ["qemu-io", "-f", file.suffix[1:], "-c", f"write -P {sum(name.encode()) % 255 + 1} 0 4k", str(file)]
            subprocess.run(write, check=True, capture_output=True)
    if "store:iso/" in text:
        (store.path / "template/iso").mkdir(parents=True, exist_ok=True)
        (store.path / "template/iso/tools.iso").write_bytes(b"iso" * 4096)
    store.daemon.give(store.path)


def content(path: Path) -> bytes:
    """What the guest reads."""
    flat = path.with_name("flat")
    subprocess.run(["qemu-img", "convert", "-U", "-O", "raw", path, flat], check=True)
    try:
        return flat.read_bytes()
    finally:
        flat.unlink()


def differences(a: str, b: str, host: bridge.HostFacts) -> list[str]:
    """What the guests of two configs would notice of each other."""
    one, other = (tree(read(bridge.convert(text, "argv", "conf", vmid=VMID, host=host).argv or [])) for text in (a, b))
    return [f"{each.what}: {each.a} {each.b}" for each in compare(one, other)]


def without_volumes(text: str) -> list[str]:
    """The config's lines; of a drive all but where it is and what the image says anyway."""
    return [re.sub(r"store:[^,\n]*|,size=[^,\n]*", "", line) for line in text.split("\n")]


@pytest.mark.parametrize("name", MOVES)
def test_a_vm_moves_to_libvirt_and_on_to_a_node(name: str, store: Store, there: Daemon, place: Path) -> None:
    text = bridge.rewrite_config(f"name: {name}\n{'' if 'machine' in MOVES[name].text else 'machine: pc-i440fx-10.0' + chr(10)}"
                                 f"{COMMON}{MOVES[name].text}".replace("machine: q35", "machine: pc-q35-10.0"), vmid=VMID)  # fmt: skip
    volumes(store, text)
    (place / f"{VMID}.conf").write_text(text)
    images = there.directory / "images/moved"
    facts = bridge.HostFacts.load(store.host)
    before = {file.name: content(file) for file in sorted((store.path / "images").rglob("*")) if file.is_file() and "tpm" not in file.name}
    wish = ["-c", there.uri, "--images", images, "--host", store.host, "--report", "none", "-o", place / "there.sh"]
    virt_qm("plan", "--to", "libvirt", *wish, place / f"{VMID}.conf")
    there.give(place)
    images.parent.chmod(0o777)
    done = execute(place / "there.sh")
    assert done.returncode == 0, done.stderr
    assert there.domains() == [name]
    shutil.rmtree(store.path / "images")
    if MOVES[name].starts:
        there.virsh("start", "--paused", name)
        assert there.virsh("domstate", name) == "paused"
        there.virsh("destroy", name)
    else:
        assert "<name>" in there.virsh("dumpxml", name)

    for directory in ("node", "configs"):
        (place / directory).mkdir()
    (place / "node/storage.cfg").write_text(f"dir: store\n\tpath {place}/store\n\tcontent images,iso\n")
    wish = ["--to-host", place / "node", "--to-storage", "store", "--config-dir", place / "configs", "-o", place / "node.sh"]
    virt_qm("plan", "--to", "qemu-server", "-c", there.uri, "--report", "none", "--trust-metadata", *wish, "--vmid-from", VMID, name)
    there.give(place)
    done = execute(place / "node.sh")
    assert done.returncode == 0, done.stderr
    back = (place / f"configs/{VMID}.conf").read_text()
    after = {file.name: content(file) for file in sorted((place / "store/images").rglob("*")) if file.is_file()}
    assert sorted(before.values()) == sorted(value for value in after.values() if value in before.values())
    if "tpmstate0" in text:
        state = place / "store" / "images" / re.findall(r"tpmstate0: store:([^,\n]*)", back)[0]
        assert state.read_bytes()[:4096] == manufactured()[:4096]
    assert without_volumes(back) == without_volumes(text)
    node = bridge.HostFacts.load(place / "node")
    assert differences(text, back, node if "store:" not in text else facts) == []


@pytest.fixture
def pools(place: Path) -> dict[str, str]:
    """The environment of a script whose virsh knows pools, which libvirtd here does not."""
    (place / "tools").mkdir()
    (place / "pools").mkdir()
    shutil.copy(Path(__file__).with_name("pools.py"), place / "tools/virsh")
    (place / "tools/virsh").chmod(0o755)
    return {"PATH": f"{place}/tools:{os.environ['PATH']}", "POOLS": str(place / "pools"), "HOME": str(place)}


def far(store: Store, there: Daemon, place: Path, text: str) -> Path:
    """The script that sends a VM's images through libvirt."""
    volumes(store, text)
    (place / f"{VMID}.conf").write_text(text)
    wish = ["--images", there.directory / "images/far", "--via", place / "way", "--upload", "--host", store.host, "-o", place / "there.sh"]
    virt_qm("plan", "--to", "libvirt", "-c", there.uri, "--report", "none", *wish, place / f"{VMID}.conf")
    there.give(place)
    (there.directory / "images").chmod(0o777)
    return place / "there.sh"


def test_images_go_through_libvirt_to_a_host_that_shares_no_directory(
    store: Store, there: Daemon, place: Path, pools: dict[str, str]
) -> None:
    """The way to qemu+ssh://HOST: the pool is made, its volumes are made and filled, and nothing stays on this side."""
    own = f"name: far\nmachine: pc-i440fx-10.0\n{COMMON}{MOVES['ovmf'].text}virtio1: {drive('disk-2.qcow2')}\n"
    script = far(store, there, place, bridge.rewrite_config(own, vmid=VMID))
    before = [content(file) for file in (store.path / "images").rglob("*.*") if file.is_file()]
    done = execute(script, pools)
    assert done.returncode == 0, done.stderr
    images = there.directory / "images/far"
    assert sorted(file.name for file in images.iterdir()) == ["far-efidisk0.raw", "far-virtio0.raw", "far-virtio1.qcow2"]
    assert sorted(content(file) for file in images.iterdir()) == sorted(before)
    assert list((place / "way").iterdir()) == []
    there.virsh("start", "--paused", "far")
    there.virsh("destroy", "far")
    again = execute(script, pools)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("done before") == 15  # directory, pool, four steps for each of three images, the definition


def test_a_volume_of_somebody_elses_is_not_filled(store: Store, there: Daemon, place: Path, pools: dict[str, str]) -> None:
    images = there.directory / "images/far"
    images.mkdir()
    (images / "far-virtio0.raw").write_bytes(b"theirs")
    script = far(store, there, place, f"name: far\nmachine: pc-i440fx-10.0\n{COMMON}virtio0: {drive('disk-0.raw')}\n")
    there.give(images)
    (place / "pools/far").write_text(str(images))
    done = execute(script, pools)
    assert (done.returncode, (images / "far-virtio0.raw").read_bytes()) == (1, b"theirs")
    assert "error: volume far-virtio0.raw is there already, and not from this plan" in done.stderr


def test_libvirt_keeps_the_state_of_a_tpm(store: Store, there: Daemon, place: Path) -> None:
    """Without persistent_state libvirt deletes the volume: of a transient domain when it stops, of any when it is undefined."""
    text = f"name: sealed\nmachine: pc-q35-10.0\n{COMMON}tpmstate0: store:{VMID}/vm-{VMID}-tpm-0.raw,version=v2.0\n"
    volumes(store, text)
    state = store.path / f"images/{VMID}/vm-{VMID}-tpm-0.raw"
    xml = place / "a.xml"
    xml.write_text(bridge.convert(text, "xml", "conf", vmid=VMID, host=bridge.HostFacts.load(store.host)).text)
    there.give(state)
    there.give(place)
    store.path.chmod(0o755)
    there.virsh("create", str(xml), "--paused")
    there.virsh("destroy", "sealed")
    assert state.exists()
    there.virsh("define", str(xml))
    there.virsh("start", "--paused", "sealed")
    there.virsh("destroy", "sealed")
    there.virsh("undefine", "sealed", "--nvram")
    assert state.exists()
