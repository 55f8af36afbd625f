"""os/loader, os/nvram, os@firmware (mapping-machine 9)."""

from __future__ import annotations

import json
from typing import Any

from ..core.coverage import Rows
from ..core.report import fields
from ..core.rows import Row
from ..data.firmware import BASE, IMAGES, SECURE_NAMES, is_ovmf, is_small, stock
from ..host.volid import path_problem
from ..model.disk import Source
from ..model.firmware import Firmware
from ..model.vm import VM
from .source import read_source, type_of, write_source
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("bios", "os/loader", code=True),
    Row("code", "os/loader", code=True),
    Row("code_format", "os/loader@format", code=True),
    Row("rom", "os/loader@type", code=True),
    Row("template", "os/nvram@template", code=True),
    Row("vars", "os/nvram/source", code=True),
    Row("vars_size", "qemu:commandline pflash1=efivars", code=True),
    Row("format", "os/nvram@format", code=True),
    Row("efitype", "os/loader", code=True),
)
TABLE = (Rows(Firmware, "", ROWS, ("target_code", "target_template", "fresh", "pre_enrolled_keys", "size")),)

CUT_NODE = "efivars"
CUT_FLASH = ("-machine", f"pflash1={CUT_NODE}")
"""A flash that is larger than its variables would move in the guest's memory; a raw node cuts it."""
FORMATS = ("raw", "qcow2")
READABLE = ("file", "block", "volume", "network")
NO_KEYS_BY_NAME = {code: variant for (_, variant), (code, _) in IMAGES.items()}
_ROMS = tuple(BASE + IMAGES["x86_64", kind][0] for kind in ("4m-snp", "4m-tdx"))
ROMS = frozenset(path.rpartition("/")[2] for image in _ROMS for path in (image, stock(image) or image))
"""File names of images that are loaded with -bios, on a node and elsewhere."""
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def write(vm: VM, domain: Domain) -> None:
    firmware = vm.firmware
    if firmware.bios != "ovmf" and firmware.rom and domain.described:
        domain.root.ensure("os").add("loader", firmware.code or "", type="rom")
        return
    if firmware.bios != "ovmf":
        if firmware.vars is not None:
            domain.report.add("metadata-only", firmware.where, "efidisk0 has no use without bios: ovmf")
        return
    os = domain.root.ensure("os")
    code = firmware.target_code or firmware.code or ""
    if firmware.rom:
        os.add("loader", code, type="rom", stateless="yes")
        return
    formats = domain.target.has("nvram_format")
    loader = os.add("loader", code, readonly="yes", type="pflash")
    if ".secboot." in code:  # libvirt's descriptors of firmware would have it written in SMM only; qemu-server never asks for that
        loader.set("secure", "no")
    if formats:
        loader.set("format", firmware.code_format or "raw")
    if firmware.vars is None and domain.described and firmware.template is None:
        loader.set("stateless", "yes")
        return
    if firmware.vars is None:
        os.add("nvram", template=firmware.target_template or firmware.template or "")
        domain.report.add(
            "firmware-state",
            firmware.where,
            "the firmware's variables were lost at every stop; libvirt makes a file of them and keeps it",
            "start the domain with virsh start --reset-nvram",
        )
        return
    _write_vars(firmware, firmware.vars, domain, os)


def _write_vars(firmware: Firmware, source: Source, domain: Domain, os: Node) -> None:
    target = domain.target
    if source.kind == "file" and not target.has("nvram_source"):
        nvram = os.add("nvram", source.path or "")
        if firmware.fresh:
            nvram.set("template", firmware.target_template or firmware.template or "")
    else:
        if source.kind != "file" and not target.has("nvram_block"):
            domain.report.add(
                "fallback", firmware.where, f"the target's libvirt does not start with variables on {source.volid}", "copy them to a file"
            )
        nvram = os.add("nvram", type=type_of(source))
        if firmware.fresh:
            nvram.set("template", firmware.target_template or firmware.template or "")
        if target.has("nvram_format"):
            nvram.set("format", firmware.format or "raw")
        write_source(nvram, source, domain)
    if firmware.format == "qcow2" and not target.has("nvram_format"):
        domain.report.add("guest-lost", firmware.where, "the target's libvirt takes raw variables only", "convert efidisk0 to raw")
    if firmware.format == "raw" and not firmware.fresh and not _exact(firmware, source):
        cut = {"driver": "raw", "size": firmware.vars_size, "node-name": CUT_NODE, "file": "libvirt-pflash1-storage"}
        domain.arguments += ("-blockdev", json.dumps(cut, separators=(",", ":")), *CUT_FLASH)


def _exact(firmware: Firmware, source: Source) -> bool:
    """The image holds the variables and nothing else; block devices and Ceph images are rounded up."""
    if source.kind not in ("file", "volume"):
        return False
    size = firmware.size
    if size is None or firmware.vars_size is None:
        return True
    number, unit = size.rstrip("KMGTiB"), size.lstrip("0123456789.")[:1]
    return float(number or 0) * UNITS.get(unit, 1) == firmware.vars_size


# Reading


def read(domain: Domain, vm: VM) -> None:
    os = domain.root.peek("os")
    firmware = vm.firmware = Firmware(bios="seabios", where=os)
    if os is None:
        return
    auto = os.attrib.get("firmware")
    if auto in ("efi", "bios"):
        os.take("firmware")
        firmware.bios = "ovmf" if auto == "efi" else "seabios"
    _read_auto(domain, os, firmware)
    if (varstore := os.only("varstore")) is not None:
        _read_varstore(domain, varstore, firmware)
    loader = os.only("loader")
    if loader is not None:
        _read_loader(domain, loader, firmware)
    nvram = os.only("nvram")
    if nvram is not None:
        _read_nvram(domain, nvram, firmware)
    if firmware.vars is not None and firmware.bios != "ovmf":
        domain.report.add("normalised", nvram, f"variables of UEFI, which this firmware is not: {_of(firmware.vars)} is left behind")
        firmware.vars = None
    if auto == "efi" and not firmware.code:
        firmware.efitype = "4m"
        domain.report.add(
            "ambiguous",
            os,
            "libvirt chooses the UEFI image by itself; the 4 MiB build of qemu-server stands in",
            "set efitype if it is another",
        )
    _read_cut(domain, firmware)


def _read_varstore(domain: Domain, node: Node, firmware: Firmware) -> None:
    """UEFI whose variables QEMU itself keeps, in a file of JSON (libvirt 12.1); the image of such a UEFI is loaded with -bios."""
    firmware.bios = "ovmf"
    message = f"{node.outline()}: the firmware's variables are in a file that its own kind of UEFI reads; here they start fresh"
    domain.report.add("firmware-state", node, message, "enroll the keys of Secure Boot again, and add the boot entries")
    node.claim_text("template", "path")


def _read_auto(domain: Domain, os: Node, firmware: Firmware) -> None:
    """<firmware><feature>: what an automatically chosen image must have."""
    for node in os.all("firmware"):
        for feature in node.all("feature"):
            name, enabled = feature.attrib.get("name"), feature.attrib.get("enabled")
            if name == "enrolled-keys" and enabled in ("yes", "no"):
                feature.claim_text("name", "enabled")
                firmware.pre_enrolled_keys = enabled == "yes" or None
            elif name == "secure-boot" and enabled in ("yes", "no"):
                feature.claim_text("name", "enabled")
                firmware.secure = enabled == "yes"
                if enabled == "yes":
                    message = "Secure Boot is wanted: qemu-server's 4 MiB build on q35 has it, with keys or without"
                    domain.report.add("ambiguous", feature, message, about=fields(firmware, "secure"))


def _read_loader(domain: Domain, node: Node, firmware: Firmware) -> None:
    report = domain.report
    path = node.value() or None
    kind = node.take("type") or ("pflash" if firmware.bios == "ovmf" else "rom")
    if kind == "pflash":
        firmware.bios = "ovmf"
    node.expect("format", "raw", "qcow2")
    if not node.expect("readonly", "yes") and kind == "pflash" and node.attrib.get("readonly") == "no":
        node.take("readonly")
        known = path is not None and is_ovmf(path)  # its variables have a flash of their own: nobody writes to the code
        report.add("normalised" if known else "guest-changed", node, "the firmware's code is read-only under qemu-server")
    stateless = node.take("stateless")
    if stateless == "yes" and kind == "pflash":
        report.add(
            "firmware-state",
            node,
            "the firmware keeps no variables (stateless): without efidisk0 qemu-server throws them away at each stop",
        )
    elif stateless not in (None, "yes", "no"):
        node.set("stateless", stateless)
    secure = node.take("secure")
    if secure == "yes":
        message = "variables could be written in SMM only (secure='yes'); qemu-server never asks for that"
        report.mend("guest-changed", node, message, ["-global", "driver=cfi.pflash01,property=secure,value=on"])
    elif secure not in (None, "no"):
        node.set("secure", secure)
    if kind not in ("pflash", "rom"):
        node.set("type", kind)
    elif kind == "rom" and path is not None:
        _read_rom(domain, node, path, firmware)
    elif path is not None:
        _read_code(domain, node, path, firmware)


def _read_rom(domain: Domain, node: Node, path: str, firmware: Firmware) -> None:
    """-bios: qemu-server does so for SEV-SNP and TDX only, and takes its own image then."""
    firmware.rom, firmware.code = True, path
    name = path.rpartition("/")[2]
    if firmware.bios == "ovmf" and (domain.root.peek("os") or node).peek("varstore") is not None:
        domain.report.add("guest-changed", node, f"the guest gets qemu-server's own UEFI image in place of {path}", "compare the builds")
        firmware.rom = firmware.code = None
        return
    if name in ROMS or domain.root.peek("launchSecurity") is not None:
        firmware.bios = "ovmf"
    else:
        message = f"the firmware {path} is not carried over: qemu-server takes its own"
        if path_problem(path):
            domain.report.add("guest-lost", node, message)
        else:
            domain.report.mend("guest-lost", node, message, ["-bios", path])
        firmware.rom = firmware.code = None


def _read_code(domain: Domain, node: Node, path: str, firmware: Firmware) -> None:
    """The image's name tells size and keys; another build than qemu-server's is another firmware for the guest."""
    firmware.code, firmware.code_format, firmware.rom = path, "raw", False
    name = path.rpartition("/")[2]
    variant = NO_KEYS_BY_NAME.get(name)
    ours = path == BASE + name and variant is not None
    if variant is not None and variant.startswith("4m"):
        firmware.efitype = None if variant == "4m-sev" else "4m"
    elif variant is None:
        firmware.efitype = None if is_small(name) else "4m"
    if ours:
        return
    if is_ovmf(path):
        domain.report.add(
            "normalised",
            node,
            f"qemu-server's own build of OVMF takes the place of {path}",
            "check that Secure Boot still trusts what it trusted",
        )
    else:
        domain.report.add(
            "guest-changed",
            node,
            f"the guest gets qemu-server's own UEFI image in place of {path}",
            "compare the builds",
        )


def _read_nvram(domain: Domain, node: Node, firmware: Firmware) -> None:
    template = node.take("template")
    if template is not None:
        firmware.template = template
        name = template.rpartition("/")[2].lower()
        if any(part in name for part in SECURE_NAMES):
            firmware.pre_enrolled_keys = True
        if not template.startswith(BASE):
            domain.report.add("normalised", node, f"new variables came from {template}; qemu-server takes its own template")
    node.expect("templateFormat", "raw", "qcow2")
    form = node.attrib.get("format")
    if form in FORMATS:
        node.take("format")
        firmware.format = form
    source = node.peek("source")
    path = node.value()
    if path:
        firmware.vars = Source(kind="file", path=path, format=form or "raw", where=node)
    elif source is not None:
        _read_source(domain, node, firmware)
    if firmware.vars is None:
        kind = f"a {form} file" if form in FORMATS else "a file"
        domain.report.add(
            "firmware-state", node, f"libvirt keeps the firmware's variables in {kind} of its own; without efidisk0 they start fresh",
            "copy the file to a volume and add efidisk0",
        )  # fmt: skip
        firmware.format = None


def _of(source: Source) -> str:
    return source.path or source.volid or source.name or source.volume or "the file"


def _read_source(domain: Domain, nvram: Node, firmware: Firmware) -> None:
    kind = nvram.attrib.get("type")
    if kind not in READABLE:
        domain.report.add("guest-lost", nvram, f"{nvram.whole()} has no counterpart: the firmware's variables start fresh")
        return
    nvram.take("type")
    source = read_source(nvram, kind, firmware.format or "raw", domain)
    if source.kind != "empty":
        firmware.vars = source


def _read_cut(domain: Domain, firmware: Firmware) -> None:
    """The node that cuts a larger image: it goes away by itself."""
    if firmware.vars is None or not domain.take_arguments(*CUT_FLASH):
        return
    for word in domain.arguments:
        if f'"node-name":"{CUT_NODE}"' not in word:
            continue
        try:
            found: Any = json.loads(word)
        except ValueError:
            return
        size = found.get("size") if isinstance(found, dict) else None
        if isinstance(size, int) and domain.take_arguments("-blockdev", word):
            firmware.vars_size = size
        return
