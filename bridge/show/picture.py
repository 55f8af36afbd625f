"""Which iothread serves which queue of which device, and on which host CPUs every thread of the VM may run.

Pure: the model in, structures out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from ..core.report import shown
from ..libvirt.vcpu import affinity_set
from ..model.controller import Controller
from ..model.disk import Disk
from ..model.iothread import IOThread, ServedBy
from ..model.part import DriveAddress
from ..model.vm import VM
from ..passes.lint import cpu_bits, members, queues_at_start

MOST_QUEUES = 1024
"""What QEMU gives a virtio device at most (VIRTIO_QUEUE_MAX); a larger number is refused there, and never counted out here."""

MOST_SHOWN = 400
"""Characters of a set."""

IOTHREAD, MAIN_LOOP, VCPU = "iothread", "main loop", "vCPU"
"""Roles of a thread."""


class Thread(NamedTuple):
    """A thread, or vCPUs that are pinned alike. `pin` is its set of host CPUs as text, None: any; `cpus` the same with a bit for each.
    `iothread` is its id in the model."""

    name: str
    role: str
    pin: str | None
    cpus: int
    iothread: int | None = None
    details: tuple[str, ...] = ()
    size: int = 1
    """How many threads it stands for."""


class Link(NamedTuple):
    """Queues of a device that one iothread serves. No queues: there are more threads than queues, and this one is left over."""

    iothread: int
    queues: tuple[int, ...]


class Device(NamedTuple):
    """What iothreads serve: a virtio disk, or a virtio-scsi adapter with its disks.

    `by_queue`: the mapping names queues; else QEMU deals them out in turn. `trouble` says why QEMU would refuse the mapping.
    """

    name: str
    kind: str
    disks: tuple[str, ...]
    queues: int
    links: tuple[Link, ...]
    by_queue: bool = False
    trouble: str = ""


class Overlap(NamedTuple):
    """Host CPUs for which several threads contend."""

    cpus: frozenset[int]
    threads: tuple[str, ...]


class Picture(NamedTuple):
    """`threads`: iothreads, then the main loop, then vCPUs. `main_loop` names the disks that no iothread serves.

    `columns`: the host CPUs that pins name, ascending, neighbours with the same threads as one. `together`: the set that the whole VM is
    kept on, if every thread has the same one. `serving`: iothread -> what it has to do. `crowd`: there are so many sets of host CPUs that
    they are not compared, why.
    """

    threads: tuple[Thread, ...]
    devices: tuple[Device, ...]
    main_loop: tuple[str, ...]
    overlaps: tuple[Overlap, ...]
    columns: tuple[Column, ...]
    serving: Mapping[int, list[tuple[Device, Link]]]
    together: str | None = None
    crowd: str = ""

    def of_role(self, role: str) -> list[Thread]:
        return [thread for thread in self.threads if thread.role == role]

    def served(self, iothread: int) -> list[tuple[Device, Link]]:
        """What an iothread has to do."""
        return self.serving.get(iothread, [])


def picture(vm: VM, names: dict[int, str], disk_name: Callable[[Disk], str]) -> Picture:
    """The picture of a VM whose iothreads are spread over its devices.

    `names`: iothread -> what its stack calls it; `disk_name` says so for disks.
    """
    threads = tuple(_threads(vm, names))
    devices, behind = _devices(vm, disk_name)
    pins = {(thread.pin, thread.cpus) for thread in threads}
    together = pins.pop()[0] if len(pins) == 1 else None
    stretches, crowd = _stretches([thread for thread in threads if thread.cpus])
    overlaps = () if together else tuple(_overlaps(stretches))
    serving: dict[int, list[tuple[Device, Link]]] = {}
    for device in devices:
        for link in device.links:
            if link.queues:
                serving.setdefault(link.iothread, []).append((device, link))
    return Picture(
        threads=threads,
        devices=tuple(devices),
        main_loop=tuple(disk_name(disk) for disk in vm.disks if id(disk) not in behind),
        overlaps=overlaps,
        columns=tuple(_columns(stretches, overlaps)),
        serving=serving,
        together=together,
        crowd=crowd,
    )


# --- threads


def _threads(vm: VM, names: dict[int, str]) -> Iterator[Thread]:
    everywhere = affinity_set(vm)
    for thread in vm.iothreads.threads or ():
        pin = thread.iothreadpin or everywhere
        yield Thread(names[thread.id], IOTHREAD, _text(pin), cpu_bits(pin), thread.id, tuple(_details(thread)))
    pin = vm.cpu.emulatorpin or everywhere
    yield Thread("main loop", MAIN_LOOP, _text(pin), cpu_bits(pin))
    yield from _vcpus(vm, everywhere)


def _text(pin: str | None) -> str | None:
    """A set as it is said; its end is left out where nobody could read it, and each of many threads has it."""
    return None if pin is None else shown(pin if len(pin) <= MOST_SHOWN else f"{pin[:MOST_SHOWN]}…")


def _details(thread: IOThread) -> Iterator[str]:
    for field in ("thread_pool_min", "thread_pool_max", "poll_max", "poll_grow", "poll_shrink", "poll_weight"):
        value = getattr(thread, field)
        if value is not None:
            yield f"{field}={value}"


def _vcpus(vm: VM, everywhere: str | None) -> Iterator[Thread]:
    """vCPUs in groups: neighbours on the same set, or each on one host CPU of its own."""
    count = (vm.cpu.sockets or 1) * (vm.cpu.cores or 1)
    pins = vm.cpu.vcpupins or {}
    if not pins:
        yield _vcpu_group(0, [everywhere] * count)
        return
    start = 0
    group: list[str | None] = []
    for n in range(count):
        pin = pins.get(n, everywhere)
        if group and not _joins(group, pin):
            yield _vcpu_group(start, group)
            start, group = n, []
        group.append(pin)
    yield _vcpu_group(start, group)


def _joins(group: list[str | None], pin: str | None) -> bool:
    """Whether the next vCPU goes on as the group began: all on one set, or each on the host CPU after the one before."""
    if pin == group[0] == group[-1]:
        return True
    if len(group) > 1 and group[0] == group[1]:
        return False
    before, own = cpu_bits(group[-1]), cpu_bits(pin)
    return own.bit_count() == 1 and own == before << 1


def _vcpu_group(start: int, group: list[str | None]) -> Thread:
    name = f"vCPU {start}" if len(group) == 1 else f"vCPU {start}-{start + len(group) - 1}"
    union = 0
    for pin in {pin for pin in group if pin}:
        union |= cpu_bits(pin)
    if group[0] == group[-1]:
        return Thread(name, VCPU, _text(group[0]), union, size=len(group))
    return Thread(name, VCPU, ranges(members(union)), union, details=("one each",), size=len(group))


# --- devices


def _devices(vm: VM, disk_name: Callable[[Disk], str]) -> tuple[list[Device], set[int]]:
    """The devices in the VM's order, and the ids of the disks that they hold."""
    behind: set[int] = set()
    of_disk: dict[int, Device] = {}
    bare: list[Device] = []
    for adapter in vm.controllers:
        if adapter.type == "scsi" and adapter.served_by:
            on = _disks_of(vm, adapter)
            device = _device(vm, adapter, tuple(map(disk_name, on)))
            behind.update(map(id, on))
            if on:
                of_disk[id(on[0])] = device
            else:
                bare.append(device)
    for disk in vm.disks:
        if disk.served_by and id(disk) not in behind:
            behind.add(id(disk))
            of_disk[id(disk)] = _device(vm, disk, (disk_name(disk),))
    return [of_disk[id(disk)] for disk in vm.disks if id(disk) in of_disk] + bare, behind


def _disks_of(vm: VM, adapter: Controller) -> list[Disk]:
    names = (adapter.key, f"#{adapter.index or 0}")
    return [d for d in vm.disks if d.bus == "scsi" and isinstance(d.address, DriveAddress) and d.address.controller in names]


def _device(vm: VM, part: Disk | Controller, names: tuple[str, ...]) -> Device:
    adapter = isinstance(part, Controller)
    queues = min(part.queues or queues_at_start(vm), MOST_QUEUES)
    links, trouble = _links(part.served_by or [], queues)
    return Device(
        name=names[0] if len(names) == 1 else f"SCSI controller {part.index or 0}",
        kind="virtio-scsi" if adapter else "virtio-blk",
        disks=names,
        queues=queues,
        links=links,
        by_queue=any(by.queues is not None for by in part.served_by or ()),
        trouble=trouble,
    )


def _links(served_by: list[ServedBy], queues: int) -> tuple[tuple[Link, ...], str]:
    """One link a thread, and what QEMU would say against them (hw/virtio/iothread-vq-mapping.c: in turn, or every queue named once)."""
    ids = [by.iothread for by in served_by]
    trouble = "a thread is named twice" if len(set(ids)) < len(ids) else ""
    if all(by.queues is None for by in served_by):
        return tuple(Link(by.iothread, tuple(range(n, queues, len(ids)))) for n, by in enumerate(served_by)), trouble
    links = tuple(Link(by.iothread, by.queues or ()) for by in served_by)
    named = [queue for link in links for queue in link.queues]
    times = Counter(named)
    twice = {queue for queue, count in times.items() if count > 1} if len(named) <= MOST_QUEUES else set()
    missing = [queue for queue in range(queues) if queue not in times]
    beyond = [queue for queue in named if queue >= queues]
    if any(not link.queues for link in links):
        return links, "some threads name queues, others do not"
    if twice:
        return links, f"{queue_text(sorted(twice))} named twice"
    if beyond:
        return links, f"{queue_text(sorted(set(beyond)))} not there: the device has {queues}"
    return links, f"{queue_text(missing)} served by no thread" if missing else trouble


# --- host CPUs


MOST_CELLS = 1 << 16
"""Threads times sets of host CPUs that are compared and drawn: a table of 256 by 256. Nobody reads a larger one."""


class Column(NamedTuple):
    """Host CPUs that all threads treat alike."""

    label: str
    cpus: frozenset[int]
    contended: bool

    def on(self, thread: Thread) -> bool:
        """Whether the thread may run on them."""
        return bool(thread.cpus >> min(self.cpus) & 1)


class Stretch(NamedTuple):
    """Neighbouring host CPUs, and the threads that may run on them."""

    first: int
    last: int
    on: tuple[Thread, ...]


def _stretches(pinned: list[Thread]) -> tuple[list[Stretch], str]:
    """The host CPUs that pins name, cut where a thread's set begins or ends; why there are none, if they are too many."""
    edges: set[int] = set()
    for thread in pinned:
        edges.update(members(thread.cpus ^ thread.cpus << 1))
        if len(edges) * len(pinned) > MOST_CELLS:
            return [], f"{len(pinned)} threads are pinned to more sets of host CPUs than can be compared here"
    found: list[Stretch] = []
    for first, end in pairwise(sorted(edges)):
        on = tuple(thread for thread in pinned if thread.cpus >> first & 1)
        if on:
            found.append(Stretch(first, end - 1, on))
    return found, ""


def _overlaps(stretches: list[Stretch]) -> Iterator[Overlap]:
    """CPUs of iothreads and others, CPUs in sets that differ, and sets with more threads on them than CPUs."""
    sharing: dict[tuple[str, ...], set[int]] = {}
    for first, last, on in stretches:
        roles = {thread.role for thread in on}
        if len({thread.cpus for thread in on}) > 1 or (IOTHREAD in roles and len(roles) > 1) or _crowded(on):
            sharing.setdefault(tuple(thread.name for thread in on), set()).update(range(first, last + 1))
    for names, both in sharing.items():
        yield Overlap(frozenset(both), names)


def _crowded(on: tuple[Thread, ...]) -> bool:
    """Whether those that have the same set are more than the CPUs in it."""
    sizes: dict[int, int] = {}
    for thread in on:
        sizes[thread.cpus] = sizes.get(thread.cpus, 0) + thread.size
    return any(size > of.bit_count() for of, size in sizes.items())


def _columns(stretches: list[Stretch], overlaps: tuple[Overlap, ...]) -> Iterator[Column]:
    contended = frozenset[int]().union(*(overlap.cpus for overlap in overlaps))
    for first, last, _ in stretches:
        yield Column(str(first) if first == last else f"{first}-{last}", frozenset(range(first, last + 1)), first in contended)


def ranges(numbers: Iterable[int]) -> str:
    """`0-2,5`"""
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in _runs(numbers))


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    start = last = None
    for n in sorted(numbers):
        if start is None or last is None:
            start = n
        elif n != last + 1:
            yield start, last
            start = n
        last = n
    if start is not None and last is not None:
        yield start, last


def queue_text(queues: Iterable[int]) -> str:
    """`queue 0`, `queues 0, 4, 8`, `queues 0-15`; long lists in short."""
    listed = sorted(queues)
    if len(listed) == 1:
        return f"queue {listed[0]}"
    runs = [str(a) if a == b else f"{a}-{b}" for a, b in _runs(listed)]
    if len(runs) > 4:
        runs = [*runs[:3], "…", runs[-1]]
    return "queues " + ", ".join(runs).replace(", …,", " …")
