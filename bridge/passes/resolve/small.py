"""Sound, serial and parallel ports, guest agent, rng, watchdog, shares: what qemu-server assumes (9.2.6; mapping-devices 16)."""

from __future__ import annotations

from ...core.report import BridgeError, Report, fields
from ...data.ostype import windows_version
from ...host.facts import HostFacts
from ...host.mapping import directory_path, missing, on_node
from ...model.part import Device
from ...model.rng import RNG
from ...model.serial import Parallel, Serial
from ...model.share import VirtioFS
from ...model.vm import VM
from ..fill import change, fill, forget
from .machine import has

AUDIO_DRIVER = "spice"
AGENT_TYPE = "virtio"
MAX_BYTES, PERIOD = 1024, 1000
WATCHDOG = "i6300esb"
RUN = "/var/run/qemu-server"


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: every device has all its values; a device that this machine version cannot have is not there."""
    vmid = vm.meta.vmid
    serials = [
        fill(serial, port=rank, socket=None if serial.path else f"{RUN}/{vmid}.{serial.key}") for rank, serial in enumerate(vm.serials)
    ]
    parallels = [fill(parallel, port=rank) for rank, parallel in enumerate(vm.parallels)]
    agent = vm.agent
    if agent.enabled:
        agent = fill(agent, type=AGENT_TYPE, socket=f"{RUN}/{vmid}.qga")
        if agent.type == "isa":
            agent = fill(agent, port=len(serials))
    audio, rng = vm.audio, vm.rng
    if audio is not None:
        audio = fill(audio, driver=AUDIO_DRIVER) if _known(vm, "audio", audio, report) else None
    if rng is not None:
        rng = fill(rng, max_bytes=MAX_BYTES, period=PERIOD) if _known(vm, "rng", rng, report) else None
    watchdog = None if vm.watchdog is None else fill(vm.watchdog, model=WATCHDOG)
    ivshmem = None if vm.ivshmem is None else fill(vm.ivshmem, name=str(vmid))
    return change(
        vm, serials=serials, parallels=parallels, agent=agent, audio=audio, rng=rng, watchdog=watchdog, ivshmem=ivshmem,
        virtiofs=[_share(share, host, report) for share in vm.virtiofs],
    )  # fmt: skip


def _known(vm: VM, gate: str, device: Device, report: Report) -> bool:
    """Whether qemu-server gives a machine of this version the device at all."""
    if has(vm.machine, gate):
        return True
    version = ".".join(map(str, vm.machine.version or ()))
    report.add("not-applied", device.where, f"{device.key}: qemu-server leaves the device out of a machine of version {version}")
    return False


def _share(share: VirtioFS, host: HostFacts, report: Report) -> VirtioFS:
    """The directory behind the mapping."""
    hint = missing(host, "directory", share.dirid or "")
    if hint:
        message = f"the directory mapping '{share.dirid}' of {share.key} is not in the host facts"
        report.add("resource-unknown", share.where, message, hint)
        path = None
    else:
        path = directory_path(host, share.dirid or "")
    return fill(share, path=path)


def check_shares(vm: VM) -> None:
    """Raises BridgeError for a share that qemu-server refuses; it does so last of all, so the writers call this."""
    for share in vm.virtiofs:
        if share.expose_acl and windows_version(vm.meta.ostype):
            message = "Please disable ACLs for virtiofs on Windows VMs, otherwise the virtiofs shared directory cannot be mounted."
            raise BridgeError(message, share.where)


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: resolve brings the same devices back."""
    agent = forget(vm.agent, "socket", "port")
    if agent.type == AGENT_TYPE:
        agent = forget(agent, "type")
    audio = vm.audio
    if audio is not None and audio.driver == AUDIO_DRIVER:
        audio = forget(audio, "driver")
    watchdog = vm.watchdog
    if watchdog is not None and watchdog.model == WATCHDOG and watchdog.action is not None:
        watchdog = forget(watchdog, "model")
    ivshmem = vm.ivshmem
    if ivshmem is not None and ivshmem.name == str(vm.meta.vmid):
        ivshmem = forget(ivshmem, "name")
    for gate, part in (("audio", audio), ("rng", vm.rng)):
        if part is not None and not has(vm.machine, gate):
            version = ".".join(map(str, vm.machine.version or ()))
            report.add("guest-lost", part.where, f"qemu-server gives a machine of version {version} no {gate}", "take a younger machine")
    return change(
        vm, agent=agent, audio=audio, watchdog=watchdog, ivshmem=ivshmem, rng=_bare_rng(vm.rng), serials=_bare_serials(vm.serials),
        parallels=_bare_parallels(vm.parallels), virtiofs=[_bare_share(share, host, report) for share in vm.virtiofs],
    )  # fmt: skip


def _bare_rng(rng: RNG | None) -> RNG | None:
    """A limit of 0 is none, whatever the period."""
    if rng is None:
        return None
    if rng.max_bytes == 0 or rng.period == PERIOD:
        rng = forget(rng, "period")
    return forget(rng, "max_bytes") if rng.max_bytes == MAX_BYTES else rng


def _bare_serials(serials: list[Serial]) -> list[Serial]:
    return [forget(serial, "port", "socket") for serial in serials]


def _bare_parallels(parallels: list[Parallel]) -> list[Parallel]:
    return [forget(parallel, "port") for parallel in parallels]


def _bare_share(share: VirtioFS, host: HostFacts, report: Report) -> VirtioFS:
    """`dirid` is the mount tag that the guest knows; it must be a mapping to the same directory."""
    mapping = host.directory_mappings.get(share.dirid or "")
    paths = [entry.path for entry in on_node(mapping.maps, host.nodename)] if mapping else []
    if share.path is not None and share.path not in paths:
        report.add(
            "resource-unknown",
            share.where,
            f"no directory mapping '{share.dirid}' to {share.path} is in the host facts",
            f"make one: pvesh create /cluster/mapping/dir --id {share.dirid} --map node={host.nodename or 'NODE'},path={share.path}",
            fields(share, "path"),
        )
    return forget(share, "path")
