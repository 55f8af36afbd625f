"""What is said in one place only, and rarely: lines that messages are about, names that are no text, what a plan leaves behind."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace
from typing import Any

import click
import pytest

from bridge.cli import main
from bridge.cli.commands.document import _unicode
from bridge.core.files import vmid_of, with_pins
from bridge.core.report import BridgeError, Finding
from bridge.operations import pin
from bridge.operations.define import place
from bridge.operations.importing import with_onboot
from bridge.operations.pin import _found, _some, cpu_list, cpus
from bridge.operations.plan.volume import left_behind
from bridge.qemuserver.text import parse, write


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("plain", "plain"),
        ("\u00fc", "\u00fc"),
        ("\udcff\udcc2\udc9b", "\ufffd\x9b"),
        ({"a": ["\udcff", ("\u00fc", 1)]}, {"a": ["\ufffd", ["\u00fc", 1]]}),
        (None, None),
        (7, 7),
        (True, True),
    ],
)
def test_json_holds_any_name(value: object, wanted: object) -> None:
    assert _unicode(value) == wanted


DISK = "<disk><serial>S1</serial><alias name='ua-scsi0'/></disk>"
CARD = "<interface><mac address='bc:24:11:00:00:01'/><alias name='ua-net0'/></interface>"
XML = f"<domain><devices>{DISK}{CARD}</devices></domain>"
TEXT = b"name: web\nscsi0: a:b,serial=s1\nnet0: virtio=BC:24:11:00:00:01\nnet1: virtio=BC:24:11:00:00:02,bridge=web\n"


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("unsupported 'S1'", "f:2"),
        ("MAC bc:24:11:00:00:01 is there", "f:3"),
        ("MAC BC:24:11:00:00:02", "f:4"),
        ("'web' is there", "f"),
        ("'xx' and 'S1'", "f:2"),
        ("'gone' and 'virtio'", "f"),
        ("S1", "f"),
        ("'name: web'", "f:1"),
    ],
)
def test_the_line_that_a_message_is_about(message: str, wanted: str) -> None:
    """The one whose device has the value, or the only one that has it in its text."""
    assert place("f", TEXT, XML, message) == wanted


@pytest.mark.parametrize(
    ("text", "autostart", "wanted"),
    [
        ("", False, ""),
        ("", True, "onboot: 1\n"),
        ("onboot: 0\n", False, "onboot: 0\n"),
        ("onboot: 0\n", True, "onboot: 1\n"),
        ("onboot: 1\n", True, "onboot: 1\n"),
        ("onboot: 1\n", False, ""),
        ("onboot: yes\n", True, "onboot: yes\n"),
    ],
)
def test_a_config_starts_with_its_host_as_the_domain_does(text: str, autostart: bool, wanted: str) -> None:
    assert with_onboot(text, autostart, 100) == wanted


def test_what_a_plan_leaves_behind_is_told_and_gone() -> None:
    now = "#note\nname: web\nparent: old\nunused0: store:vm-1-disk-0\n"
    text = f"{now}[PENDING]\n#other\nmemory: 64\ncores: 2\n[old]\nname: web\n[new]\nname: web\n"
    config = parse(text, vmid=100)
    assert left_behind(config) == [
        "unused0 (store:vm-1-disk-0) is not moved",
        "the snapshots new, old are not moved: the images hold the present state only",
        "pending changes are not moved: cores, memory",
    ]
    assert write(config) == "#note\nname: web\n"
    assert left_behind(config) == []


def test_a_parent_without_snapshots_stays() -> None:
    config = parse("parent: old\n", vmid=100)
    assert left_behind(config) == []
    assert write(config) == "parent: old\n"


@pytest.mark.parametrize(
    ("name", "vmid"),
    [
        ("/etc/pve/qemu-server/100.conf", 100),
        ("100", 100),
        ("a100.conf", None),
        ("0.conf", None),
        ("007.conf", 7),
        ("999999999.conf", 999999999),
        ("1000000000.conf", None),
        ("\u0661.conf", None),
        ("vzdump-qemu-100-2024_05_01-00_00_00.vma.zst", 100),
        ("vzdump-qemu-x.vma", None),
        (".conf", None),
    ],
)
def test_the_vm_that_a_file_is_named_after(name: str, vmid: int | None) -> None:
    assert vmid_of(name) == vmid


def test_pins_stand_below_a_line_as_comments() -> None:
    found = [Finding("pins", "note", "", "a on 1"), Finding("lint", "host", "", "odd"), Finding("pins", "note", "", "b on 2")]
    assert with_pins("kvm\n", found) == "kvm\n# a on 1\n# b on 2\n"


@pytest.mark.parametrize("text", ["0", "0-2", "0-2,5", "3,5,7", "1-2,4-6"])
def test_sets_of_cpus_are_written_as_they_are_read(text: str) -> None:
    assert cpu_list(cpus(text)) == text
    assert cpu_list(cpus("2,1,0")) == "0-2"
    assert cpus("x") == frozenset()


@pytest.mark.parametrize(("number", "more"), [(0, "none"), (1, ""), (20, ""), (21, ", ...")])
def test_what_a_qemu_has_is_listed_up_to_twenty_names(number: int, more: str) -> None:
    names = [f"{n:02}" + "x" * 90 for n in range(number)]
    shown = ", ".join(name[:80] for name in names[:20])
    assert _some(names) == f"{shown}{more}"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "error: the output: No space left on device\n"),
        (OSError(errno.EACCES, "Permission denied", "a\nb"), "error: a; b: Permission denied\n"),
        (OSError("odd"), "error: the output: odd\n"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), ""),
    ],
)
def test_what_cannot_be_printed_ends_a_command(
    error: OSError, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    laid: list[tuple[str, int]] = []
    with monkeypatch.context() as patched:
        patched.setattr(click.Group, "main", fails)
        patched.setattr(os, "open", lambda path, _: path)
        patched.setattr(os, "dup2", lambda one, other: laid.append((one, other)))
        with pytest.raises(SystemExit) as ended:
            main.main([])
    assert ended.value.code == 1
    assert laid == [(os.devnull, 1)]
    assert capsys.readouterr().err == said


class Monitor:
    """A QEMU with two iothreads, two CPUs and a thread more."""

    pid, path = 77, "/run/qmp"

    def __init__(self) -> None:
        self.heard: list[str] = []

    def ask(self, what: str, _: Any) -> Any:
        self.heard.append(what)
        threads = {"query-iothreads": [("io0", 1), ("io1", 2)]}.get(what)
        if threads is not None:
            return [SimpleNamespace(id=name, thread_id=thread) for name, thread in threads]
        assert what == "query-cpus-fast"
        return [SimpleNamespace(index=0, thread_id=3), SimpleNamespace(index=5, thread_id=4)]


def test_the_threads_of_a_qemu_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "_tasks", lambda _: {1, 2, 3, 4, 9, 8})
    monitor: Any = Monitor()
    assert _found(monitor, ["io0"]) == {"io0": [1], "io1": [2]}
    assert monitor.heard == ["query-iothreads"]
    assert _found(monitor, ["vcpu5", "emulator"]) == {"io0": [1], "io1": [2], "vcpu0": [3], "vcpu5": [4], "emulator": [8, 9]}
    with pytest.raises(BridgeError, match="this QEMU has no vcpu1, io2, but io0, io1, vcpu0, vcpu5, emulator: is it the VM"):
        _found(monitor, ["vcpu1", "io0", "io2"])
    monkeypatch.setattr(pin, "_tasks", lambda _: {1, 3, 4})
    with pytest.raises(BridgeError, match="io1: it says thread 2, which process 77 at its end does not have"):
        _found(monitor, ["io1"])
