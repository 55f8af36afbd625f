"""Which iothread serves which disk, both ways (mapping-devices 10, rfc-iothreads.md)."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..core.report import BridgeError, NullReport, Report
from ..data import gates
from ..host.facts import HostFacts
from ..model.disk import Disk
from ..model.iothread import IOThread, IOThreads, ServedBy
from ..model.part import DriveAddress
from ..model.vm import VM
from .fill import change

SINGLE = "virtio-scsi-single"


def as_json(vm: VM, host: HostFacts) -> bool:
    """Whether that qemu-server prints drives and their adapters as JSON, as the RFC's tree does, and the pool anywhere."""
    return host.qemu_server == gates.RFC_IOTHREADS or (vm.iothreads.pool is not None and gates.has_pool(host.qemu_server))


def released(vm: VM, host: HostFacts) -> VM:
    """Law: the VM as that qemu-server reads it; a release does not know `iothreads` and drops the line."""
    if vm.iothreads.pool is None or gates.has_pool(host.qemu_server):
        return vm
    return change(vm, iothreads=IOThreads(where=vm.iothreads.where))


def report_release(vm: VM, host: HostFacts, report: Report, where: object = None) -> None:
    """`iothreads` of a config is an option of the RFC's tree: what the node makes of it, or what is assumed of the node."""
    said, place = vm.iothreads, where or vm.iothreads.where
    if host.qemu_server == gates.RFC_IOTHREADS or (said.pool is None and said.affinity is None):
        return
    if host.qemu_server is None:
        message = "iothreads: no release of qemu-server knows this option; the tree of the shared-iothreads RFC is taken"
        report.add("not-applied", place, message, f"name the node's own: --host-fact qemu_server={gates.QEMU_SERVER}")
        return
    message = (
        f"iothreads: qemu-server {host.qemu_server} does not know this option: it warns, drops the line and starts an iothread of its own"
        " for each disk with iothread=1"
    )
    own = [name for name in names(_private(vm, NullReport())).values() if said.affinity]
    pins = " ".join(f"--set {name}={said.affinity}" for name in own)
    hint = f"pin those: virt-qm pin {report.vm(vm.meta.vmid)} {pins}" if own else "libvirt has the pool: virt-qm to-xml"
    report.add("not-applied", place, message, hint)


def assign(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: every disk with `iothread=1` that can have one is served by the whole pool, or by a thread of its own where there is no pool.

    A disk of virtio-scsi-single carries what its controller gets; `place` hands it on. Raises BridgeError for a pool larger than the
    host's CPUs, as the RFC does.
    """
    pool = vm.iothreads.pool
    if pool is None:
        if vm.iothreads.affinity is not None:
            report.add("lint", vm.iothreads.where, f"iothreads: affinity={vm.iothreads.affinity} without a number of threads has no effect")
        if not any(disk.iothread for disk in vm.disks):
            return vm
        return _private(vm, report)
    if host.cpus is not None and pool > host.cpus:
        raise BridgeError(f"MAX {host.cpus} iothreads allowed per VM on this node", vm.iothreads.where)
    threads = [IOThread(id=n, iothreadpin=vm.iothreads.affinity) for n in range(1, pool + 1)]
    whole = [ServedBy(thread.id) for thread in threads]
    disks = [change(disk, served_by=whole) if _served(vm, disk, report) else disk for disk in vm.disks]
    return change(vm, iothreads=change(vm.iothreads, threads=threads), disks=disks)


def _private(vm: VM, report: Report) -> VM:
    threads: list[IOThread] = []
    disks: list[Disk] = []
    for disk in vm.disks:
        if _served(vm, disk, report):
            owner = f"virtioscsi{disk.index}" if disk.bus == "scsi" else disk.key
            threads.append(IOThread(id=len(threads) + 1, private_to=owner))
            disk = change(disk, served_by=[ServedBy(len(threads))])
        disks.append(disk)
    return change(vm, iothreads=change(vm.iothreads, threads=threads or None), disks=disks)


def _served(vm: VM, disk: Disk, report: Report) -> bool:
    if not disk.iothread:
        return False
    if disk.bus == "virtio" or (disk.bus == "scsi" and vm.scsihw == SINGLE):
        return True
    report.add("warning", disk.where, f"{disk.key}: iothread is only valid with virtio disk or virtio-scsi-single controller, ignoring")
    return False


def names(vm: VM) -> dict[int, str]:
    """Thread -> its object's id in QEMU: `iothread0` counts the pool from 0, a private one is called after its owner."""
    return {t.id: f"iothread-{t.private_to}" if t.private_to else f"iothread{t.id - 1}" for t in vm.iothreads.threads or ()}


# --- the way back


class _User(NamedTuple):
    """What iothreads serve: a virtio disk, or a virtio-scsi adapter with its disks."""

    name: str
    served_by: list[ServedBy]
    disks: list[Disk]
    where: object

    def ids(self) -> frozenset[int]:
        return frozenset(by.iothread for by in self.served_by)


def recognise(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: recognise(assign(vm)) says what vm said; what no config can say is an `iothread-lost` finding, never silence."""
    threads = {thread.id: thread for thread in vm.iothreads.threads or ()}
    users = _users(vm)
    if vm.iothreads.pool is not None:  # a command line of qemu-server's own names it
        return _unshared(vm, users, change(vm.iothreads, threads=None))
    for user in users:
        _check(user, threads)
    kept = [user for user in users if _keeps(vm, user, report)]
    used = frozenset().union(*(user.ids() for user in kept))
    for n in sorted(threads.keys() - used):
        if not any(n in user.ids() for user in users):
            report.add("iothread-lost", threads[n].where, f"iothread {n}{_details(threads[n])} serves nothing and is left out")
    pool = _is_pool(kept, used, threads, host)
    if pool:
        said = _pool(vm, kept, sorted(used), threads, host, report)
    else:
        said = IOThreads(where=vm.iothreads.where)
        _report_private(vm, kept, threads, report)
    _report_details(kept, used, threads, report)
    return _unshared(vm, kept, said)


def _unshared(vm: VM, kept: list[_User], said: IOThreads) -> VM:
    """The devices that are served, as a config says it."""
    serving = {id(disk) for user in kept for disk in user.disks}
    disks = [
        change(disk, iothread=True if id(disk) in serving else None, served_by=None)
        if disk.served_by or disk.iothread or id(disk) in serving
        else disk
        for disk in vm.disks
    ]
    controllers = [change(c, served_by=None, iothread=None) if c.served_by else c for c in vm.controllers]
    return change(vm, iothreads=said, disks=disks, controllers=controllers)


def _users(vm: VM) -> list[_User]:
    """Disks that carry their own threads (`assign_keys` handed on those of virtio-scsi-single), and adapters whose disks cannot."""
    users = [_User(disk.key or "a disk", disk.served_by, [disk], disk.where) for disk in vm.disks if disk.served_by]
    for adapter in vm.controllers:
        if adapter.type != "scsi" or not adapter.served_by:
            continue
        names = (adapter.key, f"#{adapter.index or 0}")
        on = [d for d in vm.disks if d.bus == "scsi" and isinstance(d.address, DriveAddress) and d.address.controller in names]
        if not any(disk.served_by for disk in on):
            users.append(_User(f"SCSI controller {adapter.index or 0}", adapter.served_by, on, adapter.where))
    return users


def _check(user: _User, threads: dict[int, IOThread]) -> None:
    for n in user.ids() - threads.keys():
        raise BridgeError(f"{user.name} wants iothread {n}, which the domain does not have", user.where)


def _keeps(vm: VM, user: _User, report: Report) -> bool:
    """Whether the config can give this device an iothread at all."""
    if all(disk.bus == "virtio" for disk in user.disks) and user.disks:
        return True
    ids = _list(user.ids())
    if not user.disks:
        report.add("iothread-lost", user.where, f"{user.name} has no disk, its iothread {ids} is left out")
    elif len(user.disks) > 1 or vm.scsihw != SINGLE:
        keys = ", ".join(disk.key or "?" for disk in user.disks)
        report.add(
            "iothread-lost",
            user.where,
            f"{user.name} ({keys}) is served by iothread {ids}; only virtio-scsi-single with one disk a controller can have one",
            "set scsihw: virtio-scsi-single and iothread=1 by hand; the guest then sees other PCI slots",
        )
    else:
        return True
    return False


def _is_pool(kept: list[_User], used: frozenset[int], threads: dict[int, IOThread], host: HostFacts) -> bool:
    """A pool, or a thread per disk: the exact one of the two, else what the wanted qemu-server comes nearest to."""
    if not kept:
        return False
    sets = [user.ids() for user in kept]
    if len(kept) == 1 and len(used) == 1 and _one_pin(sorted(used), threads):
        return True
    if sum(map(len, sets)) == len(used) and all(len(ids) == 1 for ids in sets):  # each its own: also a pool of one for one disk
        return False
    if all(ids == used for ids in sets):
        return True
    return host.qemu_server == gates.RFC_IOTHREADS


def _pool(vm: VM, kept: list[_User], used: list[int], threads: dict[int, IOThread], host: HostFacts, report: Report) -> IOThreads:
    size = len(used)
    if host.cpus is not None and size > host.cpus:
        report.add("iothread-lost", vm.iothreads.where, f"{size} iothreads become {host.cpus}: qemu-server allows one per host CPU")
        size = host.cpus
    for user in kept:
        if user.ids() != frozenset(used):
            ids = _list(user.ids())
            report.add("iothread-lost", user.where, f"{user.name} is served by iothread {ids} only; with iothreads: {size} by all")
    return IOThreads(pool=size, affinity=_affinity(vm, used, threads, report), where=vm.iothreads.where)


_ONE_RANGE = re.compile(r"[0-9]{1,4}(?:-[0-9]{1,4})?")


def _affinity(vm: VM, used: list[int], threads: dict[int, IOThread], report: Report) -> str | None:
    """The pin that all threads of the pool have; else a finding that names them."""
    pin = _one_pin(used, threads)
    if pin is None:
        _report_pins(vm, used, threads, report, "iothreads: affinity= holds one CPU or one range for all")
    return pin


def _one_pin(used: list[int], threads: dict[int, IOThread]) -> str | None:
    """The pin that all these threads have, if `affinity=` can hold it."""
    pin = threads[used[0]].iothreadpin
    if pin is None or not _ONE_RANGE.fullmatch(pin) or any(threads[n].iothreadpin != pin for n in used):
        return None
    return pin


def _report_private(vm: VM, kept: list[_User], threads: dict[int, IOThread], report: Report) -> None:
    """A thread per disk stands in for a layout that neither form has."""
    shared: dict[int, list[str]] = {}
    for user in kept:
        for n in user.ids():
            shared.setdefault(n, []).append(user.name)
    for user in kept:
        if len(user.ids()) > 1:
            report.add("iothread-lost", user.where, f"{user.name} is served by iothread {_list(user.ids())}; it gets one thread of its own")
    for n, names in shared.items():
        if len(names) > 1:
            report.add("iothread-lost", threads[n].where, f"iothread {n} serves {', '.join(names)}; each gets a thread of its own")
    _report_pins(vm, sorted(shared), threads, report, "a thread per disk has no affinity in a config")


def _report_pins(vm: VM, used: list[int], threads: dict[int, IOThread], report: Report, why: str) -> None:
    for n in used:
        pin = threads[n].iothreadpin
        if pin is not None and pin != vm.cpu.affinity:
            report.add("iothread-lost", threads[n].where, f"iothread {n} is pinned to host CPU {pin}; {why}")


def _details(thread: IOThread) -> str:
    """What a thread is told beside its id."""
    said = [f"{field}={value}" for field in ("iothreadpin", *_DETAILS) if (value := getattr(thread, field)) is not None]
    return f" ({', '.join(said)})" if said else ""


_DETAILS = ("thread_pool_min", "thread_pool_max", "poll_max", "poll_grow", "poll_shrink", "poll_weight")


def _report_details(kept: list[_User], used: frozenset[int], threads: dict[int, IOThread], report: Report) -> None:
    for user in kept:
        for by in user.served_by:
            if by.queues is not None:
                queues = ", ".join(map(str, by.queues)) or "none"
                message = f"{user.name}: iothread {by.iothread} serves queue {queues}; a config names no queues"
                report.add("iothread-lost", user.where, message)
    for n in sorted(used):
        for field in _DETAILS:
            value = getattr(threads[n], field)
            if value is not None:
                report.add("iothread-lost", threads[n].where, f"iothread {n}: {field}={value} has no place in a config")


def _list(ids: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(ids)))
