"""The laws of the passes, for VMs of random configs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import bridge
from bridge.core.report import Report
from bridge.data.gates import Target, version
from bridge.model.iothread import IOThread, IOThreads, ServedBy
from bridge.model.part import Device, DriveAddress, PCIAddress, SerialAddress, USBAddress
from bridge.model.vm import VM
from bridge.passes import iothreads
from bridge.passes.gate import gate
from bridge.passes.place import place
from bridge.passes.resolve import resolve
from bridge.passes.unresolve import unresolve
from tests.option_samples import HOST, TARGET, VMID, samples
from tests.passes.configs import configs, differences, said

SOME = settings(max_examples=60)


def resolved(text: str, report: Report | None = None) -> VM:
    """What qemu-server would run; a VM that it refuses is not an example."""
    try:
        return resolve(said(text), HOST, report or Report())
    except bridge.BridgeError:
        assume(False)
        raise


def run(text: str) -> VM:
    """The VM with its threads and places."""
    vm = resolved(text)
    try:
        return place(iothreads.assign(vm, HOST, Report()), Report())
    except bridge.BridgeError:
        assume(False)
        raise


# --- resolve and unresolve


@given(configs)
@SOME
def test_resolving_twice_is_resolving_once(text: str) -> None:
    vm = resolved(text)
    again = Report()
    assert resolve(vm, HOST, again) == vm


@given(configs)
@SOME
def test_resolving_changes_nothing_that_was_said(text: str) -> None:
    before = said(text)
    changed = {(path, one) for path, one, _ in differences(before, resolved(text)) if path.split(".")[-1] not in ("filled", "where")}
    assert {(path, one) for path, one in changed if one not in (None, [], {})} <= REWORDED


REWORDED: set[tuple[str, object]] = set()
"""What resolve says in other words."""

UNSAID: dict[str, tuple[object, ...]] = {
    # what a config does not say, for qemu-server or QEMU takes it anyway
    "machine.type": ("pc", "virt"),
    "disks[].rerror": ("report",),
    "nets[].mtu": (1,),
    "nets[].host_tunnel": (True, False),
    "firmware.efitype": ("2m", "4m"),
    "firmware.pre_enrolled_keys": (True, False),
    "security.allow_smt": (True,),
    "security.no_debug": (False,),
    "security.no_key_sharing": (False,),
    "security.kernel_hashes": (False,),
    "security.attestation": (True,),
    "tpm.format": ("raw",),
}  # fmt: skip


@given(configs)
@SOME
def test_what_is_unsaid_is_resolved_again(text: str) -> None:
    """The same values, but for the ones of UNSAID; and once more gives the very same VM."""
    vm = resolved(text)
    again = resolve(unresolve(vm, HOST, Report()), HOST, Report())
    other = [(path, one, two) for path, one, two in differences(vm, again) if not path.endswith("filled")]
    assert [(path, one, two) for path, one, two in other if two is not None or one not in UNSAID.get(path, ())] == []
    assert resolve(unresolve(again, HOST, Report()), HOST, Report()) == again


@pytest.mark.parametrize("text", sorted({sample.config for sample in samples()}))
def test_what_a_sample_leaves_unsaid_is_resolved_again(text: str) -> None:
    with suppress(bridge.BridgeError):
        vm = resolve(said(text), HOST, Report())
        again = resolve(unresolve(vm, HOST, Report()), HOST, Report())
        other = [(path, one, two) for path, one, two in differences(vm, again) if not path.endswith("filled")]
        assert [(path, one, two) for path, one, two in other if two is not None or one not in UNSAID.get(path, ())] == []
        assert resolve(unresolve(again, HOST, Report()), HOST, Report()) == again


@given(configs, st.integers(0, 3))
@SOME
def test_unsaying_is_quiet_about_qemu_servers_own(text: str, times: int) -> None:
    """Nothing that resolve filled in is a loss on the way back."""
    vm = resolved(text)
    for _ in range(times):
        vm = resolve(unresolve(vm, HOST, Report()), HOST, Report())
    report = Report()
    unresolve(vm, HOST, report)
    assert [f for f in report if f.severity == "guest" and f.kind not in ("refused", "machine-missing")] == []


# --- place and assign_keys


def devices(vm: VM) -> Iterator[Device]:
    for name in vm.__struct_fields__:
        held = getattr(vm, name)
        yield from (each for each in (held if isinstance(held, list) else [held]) if isinstance(each, Device))


@given(configs)
@SOME
def test_no_two_devices_share_a_place(text: str) -> None:
    vm = run(text)
    addresses = [device.address for device in devices(vm) if device.address is not None]
    places: Counter[tuple[Any, ...]] = Counter()
    for address in addresses:
        match address:
            case PCIAddress():
                places["pci", address.domain, address.bus, address.slot, address.function] += 1
                assert 0 <= address.slot <= 0x1F
                assert 0 <= address.function <= 7
            case DriveAddress():
                places["drive", address.controller, address.bus, address.target, address.unit] += 1
            case USBAddress():
                places["usb", address.bus, address.port] += 1
            case SerialAddress():
                places["serial", address.controller, address.port] += 1
    assert [where for where, count in places.items() if count > 1] == []


@given(configs)
@SOME
def test_every_place_is_on_a_controller_that_is_there(text: str) -> None:
    vm = run(text)
    there = {controller.key for controller in vm.controllers}
    for device in devices(vm):
        match device.address:
            case DriveAddress(controller=name) | SerialAddress(controller=name):
                assert name in there
            case PCIAddress(bus=name):
                assert name in there | {"pci.0", "pcie.0"}


@given(configs)
@SOME
def test_placing_is_the_same_every_time(text: str) -> None:
    vm = iothreads.assign(resolved(text), HOST, Report()) if "iothreads: 5" not in text else resolved(text)
    assert place(vm, Report()) == place(vm, Report())


@given(configs)
@SOME
def test_another_card_moves_nothing(text: str) -> None:
    """The same keys give the same places, whatever else there is."""
    assume("net31:" not in text)
    here = {device.key: device.address for device in devices(run(text)) if device.key}
    there = {device.key: device.address for device in devices(run(f"{text}net31: virtio=BC:24:11:00:00:99,bridge=vmbr0\n")) if device.key}
    assert {key: (place_, there.get(key)) for key, place_ in here.items() if there.get(key) != place_} == {}


@given(configs)
@settings(max_examples=30)
def test_places_give_the_keys_back(text: str) -> None:
    """Without names and metadata the address alone tells which disk and which card it is."""
    vm = run(text)
    try:
        xml = bridge.convert(text, "xml", "conf", vmid=VMID, host=HOST, metadata=False, **TARGET).text
        back = bridge.convert(re.sub(r"<alias [^>]*>", "", xml), "conf", "xml", vmid=VMID, host=HOST, **TARGET).text
    except bridge.BridgeError:
        assume(False)
        raise
    keys = {line.split(":")[0] for line in back.splitlines()}
    expected = {each.key for each in (*vm.disks, *vm.nets)}
    assert {key for key in keys if re.fullmatch(r"(ide|sata|scsi|virtio|net)\d+", key)} == expected


# --- iothreads


@given(configs)
@SOME
def test_gathering_what_was_spread_says_what_was_said(text: str) -> None:
    vm = resolved(text)
    try:
        spread = iothreads.assign(vm, HOST, Report())
    except bridge.BridgeError:
        assume(False)
        raise
    report = Report()
    back = iothreads.recognise(replace(spread, iothreads=replace(spread.iothreads, pool=None, affinity=None)), HOST, report)
    served = [disk.key for disk in spread.disks if disk.served_by]
    assert [disk.key for disk in back.disks if disk.iothread] == served
    assert all(disk.served_by is None for disk in back.disks)
    threads = spread.iothreads.threads or []
    if served and vm.iothreads.pool:
        one_each = len(served) == 1 == vm.iothreads.pool and not vm.iothreads.affinity
        assert (back.iothreads.pool, back.iothreads.affinity) == ((None, None) if one_each else (vm.iothreads.pool, vm.iothreads.affinity))
    else:
        assert back.iothreads.pool is None
    assert [f for f in report if f.kind == "iothread-lost"] == [] or not served
    assert len({thread.id for thread in threads}) == len(threads) == (vm.iothreads.pool or len(served))


_ids = st.lists(st.integers(1, 4), min_size=1, max_size=4, unique=True)


@given(st.lists(_ids, min_size=1, max_size=5), st.sampled_from([None, "2", "2-3", "2,4"]))
@SOME
def test_no_layout_of_threads_is_lost_in_silence(sets: list[list[int]], pin: str | None) -> None:
    """What a config cannot say is told; what it can comes back when it is spread again."""
    text = "".join(f"virtio{n}: local:100/vm-100-disk-{n}.raw\n" for n in range(len(sets)))
    vm = resolve(said(text), HOST, Report())
    threads = [IOThread(id=n, iothreadpin=pin) for n in sorted(set().union(*sets))]
    disks = [replace(disk, served_by=[ServedBy(n) for n in ids]) for disk, ids in zip(vm.disks, sets, strict=True)]
    report = Report()
    back = iothreads.recognise(replace(vm, disks=disks, iothreads=IOThreads(threads=threads)), HOST, report)
    again = iothreads.assign(back, HOST, Report())
    now = [[by.iothread for by in disk.served_by or ()] for disk in again.disks]
    same = len(set(map(frozenset, now))) == len(set(map(frozenset, sets))) and list(map(len, now)) == list(map(len, sets))
    pins = {thread.iothreadpin for thread in again.iothreads.threads or ()}
    assert (same and pins == {pin}) or any(f.kind == "iothread-lost" for f in report), now


# --- gate


RELEASES = (("9.0", "7.2"), ("10.0", "8.2"), ("11.3", "10.0"), ("12.0", "11.0"))
TARGETS = [Target(version(libvirt), version(qemu)) for libvirt, qemu in RELEASES]


@given(configs, st.sampled_from(TARGETS))
@SOME
def test_what_passed_the_gate_passes_it_again(text: str, target: Target) -> None:
    vm, report = gate(run(text), target, Report()), Report()
    assert gate(vm, target, report) == vm
    assert {f.kind for f in report} <= {"machine-missing", "guest-lost"}  # what stays, and is refused there


@given(configs)
@SOME
@example("machine: q35,viommu=virtio,aw-bits=48\n")
@example("hostpci0: mapping=movable\n")
@example("iothreads: 3\nvirtio0: local:100/vm-100-disk-0.raw,iothread=1\n")
def test_a_younger_target_loses_no_more(text: str) -> None:
    vm, lost = run(text), set[tuple[str, str]]()
    for target in reversed(TARGETS):
        report = Report()
        after = gate(vm, target, report)
        now = {(f.kind, str(f.where)) for f in report if f.kind != "machine-missing"}
        assert lost <= now
        changed = [path for path, *_ in differences(vm, after)]
        assert not changed or now, changed
        lost = now
