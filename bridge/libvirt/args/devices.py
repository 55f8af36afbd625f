"""Devices that a config has no key for, as options of QEMU's: what `--args` writes (mapping-devices 19).

The words are those that libvirt 11.3 gives QEMU itself (domxml-to-native), but for ids, and for addresses, which QEMU chooses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ...core.rows import whole_number
from ...host.volid import path_problem
from ..chardev import socket
from ..numa import size_bytes
from ..tree.domain import Domain
from ..tree.node import Node
from .properties import VIRTIO

Words = list[str]


class Escape(NamedTuple):
    words: Words
    needs: Words = []  # noqa: RUF012  never changed
    """Words that stand once before those of all devices of the kind."""


def of(domain: Domain, node: Node) -> Escape | None:
    """The device as QEMU has it; None where it has none, or where it would open what a config must not name."""
    build = BUILDERS.get(node.tag)
    if build is None:
        return None
    try:
        found = build(domain, node)
    except (KeyError, ValueError):
        return None
    return found if found is None or isinstance(found, Escape) else Escape(found)


def _name(node: Node) -> str:
    """An id of its own: the element's name and its rank."""
    return f"{node.tag}{node.rank()}"


def _of(node: Node, path: str, attribute: str, default: str = "") -> str:
    """An attribute of the element or of one below it; nothing is claimed."""
    at: Node | None = node
    for step in path.split("/") if path else ():
        at = at.peek(step) if at is not None else None
    return at.attrib.get(attribute, default) if at is not None else default


def _text(node: Node, tag: str) -> str:
    child = node.peek(tag)
    return child.text.strip(" \t\r\n") if child is not None else ""


def option(text: str) -> str:
    """Text inside an option of QEMU's: a comma is doubled."""
    if not text.isprintable():
        raise ValueError("control characters")
    return text.replace(",", ",,")


def path(text: str) -> str:
    """A file of the host that a config may name (security-rules S8)."""
    if path_problem(text):
        raise ValueError("not a path for a config")
    return option(text)


def _device(driver: str, **properties: str) -> Words:
    """`-device`; empty properties are left out."""
    said = "".join(f",{name}={value}" for name, value in properties.items() if value)
    return ["-device", driver + said]


def virtio(node: Node | None) -> dict[str, str]:
    """The options of `<driver>` that every virtio device has."""
    attributes = node.attrib if node is not None else {}
    return {there: attributes[name] for name, there in VIRTIO.items() if attributes.get(name) in ("on", "off")}


def _transitional(driver: str, model: str) -> str:
    """virtio-rng-pci, virtio-rng-pci-transitional, ..."""
    return driver + model.removeprefix("virtio") if model.startswith("virtio-") else driver


_INPUTS = {
    ("mouse", "usb"): "usb-mouse",
    ("keyboard", "usb"): "usb-kbd",
    ("tablet", "usb"): "usb-tablet",
    ("mouse", "virtio"): "virtio-mouse-pci",
    ("keyboard", "virtio"): "virtio-keyboard-pci",
    ("tablet", "virtio"): "virtio-tablet-pci",
    ("passthrough", "virtio"): "virtio-input-host-pci",
}
_EVENT = re.compile(r"/dev/input/(?:event[0-9]{1,4}|by-(?:id|path)/[A-Za-z0-9_.:+-]+)")


def _input(domain: Domain, node: Node) -> Words | None:
    del domain
    type_ = node.attrib.get("type", "")
    event = _of(node, "source", "evdev") or _of(node, "source", "dev")
    if type_ in ("passthrough", "evdev") and not _EVENT.fullmatch(event):
        return None
    if type_ == "evdev":
        grab = {"all": ",grab_all=on"}.get(_of(node, "source", "grab"), "")
        repeat = {"on": ",repeat=on", "off": ",repeat=off"}.get(_of(node, "source", "repeat"), "")
        return ["-object", f"input-linux,id={_name(node)},evdev={event}{repeat}{grab}"]
    driver = _INPUTS.get((type_, node.attrib.get("bus", "usb" if type_ == "tablet" else "ps2")))
    if driver is None:
        return None
    model = node.attrib.get("model", "virtio")
    return _device(_transitional(driver, model), id=_name(node), evdev=event, **virtio(node.peek("driver")))


def _hub(domain: Domain, node: Node) -> Words | None:
    del domain
    return _device("usb-hub", id=_name(node)) if node.attrib.get("type") == "usb" else None


def _panic(domain: Domain, node: Node) -> Words | None:
    del domain
    port = _of(node, "address", "iobase")
    if port and not re.fullmatch(r"0x[0-9a-fA-F]{1,4}", port):
        return None
    known = {"isa": ["-device", "pvpanic" + (f",ioport={int(port, 16)}" if port else "")], "pvpanic": ["-device", "pvpanic-pci"]}
    return {**known, "hyperv": ["-global", "x86_64-cpu.hv-crash=on"]}.get(node.attrib.get("model", "isa"))


def _vsock(domain: Domain, node: Node) -> Words | None:
    """libvirt chooses a free number by itself where none is said; nobody does so for `args`."""
    del domain
    cid = whole_number(_of(node, "cid", "address"))
    driver = _transitional("vhost-vsock-pci", node.attrib.get("model", "virtio"))
    return ["-device", f"{driver},id={_name(node)},guest-cid={cid}" + "".join(f",{k}={v}" for k, v in virtio(node.peek("driver")).items())]


def _crypto(domain: Domain, node: Node) -> Words | None:
    del domain
    if _of(node, "backend", "model") != "builtin":
        return None
    name, queues = _name(node), _of(node, "backend", "queues")
    count = f",queues={whole_number(queues)}" if queues else ""
    device = _device("virtio-crypto-pci", cryptodev=f"obj{name}", id=name, **virtio(node.peek("driver")))
    return ["-object", f"cryptodev-backend-builtin,id=obj{name}{count}", *device]


def _pstore(domain: Domain, node: Node) -> Words | None:
    del domain
    size = node.peek("size")
    if size is None or node.attrib.get("backend") != "acpi-erst":
        return None
    amount = size_bytes(size.text.strip(" \t\r\n"), size.attrib.get("unit", "KiB"), size)
    name = _name(node)
    backend = f"memory-backend-file,id=mem{name},mem-path={path(_text(node, 'path'))},size={amount},share=on"
    return ["-object", backend, *_device("acpi-erst", id=name, memdev=f"mem{name}")]


def _filesystem(domain: Domain, node: Node) -> Words | None:
    """9p; virtiofs has a key."""
    del domain
    directory, tag = _of(node, "source", "dir"), _of(node, "target", "dir")
    if node.attrib.get("type", "mount") != "mount" or _of(node, "driver", "type", "path") != "path" or not directory or not tag:
        return None
    mode = {"passthrough": "passthrough", "mapped": "mapped", "squash": "none"}[node.attrib.get("accessmode", "passthrough")]
    writeout = ",writeout=immediate" if _of(node, "driver", "wrpolicy") == "immediate" else ""
    readonly = ",readonly=on" if node.peek("readonly") is not None else ""
    name = _name(node)
    driver = _transitional("virtio-9p-pci", node.attrib.get("model", "virtio"))
    device = _device(driver, id=name, fsdev=f"fsdev-{name}", mount_tag=option(tag), **virtio(node.peek("driver")))
    return ["-fsdev", f"local,security_model={mode}{writeout},id=fsdev-{name},path={path(directory)}{readonly}", *device]


def _shmem(domain: Domain, node: Node) -> Words | None:
    name, kind = node.attrib["name"], _of(node, "model", "type", "ivshmem")
    own = _name(node)
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        return None
    if kind == "ivshmem-plain":
        size = node.peek("size")
        amount = size_bytes(size.text.strip(" \t\r\n"), size.attrib.get("unit", "b"), size) if size else 4 << 20
        role = {"master": "on", "peer": "off"}.get(node.attrib.get("role", ""), "")
        backend = f"memory-backend-file,id=mem{own},mem-path=/dev/shm/{name},size={amount},share=on"
        return ["-object", backend, *_device("ivshmem-plain", id=own, memdev=f"mem{own}", master=role)]
    if kind != "ivshmem-doorbell":
        return None
    vectors, ioeventfd = _of(node, "msi", "vectors"), _of(node, "msi", "ioeventfd", "on")
    count = str(whole_number(vectors)) if vectors else ""
    device = _device("ivshmem-doorbell", id=own, chardev=f"char{own}", vectors=count, ioeventfd=ioeventfd)
    return [*socket(domain, own), *device]


def _rng(domain: Domain, node: Node) -> Words | None:
    name, model = _name(node), _of(node, "backend", "model")
    if model == "random":
        source = _text(node, "backend") or "/dev/urandom"
        if source not in ("/dev/random", "/dev/urandom", "/dev/hwrng"):
            return None
        backend = ["-object", f"rng-random,id=obj{name},filename={source}"]
    elif model == "builtin":
        backend = ["-object", f"rng-builtin,id=obj{name}"]
    else:
        backend = [*socket(domain, name), "-object", f"rng-egd,id=obj{name},chardev=char{name}"]
    rate = {}
    if limit := _of(node, "rate", "bytes"):
        rate = {"max-bytes": str(whole_number(limit)), "period": str(whole_number(_of(node, "rate", "period", "1000")))}
    driver = _transitional("virtio-rng-pci", node.attrib.get("model", "virtio"))
    return [*backend, *_device(driver, rng=f"obj{name}", id=name, **rate, **virtio(node.peek("driver")))]


def _watchdog(domain: Domain, node: Node) -> Words | None:
    del domain
    model, action = node.attrib.get("model"), node.attrib.get("action", "reset")
    if model not in ("ib700", "i6300esb") or action not in ("reset", "shutdown", "poweroff", "pause", "none", "dump", "inject-nmi"):
        return None
    return [*_device(model, id=_name(node)), "-watchdog-action", "pause" if action == "dump" else action]


def _ports(domain: Domain) -> dict[str, tuple[int, int]]:
    """Channel -> controller and number of its port: as XML says, else the next free one. All at once, as claiming empties elements."""
    said: dict[str, tuple[int, int]] = {}
    for node in domain.devices.children:
        if node.tag == "channel" and _of(node, "target", "type") == "virtio":
            controller, port = (whole_number(_of(node, "address", name, "0")) for name in ("controller", "port"))
            said[_name(node)] = controller, port
    taken = {place for place in said.values() if place[1]}
    free: dict[int, int] = {}
    for name, (controller, port) in said.items():
        if not port:
            port = free.get(controller, 1)
            while (controller, port) in taken:
                port += 1
            free[controller] = port + 1
            said[name] = controller, port
    return said


def _channel(domain: Domain, node: Node) -> Escape | None:
    """A port of a virtio-serial controller, one for each that XML has."""
    name = _of(node, "target", "name")
    if _of(node, "target", "type") != "virtio" or not re.fullmatch(r"[A-Za-z0-9_. -]{1,64}", name):
        return None
    own = _name(node)
    if domain.ports is None:
        domain.ports = _ports(domain)
    number, nr = domain.ports[own]
    controller = f"channels{number}"
    port = _device("virtserialport", bus=f"{controller}.0", chardev=f"char{own}", id=own, name=name, nr=str(nr))
    return Escape([*socket(domain, own), *port], ["-device", f"virtio-serial-pci,id={controller}"])


def _redirdev(domain: Domain, node: Node) -> Words | None:
    own = _name(node)
    return [*socket(domain, own), *_device("usb-redir", chardev=f"char{own}", id=own)]


def _smartcard(domain: Domain, node: Node) -> Escape | None:
    name, mode = _name(node), node.attrib.get("mode")
    if mode == "host":
        card = _device("ccid-card-emulated", backend="nss-emulated", id=name, bus="ccid.0")
    elif mode == "host-certificates":
        certificates = [option(child.text.strip(" \t\r\n")) for child in node.children if child.tag == "certificate"]
        if len(certificates) != 3:
            return None
        named = {f"cert{n}": certificate for n, certificate in enumerate(certificates, 1)}
        database = path(said) if (said := _text(node, "database")) else "/etc/pki/nssdb"
        card = _device("ccid-card-emulated", backend="certificates", **named, db=database, id=name, bus="ccid.0")
    elif mode == "passthrough":
        card = [*socket(domain, name), *_device("ccid-card-passthru", chardev=f"char{name}", id=name, bus="ccid.0")]
    else:
        return None
    return Escape(card, ["-device", "usb-ccid,id=ccid"])


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WWPN = re.compile(r"naa\.[0-9a-fA-F]{16}")


def _hostdev(domain: Domain, node: Node) -> Words | None:
    del domain
    name, type_ = _name(node), node.attrib.get("type")
    if type_ == "mdev":
        uuid = _of(node, "source/address", "uuid").lower()
        if not _UUID.fullmatch(uuid) or node.attrib.get("model", "vfio-pci") != "vfio-pci":
            return None
        shown = {key: node.attrib.get(key, "") for key in ("display", "ramfb")}
        driver = "vfio-pci-nohotplug" if shown["ramfb"] == "on" else "vfio-pci"
        return _device(driver, id=name, sysfsdev=f"/sys/bus/mdev/devices/{uuid}", **shown)
    if type_ == "usb":
        bus, device = (whole_number(_of(node, "source/address", key)) for key in ("bus", "device"))
        return _device("usb-host", hostbus=str(bus), hostaddr=str(device), id=name)
    if type_ == "scsi_host":
        wwpn = _of(node, "source", "wwpn")
        if _of(node, "source", "protocol") != "vhost" or not _WWPN.fullmatch(wwpn):
            return None
        return _device(_transitional("vhost-scsi-pci", node.attrib.get("model", "virtio")), wwpn=wwpn, id=name)
    return None


def _tpm(domain: Domain, node: Node) -> Words | None:
    model, kind = node.attrib.get("model", "tpm-tis"), _of(node, "backend", "type")
    if model not in ("tpm-tis", "tpm-crb"):
        return None
    device = _device(model, tpmdev="tpm0", id="tpm")
    if kind == "passthrough":
        file = _of(node, "backend/device", "path", "/dev/tpm0")
        return ["-tpmdev", f"passthrough,id=tpm0,path={file}", *device] if re.fullmatch(r"/dev/tpm(?:rm)?[0-9]+", file) else None
    if kind == "external":
        return [*socket(domain, "swtpm", listen=False), "-tpmdev", "emulator,id=tpm0,chardev=charswtpm", *device]
    return None


_SOUNDS = {"es1370": ["ES1370"], "sb16": ["sb16"], "ac97": ["AC97"], "usb": ["usb-audio"], "virtio": ["virtio-sound-pci"]}
_HDA = {"ich6": "intel-hda", "ich9": "ich9-intel-hda"}
_CODECS = {"duplex": "hda-duplex", "micro": "hda-micro", "output": "hda-output"}


def _sound(domain: Domain, node: Node) -> Words | None:
    """A second card; it plays nowhere, as the first without SPICE."""
    del domain
    name, model = _name(node), node.attrib.get("model", "")
    words = ["-audiodev", f"none,id=audiodev-{name}"]
    if model in _SOUNDS:
        return [*words, *_device(_SOUNDS[model][0], id=name, audiodev=f"audiodev-{name}")]
    if model not in _HDA:
        return None
    words += _device(_HDA[model], id=name)
    codecs = [child.attrib.get("type", "") for child in node.children if child.tag == "codec"] or ["duplex"]
    for n, codec in enumerate(codecs):
        words += _device(_CODECS[codec], id=f"{name}-codec{n}", bus=f"{name}.0", cad=str(n), audiodev=f"audiodev-{name}")
    return words


BUILDERS: dict[str, Callable[[Domain, Node], Words | Escape | None]] = {
    "input": _input, "hub": _hub, "panic": _panic, "vsock": _vsock, "crypto": _crypto, "pstore": _pstore, "filesystem": _filesystem,
    "shmem": _shmem, "rng": _rng, "watchdog": _watchdog, "channel": _channel, "redirdev": _redirdev, "smartcard": _smartcard,
    "hostdev": _hostdev, "tpm": _tpm, "sound": _sound,
}  # fmt: skip
NAMELESS = ("panic", "vsock", "crypto", "pstore", "smartcard")
"""Devices that no kind of the model has."""
