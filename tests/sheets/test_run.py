"""`diff --run` with a QEMU that is played: how it is started, what it is asked, in which order, and what is made of its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import qemu.qmp
from qemu.qmp import ExecuteError

from bridge.argv.read import read
from bridge.core.report import BridgeError
from bridge.guest import firmware, run
from bridge.guest.compare import Difference
from bridge.guest.devices import Device
from bridge.guest.run import Runner, differences
from bridge.guest.tree import Tree
from tests.diff.test_seen import TREE
from tests.diff.test_tables import BASE, acpi
from tests.sheets.sheet import check

LINE = "qemu-system-x86_64 -machine q35 -cpu qemu64 -device virtio-net-pci,netdev=n,romfile=/r -netdev user,id=n -device edu"
"""With a file, which QEMU is not told."""
PROPERTIES: dict[tuple[str, str], Any] = {
    ("/machine", "type"): "pc-q35-9.2-machine", ("/machine", "x-odd"): True,
    **{("/machine", name): "noise" for name in ("memory-backend", "pcspk-audiodev", "pflash0", "pflash1", "rtc-time", "smp")},
    **{("/cpu", name): "noise" for name in ("crash-information", "feature-words", "filtered-features", "hotplugged")},
 ("/machine", "acpi"): True, ("/machine", "vmport"): "auto", ("/machine", "hpet"): False,
    ("/machine", "smm"): "auto", ("/machine", "graphics"): True, ("/cpu", "aes"): True, ("/cpu", "type"): "qemu64-x86_64-cpu", ("/cpu", "family"): 15,
}  # fmt: skip
PCI = [{"devices": [
    {"slot": 2, "function": 0, "irq": 11, "irq_pin": 1, "regions": [
        {"bar": 0, "type": "memory", "mem_type_64": True, "prefetch": True, "size": 16384, "address": 0xFE9FC000},
        {"bar": 1, "type": "io", "size": 32, "address": 0xC000}, {"bar": 6, "type": "memory", "size": 2048, "address": 7}]},
    {"slot": 30, "function": 1, "regions": [], "pci_bridge": {
        "bus": {"number": 1, "secondary": 2, "io_range": {"base": 0x1000, "limit": 0x1FFF}},
        "devices": [{"slot": 1, "function": 0, "irq": 10, "regions": []}]}},
]}]  # fmt: skip


class RefusedError(ExecuteError):
    def __init__(self, words: str) -> None:
        Exception.__init__(self, words)


class Qemu:
    """The process, and in place of a QMPClient its socket."""

    def __init__(self, words: tuple[str, ...], directory: str, says: str) -> None:
        self.words, self.directory, self.says = words, directory, says
        self.returncode = 1 if says else None
        self.heard: list[str] = []
        self.looks = 0
        self.memory = acpi().data
        self.ended = asyncio.Event()
        if says:
            self.ended.set()

    async def communicate(self) -> tuple[None, bytes]:
        await self.ended.wait()
        return None, f"qemu: warning: what a day\n{self.says}\n".encode()

    def kill(self) -> None:
        self.heard.append("killed")
        self.ended.set()

    async def execute(self, what: str, given: dict[str, Any] | None = None) -> Any:
        shown = {name: value for name, value in (given or {}).items() if name != "filename"}
        self.heard.append(" ".join((what, *(f"{name}={value}" for name, value in shown.items()))))
        try:
            return self.answer(what, given or {})
        except KeyError as error:
            raise RefusedError(str(error)) from None

    def answer(self, what: str, given: dict[str, Any]) -> Any:
        if what == "human-monitor-command":
            line = given["command-line"]
            return {
                "info qtree": TREE.replace("ich9-intel-hda", "edu"),
                "info numa": "2 nodes\n node 0 cpus: 0\n\n",
                "info registers": "RIP=1 HLT=0",
            }[line]
        if what == "qom-list":
            listed = [{"name": name, "type": "bool"} for path, name in PROPERTIES if path == given["path"]]
            return [
                *listed,
                {"name": "next", "type": "link<cpu>"},
                {"name": "unattached", "type": "child<container>"},
                {"name": "secret", "type": "string"},
            ]
        if what == "qom-get":
            return PROPERTIES[given["path"], given["property"]]
        if what == "pmemsave":
            self.looks += 1
            ready = self.looks > 2
            Path(given["filename"]).write_bytes(self.memory[given["val"] - BASE :][: given["size"]] if ready else bytes(given["size"]))
        answers: dict[str, Any] = {
            "query-cpus-fast": [{"qom-path": "/cpu"}], "query-pci": PCI,
            "query-memory-devices": [{"data": {"addr": 1 << 32, "size": 1 << 29, "node": 0, "slot": 1, "memdev": "/m", "hotplugged": False}}],
            "query-hotpluggable-cpus": [{"props": {"socket-id": 1, "core-id": 0}}, {"props": {"socket-id": 0, "core-id": 0}, "qom-path": "/cpu"}],
        }  # fmt: skip
        return answers.get(what, {})


class Client:
    """Of the QEMU that was started last."""

    started: ClassVar[list[Qemu]]

    def __init__(self, name: str) -> None:
        assert name == "virt-qm"

    async def start_server(self, path: str) -> None:
        assert path.endswith("/qmp")

    async def accept(self) -> None:
        if self.started[-1].says:
            await asyncio.Event().wait()

    async def execute(self, what: str, given: dict[str, Any] | None = None) -> Any:
        return await self.started[-1].execute(what, given)

    async def disconnect(self) -> None:
        self.started[-1].heard.append("disconnected")
        raise EOFError


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Runner, list[Qemu]]]:
    """played(says...): the runner, and the QEMUs that it will have started. Each `says` is what one dies of; empty: it lives."""
    program = tmp_path / "qemu"
    program.write_text("#!/bin/sh\nprintf 'Supported machines are:\\npc-q35-9.2  x\\nq35  y (alias of pc-q35-9.2)\\n\\n'\n")
    program.chmod(0o755)

    def make(*says: str) -> tuple[Runner, list[Qemu]]:
        started: list[Qemu] = []

        async def start(given: str, *words: str, stdin: int, stdout: int, stderr: int, cwd: str) -> Qemu:
            assert (given, stdin, stdout, stderr) == (str(program), -3, -3, -1)
            started.append(Qemu(words, cwd, (*says, *[""] * 99)[len(started)]))
            return started[-1]

        monkeypatch.setattr(qemu.qmp, "QMPClient", Client)
        monkeypatch.setattr(Client, "started", started, raising=False)
        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
        monkeypatch.setattr(run, "LOOK_EVERY", 0.0)
        monkeypatch.setattr(run, "TIME_LIMIT", 10.0)
        return Runner(str(program)), started

    return make


def flat(tree: Tree) -> Iterator[str]:
    yield from (f"{group} {name}: {value}" for group, facts in tree.facts.items() for name, value in facts.items())
    yield from (
        f"{place}: {device.driver} ({device.where}) {dict(sorted(device.properties.items()))}" for place, device in tree.devices.items()
    )
    yield from (f"note: {note}" for note in tree.notes)


def test_a_machine_is_started_asked_and_ended(played: Callable[..., Any]) -> None:
    runner, started = played()
    found = runner.tree(read(LINE), "A", (9, 2))
    (one,) = started
    words = [word.replace(one.directory, "DIR") for word in one.words]
    check("run", "a machine", [f"started: {' '.join(words)}", *one.heard, "--", *flat(found)])
    assert not Path(one.directory).exists()
    assert runner.machines == {"pc-q35-9.2", "q35"}


def test_what_this_qemu_does_not_know_is_left_out_and_told(played: Callable[..., Any]) -> None:
    says = "qemu: Property 'virtio-net-pci.speed' not found", "qemu: unable to find CPU model 'qemu64'"
    runner, started = played(*says)
    found = runner.tree(read(LINE.replace("romfile=/r", "speed=10,romfile=/r")), "A", (9, 2))
    assert [" ".join(each.words).count("speed=10") for each in started] == [1, 0, 0]
    assert [each.words[3].split(",")[0] for each in started] == ["qemu64", "qemu64", "max"]
    assert found.notes == [
        "A: not seen by the QEMU here: CPU model qemu64, which this QEMU has not",
        "A: not seen by the QEMU here: virtio-net-pci.speed",
    ]


@pytest.mark.parametrize("says", ["qemu: no such device", "qemu: Property 'a.b' not found"])
def test_a_qemu_that_does_not_start_says_why(played: Callable[..., Any], says: str) -> None:
    """A property is left out once: where that does not help, it is the reason."""
    runner, started = played(says, says)
    with pytest.raises(BridgeError, match=f"B: QEMU does not start it: {says}"):
        runner.tree(read(LINE), "B", (9, 2))
    assert len(started) == (2 if "Property" in says else 1)


def test_a_firmware_that_gives_up_is_not_waited_for(played: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its CPU is halted, and stays where it is."""
    runner, started = played()
    monkeypatch.setattr(firmware, "ready", lambda *_: False)
    answer = Qemu.answer
    monkeypatch.setattr(
        Qemu, "answer", lambda self, what, given: "HLT=1" if given == {"command-line": "info registers"} else answer(self, what, given)
    )
    runner.tree(read(LINE), "A", (9, 2))
    assert started[0].heard.count("human-monitor-command command-line=info registers") == run.STANDS_STILL + 1


def test_a_firmware_that_goes_on_is_waited_for_until_its_time_is_over(played: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    runner, _ = played()
    monkeypatch.setattr(firmware, "ready", lambda *_: False)
    monkeypatch.setattr(run, "TIME_LIMIT", 0.2)
    with pytest.raises(BridgeError, match=r"B: QEMU does not start it: (its firmware was not done in 0.1|it did not come up in 0.2) s"):
        runner.tree(read(LINE), "B", (9, 2))


def test_without_a_qemu_or_a_program_that_is_one(tmp_path: Path) -> None:
    for program in (str(tmp_path / "none"), "/bin/false"):
        with pytest.raises(BridgeError, match=r"--run needs a QEMU: .*: install one"):
            Runner(program)


def device(driver: str, place: str, **properties: str) -> Device:
    return Device(driver=driver, place=place, where="w", properties=properties)


def tree(*devices: Device, **facts: dict[str, str]) -> Tree:
    return Tree(facts=facts, devices={each.place: each for each in devices}, boot=[], host={}, notes=[])


def test_qemu_knows_what_the_options_leave_open() -> None:
    """Of what both show alike nothing is said; what one alone shows is, but not of functions that the other has not."""

    said = [
        Difference("property", "nic at pci 02.0: mtu", "1", None, "-a", ""), Difference("property", "nic at pci 02.0: queues", "1", "2", "-a", "-b"),
        Difference("property", "usb-host at pci 03.0: port", "1", "2", "-a", "-b"), Difference("place", "disk: place", "pci 04.0", "pci 05.0", "-a", "-b"),
        Difference("property", "machine smm", "on", "off", "-a", "-b"),
    ]  # fmt: skip
    a = tree(device("nic", "pci 02.0", mtu="1", queues="1"), device("usb-host", "pci 03.0", port="1"), device("disk", "pci 04.0"))
    b = tree(device("nic", "pci 02.0", mtu="1", queues="2"), device("usb-host", "pci 03.0", port="1"), device("disk", "pci 05.0"))
    a.facts |= {"QEMU cpu": {"aes": "on"}, "firmware pci 02.0": {"irq": "1"}, "firmware pci 04.0": {"irq": "2"}}
    b.facts |= {"QEMU cpu": {"aes": "off"}, "firmware pci 02.0": {"irq": "3"}, "firmware pci 05.0": {"irq": "2"}}
    check("run", "corrected", [" | ".join(map(str, each)) for each in differences(said, a, b)])
