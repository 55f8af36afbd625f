"""VMs to a node with qemu-server: images to one of its directory storages, then configs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from msgspec.structs import replace

from ..convert import DEFAULT_VMID, convert, guess
from ..host.facts import HostFacts
from ..host.storage import locate
from ..host.storagecfg import Storage
from ..qemuserver.text import ConfigText, parse, write
from ..report import BridgeError, Finding
from .step import Plan, Step, VMPlan, without_doubles
from .to_libvirt import KINDS, copying
from .volume import IMAGE_FORMATS, Volume, is_shared, left_behind, moved, reach, same_storage, volumes


class Wish(NamedTuple):
    """How the move is wanted."""

    storage: str
    """The node's storage for copied images."""
    facts: HostFacts
    """Of the node."""
    config_dir: str
    path: str | None = None
    """Directory of the storage, if the node has to get it first."""
    form: str | None = None
    """Format of copied images; None: as they are."""
    copy: frozenset[str] = frozenset()
    """Storages whose volumes are copied though they are shared."""


def plan(inputs: Sequence[tuple[str, bytes, dict[str, Any]]], wish: Wish) -> Plan:
    """`inputs`: name, text and the keywords of `bridge.convert` for each; facts are the present host's. Raises BridgeError."""
    storage, first = _storage(wish)
    wish = wish._replace(facts=replace(wish.facts, storages={**wish.facts.storages, storage.id: storage}))
    vms = [_vm(file, text, keywords, wish) for file, text, keywords in inputs]
    vmids = [vm.vmid for vm in vms]
    for vm in vms:
        if vmids.count(vm.vmid) > 1:
            raise BridgeError(f"two VMs have the id {vm.vmid}: pass --vmid for one, or plan them one by one", vm.file)
    return Plan(to="qemu-server", first=first, vms=without_doubles(vms))


def _storage(wish: Wish) -> tuple[Storage, list[Step]]:
    """The storage, and the step that adds it where it is missing."""
    there = wish.facts.storages.get(wish.storage)
    if there is not None:
        if there.plugin.grammar != "dir" or there.type == "btrfs" or there.path is None:
            raise BridgeError(
                f"storage '{there.id}' is of type {there.type}: a plan copies to directories; name one of type dir, nfs or cifs, "
                "and move the disks later (qm disk move)"
            )
        return there, []
    if wish.path is None:
        raise BridgeError(f"the node has no storage '{wish.storage}': name one of {', '.join(wish.facts.storages)}, or pass --to-path DIR")
    commands = [["pvesm", "add", "dir", wish.storage, "--path", wish.path, "--content", "images,iso"]]
    step = Step(
        id="storage",
        kind="storage",
        about=f"storage {wish.storage} at {wish.path}",
        commands=commands,
        unless=[["pvesm", "status", "--storage", wish.storage]],
    )
    return Storage(id=wish.storage, type="dir", path=wish.path, content=frozenset(("images", "iso"))), [step]


def _vm(file: str, text: bytes, keywords: dict[str, Any], wish: Wish) -> VMPlan:
    config, vmid, facts, lost = _config(file, text, keywords, wish)
    notes = left_behind(config)
    here = volumes(config, facts, file)
    stays = {v.key: why for v in here if (why := _why_it_stays(v, facts, wish)) is not None}
    copies = [volume for volume in here if volume.key not in stays]
    targets = _targets(copies, vmid, wish)
    moved(config, {key: (volid, None) for key, (volid, _) in targets.items()})
    result = convert(write(config), "argv", source="conf", vmid=vmid, host=wish.facts, file=file)
    steps = [reach(volume, str(vmid)) for volume in here if volume.key in stays]
    steps += [_bridge(bridge) for bridge in dict.fromkeys(net.bridge for net in result.vm.nets if net.bridge)]
    steps += [_copy(volume, vmid, *targets[volume.key], wish, result.vm.firmware.vars_size) for volume in copies]
    document = Step(
        id=f"{vmid}-config",
        kind="config",
        about=f"config of VM {vmid}",
        makes=f"{wish.config_dir}/{vmid}.conf",
        document=write(config),
    )
    name = result.vm.meta.name or f"vm{vmid}"
    stayed = [f"{key}: {why}" for key, why in stays.items()] + notes
    return VMPlan(file=file, vmid=vmid, name=name, steps=[*steps, document], findings=[*lost, *result.findings], stays=stayed)


def _config(file: str, text: bytes, keywords: dict[str, Any], wish: Wish) -> tuple[ConfigText, int, HostFacts, list[Finding]]:
    """The input as a config, its VMID, the facts that its volumes are found with, and what was lost.

    A domain's volumes are named as the node names them, so the node's facts find them.
    """
    if guess(text) == "conf":
        vmid = keywords["vmid"] or DEFAULT_VMID
        return parse(text, vmid=vmid, name=file), vmid, keywords["host"], []
    result = convert(text, "conf", **{**keywords, "host": wish.facts})
    vmid = result.vm.meta.vmid or DEFAULT_VMID
    return parse(result.text, vmid=vmid, name=file), vmid, wish.facts, result.findings


def _why_it_stays(volume: Volume, facts: HostFacts, wish: Wish) -> str | None:
    name = volume.location.storage
    if name in wish.copy:
        return None
    here, there = facts.storages.get(name or ""), wish.facts.storages.get(name or "")
    if here is None:
        return f"{volume.location.volid} is reached over the network" if volume.location.kind == "network" else None
    if facts is wish.facts or (is_shared(volume, facts) and same_storage(here, there)):
        return f"{volume.location.volid} is on {name}, which the node has"
    return None


def _targets(copies: list[Volume], vmid: int, wish: Wish) -> dict[str, tuple[str, str]]:
    """Key -> volume id and format over there; images are numbered as qemu-server does it."""
    targets = {}
    number = 0
    for volume in copies:
        if volume.cdrom and volume.location.is_iso:
            targets[volume.key] = f"{wish.storage}:iso/{PurePosixPath(volume.location.path or '').name}", "raw"
            continue
        plain = volume.cdrom or volume.key in KINDS
        form = "raw" if plain else wish.form or (volume.format if volume.format in IMAGE_FORMATS else "qcow2")
        targets[volume.key] = f"{wish.storage}:{vmid}/vm-{vmid}-disk-{number}.{form}", form
        number += 1
    return targets


def _bridge(bridge: str) -> Step:
    return Step(
        id=f"bridge-{bridge}",
        kind="check",
        about=f"this node has no bridge {bridge}: add it in the node's network settings, or plan with --bridge {bridge}=ANOTHER",
        commands=[["test", "-d", f"/sys/class/net/{bridge}"]],
    )


def _copy(volume: Volume, vmid: int, volid: str, form: str, wish: Wish, vars_size: int | None) -> Step:
    target = locate(wish.facts, volid).path
    assert target is not None
    return Step(
        id=f"iso-{PurePosixPath(target).name}" if volume.cdrom and volume.location.is_iso else f"{vmid}-{volume.key}",
        kind=KINDS.get(volume.key, "image"),
        about=f"{volume.key} of VM {vmid}: {volume.location.volid} to {volid}",
        commands=[["mkdir", "-p", str(PurePosixPath(target).parent)], *copying(volume, f"{target}.part", form, vars_size)],
        makes=target,
    )
