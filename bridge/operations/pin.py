"""Put the iothreads of a running VM on host CPUs: `affinity` of `iothreads`, which the shared-iothreads RFC leaves unapplied.

QEMU itself says by QMP which thread serves which iothread object; the kernel says by sched_getaffinity whether a thread stands where
it was put.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from ..core.report import BridgeError, shown
from .qmp import Monitor

TIME_LIMIT = 10.0
"""Seconds for a QEMU to answer; one that is busy or paused by a debugger must not hold a node's hook."""
ONLINE = Path("/sys/devices/system/cpu/online")

VCPU, EMULATOR = "vcpu", "emulator"
"""Threads that are not iothreads: of a CPU of the guest, by its number; all that are left."""

MOST_NAMES, LONGEST_NAME = 20, 80
"""So much of what a QEMU has is listed."""

_Thread = Annotated[int, msgspec.Meta(ge=1, le=(1 << 22))]
"""The kernel's id of a thread: PID_MAX_LIMIT is the most. 0 would be the caller."""


class _IOThread(msgspec.Struct, rename="kebab"):
    id: str
    thread_id: _Thread


class _CPU(msgspec.Struct, rename="kebab"):
    thread_id: _Thread
    index: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = msgspec.field(name="cpu-index")



class Pin(NamedTuple):
    """An iothread object of QEMU, the kernel's id of its thread, and the host CPUs it shall run on."""

    id: str
    thread_id: int
    cpus: frozenset[int]

    def taskset(self) -> str:
        """The same as a shell command."""
        return f"taskset --pid --cpu-list {cpu_list(self.cpus)} {self.thread_id}  # {shown(self.id)}"


def wanted(text: bytes, vmid: int, file: str) -> dict[str, frozenset[int]]:
    """Iothread object -> host CPUs, of a qemu-server config. Raises BridgeError for a text that is none."""
    from ..convert import detect
    from ..core.report import Report
    from ..host.facts import HostFacts
    from ..passes.iothreads import assign, names
    from ..qemuserver.held import unwrap
    from ..qemuserver.read import read

    if detect(text) != "conf":
        raise BridgeError("only a VM that qemu-server runs is pinned from outside: name its VMID.conf", file)
    held = unwrap(text, file, HostFacts(), Report())
    vmid = held.vmid or vmid
    vm = assign(read(held.parse(vmid, file), vmid, file, Report()), HostFacts(), Report())
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
    from ..qemuserver.formats import parse_cpuset

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
    with Monitor(socket, TIME_LIMIT) as monitor:  # while it is connected, QEMU cannot end unnoticed, nor its thread ids go to others
        threads = _found(monitor, to)
        pins = [Pin(name, thread, wish) for name, wish in to.items() for thread in threads[name]]
        return [each for each in pins if _put(each)] if apply else pins


def _check_cpus(to: dict[str, frozenset[int]]) -> None:
    try:
        online = cpus(ONLINE.read_text(encoding="ascii").strip())
    except OSError:
        online = frozenset(range(os.cpu_count() or 1))
    for name, wish in to.items():
        if wish - online:
            raise BridgeError(f"{name} shall run on host CPU {cpu_list(wish)}, this host has {cpu_list(online)}: change affinity")


def _found(monitor: Monitor, to: Collection[str]) -> dict[str, list[int]]:
    """Name -> kernel's ids of its threads. Raises BridgeError for one that is none of the process at the socket's other end."""
    tasks = _tasks(monitor)
    threads = {thread.id: [thread.thread_id] for thread in monitor.ask("query-iothreads", list[_IOThread])}
    if not threads.keys() >= set(to):
        cpus = monitor.ask("query-cpus-fast", list[_CPU])
        threads |= {f"{VCPU}{cpu.index}": [cpu.thread_id] for cpu in cpus}
        known = {thread for ids in threads.values() for thread in ids}
        threads[EMULATOR] = sorted(tasks - known)
    for name in to:
        for thread in threads.get(name, ()):
            if thread not in tasks:
                raise BridgeError(f"{name}: it says thread {thread}, which process {monitor.pid} at its end does not have", monitor.path)
    missing = ", ".join(name for name in to if name not in threads)
    if missing:
        raise BridgeError(f"this QEMU has no {missing}, but {_some(threads)}: is it the VM of this config?", monitor.path)
    return threads


def _tasks(monitor: Monitor) -> set[int]:
    """The threads of the process at the other end, which the kernel names (security-rules Q1)."""
    try:
        return {int(task) for task in os.listdir(f"/proc/{monitor.pid}/task")}  # noqa: PTH208
    except OSError as error:
        raise BridgeError(f"process {monitor.pid} at its end: {error.strerror}", monitor.path) from None


def _some(names: Collection[str]) -> str:
    shown = [name[:LONGEST_NAME] for name in list(names)[:MOST_NAMES]]
    return (", ".join(shown) or "none") + (", ..." if len(names) > MOST_NAMES else "")


def _put(pin: Pin) -> bool:
    """Whether the thread stands there now; a helper of QEMU's may have ended meanwhile. Raises BridgeError."""
    try:
        os.sched_setaffinity(pin.thread_id, pin.cpus)
        now = frozenset(os.sched_getaffinity(pin.thread_id))
    except OSError as error:
        if pin.id == EMULATOR and isinstance(error, ProcessLookupError):
            return False
        raise BridgeError(f"{pin.id}: thread {pin.thread_id} cannot be pinned to CPU {cpu_list(pin.cpus)}: {error.strerror}") from None
    if now != pin.cpus:  # the kernel keeps to the thread's cgroup in silence
        raise BridgeError(
            f"{pin.id}: thread {pin.thread_id} runs on CPU {cpu_list(now)}, not {cpu_list(pin.cpus)}: its cgroup allows no more"
        )
    return True
