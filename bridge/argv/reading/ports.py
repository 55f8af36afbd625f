"""Serial and parallel ports, the guest agent, USB and PCI devices of the host, TPM, shares: what hangs on chardevs and on the host."""

from __future__ import annotations

import re
from functools import partial

from ...model.agent import Agent
from ...model.disk import Source
from ...model.hostpci import HostPCI
from ...model.part import PCIAddress
from ...model.serial import Parallel, Serial
from ...model.share import IVSHMEM, VirtioFS
from ...model.tpm import TPM
from ...model.usb import USB
from ..machine import RUN
from ..share import SOCKETS
from .line import Dev, Line
from .said import Said

AGENT = "org.qemu.guest_agent.0"
_KEY = re.compile(r"(?:ua-)?((?:serial|parallel|usb|net|hostpci|virtiofs)[0-9]{1,2})").fullmatch
ROM_DIRECTORY = "/usr/share/kvm/"
_FUNCTION = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.IGNORECASE).fullmatch
_MDEV = re.compile(r"/sys/bus/mdev/devices/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})").fullmatch
_PCI_NODE = re.compile(r"/sys/bus/pci/devices/(.+)").fullmatch


def _chardev(line: Line, said: Said) -> Said | None:
    return line.chardevs.get(said.peek("chardev") or "")


def read_agent(line: Line) -> None:
    for device in line.of("virtserialport"):
        said = device.said
        backend = _chardev(line, said)
        if line.vm.agent.enabled or said.peek("name") != AGENT or backend is None or backend.peek("backend") != "socket":
            continue
        _take(line, device, backend)
        said.take("name")
        said.take("nr")
        said.take("bus")
        line.vm.agent = Agent(enabled=True, type="virtio", key="qga0", where=said, socket=backend.take("path"))
        _server(backend)
    for device in line.of("isa-serial"):
        backend = _chardev(line, device.said)
        if line.is_pve and not line.vm.agent.enabled and device.said.peek("chardev") == "qga0" and backend is not None:
            _take(line, device, backend)
            line.vm.agent = Agent(enabled=True, type="isa", key="qga0", where=device.said, socket=backend.take("path"))
            _server(backend)


def _take(line: Line, device: Dev, backend: Said) -> None:
    del line
    device.taken = True
    backend.claim()
    device.said.take("chardev")
    backend.take("backend")
    backend.take("id")


def _server(backend: Said) -> None:
    backend.expect("server", "on")
    backend.expect("wait", "off")


def read_serials(line: Line) -> None:
    vm = line.vm
    vm.serials, vm.parallels = [], []
    taken: set[int] = set()
    for option in line.all("serial"):
        name = option.text.removeprefix("chardev:")
        backend = line.chardevs.get(name) if name != option.text else None
        if line.is_pve and backend is not None and backend.peek("backend") == "socket":
            option.claim()
            backend.claim()
            backend.take("backend")
            backend.take("id")
            _server(backend)
            vm.serials.append(Serial(key=_key(name), port=len(vm.serials), socket=backend.take("path"), where=option))
            taken.add(0)
    for device in list(line.of("isa-serial")):
        backend = _chardev(line, device.said)
        if backend is None or device.taken:
            continue
        name = device.said.peek("chardev") or ""
        kind = backend.peek("backend")
        _take(line, device, backend)
        _server(backend)
        there = backend.peek("path") or ""
        if not (kind == "socket" and there) and not (kind in ("serial", "tty") and there.startswith("/dev/") and "," not in there):
            kind = "socket"
            shown = f"a serial port on {backend.text} becomes a socket"
            line.late.append(partial(line.report.add, "host-lost", backend, shown))
            backend.properties.clear()
        port = device.said.number("index")
        port = next(n for n in range(len(taken) + 1) if n not in taken) if port is None else port
        taken.add(port)
        path = backend.take("path")
        serial = Serial(key=_key(name) or _key(device.id or ""), port=port, where=device.said)
        if kind == "socket":
            serial.socket = path
        else:
            serial.path = path
        vm.serials.append(serial)
    for device in list(line.of("isa-parallel")):
        backend = _chardev(line, device.said)
        if backend is None or backend.peek("backend") not in ("parallel", "parport", "serial"):
            continue
        name = device.said.peek("chardev") or ""
        _take(line, device, backend)
        index = device.said.number("index")
        rank = len(vm.parallels) if index is None else index
        vm.parallels.append(Parallel(key=_key(name), port=rank, path=backend.take("path"), where=device.said))


def _key(name: str) -> str | None:
    match = _KEY(name)
    return match[1] if match else None


def read_usb(line: Line) -> None:
    line.vm.usbs = []
    for device in line.of("usb-host", "usb-redir"):
        said = device.said
        usb = USB(key=_key((device.id or "").replace("redirdev", "")), address=device.address, where=said)
        if device.driver == "usb-redir":
            backend = _chardev(line, said)
            if backend is None or backend.peek("backend") != "spicevmc":
                continue
            _take(line, device, backend)
            backend.expect("name", "usbredir")
            usb.spice, usb.host = True, "spice"
        elif not _read_host(said, usb):
            continue
        device.taken = True
        usb.bootindex = said.number("bootindex")
        if line.is_pve and not device.on_bus:
            usb.usb3 = False
        line.vm.usbs.append(usb)


_PORT = re.compile(r"[0-9]+(?:\.[0-9]+)*").fullmatch


def _read_host(said: Said, usb: USB) -> bool:
    texts = [said.peek(name) or "" for name in ("vendorid", "productid")]
    ids = [number for name in ("vendorid", "productid") if (number := said.number(name)) is not None]
    if len(ids) == 2 and all(0 <= number < 1 << 16 for number in ids):
        usb.vendor, usb.product = (
            text[2:] if text.startswith("0x") and len(text) == 6 else f"{number:04x}" for text, number in zip(texts, ids, strict=True)
        )
        return True
    port = said.peek("hostport")
    if port is not None and _PORT(port) and (bus := said.number("hostbus")) is not None:
        usb.hostbus, usb.hostport = bus, said.take("hostport")
        return True
    return False


IDS = {field: f"x-pci-{field.replace('_', '-')}" for field in ("vendor_id", "device_id", "sub_vendor_id", "sub_device_id")}


def read_hostpci(line: Line) -> None:
    line.vm.hostpcis = []
    for device in line.of("vfio-pci"):
        said = device.said
        found = HostPCI(key=_hostpci_key(device.id), address=_functions(device), where=said)
        node = said.peek("sysfsdev") or ""
        if (mdev := _MDEV(node)) is not None:
            found.mdev_uuid = mdev[1]
            if line.is_pve and not _read_mdev(line, found):
                continue
            said.take("sysfsdev")
        else:
            path = _PCI_NODE(node)
            function = _FUNCTION(path[1] if path else said.peek("host") or "")
            if function is None:
                continue
            said.take("sysfsdev" if path else "host")
            found.ids = [f"{function[1] or '0000'}:{function[2]}:{function[3]}.{function[4]}".lower()]
        device.taken = True
        _hostpci_options(line, said, found)
        line.vm.hostpcis.append(found)


SHARED_MEMORY = "/dev/shm/pve-shm-"  # noqa: S108  qemu-server's own place
MDEV_TYPE = "TYPE"
"""Stands for a type that is not on the command line."""


def _read_mdev(line: Line, found: HostPCI) -> bool:
    """qemu-server makes the device of `hostpciN: DEVICE,mdev=TYPE`; only its UUID is on the command line. False: nothing is known of it."""
    mappings = [name for name, mapping in line.host.pci_mappings.items() if mapping.mdev]
    functions = [name for name in line.host.pci.present or () if (info := line.host.pci_info(name)) is not None and info.mdev]
    hint = "put the two into hostpciN: DEVICE,mdev=TYPE"
    message = f"{found.key}: which device and type the mediated device {found.mdev_uuid} is of is not on the command line"
    if len(mappings) == 1 or functions:
        found.mapping = mappings[0] if len(mappings) == 1 else None
        found.host = None if found.mapping else functions[0]
        found.mdev = MDEV_TYPE
        message += f": {found.mapping or found.host} is the host's, {MDEV_TYPE} stands for the type"
    line.report.add("resource-unknown", found.where, message, hint)
    return found.mdev is not None


def _functions(device: Dev) -> PCIAddress | None:
    return device.address if isinstance(device.address, PCIAddress) else None


def _hostpci_key(name: str | None) -> str | None:
    match = re.fullmatch(r"(?:ua-)?(hostpci[0-9]{1,2})(?:[.-][0-7])?", name or "")
    return match[1] if match else None


def _hostpci_options(line: Line, said: Said, found: HostPCI) -> None:
    found.bootindex = said.number("bootindex")
    bar = said.peek("rombar")
    if bar in ("0", "off"):
        said.take("rombar")
        found.rombar = False
    elif bar in ("1", "on"):
        said.take("rombar")
    found.x_vga = said.flag("x-vga") or None
    found.enable_migration = said.flag("enable-migration")
    rom = said.peek("romfile")
    name = (rom or "").removeprefix(ROM_DIRECTORY)
    if name not in ("", rom) and ".." not in name and (line.is_pve or "/" not in name):
        said.take("romfile")
        found.romfile = name
    for field, place in IDS.items():
        text, value = said.peek(place), said.number(place)
        if value is not None:
            setattr(found, field, text if line.is_pve else f"0x{value:04x}")


def read_tpm(line: Line) -> None:
    for device in line.of("tpm-tis", "tpm-crb"):
        said = device.said
        tpmdev = line.tpmdevs.get(said.peek("tpmdev") or "")
        if line.vm.tpm is not None or tpmdev is None or tpmdev.peek("type") != "emulator":
            continue
        device.taken = True
        tpmdev.claim()
        said.take("tpmdev")
        for name in ("type", "id"):
            tpmdev.take(name)
        backend = line.chardevs.get(tpmdev.take("chardev") or "")
        if backend is not None:
            backend.claim()
            for name in ("backend", "id"):
                backend.take(name)
            path = backend.take("path")
            if path is not None and path not in (f"/var/run/qemu-server/{line.vmid}.swtpm", f"{RUN}/{line.vmid}.swtpm"):
                line.report.add("host-state", backend, f"swtpm's socket {path} is left behind")
        line.vm.tpm = TPM(model=device.driver, version="v2.0", source=Source(kind="empty", where=said), where=said)


def read_shares(line: Line) -> None:
    vm = line.vm
    vm.virtiofs = []
    for device in line.of("vhost-user-fs-pci"):
        said = device.said
        backend = _chardev(line, said)
        if backend is None or said.peek("tag") is None:
            continue
        name = said.peek("chardev") or ""
        _take(line, device, backend)
        path = backend.take("path")
        if line.is_pve:
            said.expect("queue-size", "1024")
            if path != f"{SOCKETS}/vm{line.vmid}-fs{name.removeprefix('virtiofs')}":
                line.report.add("host-state", backend, f"virtiofsd's socket {path} is left behind")
        elif path is not None:
            line.report.add("host-lost", backend, f"virtiofsd's socket {path}: which directory it serves is not on the command line")
        vm.virtiofs.append(VirtioFS(key=_key(name), dirid=said.take("tag"), address=device.address, where=said))
    for device in line.of("ivshmem-plain"):
        backend = line.objects.get(device.said.peek("memdev") or "")
        path = backend.peek("mem-path") if backend is not None else None
        if vm.ivshmem is not None or backend is None or path is None or not path.startswith(SHARED_MEMORY):
            continue
        device.taken = True
        backend.claim()
        device.said.take("memdev")
        for name in ("qom-type", "id", "mem-path"):
            backend.take(name)
        backend.expect("share", "on")
        text = backend.take("size") or ""
        amount = text.removesuffix("M")
        size = int(amount) if amount.isdigit() else None
        vm.ivshmem = IVSHMEM(size=size, name=path.removeprefix(SHARED_MEMORY), address=device.address, where=device.said)
