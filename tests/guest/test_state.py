"""A state saved by QEMU as qemu-server starts it loads into QEMU as libvirt starts the XML, and runs on.

QEMU refuses a stream if any device, slot or size differs, so nothing proves more that both are one machine (mapping-devices 21).
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from bridge.argv.read import CommandLine, fields, read
from bridge.data import gates
from bridge.data.properties import type_of
from bridge.guest.inert import THREADS, Inert
from bridge.guest.native import Embedded
from bridge.guest.run import Runner
from bridge.guest.said import Fields
from bridge.guest.values import plain
from bridge.operations.move.check import renamed
from bridge.operations.move.stream import Filter
from tests.guest.machines import CASES, HERE, Machine, own
from tests.processes import PATIENCE

pytestmark = pytest.mark.slow

PROGRAM = "qemu-system-x86_64"
RUNS = 1.0
"""Seconds that the guest's firmware runs before it is saved."""

MACHINES = {machine.name: machine for machine in own(CASES)}
MOVE = (
    "i440fx",
    "q35",
    "shared-iothreads",
    "every-disk-bus",
    "old-scsi-adapters",
    "numa",
    "lean",
    "usb-spice",
    "usb-no-port",
    "usb-old-q35",
    "args-i440fx",
    "args-q35",
    "hotplug",
)
HOST_DEVICES = frozenset(("usb-spice", "usb-no-port"))
"""Of these, USB devices of the host keep the state where it is; here they are left out (`Inert`)."""
STAY = {
    # libvirt names memory itself; the device behind it cannot go
    "virtiofs": "Unknown ramblock",
}
"""Configs whose state cannot move, and what QEMU says; the writer of the XML has a finding of kind no-live-move."""


class Moving(Inert):
    """With what `bridge.guest` leaves out: the machine's iothreads, and the name of its memory, which the stream holds."""

    def _machine(self) -> str:
        memory = self.said.machine.get("memory-backend")
        return super()._machine() + (f",memory-backend={memory}" if memory else "")

    def _objects(self) -> list[str]:
        threads = [f"iothread,id={name}" for name, made in self.said.objects.items() if made.get("qom-type") == "iothread"]
        name = self.said.machine.get("memory-backend")
        memory = [f"memory-backend-ram,id={name},size={self.said.objects[name]['size']}"] if name else []
        return [*super()._objects(), *(word for text in threads + memory for word in ("-object", text))]

    def _device(self, device: Fields) -> list[str]:
        """All as JSON, in which alone a mapping of queues can be said; QEMU creates those written so in their order."""
        threads = {name: device[name] for name in THREADS if name in device}
        words = super()._device(device)
        if not words:
            return []
        said = fields(words[1], "driver")
        typed: dict[str, Any] = {name: _typed(said["driver"], name, value) for name, value in said.items()}
        return ["-device", json.dumps({**typed, **threads})]


def _typed(driver: str, name: str, value: str) -> Any:
    kind = type_of(driver, name)
    return plain(value) == "on" if kind == "switch" else int(plain(value)) if kind == "number" else value


class RefusedError(Exception):
    """What QEMU said."""


async def _run(line: CommandLine, runner: Runner, state: str, load: bool) -> str:
    """Save the state of a machine that has run for a while, or load it and go on; the status at the end."""
    from qemu.qmp import QMPClient

    with tempfile.TemporaryDirectory(prefix="virt-qm-") as directory:
        client: Any = QMPClient("state")
        await client.start_server(f"{directory}/qmp")
        words = [*Moving(line, runner.machines, gates.version(HERE)).words(directory), "-qmp", f"unix:{directory}/qmp"]
        nothing, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        incoming = ["-incoming", "defer"] if load else []
        process = await asyncio.create_subprocess_exec(PROGRAM, *words, *incoming, stdin=nothing, stdout=nothing, stderr=pipe)
        ended = asyncio.ensure_future(process.communicate())
        try:
            work = asyncio.ensure_future(_work(client, state, load))
            await asyncio.wait({work, ended}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            if work.done() and not work.exception():
                return work.result()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            if process.returncode is None:
                process.kill()
            raise RefusedError((await ended)[1].decode())
        finally:
            if process.returncode is None:
                process.kill()
            await ended
            try:
                await client.disconnect()
            except (EOFError, OSError):
                pass  # QEMU has ended


async def _work(client: Any, state: str, load: bool) -> str:
    await client.accept()
    if load:
        await client.execute("migrate-incoming", {"uri": f"file:{state}"})
        await _settled(client)
        await client.execute("cont")
        await asyncio.sleep(RUNS / 2)
    else:
        await client.execute("cont")
        await asyncio.sleep(RUNS)
        await client.execute("stop")
        await client.execute("migrate", {"uri": f"file:{state}"})
        await _settled(client)
    return str((await client.execute("query-status"))["status"])


async def _settled(client: Any) -> None:
    while (found := await client.execute("query-migrate")).get("status") != "completed":
        if found.get("status") == "failed":
            raise RefusedError(found.get("error-desc", ""))
        await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def libvirt() -> Any:
    with Embedded(PROGRAM) as found:
        yield found


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(PROGRAM)


def moved(machine: Machine, libvirt: Embedded, runner: Runner, directory: Path, rename: bool = True) -> str:
    """`rename`: blocks of memory get the names that libvirt gives them, as `virt-qm move` does it."""
    native = libvirt.native(machine.xml().text)
    state, there = directory / "state", read(native.words + native.plugged)
    assert asyncio.run(_run(machine.line(), runner, str(state), load=False)) == "postmigrate"
    names = renamed(machine.line(), there) if rename else {}
    if names:
        with state.open("rb") as source, (directory / "renamed").open("wb") as target:
            Filter(lambda: source.read(1 << 20), target.write, {old.encode(): new.encode() for old, new in names.items()}).run()
        state = directory / "renamed"
    return asyncio.run(_run(there, runner, str(state), load=True))


@pytest.mark.parametrize("name", MOVE)
def test_a_saved_state_runs_on_under_libvirt(name: str, libvirt: Embedded, runner: Runner, tmp_path: Path) -> None:
    assert moved(MACHINES[name], libvirt, runner, tmp_path) == "running"
    assert ("no-live-move" in {finding.kind for finding in MACHINES[name].xml().findings}) == (name in HOST_DEVICES)


@pytest.mark.parametrize("name", STAY)
def test_what_cannot_move_is_told(name: str, libvirt: Embedded, runner: Runner, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=STAY[name]):
        moved(MACHINES[name], libvirt, runner, tmp_path, rename=False)
    assert "no-live-move" in {finding.kind for finding in MACHINES[name].xml().findings}


def test_another_machine_is_refused(libvirt: Embedded, runner: Runner, tmp_path: Path) -> None:
    """The proof is one: a card in another slot, and QEMU does not take the state."""
    machine = MACHINES["i440fx"]
    native = libvirt.native(machine.xml().text)
    state = str(tmp_path / "state")
    asyncio.run(_run(machine.line(), runner, state, load=False))
    words = [word.replace('"addr":"0x12"', '"addr":"0x14"') for word in native.words]
    assert words != native.words
    with pytest.raises(RefusedError, match="0000:00:12"):
        asyncio.run(_run(read(words), runner, state, load=True))
