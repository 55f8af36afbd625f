"""VMs to a libvirt host: images to a directory there, then domains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lxml import etree

from ...convert import DEFAULT_VMID
from ...core.report import BridgeError
from ...qemuserver.drive import CLOUDINIT
from ...qemuserver.text import ConfigText, write
from ..define import Candidate, Host, clashes, offline, prepare
from .described import is_persons
from .described import moved as moved_domain
from .directory import directory, of_images, pool_name, storages
from .given import Input, Refused, read
from .step import Plan, Step, VMPlan, joined, without_doubles
from .volume import IMAGE_FORMATS, Volume, is_shared, left_behind, moved, reach, volumes

KINDS = {"efidisk0": "variables", "nvram": "variables", "tpmstate0": "tpm"}
VERBATIM = ("initrd", "kernel", "tpmstate0")
"""Files that are not disk images: their length says something."""


class Wish(NamedTuple):
    """How the move is wanted."""

    uri: str
    """For virsh; empty: its default."""
    images: str
    """Directory of the images, as the libvirt host names it."""
    via: str
    """The same directory as the script reaches it; with `upload` one of this machine, for what is on its way."""
    form: str | None = None
    """Format of copied images; None: as they are."""
    copy: frozenset[str] = frozenset()
    """Storages whose volumes are copied though they are shared."""
    pool: str | None = None
    """Storage pool to define for the directory."""
    upload: bool = False
    """The images go to the pool through libvirt."""
    keep_going: bool = False


def plan(inputs: Sequence[Input], wish: Wish, host: Host | None) -> Plan:
    """Facts of the inputs are the present host's. Raises BridgeError."""
    wish = wish._replace(images=of_images(wish.images, "--images"), via=directory(wish.via, "--via"), pool=pool_name(wish.pool))
    storages(wish.copy, {name for given in inputs for name in given.keywords["host"].storages})
    if is_remote(wish.uri) and wish.via == wish.images and not wish.upload:
        raise BridgeError(
            f"{wish.uri} is another machine, and {wish.images} here is not its directory: pass --upload to send the images through libvirt,"
            " or --via DIR where this machine reaches that directory"
        )
    pool = _pool(wish, host)
    if wish.upload:
        wish = wish._replace(pool=pool.name)
    made, refused = [], []
    for given in inputs:
        try:
            made.append(_vm(given, wish, host))
        except BridgeError as error:
            if not wish.keep_going:
                raise error.within(given.file) from None
            refused.append(Refused(given.file, str(error.within(given.file))))
    there = host.connection.domains() if host is not None else []
    for candidate, told in clashes([candidate for candidate, _ in made], there, may_replace=False, cure="it needs no plan"):
        if not wish.keep_going:
            raise told
        refused.append(Refused(candidate.file, str(told)))
        made = [each for each in made if each[0] is not candidate]
    vms = without_doubles([vm for _, vm in made])
    return Plan(to="libvirt", first=_first(wish, pool), vms=vms, refused=refused, keep_going=wish.keep_going)


def is_remote(uri: str) -> bool:
    """Whether the URI names another machine, whose bridges a script cannot see: qemu+ssh://HOST/system."""
    return bool(urlsplit(uri).netloc)


def virsh(uri: str, *words: str) -> list[str]:
    return ["virsh", *(["-c", uri] if uri else []), *words]


class Pool(NamedTuple):
    """The storage pool of the directory. `is_there`: the host has it."""

    name: str | None
    is_there: bool


def _pool(wish: Wish, host: Host | None) -> Pool:
    """Where the host keeps pools and none has the directory, one is made; its images are then seen by all of libvirt's tools."""
    pools = host.connection.pools() if host is not None else None
    if pools is None:
        return Pool(wish.pool or (PurePosixPath(wish.images).name if wish.upload else None), is_there=False)
    there = next((name for name, xml in pools.items() if etree.fromstring(xml).findtext("target/path") == wish.images), None)
    if there is not None:
        return Pool(there, is_there=True)
    name = wish.pool or PurePosixPath(wish.images).name
    return Pool(name if name not in pools else f"{name}-virt-qm", is_there=False)


def _first(wish: Wish, pool: Pool) -> list[Step]:
    steps = [Step(id="directory", kind="storage", about=f"directory {wish.via}", commands=[["mkdir", "-p", wish.via]])]
    if pool.name is not None and not (pool.is_there and wish.pool in (None, pool.name)):
        build = [virsh(wish.uri, "pool-build", pool.name)] if wish.upload else []
        step = Step(
            id="pool",
            kind="pool",
            about=f"storage pool {pool.name} for {wish.images}",
            commands=[
                virsh(wish.uri, "pool-define-as", pool.name, "dir", "--target", wish.images),
                *build,
                virsh(wish.uri, "pool-start", pool.name),
                virsh(wish.uri, "pool-autostart", pool.name),
            ],
            unless=[virsh(wish.uri, "pool-info", pool.name)],
        )
        steps.append(step)
    return steps


def _vm(given: Input, wish: Wish, host: Host | None) -> tuple[Candidate, VMPlan]:
    if is_persons(given):
        return _as_it_stands(given, wish, host)
    file, facts = given.file, given.keywords["host"]
    config, vmid, lost, is_config = read(given, checked_file=True)
    notes = left_behind(config)
    here = volumes(config, facts, file)
    name = _name(config, vmid)
    stays = {v.key: _why_it_stays(v) for v in here if is_shared(v, facts) and v.location.storage not in wish.copy}
    copies = [volume for volume in here if volume.key not in stays]
    targets = {volume.key: _target(volume, name, vmid, wish) for volume in copies}
    moved(config, {key: (f"{wish.images}/{image}", form) for key, (image, form) in targets.items()})
    candidate = _candidate(file, write(config), given.keywords, vmid, host)
    steps = [_stopped(vmid)] if is_config else []
    steps += [reach(volume, name) for volume in here if volume.key in stays]
    steps += _connected(candidate, wish, notes)
    for volume in copies:
        steps += _carry(volume, name, *targets[volume.key], wish, candidate.vm.firmware.vars_size)
    steps += _definition(candidate, str(vmid) if is_config else name, wish)
    stayed = [f"{key}: {why}" for key, why in stays.items()] + notes
    return candidate, VMPlan(file=file, vmid=vmid, name=name, steps=steps, findings=joined(lost, candidate.findings, targets), stays=stayed)


def _as_it_stands(given: Input, wish: Wish, host: Host | None) -> tuple[Candidate, VMPlan]:
    """A command line of somebody's: its machine is not a config's, and moves without becoming one."""
    candidate = _converted(given.file, given.text, {**given.keywords, "source": "argv", "file": given.file}, host)
    name = candidate.name
    found = moved_domain(candidate.xml, name, wish.images, wish.form, given.file)
    candidate = candidate._replace(xml=found.xml)
    vmid, notes = candidate.vm.meta.vmid or DEFAULT_VMID, list(found.stays)
    steps = _connected(candidate, wish, notes)
    for volume, image, form in found.images:
        steps += _carry(volume, name, image, form, wish, None)
    steps += _definition(candidate, name, wish)
    return candidate, VMPlan(file=given.file, vmid=vmid, name=name, steps=steps, findings=candidate.findings, stays=notes)


def _connected(candidate: Candidate, wish: Wish, notes: list[str]) -> list[Step]:
    bridges = _bridges(candidate.xml)
    if not is_remote(wish.uri):
        return [_bridge(bridge, wish) for bridge in bridges]
    notes += [f"bridge {bridge}: the host must have it, or the VM does not start" for bridge in bridges]
    return []


def _name(config: ConfigText, vmid: int) -> str:
    entry = config.main.entries.get("name")
    return entry.value if entry is not None else f"vm{vmid}"


def _why_it_stays(volume: Volume) -> str:
    where = volume.location.storage or volume.location.protocol or volume.spec
    return f"{volume.location.volid} is on {where}, which both hosts reach"


def _target(volume: Volume, name: str, vmid: int, wish: Wish) -> tuple[str, str]:
    """File name and format over there. A cloud-init drive is known by its name, and boots otherwise than a CD-ROM."""
    if CLOUDINIT.search(volume.location.volid):
        return f"vm-{vmid}-cloudinit.raw", "raw"
    if volume.key in ("efidisk0", "tpmstate0"):
        return f"{name}-{volume.key}.raw", "raw"
    if volume.cdrom and volume.location.is_iso:
        return PurePosixPath(volume.location.path or volume.location.volid).name, "raw"
    form = "raw" if volume.cdrom else wish.form or (volume.format if volume.format in IMAGE_FORMATS else "qcow2")
    return f"{name}-{volume.key}.{form}", form


def _candidate(file: str, text: str, keywords: dict[str, Any], vmid: int, host: Host | None) -> Candidate:
    """The domain as the host will get it: checked by that host if it can be asked."""
    words = {**keywords, "vmid": vmid, "source": "conf", "file": file}
    return _converted(file, text.encode("utf-8", "surrogateescape"), words, host)


def _converted(file: str, data: bytes, words: dict[str, Any], host: Host | None) -> Candidate:
    return prepare(host, file, data, words) if host is not None else offline(file, data, words)


def _stopped(vmid: int) -> Step:
    """qemu-server keeps the process id of a running VM there; qemu-img's own locks catch all other cases."""
    return Step(
        id=f"{vmid}-stopped",
        kind="check",
        about=f"VM {vmid} is running: stop it first",
        commands=[["test", "!", "-e", f"/var/run/qemu-server/{vmid}.pid"]],
    )


def _bridges(xml: str) -> list[str]:
    found = etree.fromstring(xml).iterfind("devices/interface[@type='bridge']/source")
    return list(dict.fromkeys(source.get("bridge", "") for source in found))


def _bridge(bridge: str, wish: Wish) -> Step:
    """A host's bridge into the outside is its administrator's; libvirt can make one that leads nowhere, so that the VM starts."""
    return Step(
        id=f"bridge-{bridge}",
        kind="network",
        about=f"bridge {bridge}: an isolated network of libvirt, if there is none yet; connect it by hand",
        commands=[
            virsh(wish.uri, "net-define", "/dev/stdin"),
            virsh(wish.uri, "net-start", bridge),
            virsh(wish.uri, "net-autostart", bridge),
        ],
        unless=[["test", "-d", f"/sys/class/net/{bridge}"], virsh(wish.uri, "net-info", bridge)],
        document=f"<network>\n  <name>{bridge}</name>\n  <bridge name='{bridge}'/>\n</network>\n",
    )


def _carry(volume: Volume, name: str, image: str, form: str, wish: Wish, vars_size: int | None) -> list[Step]:
    """The steps that bring a volume to its place."""
    target = f"{wish.via}/{image}"
    shared_iso = volume.cdrom and volume.location.is_iso
    copy = Step(
        id=f"iso-{image}" if shared_iso else f"{name}-{volume.key}",
        kind=KINDS.get(volume.key, "image"),
        about=f"{volume.key} of {name}: {volume.location.volid} to {target}",
        commands=copying(volume, f"{target}.part", form, vars_size),
        makes=target,
    )
    return [copy, *uploading(copy, image, form, wish)] if wish.upload else [copy]


def uploading(copy: Step, image: str, form: str, wish: Wish) -> list[Step]:
    """From this machine to the pool: a volume that was not there is made, filled, and the file here goes away."""
    pool, file = wish.pool or "", copy.makes or ""
    info = virsh(wish.uri, "vol-info", image, "--pool", pool)
    new = Step(
        id=f"{copy.id}-new",
        kind="image",
        about=f"pool {pool} has no volume {image} yet",
        commands=[["sh", "-c", NOT_THERE, "sh", image, *info]],
    )
    make = Step(
        id=f"{copy.id}-volume",
        kind="image",
        about=f"volume {image} in pool {pool}",
        commands=[virsh(wish.uri, "vol-create-as", pool, image, "1", "--format", form)],
        unless=[info],
    )
    fill = Step(
        id=f"{copy.id}-upload",
        kind="image",
        about=f"{file} to volume {image}",
        commands=[virsh(wish.uri, "vol-upload", image, file, "--pool", pool), virsh(wish.uri, "pool-refresh", pool), ["rm", "-f", file]],
    )
    return [new, make, fill]


NOT_THERE = """
image=$1
shift
if "$@" >/dev/null 2>&1; then echo "error: volume $image is there already, and not from this plan" >&2; exit 1; fi
"""


def copying(volume: Volume, target: str, form: str, vars_size: int | None) -> list[list[str]]:
    """The commands that make a file of a volume.

    A TPM's state and a kernel are not disk images. Variables must fill their flash, no more (mapping-devices 12).
    """
    if volume.key in VERBATIM and volume.location.path is not None:
        return [["cp", "--sparse=always", "--", volume.location.path, target]]
    convert = ["qemu-img", "convert", "-p", "-f", volume.format, "-O", form, volume.spec, target]
    if volume.key == "efidisk0" and form == "raw" and vars_size:
        return [convert, ["truncate", "-s", str(vars_size), target]]
    return [convert]


def _definition(candidate: Candidate, about: str, wish: Wish) -> list[Step]:
    define = Step(
        id=f"{about}-define",
        kind="define",
        about=f"define {candidate.name}",
        commands=[virsh(wish.uri, "define", "--validate", "/dev/stdin")],
        document=candidate.xml,
    )
    if not candidate.autostart:
        return [define]
    autostart = Step(
        id=f"{about}-autostart",
        kind="autostart",
        about=f"start {candidate.name} with its host",
        commands=[virsh(wish.uri, "autostart", candidate.name)],
    )
    return [define, autostart]
