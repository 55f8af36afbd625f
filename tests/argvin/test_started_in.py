"""`started_in`: relative paths of a command line are where QEMU would find them, and nothing else of the line is another."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import bridge
from bridge.cli import main

LINES = [
    "-drive file={}disk.qcow2,if=virtio",
    "-hda {}disk.img -cdrom {}iso/install.iso",
    "-blockdev driver=qcow2,node-name=a,file.driver=file,file.filename={}a.qcow2 -device virtio-blk-pci,drive=a",
    '-blockdev \'{{"driver":"raw","node-name":"a","file":{{"driver":"file","filename":"{}a.raw"}}}}\' -device virtio-blk-pci,drive=a',
    "-drive if=pflash,format=raw,unit=0,readonly=on,file={}code.fd -drive if=pflash,format=raw,unit=1,file={}vars.fd",
    "-kernel {}vmlinuz -initrd {}initrd.img -append 'root=/dev/vda file=x'",
    "-m 64 {}disk.img",
]


@pytest.mark.parametrize("to", ["conf", "xml"])
@pytest.mark.parametrize("before", ["", "env LC_ALL=C taskset -c 0 "])
@pytest.mark.parametrize("program", ["qemu-system-x86_64 ", ""])
@pytest.mark.parametrize("line", LINES)
def test_a_relative_path_is_the_whole_one(line: str, program: str, before: str, to: bridge.Format) -> None:
    if not program and (before or not line.startswith("-")):
        program = "qemu-system-x86_64 "
    blanks = line.count("{}")
    relative = bridge.convert(before + program + line.format(*[""] * blanks), to, "argv", started_in="/srv/vms", args=True)
    whole = bridge.convert(before + program + line.format(*["/srv/vms/"] * blanks), to, "argv", args=True)
    assert relative.text == whole.text
    assert relative.findings == whole.findings
    assert "/srv/vms/" in relative.text


@pytest.mark.parametrize("line", ["-hda /images/a.img", "-drive file=nbd://host/x,if=virtio", "-cdrom https://host/a.iso", "-m 64"])
def test_what_is_not_relative_stays(line: str) -> None:
    line = f"qemu-system-x86_64 {line}"
    assert bridge.convert(line, "conf", started_in="/srv/vms").text == bridge.convert(line, "conf").text


@pytest.mark.parametrize("directory", ["vms", "", "./x", "~/vms"])
def test_a_directory_that_is_relative_itself_is_refused(directory: str) -> None:
    with pytest.raises(bridge.BridgeError, match="is not absolute"):
        bridge.convert("qemu-system-x86_64 -hda a.img", "conf", started_in=directory)


@pytest.mark.parametrize("directory", ["/srv/../etc", "/etc", "/srv//vms"])
def test_a_directory_leads_nowhere_that_a_path_may_not(directory: str) -> None:
    with pytest.raises(bridge.BridgeError, match="write it in full"):
        bridge.convert("qemu-system-x86_64 -hda shadow", "conf", started_in=directory)


@pytest.mark.parametrize("line", ["-hda ~/a.img", "-drive file=~/a.img,if=virtio", "-kernel ~root/vmlinuz"])
def test_a_home_is_not_guessed(line: str) -> None:
    with pytest.raises(bridge.BridgeError, match="whose home ~ stands for"):
        bridge.convert(f"qemu-system-x86_64 {line}", "conf", "argv", started_in="/srv")


def test_a_tilde_within_a_name_is_one() -> None:
    assert "/srv/a~.img" in bridge.convert("qemu-system-x86_64 -hda a~.img", "conf", "argv", started_in="/srv").text


def test_the_other_formats_do_not_look_at_it() -> None:
    assert bridge.convert("memory: 64\n", "xml", "conf", started_in="/srv").text == bridge.convert("memory: 64\n", "xml", "conf").text


def run(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "run.sh"
    file.write_text("qemu-system-x86_64 -m 64 -drive file=disk.img,format=raw,if=virtio\n")
    return file


def test_the_command_takes_a_directory_as_the_shell_does(script: Path) -> None:
    code, out, _ = run("to-conf", script, "--started-in", ".", "--report", "none")
    assert code == 0
    assert f"virtio0: {script.parent}/disk.img" in out


def test_a_directory_of_another_host_need_not_be_here(script: Path) -> None:
    code, out, _ = run("to-xml", script, "--started-in", "/elsewhere/vms", "--report", "none")
    assert code == 0
    assert '<source file="/elsewhere/vms/disk.img"/>' in out


def test_several_scripts_share_it(script: Path) -> None:
    other = script.with_name("other.sh")
    other.write_text(script.read_text())
    assert run("to-conf", script, other, "--started-in", "/srv", "-o", script.parent / "out", "--report", "none")[0] == 0
    assert ["/srv/disk.img" in file.read_text() for file in (script.parent / "out").glob("*.conf")] == [True, True]


def test_without_it_a_relative_path_names_the_option(script: Path) -> None:
    code, out, err = run("to-conf", script)
    assert (code, out) == (1, "")
    assert "--started-in" in err


@pytest.mark.parametrize(("words", "said"), [(["--pid", "1"], "--pid knows"), (["a.sh"], "is empty")])
def test_where_it_says_nothing_it_is_refused(words: list[str], said: str) -> None:
    code, _, err = run("to-conf", *words, "--started-in", "" if said == "is empty" else "/srv")
    assert code == 2
    assert said in err
