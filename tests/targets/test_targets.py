"""What is written for a libvirt and a QEMU, from 9.0 and 7.2 on: valid by that libvirt's own schema, and nothing lost without a finding."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

import bridge
from bridge.core.report import SEVERITIES
from bridge.data import cpus, gates
from bridge.data.gates import ELEMENTS, Target, machine_range, version
from tests.corpus import ROOT, Row
from tests.option_samples import HOST, MORE, VMID, samples

TARGETS = [("9.0", "7.2"), ("11.3", "10.0")]
"""The releases of libvirt that Debian ships with their schemas, and the QEMU beside each."""
CASES = [path.read_text() for path in sorted((ROOT / "tests/cases").glob("*.conf"))]
CONFIGS = [*(sample.config for sample in samples()), *CASES, *MORE]
CASE = 8006
"""The id of the VMs in tests/cases, which names their volumes."""
DISK = "local-lvm:vm-100-disk-0"

Validate = Callable[[str, str], str]
Facts = Callable[[Row], bridge.HostFacts]


@pytest.fixture(scope="session")
def invalid(libvirt_schemas: dict[str, Path]) -> Validate:
    """invalid(xml, libvirt): what that release's own schema says against it; empty if nothing."""
    schemas = {release: etree.RelaxNG(etree.parse(str(libvirt_schemas[release]))) for release, _ in TARGETS}

    def check(text: str, release: str) -> str:
        schema = schemas[release]
        return "" if schema.validate(etree.fromstring(text.encode())) else "\n".join(str(entry) for entry in schema.error_log)

    return check


@pytest.mark.parametrize(("libvirt", "qemu"), TARGETS)
@pytest.mark.parametrize("config", CONFIGS)
def test_own_configs_are_valid_there(config: str, libvirt: str, qemu: str, invalid: Validate) -> None:
    text = bridge.convert(config, "xml", "conf", vmid=VMID, host=HOST, libvirt=libvirt, qemu=qemu).text
    assert invalid(text, libvirt) == ""


@pytest.mark.parametrize(("libvirt", "qemu"), TARGETS)
@pytest.mark.corpus("random.jsonl", "random-extra.jsonl", "cfg2cmd.jsonl")
def test_the_corpora_are_valid_there(row: Row, libvirt: str, qemu: str, invalid: Validate, facts: Facts) -> None:
    try:
        text = bridge.convert(row["conf"], "xml", "conf", vmid=row["vmid"], host=facts(row), libvirt=libvirt, qemu=qemu).text
    except bridge.BridgeError:
        return
    assert invalid(text, libvirt) == ""


@pytest.fixture(scope="session")
def facts(shared: Path) -> Facts:
    """The host that a row of the corpora was made on."""
    return lambda row: bridge.HostFacts.load(shared / "corpus/host", **row.get("host", {}))


@pytest.mark.parametrize("config", CONFIGS)
def test_the_config_comes_back_from_an_old_target(config: str) -> None:
    """What the target does not know is in the residue."""
    old: dict[str, Any] = {"vmid": CASE if config in CASES else VMID, "host": HOST, "libvirt": "9.0", "qemu": "7.2"}
    text = bridge.convert(config, "xml", "conf", **old).text
    back = bridge.convert(text, "conf", "xml", trust_metadata=True, **old).text
    wanted = bridge.rewrite_config(config, vmid=old["vmid"])
    assert back == re.sub(r"^(cipassword|sshkeys): .*\n", "", wanted, flags=re.MULTILINE)


LADDER = ("9.0", "7.2"), ("10.0", "9.0"), ("11.3", "10.0"), ("12.0", "11.0")
"""Each gate by itself is in `test_ladder`."""


@pytest.mark.parametrize("config", CONFIGS)
def test_a_younger_target_never_loses_more(config: str) -> None:
    """Machine types apart, which QEMU drops with the years."""
    config = config if "machine:" in config or "runningmachine:" in config else f"machine: pc-i440fx-7.2\n{config}"
    losses = [lost(config, *target) for target in LADDER]
    for older, younger in itertools.pairwise(losses):
        assert younger <= older


def lost(config: str, libvirt: str, qemu: str) -> int:
    """How many findings about the target there are."""
    try:
        found = bridge.convert(config, "xml", "conf", vmid=VMID, host=HOST, libvirt=libvirt, qemu=qemu).findings
    except bridge.BridgeError:
        return 0
    return sum(f.kind in ("fallback", "guest-lost", "guest-changed", "tpm-state", "host-lost", "import-needed") for f in found)


def told(config: str, kind: str, libvirt: str = "9.0", qemu: str = "7.2") -> list[str]:
    found = bridge.convert(config, "xml", "conf", vmid=VMID, host=HOST, libvirt=libvirt, qemu=qemu).findings
    return [f.message for f in found if f.kind == kind]


@pytest.mark.parametrize(
    ("config", "kind", "message"),
    [
        (
            f"machine: pc-i440fx-7.2\ncores: 4\niothreads: 2\nvirtio0: {DISK},iothread=1\n", "fallback",
            "virtio0: the target maps no queues to iothreads, iothread 1 alone serves it",
        ),
        ("cpu: EPYC-Genoa\n", "guest-lost", "QEMU 7.2 has no CPU EPYC-Genoa: the VM does not start"),
        ("cpu: kvm64,guest-phys-bits=40\n", "guest-changed", "QEMU 7.2 knows no guest-phys-bits=40: left out"),
        (
            "machine: pc-q35-7.2,viommu=virtio,aw-bits=48\n", "guest-changed",
            "QEMU 7.2 gives the virtio vIOMMU a width of its own, not 48 bits",
        ),
        ("hostpci0: mapping=movable\n", "fallback", "hostpci0: the target's QEMU decides by itself whether the device can migrate"),
        (
            "virtio0: chained:100/vm-100-disk-0.qcow2\n", "fallback",
            "virtio0: the target lets a qcow2 image give up clusters that are discarded, so it fragments",
        ),
        (
            "bios: ovmf\nmachine: q35\ncpu: EPYC-Milan\namd-sev: type=snp\n", "guest-lost",
            "QEMU 7.2 has no SEV-SNP: the VM does not start",
        ),
        ("bios: ovmf\nmachine: q35\nintel-tdx: tdx,attestation=0\n", "guest-lost", "QEMU 7.2 has no TDX: the VM does not start"),
    ],
)  # fmt: skip
def test_what_an_old_target_does_not_know_is_told(config: str, kind: str, message: str) -> None:
    assert message in told(config, kind)
    assert message not in told(config, kind, "12.0", "11.0")


def test_snp_goes_by_the_command_line_where_libvirt_has_no_word_for_it() -> None:
    config = "bios: ovmf\nmachine: q35\ncpu: EPYC-Milan\namd-sev: snp,kernel-hashes=1\n"
    old: dict[str, Any] = {"vmid": VMID, "host": HOST, "libvirt": "10.0", "qemu": "9.1"}
    text = bridge.convert(config, "xml", "conf", **old, metadata=False).text
    assert "launchSecurity" not in text
    assert '"qom-type":"sev-snp-guest","id":"sev0","cbitpos":51' in text.replace("&quot;", '"')
    back = bridge.convert(text, "conf", "xml", trust_metadata=True, **old).text
    assert "amd-sev: snp,kernel-hashes=1\n" in back


def test_a_cpu_model_that_libvirt_does_not_know_yet_goes_to_qemu_itself() -> None:
    words: dict[str, Any] = {"vmid": VMID, "host": HOST, "qemu": "10.0"}
    old = bridge.convert("cpu: EPYC-Genoa\n", "xml", "conf", libvirt="9.0", **words).text
    assert '<qemu:arg value="EPYC-Genoa,' in old
    assert "<model" not in old[old.index("<cpu") : old.index("</cpu>")]
    assert ">EPYC-Genoa</model>" in bridge.convert("cpu: EPYC-Genoa\n", "xml", "conf", libvirt="11.3", **words).text
    assert "cpu: EPYC-Genoa\n" in bridge.convert(old, "conf", "xml", libvirt="9.0", **words).text


def test_features_follow_what_the_target_knows() -> None:
    later = sorted(cpus.LATER_IN_LIBVIRT - cpus.LATER_IN_QEMU)
    assert later
    assert cpus.LATER_IN_QEMU & cpus.LIBVIRT_FEATURES
    assert cpus.LATER_IN_LIBVIRT - {"bhi-no", "kvm-asyncpf-vmexit"} == cpus.LATER_IN_LIBVIRT & cpus.LIBVIRT_FEATURES


# Machine types


@pytest.mark.parametrize(
    ("base", "qemu", "wanted"),
    [
        ("i440fx", "7.2", ((1, 4), (7, 2))),
        ("i440fx", "10.0.2", ((2, 4), (10, 0))),
        ("q35", "7.2", ((2, 4), (7, 2))),
        ("q35", "10.1", ((4, 2), (10, 1))),
        ("i440fx", "10.2", ((5, 0), (10, 2))),
        ("i440fx", "11.0", ((5, 1), (11, 0))),
        ("i440fx", "11.1", ((5, 2), (11, 1))),
        ("virt", "11.2", ((6, 0), (11, 2))),
        ("i440fx", "10.2.90", ((5, 1), (11, 0))),
    ],
)
def test_machines_that_a_qemu_has(base: str, qemu: str, wanted: tuple[object, object]) -> None:
    """7.2 and 10.0 were asked with -machine help; 11.1 has 5.2 to 11.1."""
    assert machine_range(base, version(qemu)) == wanted


@pytest.mark.parametrize(
    ("machine", "qemu", "message"),
    [
        ("pc-i440fx-5.1", "11.1", "QEMU 11.1 has no machine pc-i440fx-5.1: the oldest one is pc-i440fx-5.2"),
        ("pc-q35-4.0+pve0", "11.1", "QEMU 11.1 has no machine pc-q35-4.0: the oldest one is pc-q35-5.2"),
        ("pc-q35-10.1", "10.0", "QEMU 10.0 has no machine pc-q35-10.1: the newest one is pc-q35-10.0"),
        ("pc-i440fx-9.0", "7.2", "QEMU 7.2 has no machine pc-i440fx-9.0: the newest one is pc-i440fx-7.2"),
    ],
)
def test_a_machine_that_is_missing_names_the_nearest(machine: str, qemu: str, message: str) -> None:
    found = bridge.convert(f"machine: {machine}\n", "xml", "conf", libvirt="12.0", qemu=qemu).findings
    assert [(f.severity, f.message) for f in found if f.kind == "machine-missing"] == [("guest", message)]


THERE = [("pc-i440fx-5.2", "11.1"), ("pc-q35-10.0", "10.0"), ("pc", "7.2"), ("q35", "11.1"), ("pc-i440fx-1.4", "7.2")]


@pytest.mark.parametrize(("machine", "qemu"), THERE)
def test_a_machine_that_is_there_is_not_missing(machine: str, qemu: str) -> None:
    found = bridge.convert(f"machine: {machine}\n", "xml", "conf", libvirt="12.0", qemu=qemu).findings
    assert [f for f in found if f.kind == "machine-missing"] == []


def test_another_machine_can_be_picked() -> None:
    config = "machine: pc-i440fx-5.1,viommu=virtio\nname: old\n"
    words: dict[str, Any] = {"libvirt": "12.0", "qemu": "11.1", "vmid": VMID}
    out = bridge.convert(config, "xml", "conf", machine="pc-i440fx-6.2", **words)
    assert 'machine="pc-i440fx-6.2"' in out.text
    assert {f.kind for f in out.findings if f.severity == SEVERITIES[0]} == {"guest-changed"}
    assert bridge.convert(out.text, "conf", "xml", trust_metadata=True, **words).text == config
    assert "machine: pc-q35-6.2,viommu=virtio\n" in bridge.convert(out.text, "conf", "xml", machine="pc-q35-6.2", **words).text
    argv = bridge.convert(config, "argv", "conf", machine="pc-i440fx-6.2").argv
    assert argv is not None
    assert any("type=pc-i440fx-6.2+pve0" in word for word in argv)
    same = bridge.convert(config, "xml", "conf", machine="pc-i440fx-5.1", **words)
    assert [f.kind for f in same.findings if f.severity == "guest"] == ["machine-missing"]


@pytest.mark.parametrize("machine", ["microvm", "pc-i440fx-5.1;x", "", "pc-q35-9.2\n", "virt-9.0,accel=tcg"])
def test_only_names_of_machines_can_be_picked(machine: str) -> None:
    with pytest.raises(bridge.BridgeError, match="not a machine type"):
        bridge.convert("name: x\n", "xml", "conf", machine=machine)


def test_a_config_that_stays_one_keeps_its_machine() -> None:
    with pytest.raises(bridge.BridgeError, match="edit it there"):
        bridge.convert("name: x\n", "conf", "conf", machine="q35")


# The tables


@cache
def asked() -> set[str]:
    """Names of gates that the code asks for."""
    found = set()
    for path in (ROOT / "bridge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add((path.name, node.value))
    return {value for name, value in found if name != "gates.py"}


def test_every_gate_is_asked_for() -> None:
    assert [name for name in ELEMENTS if name not in asked()] == []


def test_every_gate_opens_and_closes() -> None:
    for name, element in ELEMENTS.items():
        assert Target(element.libvirt, element.qemu).has(name)
        if element.libvirt > (0,):
            assert not Target((0,), (99,)).has(name)
        if element.qemu > (0,):
            assert not Target((99,), (0,)).has(name)


def test_cpu_models_of_the_table_are_qemu_servers() -> None:
    assert gates.CPU_MODELS.keys() <= cpus.INTEL | cpus.AMD
    assert cpus.LATER_MODELS <= cpus.INTEL | cpus.AMD
