"""libvirt in a child process: what it refuses, when it dies or hangs, and all or none of several definitions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridge.core.report import BridgeError
from bridge.libvirt.host import connect
from bridge.libvirt.host.connect import Connection, Definition
from tests.libvirtd.daemon import Daemon
from tests.processes import PATIENCE

pytestmark = pytest.mark.slow

UUID = "0b8b1f0e-0000-4000-8000-00000000000{}"


def xml(number: int, name: str | None = None, more: str = "", memory: int = 64) -> str:
    return (
        f"<domain type='qemu'><name>{name or f'vm{number}'}</name><uuid>{UUID.format(number)}</uuid><memory unit='MiB'>{memory}</memory>"
        f"<os><type arch='x86_64' machine='pc'>hvm</type></os>{more}</domain>"
    )


def definition(number: int, autostart: bool = False, replace: bool = False, **change: object) -> Definition:
    return Definition(f"vm{number}", UUID.format(number), xml(number, **change), autostart, replace)  # type: ignore[arg-type]


@pytest.fixture
def embedded(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URI of an embedded driver that runs inside our own child process."""
    root = tmp_path_factory.mktemp("e")
    (root / "etc").mkdir()
    (root / "etc/qemu.conf").write_text('user = "root"\ngroup = "root"\n')
    return f"qemu:///embed?root={root}"


def test_what_a_host_says(libvirtd: Daemon) -> None:
    with Connection(libvirtd.uri) as host:
        about = host.about()
        assert f"Using library: libvirt {about.libvirt}" in libvirtd.virsh("version")
        assert f"Running hypervisor: QEMU {about.qemu}" in libvirtd.virsh("version")
        assert about.cpus == os.sysconf("SC_NPROCESSORS_CONF")
        assert "<domain>qemu</domain>" in host.domain_capabilities("x86_64", "q35", "qemu")
        assert "pc-q35" in host.capabilities()
        assert host.domains() == []


def test_definitions_and_autostart(libvirtd: Daemon) -> None:
    with Connection(libvirtd.uri) as host:
        host.define([definition(1), definition(2, autostart=True)])
        assert [(d.name, d.uuid, d.active, d.persistent, d.autostart) for d in host.domains()] == [
            ("vm1", UUID.format(1), False, True, False),
            ("vm2", UUID.format(2), False, True, True),
        ]
        assert "<name>vm1</name>" in host.xml(UUID.format(1))
    assert libvirtd.dominfo("vm2")["Autostart"] == "enable"


def test_the_refusal_of_one_takes_back_the_others(libvirtd: Daemon) -> None:
    with Connection(libvirtd.uri) as host:
        host.define([definition(1)])
        with pytest.raises(BridgeError, match="frobnicate") as refused:
            host.define([definition(2, autostart=True), definition(3), definition(4, more="<frobnicate/>")])
        assert refused.value.where == "vm4"
        assert libvirtd.domains() == ["vm1"]
        with pytest.raises(BridgeError, match="is there already"):
            host.define([definition(2), definition(1)])
        assert libvirtd.domains() == ["vm1"]
        assert host.domains()[0].uuid == UUID.format(1)  # the connection goes on


def test_a_refusal_puts_back_what_was_replaced(libvirtd: Daemon) -> None:
    with Connection(libvirtd.uri) as host:
        host.define([definition(1, autostart=True)])
        before = libvirtd.virsh("dumpxml", "--inactive", "vm1")
        with pytest.raises(BridgeError):
            host.define([definition(1, replace=True, memory=128), definition(2, more="<frobnicate/>")])
        assert libvirtd.virsh("dumpxml", "--inactive", "vm1") == before
        assert libvirtd.dominfo("vm1")["Autostart"] == "enable"
        host.define([definition(1, replace=True, memory=128)])
        assert "131072" in libvirtd.virsh("dumpxml", "--inactive", "vm1")
        assert libvirtd.dominfo("vm1")["Autostart"] == "disable"


def test_a_child_that_dies_in_the_middle_leaves_nothing(libvirtd: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = libvirtd.directory / "died"
    script = (
        "from bridge.libvirt.host import serve as served; import os, pathlib\n"
        f"once = pathlib.Path({str(mark)!r}); before = served._Calls._before\n"
        "def die(self, domain):\n"
        "    if domain.name == 'vm3' and not once.exists(): once.touch(); os._exit(9)\n"
        "    return before(self, domain)\n"
        "served._Calls._before = die; serve(sys.argv[2])"
    )
    monkeypatch.setattr(connect, "START", connect.START.replace("serve(sys.argv[2])", script))
    with Connection(libvirtd.uri) as host:
        with pytest.raises(BridgeError, match="libvirt died"):
            host.define([definition(1, autostart=True), definition(2), definition(3), definition(4)])
        assert mark.exists()
        assert libvirtd.domains() == []


def root() -> Path:
    return Path(__file__).parents[2]


def test_xml_that_aborts_or_hangs_libvirt_is_an_error(embedded: str) -> None:
    """security-rules S9: -1 wraps to 2^32-1 and aborts; a hundred million vCPUs keep the library busy for minutes."""
    with Connection(embedded, time_limit=PATIENCE) as host:
        for vcpus in (-1, 99999999):
            assert "-S" in host.native(xml(1))
            host.time_limit = 3  # what dies or hangs does so however long one waits
            with pytest.raises(BridgeError, match=r"libvirt (died|did not answer in 3 s)"):
                host.native(xml(1, more=f"<vcpu>{vcpus}</vcpu>"))
            host.time_limit = PATIENCE
        assert host.domains() == []


def test_hosts_that_cannot_be_reached_are_errors() -> None:
    for uri in ("qemu:///embed", "nonsense:///", "qemu+unix:///system?socket=/nonexistent"):
        with pytest.raises(BridgeError), Connection(uri):
            pass


def test_without_the_python_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "START", "import sys; sys.modules['libvirt'] = None; " + connect.START.removeprefix("import sys; "))
    with pytest.raises(BridgeError, match=r"pip install 'virt-qm\[libvirt\]'"), Connection("test:///default"):
        pass


def test_nothing_of_the_current_directory_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libvirt.py").write_text("raise SystemExit('imported from the current directory')")
    monkeypatch.chdir(tmp_path)
    with Connection("test:///default") as host:
        assert host.domains()


def test_libvirt_is_imported_nowhere_else() -> None:
    """But in the two child processes with a time limit: for a host, and for a move."""
    found = {path.relative_to(root()).as_posix() for path in (root() / "bridge").rglob("*.py") if "import libvirt\n" in path.read_text()}
    assert found == {"bridge/libvirt/host/serve.py", "bridge/operations/move/served.py"}
