"""What ssh is given for a URI, and what it is never given; which images two hosts share; what a node is told. Nothing is started."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from bridge.cli.commands.move import _print_steps
from bridge.core.report import BridgeError
from bridge.operations.move import ssh, ways
from bridge.operations.move.disks import Place, over_hosts
from bridge.operations.move.node import by_hand
from bridge.operations.move.prepare import Prepared
from bridge.operations.move.request import Disk, Request
from bridge.operations.move.sides import Sides

pytestmark = pytest.mark.quick

DISK = Disk(device="scsi0", target="sda")


def request(uri: str = "qemu+ssh://root@far/system", into: bool = True, qmp: str = "/run/a.qmp", directory: str = "/tmp/m") -> Request:
    what = Request(into=into, way="protocol3", uri=uri, name="a", uuid="u", xml="<domain/>", qmp=qmp, directory=directory)
    return replace(what, disks=(DISK,), argv=("kvm",))


@pytest.mark.parametrize(
    ("uri", "words", "name"),
    [
        ("qemu+ssh://far/system", ["ssh"], "far"),
        ("qemu+ssh://root@far.example.org:2222/system", ["ssh", "-p", "2222", "-l", "root"], "far.example.org"),
        ("qemu+ssh://[fe80::1%25eth0]/session", ["ssh"], "fe80::1%eth0"),
        ("qemu+ssh://Alias/system", ["ssh"], "Alias"),
        ("qemu+ssh://far/system?keyfile=/k&command=/opt/ssh", ["/opt/ssh", "-i", "/k"], "far"),
        ("qemu+ssh://far/system?no_verify=1", ["ssh", "-o", "StrictHostKeyChecking=no"], "far"),
        ("qemu+ssh://far/system?no_verify=0", ["ssh"], "far"),
    ],
)
def test_ssh_is_called_as_libvirt_calls_it(uri: str, words: list[str], name: str) -> None:
    found = ssh.other(uri)
    assert found is not None
    assert (list(found.words), found.name) == (words, name)


@pytest.mark.parametrize("uri", ["", "qemu:///system", "qemu+unix:///session?socket=/a", "test:///default", "qemu+tcp://localhost/system"])
def test_this_host_needs_no_ssh(uri: str) -> None:
    assert ssh.other(uri) is None
    assert Sides(request(uri)).there(Path("/tmp/m/target")) == "/tmp/m/target"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("qemu+ssh://-oProxyCommand=touch%20a/system", "no host"),
        ("qemu+ssh://-far/system", "no host"),
        ("qemu+ssh://far;reboot/system", "no host"),
        ("qemu+ssh://$(reboot)/system", "no host"),
        ("qemu+ssh:///system", "no host"),
        ("qemu+ssh://-l@far/system", "no user"),
        ("qemu+ssh://%2Doa@far/system", "no user"),
        ("qemu+ssh://a%20b@far/system", "no user"),
        ("qemu+ssh://a%0Ab@far/system", "no user"),
        ("qemu+ssh://@far/system", "no user"),
        ("qemu+ssh://a@b@far:22:22/system", "not a URI"),
        ("qemu+ssh://a@b@far/system", "no user"),
        ("qemu+ssh://[far]x/system", "(not a URI|no host)"),
        ("qemu+ssh://far%0A/system", "no host"),
        ("qemu+ssh://far:x/system", "not a URI"),
        ("qemu+ssh://far/embed", "names neither /system nor /session"),
        ("qemu+tls://far/system", "over ssh alone: qemu.ssh://far/system"),
        ("qemu+libssh2://far/system", "over ssh alone"),
        ("qemu://far/system", "over ssh alone"),
    ],
)
def test_what_ssh_is_not_given(uri: str, said: str) -> None:
    with pytest.raises(BridgeError, match=said):
        ssh.other(uri)


def test_nothing_follows_the_host_but_one_word() -> None:
    """And nothing that anybody gives stands before it but behind the option that takes it."""
    found = ssh.other("qemu+ssh://root@far/system")
    assert found is not None
    tunnel = ssh.Tunnel(found, Path("/tmp/m"))
    command = tunnel.open_command()
    assert command[-3:-1] == ["--", "far"]
    assert command[-1].startswith("sh -c ")
    assert [word for word in command if word in ("-M", "-S", "/tmp/m/control")] == ["-M", "-S", "/tmp/m/control"]
    for option in ("BatchMode=yes", "ExitOnForwardFailure=yes", "ClearAllForwardings=yes", "ControlPersist=no"):
        assert command[command.index(option) - 1] == "-o"
    ends = "/run/libvirt/qemu/virt-qm-move-XXXXXXXXXX/stream"
    assert tunnel.back_command("stream")[-6:] == ["-O", "forward", "-R", f"{ends}:/tmp/m/stream", "--", "far"]


@pytest.mark.parametrize("directory", ["/tmp/a:b", "/tmp/%h", "/tmp/${HOME}", "/tmp/a b"])
def test_a_directory_that_ssh_would_take_for_another(directory: str) -> None:
    found = ssh.other("qemu+ssh://far/system?command=/none")
    assert found is not None
    with pytest.raises(BridgeError, match="TMPDIR"):
        ssh.Tunnel(found, Path(directory)).open(list)


def test_an_ssh_that_is_not_there() -> None:
    found = ssh.other("qemu+ssh://far/system?command=/none/ssh")
    assert found is not None
    with pytest.raises(BridgeError, match="/none/ssh: ssh cannot be started: No such file"):
        ssh.Tunnel(found, Path("/tmp/m")).open(list)


@pytest.mark.parametrize(("into", "ends"), [(True, ["-L", "target", "nbd"]), (False, ["-R", "stream", "nbd"])])
def test_every_command_is_printed(into: bool, ends: list[str]) -> None:
    """The step comes before any of libvirt's that needs it, and changes nothing that a later failure would have to lead back."""
    listed = ways.listed(request(into=into))
    assert [what for what, _, _ in listed].index("ssh reaches far, and forwards sockets") == 1
    master, *forwards = listed[1][1].split("\n")
    assert "mktemp -d" in master
    assert [line.split(" -O forward ")[1].split()[0] for line in forwards] == [ends[0]] * 2
    assert [name in line for name, line in zip(ends[1:], forwards, strict=True)] == [True, True]
    assert "unix:///run/libvirt/qemu/virt-qm-move-XXXXXXXXXX" in "".join(shell for _, shell, _ in listed)


def test_a_dry_run_prints_what_ssh_does_and_what_a_node_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And leaves nothing."""
    directory = tmp_path / "move"
    directory.mkdir()
    _print_steps(Prepared(request(qmp="/run/qemu-server/100.qmp", directory=str(directory)), [], []))
    said = capsys.readouterr().out
    assert "ssh -T -a -x" in said
    assert "virt-qm-move-XXXXXXXXXX/target" in said.replace("\n", "").replace(" ", "")
    assert "by hand:\n  before           ha-manager set vm:100 --state ignored" in said
    assert not directory.exists()


def test_the_end_of_ssh_is_not_taken_for_the_end_of_the_target(tmp_path: Path) -> None:
    """Else a source would run on beside a target that runs. On one host the process at the socket is QEMU's."""
    for uri, known in (("qemu+ssh://far/system", False), ("qemu:///system", True)):
        sides = Sides(request(uri, directory=str(tmp_path)))
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(sides.target))
            server.listen()
            sides.sink().close()
        sides.target.unlink()
        assert (sides.process is not None) == known
        sides.close()


def table(tmp_path: Path, kind: str) -> str:
    """A list of mounts in which all files here are on such a file system."""
    found, of = tmp_path / "mounts", tmp_path.stat().st_dev
    found.write_text(f"1 0 {of >> 8 & 0xFFF}:{of & 0xFF} / / rw shared:1 - {kind} server:/srv rw\n")
    return str(found)


def test_which_images_two_hosts_share(tmp_path: Path) -> None:
    image = tmp_path / "a.qcow2"
    image.touch()
    here, targets = {"scsi0": str(image), "scsi1": "rbd:pool/a"}, {"scsi0": Place("sda", ""), "scsi1": Place("sdb", "")}
    nfs, ext4 = table(tmp_path, "nfs4"), str(tmp_path / "ext4")
    Path(ext4).write_text(Path(nfs).read_text().replace("nfs4", "ext4"))
    assert over_hosts(here, here, targets, True, False, nfs) == ()
    assert over_hosts(here, here, targets, True, False, ext4) == (DISK,)
    assert over_hosts(here, here, targets, False, True, ext4) == ()
    with pytest.raises(BridgeError, match="on this host alone, as far as is to be seen: scsi0 is "):
        over_hosts(here, here, targets, False, False, ext4)


def test_one_image_by_two_paths_is_not_copied_into_itself(tmp_path: Path) -> None:
    image = tmp_path / "a.qcow2"
    image.touch()
    targets = {"scsi0": Place("sda", "")}
    with pytest.raises(BridgeError, match="may be the same images, or not"):
        over_hosts({"scsi0": str(image)}, {"scsi0": "/mnt/a.qcow2"}, targets, True, False, table(tmp_path, "nfs"))


def test_a_node_is_told_by_hand() -> None:
    assert by_hand(request()) == []
    into = by_hand(request(qmp="/var/run/qemu-server/100.qmp"))
    assert ("before", "qm set 100 --lock migrate") in into
    assert next(command for when, command in into if when == "after the move").startswith("qm set 100 --onboot 0 --skiplock")
    assert "qm unlock 100" not in [command for when, command in into if when != "if it fails"]
    out = by_hand(request(qmp="/run/qemu-server/100.qmp", into=False))
    assert ("after the move", "qm unlock 100") in out
