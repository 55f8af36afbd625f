"""What a second look broke, each by its symptom: documents and metadata that helped each other past the gate."""

from __future__ import annotations

import pytest

import bridge
from tests.trust.documents import FOREIGN, VMID, Residue, main_lines, section_lines, violations, with_residue

SEEN = main_lines(bridge.convert(FOREIGN, "conf", "xml", vmid=VMID).text)
NIC = '<model type="virtio"/>'
HOSTDEV = (
    '<hostdev mode="subsystem" type="pci" managed="yes"><source><address domain="0" bus="1" slot="0" function="0"/></source></hostdev>'
)
NO_TREE = {
    "a card with an MTU that no known bridge has": FOREIGN.replace(NIC, NIC + '<mtu size="9000"/>'),
    "SEV without UEFI": FOREIGN.replace("</devices>", '</devices><launchSecurity type="sev"><policy>0x1</policy></launchSecurity>'),
    "a device of the host twice": FOREIGN.replace("</devices>", HOSTDEV + HOSTDEV + "</devices>"),
}
"""Domains whose config, as it stands, gives no domain: nothing can be held against it."""
DISK = SEEN["virtio0"]
CLAIMS: dict[str, dict[str, tuple[str | None, str | None]]] = {
    "another disk": {"virtio0": (f"/dev/sda,{DISK.partition(',')[2]}", DISK)},
    "another bridge": {"net0": (SEEN["net0"].replace("vmbr0", "vmbr9"), SEEN["net0"])},
    "more memory": {"memory": ("4096", SEEN["memory"])},
    "no KVM": {"kvm": ("0", None)},
    "all of it": {"virtio0": ("/etc/shadow", DISK), "memory": ("4096", SEEN["memory"]), "bios": ("ovmf", None), "name": ("evil", "guest1")},
}


@pytest.mark.parametrize("claims", CLAIMS)
@pytest.mark.parametrize("domain", NO_TREE)
def test_a_domain_that_gives_none_again_bears_nothing_out(domain: str, claims: str) -> None:
    try:
        result = bridge.convert(with_residue(NO_TREE[domain], Residue(CLAIMS[claims])), "conf", "xml", vmid=VMID)
    except bridge.BridgeError:
        return
    there = main_lines(result.text)
    for key, (text, _) in CLAIMS[claims].items():
        assert there.get(key) != text
        assert any(finding.kind in ("withheld", "stale-residue") and finding.message.startswith(key) for finding in result.findings)


def test_a_name_in_the_xml_makes_no_path_of_another_element() -> None:
    disk = (
        '<disk file="/etc/shadow" type="file" device="disk"><driver name="qemu" type="raw"/><source file="/srv/c.raw"/>'
        '<target dev="vdc" bus="virtio"/><alias name="ua-virtio0)1/source("/></disk>'
    )
    forged = Residue({"virtio0": (f"/etc/shadow,{DISK.partition(',')[2]}", DISK)})
    result = bridge.convert(with_residue(FOREIGN.replace("<devices>", "<devices>" + disk), forged), "conf", "xml", vmid=VMID)
    assert "/etc/shadow" not in result.text


@pytest.mark.parametrize(
    "images",
    ["local:200/vm-200-disk-0.raw%00local:5.raw/100/vm-100-disk-0.raw", "local:100/vm-100-disk-5.raw", "local:200/vm-200-fleece-0.raw"],
)
def test_images_that_a_backup_deletes_never_come_back(images: str) -> None:
    sections = f"\n[special:fleecing]\nfleecing-images: {images}\n"
    result = bridge.convert(with_residue(FOREIGN, Residue(sections=sections)), "conf", "xml", vmid=VMID)
    assert section_lines(result.text) == []
    assert any(finding.kind == "withheld" and "fleecing-images" in finding.message for finding in result.findings)


@pytest.mark.parametrize("args", ["-loadstate /etc/evil", "-loadstate json:{} -id 7", "-id 7"])
def test_words_that_no_xml_holds_do_not_come_with_args(args: str) -> None:
    result = bridge.convert(with_residue(FOREIGN, Residue({"args": (args, None)})), "conf", "xml", vmid=VMID, args=True)
    assert "args" not in main_lines(result.text)
    assert any(finding.kind == "withheld" and "args" in finding.message for finding in result.findings)


def test_the_order_of_raw_words_is_the_xmls() -> None:
    words = "".join(f"<qemu:arg value='{word}'/>" for word in ("-foo", "a", "-bar", "b"))
    raw = f"<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>{words}</qemu:commandline></domain>"
    xml = with_residue(FOREIGN, Residue({"args": ("-foo b -bar a", None)})).replace("</domain>", raw)
    assert "args: -foo a -bar b" in bridge.convert(xml, "conf", "xml", vmid=VMID, args=True).text


def test_a_directory_that_no_host_facts_know_is_not_another_one() -> None:
    share = '<filesystem type="mount"><driver type="virtiofs"/><source dir="/srv"/><target dir="foo"/></filesystem>'
    memory = '<memoryBacking><source type="memfd"/><access mode="shared"/></memoryBacking><vcpu>'
    xml = FOREIGN.replace("<devices>", "<devices>" + share).replace("<vcpu>", memory)
    seen = main_lines(bridge.convert(xml, "conf", "xml", vmid=VMID).text).get("virtiofs0")
    result = bridge.convert(with_residue(xml, Residue({"virtiofs0": ("rootfs,expose-acl=1", seen)})), "conf", "xml", vmid=VMID)
    assert "rootfs" not in result.text


@pytest.mark.parametrize("claim", [{"watchdog": ("ib700", None)}, {"virtio0": (DISK.replace("threads", "native"), DISK)}])
def test_what_is_lost_on_the_way_to_xml_is_not_borne_out_by_it(claim: dict[str, tuple[str | None, str | None]]) -> None:
    assert violations(FOREIGN, Residue(claim)) == []
    result = bridge.convert(with_residue(FOREIGN, Residue(claim)), "conf", "xml", vmid=VMID)
    for key, (text, _) in claim.items():
        assert main_lines(result.text).get(key) != text


@pytest.mark.parametrize("text", ["net0=1500", "net0=9000", "net0=1280"])
def test_an_mtu_of_a_running_vm_is_no_element_more(text: str) -> None:
    assert violations(FOREIGN, Residue({"running-nets-host-mtu": (text, None)})) == []


def test_volumes_of_a_vmid_that_only_the_metadata_says_are_not_own() -> None:
    sections = "\n[PENDING]\nscsi5: local:200/vm-200-disk-0.raw\n"
    xml = with_residue(FOREIGN, Residue(sections=sections)).replace('vmid="100"', 'vmid="200"')
    assert section_lines(bridge.convert(xml, "conf", "xml").text) == []
    assert section_lines(bridge.convert(xml, "conf", "xml", vmid=200).text) != []


def test_no_args_means_no_cpu_from_raw_words_either() -> None:
    words = "<qemu:arg value='-cpu'/><qemu:arg value='host,+vmx,x=y'/>"
    raw = f"<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>{words}</qemu:commandline></domain>"
    xml = with_residue(FOREIGN, Residue({"runningcpu": ("host,+vmx,x=y", None)})).replace("</domain>", raw)
    result = bridge.convert(xml, "conf", "xml", vmid=VMID, args=False)
    assert "vmx" not in result.text
    assert any(finding.kind == "args-off" for finding in result.findings)


@pytest.mark.parametrize("key", ["hookscript", "args", "lock"])
def test_a_key_that_never_comes_back_is_told_though_it_is_stale(key: str) -> None:
    result = bridge.convert(with_residue(FOREIGN, Residue({key: ("backup", "x")})), "conf", "xml", vmid=VMID)
    assert [finding.severity for finding in result.findings if finding.kind == "withheld"] == ["host"]


@pytest.mark.parametrize(
    "line", ["virtiofs0: none", "net1: virtio=52:54:00:00:09:09,bridge=none", "scsi3: /dev/urandom", "serial0: /dev/urandom"]
)
def test_a_word_that_is_harmless_elsewhere_is_a_resource_here(line: str) -> None:
    result = bridge.convert(with_residue(FOREIGN, Residue(sections=f"\n[PENDING]\n{line}\n")), "conf", "xml", vmid=VMID)
    assert section_lines(result.text) == []


@pytest.mark.parametrize(
    "volume", ["local:iso/vm-100-x.iso", "local:backup/vm-100-x.iso", "local:200/vm-200-disk-0.raw/100/vm-100-disk-0.raw"]
)
def test_a_name_like_the_vms_own_elsewhere_is_not_its_own(volume: str) -> None:
    result = bridge.convert(with_residue(FOREIGN, Residue(sections=f"\n[PENDING]\nscsi3: {volume}\n")), "conf", "xml", vmid=VMID)
    assert section_lines(result.text) == []


# Honest use


def test_an_edit_takes_nothing_along_that_no_xml_shows() -> None:
    """A new MAC address lost `firewall=1`, another cache mode `size=` and `backup=0`."""
    config = "name: a\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1\nscsi0: local:100/vm-100-disk-0.raw,backup=0,size=8G\n"
    xml = bridge.convert(config, "xml", "conf", vmid=VMID).text
    edited = xml.replace("bc:24:11:00:00:01", "BC:24:11:00:00:02").replace("BC:24:11:00:00:01", "BC:24:11:00:00:02")
    edited = edited.replace('discard="ignore"', 'discard="unmap"')
    there = main_lines(bridge.convert(edited, "conf", "xml", vmid=VMID).text)
    assert "firewall=1" in there["net0"]
    assert "00:02" in there["net0"]
    assert {"backup=0", "size=8G", "discard=on"} <= set(there["scsi0"].split(","))


@pytest.mark.parametrize(
    "config",
    [
        "cpu: EPYC,hidden=1\nname: a\n",
        "bios: ovmf\nefidisk0: local:100/vm-100-disk-1.raw,ms-cert=2023,size=528K\nname: a\n",
        "boot: cdn\nname: a\n",
    ],
)
def test_a_title_more_loses_nothing_else(config: str) -> None:
    want = main_lines(bridge.rewrite_config(config, vmid=VMID))
    xml = bridge.convert(config, "xml", "conf", vmid=VMID).text.replace("<name>a</name>", "<name>a</name>\n  <title>b</title>")
    there = main_lines(bridge.convert(xml, "conf", "xml", vmid=VMID).text)
    assert {key: there.get(key) for key in want} == want


def test_empty_metadata_hides_no_finding() -> None:
    xml = FOREIGN.replace("/var/lib/vz/images/100/vm-100-disk-0.raw", "/dev/HostVG/guest").replace('type="file"', 'type="block"')
    xml = xml.replace("<source file=", "<source dev=")
    told = [bridge.convert(text, "conf", "xml", vmid=VMID).findings for text in (xml, with_residue(xml, Residue()))]
    assert {finding.kind for finding in told[0]} == {finding.kind for finding in told[1]}
