"""The report is a difference: every field of the model has words for it, and none that differs is silent."""

from __future__ import annotations

import string
from typing import Any

import pytest
from msgspec.structs import replace

import bridge
from bridge.core.report import KINDS, WHOLE, Fields, Report, fields
from bridge.data import differences as table
from bridge.data.gates import Target, version
from bridge.libvirt.read import read
from bridge.libvirt.tree.parse import parse
from bridge.model.cpu import CPU
from bridge.model.disk import Disk
from bridge.model.net import Net
from bridge.model.part import Device
from bridge.model.tpm import TPM
from bridge.model.vm import VM
from bridge.roundtrip.difference import INNER, compared, differences, report_differences
from tests.option_samples import HOST, TARGET, VMID
from tests.test_coverage import FIELDS, classes, configs

APART = {"Controller", "IOThread", "NUMANode", "Backend", "Other"}
"""Parts that others compare: `address_changes`, `iothreads`, fields of the memory; what command lines leave over."""
COMPARED = [part for part in classes() if part.__name__ not in APART]


@pytest.mark.parametrize("part", COMPARED, ids=lambda part: part.__name__)
def test_each_field_that_is_compared_has_a_row(part: type) -> None:
    wanted = {*compared(part), *INNER.get(part, ())}
    assert set(table.ROWS.get(part.__name__, {})) == wanted


def test_no_row_is_of_a_part_that_is_gone() -> None:
    names = {part.__name__ for part in COMPARED}
    assert set(table.ROWS) - names == set()
    assert set(table.ELSEWHERE) - names == set()


def test_rows_are_of_known_kinds_and_name_known_things() -> None:
    rows = [table.LEFT_OUT, *(row for part in table.ROWS.values() for row in part.values())]
    assert {row.kind for row in rows} <= set(KINDS)
    names = {name for row in rows for _, name, _, _ in string.Formatter().parse(row.words) if name is not None}
    assert names <= {"part", "field", "there", "here", "source"}


def another(value: Any) -> Any:
    """A value of the same kind, which is not this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    return None


def found_of(there: VM, here: VM) -> list[tuple[str, str]]:
    report = Report()
    report_differences(there, here, "the XML", report)
    return [(finding.part, finding.field) for finding in report]


def vms() -> list[VM]:
    """What the domains of the sample configs describe."""
    made = []
    for config in configs()[:60]:
        try:
            text = bridge.convert(config, "xml", "conf", vmid=VMID, host=HOST, metadata=False, **TARGET).text
        except bridge.BridgeError:
            continue
        domain = parse(text, Report(), Target(version(TARGET["libvirt"]), version(TARGET["qemu"])))
        domain.raw_arguments = "carry"
        made.append(read(domain))
    return made


def test_a_vm_does_not_differ_from_itself() -> None:
    for vm in vms():
        assert found_of(vm, vm) == []


def test_what_becomes_nothing_is_told() -> None:
    """For every field that some domain says, of what a VM has once: without it there is a finding."""
    told = 0
    for vm in vms():
        for name in VM.__struct_fields__:
            part = getattr(vm, name)
            if part is None or isinstance(part, list | str) or type(part).__name__ not in table.ROWS:
                continue
            for field in compared(type(part)):
                value = getattr(part, field)
                if value is None or value is False or value == [] or (type(part), field) == (CPU, "migratable"):
                    continue
                here = replace(vm, **{name: replace(part, **{field: None})})
                assert field in {found for _, found in found_of(vm, here)}, (name, field, value)
                told += 1
    assert told > 100


def test_a_device_that_is_not_there_is_told() -> None:
    vm = VM(nets=[Net(key="net0", where="here", model="virtio")])
    assert found_of(vm, VM()) == [("net0", WHOLE)]
    assert found_of(VM(tpm=TPM(where="here")), VM()) == [("tpm", WHOLE)]


def test_what_a_step_has_told_is_not_told_again() -> None:
    net = Net(key="net0", where="here", model="virtio", macaddr="BC:24:11:00:00:01")
    there, here = VM(nets=[net]), VM(nets=[replace(net, macaddr=None, model="e1000")])
    report = Report()
    report.add("guest-changed", net.where, "another MAC address", about=fields(net, "macaddr"))
    report_differences(there, here, "the XML", report)
    assert [(finding.part, finding.field) for finding in report] == [("net0", "macaddr"), ("net0", "model")]
    assert [*report][1].there == "virtio"
    assert [*report][1].here == "e1000"


def test_what_is_told_of_one_device_is_not_told_of_another() -> None:
    """Two drives lose the same field: a finding about the first says nothing of the second."""
    disks = [Disk(key=f"scsi{n}", where=[n], cache="none") for n in range(2)]
    report = Report()
    report.add("host-lost", disks[0].where, "no cache", about=fields(disks[0], "cache"))
    bare = [replace(disk, cache=None) for disk in disks]
    report_differences(VM(disks=disks), VM(disks=bare), "the XML", report)
    assert [(finding.part, finding.field) for finding in report] == [("scsi0", "cache"), ("scsi1", "cache")]


def test_a_finding_without_fields_answers_nothing() -> None:
    """Before, any finding whose words held the value was taken to tell of the loss."""
    vm = VM(tpm=TPM(where="here", model="tpm-crb"))
    report = Report()
    report.add("normalised", "here", "tpm-crb is a fine model")
    report_differences(vm, VM(tpm=TPM(model="tpm-tis")), "the XML", report)
    assert [*report][-1].message == "the TPM is a tpm-crb; qemu-server's is always a tpm-tis"


def test_a_switch_that_is_off_there_and_on_here_is_told() -> None:
    vm = VM()
    off, on = replace(vm, machine=replace(vm.machine, acpi=False)), replace(vm, machine=replace(vm.machine, acpi=True))
    assert found_of(off, on) == [("machine", "acpi")]
    assert found_of(off, vm) == []  # off, and not said: the same


def test_values_are_shown_as_people_write_them() -> None:
    there = VM(nets=[Net(key="net0", where="here", hostname="a name", firewall=True)])
    here = VM(nets=[Net(key="net0", where="here")])
    shown = {each.field: each.there for each in differences(there, here)}
    assert shown == {"hostname": "a name", "firewall": True}
    report = Report()
    report_differences(there, here, "the command line", report)
    messages = [finding.message for finding in report]
    assert "net0: hostname is 'a name' in the command line, unset in the config" in messages
    assert "net0: firewall is on in the command line, unset in the config" in messages


def test_fields_of_a_device_are_told_by_where_it_was_read() -> None:
    net = Net(key="net0", where="there")
    assert fields(net, "tag") == Fields("Net", "there", ("tag",), "net0")
    assert fields(VM().cpu, "model") == Fields("CPU", None, ("model",), "cpu")
    assert fields(net).names == (WHOLE,)
    assert isinstance(net, Device)


def test_the_tables_cover_the_fields_of_the_coverage_tests() -> None:
    """Both laws look at the same model."""
    assert {part for part, _ in (param.values for param in FIELDS)} >= set(COMPARED)


UNSEEN: dict[str, dict[str, str]] = {
    "host": {
        "Agent": "freeze_fs fstrim_cloned_disks",
        "Audio": "driver",
        "CPU": "affinity cpulimit cpuunits emulatorpin vcpupins",
        "Disk": "aio backup cache detect_zeroes discard iothread replicate rerror shared snapshot source throttle werror",
        "Display": "egl spice vdagent vnc",
        "HostPCI": "driver enable_migration",
        "Machine": "allow_ksm emulator freeze reboot",
        "Memory": "hugepages keephugepages numa_said shared shares",
        "Meta": "creation_qemu description keys name onboot template",
        "Net": "firewall hostname rate tag trunks vhost",
        "Parallel": "path",
        "RNG": "max_bytes period source",
        "Raw": "vmstate",
        "Serial": "path",
        "Source": "chain_snapshots conf discard_no_unref initiator is_iso namespace secret_uuid user",
        "Throttle": (
            "bps_max_length bps_rd_max_length bps_wr_max_length iops iops_max iops_max_length iops_rd iops_rd_max iops_rd_max_length"
            " iops_wr iops_wr_max iops_wr_max_length mbps mbps_max mbps_rd mbps_rd_max mbps_wr mbps_wr_max"
        ),
        "USB": "spice",
        "VirtioFS": "cache direct_io expose_acl expose_xattr",
        "Watchdog": "action",
    },
    "data": {
        "Firmware": "code_format format fresh size target_code target_template vars vars_size",
        "Source": "chain hosts importing name path protocol",
        "TPM": "format size source",
        "VirtioFS": "dirid path",
    },
    "note": {"Agent": "socket", "Balloon": "stats_period", "Display": "spice_address spice_port vnc_socket", "Serial": "socket"},
}
"""What the guest cannot see: what a host, its tools or its clock do with a VM; what is copied with its images; what each host has.
Every other field is the guest's."""


@pytest.mark.parametrize("part", sorted(table.ROWS))
def test_how_bad_the_loss_of_a_field_is(part: str) -> None:
    wanted = {field: severity for severity, parts in UNSEEN.items() for field in parts.get(part, "").split()}
    for field, row in table.ROWS[part].items():
        assert (field, KINDS[row.kind].severity) == (field, wanted.pop(field, "guest"))
    assert wanted == {}


def test_what_cannot_be_said_is_lost_and_what_is_said_otherwise_is_changed() -> None:
    """Of what the guest sees: a whole device, a start without firmware, cloud-init's data, words of the command line."""
    lost = {(part, field) for part, rows in table.ROWS.items() for field, row in rows.items() if row.kind == "guest-lost"}
    started = {("Boot", field) for field in ("kernel", "initrd", "cmdline")}
    assert lost == {*started, ("CloudInit", "keys"), ("Display", "foldersharing"), ("Raw", "words")}
    assert table.LEFT_OUT.kind == "guest-lost"
