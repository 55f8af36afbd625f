"""Mapped devices and directories."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.core.report import BridgeError
from bridge.host.facts import HostFacts
from bridge.host.mapping import (
    directory_path,
    on_node,
    pci_alternatives,
    pci_functions,
    read_directory_mappings,
    read_pci_mappings,
    read_usb_mappings,
    usb_host,
)
from bridge.host.sections import Warnings

PCI_CFG = """\
gpu
\tdescription a card
\tmdev 1
\tlive-migration-capable 1
\tmap id=10de:2231,iommugroup=1,node=here,path=0000:01:00.4
\tmap id=10de:2231,iommugroup=1,node=there,path=0000:09:00.4
\tmap id=10de:2231,iommugroup=1,node=here,path=0000:01:00.5

pair
\tmap id=8086:1520,node=here,path=0000:02:00;0000:03:00.1,subsystem-id=8086:0001

away
\tmap id=8086:1520,node=there,path=0000:02:00
"""
USB_CFG = """\
stick
\tmap node=here,id=0627:0001
\tmap node=there,id=0627:0001

port
\tmap node=here,id=1:2
\tmap node=here,id=1234:5678,path=1-4.2

two
\tmap node=here,id=0627:0001
\tmap node=here,id=0627:0002
"""
DIRECTORY_CFG = (
    "share\n\tmap node=here,path=/srv/a b\n\nnone\n\tmap node=there,path=/x\n\ntwo\n\tmap node=here,path=/x\n\tmap node=here,path=/y\n"
)
PRESENT = ["0000:02:00.1", "0000:02:00.0", "0000:01:00.4", "0000:01:00.5", "0000:03:00.1", "1234:02:00.0"]


def facts(**more: Any) -> tuple[HostFacts, list[str]]:
    warnings: Warnings = []
    host = HostFacts.load(
        nodename="here",
        pci_mappings=read_pci_mappings(PCI_CFG, "pci", warnings),
        usb_mappings=read_usb_mappings(USB_CFG, "usb", warnings),
        directory_mappings=read_directory_mappings(DIRECTORY_CFG, "dir", warnings),
        **more,
    )
    return host, [f"{line}: {message}" for line, message in warnings]


def test_what_the_files_say() -> None:
    host, warnings = facts()
    gpu, pair = host.pci_mappings["gpu"], host.pci_mappings["pair"]
    assert (gpu.mdev, gpu.live_migration_capable, len(gpu.maps), len(on_node(gpu.maps, "here"))) == (True, True, 3, 2)
    assert (pair.mdev, pair.live_migration_capable) == (False, False)
    assert pair.maps[0].paths == ("0000:02:00", "0000:03:00.1")
    assert warnings == ["usb:6: mapping 'port': 'id' has the unusable value '1:2', line ignored"]


@pytest.mark.parametrize(
    ("host", "functions"),
    [
        ("02:00", ["0000:02:00.0", "0000:02:00.1"]),
        ("0000:02:00", ["0000:02:00.0", "0000:02:00.1"]),
        ("02:00.1", ["0000:02:00.1"]),
        ("1234:02:00", ["1234:02:00.0"]),
    ],
)
def test_functions_of_a_device(host: str, functions: list[str]) -> None:
    assert pci_functions(facts(pci={"present": PRESENT})[0], host) == functions


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(BridgeError, match="no PCI device found for '05:00'"):
        pci_functions(facts(pci={"present": PRESENT})[0], "05:00")


@pytest.mark.parametrize(
    ("host", "function"),
    [("02:00", None), ("02:0A.3", "0000:02:0a.3"), ("1234:02:00", None), ("00010000:02:00.1", "00010000:02:00.1")],
)
def test_functions_where_the_host_is_not_known(host: str, function: str | None) -> None:
    assert pci_functions(facts()[0], host) == [function] * (function is not None)


def test_alternatives_and_groups() -> None:
    host, _ = facts(pci={"present": PRESENT})
    assert pci_alternatives(host, "gpu") == [["0000:01:00.4"], ["0000:01:00.5"]]
    assert pci_alternatives(host, "pair") == [["0000:02:00.0", "0000:02:00.1", "0000:03:00.1"]]
    for missing in ("away", "unheard"):
        with pytest.raises(BridgeError, match=f"PCI device mapping not found for '{missing}'"):
            pci_alternatives(host, missing)


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        ({"vendor": "0x10de", "device": "0x2231", "iommugroup": 1, "mdev": True}, None),
        ({"vendor": "0x10de", "device": "0x9999", "iommugroup": 1, "mdev": True}, "'id' does not match"),
        ({"vendor": "0x10de", "device": "0x2231", "iommugroup": 2, "mdev": True}, "'iommugroup' does not match"),
        ({"vendor": "0x10de", "device": "0x2231", "iommugroup": 1}, "'mdev' does not match"),
        (
            {
                "vendor": "0x10de",
                "device": "0x2231",
                "iommugroup": 1,
                "mdev": True,
                "subsystem_vendor": "0x1043",
                "subsystem_device": "0x0001",
            },
            "'subsystem-id' does not match",
        ),
    ],
)
def test_a_mapping_for_another_device(info: dict[str, Any], problem: str | None) -> None:
    host, _ = facts(pci={"present": PRESENT, "info": {"0000:01:00": info}})
    if problem is None:
        assert len(pci_alternatives(host, "gpu")) == 2
        return
    with pytest.raises(BridgeError, match="PCI device mapping invalid") as caught:
        pci_alternatives(host, "gpu")
    assert problem in caught.value.message


def test_usb() -> None:
    host, _ = facts()
    assert usb_host(host, "stick") == "0627:0001"
    assert usb_host(host, "port") == "1-4.2"
    with pytest.raises(BridgeError, match="USB device mapping not found for 'unheard'"):
        usb_host(host, "unheard")
    with pytest.raises(BridgeError, match="More than one USB mapping"):
        usb_host(host, "two")


def test_directories() -> None:
    host, _ = facts()
    assert directory_path(host, "share") == "/srv/a b"
    for dirid, message in {
        "unheard": "Directory ID unheard does not exist",
        "none": "No directory mapping",
        "two": "More than one directory",
    }.items():
        with pytest.raises(BridgeError, match=message):
            directory_path(host, dirid)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n\tmap node=n,id=10de:2231,path=0000:01:00.4\n", "is not a mapping id"),
        ("gpu\n\tmap node=n,id=10de:2231\n", "'path' is missing"),
        ("gpu\n\tmap node=n,node=n,id=10de:2231,path=0000:01:00\n", "'node' is there twice"),
        ("gpu\n\tmap node=n,id=10de:2231,path=0000:01:00,x=1\n", "'x' is not a known key"),
        ("gpu\n\tmap n\n", "is not KEY=VALUE"),
        ("gpu\n\tmap\n", "'node' is missing"),
        ("gpu\n\tmdev maybe\n", "neither yes nor no"),
        ("gpu\n\tcolour red\n", "'colour' is not a known key"),
    ],
)
def test_lines_that_are_skipped(text: str, message: str) -> None:
    warnings: Warnings = []
    found = read_pci_mappings(text, "pci", warnings)
    assert all(mapping.maps == () for mapping in found.values())
    assert len(warnings) == 1
    assert message in warnings[0][1]
