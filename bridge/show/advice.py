"""What may be better about the iothreads of a VM, as a person would say it; nothing is changed. Facts behind it: docs/iothreads.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..core.literals import Format
from .picture import IOTHREAD, VCPU, Picture
from .words import counted, host_cpus, listed


class Words(NamedTuple):
    """How a stack says it."""

    one: str
    where: str
    number: str


OF_CONFIG = Words("iothread=1", "iothread=1, on virtio or virtio-scsi-single", "iothreads: {}")
OF_DOMAIN = Words("<driver iothread='1'/>, beside <iothreads>1</iothreads>,", "<driver iothread='N'/>", "<iothreads>{}</iothreads>")


def advice(found: Picture, threadable: int = 0, source: Format = "conf") -> list[str]:
    """`threadable`: disks that the main loop serves and an iothread could. `source`: whose words are used."""
    return list(_advice(found, threadable, OF_CONFIG if source == "conf" else OF_DOMAIN))


def _advice(found: Picture, threadable: int, words: Words) -> Iterator[str]:
    threads = found.of_role(IOTHREAD)
    vcpus = sum(thread.size for thread in found.of_role(VCPU))
    fitting = suggested(found)
    if threads and threadable:
        yield f"{counted(threadable, 'disk')} could leave QEMU's main loop, which serves everything else besides: {words.where}"
    if not threads:
        if threadable:
            have, whose = ("an iothread", "its") if threadable == 1 else ("iothreads", "their")
            yield f"{counted(threadable, 'disk')} could have {have}: {words.one} keeps {whose} requests off QEMU's main loop"
        return
    if found.devices and fitting is not None and fitting != len(threads):
        yield f"{words.number.format(fitting)} would do: {_reason(found, vcpus)}"
    for set_, names in _crowds(found):
        yield f"{listed(names)} share {host_cpus(set_)}, which are fewer than they are: give them more, or have fewer threads"
    pinned = {thread.pin for thread in threads}
    if len(threads) > 1 and None in pinned and len(pinned) > 1:
        yield "some iothreads are pinned and some are not: those that are not may run where the others do"


def suggested(found: Picture) -> int | None:
    """How many iothreads have a use: no more than the most queues of a device, than vCPUs that ask, than host CPUs of their pins; None if
    there is nothing to say, as each device has threads of its own, or as a mapping names queues one by one."""
    devices = found.devices
    sets = {tuple(link.iothread for link in device.links) for device in devices}
    if not devices or any(device.by_queue or device.trouble for device in devices) or len(sets) != 1:
        return None
    threads = found.of_role(IOTHREAD)
    bounds = [max(device.queues for device in devices), sum(thread.size for thread in found.of_role(VCPU))]
    cpus = 0
    for thread in threads:
        cpus |= thread.cpus
    if cpus:
        bounds.append(cpus.bit_count())
    return max(1, min(*bounds, len(threads)))


def _reason(found: Picture, vcpus: int) -> str:
    queues = max(device.queues for device in found.devices)
    asking = f"{counted(vcpus, 'vCPU')} {'asks' if vcpus == 1 else 'ask'}"
    return (
        f"a device has {counted(queues, 'queue')} at most, {asking}, and a thread beyond that, or beyond the host CPUs of the pins, only"
        " takes turns with another or has nothing to do"
    )


def _crowds(found: Picture) -> Iterator[tuple[str, list[str]]]:
    """(set of host CPUs, iothreads) where more threads that work are pinned to a set than it has CPUs."""
    by_set: dict[int, list[str]] = {}
    pins: dict[int, str] = {}
    for thread in found.of_role(IOTHREAD):
        if thread.cpus and found.served(thread.iothread or 0):
            by_set.setdefault(thread.cpus, []).append(thread.name)
            pins[thread.cpus] = thread.pin or ""
    for cpus, names in by_set.items():
        if len(names) > cpus.bit_count():
            yield pins[cpus], names
