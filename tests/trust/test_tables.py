"""The lists of `data.remembered` hold just what domain XML has no place for."""

from __future__ import annotations

import bridge
from bridge.cli import option_table
from bridge.data.remembered import RETURNS, SHOWN, WITHHELD
from tests.option_samples import HOST, TARGET, VMID, samples
from tests.trust.documents import main_lines

PLACELESS = {
    entry.option if entry.field is None else f"{entry.option}.{entry.field}"
    for entry in option_table.table()
    if not entry.xml and not entry.is_alias
}  # fmt: skip


def test_what_xml_has_no_place_for_is_judged_one_way_or_the_other() -> None:
    assert len(RETURNS | SHOWN | WITHHELD) == len(RETURNS) + len(SHOWN) + len(WITHHELD)
    assert sorted(PLACELESS - RETURNS - WITHHELD - SHOWN) == []


def test_no_entry_is_of_an_option_that_xml_shows() -> None:
    texts = {"args", "description"}  # words and text that XML shows, and that are judged all the same
    assert sorted((RETURNS | WITHHELD) - PLACELESS - texts) == []


def test_each_option_of_no_xml_does_what_its_list_says() -> None:
    """Every sample of such an option goes through XML: it comes back, or a finding names it."""
    for sample in samples():
        name = sample.option if sample.field is None else f"{sample.option}.{sample.field}"
        if name not in PLACELESS:
            continue
        xml = bridge.convert(sample.config, "xml", "conf", vmid=VMID, host=HOST, qemu=TARGET["qemu"], libvirt=TARGET["libvirt"]).text
        result = bridge.convert(xml, "conf", "xml", vmid=VMID, host=HOST, args=False, qemu=TARGET["qemu"], libvirt=TARGET["libvirt"])
        there, here = main_lines(bridge.rewrite_config(sample.config, vmid=VMID)), main_lines(result.text)
        told = [finding.message for finding in result.findings if finding.severity == "host"]
        for key in there.keys() - {"cipassword", "sshkeys"}:
            if here.get(key) != there[key]:
                assert name in WITHHELD | SHOWN, f"{name}: {key} did not come back"
                assert any(key in message for message in told), f"{name}: {key} is left out in silence"
