"""VMs to a node with qemu-server: images to one of its directory storages, then configs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from msgspec.structs import replace

from ...convert import convert
from ...core.report import BridgeError
from ...host.facts import HostFacts
from ...host.sections import STORAGE_ID
from ...host.storage import locate
from ...host.storagecfg import Storage
from ...qemuserver.drive import CLOUDINIT
from ...qemuserver.setting import Setting
from ...qemuserver.text import write
from . import tpm
from .directory import directory, of_images, storages
from .given import Given, Input, Refused, read
from .step import Plan, Step, VMPlan, joined, without_doubles
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
    swtpm: str = tpm.DIRECTORY
    """Directory in which libvirt keeps the states of TPMs, as the script reaches it."""
    keep_going: bool = False


def plan(inputs: Sequence[Input], wish: Wish) -> Plan:
    """Facts of the inputs are the present host's. Raises BridgeError."""
    wish = wish._replace(
        config_dir=directory(wish.config_dir, "--config-dir"),
        swtpm=directory(wish.swtpm, "--swtpm-dir"),
        path=None if wish.path is None else of_images(wish.path, "--to-path"),
    )
    storages(wish.copy, {*wish.facts.storages, *(name for given in inputs for name in given.keywords["host"].storages)})
    storage, first = _storage(wish)
    wish = wish._replace(facts=replace(wish.facts, storages={**wish.facts.storages, storage.id: storage}))
    vms: list[VMPlan] = []
    refused = []
    for given in inputs:
        try:
            vm = _vm(given, wish)
            if any(vm.vmid == other.vmid for other in vms):
                raise BridgeError(f"two VMs have the id {vm.vmid}: pass --vmid-from N, which gives each its own", given.file)
        except BridgeError as error:
            if not wish.keep_going:
                raise error.within(given.file) from None
            refused.append(Refused(given.file, str(error.within(given.file))))
        else:
            vms.append(vm)
    return Plan(to="qemu-server", first=first, vms=without_doubles(vms), refused=refused, keep_going=wish.keep_going)


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
    if not STORAGE_ID.fullmatch(wish.storage):
        raise BridgeError(f"'{wish.storage}' is not the id of a storage: letters, digits, `_`, `.` and `-`, as local-lvm", "--to-storage")
    commands = [["pvesm", "add", "dir", wish.storage, "--path", wish.path, "--content", "images,iso"]]
    step = Step(
        id="storage",
        kind="storage",
        about=f"storage {wish.storage} at {wish.path}",
        commands=commands,
        unless=[["pvesm", "status", "--storage", wish.storage]],
    )
    return Storage(id=wish.storage, type="dir", path=wish.path, content=frozenset(("images", "iso"))), [step]


def _vm(given: Input, wish: Wish) -> VMPlan:
    file = given.file
    found, facts = _read(given, wish)
    config, vmid = found.config, found.vmid
    notes = left_behind(config)
    here = volumes(config, facts, file)
    stays = {v.key: why for v in here if (why := _why_it_stays(v, facts, wish)) is not None}
    copies = [volume for volume in here if volume.key not in stays]
    targets = _targets(copies, vmid, wish)
    moved(config, {key: (volid, None) for key, (volid, _) in targets.items()})
    state = _state(found, given, len(copies), wish)
    result = convert(write(config), "argv", source="conf", vmid=vmid, host=wish.facts, file=file if found.is_config else f"{vmid}.conf")
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
    lost = [finding for finding in found.findings if not (state and finding.kind == "tpm-state")]
    told = joined(lost, result.findings, targets)
    return VMPlan(file=file, vmid=vmid, name=name, steps=[*steps, *state, document], findings=told, stays=stayed)


def _read(given: Input, wish: Wish) -> tuple[Given, HostFacts]:
    """The input as a config, and the facts that its volumes are found with: a domain's are named as the node names them."""
    facts = given.keywords["host"]
    found = read(given._replace(keywords={**given.keywords, "host": wish.facts}))
    return (read(given), facts) if found.is_config else (found, wish.facts)


def _state(found: Given, given: Input, number: int, wish: Wish) -> list[Step]:
    """The state of a TPM that libvirt keeps in its own directory becomes a volume."""
    kept = None if found.is_config else tpm.kept_by_libvirt(found.config, given.text)
    if kept is None:
        return []
    volid = f"{wish.storage}:{found.vmid}/vm-{found.vmid}-disk-{number}.raw"
    target = locate(wish.facts, volid).path
    assert target is not None
    entries = found.config.main.entries
    entries["tpmstate0"] = Setting(f"{volid},version={kept[1]}", entries["tpmstate0"].line)
    step = Step(
        id=f"{found.vmid}-tpmstate0",
        kind="tpm",
        about=f"tpmstate0 of VM {found.vmid}: libvirt's own state of {kept[0]} to {volid}",
        commands=[["mkdir", "-p", str(PurePosixPath(target).parent)], tpm.carrying(wish.swtpm, *kept, f"{target}.part")],
        makes=target,
    )
    tools = [["sh", "-c", 'command -v "$1"', "sh", tool] for tool in ("swtpm", "swtpm_ioctl")]
    return [Step(id=f"{found.vmid}-swtpm", kind="check", about="swtpm is missing: it carries the TPM's state", commands=tools), step]


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
        as_it_is = volume.format if volume.format in IMAGE_FORMATS else "qcow2"
        if CLOUDINIT.search(volume.location.volid):  # by its name qemu-server knows that it writes this one itself
            targets[volume.key] = f"{wish.storage}:{vmid}/vm-{vmid}-cloudinit.{as_it_is}", as_it_is
            continue
        form = "raw" if volume.cdrom or volume.key in KINDS else wish.form or as_it_is
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
