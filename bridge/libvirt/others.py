"""Devices and options that no part of the model holds, as elements of libvirt's, or as raw words of QEMU's command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..data.properties import type_of
from ..host.volid import path_problem
from ..model.disk import Disk
from ..model.other import Other
from ..model.part import PCIAddress, SerialAddress, USBAddress
from ..model.vm import VM
from ..shellwords import without_secrets
from .address import write_serial, write_usb
from .cards import MODELS, write_card
from .chardevs import write_chardev
from .device import alias
from .disk import write_disk
from .domain import Domain
from .node import Node
from .properties import VIRTIO
from .shown import write_shown

Properties = dict[str, Any]
Builder = Callable[["Writer", Properties], "Node | None"]


class Writer:
    """One device while its element is made. `index` gives the number of a controller by type and key."""

    def __init__(self, vm: VM, domain: Domain, other: Other) -> None:
        self.vm = vm
        self.domain = domain
        self.other = other
        self.late: list[Node] = []
        """Elements beside the device's own."""
        self.inside = False
        """The element stands in another one already, and has no name and no place of its own."""

    def add(self, tag: str, **attributes: str) -> Node:
        """The element, not yet in the tree: a builder may still find that there is none for the device."""
        return Node(tag, attributes, self.domain.devices)

    def chardev(self, node: Node) -> bool:
        backend = self.other.backends.get("chardev")
        if backend is not None and backend.properties.get("backend") in ("spicevmc", "spiceport") and not self._has_spice():
            return False  # libvirt refuses it, QEMU does not
        return backend is not None and write_chardev(self.domain, node, backend)

    def _has_spice(self) -> bool:
        return any(child.tag == "graphics" and child.attrib.get("type") == "spice" for child in self.domain.devices.children)

    def index(self, type_: str, key: str) -> int:
        return next((c.index or 0 for c in self.vm.controllers if c.type == type_ and c.key == key), 0)


def write_other(vm: VM, domain: Domain, other: Other) -> None:
    """An element where libvirt has one; else words for QEMU, if the caller wants them."""
    shown = without_secrets(other.value if other.driver is not None else f"-{other.option} {other.value}".rstrip())
    kind = "guest-lost" if other.driver is not None else "unknown"
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
    if other.option == "boot" and (time := str(other.properties.get("splash-time", ""))).isdigit():
        os.ensure("bootmenu").attrib |= {"enable": os.ensure("bootmenu").attrib.get("enable", "yes"), "timeout": time}
        return True
    return False


def global_property(text: str) -> tuple[str, str, str] | None:
    """`driver.property=value`, or `driver=…,property=…,value=…`."""
    said = dict(part.partition("=")[::2] for part in text.split(","))
    if {"driver", "property", "value"} <= said.keys():
        return said["driver"], said["property"], said["value"]
    name, _, value = text.partition("=")
    driver, _, prop = name.rpartition(".")
    return driver, prop, value


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


def set_properties(domain: Domain, node: Node, name: str, driver: str, said: Properties) -> None:
    """Properties without an attribute of their own: those of every virtio device in <driver>, others by qemu:override."""
    back = {there: here for here, there in VIRTIO.items()}
    for prop, value in said.items():
        text = spelled(value)
        if prop in ("rombar", "romfile", "transitional"):
            _rom_or_model(node, prop, text)
            continue
        if prop in back and text in ("on", "off") and driver.startswith(("virtio-", "vhost-")):
            node.ensure("driver").set(back[prop], text)
            continue
        type_ = _type(driver, prop, value)
        shown = {"on": "true", "off": "false"}.get(text, text) if type_ == "bool" else text
        domain.set_override(name, prop, type_, shown)


def _rom_or_model(node: Node, prop: str, text: str) -> None:
    """<rom>, and the model of a virtio device for guests of before or after version 1."""
    if prop == "rombar":
        node.ensure("rom").set("bar", "off" if text in ("0", "off") else "on")
    elif prop == "romfile" and text:
        node.ensure("rom").set("file", text)
    elif prop == "romfile":
        node.ensure("rom").set("enabled", "no")
    else:
        model = "virtio-non-transitional" if "-non-" in text else "virtio-transitional"
        if node.tag == "interface":
            node.ensure("model").set("type", model)
        else:
            node.set("model", model)


def _type(driver: str, prop: str, value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "signed" if value < 0 else "unsigned"
    text = str(value)
    wanted = type_of(driver, prop)
    if wanted == "switch" and text in ("on", "off"):
        return "bool"
    return "unsigned" if wanted == "number" and text.isdigit() else "string"


def spelled(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


# Ports


def _serial(target: str, model: str) -> Builder:
    def build(writer: Writer, said: Properties) -> Node | None:
        node = writer.add("serial")
        if not writer.chardev(node):
            return None
        port = said.pop("index", None)
        at = node.add("target", type=target)
        if target == "isa-serial":
            taken = [n for n in map(_port, writer.domain.devices.children) if n is not None]
            at.set("port", str(port if port is not None else next(n for n in range(len(taken) + 1) if n not in taken)))
        at.add("model", name=model)
        return node

    return build


def _port(node: Node) -> int | None:
    target = node.peek("target") if node.tag == "serial" else None
    text = target.attrib.get("port", "") if target is not None else ""
    return int(text) if text.isdigit() else None


def _parallel(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("parallel")
    if not writer.chardev(node):
        return None
    rank = sum(child.tag == "parallel" for child in writer.domain.devices.children)
    node.add("target", port=str(said.pop("index", rank)))
    return node


def _channel(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("channel")
    if not writer.chardev(node):
        return None
    target = node.add("target", type="virtio")
    if (name := said.pop("name", None)) is not None:
        target.set("name", str(name))
    return node


def _console(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("console")
    if not writer.chardev(node):
        return None
    said.pop("name", None)
    node.add("target", type="virtio", port=str(sum(child.tag == "console" for child in writer.domain.devices.children)))
    return node


def _redirdev(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("redirdev", bus="usb")
    if not writer.chardev(node):
        return None
    _boot(node, said)
    return node


def _smartcard(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("smartcard", mode="passthrough")
    if not writer.chardev(node):
        return None
    said.pop("bus", None)
    return node


def _boot(node: Node, said: Properties) -> None:
    if (order := said.pop("bootindex", None)) is not None:
        node.add("boot", order=str(order))


# USB and input


def _hub(writer: Writer, said: Properties) -> Node:
    said.pop("ports", None)
    return writer.add("hub", type="usb")


def _input(type_: str, bus: str) -> Builder:
    def build(writer: Writer, said: Properties) -> Node:
        node = writer.add("input", type=type_, bus=bus)
        if (event := said.pop("evdev", None)) is not None:
            node.add("source", evdev=str(event))
        return node

    return build


def _usb_host(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("hostdev", mode="subsystem", type="usb", managed="no")
    source = node.add("source")
    path = str(said.pop("hostdevice", ""))
    bus, _, device = path.removeprefix("/dev/bus/usb/").partition("/")
    if "vendorid" in said and "productid" in said:
        for tag in ("vendor", "product"):
            number = _number(said.pop(f"{tag}id"))
            if number is None:
                return None
            source.add(tag, id=f"0x{number:04x}")
    elif bus.isdigit() and device.isdigit():
        source.add("address", bus=str(int(bus)), device=str(int(device)))
    elif "hostbus" in said and "hostaddr" in said:
        source.add("address", bus=str(said.pop("hostbus")), device=str(said.pop("hostaddr")))
    else:
        return None
    _boot(node, said)
    return node


def _number(value: object) -> int | None:
    try:
        return int(str(value), 0)
    except ValueError:
        return None


# Sound

SOUND = {
    "AC97": "ac97", "ES1370": "es1370", "sb16": "sb16", "intel-hda": "ich6", "ich9-intel-hda": "ich9", "usb-audio": "usb",
    "virtio-sound-pci": "virtio",
}  # fmt: skip
CODECS = {"hda-duplex": "duplex", "hda-micro": "micro", "hda-output": "output"}


def _sound(writer: Writer, said: Properties) -> Node:
    domain, other = writer.domain, writer.other
    node = writer.add("sound", model=SOUND[other.driver or ""])
    backend = other.backends.get("audiodev")
    _audio(writer, node, said, backend)
    del domain
    return node


def _audio(writer: Writer, node: Node, said: Properties, backend: Any) -> None:
    said.pop("audiodev", None)
    if backend is None:
        return
    kind, digits = str(backend.properties.get("driver", "none")), (backend.key or "").removeprefix("audio")
    rank = digits if digits.isdigit() and digits != "0" else "1"
    devices = writer.domain.devices.children
    if node.peek("audio") is None:
        node.add("audio", id=rank)
    if not any(child.tag == "audio" and child.attrib.get("id") == rank for child in devices):
        known = kind in ("alsa", "coreaudio", "dbus", "jack", "none", "oss", "pulseaudio", "sdl", "spice")
        type_ = {"pa": "pulseaudio"}.get(kind, kind if known else "none")
        writer.late.append(Node("audio", {"id": rank, "type": type_}, writer.domain.devices))
        rest = {name for name in backend.properties if name not in ("driver", "id")}
        if rest:
            writer.domain.report.add("host-lost", backend.where, f"-audiodev {backend.key}: {', '.join(sorted(rest))} is not kept")


def _codec(writer: Writer, said: Properties) -> Node | None:
    """Into the <sound> that it hangs on."""
    bus = str(said.get("bus", "")).rpartition(".")[0]
    for node in writer.domain.devices.children:
        found = node.peek("alias") if node.tag == "sound" else None
        if found is not None and (not bus or found.attrib.get("name") == alias(bus)):
            codec = Node("codec", {"type": CODECS[writer.other.driver or ""]}, node)
            node.children.insert(sum(child.tag == "codec" for child in node.children), codec)
            _audio(writer, node, said, writer.other.backends.get("audiodev"))
            writer.inside = True
            return codec
    return None


# Small devices


def _rng(writer: Writer, said: Properties) -> Node | None:
    backend = writer.other.backends.get("rng")
    if backend is None:
        return None
    node = writer.add("rng", model=_model(writer))
    limit, period = said.pop("max-bytes", None), said.pop("period", None)
    if limit is not None:
        rate = node.add("rate", bytes=str(limit))
        if period is not None:
            rate.set("period", str(period))
    kind = backend.properties.get("qom-type")
    said.pop("rng", None)
    if kind == "rng-random":
        node.add("backend", str(backend.properties.get("filename", "/dev/urandom")), model="random")
    elif kind == "rng-builtin":
        node.add("backend", model="builtin")
    elif kind == "rng-egd" and (socket := backend.below.get("chardev")) is not None:
        inner = node.add("backend", model="egd")
        if not write_chardev(writer.domain, inner, socket):
            return None
    else:
        return None
    return node


def _model(writer: Writer, base: str = "virtio") -> str:
    driver = writer.other.driver or ""
    return base + ("-non-transitional" if "-non-transitional" in driver else "-transitional" if "-transitional" in driver else "")


def _watchdog(writer: Writer, said: Properties) -> Node:
    node = writer.add("watchdog", model=writer.other.driver or "")
    if (action := said.pop("action", None)) is not None:
        node.set("action", {"debug": "none"}.get(str(action), str(action)))
    return node


def _tpm(writer: Writer, said: Properties) -> Node | None:
    backend = writer.other.backends.get("tpmdev")
    kind = backend.properties.get("type") if backend is not None else None
    if backend is None or kind not in ("emulator", "passthrough"):
        return None
    said.pop("tpmdev", None)
    node = writer.add("tpm", model=writer.other.driver or "")
    inner = node.add("backend", type=str(kind))
    if kind == "passthrough":
        inner.add("device", path=str(backend.properties.get("path", "/dev/tpm0")))
    else:
        inner.set("version", "2.0")
        message = "the state and the version of the TPM are swtpm's, and not on the command line: libvirt starts one of version 2.0 afresh"
        writer.domain.report.add("tpm-state", writer.other.where, message)
    return node


def _panic(model: str) -> Builder:
    def build(writer: Writer, said: Properties) -> Node:
        node = writer.add("panic", model=model)
        if model == "isa":
            port = _number(said.pop("ioport", 0x505))
            node.add("address", type="isa", iobase=f"0x{port:x}")
        return node

    return build


def _vsock(writer: Writer, said: Properties) -> Node:
    node = writer.add("vsock", model=_model(writer))
    node.add("cid", auto="no", address=str(said.pop("guest-cid", "3")))
    said.pop("vhostfd", None)
    return node


def _crypto(writer: Writer, said: Properties) -> Node | None:
    backend = writer.other.backends.get("cryptodev")
    kind = str(backend.properties.get("qom-type", "")) if backend is not None else ""
    if backend is None or kind != "cryptodev-backend-builtin":
        return None
    said.pop("cryptodev", None)
    node = writer.add("crypto", model="virtio", type="qemu")
    inner = node.add("backend", model="builtin")
    if "queues" in backend.properties:
        inner.set("queues", str(backend.properties["queues"]))
    return node


def _share(writer: Writer, said: Properties) -> Node | None:
    """virtiofsd is a process of its own; libvirt takes the socket of one that runs."""
    backend = writer.other.backends.get("chardev")
    if backend is None or "path" not in backend.properties:
        return None
    node = writer.add("filesystem", type="mount")
    driver = node.add("driver", type="virtiofs")
    if (size := said.pop("queue-size", None)) is not None:
        driver.set("queue", str(size))
    node.add("source", socket=str(backend.properties["path"]))
    node.add("target", dir=str(said.pop("tag", "")))
    _boot(node, said)
    return node


SECURITY = {"mapped": "mapped", "mapped-xattr": "mapped", "passthrough": "passthrough", "none": "squash"}


def _ninep(writer: Writer, said: Properties) -> Node | None:
    backend = writer.other.backends.get("fsdev")
    path = str(backend.properties.get("path", "")) if backend is not None else ""
    model = str(backend.properties.get("security_model", "none")) if backend is not None else ""
    if backend is None or backend.properties.get("fsdriver") != "local" or model not in SECURITY or path_problem(path):
        return None
    node = writer.add("filesystem", type="mount", accessmode=SECURITY[model])
    node.add("source", dir=path)
    node.add("target", dir=str(said.pop("mount_tag", "")))
    if spelled(backend.properties.get("readonly", "off")) == "on":
        node.add("readonly")
    said.pop("fsdev", None)
    return node


def _card(writer: Writer, said: Properties) -> Node:
    driver = writer.other.driver or ""
    first = not any(child.tag == "video" for child in writer.domain.devices.children)
    node = writer.add("video")
    instead = write_card(node, driver, said, first)
    if instead is not None:
        writer.domain.set_override(alias(writer.other.key or ""), "driver", "string", instead)
    return node


IOMMU = {
    "aw-bits": "aw_bits", "caching-mode": "caching_mode", "device-iotlb": "iotlb", "dma-translation": "dma_translation", "eim": "eim",
    "intremap": "intremap", "granule": "granule",
}  # fmt: skip


def _iommu(writer: Writer, said: Properties) -> Node:
    node = writer.add("iommu", model="intel" if writer.other.driver == "intel-iommu" else "virtio")
    driver = {name: spelled(said.pop(prop)) for prop, name in IOMMU.items() if prop in said}
    if driver:
        node.add("driver").attrib = driver
    return node


def _fdc(writer: Writer, said: Properties) -> Node:
    for name in ("driveA", "driveB", "bootindexA", "bootindexB"):
        said.pop(name, None)
    return writer.add("controller", type="fdc", index="0")


def _vmcoreinfo(writer: Writer, said: Properties) -> Node:
    del said
    writer.inside = True
    return writer.domain.root.ensure("features").add("vmcoreinfo", state="on")


def _erst(writer: Writer, said: Properties) -> Node | None:
    backend = writer.other.backends.get("memdev")
    if backend is None or "mem-path" not in backend.properties:
        return None
    said.pop("memdev", None)
    node = writer.add("pstore", backend="acpi-erst")
    node.add("path", str(backend.properties["mem-path"]))
    node.add("size", str((_number(backend.properties.get("size", 65536)) or 65536) // 1024), unit="KiB")
    return node


# Disks on buses that no config has

DISK_BUSES = {"usb-storage": "usb", "floppy": "fdc"}


def _disk(writer: Writer, said: Properties) -> Node | None:
    disk = writer.other.disk
    if disk is None:
        return None
    bus = DISK_BUSES[writer.other.driver or ""]
    prefix = "fd" if bus == "fdc" else "sd"
    unit = _number(said.pop("unit", 0)) or 0
    letters = "abcdefghijklmnopqrstuvwxyz"
    taken = {t.attrib.get("dev") for c in writer.domain.devices.children if c.tag == "disk" and (t := c.peek("target")) is not None}
    wished = f"fd{letters[unit % 26]}" if bus == "fdc" else None
    target = wished if wished is not None and wished not in taken else next(f"{prefix}{x}" for x in letters if f"{prefix}{x}" not in taken)
    node = write_disk(writer.vm, _named(disk, writer.other.key, target, bus), writer.domain)
    at = node.peek("target")
    if at is not None and "removable" in said:
        at.set("removable", spelled(said.pop("removable")))
    if bus == "fdc":
        node.set("device", "floppy")
        node.add("address", type="drive", controller="0", bus="0", target="0", unit=str(unit))
        said.pop("drive-type", None)
        said.pop("bus", None)
    for name in ("drive", "bootindex", "serial", "write-cache", "share-rw"):
        said.pop(name, None)
    writer.domain.devices.children.remove(node)
    return node


def _named(disk: Disk, key: str | None, target: str, bus: str) -> Disk:
    from msgspec.structs import replace

    return replace(disk, key=key, target=target, bus=bus, address=None)


BUILDERS: dict[str, Builder] = {
    "isa-serial": _serial("isa-serial", "isa-serial"),
    "pci-serial": _serial("pci-serial", "pci-serial"),
    "usb-serial": _serial("usb-serial", "usb-serial"),
    "isa-parallel": _parallel,
    "virtserialport": _channel,
    "virtconsole": _console,
    "usb-redir": _redirdev,
    "usb-host": _usb_host,
    "usb-hub": _hub,
    "ccid-card-passthru": _smartcard,
    **{f"usb-{name}": _input(type_, "usb") for name, type_ in (("mouse", "mouse"), ("kbd", "keyboard"), ("tablet", "tablet"))},
    **{f"virtio-{name}-pci": _input(name, "virtio") for name in ("mouse", "keyboard", "tablet")},
    "virtio-input-host-pci": _input("passthrough", "virtio"),
    **dict.fromkeys(SOUND, _sound),
    **dict.fromkeys(CODECS, _codec),
    **dict.fromkeys(("virtio-rng-pci", "virtio-rng-pci-transitional", "virtio-rng-pci-non-transitional"), _rng),
    **dict.fromkeys(("i6300esb", "ib700"), _watchdog),
    **dict.fromkeys(("tpm-tis", "tpm-crb"), _tpm),
    "pvpanic": _panic("isa"),
    "pvpanic-pci": _panic("pvpanic"),
    "vhost-vsock-pci": _vsock,
    "virtio-crypto-pci": _crypto,
    "vhost-user-fs-pci": _share,
    "virtio-9p-pci": _ninep,
    "acpi-erst": _erst,
    "vmcoreinfo": _vmcoreinfo,
    "isa-fdc": _fdc,
    **dict.fromkeys(("intel-iommu", "virtio-iommu-pci"), _iommu),
    **dict.fromkeys(MODELS, _card),
    **dict.fromkeys(DISK_BUSES, _disk),
}
"""QEMU's device -> the element. What is popped of the properties is in it."""
