"""HostFacts: its files, its keywords, and what it says of bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.core.report import BridgeError
from bridge.host.facts import MAX_FILE, PCI, HostFacts, PCIInfo, ZFSOverISCSI
from tests.host.cluster import FACTS

TOML = """\
nodename = "node1"
cpus = 12
qemu_version = "10.0.2"

[bridge_mtu]
vmbr9 = 9000

[pci]
present = ["0000:01:00.0"]

[pci.info."0000:01:00"]
vendor = "0x10de"
iommugroup = 4

[[volume_chain]]
storage = "local"
files = ["/a", "/b"]
snapshots = ["current", "old"]
"""


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / {"toml": "host.toml", "storage": "storage.cfg", "cpu": "cpu-models.conf"}.get(name, f"mapping/{name}.cfg")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return root


def test_no_facts_at_all() -> None:
    assert HostFacts.load() == HostFacts()
    assert list(HostFacts().storages) == ["local"]
    assert HostFacts().mtu("vmbr0") == 1500


def test_an_empty_directory_is_no_facts(tmp_path: Path) -> None:
    assert HostFacts.load(tmp_path) == HostFacts()


def test_every_file_is_read(tmp_path: Path) -> None:
    write(
        tmp_path, toml=TOML, storage="dir: a1\n\tpath /a\n", cpu="cpu-model: m1\n\tflags +aes\n", pci="gpu\n\tmap node=n,id=1:2,path=x\n",
        usb="st\n\tmap node=node1,id=0627:0001\n", directory="sh\n\tmap node=node1,path=/srv/s\n",
    )  # fmt: skip
    facts = HostFacts.load(str(tmp_path))
    assert (facts.nodename, facts.cpus, facts.mtu("vmbr9")) == ("node1", 12, 9000)
    assert facts.pci == PCI(present=["0000:01:00.0"], info={"0000:01:00": PCIInfo(vendor="0x10de", iommugroup=4)})
    assert sorted(facts.storages) == ["a1", "local"]
    assert list(facts.cpu_models) == ["m1"]
    assert list(facts.usb_mappings) == ["st"]
    assert list(facts.directory_mappings) == ["sh"]
    assert facts.pci_mappings["gpu"].maps == ()
    where, message = facts.warnings[0]
    assert where == f"{tmp_path}/mapping/pci.cfg:2"
    assert "'id' has the unusable value '1:2'" in message


def test_keywords_win_over_the_file(tmp_path: Path) -> None:
    facts = HostFacts.load(write(tmp_path, toml=TOML), cpus=3, bridge_mtu={"x": 1400}, storages=FACTS.storages)
    assert (facts.cpus, facts.bridge_mtu, facts.nodename) == (3, {"x": 1400}, "node1")
    assert facts.storages is FACTS.storages


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("cpus = 12", "cpus = '12'", 2, "cpus: is not a whole number"),
        ("cpus = 12", "cpus = 0", 2, "cpus: is less than 1"),
        ("cpus = 12", "cpu = 12", 2, "cpu: is not a known fact"),
        ("vmbr9 = 9000", "vmbr9 = true", 6, "bridge_mtu.vmbr9: is not a whole number"),
        ('"0000:01:00.0"]', '"01:00.0"]', 9, "pci.present: is not the address of a PCI function: write it as 0000:01:00.0"),
        ("iommugroup = 4", "group = 4", 8, "pci.info.group: is not a known fact"),
        ('"current", "old"', '"current"', 15, "volume_chain: a volume chain needs as many files"),
        ("cpus = 12", "cpus = ", 2, "is not TOML"),
        ("cpus = 12", "storages = {}", 2, "'storages' has a file of its own"),
        ('"10.0.2"', '"new"', 3, "qemu_version: is not a version: write it as 10.0.2"),
        ('"10.0.2"', '"10.0.2\\n"', 3, "qemu_version: is not a version: write it as 10.0.2"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in TOML
    with pytest.raises(BridgeError) as caught:
        HostFacts.load(write(tmp_path, toml=TOML.replace(old, new)))
    assert caught.value.where == f"{tmp_path}/host.toml:{line}"
    assert caught.value.message.startswith(message)


def test_a_bad_keyword_is_an_error() -> None:
    for bad in ({"cpu": 1}, {"cpus": "1"}, {"arch": "vax"}, {"pci": {"present": "all"}}):
        with pytest.raises(BridgeError):
            HostFacts.load(None, **bad)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BridgeError, match="does not exist"):
        HostFacts.load(tmp_path / "nowhere")
    (tmp_path / "host.toml").mkdir()
    with pytest.raises(BridgeError, match="cannot be read"):
        HostFacts.load(tmp_path)
    (tmp_path / "host.toml").rmdir()
    (tmp_path / "storage.cfg").write_bytes(b"dir: a1\n\xff")
    with pytest.raises(BridgeError, match="is not UTF-8") as caught:
        HostFacts.load(tmp_path)
    assert caught.value.where == f"{tmp_path}/storage.cfg:2"
    (tmp_path / "storage.cfg").write_bytes(b"#" * (MAX_FILE + 1))
    with pytest.raises(BridgeError, match="is longer than"):
        HostFacts.load(tmp_path)


@pytest.mark.parametrize(
    ("fact", "field", "value"),
    [
        ("cpus=8", "cpus", 8),
        ("nodename=n2", "nodename", "n2"),
        ("vhost_net=false", "vhost_net", False),
        ("render_node=1", "render_node", True),
        ("cpu_flags=svm,aes", "cpu_flags", ["svm", "aes"]),
        ("cpu_flags=", "cpu_flags", []),
        ("hugepage_sizes_mib=2,1024", "hugepage_sizes_mib", [2, 1024]),
        ("bridge_mtu.vm.br=9000", "bridge_mtu", {"vm.br": 9000}),
        ("storage_map./srv/a.b=local", "storage_map", {"/srv/a.b": "local"}),
        ("pci.present=0000:01:00.0,0000:01:00.1", "pci", PCI(present=["0000:01:00.0", "0000:01:00.1"])),
        ("pci.info.0000:01:00.mdev=true", "pci", PCI(info={"0000:01:00": PCIInfo(mdev=True)})),
        ("zfs_over_iscsi.luns.a1:vm-1-disk-0=4", "zfs_over_iscsi", ZFSOverISCSI(luns={"a1:vm-1-disk-0": 4})),
        ("hw_capabilities.amd-sev.cbitpos=51", "hw_capabilities", {"amd-sev": {"cbitpos": 51}}),
        ("hw_capabilities.amd-sev.sev-support=true", "hw_capabilities", {"amd-sev": {"sev-support": True}}),
    ],
)
def test_single_facts_take_the_type_of_their_field(fact: str, field: str, value: Any) -> None:
    assert getattr(HostFacts().with_facts([fact]), field) == value


def test_single_facts_keep_the_others() -> None:
    facts = FACTS.with_facts(["cpus=8", "bridge_mtu.a=1400", "bridge_mtu.b=1300"])
    assert facts.bridge_mtu == {"a": 1400, "b": 1300}
    assert msgspec.structs.replace(facts, cpus=FACTS.cpus, bridge_mtu={}) == FACTS


@pytest.mark.parametrize(
    "fact",
    [
        "cpus", "cpus=x", "cpus=-1", "cpus=8.5", "cpus=\u0668", "nothing=1", "pci=x",
        "pci.presents=x", "pci.info=x", "pci.info.x=1", "bridge_mtu=1",
        "bridge_mtu.=1", ".x=1", "=1", "cpus.x=1", "storages.x=1", "storages=1", "warnings=x",
        "volume_chain.storage=x", "hw_capabilities.x=1", "storage_map.a=b c", "pools.a=b", "ceph_fsid.a=x",
        "bridge_map.a=b/c",
    ],
)  # fmt: skip
def test_bad_single_facts(fact: str) -> None:
    with pytest.raises(BridgeError):
        HostFacts().with_facts([fact])


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/usr/share/pve-edk2-firmware/OVMF_VARS_4M.ms.fd", 540672),
        ("/usr/share/pve-edk2-firmware//OVMF_VARS.fd", 131072),
        ("OVMF_SEV_VARS_4M.fd", 540672),
        ("/x/AAVMF_VARS.ms.fd", 67108864),
        ("/OVMF_VARS/x.fd", None),
    ],
)
def test_sizes_of_firmware_variables(path: str, size: int | None) -> None:
    assert HostFacts().firmware_size(path) == size


def test_the_closest_word_on_a_pci_device_counts() -> None:
    facts = HostFacts.load(pci={"info": {"0000:01:00": {"mdev": True}, "0000:01:00.1": {"mdev": False}}})
    assert [info and info.mdev for info in map(facts.pci_info, ("0000:01:00.0", "0000:01:00.1", "0000:02:00.0"))] == [True, False, None]


def test_the_corpus_host(shared: Path) -> None:
    facts = HostFacts.load(shared / "corpus/host")
    assert facts.warnings == ()
    assert facts.pci.present
    assert len(facts.pci.present) == 26
    assert facts.hw_capabilities["amd-sev"]["sev-support"] is False
    assert facts.volume_chain[1].storage == "lvm-store"
    assert facts.storages["dir-two"].content_dirs == {"images": "vms", "iso": "media"}


@pytest.mark.corpus("cfg2cmd.jsonl", "random.jsonl", "random-extra.jsonl")
def test_the_corpus_rows_override_facts(row: dict[str, Any], shared: Path) -> None:
    facts = HostFacts.load(shared / "corpus/host", **row["host"])
    for key, value in row["host"].items():
        assert getattr(facts, key) == value


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        ("qemu_verison=10.0", "qemu_verison: is not a known fact: did you mean qemu_version"),
        ("bridge_mtu=1500", "bridge_mtu: is not a known fact: say of what it is: bridge_mtu.NAME=VALUE"),
        ("foo=1", "foo: is not a known fact: `man virt-qm` lists them"),
        ("qemu_version=new", "qemu_version: is not a version: write it as 10.0.2"),
        ("bridge_mtu.vmbr0=70000", "bridge_mtu.vmbr0: is more than 65520"),
    ],
)
def test_a_fact_that_is_none_was_answered_with_a_pattern(fact: str, message: str) -> None:
    with pytest.raises(BridgeError) as error:
        HostFacts().with_facts([fact])
    assert str(error.value).startswith(f"--host-fact: {message}")
