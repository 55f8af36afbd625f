"""What becomes of inputs that are too large somewhere: one clear line, or a number that says how much is not told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import bridge
from bridge.core import report
from bridge.host.facts import HostFacts
from bridge.libvirt.tree import bounds, parse
from bridge.qemuserver import text as config_text
from bridge.roundtrip import documents
from bridge.show.picture import Picture
from bridge.show.subject import subject

pytestmark = pytest.mark.slow

MAIN = "cores: 2\nmemory: 1024\nname: a\n"
DOMAIN = (
    "<domain type='kvm'{at}><name>a</name><memory>1048576</memory><vcpu>2</vcpu>{top}<os><type>hvm</type></os>"
    "<devices>{in}</devices></domain>"
)


def domain(at: str = "", top: str = "", inside: str = "") -> str:
    return DOMAIN.replace("{at}", at).replace("{top}", top).replace("{in}", inside)


def residue(inside: str) -> str:
    return domain(top=f"<metadata><virt-qm:vm xmlns:virt-qm='urn:virt-qm:residue:1'>{inside}</virt-qm:vm></metadata>")


ATTRIBUTES = " " + " ".join(f"a{n}=''" for n in range(parse.MAX_ATTRIBUTES))
MANY = " ".join(f"a{n}=''" for n in range(60_000))
LONG = "a " * 100_000
WORDS = " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (domain(ATTRIBUTES), "line 1: <domain> has more than 128 attributes"),
        (domain(inside=f"\n<sound{ATTRIBUTES} b=''/>"), "line 2: <sound> has more than 128 attributes"),
        (domain(top="<metadata>\n\n<x" + ATTRIBUTES * 99 + "/></metadata>"), "not well-formed XML"),  # named twice
        (domain(inside=f"\n<sound {MANY}/>"), "line 2: an element has more than 128 attributes"),
        (domain(inside="<x/>" * 90_000), "the XML has more than 20000 elements"),
        (domain("\n xmlns:a='" + "u" * 257 + "'"), "line 2: a namespace's name is longer than 256 characters"),
        (domain(WORDS, f"<qemu:commandline><qemu:arg value='{LONG}'/></qemu:commandline>"), "a word of the command line is longer"),
        (residue(f"<virt-qm:key name='args'>{LONG}</virt-qm:key>"), "the metadata holds more than a line of a config can"),
        (residue(f"<virt-qm:key name='args' seen='{LONG}'/>"), "the metadata holds more than a line of a config can"),
        (residue("<virt-qm:key name='a'>" + "a" * 190_000 + "</virt-qm:key>" + f"<virt-qm:sections>{'a' * 3_000_000}</virt-qm:sections>"),
         "the metadata holds more than a config can"),
    ],
)  # fmt: skip
def test_an_xml_that_is_too_large_somewhere_is_refused_where_it_is(given: str, message: str) -> None:
    with pytest.raises(bridge.BridgeError) as refused:
        bridge.convert(given, "conf", "xml")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.where


def test_as_many_attributes_and_as_long_words_as_allowed_are_read() -> None:
    few = "".join(f" a{n}=''" for n in range(parse.MAX_ATTRIBUTES))
    found = bridge.convert(domain(inside=f"<sound{few}/>"), "conf", "xml").findings
    assert sum("a127=''" in finding.message for finding in found) == 1
    word = "a" * (bounds.MAX_WORD - 1)
    given = domain(WORDS, f"<qemu:commandline><qemu:arg value='-{word}'/></qemu:commandline>")
    with pytest.raises(bridge.BridgeError, match="args would have 131078 bytes: no line of a config has more than 65536"):
        bridge.convert(given, "conf", "xml", args=True)
    kept = "x" * (config_text.MAX_LINE - 20)
    given = domain(WORDS, f"<qemu:commandline><qemu:arg value='-{kept}'/></qemu:commandline>")
    assert f"args: -{kept}\n" in bridge.convert(given, "conf", "xml", args=True).text


def test_200000_bad_lines_are_told_as_one_thousand_and_a_number() -> None:
    found = bridge.convert(MAIN + "x\n" * config_text.MAX_PROBLEMS, "conf", "conf", file="a.conf").findings
    assert [finding.where for finding in found[:2]] == ["a.conf:4", "a.conf:5"]
    assert len(found) == report.MAX_LISTED + 1
    assert {finding.kind for finding in found} == {"bad-line"}
    assert found[-1].message == "199,000 more findings of this kind are not listed"
    assert found[-1].severity == "guest"
    with pytest.raises(bridge.BridgeError, match=r"a\.conf:200004: more than 200000 lines are not settings"):
        bridge.convert(MAIN + "x\n" * (config_text.MAX_PROBLEMS + 1), "conf", "conf", file="a.conf")


def test_one_kind_of_finding_does_not_crowd_out_another() -> None:
    given = domain(inside="<video><model type='vga' vram='99'/></video>" + "<hub type='usb'/>" * 1500)
    found = bridge.convert(given, "conf", "xml").findings
    lost = [finding for finding in found if finding.kind == "guest-lost"]
    assert len(lost) == report.MAX_LISTED + 1
    assert lost[-1].message.endswith("more findings of this kind are not listed")
    assert {finding.kind for finding in found} > {"guest-lost"}


def test_a_report_counts_what_it_does_not_list() -> None:
    told = report.Report()
    for n in range(report.MAX_LISTED):
        told.add("lint", None, f"number {n}")
        if n < 5:
            told.add("lint", None, f"number {n}")  # the same
    assert len(told) == report.MAX_LISTED
    for n in range(3):
        told.add("lint", None, f"another {n}")
    assert [*told][-1][:5] == ("lint", "host", "", "3 more findings of this kind are not listed", "mend the listed ones, then look again")
    assert len(told) == len([*told])


def test_a_long_value_in_a_message_is_cut_and_says_so() -> None:
    found = bridge.convert(domain(inside=f"<sound model='{'a' * 100_000}'/>"), "conf", "xml").findings
    (lost,) = [finding for finding in found if "aaaa" in finding.message]
    assert lost.message.endswith(" more characters)")
    assert len(lost.message) < report.MAX_MESSAGE + 100
    with pytest.raises(bridge.BridgeError) as refused:
        bridge.convert(MAIN + f"scsi0: {'a' * 60_000}\n", "xml", "conf")
    assert len(str(refused.value)) < report.MAX_MESSAGE + 100


def test_a_near_key_is_looked_for_only_a_few_times() -> None:
    hints = [finding.hint for finding in bridge.convert(MAIN + "".join(f"bootdiks{n}: 1\n" for n in range(50)), "conf", "conf").findings]
    assert hints[0] == "did you mean bootdisk or boot?"
    assert hints[-1] == "remove the line, or check the spelling"


HOST = HostFacts(cpus=8, bridges=["vmbr0"], qemu_version="10.1.0", qemu_server="rfc-iothreads")


def shown(given: str, source: str) -> Picture:
    return subject(given, {"source": source, "host": HOST, "vmid": 100, "file": "file"}).picture


def test_a_pool_on_all_host_cpus_is_shown() -> None:
    given = MAIN + "scsihw: virtio-scsi-single\niothreads: 8,affinity=0-8191\nvirtio0: local:100/vm-100-disk-0.raw,iothread=1\n"
    found = shown(given, "conf")
    assert [column.label for column in found.columns] == ["0-8191"]
    assert found.crowd == ""


def test_more_sets_of_host_cpus_than_can_be_compared_are_told() -> None:
    pins = "".join(f"<vcpupin vcpu='{n}' cpuset='{3 * n}'/>" for n in range(400))
    found = shown(domain(top=f"<cputune>{pins}</cputune>").replace("<vcpu>2<", "<vcpu>400<"), "xml")
    assert found.columns == ()
    assert found.crowd == "400 threads are pinned to more sets of host CPUs than can be compared here"


def test_a_long_affinity_for_thousands_of_cpus_is_refused() -> None:
    given = f"memory: 1024\ncores: 1024\naffinity: {','.join(str(n) for n in range(0, 8000, 2))}\n"
    with pytest.raises(bridge.BridgeError, match=r"affinity: [0-9]+ characters for each of 1024 CPUs are more than the XML may hold"):
        bridge.convert(given, "xml", "conf")


def test_long_names_are_not_kept_with_each_thing_below_them() -> None:
    """A document that is compared with what its metadata gives is a set of paths; they share their names."""
    tag, below = "a" * 40_000, "<b c=''/>" * 1000  # libxml2 takes no longer name
    atoms = documents.atoms(parse.tree(f"<domain><{tag}>{below}</{tag}></domain>"))
    assert len(atoms) == 2002
    assert sum(map(len, {id(text): text for atom in atoms for text in texts(atom)}.values())) < 100_000


def texts(of: object) -> Iterator[str]:
    """All that is in nested tuples."""
    if isinstance(of, str):
        yield of
    elif isinstance(of, tuple):
        for part in of:
            yield from texts(part)
