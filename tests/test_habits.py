"""What every command has alike: -v, -q, JSON on stdout, one file for all maps, directories, the default host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from lxml import etree

from bridge.cli import COMMANDS, main
from bridge.operations.importing import ids_of
from tests.corpus import ROOT

SAMPLES = ROOT / "samples"
SCHEMA = json.loads((ROOT / "schemas/output.schema.json").read_text())
CONVERTING = ("to-xml", "to-conf", "to-argv")
ABOUT_VMS = {"check", "define", "import", "plan", "show", *CONVERTING}


def virt_qm(*words: object, **environment: str) -> Result:
    return CliRunner().invoke(main, [*map(str, words)], env=environment)


def document(*words: object) -> dict[str, Any]:
    done = virt_qm(*words, "--output-format", "json")
    found: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA)
    assert done.stderr == ""
    return found


def options(name: str) -> set[str]:
    command = main.commands[name] if name in main.commands else main.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    return {option for param in command.params for option in param.opts}


@pytest.mark.parametrize("name", sorted(ABOUT_VMS))
def test_a_command_about_vms_has_the_habits(name: str) -> None:
    assert {"-v", "-q", "--output-format", "--fail-on", "--map", "--report"} <= options(name)


@pytest.mark.parametrize("name", [name for name in COMMANDS if "--connect" in options(name)])
def test_the_default_host_is_virshs(name: str) -> None:
    done = virt_qm(name, "--help")
    assert "LIBVIRT_DEFAULT_URI" in done.stdout


def test_a_domain_that_cannot_be_a_config_is_named() -> None:
    done = virt_qm("import", "--vmid-from", "200", "test", LIBVIRT_DEFAULT_URI="test:///default")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: test: /domain (line 1): a domain of type 'test' does not run on QEMU")


def test_libvirt_default_uri_is_taken() -> None:
    done = virt_qm("import", "nobody", LIBVIRT_DEFAULT_URI="test:///default")
    assert (done.exit_code, done.stderr) == (1, "error: there is no domain 'nobody': virsh list --all shows those that are\n")


@pytest.mark.parametrize("name", CONVERTING)
def test_a_conversion_as_json(name: str) -> None:
    file = SAMPLES / ("debian.xml" if name == "to-conf" else "iothreads.conf")
    found = document(name, file)
    [vm] = found["files"]
    assert (found["command"], vm["file"], vm["status"], vm["output"]) == (name, str(file), "done", None)
    assert vm["document"] == virt_qm(name, "-q", file).stdout
    assert {finding["kind"] for finding in vm["findings"]}


def test_a_conversion_into_a_file_as_json(tmp_path: Path) -> None:
    [vm] = document("to-xml", SAMPLES / "iothreads.conf", "-o", tmp_path / "a.xml")["files"]
    assert vm["output"] == str(tmp_path / "a.xml")
    assert "document" not in vm


def test_check_as_json_names_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "7.conf").write_text("memory: lots\n")
    done = virt_qm("check", SAMPLES / "iothreads.conf", tmp_path / "7.conf", SAMPLES / "debian.xml", "--output-format", "json")
    found = json.loads(done.stdout)
    jsonschema.validate(found, SCHEMA)
    assert done.exit_code == 1
    assert [vm["status"] for vm in found["files"]] == ["done", "refused", "done"]
    assert "lots" in found["files"][1]["error"]["message"]


def test_show_as_json() -> None:
    [vm] = document("show", SAMPLES / "iothreads.conf")["files"]
    assert vm["title"] == "iothreads"
    threads = {thread["name"]: thread for thread in vm["picture"]["threads"]}
    assert threads["iothread1"]["host_cpus"] == "2-6"
    assert threads["iothread1"]["serves"] == [{"device": "scsi0", "queues": [1]}, {"device": "virtio0", "queues": [1]}]


def test_what_is_held_back_as_json() -> None:
    done = virt_qm("to-xml", SAMPLES / "iothreads.conf", "--fail-on", "note", "--output-format", "json")
    found = json.loads(done.stdout)
    assert done.exit_code == 3
    assert found["files"][0]["status"] == "held-back"
    assert "document" not in found["files"][0]


def test_a_fleet_as_json(tmp_path: Path) -> None:
    done = virt_qm("to-xml", SAMPLES / "fleet", "-o", tmp_path / "out", "-j", "1", "--output-format", "json")
    found = json.loads(done.stdout)
    jsonschema.validate(found, json.loads((ROOT / "schemas/report.schema.json").read_text()))
    assert [vm["status"] for vm in found["files"]] == ["converted", "converted", "refused"]
    assert done.stderr == ""


def test_quiet_and_verbose() -> None:
    quiet, usual, verbose = (virt_qm("to-conf", *words, SAMPLES / "workstation.xml") for words in (("-q",), (), ("-v",)))
    assert quiet.stderr == ""
    assert 0 < usual.stderr.count("\n") <= 10 < verbose.stderr.count("\n")
    assert quiet.stdout == usual.stdout == verbose.stdout


MAP = """
[storages]
"/var/lib/libvirt/images" = "tank"
[bridges]
default = "vmbr7"
"""


def test_a_map_names_storages_and_bridges(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    done = virt_qm("to-conf", SAMPLES / "debian.xml", "--map", tmp_path / "map.toml", "--output-format", "json")
    [vm] = json.loads(done.stdout)["files"]
    assert "bridge=vmbr7" in vm["document"]
    assert {"network-unknown", "storage-unknown"}.isdisjoint(finding["kind"] for finding in vm["findings"])


def test_options_win_over_a_map(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    done = virt_qm("to-conf", SAMPLES / "debian.xml", "--map", tmp_path / "map.toml", "--bridge", "default=vmbr9", "-q")
    assert "bridge=vmbr9" in done.stdout


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[storages\n", 1, "is not TOML"),
        ("[store]\na = 'b'", 1, "'store' is not a table of a map: say [storages], "),
        ("storages = 'a'", 1, "'storages' is not a table: say [storages], "),
        ("[bridges]\ndefault = 7", 2, "[bridges] default: is not a text"),
        ("[bridges]\ndefault = 'a=b'", 2, "[bridges] default: 'a=b' is not the name of a bridge"),
    ],
)
def test_a_map_that_is_none(tmp_path: Path, text: str, line: int, message: str) -> None:
    file = tmp_path / "map.toml"
    file.write_text(text)
    done = virt_qm("to-conf", SAMPLES / "debian.xml", "--map", file)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"error: {file}:{line}: {message}")


def test_ids_that_an_import_gave(tmp_path: Path) -> None:
    (tmp_path / "200.conf").write_text("name: a\nsmbios1: base64=1,uuid=5F0B4B3E-6A0D-4C39-8F6C-2F1F3B8C9D10\n")
    (tmp_path / "201.conf").write_text("name: b\n")
    (tmp_path / "notes.conf").write_text("smbios1: uuid=1f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10\n")
    (tmp_path / "202.conf").mkdir()
    assert ids_of(tmp_path) == {"5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10": 200}
    assert ids_of(None) == {}
    assert ids_of(tmp_path / "none") == {}


def test_check_takes_a_directory() -> None:
    done = virt_qm("check", SAMPLES / "fleet", "--output-format", "json")
    assert [Path(vm["file"]).name for vm in json.loads(done.stdout)["files"]] == ["101.conf", "102.conf", "103.conf"]


def test_a_map_takes_bridges_to_networks_and_back(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('[networks]\nvmbr0 = "default"\nvmbr1 = "lan"\n')
    config = "memory: 512\nname: a\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\nnet1: virtio=BC:24:11:00:00:02,bridge=vmbr2\n"
    (tmp_path / "100.conf").write_text(config)
    words = ("--map", tmp_path / "map.toml", "-q")
    there = virt_qm("to-xml", tmp_path / "100.conf", *words, "-o", tmp_path / "100.xml")
    assert there.exit_code == 0
    cards: Any = etree.parse(str(tmp_path / "100.xml")).findall("devices/interface")
    assert [(card.get("type"), dict(card.find("source").attrib)) for card in cards] == [
        ("network", {"network": "default"}),
        ("bridge", {"bridge": "vmbr2"}),
    ]
    assert "invalid" not in virt_qm("check", tmp_path / "100.xml").output
    assert virt_qm("to-conf", tmp_path / "100.xml", *words).stdout == config
    other = (tmp_path / "100.xml").read_text().replace("'default'", "'lan'").replace('"default"', '"lan"')
    (tmp_path / "100.xml").write_text(other)
    assert "bridge=vmbr1" in virt_qm("to-conf", tmp_path / "100.xml", *words).stdout


def test_a_vlan_on_a_network_is_told(tmp_path: Path) -> None:
    (tmp_path / "100.conf").write_text("memory: 512\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=5\n")
    (tmp_path / "map.toml").write_text('[networks]\nvmbr0 = "lan"\n')
    assert "virsh net-dumpxml lan" in virt_qm("to-xml", tmp_path / "100.conf", "--map", tmp_path / "map.toml").stderr


BROKEN = {"101.conf": "name: a\n", "102.xml": "<domain>", "103.conf": "not a config\n"}


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A directory with one config that can be converted, and two that cannot."""
    (directory := tmp_path / "in").mkdir()
    for name, text in BROKEN.items():
        (directory / name).write_text(text)
    return directory


@pytest.mark.parametrize("silence", ["-q", "--report=none"])
@pytest.mark.parametrize("words", [("to-xml",), ("to-argv",), ("check",), ("plan", "--to", "libvirt", "--keep-going")])
def test_a_quiet_run_that_fails_without_a_word(words: tuple[str, ...], silence: str, broken: Path, tmp_path: Path) -> None:
    done = virt_qm(*words, silence, broken, *(("-o", tmp_path / "out", "-j", "1") if words[0].startswith("to-") else ()))
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert [line.split(":")[:2] for line in lines] == [["error", f" {broken / name}"] for name in ("102.xml", "103.conf")]


def test_many_files_refused_for_one_reason_are_one_line_when_quiet(broken: Path, tmp_path: Path) -> None:
    for number in range(104, 205):
        (broken / f"{number}.conf").write_text("memory: lots\n")
    done = virt_qm("to-xml", "-q", broken, "-o", tmp_path / "out", "-j", "1")
    lines = done.stderr.splitlines()
    assert (done.exit_code, len(lines)) == (1, 3)
    assert f"{broken}/104.conf:1: " in lines[0]
    assert lines[0].endswith("(100 more in 101 files)")


def test_errors_of_all_kinds_have_a_last_line_when_quiet(broken: Path, tmp_path: Path) -> None:
    for number in range(20):
        (broken / f"{number + 300}.conf").write_text(f"memory: lots{'x' * number}\n")
    lines = virt_qm("to-xml", "-q", broken, "-o", tmp_path / "out", "-j", "1").stderr.splitlines()
    assert lines[-1] == "and 10 more errors: --report FILE.json has them all"


def test_a_quiet_fleet_that_is_held_back_says_so(broken: Path, tmp_path: Path) -> None:
    words = ("to-xml", "-q", "--fail-on", "note")
    one = virt_qm(*words, broken / "101.conf")
    assert (one.exit_code, one.stdout, one.stderr) == (3, "", "nothing was written: a finding is at or above --fail-on note\n")
    many = virt_qm(*words, broken / "101.conf", SAMPLES / "iothreads.conf", "-o", tmp_path / "out", "-j", "1")
    assert (many.exit_code, many.stderr) == (3, "2 of 2 files were not written: a finding is at or above --fail-on note\n")
    plan = virt_qm("plan", "--to", "libvirt", "-q", "--fail-on", "note", broken / "101.conf")
    assert (plan.exit_code, plan.stdout, plan.stderr) == (3, "", one.stderr)


def test_a_file_that_is_not_there_is_named_and_the_rest_is_planned(broken: Path) -> None:
    words = ("plan", "--to", "libvirt", "--as", "json", "-q", broken / "gone.conf", broken / "101.conf")
    done = virt_qm(*words, "--keep-going")
    assert (done.exit_code, [vm["name"] for vm in json.loads(done.stdout)["vms"]]) == (1, ["a"])
    assert done.stderr.startswith(f"error: {broken}/gone.conf: No such file")
    assert virt_qm(*words).stderr == done.stderr


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("to-conf", "--vmid-from", "200", SAMPLES / "debian.xml"), "200.conf"),
        (("to-conf", SAMPLES / "debian.xml"), "debian.conf"),
        (("to-conf", "--as", "qm-create", SAMPLES / "debian.xml"), "debian.sh"),
        (("to-xml", SAMPLES / "iothreads.conf"), "iothreads.xml"),
        (("to-argv", SAMPLES / "iothreads.conf"), "iothreads.cmd"),
    ],
)
def test_a_directory_that_was_asked_for_became_a_file(words: tuple[object, ...], name: str, tmp_path: Path) -> None:
    done = virt_qm(*words, "-q", "-o", f"{tmp_path}/new/below/")
    assert (done.exit_code, done.stderr) == (0, "")
    assert [file.name for file in (tmp_path / "new/below").iterdir()] == [name]


def test_an_input_that_cannot_be_converted_makes_no_directory(broken: Path, tmp_path: Path) -> None:
    assert virt_qm("to-xml", "-q", broken / "103.conf", "-o", f"{tmp_path}/new/").exit_code == 1
    assert not (tmp_path / "new").exists()


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = virt_qm("to-xml", "-q", SAMPLES / "iothreads.conf", "-o", f"{tmp_path}/file/")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (2, f"Error: -o {tmp_path}/file/: {tmp_path}/file is a file, not a directory")


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--to", "libvirt", SAMPLES / "iothreads.conf", "-o"),
        ("show", SAMPLES / "iothreads.conf", "--html"),
        ("show", SAMPLES / "iothreads.conf", "--svg"),
        ("to-conf", SAMPLES / "workstation.xml", "--hook"),
        ("state", SAMPLES / "iothreads.conf", "-o"),
    ],
)
def test_a_directory_where_a_file_is_wanted_became_a_file(words: tuple[object, ...], tmp_path: Path) -> None:
    done = virt_qm(*words, f"{tmp_path}/new/")
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert done.stderr.endswith(f"'{tmp_path}/new/' is a directory: name a file in it.\n")


def test_a_file_in_a_directory_that_is_not_there_says_which(tmp_path: Path) -> None:
    done = virt_qm("to-xml", "-q", SAMPLES / "iothreads.conf", "-o", tmp_path / "new/a.xml")
    assert (done.exit_code, done.stderr) == (1, f"error: {tmp_path}/new/a.xml: there is no directory {tmp_path}/new: make it first\n")


def test_one_fact_that_all_vms_lack_was_a_number(tmp_path: Path) -> None:
    """Of many VMs, what is said of each in the same words is said in these words."""
    for number in (101, 102, 103):
        (tmp_path / f"{number}.conf").write_text(f"name: vm{number}\nnet0: virtio=BC:24:11:00:00:{number - 100:02},bridge=vmbr0\n")
    words = ("--host-fact", "qemu_version=10.0.2", "-o", tmp_path / "out", "-j", "1", "--force")
    same = virt_qm("to-xml", tmp_path, *words).stderr
    assert "101.conf and 2 more: the MTU of bridge vmbr0 is not known, 1500 is taken -> --host-fact bridge_mtu.vmbr0=MTU" in same
    (tmp_path / "103.conf").write_text("name: vm103\nnet0: virtio=BC:24:11:00:00:03,bridge=vmbr1\n")
    assert "101.conf and 2 more: 3 facts of the host are not known" in virt_qm("to-xml", tmp_path, *words).stderr


def test_a_hint_that_is_a_screen_of_arguments_is_cut_in_a_digest_alone(tmp_path: Path) -> None:
    names = ("avx", "avx2", "bmi1", "bmi2", "movbe", "smep", "smap", "erms", "rdseed", "adx", "xsave", "fsgsbase", "f16c", "fma")
    features = "".join(f"<feature policy='require' name='{name}'/>" for name in names)
    (tmp_path / "w.xml").write_text(
        "<domain type='kvm'><name>w</name><memory>524288</memory><os><type arch='x86_64' machine='pc-q35-9.2'>hvm</type></os>"
        f"<features><acpi/></features><cpu mode='custom'><model>qemu64</model>{features}</cpu><devices/></domain>"
    )
    short, whole = (virt_qm("to-conf", *words, tmp_path / "w.xml").stderr for words in ((), ("-v",)))
    [cut] = [line for line in short.splitlines() if "cpu-models.conf can" in line]
    assert cut.endswith(" ... (-v shows all of it) [guest-lost]")
    assert "(-v shows" not in whole
    assert "-global x86_64-cpu.fma=on" in whole
    assert cut.count("-global") < whole.count("-global")
