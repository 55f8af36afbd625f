"""Advice about iothreads: what `show` and `check` say beside what is there."""

from __future__ import annotations

import pytest

import bridge
from bridge.show.advice import suggested
from bridge.show.words import ranged
from tests.corpus import ROOT

from .pages import of_text

POOL = "name: a\ncores: {cores}\nmemory: 512\niothreads: {pool}\n"
DISKS = "".join(f"virtio{n}: local:100/vm-100-disk-{n}.raw,iothread=1\n" for n in range(2))


SAMPLES = ROOT / "samples"


def said(text: str, file: str = "100.conf") -> list[str]:
    return of_text(text, file).advice


def test_a_pool_that_fits_needs_none() -> None:
    assert said(POOL.format(cores=4, pool=4) + DISKS) == []
    assert suggested(of_text(POOL.format(cores=4, pool=4) + DISKS).picture) == 4


@pytest.mark.parametrize(("cores", "pool", "would_do"), [(2, 4, 2), (1, 4, 1), (4, "4,affinity=2-3", 2)])
def test_more_threads_than_can_work(cores: int, pool: object, would_do: int) -> None:
    hints = said(POOL.format(cores=cores, pool=pool) + DISKS)
    assert hints[0].startswith(f"iothreads: {would_do} would do: a device has {cores} queue")


def test_more_threads_than_host_cpus() -> None:
    hints = said(POOL.format(cores=4, pool="4,affinity=2-3") + DISKS)
    assert hints[1].startswith("iothread0, iothread1, iothread2 and iothread3 share host CPUs 2-3, which are fewer than they are")


def test_disks_that_the_main_loop_serves() -> None:
    conf = "name: a\ncores: 2\nmemory: 512\nscsihw: {}\nscsi0: local:100/vm-100-disk-0.raw\nsata0: local:100/vm-100-disk-1.raw\n"
    assert said(conf.format("virtio-scsi-single"))[0].startswith("1 disk could have an iothread: iothread=1 keeps its requests")
    assert said(conf.format("virtio-scsi-pci")) == []
    with_one = conf.format("virtio-scsi-single") + "virtio0: local:100/vm-100-disk-2.raw,iothread=1\n"
    assert said(with_one)[0].startswith("1 disk could leave QEMU's main loop")


@pytest.mark.parametrize("source", ["debian.xml", "web.sh"])
def test_a_domain_was_advised_in_the_words_of_a_config(source: str) -> None:
    [hint] = said((SAMPLES / source).read_text(), source)
    assert hint.startswith("1 disk could have an iothread: <driver iothread='1'/>, beside <iothreads>1</iothreads>, keeps its requests")


def test_a_domain_with_too_many_threads_is_told_in_its_own_words() -> None:
    xml = bridge.convert(POOL.format(cores=1, pool=4) + DISKS, "xml", vmid=100).text
    assert said(xml, "100.xml")[0].startswith("<iothreads>1</iothreads> would do: a device has 1 queue")


def test_nothing_is_said_of_a_mapping_by_hand() -> None:
    text = (
        "<domain type='kvm'><name>x</name><memory>1048576</memory><vcpu>4</vcpu><iothreads>2</iothreads>"
        "<os><type arch='x86_64' machine='pc-q35-9.2'>hvm</type></os><devices><disk type='file' device='disk'>"
        "<driver name='qemu' type='raw' queues='2'><iothreads><iothread id='1'><queue id='0'/></iothread>"
        "<iothread id='2'><queue id='1'/></iothread></iothreads></driver><source file='/a'/><target dev='vda' bus='virtio'/></disk>"
        "</devices></domain>"
    )
    assert of_text(text, "x.xml").advice == []


def test_check_says_it_too() -> None:
    text = POOL.format(cores=1, pool=4) + DISKS
    assert [finding.message for finding in bridge.check(text) if finding.kind == "advice"] == said(text)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([f"scsi{n}" for n in range(12)], "scsi0-11"),
        (["scsi0", "scsi1"], "scsi0, scsi1"),
        (["scsi0", "scsi1", "scsi2", "scsi5", "virtio6", "virtio7", "virtio8"], "scsi0-2, scsi5, virtio6-8"),
        (["sda", "sdb", "sdc"], "sda, sdb, sdc"),
        (["7", "8", "9"], "7, 8, 9"),
        ([], ""),
    ],
)
def test_names_that_count_on_are_a_range(names: list[str], text: str) -> None:
    assert ranged(names) == text
