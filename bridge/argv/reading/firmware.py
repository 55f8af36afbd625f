"""-bios, and flash by -drive if=pflash or by -machine pflash0=, pflash1=."""

from __future__ import annotations

from ...data.firmware import BASE, IMAGES, SECURE_NAMES, TEMPORARY_VARS, is_ovmf, is_small
from ...host.volid import path_problem
from ...model.firmware import Firmware
from . import blocks
from .blocks import Image
from .disk import check_path
from .drive import of_drive
from .line import Line
from .said import Said

BY_NAME = {code: variant for (_, variant), (code, _) in IMAGES.items()}
ROMS = frozenset(IMAGES["x86_64", kind][0] for kind in ("4m-snp", "4m-tdx"))


def read(line: Line) -> None:
    firmware = line.vm.firmware = Firmware(bios="seabios", where=line.vm.machine.where)
    code, variables = _flash(line)
    rom = line.last("bios")
    if rom is not None:
        _read_rom(line, rom, firmware)
    if code is None:
        return
    if not line.is_pve:
        check_path(code.source)
        check_path(variables.source) if variables is not None else None
    path = code.source.path or ""
    firmware.bios, firmware.where = "ovmf", code.where
    _read_code(line, path.replace("//", "/"), code, firmware)
    if variables is not None:
        _read_vars(line, variables, firmware)
    else:
        fresh = "the firmware's variables are on no flash of their own: they start fresh"
        line.late.append(lambda: line.report.add("firmware-state", code.where, fresh))


def _flash(line: Line) -> tuple[Image | None, Image | None]:
    """The two flashes, in their order."""
    found: dict[int, Image] = {}
    machine = line.vm.machine.where
    for unit in (0, 1):
        name = machine.take(f"pflash{unit}") if isinstance(machine, Said) else None
        if name is not None and (image := blocks.image_of(line, name)) is not None:
            found[unit] = image
    for drive in line.all("drive"):
        if drive.peek("if") != "pflash":
            continue
        drive.take("if")
        said = drive.number("unit")
        found[next((n for n in (0, 1) if n not in found), 2) if said is None else said] = of_drive(line, drive)
    return found.get(0), found.get(1)


def _read_rom(line: Line, said: Said, firmware: Firmware) -> None:
    """qemu-server does so for SEV-SNP and TDX only, and takes its own image then."""
    path = said.text.replace("//", "/")
    name = path.rpartition("/")[2]
    if name in ROMS:
        firmware.rom, firmware.code, firmware.bios, firmware.where = True, path, "ovmf", said
        return
    message = f"the firmware {path} is not carried over: qemu-server takes its own"
    if path_problem(path):
        line.late.append(lambda: line.report.add("guest-lost", said, message))
    else:
        firmware.rom, firmware.code, firmware.where = True, path, said
        line.late.append(lambda: line.report.mend("guest-lost", said, message, ["-bios", path]))


def _read_code(line: Line, path: str, code: Image, firmware: Firmware) -> None:
    """The image's name tells size and keys; another build than qemu-server's is another firmware for the guest."""
    firmware.code, firmware.code_format, firmware.rom = path, code.format or "raw", False
    if not code.read_only and not line.is_pve:
        line.report.add("normalised", code.where, "the firmware's code is read-only here, as nobody writes to it")
    name = path.rpartition("/")[2]
    variant = BY_NAME.get(name)
    if variant == "ms":
        firmware.pre_enrolled_keys = True
    elif variant is not None and variant.startswith("4m"):
        firmware.efitype = None if variant == "4m-sev" else "4m"
    elif variant is None:
        firmware.efitype = None if is_small(name) else "4m"
    if path == BASE + name and variant is not None:
        return
    if is_ovmf(path):
        message = f"qemu-server's own build of OVMF takes the place of {path}"
        hint = "check that Secure Boot still trusts what it trusted"
        line.late.append(lambda: line.report.add("normalised", code.where, message, hint))
    else:
        message = f"the guest gets qemu-server's own UEFI image in place of {path}"
        line.late.append(lambda: line.report.add("guest-changed", code.where, message, "compare the builds"))


def _read_vars(line: Line, image: Image, firmware: Firmware) -> None:
    path = image.source.path or ""
    if line.is_pve and path == TEMPORARY_VARS.format(line.vmid):
        return
    firmware.vars, firmware.format, firmware.vars_size = image.source, image.format or "raw", image.size
    firmware.vars.format = firmware.format
    if any(part in path.rpartition("/")[2].lower() for part in SECURE_NAMES):
        firmware.pre_enrolled_keys = True
