"""`to-conf --hook`: what pins a domain names thread by thread, a hookscript puts back on a QEMU that runs."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import bridge
from bridge.cli import main
from bridge.operations.hookscript import script
from tests.embed.qemu import Qemu

LAST = (os.cpu_count() or 1) - 1
XML = """
<domain type='qemu'><name>a</name><memory unit='MiB'>128</memory><vcpu>2</vcpu><iothreads>2</iothreads>
<cputune><vcpupin vcpu='0' cpuset='0'/><vcpupin vcpu='1' cpuset='{last}'/><emulatorpin cpuset='0'/>
<iothreadpin iothread='1' cpuset='{last}'/><iothreadpin iothread='2' cpuset='0'/></cputune>
<os><type arch='x86_64' machine='pc-i440fx-10.0'>hvm</type></os>
<devices>
<disk type='file' device='disk'><driver name='qemu' type='raw' iothread='2'/><source file='/var/lib/vz/images/100/vm-100-disk-0.raw'/>
<target dev='vda' bus='virtio'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw' iothread='1'/><source file='/var/lib/vz/images/100/vm-100-disk-1.raw'/>
<target dev='vdb' bus='virtio'/></disk>
<memballoon model='none'/></devices></domain>
"""


@pytest.fixture
def xml() -> str:
    return XML.format(last=LAST)


def test_each_thread_has_the_pin_of_the_thread_whose_work_it_does(xml: str) -> None:
    result = bridge.convert(xml, "conf", "xml", vmid=100)
    assert result.pins == {
        "vcpu0": "0-0", "vcpu1": str(LAST), "emulator": "0-0", "iothread-virtio0": "0", "iothread-virtio1": str(LAST),
    }  # fmt: skip


def test_a_pool_is_pinned_by_rank() -> None:
    xml = re.sub(r"<vcpupin[^>]*>|<emulatorpin[^>]*>", "", XML.format(last=3))
    xml = xml.replace("iothread='2'/><source", "><iothreads><iothread id='1'/><iothread id='2'/></iothreads></driver><source")
    xml = xml.replace(" type='raw' iothread='1'/>", " type='raw'><iothreads><iothread id='1'/><iothread id='2'/></iothreads></driver>")
    xml = xml.replace(" type='raw' >", " type='raw'>")
    result = bridge.convert(xml, "conf", "xml", vmid=100, host=bridge.HostFacts(qemu_server="rfc-iothreads"))
    assert "iothreads: 2" in result.text
    assert result.pins == {"iothread0": "3", "iothread1": "0"}


def test_the_same_pins_for_all_need_no_hook() -> None:
    xml = re.sub(r"cpuset='[^']*'", "cpuset='0-1'", XML.format(last=1))
    result = bridge.convert(xml, "conf", "xml", vmid=100)
    assert "affinity: 0-1" in result.text
    assert result.pins == {}


def test_the_hookscript_pins_the_threads_of_a_running_vm(
    xml: str, tmp_path: Path, qemu_start: Callable[[list[str]], Qemu]
) -> None:
    domain, hook, conf = tmp_path / "100.xml", tmp_path / "hook.sh", tmp_path / "100.conf"
    domain.write_text(xml)
    result = CliRunner().invoke(main, ["to-conf", str(domain), "--hook", str(hook), "-o", str(conf)])
    assert result.exit_code == 0, result.output
    host = bridge.HostFacts(qemu_version="10.0.2")
    qemu = qemu_start(bridge.convert(conf.read_text(), "argv", "conf", vmid=100, host=host).argv or [])
    lines = hook.read_text().replace('"/var/run/qemu-server/$1.qmp"', str(qemu.socket))
    hook.write_text(lines.replace("exec virt-qm", f"exec {os.sys.executable} -m bridge"))  # type: ignore[attr-defined]
    assert subprocess.run([hook, "100", "pre-start"], check=True, capture_output=True).stdout == b""
    assert subprocess.run([hook, "999", "post-start"], check=True, capture_output=True).stdout == b""
    subprocess.run([hook, "100", "post-start"], check=True, capture_output=True)
    threads = {thread["id"]: thread["thread-id"] for thread in qemu.qmp("query-iothreads")}
    threads |= {f"vcpu{cpu['cpu-index']}": cpu["thread-id"] for cpu in qemu.qmp("query-cpus-fast")}
    threads["emulator"] = qemu.pid
    for name, cpus in bridge.convert(xml, "conf", "xml", vmid=100).pins.items():
        assert os.sched_getaffinity(threads[name]) == {int(cpus.split("-")[0])}


def test_the_script_is_quoted() -> None:
    text = script({"vcpu0": "0;reboot"}, 100, "a b.sh")
    assert "--set 'vcpu0=0;reboot'" in text
    assert subprocess.run(["sh", "-n"], input=text.encode(), check=False).returncode == 0


ODD = "a\nfoo; touch made\rb\x1b[2J\u2028c$(touch made)`touch made`'\"\\"


def test_no_name_writes_a_line_of_shell(tmp_path: Path) -> None:
    """A newline in the name of the file ended the comment that it stands in."""
    plain = script({"vcpu0": "0"}, 100, "hook.sh").split("\n")
    for name, pins in ((ODD, {"vcpu0": "0"}), ("hook.sh", {ODD: ODD})):
        text = script(pins, 100, name)
        if name == ODD:
            assert len(text.split("\n")) == len(plain)
        (tmp_path / "virt-qm").write_text('#!/bin/sh\nprintf "%s|" "$@" > said\n')
        (tmp_path / "virt-qm").chmod(0o755)
        subprocess.run(["sh", "-c", text, "hook", "100", "post-start"], check=True, cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
        [(thread, cpus)] = pins.items()
        said = (tmp_path / "said").read_bytes().decode()
        assert said == f"pin|--qmp|/var/run/qemu-server/100.qmp|--set|{thread}={cpus}|"
        assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", ["hook\ntouch made", "hook\r", "hook\x1b[2J", "hook\u2028", "\u202ehook"])
def test_a_hook_of_an_odd_name_is_refused_before_anything_is_written(xml: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "100.xml").write_text(xml)
    domain, conf = tmp_path / "100.xml", tmp_path / "100.conf"
    result = CliRunner().invoke(main, ["to-conf", str(domain), "--hook", str(tmp_path / name), "-o", str(conf)])
    assert result.exit_code == 2
    assert "is not a name for a file of snippets" in result.stderr
    assert result.stderr.replace("\n", "").isprintable()
    assert [path.name for path in tmp_path.iterdir()] == ["100.xml"]
