"""`virt-qm state`: from qemu-server's form to libvirt's and back, and by a guest that runs on from it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bridge.operations.move.saveimage import header, read_header
from tests.move import streams as s
from tests.move.moving import virt_qm
from tests.move.stage import Stage
from tests.processes import wait_for

XML = "<domain type='kvm'><name>a</name></domain>"


def test_there_and_back(tmp_path: Path) -> None:
    ours, theirs = s.whole(b"pc.ram", b"mem-dimm0"), s.whole(b"pc.ram", b"memdimm0")
    (tmp_path / "vmstate").write_bytes(s.whole(b"pc.ram", b"mem-dimm0", s.pbs()) + bytes(3000))
    (tmp_path / "domain.xml").write_text(XML)
    said = virt_qm(
        *("state", tmp_path / "vmstate", "--xml", tmp_path / "domain.xml", "--rename", "mem-dimm0=memdimm0", "-o", tmp_path / "image")
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert "without the section pbs-state" in said.stdout
    image = io.BytesIO((tmp_path / "image").read_bytes())
    assert read_header(image, "image") == (XML, True)
    assert image.read() == theirs + bytes(3000)
    assert virt_qm("state", tmp_path / "image", "--rename", "memdimm0=mem-dimm0", "-o", tmp_path / "back").returncode == 0
    back = (tmp_path / "back").read_bytes()
    assert back.startswith(ours + bytes(3000))
    assert len(back) % 1024 == 0
    assert len(back) - len(ours) - 3000 < 1024
    assert sorted(file.name for file in tmp_path.iterdir()) == ["back", "domain.xml", "image", "vmstate"]


BAD = {
    "no image": (b"QEVM" + bytes(200), (), "not a save image"),
    "a broken stream": (header(XML) + s.HEAD + b"\x55", (), "kind 0x55"),
    "half a stream": (header(XML) + s.whole(b"pc.ram", b"a")[:60], (), "ends in the middle"),
    "a name": (b"", ("--rename", "x"), "is not A=B"),
}


@pytest.mark.parametrize(("data", "words", "said"), BAD.values(), ids=BAD)
def test_what_is_not_a_state_is_one_line(data: bytes, words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    done = virt_qm("state", tmp_path / "file", *words, "-o", tmp_path / "out")
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    assert "is there already" in virt_qm("state", tmp_path / "out", "-o", tmp_path / "out").stderr
    assert (tmp_path / "out").read_text() == "mine"


def test_a_guest_runs_on_from_it(stage: Stage) -> None:
    """As qm suspend --todisk leaves it, into libvirt; and what virsh save leaves, into qemu-server's QEMU."""
    stage.place(inside=False)
    lab, virsh, before = stage.lab, stage.daemon.virsh, stage.console()
    assert stage.run is not None
    machine = stage.run.machine()
    machine.do("stop")
    machine.do("migrate", {"uri": f"file:{lab.directory}/vmstate"})
    wait_for(lambda: machine.migration().status == "completed", "the state")
    machine.quit()
    image = lab.directory / "image"
    done = virt_qm("state", lab.directory / "vmstate", "--xml", lab.file, "-o", image)
    assert (done.returncode, done.stderr) == (0, "")
    lab.give()
    virsh("restore", str(image))
    assert lab.state() == "running (restored)"
    stage.went_on(before)
    virsh("save", lab.name, str(lab.directory / "saved"))
    state = lab.directory / "state"
    assert virt_qm("state", lab.directory / "saved", "-o", state).returncode == 0
    back = lab.start(stage.new_name(), "-incoming", f"file:{state}")
    wait_for(lambda: back.machine().status() == "paused", "QEMU to load it")
    back.machine().do("cont")
    stage.left(stage.next)
    stage.went_on("console")
