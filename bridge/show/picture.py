"""Which iothread serves which queue of which device, and on which host CPUs every thread of the VM may run.

Pure: the model in, structures out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ..libvirt.vcpu import affinity_set
from ..model.controller import Controller
from ..model.disk import Disk
from ..model.iothread import IOThread, ServedBy
from ..model.part import DriveAddress
from ..model.vm import VM
from ..passes.lint import cpus, queues_at_start
from ..report import shown

MOST_QUEUES = 1024
"""What QEMU gives a virtio device at most (VIRTIO_QUEUE_MAX); a larger number is refused there, and never counted out here."""

IOTHREAD, MAIN_LOOP, VCPU = "iothread", "main loop", "vCPU"
"""Roles of a thread."""


class Thread(NamedTuple):
    """A thread, or vCPUs that are pinned alike. `pin` is its set of host CPUs as text, None: any. `iothread` is its id in the model."""

    name: str
    role: str
    pin: str | None
    cpus: frozenset[int]
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

    `together`: the set that the whole VM is kept on, if every thread has the same one.
    """

    threads: tuple[Thread, ...]
    devices: tuple[Device, ...]
    main_loop: tuple[str, ...]
    overlaps: tuple[Overlap, ...]
    together: str | None = None

    def of_role(self, role: str) -> list[Thread]:
        return [thread for thread in self.threads if thread.role == role]

    def served(self, iothread: int) -> list[tuple[Device, Link]]:
        """What an iothread has to do."""
        return [(device, link) for device in self.devices for link in device.links if link.iothread == iothread and link.queues]


def picture(vm: VM, names: dict[int, str], disk_name: Callable[[Disk], str]) -> Picture:
    """The picture of a VM whose iothreads are spread over its devices.

    `names`: iothread -> what its stack calls it; `disk_name` says so for disks.
    """
    threads = tuple(_threads(vm, names))
    devices, behind = _devices(vm, disk_name)
    pins = {thread.pin for thread in threads}
    together = pins.pop() if len(pins) == 1 else None
    return Picture(
        threads=threads,
        devices=tuple(devices),
        main_loop=tuple(disk_name(disk) for disk in vm.disks if id(disk) not in behind),
        overlaps=() if together else tuple(_overlaps(threads)),
        together=together,
    )


# --- threads


def _threads(vm: VM, names: dict[int, str]) -> Iterator[Thread]:
    everywhere = affinity_set(vm)
    for thread in vm.iothreads.threads or ():
        pin = thread.iothreadpin or everywhere
        yield Thread(names[thread.id], IOTHREAD, _text(pin), cpus(pin), thread.id, tuple(_details(thread)))
    pin = vm.cpu.emulatorpin or everywhere
    yield Thread("main loop", MAIN_LOOP, _text(pin), cpus(pin))
    yield from _vcpus(vm, everywhere)


def _text(pin: str | None) -> str | None:
    return None if pin is None else shown(pin)


def _details(thread: IOThread) -> Iterator[str]:
    for field in ("thread_pool_min", "thread_pool_max", "poll_max", "poll_grow", "poll_shrink"):
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
    before, own = cpus(group[-1]), cpus(pin)
    return len(before) == len(own) == 1 and max(own) == max(before) + 1


def _vcpu_group(start: int, group: list[str | None]) -> Thread:
    name = f"vCPU {start}" if len(group) == 1 else f"vCPU {start}-{start + len(group) - 1}"
    union = frozenset[int]().union(*map(cpus, {pin for pin in group if pin}))
    if group[0] == group[-1]:
        return Thread(name, VCPU, _text(group[0]), union, size=len(group))
    return Thread(name, VCPU, ranges(union), union, details=("one each",), size=len(group))


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
    twice = {queue for queue in named if named.count(queue) > 1} if len(named) <= MOST_QUEUES else set()
    missing = [queue for queue in range(queues) if queue not in set(named)]
    beyond = [queue for queue in named if queue >= queues]
    if any(not link.queues for link in links):
        return links, "some threads name queues, others do not"
    if twice:
        return links, f"{queue_text(sorted(twice))} named twice"
    if beyond:
        return links, f"{queue_text(sorted(set(beyond)))} not there: the device has {queues}"
    return links, f"{queue_text(missing)} served by no thread" if missing else trouble


# --- host CPUs


def _overlaps(threads: Iterable[Thread]) -> Iterator[Overlap]:
    """CPUs of iothreads and others, CPUs in sets that differ, and sets with more threads on them than CPUs."""
    pinned = [thread for thread in threads if thread.cpus]
    sharing: dict[tuple[str, ...], set[int]] = {}
    for cpu in sorted(frozenset[int]().union(*(thread.cpus for thread in pinned))):
        on = [thread for thread in pinned if cpu in thread.cpus]
        roles = {thread.role for thread in on}
        if len({thread.cpus for thread in on}) > 1 or (IOTHREAD in roles and len(roles) > 1) or _crowded(on):
            sharing.setdefault(tuple(thread.name for thread in on), set()).add(cpu)
    for names, both in sharing.items():
        yield Overlap(frozenset(both), names)


def _crowded(on: list[Thread]) -> bool:
    """Whether those that have the same set are more than the CPUs in it."""
    sizes: dict[frozenset[int], int] = {}
    for thread in on:
        sizes[thread.cpus] = sizes.get(thread.cpus, 0) + thread.size
    return any(size > len(of) for of, size in sizes.items())


class Column(NamedTuple):
    """Host CPUs that all threads treat alike."""

    label: str
    cpus: frozenset[int]
    contended: bool


def columns(found: Picture) -> list[Column]:
    """The host CPUs that pins name, ascending, neighbours with the same threads as one."""
    groups: list[tuple[tuple[str, ...], list[int]]] = []
    for cpu in sorted(frozenset[int]().union(*(thread.cpus for thread in found.threads))):
        on = tuple(thread.name for thread in found.threads if cpu in thread.cpus)
        if groups and groups[-1][0] == on and groups[-1][1][-1] == cpu - 1:
            groups[-1][1].append(cpu)
        else:
            groups.append((on, [cpu]))
    contended = frozenset[int]().union(*(overlap.cpus for overlap in found.overlaps))
    return [Column(ranges(of), frozenset(of), of[0] in contended) for _, of in groups]


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
