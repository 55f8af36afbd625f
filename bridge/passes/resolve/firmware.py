"""Which firmware images the guest gets (qemu-server 9.2.6, OVMF.pm; mapping-machine 9)."""

from __future__ import annotations

from msgspec.structs import replace

from ...core.report import BridgeError, Report, fields
from ...data.firmware import BASE, IMAGES, TEMPORARY_VARS, variant
from ...data.gates import machine_has
from ...host import storage
from ...host.facts import HostFacts
from ...host.volid import volume_id
from ...model.firmware import Firmware
from ...model.vm import VM
from ..fill import fill, forget

IGNORED = "EFI disks are not supported with Confidential Virtual Machines and will be ignored"
TEMPORARY = "no efidisk configured! Using temporary efivars disk."
DERIVED = ("code", "code_format", "template", "rom", "vars_size")


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: firmware and variables are the files that qemu-server would open."""
    firmware = fill(vm.firmware, bios="seabios")
    if firmware.bios != "ovmf":
        return replace(vm, firmware=firmware)
    code, template = _images(vm, firmware)
    if template is None:
        if firmware.vars is not None:
            report.add("warning", firmware.where, IGNORED)
        firmware = fill(firmware, code=BASE + code, code_format="raw", rom=True)
        return replace(vm, firmware=_mapped(firmware, host))
    if firmware.vars is None:
        report.add("warning", firmware.where, TEMPORARY)
        firmware = fill(firmware, format="raw")
    else:
        firmware = _located(firmware, vm, host, report)
    size = host.firmware_size(template)
    if size is None and firmware.format == "raw":
        raise BridgeError(f"the size of '{BASE}{template}' is not known: add it to firmware_bytes of the host facts", firmware.where)
    size = size if firmware.format == "raw" else None
    firmware = fill(firmware, code=BASE + code, code_format="raw", template=BASE + template, rom=False, vars_size=size)
    return replace(vm, firmware=_mapped(firmware, host))


def temporary(vmid: int | None) -> str:
    """The variables of a VM without efidisk0."""
    return TEMPORARY_VARS.format(vmid)


def _images(vm: VM, firmware: Firmware) -> tuple[str, str | None]:
    arch = vm.machine.arch or "x86_64"
    confidential = vm.security.amd_sev or vm.security.intel_tdx
    keys = bool(firmware.pre_enrolled_keys)
    return IMAGES[arch, variant(arch, vm.machine.base == "q35", firmware.efitype, keys, confidential)]


def _located(firmware: Firmware, vm: VM, host: HostFacts, report: Report) -> Firmware:
    """efidisk0's place and format; qemu-server takes the storage's format unless one is said, and refuses a bare path without one."""
    assert firmware.vars is not None
    volid = firmware.vars.volid
    if volid is None:
        return firmware
    location = storage.locate(host, volid)
    if location.storage is None and firmware.format is None:
        raise BridgeError("efidisk format must be specified", firmware.where)
    if location.kind == "volume":
        report.add("storage-unknown", firmware.where, f"efidisk0: {location.doubt}", storage.hint(host, volid), part="efidisk0")
        form = firmware.format or location.format or "raw"
    elif location.storage is None or (firmware.format and not machine_has(vm.machine.version or (), vm.machine.pve or 0, "blockdev")):
        form = firmware.format or "raw"
    else:
        form = storage.checked_format(location, "efidisk0", firmware.format)
    source = storage.source(location)
    source.where = firmware.vars.where
    return fill(replace(firmware, vars=source), format=form)


def _mapped(firmware: Firmware, host: HostFacts) -> Firmware:
    """The paths on the other side, where the user gave a map."""
    there = host.firmware_map
    if not there:
        return firmware
    return fill(
        firmware,
        target_code=there.get(firmware.code or ""),
        target_template=there.get(firmware.template or ""),
    )


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: file names become efitype and keys again; what storage and image tell anyway is unsaid."""
    firmware = vm.firmware
    if firmware.bios == "seabios":
        return replace(vm, firmware=forget(firmware, "bios"))
    if firmware.vars is not None and firmware.vars.volid is None:
        firmware = _as_efidisk(firmware, vm, host, report)
    own = firmware.rom or vm.security.amd_sev  # the image follows from the protection
    if firmware.vars is None and not own and (firmware.efitype or firmware.pre_enrolled_keys):
        words = f",efitype={firmware.efitype or '2m'}" + (",pre-enrolled-keys=1" if firmware.pre_enrolled_keys else "")
        report.add(
            "firmware-state", firmware.where, "without efidisk0 the guest gets the old 2 MiB firmware", f"add efidisk0: STORAGE:1{words}"
        )
    if vm.security.amd_sev:
        firmware = forget(firmware, "efitype", "pre_enrolled_keys")
    return replace(vm, firmware=forget(firmware, *DERIVED))


def _as_efidisk(firmware: Firmware, vm: VM, host: HostFacts, report: Report) -> Firmware:
    """The variables' place as a volume; what qemu-server cannot open starts fresh."""
    source = firmware.vars
    assert source is not None
    match = volume_id(host, source, vm.meta.vmid or 0)
    if match is None or match.volid is None:
        hosts = " ".join(f"{host.name or host.socket}:{host.port}" for host in source.hosts or ())
        shown = " ".join(filter(None, (source.protocol, source.path, source.name, source.storage, source.volume, hosts, source.conf)))
        shown = f"{firmware.format} {shown}" if firmware.format else shown
        message = f"the firmware's variables in {shown} are out of qemu-server's reach and start fresh"
        report.add("firmware-state", source.where, message, about=fields(firmware, "vars", "format", "pre_enrolled_keys"))
        return forget(firmware, "vars", "format", "efitype", "pre_enrolled_keys")
    if match.finding:
        report.add(match.finding, source.where, f"efidisk0: {match.message}", match.hint, part="efidisk0")
    if match.format is not None and match.format == firmware.format:
        firmware = forget(firmware, "format")
    elif match.volid.startswith("/") and firmware.format is None:
        firmware = replace(firmware, format="raw")
    return replace(firmware, vars=replace(source, volid=match.volid))
