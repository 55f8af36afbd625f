"""Releases of qemu-server: what each makes of a config. Facts: the releases themselves, asked for the command lines of these configs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import bridge
from bridge.cli import main
from bridge.data import gates

NET = "memory: 512\nnet0: virtio=52:54:00:00:01:01,bridge=vmbr0{}\n"
POOL = """\
iothreads: 2{}
memory: 512
scsi0: local:100/vm-100-disk-0.raw,iothread=1
scsihw: virtio-scsi-single
virtio0: local:100/vm-100-disk-1.raw,iothread=1
"""
DOMAIN = (
    "<domain type='kvm'><name>a</name><uuid>5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10</uuid><memory unit='MiB'>512</memory><vcpu>1</vcpu><os>"
    "<type arch='x86_64' machine='pc-i440fx-10.0'>hvm</type></os><features><acpi/></features><iothreads>2</iothreads><devices>"
    "<disk type='file' device='disk'><driver name='qemu' type='raw'><iothreads><iothread id='1'/><iothread id='2'/></iothreads></driver>"
    "<source file='/var/lib/vz/images/100/vm-100-disk-0.raw'/><target dev='vda' bus='virtio'/></disk></devices></domain>"
)


def node(release: str | None, qemu: str | None = "10.0.2", **more: object) -> bridge.HostFacts:
    return bridge.HostFacts.load(None, qemu_server=release, qemu_version=qemu, bridge_mtu={"vmbr0": 1500, "vmbr1": 9000}, **more)


def words(config: str, host: bridge.HostFacts) -> list[str]:
    return bridge.convert(config, "argv", "conf", vmid=100, host=host).argv or []


def told(result: bridge.Result) -> list[bridge.Finding]:
    return [finding for finding in result.findings if finding.kind == "not-applied" and finding.message.startswith("iothreads: ")]


@pytest.mark.parametrize("release", ["8.0.2", "8.4.10", "9.0.19", "9.1.4.1", "9.2.6", "9.9.1"])
@pytest.mark.parametrize("affinity", ["", ",affinity=2-3"])
def test_to_argv_printed_a_pool_that_no_release_starts(release: str, affinity: str) -> None:
    config = POOL.format(affinity)
    assert words(config, node(release)) == words(config.split("\n", 1)[1], node(release))
    assert len(told(bridge.convert(config, "argv", "conf", vmid=100, host=node(release)))) == 1


@pytest.mark.parametrize("release", [None, gates.RFC_IOTHREADS])
def test_the_pool_is_printed_where_it_may_be_known(release: str | None) -> None:
    result = bridge.convert(POOL.format(""), "argv", "conf", vmid=100, host=node(release))
    assert sum("iothread-vq-mapping" in word for word in result.argv or []) == 2
    assert len(told(result)) == (release is None)


@pytest.mark.parametrize("release", ["8.4.10", "9.2.6", None, gates.RFC_IOTHREADS])
def test_xml_has_the_pool_whatever_the_release(release: str | None) -> None:
    result = bridge.convert(POOL.format(",affinity=1"), "xml", "conf", vmid=100, host=node(release))
    assert "<iothreads>2</iothreads>" in result.text
    assert len(told(result)) == (release != gates.RFC_IOTHREADS)


def test_qm_create_failed_whole_on_a_released_qemu_server() -> None:
    for release, there in (("9.2.6", False), ("8.1.0", False), (gates.RFC_IOTHREADS, True)):
        result = bridge.convert(DOMAIN, "conf", "xml", vmid=100, host=node(release), create=True)
        assert ("--iothreads" in result.text) == there
        assert "iothread=1" in result.text
        assert len(told(result)) == (not there)
    assert "iothreads: 2" in bridge.convert(DOMAIN, "conf", "xml", vmid=100, host=node("9.2.6")).text


@pytest.mark.parametrize("word", ["banana", "9", "9.2.6-1", "pve-9.2", "", "rfc", "9..2", "7.4.6", "2.1"])
def test_any_word_was_a_release(word: str, tmp_path: Path) -> None:
    with pytest.raises(bridge.BridgeError, match="qemu_server: "):
        bridge.HostFacts.load(None, qemu_server=word)
    with pytest.raises(bridge.BridgeError, match="qemu_server: "):
        bridge.HostFacts().with_facts([f"qemu_server={word}"])
    (tmp_path / "host.toml").write_text(f'cpus = 2\nqemu_server = "{word}"\n')
    with pytest.raises(bridge.BridgeError, match=r"host\.toml:2: qemu_server: "):
        bridge.HostFacts.load(tmp_path)


@pytest.mark.parametrize(
    ("release", "mtu", "wanted"),
    [
        # what the card is told of an MTU that is not said, of 1500, and of 1 on a bridge with 9000
        ("9.2.6", "", "1500"), ("9.0.20", "", "1500"), ("9.0.19", "", None), ("9.0.0", "", None), ("8.4.10", "", None),
        ("9.0.20", ",mtu=1500", "1500"), ("9.0.19", ",mtu=1500", None), ("9.0.2", ",mtu=1500", "1500"), ("8.1.4", ",mtu=1500", "1500"),
        ("9.0.19", ",mtu=1400", "1400"), ("8.4.0", ",mtu=1400", "1400"),
    ],
)  # fmt: skip
def test_an_older_release_told_the_card_an_mtu(release: str, mtu: str, wanted: str | None) -> None:
    line = words(NET.format(mtu), node(release))
    card = next(word for word in line if word.startswith("virtio-net-pci"))
    assert card.partition("host_mtu=")[2].partition(",")[0] == (wanted or "")


@pytest.mark.parametrize(("release", "wanted"), [("9.2.6", "9000"), ("9.0.3", "9000"), ("9.0.2", ""), ("8.4.10", "")])
def test_the_bridges_own_mtu_came_with_9_0_3(release: str, wanted: str) -> None:
    card = next(w for w in words(NET.format("").replace("vmbr0", "vmbr1"), node(release)) if w.startswith("virtio-net-pci"))
    assert card.partition("host_mtu=")[2].partition(",")[0] == wanted


@pytest.mark.parametrize(
    ("release", "qemu", "wanted"),
    [
        ("9.2.6", "10.0.2", "pc+pve1"), ("9.0.20", "10.0.2", "pc+pve1"), ("9.0.19", "10.0.2", "pc+pve0"), ("8.4.10", "10.0.2", "pc+pve0"),
        ("9.0.19", "9.2.0", "pc+pve1"), ("8.3.10", "9.2.0", "pc+pve1"), ("8.3.9", "9.2.0", "pc+pve0"), ("9.1.17", "11.0.0", "pc+pve0"),
    ],
)  # fmt: skip
def test_an_older_release_had_revisions_of_later_ones(release: str, qemu: str, wanted: str) -> None:
    assert f"type={wanted}" in words(NET.format(""), node(release, qemu))[-1]


def test_a_revision_that_the_release_does_not_know_is_refused() -> None:
    config = "machine: pc-i440fx-10.0+pve1\nmemory: 512\n"
    words(config, node("9.0.20"))
    with pytest.raises(bridge.BridgeError, match=r"max feature level for 10\.0 is pve0"):
        words(config, node("9.0.19"))


@pytest.mark.parametrize(("release", "there"), [("9.2.6", True), ("9.2.0", True), ("9.1.19", False)])
def test_vmx_mbec_came_with_9_2(release: str, there: bool) -> None:
    line = words("cpu: host\nmachine: pc-i440fx-10.0\nmemory: 512\n", node(release, "11.0.2"))
    assert ("-vmx-mbec" in line[line.index("-cpu") + 1]) == there


@pytest.mark.parametrize(("release", "directory"), [("9.2.6", "/usr/libexec"), ("8.3.11", "/usr/libexec"), ("8.3.10", "/var/lib")])
def test_network_scripts_moved(release: str, directory: str) -> None:
    assert any(f"script={directory}/qemu-server/pve-bridge," in word for word in words(NET.format(""), node(release)))


@pytest.mark.parametrize(("release", "said"), [("8.4.10", True), ("9.0.19", True), ("9.0.20", False), ("9.2.6", False), (None, False)])
def test_what_of_an_older_release_may_differ_is_said(release: str | None, said: bool) -> None:
    found = bridge.convert("memory: 512\n", "argv", "conf", vmid=100, host=node(release)).findings
    assert any("may differ" in finding.message for finding in found) == said


@pytest.mark.parametrize(
    ("release", "qemu"), [("9.2.6", "11.0"), ("9.1.0", "10.1"), ("9.0.5", "10.0"), ("8.4.10", "9.2"), ("8.0.2", "8.0"), (None, "10.0")]
)
def test_a_node_whose_qemu_is_not_said_has_that_of_its_release(release: str | None, qemu: str) -> None:
    result = bridge.convert("memory: 512\n", "argv", "conf", vmid=100, host=node(release, None))
    assert f"--host-fact qemu_version={qemu}" in [finding.hint for finding in result.findings]


def test_pin_takes_an_id_beside_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for given in (["777", "--set", "iothread-virtio0=0"], ["--vmid", "777", "--set", "iothread-virtio0=0"]):
        result = CliRunner().invoke(main, ["pin", *given])
        assert (result.exit_code, "777.qmp: no QMP socket" in result.output) == (1, True)
