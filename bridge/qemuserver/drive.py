"""What makes qemu-server ignore a drive whose line loads cleanly (PVE/QemuServer/Drive.pm parse_drive, release 9.2.6)."""

from __future__ import annotations

import re
from collections.abc import Mapping

DRIVES = "ideN sataN scsiN virtioN"
"""The options of a drive, as `Rows.at` names them."""
NEEDS = (
    *((f"mbps{way}_max", f"mbps{way}") for way in ("", "_rd", "_wr")),
    *((f"bps{way}_max_length", f"mbps{way}_max") for way in ("", "_rd", "_wr")),
    *((f"iops{way}_max_length", f"iops{way}_max") for way in ("", "_rd", "_wr")),
)
"""Limits that need another one beside them; the burst of iops needs none (the reference asks for `miops`, which does not exist)."""

CLASHES = (("mbps", "mbps_rd"), ("mbps", "mbps_wr"), ("iops", "iops_rd"), ("iops", "iops_wr"))

OLD_LIMITS = ("bps", "bps_rd", "bps_wr")
"""Limits in bytes: qemu-server means to turn them into MiB, and makes 0 of them."""

LIMITED = frozenset((*OLD_LIMITS, *(name for pair in (*NEEDS, *CLASHES) for name in pair)))
"""All sub-options that limit throughput."""

CLOUDINIT = re.compile(r"[:/](?:vm-[0-9]+-)?cloudinit(?:\.(?:raw|qcow2|qcow|qed|vmdk|cloop))?\Z")
"""A drive with such a file holds the cloud-init data."""


_TARGET_ONLY = ("format", "size")
"""Of an imported image: the storage decides them."""


def imported(text: str, storage: str) -> str:
    """A drive's value as `qm create` and `qm set` take it to copy the image to a storage; all else that it says stays."""
    file, *rest = text.split(",")
    kept = [part for part in rest if part.partition("=")[0] not in _TARGET_ONLY]
    return ",".join((f"{storage}:0", f"import-from={file.removeprefix('file=')}", *kept))


def true(value: object) -> bool:
    """Perl's idea of truth: `0` is not, `0.0` is."""
    return value not in (None, False, "", "0")


def _limits_problem(said: Mapping[str, str | bool]) -> str | None:
    limits: dict[str, str | bool] = dict(said)
    problems = []
    for name in OLD_LIMITS:
        if name in limits:
            if "m" + name in limits:
                problems.append(f"both {name} and m{name} specified")
            limits.setdefault("m" + name, "0.000")  # what the reference's conversion gives; true in Perl
    problems += [f"{option} requires {need}" for option, need in NEEDS if true(limits.get(option)) and not true(limits.get(need))]
    if problems:
        return ", ".join(problems)
    for total, part in CLASHES:
        if true(limits.get(total)) and true(limits.get(part)):
            return f"{total} together with {part}"
    return None


def unusable(key: str, said: Mapping[str, str | bool]) -> str | None:
    """Why qemu-server ignores the drive `key` with these sub-options when it uses it; None if it does not."""
    if not LIMITED.isdisjoint(said) and (problem := _limits_problem(said)):
        return problem
    if said.get("media") == "cdrom":
        if said.get("snapshot") or said.get("format"):
            return f"media=cdrom together with {'snapshot' if said.get('snapshot') else 'format'}"
        if key.startswith("virtio"):
            return "there is no CD-ROM on bus virtio"
    return None
