"""tpmstate0: config -> command line, config -> XML, XML -> config."""

from __future__ import annotations

import pytest

import bridge

from .both import HOST, back, domain, findings, keys, outline, values, xml

LINE = "tpmstate0: local:100/vm-100-disk-1.raw,version=v2.0"


def test_swtpm_on_a_socket() -> None:
    assert "tpm-tis,tpmdev=tpmdev" in values(LINE, "-device")
    assert values(LINE, "-tpmdev") == ["emulator,id=tpmdev,chardev=tpmchar"]
    assert values(f"{LINE}\ntemplate: 1", "-tpmdev") == []


def test_xml_and_back() -> None:
    tpm = xml(LINE).find("devices/tpm")
    assert tpm is not None
    assert tpm.get("model") == "tpm-tis"
    assert outline(tpm).endswith(
        '<backend type="emulator" version="2.0" persistent_state="yes">'
        '<source type="file" path="/var/lib/vz/images/100/vm-100-disk-1.raw"/></backend>'
        '<alias name="ua-tpmstate0"/></tpm>'
    )
    assert back(LINE)["tpmstate0"] == LINE.partition(": ")[2]
    assert back("tpmstate0: local:100/vm-100-disk-1.raw")["tpmstate0"] == "local:100/vm-100-disk-1.raw"


def test_an_older_libvirt_keeps_the_state_elsewhere() -> None:
    result = bridge.convert(LINE, to="xml", source="conf", host=HOST, libvirt="10.9")
    assert "vm-100-disk-1" not in result.text.partition("<metadata>")[0]
    assert [f.kind for f in result.findings if f.kind == "tpm-state"] == ["tpm-state"]


@pytest.mark.parametrize(
    "line",
    [LINE, "tpmstate0: local:100/vm-100-disk-1.raw,version=v1.2", "tpmstate0: local-lvm:vm-100-disk-1,version=v2.0"],
)
@pytest.mark.parametrize("libvirt", ["11.3", "10.9", "9.0"])
def test_libvirt_would_delete_the_state_with_the_domain(line: str, libvirt: str) -> None:
    text = bridge.convert(line, to="xml", source="conf", host=HOST, libvirt=libvirt).text
    assert "persistent_state='yes'" in text.replace('"', "'")


def test_a_libvirt_that_cannot_keep_the_state_is_told() -> None:
    result = bridge.convert(LINE, to="xml", source="conf", host=HOST, libvirt="6.9")
    assert "persistent_state" not in result.text
    assert any("deletes the TPM's state" in f.message for f in result.findings if f.kind == "tpm-state")


@pytest.mark.parametrize(("said", "told"), [("yes", None), ("no", "host-lost"), ("maybe", "unknown")])
def test_a_state_that_is_kept_is_what_a_config_means(said: str, told: str | None) -> None:
    source = "<source type='file' path='/x/tpm'/>"
    backend = f"<backend type='emulator' version='2.0' persistent_state='{said}'>{source}</backend>"
    found = bridge.convert(domain(f"<devices><tpm model='tpm-tis'>{backend}</tpm></devices>"), to="conf", source="xml").findings
    assert [f.kind for f in found if "persistent_state" in f.message] == ([told] if told else [])


def test_foreign_tpms() -> None:
    source = "<source type='file' path='/x/tpm'/>"
    crb = domain(f"<devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'>{source}</backend></tpm></devices>")
    assert keys(crb)["tpmstate0"] == "/x/tpm,version=v2.0"
    assert any("tpm-crb" in message for message in findings(crb, "guest-changed"))
    passthrough = domain("<devices><tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm7'/></backend></tpm></devices>")
    assert "tpmstate0" not in keys(passthrough)
    assert any("/dev/tpm7" in message for message in findings(passthrough, "guest-lost"))
    fresh = domain("<devices><tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm></devices>")
    assert any("own directory" in message for message in findings(fresh, "tpm-state"))
