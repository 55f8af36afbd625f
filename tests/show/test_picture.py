"""The picture: which queue goes to which thread, where threads run, and who gets in whose way."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bridge.show.picture import IOTHREAD, Column, Device, Link, Overlap, Picture, queue_text, ranges
from bridge.show.words import headline, notes, together

from .pages import of_case, of_text


def links(found: Picture) -> dict[str, dict[int, tuple[int, ...]]]:
    return {device.name: {link.iothread: link.queues for link in device.links} for device in found.devices}


def runs_on(found: Picture) -> dict[str, str | None]:
    return {thread.name: thread.pin for thread in found.threads}


def disk(n: int, more: str = ",iothread=1") -> str:
    return f"virtio{n}: local:100/vm-100-disk-{n}.raw{more}\n"


def domain(disks: str, tune: str = "", vcpus: int = 4, threads: int = 2) -> Picture:
    return of_text(
        f"<domain type='kvm'><name>x</name><memory>1048576</memory><vcpu>{vcpus}</vcpu><iothreads>{threads}</iothreads>"
        f"<cputune>{tune}</cputune><os><type arch='x86_64' machine='pc-q35-9.2'>hvm</type></os><devices>{disks}</devices></domain>",
        "x.xml",
    ).picture


def vda(driver: str, queues: int = 4) -> str:
    return (
        f"<disk type='file' device='disk'><driver name='qemu' type='raw' queues='{queues}'>{driver}</driver>"
        "<source file='/a'/><target dev='vda' bus='virtio'/></disk>"
    )


def mapping(*rows: tuple[int, tuple[int, ...]]) -> str:
    threads = "".join(f"<iothread id='{n}'>{''.join(f'<queue id={q!r}/>' for q in map(str, queues))}</iothread>" for n, queues in rows)
    return f"<iothreads>{threads}</iothreads>"


def test_a_pool_deals_out_the_queues_in_turn() -> None:
    found = of_text("cores: 6\niothreads: 4\n" + disk(0) + disk(1)).picture
    dealt = {1: (0, 4), 2: (1, 5), 3: (2,), 4: (3,)}
    assert links(found) == {"virtio0": dealt, "virtio1": dealt}
    assert list(notes(found)) == []


def test_threads_that_get_no_queue_are_idle() -> None:
    """The pool of the seed: one vCPU makes one queue, so three of four threads have nothing to do."""
    found = of_case("pool.conf").picture
    alone = {1: (0,), 2: (), 3: (), 4: ()}
    assert links(found) == {"scsi0": alone, "virtio0": alone}
    assert found.main_loop == ("scsi1", "virtio1")
    assert [thread.name for thread in found.of_role(IOTHREAD) if not found.served(thread.iothread or 0)] == [
        "iothread1",
        "iothread2",
        "iothread3",
    ]
    assert "iothread1, iothread2 and iothread3 have nothing to do" in headline(found)
    assert list(notes(found)) == ["scsi0 and virtio0 each have 1 queue for 4 threads: 3 of them get none."]


def test_the_seed_looks_like_its_case(shared: Path) -> None:
    seed = of_text((shared / "corpus/seed/iothreads.conf").read_text()).picture
    assert seed == of_case("pool.conf").picture


def test_a_thread_per_disk() -> None:
    found = of_case("sixteen.conf").picture
    assert [device.kind for device in found.devices] == ["virtio-scsi"] * 8 + ["virtio-blk"] * 8
    assert [[link.iothread for link in device.links] for device in found.devices] == [[n] for n in range(1, 17)]
    assert all(link.queues == tuple(range(8)) for device in found.devices for link in device.links)
    assert [thread.name for thread in found.threads[:9]] == [*(f"iothread-virtioscsi{n}" for n in range(8)), "iothread-virtio0"]
    assert headline(found) == "16 iothreads for 16 devices: each has its own."


def test_the_affinity_of_the_vm_is_no_overlap() -> None:
    found = of_case("sixteen.conf").picture
    assert set(runs_on(found).values()) == {"0-15"}
    assert found.overlaps == ()
    assert together(found) == "All threads of the VM are kept on host CPUs 0-15."


def test_queues_that_the_xml_maps_one_by_one() -> None:
    found = of_case("queues.xml").picture
    assert found.devices == (
        Device("SCSI controller 0", "virtio-scsi", ("sda", "sdb"), 3, (Link(1, (0, 2)), Link(2, (1,)))),
        Device("vda", "virtio-blk", ("vda",), 6, (Link(2, (1, 3, 5)), Link(3, (0, 2, 4))), by_queue=True),
        Device("vdb", "virtio-blk", ("vdb",), 4, (Link(1, (0, 1, 2, 3)),)),
    )
    assert found.main_loop == ("sdc",)
    assert [thread.details for thread in found.of_role(IOTHREAD)] == [
        (), ("thread_pool_min=1", "thread_pool_max=8"), ("poll_max=32768", "poll_grow=2"), (),
    ]  # fmt: skip


def test_pins_that_get_in_each_others_way() -> None:
    found = of_case("queues.xml").picture
    assert runs_on(found) == {
        "iothread 1": "2",
        "iothread 2": "3",
        "iothread 3": "3-4",
        "iothread 7": None,
        "main loop": "0-1",
        "vCPU 0-3": "4-7",
    }
    assert found.overlaps == (Overlap(frozenset({3}), ("iothread 2", "iothread 3")), Overlap(frozenset({4}), ("iothread 3", "vCPU 0-3")))
    assert [(column.label, column.contended) for column in found.columns] == [
        *(("0-1", False), ("2", False), ("3", True), ("4", True), ("5-7", False)),
    ]


def test_a_pool_on_enough_cpus_is_no_overlap_and_one_on_too_few_is() -> None:
    enough = of_text("cores: 4\niothreads: 2,affinity=2-3\n" + disk(0)).picture
    assert enough.overlaps == ()
    few = of_text("cores: 4\niothreads: 3,affinity=2-3\n" + disk(0)).picture
    assert few.overlaps == (Overlap(frozenset({2, 3}), ("iothread0", "iothread1", "iothread2")),)


def test_an_iothread_inside_the_affinity_of_the_vm_is_an_overlap() -> None:
    found = of_text("affinity: 0-7\ncores: 4\niothreads: 1,affinity=2\n" + disk(0)).picture
    assert found.overlaps == (Overlap(frozenset({2}), ("iothread0", "main loop", "vCPU 0-3")),)
    assert list(found.columns) == [
        Column("0-1", frozenset({0, 1}), False),
        Column("2", frozenset({2}), True),
        Column("3-7", frozenset(range(3, 8)), False),
    ]


def test_vcpus_in_groups() -> None:
    tune = "".join(f"<vcpupin vcpu='{n}' cpuset='{pin}'/>" for n, pin in enumerate(("0-1", "0-1", "4", "5", "6", "4", "9")))
    found = domain(vda(""), tune, vcpus=8)
    vcpus = {thread.name: (thread.pin, thread.details) for thread in found.of_role("vCPU")}
    assert vcpus == {
        "vCPU 0-1": ("0-1", ()),
        "vCPU 2-4": ("4-6", ("one each",)),
        "vCPU 5": ("4", ()),
        "vCPU 6": ("9", ()),
        "vCPU 7": (None, ()),
    }


@pytest.mark.parametrize(
    ("rows", "trouble"),
    [
        ([(1, (0, 1)), (2, (2, 3))], ""),
        ([(2, ()), (1, ())], ""),
        ([(1, (0, 1)), (2, (3,))], "queue 2 served by no thread"),
        ([(1, (0, 1)), (2, (1, 2, 3))], "queue 1 named twice"),
        ([(1, (0, 1)), (2, (2, 3, 9))], "queue 9 not there: the device has 4"),
        ([(1, (0, 1, 2, 3)), (2, ())], "some threads name queues, others do not"),
        ([(1, ()), (1, ())], "a thread is named twice"),
        ([(1, (0, 1)), (1, (2, 3))], "a thread is named twice"),
    ],
)
def test_mappings_that_qemu_refuses(rows: list[tuple[int, tuple[int, ...]]], trouble: str) -> None:
    """QEMU itself is asked, too."""
    assert domain(vda(mapping(*rows)), vcpus=2).devices[0].trouble == trouble
    said = [{"iothread": f"i{n}"} | ({"vqs": queues} if queues else {}) for n, queues in rows]
    device = {"driver": "virtio-blk-pci", "drive": "n", "num-queues": 4, "iothread-vq-mapping": said}
    words = "-M q35 -accel tcg -nodefaults -display none -S -object iothread,id=i1 -object iothread,id=i2"
    words += " -blockdev null-co,node-name=n -monitor stdio -device"
    done = subprocess.run(
        ["qemu-system-x86_64", *words.split(), json.dumps(device)], input="quit\n", text=True, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode == 0) == (trouble == ""), done.stderr


def test_an_adapter_without_disks_is_there() -> None:
    adapter = (
        f"<controller type='scsi' index='1' model='virtio-scsi'><driver queues='2'>{mapping((2, (0,)), (1, (1,)))}</driver></controller>"
    )
    found = domain(adapter)
    assert links(found) == {"SCSI controller 1": {2: (0,), 1: (1,)}}


def test_no_iothreads() -> None:
    found = of_text(disk(0, "")).picture
    assert (found.devices, found.main_loop) == ((), ("virtio0",))
    assert headline(found) == "No iothreads: QEMU's main loop serves every disk."


def test_lists_in_short() -> None:
    assert ranges([5, 0, 1, 2]) == "0-2,5"
    assert queue_text([3]) == "queue 3"
    assert queue_text(range(16)) == "queues 0-15"
    assert queue_text([0, 4, 8, 12]) == "queues 0, 4, 8, 12"
    assert queue_text(range(0, 64, 4)) == "queues 0, 4, 8 … 60"
