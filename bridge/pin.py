"""Put the iothreads of a running VM on host CPUs: `affinity` of `iothreads`, which the shared-iothreads RFC leaves unapplied.

QEMU itself says by QMP which thread serves which iothread object; the kernel says by sched_getaffinity whether a thread stands where
it was put.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .report import BridgeError

if TYPE_CHECKING:
    from qemu.qmp import QMPClient

TIME_LIMIT = 10.0
"""Seconds for a QEMU to answer; one that is busy or paused by a debugger must not hold a node's hook."""
ONLINE = Path("/sys/devices/system/cpu/online")

VCPU, EMULATOR = "vcpu", "emulator"
"""Threads that are no iothreads: of a CPU of the guest, by its number; all that are left."""

T = TypeVar("T")


class Pin(NamedTuple):
    """An iothread object of QEMU, the kernel's id of its thread, and the host CPUs it shall run on."""

    id: str
    thread_id: int
    cpus: frozenset[int]

    def taskset(self) -> str:
        """The same as a shell command."""
        return f"taskset --pid --cpu-list {cpu_list(self.cpus)} {self.thread_id}  # {self.id}"


def wanted(text: bytes, vmid: int, file: str) -> dict[str, frozenset[int]]:
    """Iothread object -> host CPUs, of a qemu-server config. Raises BridgeError for a text that is none."""
    from .convert import guess
    from .host.facts import HostFacts
    from .passes.iothreads import names, spread
    from .qemuserver.read import read
    from .qemuserver.text import parse
    from .report import Report

    if guess(text) != "conf":
        raise BridgeError("only a VM that qemu-server runs is pinned from outside: name its VMID.conf", file)
    vm = spread(read(parse(text, vmid=vmid, name=file), vmid, file, Report()), HostFacts(), Report())
    ids = names(vm)
    return {ids[thread.id]: cpus(thread.iothreadpin) for thread in vm.iothreads.threads or () if thread.iothreadpin}


def named(pairs: Iterable[str]) -> dict[str, frozenset[int]]:
    """`THREAD=CPUS` as `to` of `pin`. Raises BridgeError for what is no set of CPUs."""
    found = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        if not cpus(text):
            raise BridgeError(f"'{pair[:80]}' is not THREAD=CPUS, as vcpu0=2-3", "--set")
        found[name] = cpus(text)
    return found


def cpus(text: str) -> frozenset[int]:
    """`0-2,5` as a set."""
    from .qemuserver.formats import parse_cpuset

    return frozenset(cpu for first, last in parse_cpuset(text) or () for cpu in range(first, last + 1))


def cpu_list(of: frozenset[int]) -> str:
    """A set as `0-2,5`."""
    ranges: list[list[int]] = []
    for cpu in sorted(of):
        if ranges and ranges[-1][1] == cpu - 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def pin(socket: Path, to: dict[str, frozenset[int]], apply: bool = True) -> list[Pin]:
    """Pin the threads of the QEMU at this QMP socket, or only find them (`apply` False), in the order of `to`: iothreads by their ids,
    `vcpu0` by the CPU's number, `emulator` for all others.

    Raises BridgeError, before anything is pinned, if QEMU does not answer, lacks an iothread, or the host lacks a CPU; and after,
    if a thread may not stand where it was put.
    """
    _check_cpus(to)
    return asyncio.run(_connected(socket, lambda qmp: _pin(qmp, socket, to, apply)))


def _check_cpus(to: dict[str, frozenset[int]]) -> None:
    try:
        online = cpus(ONLINE.read_text(encoding="ascii").strip())
    except OSError:
        online = frozenset(range(os.cpu_count() or 1))
    for name, wish in to.items():
        if wish - online:
            raise BridgeError(f"{name} shall run on host CPU {cpu_list(wish)}, this host has {cpu_list(online)}: change affinity")


async def _connected(socket: Path, action: Callable[[QMPClient], Awaitable[T]]) -> T:
    """Run the action with a QMP connection; QEMU cannot end unnoticed, nor its thread ids go to others, while it stands."""
    try:
        from qemu.qmp import QMPClient, QMPError
    except ImportError:
        raise BridgeError("the Python package qemu.qmp is missing: pip install 'virt-qm[qmp]'") from None
    qmp = QMPClient("virt-qm")
    try:
        async with asyncio.timeout(TIME_LIMIT):
            await qmp.connect(str(socket))
            try:
                return await action(qmp)
            finally:
                await qmp.disconnect()
    except TimeoutError:
        raise BridgeError(f"QEMU did not answer in {TIME_LIMIT:g} s: another client may hold the socket", socket) from None
    except (QMPError, OSError) as error:
        raise BridgeError(str(error).split("\n")[0], socket) from None


async def _pin(qmp: QMPClient, socket: Path, to: dict[str, frozenset[int]], apply: bool) -> list[Pin]:
    answer = await qmp.execute("query-iothreads")
    assert isinstance(answer, list)
    threads = {str(thread["id"]): [int(thread["thread-id"])] for thread in answer}
    if not threads.keys() >= to.keys():
        answer = await qmp.execute("query-cpus-fast")
        assert isinstance(answer, list)
        threads |= {f"{VCPU}{cpu['cpu-index']}": [int(cpu["thread-id"])] for cpu in answer}
        threads[EMULATOR] = _others(int(answer[0]["thread-id"]), {thread for ids in threads.values() for thread in ids})
    missing = ", ".join(name for name in to if name not in threads)
    if missing:
        raise BridgeError(f"this QEMU has no {missing}, but {', '.join(threads) or 'none'}: is it the VM of this config?", socket)
    pins = [Pin(name, thread, wish) for name, wish in to.items() for thread in threads[name]]
    if apply:
        for each in pins:
            _put(each)
    return pins


def _others(thread: int, known: set[int]) -> list[int]:
    """The threads of this thread's process but for those that are known."""
    status = Path(f"/proc/{thread}/status").read_text(encoding="ascii", errors="replace")
    process = next(line.split()[1] for line in status.split("\n") if line.startswith("Tgid:"))
    return sorted({int(task.name) for task in Path(f"/proc/{process}/task").iterdir()} - known)


def _put(pin: Pin) -> None:
    try:
        os.sched_setaffinity(pin.thread_id, pin.cpus)
        now = frozenset(os.sched_getaffinity(pin.thread_id))
    except OSError as error:
        raise BridgeError(f"{pin.id}: thread {pin.thread_id} cannot be pinned to CPU {cpu_list(pin.cpus)}: {error.strerror}") from None
    if now != pin.cpus:  # the kernel keeps to the thread's cgroup in silence
        raise BridgeError(
            f"{pin.id}: thread {pin.thread_id} runs on CPU {cpu_list(now)}, not {cpu_list(pin.cpus)}: its cgroup allows no more"
        )
