"""The law of lost fields: whatever a VM says, the target's document says too, or a finding does (bridge.core.coverage)."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import bridge
from bridge.argv.kinds import TABLE as ARGV
from bridge.core import coverage as lost
from bridge.core.report import Report
from bridge.data.gates import Target, version
from bridge.libvirt.kinds import LOST as LIBVIRT
from bridge.libvirt.read import read as read_xml
from bridge.libvirt.tree.parse import parse as parse_xml
from bridge.libvirt.write import write as write_xml
from bridge.model.cloudinit import CloudInit
from bridge.model.controller import Controller
from bridge.model.disk import Source
from bridge.model.display import Display, Video
from bridge.model.iothread import IOThread
from bridge.model.memory import NUMANode
from bridge.model.part import Device, DriveAddress, Part, PCIAddress, SerialAddress, USBAddress
from bridge.model.vm import VM
from bridge.passes import iothreads
from bridge.passes.assign_keys import assign_keys
from bridge.passes.gate import gate
from bridge.passes.place import place
from bridge.passes.resolve import resolve
from bridge.passes.unresolve import unresolve
from bridge.qemuserver.kinds import LOST as CONFIG
from bridge.qemuserver.read import read as read_config
from bridge.qemuserver.text import parse as parse_config
from bridge.qemuserver.write import file_text
from bridge.qemuserver.write import write as write_config
from bridge.roundtrip.address_changes import address_changes
from bridge.roundtrip.difference import report_differences
from tests.corpus import ROOT
from tests.option_samples import HOST, TARGET, VMID, samples

TO = Target(version(TARGET["libvirt"]), version(TARGET["qemu"]))
Outcome = tuple[Any, ...]


@cache
def configs() -> tuple[str, ...]:
    return (*(sample.config for sample in samples()), *(path.read_text() for path in sorted((ROOT / "tests/cases").glob("*.conf"))))


def said(text: str) -> VM:
    return read_config(parse_config(text, vmid=VMID, name="100.conf"), VMID, "100.conf", Report())


def forward(vm: VM) -> Outcome:
    """The domain, and the findings."""
    report = Report()
    vm = resolve(vm, HOST, report)
    vm = gate(place(iothreads.assign(vm, HOST, report), report), TO, report)
    return write_xml(vm, report, TO).root.outline(), *((f.kind, f.message) for f in report)


def described(text: str) -> VM | None:
    """What the domain of a config describes, as it is read."""
    try:
        xml = bridge.convert(text, "xml", "conf", vmid=VMID, host=HOST, metadata=False, **TARGET).text
    except bridge.BridgeError:
        return None
    domain = parse_xml(xml, Report(), TO)
    domain.raw_arguments = "carry"
    vm = read_xml(domain)
    vm.meta.vmid = VMID
    return vm


def backward(vm: VM) -> Outcome:
    """The config's keys and description, and the findings, those about devices that stand elsewhere too."""
    report = Report()
    found = assign_keys(vm, report)
    back = unresolve(iothreads.recognise(found, HOST, report), HOST, report)
    values = write_config(back, report)
    again = resolve(said(file_text(values, back.meta.description)), HOST, Report())
    whole = place(iothreads.assign(again, HOST, Report()), Report())
    address_changes(found, whole, report)
    report_differences(found, whole, "the XML", report)
    return values, back.meta.description, *((f.kind, f.message) for f in (*report, *report.lost_properties))


def classes() -> Iterator[type]:
    """The parts of the model."""
    seen: dict[type, None] = {}
    for hint in typing.get_type_hints(VM).values():
        for each in _parts_of(hint):
            seen[each] = None
            for inner in typing.get_type_hints(each).values():
                seen.update(dict.fromkeys(_parts_of(inner)))
    yield from seen


def _parts_of(hint: Any) -> Iterator[type]:
    for each in typing.get_args(hint) or (hint,):
        if isinstance(each, type) and issubclass(each, msgspec.Struct) and (issubclass(each, Part) or each.__name__ == "Throttle"):
            yield each
        elif typing.get_args(each):
            yield from _parts_of(each)


FIELDS = [
    pytest.param(part, name, id=f"{part.__name__}.{name}")
    for part in classes()
    for name in part.__struct_fields__  # type: ignore[attr-defined]
    if name not in lost.STRUCTURAL
]


UNLISTED: dict[str, set[type]] = {
    "config": set(),
    "libvirt": set(),
    "argv": {Source, CloudInit, IOThread},  # shown in the words of the drive, by an image, as a pool
}


@pytest.mark.parametrize(("name", "table"), [("config", CONFIG.table), ("libvirt", LIBVIRT.table), ("argv", ARGV)])
def test_every_part_of_the_model_is_in_the_list_of_kinds(name: str, table: tuple[lost.Rows, ...]) -> None:
    """What `kinds.py` of a format does not list has no rows there."""
    assert set(classes()) - {rows.part for rows in table} == UNLISTED[name]


def test_the_parts_inside_parts_are_known() -> None:
    for part in classes():
        holds = {name for name, hint in typing.get_type_hints(part).items() if list(_parts_of(hint))}
        assert holds == set(lost.INNER.get(part, ())), part


def test_all_devices_are_walked() -> None:
    """A device of each kind that the model has is among `VM.devices()`."""
    held: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(VM).items():
        for part in _parts_of(hint):
            if issubclass(part, Device):
                one = part(type="pci") if part is Controller else part()
                held[name] = [one] if "list" in str(hint) else one
    vm = VM(**held, display=Display(videos=[Video()]))
    assert {type(device) for device in vm.devices()} == {part for part in classes() if issubclass(part, Device)}
    assert not vm.has_boot_order()
    for device in vm.devices():
        device.bootindex = 1
        assert vm.has_boot_order()
        device.bootindex = None


@pytest.mark.parametrize("table", [CONFIG.table, LIBVIRT.table, ARGV], ids=["config", "libvirt", "argv"])
def test_rows_name_fields_of_their_part(table: tuple[lost.Rows, ...]) -> None:
    wrong = [(rows.part.__name__, row.field) for rows in table for row in rows.rows if row.field not in rows.part.__struct_fields__]  # type: ignore[attr-defined]
    assert wrong == []


@pytest.mark.parametrize("format_", [CONFIG, LIBVIRT], ids=["config", "libvirt"])
def test_what_needs_no_row_has_none(format_: lost.FieldCoverage) -> None:
    """A field is carried by a row, or implied by others, or lost: one of these."""
    for part, implied in format_.implied.items():
        assert implied <= set(part.__struct_fields__), part  # type: ignore[attr-defined]
        rows = {row.field for rows in format_.table if rows.part is part for row in rows.rows if row.place}
        assert not rows & implied, (part, rows & implied)


@pytest.mark.parametrize("format_", [CONFIG, LIBVIRT], ids=["config", "libvirt"])
def test_a_row_without_a_place_has_a_finding(format_: lost.FieldCoverage) -> None:
    assert [(rows.part, row) for rows in format_.table for row in rows.rows if not row.place and not row.finding] == []


VALUES: dict[Any, tuple[Any, ...]] = {
    bool: (True, False), int: (1, 3, 300), str: ("x", "2", "0-1", "none", "on", "0x0123456789abcdef", "2001-02-03"),
}  # fmt: skip
WORDS: dict[str, tuple[Any, ...]] = {
    # fields whose values are words of a list, or of a form
    "cache": ("unsafe", "always"), "aio": ("threads", "native"), "discard": ("on", "ignore"), "detect_zeroes": ("off", "unmap"),
    "rerror": ("stop", "report"), "werror": ("ignore", "report"), "media": ("cdrom", "disk"), "bus": ("sata", "scsi"),
    "type": ("q35", "cirrus", "isa"), "policy": ("preferred", 1), "device": ("AC97", "intel-hda"), "driver": ("none", "keep"),
    "action": ("pause", "poweroff"), "model": ("ib700", "cirrus-vga", "e1000", "tpm-crb", "EPYC-Rome", "max"),
    "version": ("v2.0", "v1.2", (9, 2)), "arch": ("aarch64",), "base": ("q35",), "bios": ("ovmf", "seabios"), "hugepages": ("1024",),
    "videostreaming": ("filter",), "vdagent": ("qemu-vdagent",), "keyboard": ("fr",), "hv_vendor_id": ("another",),
    "macaddr": ("BC:24:11:00:00:99",), "trunks": ("20;30",), "rate": ("99",), "amd_sev": ("es",), "tag": (9,), "queues": (5,),
    **dict.fromkeys(("vmgenid", "uuid"), ("00000000-1111-2222-3333-444444444444",)), "format": ("qcow2",), "kind": ("block",),
    **dict.fromkeys(("vendor", "product"), ("1234", "Else")), "cputype": ("EPYC-Rome",), "flags": ("+aes",), "cpulimit": ("3.5",),
    "phys_bits": ("42", "host"), "level": ("30",), "guest_phys_bits": ("50",), "features": ({"avx": True},), "order": (["net0"], []),
    "hyperv": ({"relaxed": True}, {"time": True}), "legacy": ("c",), "bootdisk": ("ide0",), "keys": ({"tags": "z"}, {"ciuser": "z"}),
    "ids": (["0000:07:10.0"],), "host": ("0000:07:10.1", "1234:5678", "1-2.3"), "mapping": ("stick", "someNic"),
    **dict.fromkeys(("vendor_id", "device_id", "sub_vendor_id", "sub_device_id"), ("0x9999", "other")), "memory": ("700", 64),
    "path": ("/dev/ttyS9", "/dev/parport2", "/srv/else"), "source": ("/dev/hwrng",), "running": ("pc-q35-8.0",), "hotplug": (True, "cpu"),
    "cpus": ("1",), "hostnodes": ("1",), "affinity": ("1-3",), "iothreadpin": ("1",), "ostype": ("win10",), "size": (2048, "1G", 8),
    "dirid": ("home",), "volid": ("local:100/vm-100-disk-9.raw",), "served_by": ([],),
    "address": (PCIAddress("pci.0", 0x1F), USBAddress("#0", "2"), DriveAddress("#0", 0, 0, 1), SerialAddress("#0", 9)),
}  # fmt: skip


def candidates(part: Any, name: str) -> Iterator[Any]:
    """Other values of a field than the one that it has."""
    hint = hints(part.__class__)[name]
    kinds = typing.get_args(hint) or (hint,)
    for value in (*WORDS.get(name, ()), *(value for kind in kinds for value in VALUES.get(kind, ()))):
        if value != getattr(part, name):
            yield value
    if getattr(part, name) is not None and type(None) in kinds:
        yield None


@cache
def hints(part: Any) -> dict[str, Any]:
    return typing.get_type_hints(part)


def mutants(vm: VM, part: type, name: str) -> Iterator[VM]:
    """The VM with another value in this field of such a part."""
    for top in VM.__struct_fields__:
        held = getattr(vm, top)
        for n, each in enumerate(held if isinstance(held, list) else [held]):
            for changed in _changed(each, part, name):
                yield replace(vm, **{top: [*held[:n], changed, *held[n + 1 :]] if isinstance(held, list) else changed})


def _changed(each: Any, part: type, name: str) -> Iterator[Any]:
    if each.__class__ is part:
        for value in candidates(each, name):
            changes = {name: value, **({"filled": each.filled - {name}} if hasattr(each, "filled") else {})}
            whole: Any = each  # mypy takes it for an object now
            yield replace(whole, **changes)
    for inner in lost.INNER.get(type(each), ()):
        below = getattr(each, inner)
        for n, one in enumerate(below if isinstance(below, list) else [below]):
            for changed in _changed(one, part, name) if type(one) is part else ():
                yield replace(each, **{inner: [*below[:n], changed, *below[n + 1 :]] if isinstance(below, list) else changed})


def moved(base: VM, part: type, name: str, run: Callable[[VM], Outcome]) -> bool:
    """Whether some other value gives another outcome; values that make no sense say nothing."""
    before = run(base)
    for mutant in mutants(base, part, name):
        try:
            if run(mutant) != before:
                return True
        except bridge.BridgeError:
            return True
        except (KeyError, ValueError, AssertionError, TypeError, AttributeError, IndexError):
            continue
    return False


def says(vm: VM, part: type, name: str) -> bool:
    """Whether a part of this class says the field."""
    return any(getattr(each, name) is not None and name not in getattr(each, "filled", ()) for each in all_parts(vm) if type(each) is part)


def all_parts(vm: VM) -> Iterator[Any]:
    for each in lost.parts(vm):
        yield each
        for name in lost.INNER.get(type(each), ()):
            below = getattr(each, name)
            yield from below if isinstance(below, list) else () if below is None else (below,)


@cache
def bases() -> tuple[list[VM], list[VM]]:
    """(VMs as configs say them, VMs as domains describe them): those that convert."""
    configs_, domains = [], []
    for text in configs():
        with suppress(bridge.BridgeError):
            forward(said(text))
            configs_.append(said(text))
        with suppress(bridge.BridgeError):
            vm = described(text)
            if vm is not None:
                backward(vm)
                domains.append(vm)
    return configs_, domains


SILENT_FORWARD = {
    "Meta.creation_qemu": "decides about old machines only; the residue keeps it",
    "SMBIOS.base64": "how the texts are spelled",
    "Firmware.pre_enrolled_keys": "the variables have the keys already",
    "Raw.args": "its words count",
    "Memory.spelled": "how the number is spelled; the residue keeps it",
    "Disk.size": "the image has it",
    "TPM.size": "the image has it",
    "TPM.format": "the image has it",
}
SILENT_BACKWARD = {
    "Meta.uuid": "smbios1 has it",
    "Firmware.template": "named where the variables are read",
    "CPU.enforce": "qemu-server always checks",
    "Boot.classes": "devices with an order of their own go before",
    "Video.primary": "the first card",
    "Machine.viommu_address": "qemu-server has none: QEMU takes the next free slot",
    "HostPCI.mdev_uuid": "made of key and VMID",
    "Controller.alias": "a name; `key` counts",
}
"""Fields that may change without anybody seeing it, and why that is right."""

DIRECTIONS = [("forward", forward, 0, SILENT_FORWARD), ("backward", backward, 1, SILENT_BACKWARD)]


@pytest.mark.parametrize(("run", "which", "silent"), [pytest.param(*rest, id=name) for name, *rest in DIRECTIONS])
@pytest.mark.parametrize(("part", "name"), FIELDS)
def test_another_value_moves_the_document_or_the_findings(
    part: type, name: str, run: Callable[[VM], Outcome], which: int, silent: dict[str, str]
) -> None:
    """For every field that a reader says: where it says something else, the other format does, or a finding names it."""
    holders = [vm for vm in bases()[which] if says(vm, part, name)]
    if holders and name not in lost.INNER.get(part, ()):
        assert any(moved(vm, part, name, run) for vm in holders[:40]) != (f"{part.__name__}.{name}" in silent)


UNCARRIED = [
    pytest.param(format_, part, name, id=f"{label}-{part.__name__}.{name}")
    for label, format_ in (("config", CONFIG), ("libvirt", LIBVIRT))
    for part in classes()
    for name in format_.uncarried(part)
]


@pytest.mark.parametrize(("format_", "part", "name"), UNCARRIED)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_what_has_no_row_becomes_a_finding(format_: lost.FieldCoverage, part: type, name: str, data: st.DataObject) -> None:
    """Whatever the value, and whoever said it; what was filled in is nobody's loss."""
    value = data.draw(st.from_type(hints(part)[name]).filter(lambda value: value is not None))
    required = {"type": "pci"} if part is Controller else {"id": 1} if part in (IOThread, NUMANode) else {}
    owner = next((each for each, names in lost.INNER.items() for field in names if part in _parts_of(hints(each)[field])), None)
    for filled in (False, True):
        one = part(**{**required, name: value}, **({"filled": frozenset((name,))} if filled else {}))
        vm = _holding(owner, part, one)
        report = Report()
        format_.check(vm, report)
        told = [f for f in report if f"{name}=" in f.message]
        assert len(told) == (0 if filled else 1)
        assert all(f.kind == format_.kinds.get(part, {}).get(name, format_.kind) for f in told)


def _holding(owner: type | None, part: type, one: Any) -> VM:
    """A VM with nothing but this part in it."""
    if owner is not None:
        field = next(name for name in lost.INNER[owner] if part in _parts_of(hints(owner)[name]))
        one = owner(**{field: [one] if "list" in str(hints(owner)[field]) else one})
        part = owner
    top = next(name for name, hint in hints(VM).items() if part in _parts_of(hint))
    held: dict[str, Any] = {top: [one] if "list" in str(hints(VM)[top]) else one}
    return VM(**held)
