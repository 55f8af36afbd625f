"""The table of `virt-qm options` against what conversions really do with every option and sub-option."""

from __future__ import annotations

import json
import re
from functools import cache
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from lxml import etree

import bridge
from bridge.argv.kinds import TABLE as ARGV
from bridge.argv.raw import AS_THEY_ARE
from bridge.cli import main, option_table
from bridge.cli.option_table import ANOTHER_KEY, KEPT, LEFT_OUT, NOT_HERE, OptionRow
from bridge.core.coverage import Rows
from bridge.core.report import KINDS, Report
from bridge.core.rows import Row
from bridge.data.gates import Target
from bridge.data.options import OPTIONS, option
from bridge.libvirt.kinds import TABLE as LIBVIRT
from bridge.libvirt.read import read as read_xml
from bridge.libvirt.tree.node import QEMU_NS, Node, read_rows, write_rows
from bridge.libvirt.tree.parse import parse as parse_xml
from bridge.qemuserver.kinds import TABLE as CONFIG
from tests.corpus import ROOT
from tests.kinds.both import domain as domain_of_others
from tests.option_samples import HOST, MORE, TARGET, VMID, Sample, samples

ENTRIES = {(entry.option, entry.field): entry for entry in option_table.table()}
SAMPLES = {(sample.option, sample.field): sample for sample in samples()}
EVERY = [pytest.param(ENTRIES[key], sample, id=ENTRIES[key].name) for key, sample in SAMPLES.items() if not ENTRIES[key].is_alias]
NS = {"qemu": QEMU_NS}


def test_every_option_and_sub_option_appears() -> None:
    wanted = [(name, field) for name, found in OPTIONS.items() for field in (None, *(found.fields or {}))]
    assert list(ENTRIES) == wanted


def test_every_option_has_a_sample() -> None:
    wanted = {key for key, entry in ENTRIES.items() if not entry.is_alias and (key[1] or not OPTIONS[key[0]].fields)}
    assert {key for key in wanted - set(SAMPLES) if key[0] != "runningmachine"} == set()


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in ENTRIES.values()])
def test_every_entry_says_something(entry: OptionRow) -> None:
    assert entry.is_alias or entry.xml or entry.residue
    assert set(entry.findings) <= set(KINDS)


@cache
def argv(config: str) -> list[str]:
    return bridge.convert(config, "argv", "conf", vmid=VMID, host=HOST).argv or []


@cache
def domain(config: str, node: bool = False) -> etree._Element | None:
    """The domain without residue, with a node's paths if wanted; None for what cannot be one."""
    try:
        return etree.fromstring(bridge.convert(config, "xml", "conf", vmid=VMID, host=HOST, metadata=False, node_paths=node, **TARGET).text)
    except bridge.BridgeError:
        return None


@cache
def own_configs() -> list[str]:
    cases = [path.read_text() for path in sorted((ROOT / "tests/cases").glob("*.conf"))]
    return [*(sample.config for sample in SAMPLES.values()), *cases, *MORE]


def has_place(root: etree._Element, rows: Rows, row: Row) -> bool:
    """Whether the domain says something at the row's place."""
    if row.place.startswith("qemu:override "):
        return root.find(f".//qemu:property[@name='{row.place.split(' ')[1]}']", NS) is not None
    if row.place.startswith("qemu:commandline "):
        text = row.place.split(" ", 1)[1]
        return any(text in node.get("value", "") for node in root.iter(f"{{{QEMU_NS}}}arg"))
    at, place = ("", row.place[1:]) if row.place.startswith("/") else (rows.at, row.place)
    path, _, attribute = re.sub(r"\[[^]]*\]", lambda match: match[0].replace("@", "\0"), place).partition("@")
    path = path.replace("\0", "@")
    for start in root.findall(at, NS) if at else [root]:
        for node in start.findall(path, NS) if path else [start]:
            if not attribute or node.get(attribute) is not None:
                return True
    return False


def has_word(words: list[str], row: Row) -> bool:
    """Whether the command line says something at the row's place."""
    place = row.place
    if place == AS_THEY_ARE:
        return "-set" in words
    if place.startswith(("/", "taskset")):
        return any(word.startswith(place) or word == place.split(" ")[-1] for word in words)
    name, _, text = place.partition(" ") if place.startswith("-") else ("-device", "", place)
    values = [words[n + 1 : n + 2] for n, word in enumerate(words) if word == name]
    return any(not text or text == "driver" or text in value for found in values for value in found or [""])


FOREIGN = {
    # domains of somebody else say these, no config does
    "CPU-migratable-cpu@migratable": "<cpu mode='host-passthrough' migratable='off'/>",
    "Net-openvswitch-virtualport@type":
        "<devices><interface type='bridge'><source bridge='ovs0'/><virtualport type='openvswitch'/></interface></devices>",
    "USB-bootindex-boot@order": "<devices><hostdev mode='subsystem' type='usb'><source><vendor id='0x0627'/><product id='0x0001'/></source>"
        "<boot order='1'/></hostdev></devices>",
    **{f"Controller-{name}-driver@{name}":
       f"<devices><controller type='scsi' model='virtio-scsi'><driver {name}='{value}'/></controller></devices>"
       for name, value in (("max_sectors", 9), ("cmd_per_lun", 9), ("ioeventfd", "off"), ("event_idx", "off"))},
    **{f"IOThread-thread_pool_{end}-@thread_pool_{end}":
       f"<iothreads>1</iothreads><iothreadids><iothread id='1' thread_pool_{end}='4'/></iothreadids>"
       for end in ("min", "max")},
    **{f"IOThread-poll_{end}-poll@{end}":
       f"<iothreads>1</iothreads><iothreadids><iothread id='1'><poll {end}='4'/></iothread></iothreadids>"
       for end in ("max", "grow", "shrink", "weight")},
    "Video-edid-model@edid": "<devices><video><model type='virtio' edid='off'/></video></devices>",
}  # fmt: skip


def title(rows: Rows, row: Row) -> str:
    return f"{rows.part.__name__}-{row.field}-{row.place}"


ALL_XML_ROWS = [pytest.param(rows, row, id=title(rows, row)) for rows in LIBVIRT for row in rows.rows if row.place]
XML_ROWS = [param for param in ALL_XML_ROWS if param.id not in FOREIGN]
FOREIGN_ROWS = [param for param in ALL_XML_ROWS if param.id in FOREIGN]
PLAIN_ROWS = [param for param in ALL_XML_ROWS if not param.values[1].code]  # type: ignore[union-attr]
ARGV_ROWS = [pytest.param(row, id=title(rows, row)) for rows in ARGV for row in rows.rows]


@pytest.mark.parametrize(("rows", "row"), XML_ROWS)
def test_a_place_in_xml_is_written_by_some_sample(rows: Rows, row: Row) -> None:
    written = (domain(config, node) for node in (False, True) for config in own_configs())
    assert any(has_place(root, rows, row) for root in written if root is not None)


@pytest.mark.parametrize(("rows", "row"), FOREIGN_ROWS)
def test_a_place_that_only_others_write_is_read(rows: Rows, row: Row) -> None:
    text = domain_of_others(FOREIGN[title(rows, row)])
    assert has_place(etree.fromstring(text), rows, row)
    vm = read_xml(parse_xml(text, Report(), Target()))
    parts = [vm.cpu, *vm.nets, *vm.usbs, *vm.controllers, *(vm.iothreads.threads or ()), *(vm.display.videos or ())]
    assert any(type(part) is rows.part and getattr(part, row.field) is not None for part in parts)


@pytest.mark.parametrize("row", ARGV_ROWS)
def test_a_place_on_the_command_line_is_written_by_some_sample(row: Row) -> None:
    assert any(has_word(words(config), row) for config in own_configs())


@cache
def words(config: str) -> list[str]:
    try:
        return argv(config)
    except bridge.BridgeError:
        return []


def test_config_rows_name_options() -> None:
    for rows in CONFIG:
        for row in rows.rows:
            for at in rows.at.split(" "):
                if row.place and at:
                    found = OPTIONS[at].fields or {}
                    assert row.place in found or any(row.place in (OPTIONS[other].fields or {}) for other in rows.at.split(" ")), (at, row)
                elif row.place:
                    assert row.place in OPTIONS, row


@pytest.mark.parametrize(("rows", "row"), PLAIN_ROWS)
def test_a_plain_row_reads_what_it_writes(rows: Rows, row: Row) -> None:
    """Set the field, write, read back."""
    node, only = Node("device"), (row,)
    value = next(value for value in VALUES if fits(row, value))
    write_rows(node, SimpleNamespace(**{row.field: value}), only)
    assert has_place(etree.fromstring(f"<domain>{node.outline()}</domain>"), rows._replace(at="device"), row)
    assert read_rows(node, only) == {row.field: value}
    assert list(node.unclaimed()) == []


VALUES = (True, 7, "/usr/share/kvm/a.rom", "1A:2B:3C:4D:5E:6F", "none", "threads", "on", "off", "stop", "v2.0", "text")


def fits(row: Row, value: object) -> bool:
    """Whether the row's codec takes the value, and gives it back."""
    if row.codec is None:
        return isinstance(value, str)
    try:
        back = row.codec.read(row.codec.write(value))
        return type(back) is type(value) and back == value
    except (KeyError, ValueError, TypeError):
        return False


def parsed(text: str, name: str) -> dict[str, str]:
    """{sub-option: value} of a key, {"": value} for one without sub-options."""
    key = {"cdrom": "ide2", "smp": "sockets"}.get(name, name.replace("N", "0"))
    lines = [line.split(": ", 1)[1] for line in text.split("\n") if line.startswith(f"{key}: ")]
    if name == "description":
        return {"": "\n".join(line for line in text.split("\n") if line.startswith("#"))}
    if not lines:
        return {}
    about = option(key)
    if about is None or not about.fields:
        return {"": lines[0]}
    default = next((field for field, said in about.fields.items() if said.default_key), "")
    found = {}
    for part in lines[0].split(","):
        field, equals, value = part.partition("=")
        said = about.fields.get(field)
        if not equals:
            found[default] = field
        elif said is not None and said.key_alias:
            found |= {said.key_alias: field, said.alias or "": value}
        else:
            found[said.alias if said is not None and said.alias else field] = value
    return found


@pytest.mark.parametrize(("entry", "sample"), EVERY)
def test_the_residue_column(entry: OptionRow, sample: Sample) -> None:
    """What XML has a place for comes back out of it alone, and nothing else does."""
    root = domain(sample.config)
    assert root is not None
    text = etree.tostring(root, encoding="unicode")
    back = parsed(bridge.convert(text, "conf", "xml", vmid=VMID, host=HOST, args=True, trust_metadata=True, **TARGET).text, sample.option)
    wanted = parsed(bridge.rewrite_config(sample.config, vmid=VMID), sample.option)
    field = sample.field or ("type" if sample.option == "runningmachine" else "")
    assert field in wanted
    if entry.option == "watchdog" and back == {"action": "reset"}:  # what libvirt's default does; the model is qemu-server's own default
        back = {"model": "i6300esb", **back}
    assert (back.get(field) == wanted[field]) == (entry.residue == "")


@pytest.mark.parametrize(("entry", "sample"), EVERY)
def test_what_the_residue_keeps_comes_back(entry: OptionRow, sample: Sample) -> None:
    text = bridge.convert(sample.config, "xml", "conf", vmid=VMID, host=HOST, trust_metadata=True, **TARGET).text
    back = bridge.convert(text, "conf", "xml", vmid=VMID, host=HOST, trust_metadata=True, **TARGET).text
    wanted = bridge.rewrite_config(sample.config, vmid=VMID)
    assert entry.residue in ("", KEPT, LEFT_OUT)
    assert (back == wanted) == (entry.residue != LEFT_OUT)


BY_VALUE = frozenset(("boot-picture", "normalised", "warning", "lint", "added", "machine-missing", "ambiguous"))
"""Kinds that depend on values, not on the option being there; and the one that every domain has."""
BESIDE = {
    ("bios", None): {"firmware-state"},
    ("audioN", "device"): {"host-lost"},
    ("arch", None): {"not-applied"},
}
"""Findings about what is not there beside an option."""


@pytest.mark.parametrize(("entry", "sample"), EVERY)
def test_the_finding_column(entry: OptionRow, sample: Sample) -> None:
    """An option gives the findings that the table names, and no others."""
    found = kinds(sample.config) - kinds(without(sample))
    named = {kind for kind in entry.findings if kind != "lint"}
    assert {kind for kind, _ in found} - BY_VALUE - BESIDE.get((sample.option, sample.field), set()) == named


AS_ONE = ("cicustom", "ipconfigN")
"""Options that the residue keeps as one text."""


@cache
def kinds(config: str) -> set[tuple[str, str]]:
    try:
        return {(f.kind, f.message) for f in bridge.convert(config, "xml", "conf", vmid=VMID, host=HOST, **TARGET).findings}
    except bridge.BridgeError:
        return set()


def without(sample: Sample) -> str:
    """The sample's config without what it is a sample of."""
    key = sample.option.replace("N", "0")
    lines = []
    for line in sample.config.split("\n"):
        parts = line.partition(": ")[2].split(",")
        kept = [part for part in parts if not part.startswith(f"{sample.field}=")]
        if line.startswith(f"{key}: "):
            if sample.field and kept and len(kept) < len(parts) and sample.option not in AS_ONE:
                lines.append(f"{key}: {','.join(kept)}")
        else:
            lines.append(line)
    return "\n".join(lines)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["options", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command() -> None:
    assert "disk/driver@cache" in run("scsi3")
    rows = json.loads(run("--json"))
    assert [(row["option"], row["field"]) for row in rows] == list(ENTRIES)
    assert run("--short", "--markdown").startswith("| config | QEMU command line |")
    assert len(run("--short").split("\n")) < 100
    wrong = CliRunner().invoke(main, ["options", "nothing"])
    assert wrong.exit_code == 1
    assert "there is no option 'nothing'" in wrong.stderr


FOUND = [("net", "netN"), ("net3", "netN"), ("netN", "netN"), ("smbios1", "smbios1"), ("numa", "numa"), ("numa1", "numaN")]


@pytest.mark.parametrize(("name", "wanted"), FOUND)
def test_options_are_found_by_their_keys(name: str, wanted: str) -> None:
    assert {entry.option for entry in option_table.chosen((name,))} == {wanted}


def test_readme_shows_the_table() -> None:
    """The short table, as the rows make it: `virt-qm options --short --markdown`."""
    assert option_table.markdown(option_table.folded(option_table.short())) in (ROOT / "docs/options.md").read_text()


def test_other_names_say_what_they_mean() -> None:
    assert ENTRIES["smp", None].config == f"= {ANOTHER_KEY['smp']}"
    assert ENTRIES["netN", "virtio"].config == "= model=virtio,macaddr"
    assert ENTRIES["cpu", "reported-model"].config == NOT_HERE["cpu", "reported-model"]
