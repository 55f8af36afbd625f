"""Which threads a config wants on which CPUs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bridge.cli import main
from bridge.core.report import BridgeError
from bridge.operations.pin import wanted

HEAD = "scsihw: virtio-scsi-single\nscsi0: local-lvm:vm-100-disk-0,size=1G,iothread=1\n"


@pytest.mark.parametrize(("said", "pins"), [
    ("iothreads: 2,affinity=4-7\n", {4, 5, 6, 7}), ("iothreads: 2\n", None), ("", None), ("cores: 2\naffinity: 1\n", None),
])  # fmt: skip
def test_iothreads_are_wanted_on_the_cpus_of_their_affinity(said: str, pins: set[int] | None) -> None:
    found = wanted((HEAD + said).encode(), 100, "100.conf")
    assert all(pins is not None and cpus <= pins for cpus in found.values())
    assert bool(found) == (pins is not None)


def test_a_domain_is_not_pinned_from_outside() -> None:
    with pytest.raises(BridgeError, match=r"only a VM that qemu-server runs is pinned"):
        wanted(b"<domain/>", 100, "a.xml")


DOMAIN = """<domain type='kvm'><name>web</name><memory unit='MiB'>512</memory><vcpu>2</vcpu>
<cputune><vcpupin vcpu='1' cpuset='3'/></cputune>
<os><type machine='pc-q35-9.2'>hvm</type></os></domain>"""


def test_a_hookscript_is_written_for_threads_with_cpus_of_their_own(tmp_path: Path) -> None:
    domain, hook = tmp_path / "web.xml", tmp_path / "hook"
    domain.write_text(DOMAIN)
    given = ["to-conf", str(domain), "--vmid", "4711", "--hook", str(hook), "-o", str(tmp_path / "4711.conf")]
    result = CliRunner().invoke(main, given)
    assert result.exit_code in (0, 2, 3), result.output
    assert "--set vcpu1=3" in hook.read_text()
    assert "4711" in hook.read_text()
    assert hook.stat().st_mode & 0o777 == 0o755
