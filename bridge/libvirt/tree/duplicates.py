"""What a domain may say once: elements and controllers (security-rules S13; boot orders and targets are with their kinds).

libvirt refuses some doubles, and of others takes the first without a word; whoever reads the XML may see the second.
"""

from __future__ import annotations

from ...core.report import BridgeError
from ...data.elements import ALL, DEVICE_ONCE, ONCE, SOURCE_ONCE
from ..complete.controllers import COMPANIONS
from .node import Node

_WITH_SOURCE = DEVICE_ONCE | {"source"}
_NESTED = ("iotune",)
"""Children of a device that have a row of their own in ONCE."""


def check(root: Node) -> None:
    """Raises BridgeError at the first thing that is there twice."""
    _twins(root, ONCE["domain"])
    for part in root.children:
        once = ONCE.get(part.tag)
        if once is not None:
            _twins(part, once)
            if part.tag == "features":
                for feature in part.children:
                    _twins(feature, ONCE.get(feature.tag, frozenset()))
    for devices in root.children:
        if devices.tag == "devices":
            _devices(devices)


def _twins(node: Node, once: frozenset[str]) -> None:
    if not once or len(node.names()) == len(node.children):
        return
    seen: set[str] = set()
    for child in node.children:
        tag = child.tag
        if tag in seen and (tag in once or once is ALL):
            raise BridgeError(f"<{node.tag}> holds <{tag}> twice: remove one", child)
        seen.add(tag)


def _devices(devices: Node) -> None:
    controllers: set[tuple[str, str]] = set()
    for device in devices.children:
        _twins(device, _WITH_SOURCE if device.tag in SOURCE_ONCE else DEVICE_ONCE)
        for tag in _NESTED:
            if (nested := device.peek(tag)) is not None:
                _twins(nested, ONCE[tag])
        if device.tag == "controller":
            _controller(device, controllers)


def _controller(device: Node, seen: set[tuple[str, str]]) -> None:
    """A USB companion shares the index of its master, which libvirt finds by itself."""
    if "index" not in device.attrib or device.peek("master") is not None:
        return
    if device.attrib.get("type") == "usb" and device.attrib.get("model") in COMPANIONS:
        return
    name = device.attrib.get("type", ""), device.attrib["index"].lstrip("0")
    if name in seen:
        raise BridgeError(f"{name[0]} controller {name[1] or 0} is there twice: give each its own index", device)
    seen.add(name)
