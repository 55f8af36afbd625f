"""Devices and options that no part of the model holds, as elements of libvirt's, or as raw words of QEMU's command line."""

from __future__ import annotations

from ...core.shellwords import without_secrets
from ...data.qemu import HOST
from ...model.part import PCIAddress, SerialAddress, USBAddress
from ...model.raw import Other
from ...model.vm import VM
from ..address import write_serial, write_usb
from ..device import alias
from ..tree.domain import Domain
from ..tree.node import Node
from . import drives, input, ports, small, sound  # noqa: A004  the kind's own name
from .cards import MODELS
from .shown import write_shown
from .writer import Builder, Properties, Writer, set_properties, spelled


def write_other(vm: VM, domain: Domain, other: Other) -> None:
    """An element where libvirt has one; else words for QEMU, if the caller wants them."""
    shown = without_secrets(other.value if other.driver is not None else f"-{other.option} {other.value}".rstrip())
    kind = "guest-lost" if other.driver is not None else "host-lost" if other.option in HOST else "unknown"
    if other.problem is not None:
        secret = other.option == "object" and "secret" in other.value
        domain.report.add("secret-left-out" if secret else kind, other.where, f"{shown} is left out", other.problem)
        return
    if write_shown(vm, domain, other) or _write_setting(domain, other):
        return
    if other.driver is not None and (builder := BUILDERS.get(other.driver)) is not None:
        writer, said = Writer(vm, domain, other), dict(other.properties)
        node = builder(writer, said)
        if node is not None:
            _finish(writer, node, said)
            return
    needs = [word for backend in other.backends.values() for word in backend.words]
    domain.report.mend(kind, other.where, f"{shown} has no form of its own in a domain", other.words, needs)


def _write_setting(domain: Domain, other: Other) -> bool:
    """Settings of the board that libvirt has an element for."""
    os = domain.root.ensure("os")
    if other.option == "global":
        loader = os.peek("loader")
        smm = domain.root.ensure("features").peek("smm")
        without = smm is not None and smm.attrib.get("state") == "off"
        if global_property(other.value) != ("cfi.pflash01", "secure", "on") or loader is None or without:
            return False  # without SMM libvirt refuses what QEMU takes
        loader.set("secure", "yes")
        return True
    if other.option == "watchdog-action" and domain.root.peek("os") is not None:
        node = os.peek("type")
        if domain.devices.peek("watchdog") is not None:
            return True
        if node is None or "q35" not in node.attrib.get("machine", ""):
            return False
        domain.devices.add("watchdog", model="itco", action={"debug": "none"}.get(other.value, other.value))
        return True
    if other.option == "machine" and (state := spelled(other.properties.get("vmport"))) in ("on", "off"):
        domain.root.ensure("features").add("vmport", state=state)
        return True
    if other.option == "object" and other.properties.get("qom-type") == "input-linux":
        return _write_evdev(domain, other)
    if other.option == "fw_cfg":
        return _write_fw_cfg(domain, other.properties)
    if other.option == "boot" and (time := str(other.properties.get("splash-time", ""))).isdigit():
        os.ensure("bootmenu").attrib |= {"enable": os.ensure("bootmenu").attrib.get("enable", "yes"), "timeout": time}
        return True
    return False


def _write_evdev(domain: Domain, other: Other) -> bool:
    """A keyboard or mouse of the host's, shared with the guest by a key."""
    said = {name: spelled(value) for name, value in other.properties.items() if name not in ("qom-type", "id")}
    if "evdev" not in said or said.keys() - {"evdev", "grab_all", "repeat", "grab-toggle"}:
        return False
    node = domain.devices.add("input", type="evdev").add("source", dev=said["evdev"])
    if said.get("grab_all") in ON:
        node.set("grab", "all")
        node.set("grabToggle", said.get("grab-toggle", "ctrl-ctrl"))
    if "repeat" in said:
        node.set("repeat", "on" if said["repeat"] in ON else "off")
    return True


ON = ("on", "yes", "true", "y")
RESERVED = ("opt/ovmf/", "opt/org.qemu/")
"""Names that libvirt keeps for firmware and QEMU (virSysinfoParseFWCfgDef)."""


def _write_fw_cfg(domain: Domain, said: Properties) -> bool:
    """A file of the guest's firmware, of a text or of a file of the host."""
    name, rest = str(said.get("name", "")), said.keys() - {"name"}
    if not name.startswith("opt/") or name.startswith(RESERVED) or rest not in ({"file"}, {"string"}):
        return False
    text, path = str(said.get("string", "")), said.get("file")
    if path is None and (not text or text != text.strip() or not (text.isascii() and text.isprintable())):
        return False  # an element's text would be another
    sysinfo = next((node for node in domain.root.children if node.tag == "sysinfo" and node.attrib.get("type") == "fwcfg"), None)
    entry = (sysinfo or domain.root.add("sysinfo", type="fwcfg")).add("entry", name=name)
    if path is None:
        entry.text = text
    else:
        entry.set("file", str(path))
    return True


def global_property(text: str) -> tuple[str, str, str] | None:
    """`driver.property=value`, or `driver=…,property=…,value=…`."""
    said = dict(part.partition("=")[::2] for part in text.split(","))
    if {"driver", "property", "value"} <= said.keys():
        return said["driver"], said["property"], said["value"]
    name, _, value = text.partition("=")
    driver, _, prop = name.rpartition(".")
    return driver, prop, value


NAMELESS = frozenset(("smartcard",))
"""Elements that a schema of libvirt's gives no alias, by which QEMU's properties would find them."""


def _finish(writer: Writer, node: Node, said: Properties) -> None:
    """Alias, place, and what the element has no attribute for."""
    domain, other = writer.domain, writer.other
    if not writer.inside:
        domain.devices.children.append(node)
    domain.devices.children += writer.late
    for name in ("chardev", "id"):
        said.pop(name, None)
    if writer.inside:
        return
    if node.tag in NAMELESS:
        for prop, value in said.items():
            domain.report.add("guest-lost", other.where, f"{prop}={spelled(value)} of {other.driver} has no form in a domain")
        return
    name = alias(other.key or "")
    if node.peek("alias") is None:
        node.add("alias", name=name)
    address = other.address
    if node.peek("address") is None:
        if isinstance(address, PCIAddress):
            domain.pci_address(node, address)
        elif isinstance(address, USBAddress):
            write_usb(node, address, writer.index("usb", address.bus))
        elif isinstance(address, SerialAddress):
            write_serial(node, address, writer.index("virtio-serial", address.controller))
    set_properties(domain, node, name, other.driver or "", said)


BUILDERS: dict[str, Builder] = {
    "isa-serial": ports.serial("isa-serial", "isa-serial"),
    "pci-serial": ports.serial("pci-serial", "pci-serial"),
    "usb-serial": ports.serial("usb-serial", "usb-serial"),
    "isa-parallel": ports.parallel,
    "virtserialport": ports.channel,
    "virtconsole": ports.console,
    "usb-redir": ports.redirdev,
    "usb-host": input.usb_host,
    "usb-hub": input.hub,
    "ccid-card-passthru": ports.smartcard,
    **{f"usb-{name}": input.pointer(type_, "usb") for name, type_ in (("mouse", "mouse"), ("kbd", "keyboard"), ("tablet", "tablet"))},
    **{f"virtio-{name}-pci": input.pointer(name, "virtio") for name in ("mouse", "keyboard", "tablet")},
    "virtio-input-host-pci": input.pointer("passthrough", "virtio"),
    **dict.fromkeys(sound.SOUND, sound.sound),
    **dict.fromkeys(sound.CODECS, sound.codec),
    **dict.fromkeys(("virtio-rng-pci", "virtio-rng-pci-transitional", "virtio-rng-pci-non-transitional"), small.rng),
    **dict.fromkeys(("i6300esb", "ib700"), small.watchdog),
    **dict.fromkeys(("tpm-tis", "tpm-crb"), small.tpm),
    "pvpanic": small.panic("isa"),
    "pvpanic-pci": small.panic("pvpanic"),
    "vhost-vsock-pci": small.vsock,
    "virtio-crypto-pci": small.crypto,
    "vhost-user-fs-pci": small.share,
    "virtio-9p-pci": small.ninep,
    "acpi-erst": small.erst,
    "ivshmem-plain": small.shmem,
    "vmcoreinfo": small.vmcoreinfo,
    "isa-fdc": small.fdc,
    **dict.fromkeys(("intel-iommu", "virtio-iommu-pci"), small.iommu),
    **dict.fromkeys(MODELS, small.card),
    **dict.fromkeys(drives.DISK_BUSES, drives.disk),
}
"""QEMU's device -> the element. What is popped of the properties is in it."""
