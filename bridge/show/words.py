"""The picture in words: what the terminal and the page say alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .picture import IOTHREAD, MAIN_LOOP, VCPU, Device, Link, Picture, Thread, queue_text, ranges


def headline(found: Picture) -> str:
    """Who serves what, in a sentence or two."""
    threads = found.of_role(IOTHREAD)
    if not threads:
        return "No iothreads: QEMU's main loop serves every disk."
    if not found.devices:
        return f"{counted(len(threads), 'iothread')}, and no disk that uses {'it' if len(threads) == 1 else 'one'}."
    busy = [thread for thread in threads if found.served(thread.iothread or 0)]
    said = f"{counted(len(threads), 'iothread')} for {counted(len(found.devices), 'device')}: {_layout(found)}."
    idle = [thread.name for thread in threads if thread not in busy]
    if idle:
        said += f" {listed(idle)} {'has' if len(idle) == 1 else 'have'} nothing to do."
    return said


def _layout(found: Picture) -> str:
    if any(device.by_queue for device in found.devices):
        return "the queues are mapped one by one"
    sets = [tuple(link.iothread for link in device.links) for device in found.devices]
    if len(set(sets)) == len(sets) and all(len(ids) == 1 for ids in sets):
        return "each has its own"
    if len(set(sets)) == 1:
        return "they share them all" if len(found.devices) > 1 else "it has them all"
    return "each has some of them"


def together(found: Picture) -> str:
    """The set that keeps the whole VM, said; "" if there is none."""
    return f"All threads of the VM are kept on {host_cpus(found.together)}." if found.together else ""


def notes(found: Picture) -> Iterator[str]:
    """What a person should notice: threads left over, mappings that QEMU refuses, host CPUs that several threads want."""
    for alike in grouped(found.devices, apart=()):
        device = alike[0]
        names = listed([each.name for each in alike])
        left = sum(not link.queues for link in device.links)
        if device.trouble:
            yield f"{names}: QEMU refuses this mapping: {device.trouble}."
        elif left:
            have = "has" if len(alike) == 1 else "each have"
            yield f"{names} {have} {counted(device.queues, 'queue')} for {len(device.links)} threads: {left} of them get none."
    if found.crowd:
        yield f"{found.crowd}."
    for overlap in found.overlaps:
        yield f"{listed(list(overlap.threads))} get in each other's way on {host_cpus(ranges(overlap.cpus))}."


def grouped(devices: tuple[Device, ...], apart: tuple[str, ...] = ("kind",)) -> list[list[Device]]:
    """Devices that are served alike, by the same threads, stand together. `apart`: fields that keep them from it."""
    groups: dict[object, list[Device]] = {}
    for device in devices:
        key = (device.queues, device.links, device.trouble, *(getattr(device, field) for field in apart))
        groups.setdefault(key, []).append(device)
    return list(groups.values())


def where(thread: Thread) -> str:
    """On which host CPUs it runs."""
    if thread.pin is None:
        return "any host CPU"
    return host_cpus(thread.pin) + (f", {thread.details[0]}" if thread.role == VCPU and thread.details else "")


def host_cpus(pin: str) -> str:
    """`host CPU 3`, `host CPUs 2-6`"""
    return f"host CPU {pin}" if pin.isdigit() else f"host CPUs {pin}"


def work(found: Picture, thread: Thread) -> list[str]:
    """What a thread serves, one line for devices that are served alike."""
    if thread.role == VCPU:
        return ["the guest's code"]
    if thread.role == MAIN_LOOP:
        disks = [f"{ranged(found.main_loop)}: all queues"] if found.main_loop else []
        return [*disks, "everything that is not a disk"]
    alike: dict[object, list[tuple[Device, Link]]] = {}
    for device, link in found.served(thread.iothread or 0):
        alike.setdefault((device.queues, device.links, device.trouble), []).append((device, link))
    lines = []
    for several in alike.values():
        names = list(dict.fromkeys(label(device) for device, _ in several))
        first = several[0][0]
        lines += [f"{ranged(names)}: {of_all(link.queues, first.queues)}" for device, link in several if device is first]
    return lines or ["nothing: idle"]


def label(device: Device) -> str:
    """`virtio0`, `sda, sdb on SCSI controller 0`"""
    return device.name if device.disks in ((), (device.name,)) else f"{', '.join(device.disks)} on {device.name}"


def of_all(queues: tuple[int, ...], count: int) -> str:
    """`queue 0`, `queues 0, 4, 8`, `all 4 queues`"""
    return f"all {count} queues" if len(queues) == count > 1 else queue_text(queues)


def ranged(names: Iterable[str]) -> str:
    """`scsi0-11, virtio2`: names that count on, from three on, as a range."""
    runs: list[list[str]] = []
    for name in names:
        stem, number = _numbered(name)
        if runs and number is not None and _numbered(runs[-1][-1]) == (stem, number - 1):
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(f"{run[0]}-{_numbered(run[-1])[1]}" if len(run) > 2 else ", ".join(run) for run in runs)


def _numbered(name: str) -> tuple[str, int | None]:
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :]) if stem and name[len(stem) :].isascii() and name != stem else None


def counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def listed(names: list[str]) -> str:
    if len(names) > 6:
        names = [*names[:5], f"{len(names) - 5} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
