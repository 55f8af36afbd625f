"""Property strings: what they mean, what is refused and with which words, how they are printed (config-grammar 5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.data.options import OPTIONS, VM_CPU_FLAGS
from bridge.data.schema import Field, Option
from bridge.qemuserver import propstring
from bridge.qemuserver.propstring import FormatError

MAC = "BC:24:11:00:00:01"

READ: list[tuple[str, str, dict[str, str | bool]]] = [
    ("scsi0", "s1:v,size=4194304K,ssd=on", {"file": "s1:v", "size": "4194304K", "ssd": True}),
    ("scsi0", "ssd=OFF,,s1:v,", {"ssd": False, "file": "s1:v"}),
    ("scsi0", "volume=/a=b,backup=No", {"file": "/a=b", "backup": False}),
    ("scsi0", "s1:v,iops_rd_length=5", {"file": "s1:v", "iops_rd_max_length": "5"}),
    ("scsi0", "s1:v,vendor=a b,product= ", {"file": "s1:v", "vendor": "a b", "product": " "}),
    ("agent", "enabled=0,1", {"enabled": True}),
    ("agent", "1,freeze-fs-on-backup=0", {"enabled": True, "freeze-fs": False}),
    ("agent", "1,guest-fsfreeze=0", {"enabled": True, "freeze-fs": False}),
    ("boot", "", {}),
    ("boot", " ,", {}),
    ("net0", f"virtio={MAC},queues=+4", {"model": "virtio", "macaddr": MAC, "queues": "+4"}),
    ("net0", f"macaddr={MAC},virtio", {"model": "virtio", "macaddr": MAC}),
    ("net0", "model=e1000,rate=1e1,trunks=1;3-5", {"model": "e1000", "rate": "1e1", "trunks": "1;3-5"}),
    ("machine", "aw-bits=39.,type=q35", {"aw-bits": "39.", "type": "q35"}),
    ("cpu", "custom-mine,flags=+aes;-pcid", {"cputype": "custom-mine", "flags": "+aes;-pcid"}),
    ("iothreads", "4,affinity=2-6", {"iothreads": "4", "affinity": "2-6"}),
    ("ipconfig0", "ip=10.0.0.2/24,gw=10.0.0.1", {"ip": "10.0.0.2/24", "gw": "10.0.0.1"}),
]
UNKNOWN = "property is not defined in schema and the schema does not allow additional properties"
MISSING = "property is missing and it is not optional"
REFUSED = [
    ("boot", "order=", "missing key in comma-separated list property"),
    ("scsi0", "=a", "missing key in comma-separated list property"),
    ("scsi0", "s1:v,ssd=1,ssd=1", "duplicate key in comma-separated list property: ssd"),
    ("scsi0", "s1:v,s1:w", "duplicate key in comma-separated list property: file"),
    ("scsi0", "s1:v,volume=s1:w", "key 'file' is already defined (via alias)"),
    ("agent", "0,enabled=1", "duplicate key in comma-separated list property: enabled"),
    ("net0", f"virtio={MAC},e1000={MAC}", "key alias 'model' is already defined"),
    ("net0", f"virtio={MAC},virtio", "duplicate key in comma-separated list property: model"),
    ("smbios1", "x", "value without key, but schema does not define a default key"),
    ("scsi0", "s1:v,cyls=4", f"format error\ncyls: {UNKNOWN}"),
    ("scsi0", "s1:v, ssd=1", f"format error\n ssd: {UNKNOWN}"),
    ("scsi0", "s1:v,SSD=1", f"format error\nSSD: {UNKNOWN}"),
    ("scsi0", "ssd=maybe", f"format error\nfile: {MISSING}\nssd: type check ('boolean') failed - got 'maybe'"),
    ("scsi0", "v.raw", "format error\nfile: invalid format - unable to parse volume ID 'v.raw'\n"),
    ("scsi0", "s1:v,serial=" + "a" * 61, "format error\nserial: value may only be 60 characters long"),
    ("scsi0", "s1:v,wwn=0x5", "format error\nwwn: value does not match the regex pattern"),
    ("scsi0", "s1:v,queues=1", "format error\nqueues: value must have a minimum value of 2"),
    ("scsi0", "s1:v,queues=1e3", "format error\nqueues: type check ('integer') failed - got '1e3'"),
    ("scsi0", "s1:v,queues=٤", "format error\nqueues: type check ('integer') failed - got '٤'"),
    ("net0", "virtio,queues=65", "format error\nqueues: value must have a maximum value of 64"),
    ("net0", "virtio,queues=" + "9" * 5000, "format error\nqueues: value must have a maximum value of 64"),
    ("watchdog", "i6300", "format error\nmodel: value 'i6300' does not have a value in the enumeration 'i6300esb, ib700'"),
    ("amd-sev", "none", "format error\ntype: value may only be 3 characters long"),
    ("ipconfig0", "gw=10.0.0.1", "format error\nip: missing property required by 'gw'"),
    ("iothreads", "4,affinity=2,4", "duplicate key in comma-separated list property: iothreads"),
    ("iothreads", "4,affinity=2;4", "format error\naffinity: invalid format - unable to parse cpuset option\n"),
    ("iothreads", "0", "format error\niothreads: value must have a minimum value of 1"),
    ("cpu", "flags=+aes", "CPU is missing cputype"),
    ("cpu", "hosts", "Built-in cputype 'hosts' is not defined (missing 'custom-' prefix?)"),
    ("cpu", "host,reported-model=kvm64", "Property 'reported-model' not allowed in VM-specific CPU config."),
    ("cpu", "host,flags=+avx", f"VM-specific CPU flags must be a subset of: {', '.join(VM_CPU_FLAGS)}"),
]

PRINTED: list[tuple[str, dict[str, Any], str]] = [
    ("scsi0", {"ssd": True, "size": "4194304K", "file": "s1:v", "aio": None}, "s1:v,size=4G,ssd=1"),
    ("scsi0", {"file": "/a=b", "size": 1536}, "file=/a=b,size=1536"),
    ("scsi0", {"volume": "s1:v", "size": "1.5T", "ssd": False}, "s1:v,size=1536G,ssd=0"),
    ("net0", {"tag": 5, "macaddr": MAC, "model": "virtio", "firewall": True}, f"virtio={MAC},firewall=1,tag=5"),
    ("net0", {"model": "virtio", "bridge": "vmbr0"}, "virtio,bridge=vmbr0"),
    ("numa0", {"policy": "bind", "memory": 512, "hostnodes": "0", "cpus": "0-1"}, "cpus=0-1,hostnodes=0,memory=512,policy=bind"),
    ("ivshmem", {"name": "a", "size": 16}, "size=16,name=a"),
    ("vga", {}, ""),
    ("vga", {"memory": 16}, "memory=16"),
]
NOT_PRINTED: list[tuple[str, dict[str, Any]]] = [
    ("scsi0", {"file": "/a,b"}),
    ("scsi0", {"file": "/a\nargs: -S"}),
    ("scsi0", {"file": "s1:v", "serial": ""}),
    ("scsi0", {"file": "s1:v", "size": "big"}),
    ("scsi0", {"size": "1G"}),
    ("scsi0", {"file": "s1:v", "frob": "1"}),
    ("net0", {"virtio": MAC}),
    ("net0", {"model": "virtio", "tag": 5000}),
    ("net0", {"model": "virtio", "firewall": "perhaps"}),
    ("ipconfig0", {"gw": "10.0.0.1"}),
    ("cpu", {"cputype": "host", "flags": "+avx"}),
]


@pytest.mark.parametrize(("key", "given", "values"), READ)
def test_read(key: str, given: str, values: dict[str, str | bool]) -> None:
    assert propstring.parse(key, given) == values


@pytest.mark.parametrize(("key", "given", "message"), REFUSED)
def test_refused(key: str, given: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        propstring.parse(key, given)
    assert str(caught.value) == message


@pytest.mark.parametrize(("key", "values", "text"), PRINTED)
def test_printed(key: str, values: dict[str, Any], text: str) -> None:
    assert propstring.write(key, values) == text


@pytest.mark.parametrize(("key", "values"), NOT_PRINTED)
def test_not_printed(key: str, values: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        propstring.write(key, values)


def test_ignored_keys_are_skipped() -> None:
    assert propstring.parse("ide0", "s1:v,cyls=4,cyls=5", ignore=("cyls",)) == {"file": "s1:v"}


@pytest.mark.parametrize("key", ["cores", "net32", "frob"])
def test_no_property_string(key: str) -> None:
    with pytest.raises(KeyError):
        propstring.parse(key, "x")


GOOD = {
    "pve-volume-id-or-qm-path": "s1:vm-1-disk-0", "pve-volume-id": "s1:v", "urlencoded": "a%20b", "disk-size": "32G", "mac-addr": MAC,
    "pve-bridge-id": "vmbr0", "pve-configid": "mapped", "pve-cpuset": "0-3", "ipv4": "10.0.0.1", "ipv6": "fd00::1",
    "pve-ipv4-config": "dhcp", "pve-ipv6-config": "auto", "pve-phys-bits": "40", "pve-qm-bootdev-list": "scsi0;net0",
}  # fmt: skip
MATCHES = {
    "[acdn]{1,4}": "cdn", "[a-zA-Z0-9]{1,12}": "abc", r"[^/\.:]+": "nvidia-1", "[^,;]+": "rom.bin", r"[a-zA-Z0-9\-]+": "shm-1",
    r"[A-Za-z0-9+\/]+={0,2}": "Zm9v", r"\d+(\.\d+)+": "9.2.0", r"\d+(?:-\d+)?(?:;\d+(?:-\d+)?)*": "0;2-3",
    r"^(0x)[0-9a-fA-F]{16}": "0x5000c500a0b1c2d3", "^0x[0-9a-fA-F]{4}$": "0x1af4",
    r"[A-Za-z0-9\-_\s]{,16}": "a b", r"[A-Za-z0-9\-_\s]{,8}": "ACME",
}  # fmt: skip
SPECIAL = {
    "cputype": "host", "flags": "+aes;-pcid", "uuid": "7079e97c-50e3-4079-afe7-23e67566b946", "reported-model": None,
    ("machine", "type"): "pc", ("runningmachine", "type"): "pc-q35-9.2+pve1", ("usb0", "host"): "1-1.2",
    ("hostpci0", "host"): "0000:01:00.0;02:00",
}  # fmt: skip


def good_value(key: str, name: str, field: Field) -> st.SearchStrategy[Any]:
    special = SPECIAL.get((key, name), SPECIAL.get(name))
    if special:
        return st.just(special)
    if field.type == "boolean":
        return st.booleans()
    if field.enum:
        return st.sampled_from(field.enum)
    if field.type == "integer":
        return st.integers(int(field.minimum or 0), int(field.maximum or 10**6)).map(str)
    if field.type == "number":
        return st.integers(int(field.minimum or 0), int(field.maximum or 10**6)).map(lambda number: f"{number}.0")
    return st.just(GOOD[field.format] if field.format else MATCHES[field.pattern or ""])


def property_strings() -> list[tuple[str, Option]]:
    return [(name.removesuffix("N") + ("" if found.max_index is None else "0"), found) for name, found in OPTIONS.items() if found.fields]


@pytest.mark.parametrize(("key", "found"), [pytest.param(key, found, id=key) for key, found in property_strings()])
@settings(max_examples=30)
@given(data=st.data())
def test_what_is_printed_reads_back(key: str, found: Option, data: st.DataObject) -> None:
    """parse(write(values)) == values, for every sub-option of every option; and write(parse(text)) == text."""
    values: dict[str, Any] = {}
    for name, field in (found.fields or {}).items():
        if field.alias or (key == "cpu" and name == "reported-model"):
            continue
        if not field.optional or (key, name) == ("cpu", "cputype") or data.draw(st.booleans(), label=name):
            values[name] = data.draw(good_value(key, name, field), label=name)
    for name, field in (found.fields or {}).items():
        if field.requires and name in values:
            values.setdefault(field.requires, "dhcp")
    printed = propstring.write(key, values)
    assert propstring.parse(key, printed) == values
    assert propstring.write(key, propstring.parse(key, printed)) == printed


@given(st.sampled_from([key for key, _ in property_strings()]), st.text(max_size=40))
def test_any_text_is_parsed_or_refused(key: str, given_text: str) -> None:
    try:
        values = propstring.parse(key, given_text)
    except FormatError:
        return
    try:
        printed = propstring.write(key, values)
    except FormatError:
        # A line feed or CR in a value: a file's line cannot hold one, so neither does the printer.
        assert "\n" in given_text or "\r" in given_text
        return
    assert propstring.write(key, propstring.parse(key, printed)) == printed
