"""Which host CPUs the threads of a VM had, thread by thread: a config pins the whole VM, or all iothreads alike, and no more."""

from __future__ import annotations

from ..model.vm import VM
from ..passes.iothreads import names


def pins(described: VM, after: VM) -> dict[str, str]:
    """Thread -> CPUs, where they differ from what the config gives: `vcpu0`, `emulator`, and iothreads by their ids in QEMU.

    `described` is the VM as XML has it, with its keys; `after` the one that qemu-server would run."""
    whole = after.cpu.affinity
    found = {f"vcpu{n}": cpus for n, cpus in sorted((described.cpu.vcpupins or {}).items()) if cpus != whole}
    if described.cpu.emulatorpin not in (None, whole):
        found["emulator"] = described.cpu.emulatorpin or ""
    if not described.iothreads.threads:
        return found
    ids = names(after)
    there = {thread.id: thread.iothreadpin for thread in described.iothreads.threads or ()}
    here = {thread.id: thread.iothreadpin for thread in after.iothreads.threads or ()}
    for new, old in _threads(described, after).items():
        pin = there.get(old)
        if pin is not None and pin not in (here.get(new), whole):
            found[ids[new]] = pin
    return found


def _threads(described: VM, after: VM) -> dict[int, int]:
    """Thread of the config -> thread of the XML whose work it does: of a pool by rank, of a disk the first that served it."""
    serving = {disk.key: [by.iothread for by in disk.served_by] for disk in described.disks if disk.served_by}
    if after.iothreads.pool is not None:
        used = sorted({n for ids in serving.values() for n in ids})
        return {thread.id: used[n] for n, thread in enumerate(after.iothreads.threads or ()) if n < len(used)}
    found = {}
    for disk in after.disks:
        if disk.served_by and (ids := serving.get(disk.key)):
            found[disk.served_by[0].iothread] = ids[0]
    return found
