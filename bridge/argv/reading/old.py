"""What QEMU makes of options that name no device: -hda, -drive if=…, -nic, -vga, -serial, -usb, and the devices that nobody named
(QEMU 10.0, system/vl.c, hw/i386/pc.c). They become devices and backends as if they had been written so."""

from __future__ import annotations

import re

from ...core.report import BridgeError
from ..read import Option, pairs
from .line import Dev, Line
from .said import Said

LETTERS = {"hda": 0, "hdb": 1, "hdc": 2, "hdd": 3}
FLOPPIES = {"fda": 0, "fdb": 1}
CDROM_INDEX = 2
VGA = {"std": "VGA", "cirrus": "cirrus-vga", "vmware": "vmware-svga", "qxl": "qxl-vga", "virtio": "virtio-vga"}
CARDS = frozenset((*VGA.values(), "virtio-vga-gl", "isa-vga", "isa-cirrus-vga", "ati-vga", "vhost-user-vga"))
"""Devices beside which QEMU adds no card of its own."""
DRIVES = frozenset(("ide-cd", "ide-hd", "ide-cf", "scsi-cd", "scsi-hd"))
"""Devices beside which QEMU adds no CD-ROM drive."""
NIC_MODELS = {"virtio": "virtio-net-pci"}
SOUND = {"hda": ("intel-hda", "hda-duplex"), "ac97": ("AC97",), "es1370": ("ES1370",), "sb16": ("sb16",)}
"""-soundhw (removed in QEMU 7.1) -> what replaces it."""
USB_DEVICES = {
    "tablet": "usb-tablet", "mouse": "usb-mouse", "keyboard": "usb-kbd", "braille": "usb-braille", "wacom-tablet": "usb-wacom-tablet",
}  # fmt: skip
EVERYWHERE = frozenset(("id", "type", "model", "macaddr", "mac", "vlan", "name", "addr", "vectors", "netdev"))
"""Properties of -nic that are the card's, or of neither side."""


class _Made:
    """Devices in QEMU's order: the board's, then those of the command line, then those that old drives bring."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.board: list[Dev] = []
        self.last: list[Dev] = []

    def option(self, name: str, text: str, like: Said) -> Said:
        said = Said(Option(name, text), like.n, self.line.file, [f"-{name}", text])
        said.origin = like if like.n else f"{self.line.file} (of QEMU's own: -{name} {text})"
        self.line.options.append(said)
        return said

    def device(self, text: str, like: Said, last: bool = False) -> Dev:
        said = Said(Option("device", text), like.n, self.line.file, ["-device", text])
        said.origin = like if like.n else f"{self.line.file} (of QEMU's own: -device {text})"
        said.claim()
        device = Dev(said)
        (self.last if last else self.board).append(device)
        return device


def read(line: Line) -> None:
    """Old options are claimed; devices and backends stand in their place."""
    if line.is_pve:
        return
    made = _Made(line)
    start = Said(Option("machine", line.vm.machine.type or ""), 0, line.file, [])
    plain = not any(option.name == "nodefaults" for option in line.options)
    _vga(made, start, plain)
    _nics(made, start, plain)
    _usb(made, start)
    _drives(made, start, plain)
    _ports(made, start, plain)
    _small(made)
    json = [device for device in line.devices if device.said.text.startswith("{")]
    others = [device for device in line.devices if not device.said.text.startswith("{")]
    line.devices = [*made.board, *others, *made.last, *json]


def _has(line: Line, drivers: frozenset[str]) -> bool:
    return any(device.driver in drivers for device in line.devices)


def _vga(made: _Made, start: Said, plain: bool) -> None:
    said = made.line.last("vga")
    name = said.text if said is not None else "std" if plain and not _has(made.line, CARDS) else "none"
    if name == "none":
        return
    if name not in VGA:
        raise BridgeError(f"-vga {name[:40]}: QEMU knows {', '.join(VGA)} and none", said or start)
    made.device(VGA[name], said or start)


NETWORKS = frozenset((
    *("af-xdp", "bridge", "dgram", "hubport", "l2tpv3", "netmap", "nic", "none", "passt", "socket", "stream", "tap", "user", "vde"),
    *("vhost-user", "vhost-vdpa"),
))
"""What -net and -nic may hang a card on (qapi/net.json, NetClientDriver)."""


def _nics(made: _Made, start: Said, plain: bool) -> None:
    line = made.line
    default = "e1000e" if line.vm.machine.base == "q35" else "e1000"
    count = 0
    for option in line.all("net", "nic"):
        if (said := option.peek("type") or "user") not in NETWORKS:
            raise BridgeError(f"QEMU knows no network of type '{said[:40]}'", option)
    for option in line.all("nic"):
        option.claim()
        kind = option.peek("type") or "user"
        if kind == "none":
            continue
        model = option.peek("model") or default
        name = option.peek("id") or f"nic{count}"
        rest = [(key, value) for key, value in pairs(option.text, "type") if key not in EVERYWHERE]
        line.netdevs[name] = made.option("netdev", _text(kind, [("id", name), *rest]), option)
        _card(made, option, NIC_MODELS.get(model, model), name)
        count += 1
    cards = [option for option in line.all("net") if option.peek("type") == "nic"]
    backends = [option for option in line.all("net") if option.peek("type") not in ("nic", "none", None)]
    for option in line.all("net"):
        option.claim()
    for n, option in enumerate(cards):
        name = option.peek("netdev") or f"net{n}"
        if option.peek("netdev") is None and backends:
            backend = backends[min(n, len(backends) - 1)]
            rest = [(key, value) for key, value in pairs(backend.text, "type") if key not in ("type", "vlan", "id", "name")]
            line.netdevs[name] = made.option("netdev", _text(backend.peek("type") or "user", [("id", name), *rest]), backend)
        model = option.peek("model") or default
        _card(made, option, NIC_MODELS.get(model, model), name if name in line.netdevs else None)
    if plain and not line.all("net", "nic") and not line.netdevs:
        line.netdevs["net0"] = made.option("netdev", "user,id=net0", start)
        _card(made, start, default, "net0")
    for option in line.all("net", "nic"):
        option.properties.clear()


def _card(made: _Made, option: Said, model: str, name: str | None) -> None:
    mac = option.peek("macaddr") or option.peek("mac")
    parts = [model, *([f"netdev={name}"] if name else []), *([f"mac={mac}"] if mac else [])]
    parts += [f"{key}={value}" for key in ("addr", "vectors") if (value := option.peek(key)) is not None]
    made.device(",".join(parts), option)


def _text(first: str, rest: list[tuple[str, object]]) -> str:
    return ",".join([first, *(f"{key}={str(value).replace(',', ',,')}" for key, value in rest)])


def _usb(made: _Made, start: Said) -> None:
    """-usb and -machine usb=on: the controller of the board."""
    line = made.line
    machine = line.vm.machine
    said = machine.where if isinstance(machine.where, Said) else None
    wanted = line.flag("usb")
    old = line.all("usbdevice")
    on = said is not None and said.peek("usb") in ("on", "yes", "true", "y")
    if said is not None and on:
        said.take("usb")
    if wanted is None and not on and not old:
        return
    like = wanted or start
    if machine.base == "q35":
        made.device("ich9-usb-ehci1,id=usb-bus,multifunction=on,bus=pcie.0,addr=1d.7", like)
        for n in range(3):
            made.device(
                f"ich9-usb-uhci{n + 1},multifunction=on,bus=pcie.0,addr=1d.{n},masterbus=usb-bus.0,firstport={2 * n}", like
            )
    elif machine.base == "i440fx":
        made.device("piix3-usb-uhci,id=usb-bus,bus=pci.0,addr=1.2", like)
    for option in old:
        option.claim()
        driver = USB_DEVICES.get(option.text)
        if driver is None:
            line.report.add("guest-lost", option, f"-usbdevice {option.text}: QEMU has removed it", "write it as -device usb-…")
            continue
        made.device(driver, option, last=True)
        line.report.add("normalised", option, f"-usbdevice {option.text}: QEMU has removed it; -device {driver} takes its place")


def _drives(made: _Made, start: Said, plain: bool) -> None:
    line = made.line
    for name, index in LETTERS.items():
        for option in line.all(name):
            _plain_drive(made, option, f"if=ide,index={index},media=disk")
    for option in line.all("cdrom"):
        _plain_drive(made, option, f"if=ide,index={CDROM_INDEX},media=cdrom")
    for name, index in FLOPPIES.items():
        for option in line.all(name):
            _plain_drive(made, option, f"if=floppy,index={index}")
    for option in line.all("pflash"):
        _plain_drive(made, option, "if=pflash,format=raw")
    taken: dict[str, set[int]] = {}
    for option in line.all("drive"):
        _old_drive(made, option, taken)
    if not plain:
        return
    if CDROM_INDEX not in taken.get("ide", set()) and not _has(line, DRIVES):
        made.device(_ide(line, CDROM_INDEX, "cd"), start)
    if not taken.get("floppy") and not _has(line, frozenset(("floppy", "isa-fdc"))):
        made.device("floppy,unit=0", start)


def _plain_drive(made: _Made, option: Said, text: str) -> None:
    option.claim()
    made.option("drive", f"{text},file={option.text.replace(',', ',,')}", option)


UNITS = {"ide": 2, "scsi": 7}


def _old_drive(made: _Made, option: Said, taken: dict[str, set[int]]) -> None:
    """The device that `if=` makes; none and pflash make none."""
    line = made.line
    kind = option.take("if") or "ide"
    if kind in ("none", "pflash"):
        option.properties["if"] = kind
        return
    index = option.number("index")
    bus, unit = option.number("bus"), option.number("unit")
    per_bus = 1 if line.vm.machine.base == "q35" and kind == "ide" else UNITS.get(kind, 0)
    if index is None and (bus is not None or unit is not None):
        index = (bus or 0) * max(per_bus, 1) + (unit or 0)
    used = taken.setdefault(kind, set())
    if index is None:
        index = next(n for n in range(len(used) + 1) if n not in used)
    used.add(index)
    name = option.peek("id")
    if name is None:
        name = next(f"{kind}{n}-drive" for n in range(index, index + len(line.drives) + 1) if f"{kind}{n}-drive" not in line.drives)
        option.properties["id"] = name
    line.drives[name] = option
    cdrom = option.peek("media") == "cdrom"
    serial = f",serial={option.take('serial')}" if option.peek("serial") else ""
    if kind == "ide":
        made.device(f"{_ide(line, index, 'cd' if cdrom else 'hd')},drive={name}{serial}", option)
    elif kind == "floppy":
        made.device(f"floppy,unit={index},drive={name}", option)
    elif kind == "virtio":
        address = option.take("addr")
        made.device(f"virtio-blk-pci,drive={name}{serial}" + (f",addr={address}" if address else ""), option, last=True)
    elif kind == "scsi":
        if not any(device.driver == "lsi53c895a" for device in (*made.board, *line.devices)):
            made.device("lsi53c895a,id=scsi-bus", option)
        made.device(f"scsi-{'cd' if cdrom else 'hd'},drive={name},scsi-id={index % UNITS['scsi']}{serial}", option)
    else:
        line.report.add("guest-lost", option, f"-drive if={kind}: no PC has such a drive")


def _ide(line: Line, index: int, kind: str) -> str:
    if line.vm.machine.base == "q35":
        return f"ide-{kind},bus=ide.{index}"
    return f"ide-{kind},bus=ide.{index // 2},unit={index % 2}"


# Ports

_PREFIX = re.compile(r"(tcp|telnet|udp|unix|file|pipe|chardev|websocket):(.*)", re.DOTALL).fullmatch


def _ports(made: _Made, start: Said, plain: bool) -> None:
    line = made.line
    none = any(option.name == "nographic" for option in line.options)
    for name, driver in (("serial", "isa-serial"), ("parallel", "isa-parallel")):
        said = line.all(name)
        for rank, option in enumerate(said):
            option.claim()
            if option.text != "none":
                _port(made, option, option.text, f"{name}{rank}", driver)
        if plain and not said and not _has(line, frozenset((driver,))):
            usual = "stdio" if none and name == "serial" else "null" if none else "vc"
            _port(made, start, usual, f"{name}0", driver)


def _port(made: _Made, option: Said, text: str, name: str, driver: str) -> None:
    line = made.line
    text = text.removeprefix("mon:")
    match = _PREFIX(text)
    if match and match[1] == "chardev":
        made.device(f"{driver},chardev={match[2]}", option)
        return
    chardev = _chardev(text, match)
    line.chardevs[name] = made.option("chardev", _with_id(chardev, name), option)
    made.device(f"{driver},chardev={name}", option)


def _with_id(text: str, name: str) -> str:
    kind, comma, rest = text.partition(",")
    return f"{kind},id={name}{comma}{rest}"


def _chardev(text: str, match: re.Match[str] | None) -> str:
    """The old form of a character device (`tcp:host:port,server,nowait`) as -chardev has it (chardev/char.c, qemu_chr_parse_compat)."""
    if match is None:
        if text.startswith("/dev/"):
            return f"{'parallel' if 'parport' in text else 'serial'},path={text}"
        return text.partition(":")[0] if text.startswith("vc") else text
    kind, rest = match[1], match[2]
    first, _, options = rest.partition(",")
    words = [word for word in options.split(",") if word]
    flags = {"server": "server=on", "nowait": "wait=off", "nodelay": "nodelay=on"}
    more = "".join("," + flags.get(word, word) for word in words)
    if kind in ("file", "pipe"):
        return f"{kind},path={first}{more}"
    if kind == "unix":
        return f"socket,path={first}{more}"
    if kind == "udp":
        remote, _, local = first.partition("@")
        host, _, port = remote.rpartition(":")
        here, _, own = local.rpartition(":")
        return f"udp,host={host or 'localhost'},port={port}" + (f",localaddr={here},localport={own}" if local else "")
    host, _, port = first.rpartition(":")
    telnet = ",telnet=on" if kind == "telnet" else ",websocket=on" if kind == "websocket" else ""
    return f"socket,host={host or '0.0.0.0'},port={port}{telnet}{more}"  # noqa: S104  what QEMU does without an address


# Small devices


def _small(made: _Made) -> None:
    line = made.line
    for option in line.all("virtfs"):
        option.claim()
        name = option.peek("id") or f"fsdev-{option.peek('mount_tag') or 'share'}"
        rest = [(key, value) for key, value in pairs(option.text, "fsdriver") if key not in ("fsdriver", "mount_tag", "id")]
        made.option("fsdev", _text(option.peek("fsdriver") or "local", [("id", name), *rest]), option)
        made.device(f"virtio-9p-pci,fsdev={name},mount_tag={option.peek('mount_tag') or ''}", option, last=True)
        option.properties.clear()
    for option in line.all("watchdog"):
        option.claim()
        made.device(option.text, option, last=True)
        line.report.add("normalised", option, f"-watchdog {option.text}: QEMU has removed it; -device {option.text} takes its place")
    for option in line.all("balloon"):
        option.claim()
        if not option.text.startswith("none"):
            made.device("virtio-balloon-pci", option, last=True)
        line.report.add("normalised", option, f"-balloon {option.text}: QEMU has removed it; -device virtio-balloon-pci takes its place")
    for option in line.all("soundhw"):
        option.claim()
        for name in option.text.split(","):
            _sound(made, option, name)


def _sound(made: _Made, option: Said, name: str) -> None:
    drivers = SOUND.get(name)
    if drivers is None:
        made.line.report.add("guest-lost", option, f"-soundhw {name}: QEMU has removed it", "write it as -device")
        return
    number = sum(device.driver == drivers[0] for device in made.last)
    made.device(f"{drivers[0]},id=sound-{name}{number}", option, last=True)
    for codec in drivers[1:]:
        made.device(f"{codec},bus=sound-{name}{number}.0", option, last=True)
    replaced = ", ".join(f"-device {driver}" for driver in drivers)
    made.line.report.add("normalised", option, f"-soundhw {name}: QEMU has removed it; {replaced} takes its place")
