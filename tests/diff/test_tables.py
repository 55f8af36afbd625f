"""Firmware's tables in a memory made by hand (ACPI 6.5, 5.2; SMBIOS 3.7, 5.2), and domains that are fitted to a host without KVM."""

from __future__ import annotations

import asyncio
import os
import struct
from typing import Any

import pytest
from lxml import etree

from bridge.guest import hostless
from bridge.guest.firmware import ready, tables
from bridge.guest.hostless import Fitted, fitted

BASE = 0xE0000


class Memory:
    """Bytes at addresses."""

    def __init__(self) -> None:
        self.data = bytearray(0x20000)
        self.asked: list[tuple[int, int]] = []

    def put(self, at: int, data: bytes) -> None:
        self.data[at - BASE : at - BASE + len(data)] = data

    async def read(self, address: int, size: int) -> bytes:
        self.asked.append((address, size))
        return bytes(self.data[address - BASE : address - BASE + size]) if address >= BASE else b""


def summed(data: bytes, at: int) -> bytes:
    """With the byte there, of which the sum of all is 0."""
    made = bytearray(data)
    made[at] = 0
    made[at] = -sum(made) % 256
    return bytes(made)


def table(name: bytes, body: bytes) -> bytes:
    return summed(name + struct.pack("<IBB6s8sI4sI", 36 + len(body), 1, 0, b"BOCHS ", b"BXPC    ", 1, b"BXPC", 1) + body, 9)


def acpi(at: int = 0xE1000, moved: int = 0, extra: bytes = b"\1") -> Memory:
    """RSDP -> RSDT -> FACP (-> DSDT), APIC; all but the RSDP `moved`."""
    memory = Memory()
    root, facp, apic, dsdt = (BASE + 0x2000 + moved + n * 0x400 for n in range(4))
    memory.put(at, summed(b"RSD PTR \0BOCHS \0" + struct.pack("<I", root), 8))
    memory.put(root, table(b"RSDT", struct.pack("<II", facp, apic)))
    memory.put(facp, table(b"FACP", struct.pack("<II", 0x7000 + moved, dsdt) + bytes(88) + struct.pack("<QQ", moved, dsdt)))
    memory.put(apic, table(b"APIC", extra))
    memory.put(dsdt, table(b"DSDT", b"body"))
    return memory


def found(memory: Memory) -> dict[str, str]:
    return asyncio.run(tables(memory.read))


def test_tables_are_found_from_their_anchor() -> None:
    memory = acpi()
    seen = found(memory)
    assert list(seen) == ["ACPI RSDT", "ACPI FACP", "ACPI DSDT", "ACPI APIC"]
    assert [text.split(",")[0] for text in seen.values()] == ["44 bytes", "148 bytes", "40 bytes", "37 bytes"]
    assert memory.asked[0] == (0xE0000, 0x20000)  # where a PC has them


@pytest.mark.parametrize("at", [BASE, 0xE1010, 0xFFFD0])
def test_an_anchor_stands_at_a_paragraph(at: int) -> None:
    assert len(found(acpi(at))) == 4


def test_an_anchor_elsewhere_or_of_a_wrong_sum_is_none() -> None:
    assert found(acpi(0xE1008)) == {}
    memory = acpi()
    memory.data[0xE1000 - BASE + 10] ^= 1
    assert found(memory) == {}
    assert not ready(bytes(memory.data), True)


def test_addresses_and_sums_do_not_count_and_all_else_does() -> None:
    assert found(acpi()) == found(acpi(0xE1100, moved=0x40))
    here, there = found(acpi()), found(acpi(extra=b"\2"))
    assert [name for name in here if here[name] != there[name]] == ["ACPI APIC"]


@pytest.mark.parametrize("size", [0, 35, (1 << 20) + 1])
def test_a_table_of_no_possible_size_is_passed_over(size: int) -> None:
    memory = acpi()
    memory.put(BASE + 0x2800 + 4, struct.pack("<I", size))
    assert list(found(memory)) == ["ACPI RSDT", "ACPI FACP", "ACPI DSDT"]
    assert all(asked <= 1 << 20 for _, asked in memory.asked)


def test_two_tables_of_one_name_are_two() -> None:
    memory = acpi()
    memory.put(BASE + 0x2800, table(b"SSDT", b"a"))
    memory.put(BASE + 0x2000, table(b"RSDT", struct.pack("<II", BASE + 0x2800, BASE + 0x2800)))
    assert list(found(memory)) == ["ACPI RSDT", "ACPI SSDT", "ACPI SSDT #2"]


def structure(kind: int, body: bytes, *strings: bytes) -> bytes:
    return bytes((kind, 4 + len(body), 0, kind)) + body + (b"\0".join(strings) + b"\0\0" if strings else b"\0\0")


END = bytes((127, 4, 0, 127, 0, 0))


def smbios(new: bool, data: bytes) -> Memory:
    memory = Memory()
    at = BASE + 0x4000
    if new:
        anchor = summed(b"_SM3_\0\x18\3\0\0\1\0" + struct.pack("<IQ", len(data), at), 5)
    else:
        anchor = summed(b"_SM_\0\x1f\2\x08" + struct.pack("<HB5s5sBHIHB", 0, 0, b"", b"_DMI_", 0, len(data), at, 2, 0x28), 4)
    memory.put(BASE + 0x500, anchor)
    memory.put(at, data)
    return memory


@pytest.mark.parametrize("new", [True, False])
def test_structures_of_smbios_with_their_strings(new: bool) -> None:
    data = structure(1, b"\1\2", b"QEMU", b"Standard PC") + structure(17, b"") + structure(17, b"x", b"DIMM 1") + END + structure(9, b"")
    memory = smbios(new, data)
    assert ready(bytes(memory.data), False)
    assert not ready(bytes(memory.data), True)
    seen = found(memory)
    assert list(seen) == ["SMBIOS type 1", "SMBIOS type 17", "SMBIOS type 17 #2"]
    assert [text.split(" | ")[1:] for text in seen.values()] == [["QEMU", "Standard PC"], [], ["DIMM 1"]]
    other = found(smbios(new, data.replace(b"\1\2", b"\1\3")))
    assert [name for name in seen if seen[name] != other[name]] == ["SMBIOS type 1"]


def test_a_structure_that_does_not_end_is_none() -> None:
    assert found(smbios(True, structure(1, b"", b"a") + bytes((2, 4, 0, 0)) + b"abc")).keys() == {"SMBIOS type 1"}
    assert found(smbios(True, bytes((1, 3, 0, 0, 0, 0)) + END)) == {}


# --- domains fitted to this host

DOMAIN = """<domain type='kvm'><numatune/><memoryBacking><hugepages/><locked/></memoryBacking><cputune/><blkiotune/><memtune/><resource/>
<os><type machine='{machine}'>hvm</type></os><cpu mode='host-passthrough'/><devices><disk><source><auth/></source></disk>
<hostdev type='usb'><source><vendor id='1'/></source></hostdev><hostdev type='usb'><source><address bus='3' device='7'/></source></hostdev>
<hostdev type='usb'><source/></hostdev><hostdev type='pci'><source/></hostdev><hostdev type='pci'><driver name='xen'/></hostdev>
</devices></domain>"""


def fit(
    monkeypatch: pytest.MonkeyPatch, machine: str = "pc-q35-9.2", kvm: bool = False, cpu: str = "host-passthrough"
) -> tuple[Any, Fitted]:
    monkeypatch.setattr(hostless, "_machines", lambda program: {"pc", "q35", "virt", "pc-q35-9.2"} if program == "qemu" else set())
    monkeypatch.setattr(os, "access", lambda path, _: kvm and path == "/dev/kvm")
    domain = etree.fromstring(DOMAIN.format(machine=machine).replace("host-passthrough", cpu))
    return domain, fitted(domain, "qemu")


def test_what_asks_for_the_host_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    domain, _ = fit(monkeypatch)
    assert [each.tag for each in domain] == ["memoryBacking", "os", "cpu", "devices"]
    assert [each.tag for each in domain.find("memoryBacking")] == ["locked"]
    assert domain.find("devices/disk//auth") is None
    places = [dict(each.attrib) for each in domain.iterfind("devices/hostdev[@type='usb']/source/address")]
    assert places == [{"bus": "1", "device": "2"}, {"bus": "3", "device": "7"}, {"bus": "1", "device": "4"}]
    assert [each.get("name") for each in domain.iterfind("devices/hostdev[@type='pci']/driver")] == ["vfio", "xen"]


@pytest.mark.parametrize(("machine", "instead"), [
    ("pc-q35-9.2", None), ("pc-q35-99.0", "q35"), ("pc-i440fx-99.0", "pc"), ("virt-99.0", "virt"), ("microvm", None),
])  # fmt: skip
def test_the_newest_machine_stands_in_for_one_that_is_not_here(monkeypatch: pytest.MonkeyPatch, machine: str, instead: str | None) -> None:
    domain, found = fit(monkeypatch, machine, kvm=True)
    assert domain.find("os/type").get("machine") == (instead or machine)
    assert found.machine == (machine if instead else None)
    assert found.changed == ([f"machine {machine} is not here: libvirt was asked for {instead}"] if instead else [])
    assert domain.get("type") == "kvm"
    words = ["kvm", "-machine", f"{instead or machine},usb=off", "-machine", "type=x", "-cpu", "max,a=b"]
    assert found.restored(words) == ["kvm", "-machine", f"{machine},usb=off", "-machine", "type=x", "-cpu", "max,a=b"]


@pytest.mark.parametrize(("cpu", "mode", "back"), [("host-passthrough", "maximum", "host"), ("custom", "custom", "max")])
def test_an_emulated_cpu_stands_in_where_there_is_no_kvm(monkeypatch: pytest.MonkeyPatch, cpu: str, mode: str, back: str) -> None:
    domain, found = fit(monkeypatch, cpu=cpu)
    assert (domain.get("type"), domain.find("cpu").get("mode"), found.kvm) == ("qemu", mode, True)
    assert found.restored(["-accel", "tcg", "-cpu", "max,x=on", "-cpu", "EPYC"]) == [
        "-accel",
        "kvm",
        "-cpu",
        f"{back},x=on",
        "-cpu",
        "EPYC",
    ]
    assert found.changed[0].endswith(", host-passthrough as maximum") == (mode == "maximum")
