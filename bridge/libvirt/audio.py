"""<sound> and <audio> (mapping-devices 16, xml-paths display)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.audio import Audio
from ..model.vm import VM
from .device import PLACE_ROWS, host_state, lose, lose_attributes, lose_rest, read_device, refuse, write_device
from .tree.domain import Domain
from .tree.node import Node

ROWS = (Row("device", "@model", code=True), Row("driver", "/devices/audio@type", code=True), *PLACE_ROWS)
TABLE = (Rows(Audio, "devices/sound", ROWS),)

MODELS = {"intel-hda": "ich6", "ich9-intel-hda": "ich9", "AC97": "ac97"}
"""qemu-server's device -> libvirt's model."""
CODECS = ("micro", "duplex")
DRIVERS = ("spice", "none")


def write(vm: VM, domain: Domain) -> None:
    audio = vm.audio
    if audio is None:
        return
    node = domain.devices.add("sound", model=MODELS[audio.device or "AC97"])
    if audio.device != "AC97":
        for codec in CODECS:
            node.add("codec", type=codec)
    node.add("audio", id="1")
    write_device(domain, node, audio)
    driver = audio.driver or "none"
    if driver == "spice" and not vm.display.spice:  # QEMU has no such sound without SPICE either
        domain.report.add("host-lost", audio.where, "audio0: without SPICE nothing plays its sound")
        driver = "none"
    domain.devices.add("audio", id="1", type=driver)


def read(domain: Domain, vm: VM) -> None:
    kind = "host-lost" if domain.devices.peek("sound") else "host-state"  # without a sound device nothing plays there
    drivers = {_id(domain, node): _driver(domain, node, kind) for node in domain.devices.all("audio")}
    back = {model: device for device, model in MODELS.items()}
    for node in domain.devices.all("sound"):
        device = back.get(node.attrib.get("model", ""))
        if device is None or vm.audio is not None:
            refuse(domain, node, "guest-lost", "a config has one sound device: intel-hda, ich9-intel-hda or AC97")
            continue
        node.take("model")
        link = node.only("audio")
        backend = drivers.get(link.take("id") if link is not None else None) or next(iter(drivers.values()), None)  # the first serves all
        vm.audio = Audio(device=device, driver=backend or "none", **read_device(domain, node, "audio0"))
        _codecs(domain, node, device)
        host_state(domain, node)
        lose(domain, node, "host-lost", "driver")
        lose_attributes(domain, node, "guest-changed", "multichannel", "streams")


def _id(domain: Domain, node: Node) -> str | None:
    """Only names the backend inside the document."""
    name = node.take("id")
    if name not in (None, "1"):
        domain.report.add("normalised", node, f"the audio backend {name} becomes the only one")
    return name


def _driver(domain: Domain, node: Node, kind: str) -> str:
    """`spice` or `none`; any other backend of the host is lost."""
    type_ = node.attrib.get("type", "")
    if type_ in DRIVERS:
        node.take("type")
        lose_rest(domain, node, kind, f"{type_} audio")
        return type_
    domain.report.add(kind, node, f"{node.whole()}: a config plays sound by SPICE or not at all")
    return "none"


def _codecs(domain: Domain, node: Node, device: str) -> None:
    """libvirt's own choice is one duplex codec; qemu-server has always a microphone and a duplex one."""
    there = tuple(codec.take("type") or "" for codec in node.all("codec"))
    if device != "AC97" and there != CODECS:
        message = f"the sound codecs were {', '.join(there or ('duplex',))}, under qemu-server they are {', '.join(CODECS)}"
        domain.report.add("guest-changed", node, message)
    elif device == "AC97" and there:
        domain.report.add("lint", node, f"an AC97 has no codecs: {', '.join(there)}")
