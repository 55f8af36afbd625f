"""The main job on a real libvirt: a shared-iothreads config is defined, started, shows its pins, and comes back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import bridge
from tests.embed.domain import startable
from tests.embed.driver import EmbeddedDriver
from tests.processes import threads

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[1] / "samples"
LAST_CPU = (os.cpu_count() or 1) - 1
POOL = f"""\
iothreads: 4,affinity=0-{LAST_CPU}
scsihw: virtio-scsi-single
scsi0: local:8006/vm-8006-disk-0.raw,size=104858K,iothread=1
scsi1: local:8006/vm-8006-disk-1.raw,size=104858K
virtio0: local:8006/vm-8006-disk-3.raw,size=104858K,iothread=1
virtio1: local:8006/vm-8006-disk-4.raw,size=104858K
"""


def without_kvm(xml: str) -> str:
    """For a machine without /dev/kvm; nothing else is changed."""
    return xml if os.access("/dev/kvm", os.W_OK) else xml.replace('type="kvm"', 'type="qemu"', 1)


@pytest.mark.parametrize("text", [POOL, (SAMPLES / "iothreads.conf").read_text()], ids=["pool", "sample"])
def test_what_libvirt_defined_reads_back_as_the_same_config(text: str, embed: EmbeddedDriver) -> None:
    xml = bridge.convert(text, "xml", "conf", vmid=8006).text
    name = embed.define(without_kvm(xml))
    dumped = embed.dumpxml(name)
    back = bridge.convert(dumped, "conf", "xml", vmid=8006)
    expected = bridge.rewrite_config(text, vmid=8006)
    if not os.access("/dev/kvm", os.W_OK):
        expected = bridge.rewrite_config(expected + "kvm: 0\n", vmid=8006)
    assert back.text == expected
    embed.undefine(name)


def test_a_started_domain_shows_the_pins_on_all_four_threads(embed: EmbeddedDriver, tmp_path: Path) -> None:
    xml = bridge.convert(POOL + "kvm: 0\n", "xml", "conf", vmid=8006).text
    name = embed.define(startable(xml, tmp_path))
    embed.start(name)
    told = embed.iothreadinfo(name)
    assert [(thread.id, thread.cpus) for thread in told] == [(n, tuple(range(LAST_CPU + 1))) for n in (1, 2, 3, 4)]
    assert pinned_threads(embed.pid(name)) == 4
    embed.destroy(name)
    embed.undefine(name)


def pinned_threads(pid: int) -> int:
    """Threads of the process that are iothreads by their name and may run on the affinity's CPUs, by /proc."""
    wanted = f"0-{LAST_CPU}" if LAST_CPU else "0"
    return sum(name.startswith("IO iothread") and cpus == wanted for name, cpus in threads(pid).values())
