"""What is told while our own XML is read, and is no news: its metadata, or the config that comes of it, is the answer."""

from __future__ import annotations

from ..host.facts import HostFacts
from ..host.volid import volume_id
from ..model.disk import Source
from ..model.vm import VM
from ..report import BridgeError, Report
from .resolve import ostype

Told = set[tuple[str, str]]
"""(kind, message) of findings."""

REMEMBERED = frozenset(("restored", "stale-residue"))
"""Kinds that tell of the metadata itself."""
TAKES = "the VM takes the device {} of the host it runs on"
"""What reading says of each host device."""


def open_questions(report: Report) -> Told:
    """What reading told, as far as a config can be the answer."""
    return {(finding.kind, finding.message) for finding in report if finding.kind not in REMEMBERED}


def foreseen(told: Told, after: VM, host: HostFacts) -> bool:
    """Whether reading the XML of `after`, a VM as the target takes it, tells all of this again, as far as that is known without writing it.

    Law: never true of what it does not tell; False costs time, and nothing else."""
    left = set(told)
    if after.cpu.runningcpu is None:
        left.discard((ostype.KIND, ostype.message(ostype.judge(after, host))))
    for device in after.hostpcis:
        if device.mdev is None:
            left.difference_update(("ambiguous", TAKES.format(function)) for function in device.ids or ())
    return not left or left <= _of_images(after, host)


def _of_images(after: VM, host: HostFacts) -> Told:
    """What is told of images that are files or devices, and that a config can name."""
    images = [(f"{disk.target} ({disk.key})", disk.source, disk.format) for disk in after.disks]
    images.append(("efidisk0", after.firmware.vars, after.firmware.format))
    if after.tpm is not None:
        images.append(("tpmstate0", after.tpm.source, after.tpm.format))
    told: Told = set()
    for name, source, form in images:
        if source is None or source.path is None or source.kind not in ("file", "block"):
            continue
        try:
            match = volume_id(host, Source(kind=source.kind, path=source.path, format=form), after.meta.vmid or 0)
        except BridgeError:
            continue
        if match is not None and match.volid is not None and match.finding is not None:
            told.add((match.finding, f"{name}: {match.message}"))
    return told
