"""Two command lines started for real, paused, under TCG; what their QEMUs show, compared. Needs qemu.qmp and a QEMU here.

Each machine is read twice: at once (device tree, properties of machine and CPU, memory devices), and after its firmware has numbered
buses and written ACPI and SMBIOS tables.
"""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ..argv.read import CommandLine
from ..core.report import BridgeError
from ..data import gates
from ..data.qemu import MACHINE_DEFAULTS
from . import firmware, qtree
from .compare import Difference, compare, ordered
from .inert import UNLIKE, Inert
from .tree import Facts, Tree
from .values import plain

TIME_LIMIT = 600.0
"""Seconds for one machine, half of them for its firmware under TCG. They bound a hang: a busy host takes many times as long."""
FUNCTION = "firmware pci "
"""Group of facts about a PCI function that the firmware has set up; its slot follows."""
LOOK_EVERY = 0.2
STANDS_STILL = 15
"""Looks at a halted CPU after which the firmware has given up: SeaBIOS does if it finds no room for all PCI windows."""
MOST_LOOKS = 50
MOST_UNKNOWN = 20
"""Properties that a QEMU here may lack before that counts as a failure."""
MACHINE_NOISE = frozenset(("memory-backend", "pcspk-audiodev", "pflash0", "pflash1", "rtc-time", "smp", "type"))
CPU_NOISE = frozenset(("crash-information", "feature-words", "filtered-features", "hotplugged", "type"))
_UNKNOWN = re.compile(r"Property '([\w.-]+)\.([\w-]+)' not found")
_NO_MODEL = re.compile(r"unable to find CPU model '([^']+)'")


class Runner:
    """QEMU by its program; it is asked for its machine types once."""

    def __init__(self, program: str) -> None:
        try:
            import qemu.qmp  # noqa: F401
        except ImportError:
            message = "--run talks to QEMU with the Python package qemu.qmp, which is not here: pip install qemu.qmp"
            raise BridgeError(f"{message}; without --run the options are compared") from None
        logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())  # a QEMU that ends is told in our words
        self.program = program
        try:
            listed = subprocess.run([program, "-machine", "help"], capture_output=True, text=True, check=True, timeout=TIME_LIMIT)  # noqa: S603
        except (OSError, subprocess.SubprocessError) as error:
            raise BridgeError(f"--run needs a QEMU: {program}: {error}: install one, or name it with --emulator") from None
        self.machines = frozenset(line.split()[0] for line in listed.stdout.split("\n")[1:] if line.split())

    def tree(self, line: CommandLine, name: str, newest: gates.Version) -> Tree:
        """What QEMU shows of the machine. `name` is for messages. Raises BridgeError if it does not start."""
        inert = Inert(line, self.machines, newest)
        while True:
            try:
                found = asyncio.run(self._shown(inert))
            except _RefusedError as refused:
                if not _left_out(inert, str(refused)):
                    raise BridgeError(f"QEMU does not start it: {refused}", name) from None
            else:
                _forget(found, inert.withheld)
                lost = [*inert.lost, *map(".".join, sorted(inert.unknown))]
                found.notes = [f"{name}: not seen by the QEMU here: {what}" for what in lost]
                return found

    async def _shown(self, inert: Inert) -> Tree:
        from qemu.qmp import QMPClient

        with tempfile.TemporaryDirectory(prefix="virt-qm-") as directory:
            client: Any = QMPClient("virt-qm")
            await client.start_server(f"{directory}/qmp")
            words = [*inert.words(directory), "-qmp", f"unix:{directory}/qmp"]
            pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
            process = await asyncio.create_subprocess_exec(
                self.program, *words, stdin=nothing, stdout=nothing, stderr=pipe, cwd=directory
            )
            ended = asyncio.ensure_future(process.communicate())
            try:
                return await asyncio.wait_for(_ask(client, ended, directory), TIME_LIMIT)
            except TimeoutError:
                raise _RefusedError(f"it did not come up in {TIME_LIMIT:g} s") from None
            finally:
                await _hang_up(client)
                if process.returncode is None:
                    process.kill()
                await ended


def _forget(found: Tree, withheld: set[tuple[str, str]]) -> None:
    """Take out of the tree what QEMU was not told: it shows a default there, on both sides alike."""
    for device in found.devices.values():
        for driver, name in withheld:
            if device.driver == driver:
                device.properties.pop(name, None)


def _left_out(inert: Inert, refusal: str) -> bool:
    """Whether the refusal is about a thing that this QEMU is too old or too new for, and that is left out from now on."""
    if model := _NO_MODEL.search(refusal):
        known = model[1] in inert.no_models
        inert.no_models.add(model[1])
        return not known
    match = _UNKNOWN.search(refusal)
    if match is None or (match[1], match[2]) in inert.unknown or len(inert.unknown) >= MOST_UNKNOWN:
        return False
    inert.unknown.add((match[1], match[2]))
    return True


class _RefusedError(Exception):
    """QEMU ended, or refused a command; its own words."""


async def _hang_up(client: Any) -> None:
    """A connection that QEMU has closed says so once more here."""
    try:
        await client.disconnect()
    except (EOFError, OSError):
        pass


async def _ask(client: Any, ended: asyncio.Future[tuple[bytes, bytes]], directory: str) -> Tree:
    from qemu.qmp import QMPError

    coming = asyncio.ensure_future(client.accept())
    await asyncio.wait({coming, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not coming.done():
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        raise _RefusedError(_last_words(await ended))
    try:
        await coming
    except QMPError:  # it ended while greeting
        raise _RefusedError(_last_words(await ended)) from None
    try:
        return await _read(client, directory)
    except (QMPError, OSError) as error:
        raise _RefusedError(str(error)) from None


def _last_words(ended: tuple[bytes, bytes]) -> str:
    said = ended[1].decode("utf-8", "replace").strip().split("\n")
    return next((line for line in said if "warning" not in line), said[-1])


async def _read(client: Any, directory: str) -> Tree:
    facts: dict[str, Facts] = {}
    text = await client.execute("human-monitor-command", {"command-line": "info qtree"})
    devices = qtree.devices(text)
    facts["QEMU machine"] = await _properties(client, "/machine", MACHINE_NOISE)
    cpus = await client.execute("query-cpus-fast")
    facts["QEMU cpu"] = await _properties(client, cpus[0]["qom-path"], CPU_NOISE)
    facts["QEMU memory"] = await _memory(client)
    facts |= await _after_firmware(client, directory, facts["QEMU machine"].get("acpi") != "off")
    for name in MACHINE_DEFAULTS:  # `auto` there; the options tell
        facts["QEMU machine"].pop(name, None)
    return Tree(facts=facts, devices=devices, boot=[], host={}, notes=[])


async def _properties(client: Any, path: str, noise: frozenset[str]) -> Facts:
    """The plain properties of an object; links and children have their own places."""
    from qemu.qmp import ExecuteError

    found: Facts = {}
    for listed in await client.execute("qom-list", {"path": path}):
        name, kind = listed["name"], listed["type"]
        if name in noise or kind.startswith(("link<", "child<")):
            continue
        try:
            found[name] = plain(await client.execute("qom-get", {"path": path, "property": name}))
        except ExecuteError:
            continue  # one that cannot be read
    return found


async def _memory(client: Any) -> Facts:
    found: Facts = {}
    for n, device in enumerate(await client.execute("query-memory-devices")):
        data = device["data"]
        found[f"device {n}"] = " ".join(f"{name}={plain(data[name])}" for name in ("addr", "size", "node", "slot") if name in data)
    for cpu in await client.execute("query-hotpluggable-cpus"):
        place = " ".join(f"{name}={value}" for name, value in sorted(cpu["props"].items()))
        found[f"CPU {place}"] = "there" if "qom-path" in cpu else "not there"
    numa = await client.execute("human-monitor-command", {"command-line": "info numa"})
    return found | {f"NUMA line {n}": line.strip() for n, line in enumerate(str(numa).split("\n")) if line.strip()}


async def _after_firmware(client: Any, directory: str, acpi: bool) -> dict[str, Facts]:
    """The machine runs until its firmware has left its tables."""
    file = Path(directory, "memory")

    async def read(address: int, size: int) -> bytes:
        await client.execute("pmemsave", {"val": address, "size": size, "filename": str(file)})
        return file.read_bytes()

    await client.execute("cont")
    until = time.monotonic() + TIME_LIMIT / 2
    still, before = 0, ""
    while not firmware.ready(await read(firmware.LOW, firmware.LOW_SIZE), acpi):
        if still >= STANDS_STILL:
            break
        if time.monotonic() > until:
            raise _RefusedError(f"its firmware was not done in {TIME_LIMIT / 2:g} s")
        await asyncio.sleep(LOOK_EVERY)
        now = str(await client.execute("human-monitor-command", {"command-line": "info registers"}))
        still = still + 1 if "HLT=1" in now and now == before else 0
        before = now
    functions = await _settled(client)
    await client.execute("stop")
    found: dict[str, Facts] = {"firmware tables": await firmware.tables(read)}
    return found | {f"{FUNCTION}{place[4:]}": facts for place, facts in functions.items()}


async def _settled(client: Any) -> dict[str, Facts]:
    """PCI functions once they stay as they are: whoever asks a BAR for its size changes it for a moment."""
    before: dict[str, Facts] = {}
    for _ in range(MOST_LOOKS):
        now = qtree.pci(await client.execute("query-pci"))
        if now == before:
            break
        before = now
        await asyncio.sleep(LOOK_EVERY / 4)
    return before


def differences(said: list[Difference], a: Tree, b: Tree) -> list[Difference]:
    """What the options say, corrected by what QEMU shows: it knows the defaults. Then what QEMU alone shows."""
    shown = compare(_in_both(a, b), _in_both(b, a))
    kept = [difference for difference in said if not _equal(difference.what, a, b)]
    known = {difference.what for difference in kept}
    known |= {f"device at {place}" for moved in kept if moved.importance == "place" for place in (moved.a, moved.b)}
    return ordered(kept + [difference for difference in shown if difference.what not in known])


def _in_both(tree: Tree, other: Tree) -> Tree:
    """Without what the firmware made of functions that only one machine has."""
    facts = {group: values for group, values in tree.facts.items() if group in other.facts or not group.startswith(FUNCTION)}
    return replace(tree, facts=facts)


def _equal(what: str, a: Tree, b: Tree) -> bool:
    """Whether `DRIVER at PLACE: PROPERTY` is the same in both QEMUs."""
    device, _, name = what.partition(": ")
    driver, _, place = device.partition(" at ")
    x, y = a.devices.get(place), b.devices.get(place)
    if x is None or y is None or x.driver != driver or y.driver != driver or driver in UNLIKE or name not in x.properties:
        return False
    return x.properties.get(name) == y.properties.get(name)
