"""`virt-qm define` on a real libvirtd: what is defined, what is refused before anything is, and that it starts."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from bridge.cli import main
from bridge.core.report import BridgeError
from bridge.libvirt.host.capabilities import nearest
from bridge.libvirt.host.connect import Connection, ListedDomain
from bridge.model.vm import VM
from bridge.operations import define as defining
from tests.corpus import Row, rows
from tests.libvirtd.daemon import Daemon, affinity
from tests.libvirtd.store import Store

pytestmark = pytest.mark.slow

UUID = "4c3b9a5e-5a5f-4b8e-9f14-2d0d6a1f000{}"
LAST = (os.cpu_count() or 1) - 1

Write = Callable[..., str]


def vm(number: int, more: str = "", uuid: bool = True) -> str:
    return f"kvm: 0\nname: vm{number}\nmemory: 64\n" + (f"smbios1: uuid={UUID.format(number)}\n" if uuid else "") + more


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write(number, more): `NUMBER.conf` with a small VM; its path."""

    def conf(number: int, more: str = "", uuid: bool = True) -> str:
        file = tmp_path / f"{100 + number}.conf"
        file.write_text(vm(number, more, uuid))
        return str(file)

    return conf


def virt_qm(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def define(libvirtd: Daemon, *arguments: object) -> Result:
    return virt_qm("define", "-c", libvirtd.uri, "--report", "none", *arguments)


def test_domains_with_their_autostart(libvirtd: Daemon, write: Write) -> None:
    result = define(libvirtd, write(1, "onboot: 1\n"), write(2), write(3, "onboot: 0\n", uuid=False))
    assert result.exit_code == 0, result.output
    assert libvirtd.domains() == ["vm1", "vm2", "vm3"]
    assert [libvirtd.dominfo(name)["Autostart"] for name in libvirtd.domains()] == ["enable", "disable", "disable"]
    assert libvirtd.dominfo("vm1")["UUID"] == UUID.format(1)
    assert "vm1.conf" not in result.output
    assert re.search(r"^defined vm1 .* from .*101.conf, started with the host$", result.output, re.MULTILINE)


def test_what_is_there_stays_but_for_replace(libvirtd: Daemon, write: Write) -> None:
    for uuid in (True, False):
        file = write(1, "onboot: 1\n", uuid)
        assert define(libvirtd, file).exit_code == 0
        again = define(libvirtd, file)
        assert again.exit_code == 1
        assert "101.conf:3: domain 'vm1' is defined already: pass --replace" in again.output.replace("101.conf:2", "101.conf:3")
        changed = write(1, "cores: 2\n", uuid)
        assert define(libvirtd, "--replace", changed).exit_code == 0
        assert "<vcpu placement='static'>2</vcpu>" in libvirtd.virsh("dumpxml", "--inactive", "vm1")
        assert libvirtd.dominfo("vm1")["Autostart"] == "disable"
        libvirtd.clear()


def test_clashes_are_found_before_anything_is_defined(libvirtd: Daemon, write: Write) -> None:
    assert define(libvirtd, write(1)).exit_code == 0
    Path(same_name := write(2)).write_text(vm(2).replace("name: vm2", "name: vm1"))
    Path(same_uuid := write(3)).write_text(vm(3).replace(UUID.format(3), UUID.format(1)))
    result = define(libvirtd, "--replace", write(4), same_name, same_uuid)
    assert result.exit_code == 1
    assert f"102.conf:2: a domain 'vm1' with another UUID ({UUID.format(1)}) is there" in result.output
    assert f"103.conf:2: domain 'vm1' has UUID {UUID.format(1)}" in result.output
    assert libvirtd.domains() == ["vm1"]
    Path(twin := write(5)).write_text(vm(4))
    result = define(libvirtd, write(4), twin)
    assert (result.exit_code, libvirtd.domains()) == (1, ["vm1"])
    assert "another of these files has the name 'vm4'" in result.output


def test_one_that_libvirt_refuses_keeps_all_from_being_defined(libvirtd: Daemon, write: Write) -> None:
    refused = write(2, "sockets: 300\n")
    result = define(libvirtd, write(1), refused, write(3))
    assert result.exit_code == 1
    assert re.search(r"^error: .*102\.conf(:\d+)?: .*[Mm]aximum.*255", result.output, re.MULTILINE)
    assert result.output.endswith("nothing was defined\n")
    assert libvirtd.domains() == []
    result = define(libvirtd, "--keep-going", write(1), refused, write(3))
    assert result.exit_code == 1
    assert libvirtd.domains() == ["vm1", "vm3"]


def test_one_that_cannot_be_converted_keeps_all_from_being_defined(libvirtd: Daemon, write: Write) -> None:
    broken = write(2, "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0,mtu=9000\n")
    result = define(libvirtd, write(1), broken)
    assert (result.exit_code, libvirtd.domains()) == (1, [])
    assert "102.conf:5: netdev net0: MTU '9000' is bigger" in result.output
    assert define(libvirtd, "--keep-going", write(1), broken).exit_code == 1
    assert libvirtd.domains() == ["vm1"]


def test_a_dry_run_prints_what_would_be_defined(libvirtd: Daemon, write: Write, tmp_path: Path) -> None:
    result = define(libvirtd, "--dry-run", write(1, "onboot: 1\n"))
    assert result.exit_code == 0
    assert libvirtd.domains() == []
    assert f"would define vm1 ({UUID.format(1)}) from " in result.stderr
    (tmp_path / "vm1.xml").write_text(result.stdout)
    libvirtd.virsh("define", "--validate", str(tmp_path / "vm1.xml"))
    assert define(libvirtd, "--dry-run", write(1)).exit_code == 1


def test_a_finding_that_shall_stop_it_does(libvirtd: Daemon, write: Write) -> None:
    file = write(1, "hookscript: local:snippets/x\n")
    result = virt_qm("define", "-c", libvirtd.uri, "--report", "json", "--fail-on", "note", file)
    assert (result.exit_code, libvirtd.domains()) == (3, [])
    assert json.loads(result.stderr.split("\n")[0])["findings"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("machine: pc-i440fx-99.9", r"101\.conf:5: .*(has no machine|99\.9)"),
        ("cpu: EPYC-Genoa", r"101\.conf:5: this host's CPU cannot run model 'EPYC-Genoa': it lacks .*avx"),
    ],
)
def test_what_the_host_lacks_is_said_with_the_line(line: str, message: str, libvirtd: Daemon, write: Write) -> None:
    result = define(libvirtd, write(1, line + "\n"))
    assert (result.exit_code, libvirtd.domains()) == (1, [])
    assert re.search(message, result.output), result.output


def test_pins_beyond_the_host_are_a_finding(libvirtd: Daemon, write: Write) -> None:
    more = f"iothreads: 2,affinity=0-{LAST + 1}\nvirtio0: local:1/vm-1-disk-0.raw,iothread=1\n"
    result = virt_qm("define", "-c", libvirtd.uri, "--dry-run", write(1, more))
    assert f"iothreadpin 1 is on CPU 0-{LAST + 1}, this host has 0-{LAST}: the domain will not start" in result.stderr


def test_a_host_without_kvm_says_what_to_do(monkeypatch: pytest.MonkeyPatch, libvirtd: Daemon, write: Write) -> None:
    ask = Connection.domain_capabilities

    def without_kvm(self: Connection, arch: str, machine: str, kind: str) -> str:
        if kind == "kvm":
            raise BridgeError("KVM is not supported by this binary")
        return ask(self, arch, machine, kind)

    monkeypatch.setattr(Connection, "domain_capabilities", without_kvm)
    Path(file := write(1)).write_text(vm(1).replace("kvm: 0\n", ""))
    result = define(libvirtd, file)
    assert result.exit_code == 1
    assert "this host has no KVM (KVM is not supported by this binary): set `kvm: 0`" in result.output


def test_firmware_is_found_where_the_host_has_it(store: Store, libvirtd: Daemon, write: Write) -> None:
    variables = store.volume(101, "vm-101-disk-0.raw", template=Path("/usr/share/OVMF/OVMF_VARS_4M.fd"))
    for machine in ("q35", "pc"):
        file = write(1, f"machine: {machine}\nbios: ovmf\nefidisk0: {variables},efitype=4m\n")
        result = define(libvirtd, "--host", store.host, file)
        assert result.exit_code == 0, result.output
        xml = etree.fromstring(libvirtd.virsh("dumpxml", "--inactive", "vm1"))
        assert xml.findtext("os/loader") == "/usr/share/OVMF/" + ("OVMF_CODE_4M.secboot.fd" if machine == "q35" else "OVMF_CODE_4M.fd")
        libvirtd.virsh("start", "--paused", "vm1")
        libvirtd.clear()


def test_a_line_is_named_only_if_one_can_be_meant() -> None:
    text = b"name: web\nscsi0: a:1\nnet0: virtio=BC:24:11:00:00:01\n"
    xml = "<domain><name>web</name><devices><disk><target dev='sda'/><alias name='ua-scsi0'/></disk></devices></domain>"
    assert defining.place("1.conf", text, xml, "target 'sda' duplicated") == "1.conf:2"
    assert defining.place("1.conf", text, xml, "bc:24:11:00:00:01 is in use") == "1.conf:3"
    assert defining.place("1.conf", text, xml, "unable to make 'e'") == "1.conf"
    assert defining.place("1.conf", text + b"# web\n", xml, "'web'") == "1.conf"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("pc-q35-11.0", "pc-q35-10.0"), ("pc-q35-9.1", "pc-q35-9.1"), ("pc-i440fx-2.1", "pc-i440fx-2.4"), ("virt-9.0", None)],
)
def test_the_nearest_machine(wanted: str, found: str | None) -> None:
    assert nearest(wanted, ["pc", "q35", "pc-q35-9.0", "pc-q35-9.1", "pc-q35-10.0", "pc-i440fx-2.4", "isapc"]) == found


def test_a_domain_that_only_runs_counts_as_there() -> None:
    domain = ListedDomain("vm1", UUID.format(2), active=True, persistent=False, autostart=False)
    candidate = defining.Candidate("1.conf", b"name: vm1\n", "<domain/>", "vm1", UUID.format(1), VM(), [])
    ((_, error),) = defining.clashes([candidate], [domain], may_replace=True)
    assert str(error).startswith("1.conf:1: a domain 'vm1' with another UUID")


# --- define, start, iothreadinfo, dumpxml, import


def there_and_back(text: str, vmid: int, store: Store, tmp_path: Path) -> dict[int, str]:
    """The iothreads of the running domain, and of its process; the config comes back as it was."""
    from bridge import rewrite_config

    libvirtd = store.daemon
    file = tmp_path / f"{vmid}.conf"
    file.write_text(text)
    result = define(libvirtd, "--host", store.host, file)
    assert result.exit_code == 0, result.output
    (name,) = libvirtd.domains()
    libvirtd.virsh("start", "--paused", name)
    threads = libvirtd.iothreadinfo(name)
    assert affinity(libvirtd.pid(name)) == {f"iothread{number}": cpus for number, cpus in threads.items()}
    assert etree.fromstring(libvirtd.virsh("dumpxml", name)).get("id")
    back = virt_qm("import", name, "-c", libvirtd.uri, "--host", store.host, "--report", "none")
    assert (back.exit_code, back.stdout) == (0, rewrite_config(text, vmid=vmid))
    return threads


def chosen() -> list[Row]:
    """Ten rows with iothreads."""
    with_iothreads = [
        row for row in rows("random.jsonl") if row.get("argv") and "iothread=1" in row["conf"] and "aarch64" not in row["conf"]
    ]
    return [row for row in with_iothreads if row["name"] in ("h0004", "h0142")] + with_iothreads[10:26:2]


@pytest.mark.parametrize("number", range(10))
def test_random_configs_run_and_come_back(number: int, corpus: object, store: Store, tmp_path: Path) -> None:
    assert corpus
    row = chosen()[number]
    there_and_back(store.startable(row["conf"], row["vmid"]), row["vmid"], store, tmp_path)


@pytest.mark.parametrize("agent", ["1", "1,type=isa", "0"])
def test_a_config_of_our_own_runs_and_comes_back(agent: str, store: Store, tmp_path: Path) -> None:
    text = (
        "kvm: 0\nname: own\nonboot: 1\nserial0: socket\nserial1: socket\nscsihw: virtio-scsi-single\n"
        f"scsi0: {store.volume(107, 'a.qcow2')},aio=threads,cache=writeback,iothread=1,size=32M\n"
        f"scsi4: {store.volume(107, 'b.raw')},aio=threads,cache=writeback,iothread=1\n"
        "net0: virtio=BC:24:11:00:00:01\n" + (f"agent: {agent}\n" if agent != "0" else "")
    )
    assert len(there_and_back(text, 107, store, tmp_path)) == 2


def test_the_case_of_the_shared_iothreads_rfc(shared: Path, store: Store, tmp_path: Path) -> None:
    """Four threads on the CPUs of the affinity, by libvirt and by /proc."""
    seed = (shared / "corpus/seed/iothreads.conf").read_text().replace("affinity=2-6", f"affinity=0-{LAST}")
    text = store.startable(seed, 8006)
    assert f"iothreads: 4,affinity=0-{LAST}" in text
    cpus = f"0-{LAST}" if LAST else "0"
    assert there_and_back(text, 8006, store, tmp_path) == dict.fromkeys((1, 2, 3, 4), cpus)


@pytest.mark.parametrize("cpu", sorted({0, LAST}))
def test_a_pool_on_one_cpu(cpu: int, store: Store, tmp_path: Path) -> None:
    text = (
        f"kvm: 0\nmemory: 64\niothreads: 3,affinity={cpu}\nscsihw: virtio-scsi-single\n"
        f"scsi0: {store.volume(108, 'a.raw')},aio=threads,cache=writeback,iothread=1\n"
    )
    assert there_and_back(text, 108, store, tmp_path) == dict.fromkeys((1, 2, 3), str(cpu))
