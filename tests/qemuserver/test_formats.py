"""Named value formats: accepted and refused texts."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.qemuserver.formats import FORMATS, MAX_CPU, format_size, is_ipv6, parse_cpuset, parse_size, split_list, value_format

ACCEPTED = {
    "address": ["10.0.0.1", "::1", "a.b-c", "256.1.1.1"],
    "disk-size": ["0", "512", "4G", "1.5T", "4KiB", "007M"],
    "dns-name": ["a", "a-b.c9", "0"],
    "ipv4": ["0.0.0.0", "255.255.255.255"],
    "ipv6": ["::", "1::", "::1.2.3.4", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "FE80::1"],
    "mac-addr": ["BC:24:11:00:00:01", "00:00:00:00:00:00"],
    "pve-bridge-id": ["vmbr0", "_", "a.b-c"],
    "pve-configid": ["ab", "A9_-"],
    "pve-cpuset": ["0", "0,5,8-11", "8191", " 1 , 2-3 ", "1,", "007"],
    "pve-hotplug-features": ["0", "1", "disk,network", "usb;cpu memory", "cloudinit"],
    "pve-ipv4-config": ["dhcp", "manual", "10.0.0.1/8", "10.0.0.1/032"],
    "pve-ipv6-config": ["auto", "dhcp", "manual", "fd00::/128"],
    "pve-phys-bits": ["host", "8", "08", "64"],
    "pve-qm-bootdev": ["scsi30", "net31", "usb13", "hostpci15", "ide0"],
    "pve-qm-bootdev-list": ["", "scsi0;net0", "scsi0 , ide2"],
    "pve-qm-bootdisk": ["scsi0", "efidisk0"],
    "pve-startup-order": ["1", "order=2,up=3,down=4", ",", "up=0"],
    "pve-storage-id": ["ab", "a.b-c_9"],
    "pve-tag": ["a", "_a", "9+.x"],
    "pve-volume-id": ["s1:v", "local:../x", "ab:{}"],
    "pve-volume-id-or-qm-path": ["none", "cdrom", "/", "/../x", "s1:a b"],
    "urlencoded": ["", "a%20b", "%zz", "-_.!~*'()"],
}
REFUSED = {
    "address": ["a_b", "", "1::2::3"],
    "disk-size": ["", "4g", "1.5.5", "4iB", "-1", "4 G", "٤"],
    "dns-name": ["", "a_b", "-a", "a-", "a..b", "a.", "ä", "a\n"],
    "ipv4": ["256.0.0.1", "1.2.3", "01.2.3.4", "1.2.3.4\n"],
    "ipv6": ["", ":", ":::", "1", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1:2:3:4:5:6:7:8", "1.2.3.4::", "::1.2.3", "::g"],
    "mac-addr": ["BD:24:11:00:00:01", "BC-24-11-00-00-01", "BC:24:11:00:00", "BC:24:11:00:00:0g"],
    "pve-bridge-id": ["", "a b", "ä", "a;b"],
    "pve-configid": ["a", "9a", "a b", "a.b"],
    "pve-cpuset": ["a", "1;2", "3-1", ",1", "1-", "8192", "0-99999999999", "٤", " "],
    "pve-hotplug-features": ["2", "disks"],
    "pve-ipv4-config": ["auto", "10.0.0.1", "10.0.0.1/7", "10.0.0.1/33", "10.0.0.1/٨"],
    "pve-ipv6-config": ["::1", "::1/7", "::1/129"],
    "pve-phys-bits": ["7", "65", "008", "hosts"],
    "pve-qm-bootdev": ["scsi31", "net32", "efidisk0", "tpmstate0", "unused0", "net00"],
    "pve-qm-bootdev-list": ["scsi0;floppy"],
    "pve-qm-bootdisk": ["net0", "unused0", "scsi31"],
    "pve-startup-order": ["0", "", "order=", "1 ", "down=x"],
    "pve-storage-id": ["a", "9a", "a-", "a b"],
    "pve-tag": ["", "-a", "a b", "ä"],
    "pve-volume-id": ["v", "s:v", "s1:", "9s:v", "s1:v\n"],
    "pve-volume-id-or-qm-path": ["v.raw", "./x", ""],
    "urlencoded": ["a b", "a,b", "ä", "a+b"],
}


def test_every_format_has_cases() -> None:
    assert set(FORMATS) <= set(ACCEPTED) == set(REFUSED)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in ACCEPTED.items() for text in texts])
def test_accepted(name: str, text: str) -> None:
    assert value_format(name).accepts(text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in REFUSED.items() for text in texts])
def test_refused_with_a_message(name: str, text: str) -> None:
    found = value_format(name)
    assert not found.accepts(text)
    assert found.message(text)


@given(st.one_of(st.text("0123456789abcdef:.", max_size=24), st.ip_addresses(v=6).map(str)))
def test_ipv6_is_what_python_takes(text: str) -> None:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        assert not is_ipv6(text)
    else:
        assert is_ipv6(text)


@given(st.integers(0, 1 << 60))
def test_a_printed_size_reads_back(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(("text", "size"), [("1.5K", 1536), ("1T", 1 << 40), ("0", 0), ("3.9", 3), ("x", None), ("1" * 50, None)])
def test_size(text: str, size: int | None) -> None:
    assert parse_size(text) == size


@given(st.lists(st.tuples(st.integers(0, MAX_CPU), st.integers(0, MAX_CPU)).map(sorted), min_size=1, max_size=8))
def test_a_cpu_set_reads_back(ranges: list[list[int]]) -> None:
    assert parse_cpuset(",".join(f"{first}-{last}" for first, last in ranges)) == [tuple(pair) for pair in ranges]


@pytest.mark.parametrize(
    ("text", "parts"),
    [("", []), (" a,b;c  d,", ["a", "b", "c", "d"]), ("a\0b c\0", ["a", "b c"]), (",;", [])],
)
def test_split_list(text: str, parts: list[str]) -> None:
    assert split_list(text) == parts
