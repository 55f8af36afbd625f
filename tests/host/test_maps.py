"""Maps of storages, bridges, networks: what a --map file, --storage and --bridge may say, and how what they may not is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import bridge
from bridge.cli import main
from bridge.core.report import BridgeError
from bridge.host.facts import HostFacts
from bridge.host.maps import of_file, of_option, with_pairs
from tests.corpus import ROOT

LONG = "vmbr0123456789012"
NO_BRIDGE = "is not the name of a bridge: at most 15 letters, digits, `_`, `.` and `-`"
NO_TEXT = "is not a name or a path: it is empty, or has a control character in it"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[networks]\nvmbr0 = "a b"', "2: [networks] vmbr0: 'a b' is not the name of a network: at most 40 letters"),
        ('[networks]\nvmbr0 = "lan"\nvmbr1 = ""', "3: [networks] vmbr1: '' is not the name of a network"),
        (f'[networks]\n{LONG} = "lan"', f"2: [networks] {LONG}: '{LONG}' {NO_BRIDGE}"),
        ('[networks]\n"" = "lan"', f"2: [networks] '': '' {NO_BRIDGE}"),
        ('[networks]\n"vm\\nbr0" = "lan"', f"1: [networks] vm\\nbr0: 'vm\\nbr0' {NO_BRIDGE}"),
        ('\n[bridges]\n"Host only" = "vm/br"', f"3: [bridges] Host only: 'vm/br' {NO_BRIDGE}"),
        (f'[bridges]\ndefault = "{LONG}"', f"2: [bridges] default: '{LONG}' {NO_BRIDGE}"),
        ('[bridges]\n"a\\tb" = "vmbr0"', f"1: [bridges] a\\tb: 'a\\tb' {NO_TEXT}"),
        ('[storages]\n"" = "local"', f"2: [storages] '': '' {NO_TEXT}"),
        ('[storages]\n"/srv" = "lo cal"', "2: [storages] /srv: 'lo cal' is not the id of a storage, as local-lvm"),
        ('[pools]\ndefault = "images"', "2: [pools] default: 'images' is not an absolute path: begin it with /"),
        ('[firmware]\n"OVMF.fd" = "/srv/OVMF.fd"', "2: [firmware] OVMF.fd: 'OVMF.fd' is not an absolute path: begin it with /"),
        ("[networks]\nvmbr0 = lan\n", "2: is not TOML: "),
        (f"[networks]\nvmbr0 = {'1' * 5000}\n", " is not TOML: "),
        ('[networks]\nvmbr0 = ["lan"]', '2: [networks] vmbr0: is not a text: write "A" = "B", both in quotes'),
    ],
)
def test_a_fault_in_a_map_was_told_of_host_fact(text: str, told: str, tmp_path: Path) -> None:
    (file := tmp_path / "map.toml").write_text(text)
    done = CliRunner().invoke(main, ["to-conf", "--map", str(file), str(ROOT / "samples/debian.xml")])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"error: {file}:{told}")


@pytest.mark.parametrize(
    ("option", "said", "told"),
    [
        ("--storage", "local", "'local' has no =: write A=B, what it is on this side first"),
        ("--storage", "/srv=lo cal", "'/srv=lo cal': 'lo cal' is not the id of a storage, as local-lvm"),
        ("--bridge", "vmbr0", "'vmbr0' has no =: write A=B, what it is on this side first"),
        ("--bridge", f"default={LONG}", f"'default={LONG}': '{LONG}' {NO_BRIDGE}"),
        ("--bridge", "=vmbr0", f"'=vmbr0': '' {NO_TEXT}"),
        ("--host-fact", "bridge_map.default=a/b", f"bridge_map.default: {NO_BRIDGE}"),
    ],
)
def test_an_option_is_blamed_by_its_own_name(option: str, said: str, told: str) -> None:
    done = CliRunner().invoke(main, ["to-conf", option, said, str(ROOT / "samples/debian.xml")])
    assert (done.exit_code, done.stderr) == (1, f"error: {option}: {told}\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'[bridge_mtu]\nvmbr0 = 1500\n[network_map]\n{LONG} = "lan"', f"4: network_map.{LONG}: {NO_BRIDGE}"),
        ('[network_map]\nvmbr0 = "lan"\nvmbr1 = "l n"', "3: network_map.vmbr1: is not the name of a network"),
        ("[bridge_mtu]\nvmbr0 = 1500\nvmbr1 = 7", "3: bridge_mtu.vmbr1: is less than 68"),
    ],
)
def test_a_fault_in_a_table_of_host_toml_was_told_of_the_table(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "host.toml").write_text(text)
    with pytest.raises(BridgeError) as caught:
        HostFacts.load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/host.toml:{told}")


def test_a_path_with_an_equals_sign_is_mapped() -> None:
    facts = with_pairs(HostFacts(), of_option("--storage", "storages", ["/srv/a=b=tank"]))
    assert facts.storage_map == {"/srv/a=b": "tank"}
    both = with_pairs(facts, of_file(b'[storages]\n"/srv/c=d" = "pool"', "map.toml"))
    assert both.storage_map == {"/srv/a=b": "tank", "/srv/c=d": "pool"}


def test_bytes_that_are_no_text_are_told_with_their_line() -> None:
    with pytest.raises(BridgeError, match=r"save it as UTF-8") as caught:
        list(of_file(b"[bridges]\n# caf\xe9\n", "map.toml"))
    assert str(caught.value.where) == "map.toml:2"


def on_network(more: str = "") -> str:
    card = f"<interface type='network'><mac address='52:54:00:00:00:01'/><source network='lan'/>{more}</interface>"
    return f"<domain type='kvm'><name>a</name><memory>1</memory><os><type>hvm</type></os><devices>{card}</devices></domain>"


def ambiguities(host: HostFacts) -> tuple[str, list[str]]:
    result = bridge.convert(on_network(), "conf", vmid=100, host=host)
    [line] = [line for line in result.text.splitlines() if line.startswith("net0:")]
    return line.partition("bridge=")[2], [f"{f.message} -> {f.hint}" for f in result.findings if "stands for" in f.message]


def test_two_bridges_on_one_network_came_back_to_the_first_without_a_word() -> None:
    two = HostFacts(network_map={"vmbr0": "lan", "vmbr1": "lan"})
    told = "network lan stands for vmbr0, vmbr1: net0 is put on vmbr0 -> if it is another, vmbr1, say so: --bridge lan=vmbr1"
    assert ambiguities(two) == ("vmbr0", [told])


@pytest.mark.parametrize(
    ("host", "found"),
    [
        (HostFacts(network_map={"vmbr0": "lan", "vmbr1": "lan"}, bridge_map={"lan": "vmbr1"}), "vmbr1"),
        (HostFacts(network_map={"vmbr0": "wan", "vmbr1": "lan"}), "vmbr1"),
    ],
)
def test_where_nothing_is_in_doubt_nothing_is_said(host: HostFacts, found: str) -> None:
    assert ambiguities(host) == (found, [])


def test_two_bridges_on_one_network_are_no_doubt_on_the_way_there() -> None:
    host = HostFacts(network_map={"vmbr0": "lan", "vmbr1": "lan"})
    result = bridge.convert("name: a\nnet0: virtio=52:54:00:00:00:01,bridge=vmbr1\n", "xml", vmid=100, host=host)
    assert [f for f in result.findings if f.kind == "ambiguous"] == []
    assert bridge.convert(result.text, "conf", host=host).text.partition("bridge=")[2].startswith("vmbr1")
