"""A config's line one way and back: what the tests of kinds ask for."""

from __future__ import annotations

from typing import Any

from lxml import etree

import bridge

HOST = bridge.HostFacts(qemu_version="11.0.2", cpus=64)
OLD_HOST = bridge.HostFacts(qemu_version="9.2.0", cpus=64)


def argv(config: str, host: bridge.HostFacts = HOST) -> list[str]:
    words = bridge.convert(config, to="argv", source="conf", host=host).argv
    assert words is not None
    return words


def values(config: str, option: str, host: bridge.HostFacts = HOST) -> list[str]:
    """What stands behind an option, as often as it stands there."""
    words = argv(config, host)
    return [words[n + 1] for n, word in enumerate(words) if word == option]


def refusal(config: str, host: bridge.HostFacts = HOST) -> str:
    """What the bridge says to a VM that qemu-server refuses; empty if it takes it."""
    try:
        argv(config, host)
    except bridge.BridgeError as error:
        return error.message
    return ""


def xml(config: str, host: bridge.HostFacts = HOST, **more: Any) -> etree._Element:
    text = bridge.convert(config, to="xml", source="conf", host=host, **more).text
    return etree.fromstring(text)


def pieces(config: str, path: str, host: bridge.HostFacts = HOST) -> list[str]:
    """The elements at this path, each on one line."""
    found = xml(config, host).findall(path)
    return [
        "".join(etree.tostring(node, encoding="unicode").split("\n")[:1]).strip() if len(node) == 0 else outline(node) for node in found
    ]


def outline(node: etree._Element) -> str:
    return "".join(part.strip() for part in etree.tostring(node, encoding="unicode").split("\n"))


def commandline(config: str, host: bridge.HostFacts = HOST) -> list[str]:
    """The words of qemu:commandline."""
    return [str(node.get("value")) for node in xml(config, host).iter("{http://libvirt.org/schemas/domain/qemu/1.0}arg")]


def back(config: str, host: bridge.HostFacts = HOST) -> dict[str, str]:
    """Config -> XML without residue -> config: what XML alone can say."""
    text = bridge.convert(config, to="xml", source="conf", host=host, metadata=False).text
    return keys(text, host)


def keys(text: str, host: bridge.HostFacts = HOST) -> dict[str, str]:
    """The keys of the config that XML becomes."""
    config = bridge.convert(text, to="conf", source="xml", host=host, args=True).text
    return dict(line.split(": ", 1) for line in config.split("\n") if ": " in line and not line.startswith("#"))


def domain(inner: str = "", os: str = "", machine: str = "pc", head: str = "") -> str:
    """A small domain as somebody else may have written it."""
    return (
        f"<domain type='kvm'><name>vm</name><uuid>11111111-2222-3333-4444-555555555555</uuid>{head}<memory unit='MiB'>512</memory>"
        f"<vcpu>1</vcpu><os><type arch='x86_64' machine='{machine}'>hvm</type>{os}</os><features><acpi/></features>{inner}</domain>"
    )


def findings(text: str, kind: str, host: bridge.HostFacts = HOST) -> list[str]:
    """The messages of one kind that XML -> config gives."""
    return [f.message for f in bridge.convert(text, to="conf", source="xml", host=host, args=False).findings if f.kind == kind]
