"""name, description, smbios1, vmgenid: what they are made of, and hostile texts."""

from __future__ import annotations

import base64

import pytest

import bridge
from tests.kinds.both import back, commandline, domain, findings, keys, pieces, values, xml

UUID = "7b10d7af-b932-4c66-b2c3-3996152ec465"


@pytest.mark.parametrize(
    ("smbios", "wanted"),
    [
        (f"uuid={UUID}", f"type=1,uuid={UUID}"),
        (f"base64=1,manufacturer=QUNNRSwgSW5jLg==,uuid={UUID}", f"type=1,manufacturer=ACME,, Inc.,uuid={UUID}"),
        ("serial=0,sku=a", "type=1,sku=a"),
        ("base64=1,serial=QQ", "type=1,serial=A"),
    ],
)
def test_smbios_on_the_command_line(smbios: str, wanted: str) -> None:
    assert values(f"smbios1: {smbios}\n", "-smbios") == [wanted]


def test_smbios_in_xml_and_back() -> None:
    config = f"smbios1: base64=1,manufacturer=QUNNRSwgSW5jLg==,uuid={UUID}\n"
    assert commandline(config)[:2] == ["-smbios", "type=1,manufacturer=ACME,, Inc."]
    assert pieces(config, "uuid")[0].endswith(f">{UUID}</uuid>")
    assert pieces(config, "os/smbios") == []
    assert back(config)["smbios1"] == f"base64=1,manufacturer=QUNNRSwgSW5jLg==,uuid={UUID}"


ARG = "<qemu:arg value='-smbios'/><qemu:arg value='{}'/>"
COMMANDLINE = "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>{}</qemu:commandline>"


@pytest.mark.parametrize(
    ("word", "product"),
    [
        ("type=1,product=a.b", "a.b"),
        ("type=1,sku=x,product=a,,b=c", "a,b=c"),
        ("type=1,product=0", None),
        ("type=1,product=", None),
        ("type=1,product=a,vendor=b", None),
        ("type=1,uuid=00000000-0000-0000-0000-000000000001", None),
        ("type=0,product=a", None),
        ("type=11,product=a", None),
        ("type=1", None),
    ],
)
def test_smbios_words_that_no_smbios1_can_say_stay_raw(word: str, product: str | None) -> None:
    found = keys(domain(COMMANDLINE.format(ARG.format(word))))
    wanted = None if product is None else base64.b64encode(product.encode()).decode()
    assert (f",product={wanted}" in found["smbios1"], "args" in found) == (product is not None, product is None)


def test_smbios_in_args_stays_there() -> None:
    config = f"args: -smbios type=1,serial=x\nsmbios1: product=cQ==,base64=1,uuid={UUID}\n"
    text = bridge.convert(config, to="xml", source="conf").text
    assert bridge.convert(text, to="conf", source="xml", trust_metadata=True).text == config


def test_no_uuid_is_a_uuid_of_zeros() -> None:
    assert commandline("memory: 512\n")[:2] == ["-uuid", "00000000-0000-0000-0000-000000000000"]
    assert "smbios1" not in back("memory: 512\n")


def test_vmgenid() -> None:
    assert f"vmgenid,guid={UUID}" in values(f"vmgenid: {UUID}\n", "-device")
    assert back(f"vmgenid: {UUID}\n")["vmgenid"] == UUID
    with pytest.raises(bridge.BridgeError):
        xml("vmgenid: 1,x\n")


def test_names_and_descriptions() -> None:
    found = keys(domain().replace("<name>vm</name>", "<name>My VM: one</name>"))
    assert found["name"] == "My-VM-one"
    text = bridge.convert(domain(head="<title>a</title><description>b%\n[PENDING]\nargs: x</description>"), to="conf", source="xml").text
    assert text.startswith("#a\n#b%25\n#[PENDING]\n#args%3A x\n")
    with pytest.raises(bridge.BridgeError, match="control character"):
        keys(domain().replace("<name>vm</name>", "<name>vm\nargs: -S</name>"))


def test_foreign_smbios() -> None:
    bios = "<bios><entry name='vendor'>LENOVO</entry></bios>"
    info = f"<sysinfo type='smbios'>{bios}<system><entry name='product'>Virt-Manager</entry></system></sysinfo>"
    shown = domain(info, os="<smbios mode='sysinfo'/>")
    assert "product=VmlydC1NYW5hZ2Vy" in keys(shown)["smbios1"]
    assert any("LENOVO" in message for message in findings(shown, "guest-lost"))
    assert "product" not in keys(domain(info))["smbios1"]
    with pytest.raises(bridge.BridgeError, match="UUID mismatch"):
        keys(domain(info.replace("<system>", f"<system><entry name='uuid'>{UUID}</entry>"), os="<smbios mode='sysinfo'/>"))


def test_what_only_the_config_has_comes_back_from_the_residue() -> None:
    config = (
        "lock: backup\nmemory: 512\nname: x\nonboot: 1\nprotection: 1\nstartup: order=1\ntags: a;b\nunused0: local:100/vm-100-disk-9.raw\n"
    )
    text = bridge.convert(config, to="xml", source="conf").text
    assert bridge.convert(text, to="conf", source="xml", trust_metadata=True).text == config
