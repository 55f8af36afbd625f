"""A libvirt host without a libvirt: what it says that it can do, what is defined there, and what is taken back when it fails."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from bridge import api
from bridge.cli import main
from bridge.core.report import BridgeError
from bridge.libvirt.host import connect, serve
from bridge.libvirt.host.capabilities import firmware_map, machines, missing, nearest
from bridge.libvirt.host.connect import About, Connection, Definition, ListedDomain, UnclearError
from tests.host.far import OF_HOST, OFFERED


def lacks(inner: str) -> list[tuple[str, str]]:
    domain = etree.fromstring(f"<domain>{inner}</domain>")
    return [(lack.message, lack.token) for lack in missing(domain, OFFERED)]


def _disk(bus: str) -> str:
    return f"<devices><disk><target bus='{bus}'/></disk></devices>"


@pytest.mark.parametrize(("inner", "wanted"), [
    ("", []), (_disk("virtio"), []),
    (_disk("ide"), [("this host has no disk with bus 'ide', but scsi, virtio", "ide")]),
    ("<devices><rng model='virtio'/></devices>", []),  # an older host lists no such thing
    ("<devices><tpm model='tpm-crb'/></devices>", [("this host has no tpm with model 'tpm-crb', but none", "tpm-crb")]),
    ("<os><loader type='rom'/></os>", []), ("<cpu mode='host-passthrough'/>", []), ("<cpu mode='host-model'/>", []),
    ("<cpu mode='maximum'/>", [("this host has no CPU mode 'maximum'", "maximum")]),
    ("<cpu><model>qemu64</model></cpu>", []), ("<cpu mode='host-passthrough'><model>EPYC</model></cpu>", []), ("<cpu mode='custom'/>", []),
    ("<cpu mode='custom'><model>486</model></cpu>", [("this host knows no CPU model '486'", "486")]),
    ("<cpu><model>EPYC</model></cpu>", [("this host's CPU cannot run model 'EPYC': it lacks sha-ni, svm", "EPYC")]),
    ("<cpu><model>EPYC</model><feature name='svm' policy='disable'/></cpu>",
     [("this host's CPU cannot run model 'EPYC': it lacks sha-ni", "EPYC")]),
    ("<cpu><model>EPYC</model><feature name='svm' policy='require'/><feature name='sha-ni' policy='forbid'/></cpu>",
     [("this host's CPU cannot run model 'EPYC': it lacks svm", "EPYC")]),
    ("<cpu><model>EPYC</model><feature name='svm' policy='disable'/><feature name='sha-ni' policy='forbid'/></cpu>", []),
    ("<cpu><model>Denverton</model></cpu>", [("this host's CPU cannot run model 'Denverton': it lacks features", "Denverton")]),
])  # fmt: skip
def test_what_a_domain_wants_and_a_host_lacks(inner: str, wanted: list[tuple[str, str]]) -> None:
    assert lacks(inner) == wanted


HERE = "/usr/share/OVMF"


@pytest.mark.parametrize(("os", "wanted"), [
    ("", {}), (f"<loader>{HERE}/OVMF_CODE_4M.fd</loader>", {}), ("<loader>/pve/OTHER.fd</loader>", {}),
    ("<loader>/pve/OVMF_CODE_4M.fd</loader>", {"/pve/OVMF_CODE_4M.fd": f"{HERE}/OVMF_CODE_4M.fd"}),
    ("<loader>/pve/OVMF_CODE_4M.fd</loader><nvram>/v</nvram>", {"/pve/OVMF_CODE_4M.fd": f"{HERE}/OVMF_CODE_4M.fd"}),
    ("<loader>/pve/OVMF_CODE_4M.fd</loader><nvram template='/pve/OVMF_VARS_4M.fd'/>",
     {"/pve/OVMF_CODE_4M.fd": f"{HERE}/OVMF_CODE_4M.fd", "/pve/OVMF_VARS_4M.fd": f"{HERE}/OVMF_VARS_4M.fd"}),
])  # fmt: skip
def test_firmware_stands_elsewhere_on_a_host(os: str, wanted: dict[str, str]) -> None:
    assert firmware_map(etree.fromstring(f"<domain><os>{os}</os></domain>"), OFFERED) == wanted


def test_machines_of_an_architecture() -> None:
    assert machines(OF_HOST, "x86_64") == ["pc", "pc-i440fx-9.2", "pc-q35-10.0", "pc-q35-9.2"]
    assert machines(OF_HOST, "riscv64") == []


@pytest.mark.parametrize(("wanted", "near"), [
    ("pc-q35-11.0", "pc-q35-10.0"), ("pc-q35-9.9", "pc-q35-9.2"), ("pc-q35-9.2", "pc-q35-9.2"),
    ("pc-q35-2.4", "pc-q35-9.2"), ("microvm", None),
])  # fmt: skip
def test_the_nearest_machine(wanted: str, near: str | None) -> None:
    assert nearest(wanted, machines(OF_HOST, "x86_64")) == near


class Far:
    """In place of a Connection: a host that has these domains."""

    domains_: tuple[ListedDomain, ...] = ()
    offered: str | BridgeError = OFFERED
    refuses: BridgeError | None = None
    defined: list[Definition]
    xml_ = ""

    def __init__(self, uri: str) -> None:
        assert uri == "test:///far"

    def __enter__(self) -> Far:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def about(self) -> About:
        return About("11.3.0", "10.0.2", 4)

    def capabilities(self) -> str:
        return OF_HOST

    def domain_capabilities(self, *_: str) -> str:
        if isinstance(self.offered, BridgeError):
            raise self.offered
        return self.offered

    def domains(self) -> list[ListedDomain]:
        return list(self.domains_)

    def xml(self, uuid: str, live: bool = False) -> str:
        assert uuid
        return self.xml_.replace("<name>", f"<description>{'live' if live else 'defined'}</description><name>")

    def pools(self) -> dict[str, str] | None:
        return {}

    def networks(self) -> dict[str, str] | None:
        return {}

    def define(self, domains: Sequence[Definition]) -> None:
        if self.refuses is not None:
            raise self.refuses
        Far.defined += domains


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> type[Far]:
    for name, value in (("domains_", ()), ("offered", OFFERED), ("refuses", None), ("defined", []), ("xml_", "")):
        monkeypatch.setattr(Far, name, value, raising=False)
    monkeypatch.setattr(connect, "Connection", Far)
    return Far


UUID = "5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10"
CONFIG = f"name: web\nmemory: 512\nonboot: 1\nsmbios1: uuid={UUID}\nkvm: 0\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n"
THERE = ListedDomain("web", UUID, True, True, False)


def define(tmp_path: Path, *words: str, config: str = CONFIG, name: str = "100.conf") -> Result:
    file = tmp_path / name
    file.write_text(config)
    return CliRunner().invoke(main, ["define", "-c", "test:///far", *words, str(file)])


def test_a_vm_is_defined_with_its_autostart(far: type[Far], tmp_path: Path) -> None:
    result = define(tmp_path)
    assert result.exit_code == 0, result.output
    assert f"defined web ({UUID}) from {tmp_path}/100.conf, started with the host" in result.stdout
    (found,) = far.defined
    assert (found.name, found.uuid, found.autostart, found.replace) == ("web", UUID, True, False)
    assert etree.fromstring(found.xml).findtext("uuid") == UUID


def test_a_dry_run_defines_nothing_and_says_what_it_would(far: type[Far], tmp_path: Path) -> None:
    result = define(tmp_path, "--dry-run", config=CONFIG.replace("onboot: 1\n", ""))
    assert result.exit_code == 0
    assert "<name>web</name>" in result.stdout
    assert result.stderr.endswith(f"would define web ({UUID}) from {tmp_path}/100.conf\n")
    assert far.defined == []


@pytest.mark.parametrize(("domain", "told"), [
    (THERE, "domain 'web' is defined already: pass --replace"), (THERE._replace(name="db"), "domain 'db' has UUID"),
    (THERE._replace(uuid=str(uuid.UUID(int=1))), "a domain 'web' with another UUID (00000000-0000-0000-0000-000000000001) is there"),
])  # fmt: skip
def test_what_is_there_stays(far: type[Far], tmp_path: Path, domain: ListedDomain, told: str) -> None:
    far.domains_ = (domain,)
    result = define(tmp_path)
    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stderr.endswith("nothing was defined\n")
    assert far.defined == []


def test_replace_takes_the_place_of_what_is_there_and_shows_the_difference(far: type[Far], tmp_path: Path) -> None:
    far.domains_ = (THERE,)
    far.xml_ = f"<domain type='qemu'><name>web</name><uuid>{UUID}</uuid><memory unit='KiB'>1</memory></domain>"
    result = define(tmp_path, "--replace", "--print-diff")
    assert result.exit_code == 0, result.output
    assert '-  <memory unit="KiB">1</memory>' in result.stderr
    assert "--- web, as defined" in result.stderr
    assert [each.replace for each in far.defined] == [True]


def test_two_files_of_one_vm_are_refused(far: type[Far], tmp_path: Path) -> None:
    (tmp_path / "200.conf").write_text(CONFIG)
    result = define(tmp_path, str(tmp_path / "200.conf"))
    assert "another of these files has the name 'web': change one" in result.stderr
    assert far.defined == []


@pytest.mark.parametrize(("config", "told"), [
    (CONFIG + "cpu: EPYC\n", "100.conf:7: this host's CPU cannot run model 'EPYC': it lacks sha-ni, svm"),
    (CONFIG + "sata0: local-lvm:vm-100-disk-0,size=1G\n", "this host has no disk with bus 'sata', but scsi, virtio"),
])  # fmt: skip
def test_what_the_host_cannot_run_is_told_with_its_line(far: type[Far], tmp_path: Path, config: str, told: str) -> None:
    result = define(tmp_path, config=config)
    assert result.exit_code == 1
    assert told in result.stderr
    assert far.defined == []


@pytest.mark.parametrize(("more", "told"), [
    ("machine: pc-q35-11.0\n", "this host has no machine 'pc-q35-11.0'; 'pc-q35-10.0' is the nearest: set `machine: pc-q35-10.0`"),
    ("machine: pc-q35-9.2\nkvm: 1\n", "this host has no KVM (no): set `kvm: 0` to emulate the CPU"), ("machine: pc-q35-9.2\n", "no"),
])  # fmt: skip
def test_a_host_that_knows_no_such_machine_says_which_it_has(far: type[Far], tmp_path: Path, more: str, told: str) -> None:
    far.offered = BridgeError("no")
    config = CONFIG.replace("kvm: 0\n", "") if "kvm" in more else CONFIG
    result = define(tmp_path, config=config + more)
    assert result.exit_code == 1
    assert told in result.stderr


def test_pins_on_cpus_that_the_host_lacks_are_told(far: type[Far], tmp_path: Path) -> None:
    told = "on CPU 2-4, this host has 0-3: the domain will not start"
    assert told in define(tmp_path, config=CONFIG + "affinity: 2-4\n").stderr
    far.domains_ = ()
    assert told not in define(tmp_path, config=CONFIG + "affinity: 2-3\n").stderr


def test_a_refusal_of_libvirt_says_which_file(far: type[Far], tmp_path: Path) -> None:
    far.refuses = BridgeError("unsupported 'BC:24:11:00:00:01'", "web")
    result = define(tmp_path)
    assert result.exit_code == 1
    assert f"{tmp_path}/100.conf:6: unsupported" in result.stderr
    assert "defined web" not in result.output


def test_define_of_the_api(far: type[Far]) -> None:
    again = api.define("test:///far", {"100.conf": CONFIG}, dry_run=True)
    assert [(each.file, each.name, each.uuid) for each in again] == [("100.conf", "web", UUID)]
    assert again[0].vm.meta.vmid == 100
    assert far.defined == []
    api.define("test:///far", {"100.conf": CONFIG.replace(f"smbios1: uuid={UUID}\n", "")}, vmid=7)
    named = far.defined[0].uuid
    api.define("test:///far", {"x.conf": CONFIG.replace(f"smbios1: uuid={UUID}\n", "")}, vmid=7)
    assert far.defined[1].uuid == named  # the same one every time
    far.domains_ = (THERE,)
    with pytest.raises(BridgeError, match="is defined already"):
        api.define("test:///far", {"100.conf": CONFIG})
    api.define("test:///far", {"100.conf": CONFIG}, replace=True)
    assert far.defined[2].replace


DUMPED = (
    f"<domain type='qemu'><name>web</name><uuid>{UUID}</uuid><memory unit='MiB'>512</memory><os><type machine='pc-q35-9.2'>hvm</type></os>"
)
DUMPED += "</domain>"


def imported(*words: str) -> Result:
    return CliRunner().invoke(main, ["import", "-c", "test:///far", "--vmid-from", "300", *(words or ("web",))])


def test_configs_are_printed_or_written(far: type[Far], tmp_path: Path) -> None:
    far.domains_, far.xml_ = (THERE,), DUMPED
    assert "name: web\n" in imported("web").stdout
    there = tmp_path / "configs"
    would = imported("web", "-o", str(there), "--dry-run")
    assert would.stdout == f"web would be {there}/300.conf\n"
    assert not there.exists()
    done = imported("web", "-o", str(there))
    assert done.stdout == f"web is {there}/300.conf\n"
    assert "name: web\n" in (there / "300.conf").read_text()
    again = imported("web", "-o", str(there))
    assert again.exit_code == 1
    assert "300.conf is there already: pass --force to replace it" in again.stderr
    assert imported("web", "-o", str(there), "--force").exit_code == 0
    assert [each.name for each in there.iterdir()] == ["300.conf"]


def test_domains_become_configs(far: type[Far]) -> None:
    far.domains_ = (THERE._replace(autostart=True), ListedDomain("db", str(uuid.UUID(int=1)), True, False, False))
    far.xml_ = DUMPED
    (found,) = api.import_domains("test:///far", first_vmid=300)
    assert (found.vmid, found.domain.name) == (300, "web")
    assert "onboot: 1\n" in found.text
    assert "#defined" in found.text
    live = api.import_domains("test:///far", live=True, first_vmid=300)
    assert [(each.vmid, each.domain.name) for each in live] == [(300, "web"), (301, "db")]
    assert "#live" in live[0].text
    with pytest.raises(BridgeError, match="VMID"):
        api.import_domains("test:///far")


@pytest.mark.parametrize(("names", "live", "told"), [
    (["mail"], False, "there is no domain 'mail'"), (["off"], True, "domain 'off' is not running"),
    (["db"], False, "domain 'db' has no persistent"),
])  # fmt: skip
def test_domains_that_cannot_be_had(far: type[Far], names: list[str], live: bool, told: str) -> None:
    far.domains_ = (THERE._replace(name="off", active=False), ListedDomain("db", str(uuid.UUID(int=1)), True, False, False))
    far.xml_ = DUMPED
    with pytest.raises(BridgeError, match=told):
        api.import_domains("test:///far", names, live=live, first_vmid=100)
    (found,) = api.import_domains("test:///far", [UUID, "off"], first_vmid=100)
    assert found.domain.name == "off"


def test_plans_of_the_api(far: type[Far]) -> None:
    assert far
    there = api.plan({"107.conf": CONFIG}, "libvirt", images="/there")
    assert [(vm.vmid, vm.name) for vm in there.vms] == [(107, "web")]
    asked = api.plan({"107.conf": CONFIG}, "libvirt", uri="test:///far")
    assert [vm.name for vm in asked.vms] == ["web"]
    back = api.plan({"web.xml": DUMPED}, "qemu-server", vmid=108)
    assert [vm.vmid for vm in back.vms] == [108]
    with pytest.raises(ValueError, match="a plan is to libvirt or to qemu-server"):
        api.plan({"107.conf": CONFIG}, "qemu")  # type: ignore[arg-type]


# --- the two halves of a connection


class Error(Exception):
    def __init__(self, code: int, words: str = "refused") -> None:
        super().__init__(words)
        self.code = code

    def get_error_code(self) -> int:
        return self.code


class Defined:
    """A domain of libvirt's; flags that it does not know are refused."""

    def __init__(self, host: Store, of: str, xml: str, persistent: bool = True) -> None:
        self.host, self.of, self.xml, self.persistent, self.starts = host, of, xml, persistent, 0

    def UUIDString(self) -> str:  # noqa: N802  as libvirt calls it
        return self.of

    def name(self) -> str:
        return f"vm-{self.of}"

    def isPersistent(self) -> int:  # noqa: N802
        return int(self.persistent)

    def isActive(self) -> int:  # noqa: N802
        return 1

    def autostart(self) -> int:
        return self.starts

    def setAutostart(self, on: int) -> None:  # noqa: N802
        self.starts = on

    def XMLDesc(self, flags: int) -> str:  # noqa: N802
        assert flags == 3
        return self.xml

    def undefineFlags(self, flags: int) -> None:  # noqa: N802
        if flags > self.host.knows:
            raise Error(8)
        self.host.undefined.append(flags)
        del self.host.there[self.of]


class Store:
    """The module and the host: UUID -> domain. A definition whose XML is `bad` is refused."""

    libvirtError = Error  # noqa: N815
    VIR_ERR_NO_DOMAIN, VIR_ERR_INVALID_ARG, VIR_ERR_NO_SUPPORT = 42, 8, 3
    VIR_DOMAIN_XML_INACTIVE, VIR_DOMAIN_XML_SECURE, VIR_DOMAIN_DEFINE_VALIDATE = 2, 1, 1
    VIR_DOMAIN_UNDEFINE_KEEP_NVRAM, VIR_DOMAIN_UNDEFINE_KEEP_TPM = 8, 64

    def __init__(self, knows: int = 72) -> None:
        self.there: dict[str, Defined] = {}
        self.knows, self.undefined = knows, list[int]()

    def lookupByUUIDString(self, of: str) -> Defined:  # noqa: N802
        if of not in self.there:
            raise Error(42)
        return self.there[of]

    def defineXMLFlags(self, xml: str, flags: int) -> Defined:  # noqa: N802
        assert flags in (0, 1)
        if xml == "bad":
            raise Error(27, "bad XML")
        of = xml.split(" ")[0]
        starts = self.there[of].starts if of in self.there else 0
        self.there[of] = Defined(self, of, xml)
        self.there[of].starts = starts
        return self.there[of]

    def listAllDomains(self) -> list[Defined]:  # noqa: N802
        return list(self.there.values())

    def listAllNetworks(self) -> list[Any]:  # noqa: N802
        raise Error(3)

    def listAllStoragePools(self) -> list[Any]:  # noqa: N802
        return [SimpleNamespace(name=lambda: "local", XMLDesc=lambda _: "<pool/>")]

    def getLibVersion(self) -> int:  # noqa: N802
        return 11_003_001

    def getVersion(self) -> int:  # noqa: N802
        return 10_000_002

    def getCPUMap(self) -> list[Any]:  # noqa: N802
        return [4, [], 3]


def calls(store: Store) -> tuple[serve._Calls, list[Any]]:
    said: list[Any] = []
    found = serve._Calls(store, "", said.append)
    found.opened = store
    return found, said


@pytest.fixture(autouse=True)
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "_own_session", lambda: None)


def test_definitions_are_all_taken_back_when_one_is_refused() -> None:
    store = Store()
    old = store.defineXMLFlags("a old", 0)
    old.starts = 1
    served, said = calls(store)
    rows = [["A", "a", "a new", False, True], ["B", "b", "b new", True, False], ["C", "c", "bad", False, False]]
    with pytest.raises(BridgeError, match="bad XML") as refused:
        served.define(*rows)
    assert refused.value.where == "C"
    assert {of: (domain.xml, domain.starts) for of, domain in store.there.items()} == {"a": ("a old", 1)}
    assert store.undefined == [72]
    notes = [each["note"] for each in said]
    assert notes[:5] == [
        ["before", "a", "a old", True],
        ["defined", "a"],
        ["before", "b", None, False],
        ["defined", "b"],
        ["before", "c", None, False],
    ]
    assert notes[5:] == [["undone", "c"], ["undone", "b"], ["undone", "a"]]


def test_definitions_get_their_autostart() -> None:
    store = Store()
    served, _ = calls(store)
    served.define(["A", "a", "a x", True, False], ["B", "b", "b x", False, False])
    assert {of: domain.starts for of, domain in store.there.items()} == {"a": 1, "b": 0}
    served.define(["A", "a", "a y", False, True])
    assert store.there["a"].starts == 0


def test_a_domain_that_is_there_is_not_redefined_unasked() -> None:
    store = Store()
    store.defineXMLFlags("a old", 0)
    served, _ = calls(store)
    with pytest.raises(BridgeError, match="a domain with UUID a is there already"):
        served.define(["A", "a", "a new", False, False])
    assert store.there["a"].xml == "a old"


def test_a_running_domain_without_a_definition_has_none_to_go_back_to() -> None:
    store = Store()
    store.there["a"] = Defined(store, "a", "a running", persistent=False)
    served, said = calls(store)
    served.define(["A", "a", "a new", False, True])
    assert said[0] == {"note": ["before", "a", None, False]}


@pytest.mark.parametrize("knows", [72, 8, 0])
def test_an_older_libvirt_undefines_with_the_flags_that_it_knows(knows: int) -> None:
    store = Store(knows)
    store.defineXMLFlags("a x", 0)
    served, _ = calls(store)
    served.undo(["a", None, False])
    assert store.undefined == [knows]


def test_what_else_is_defined_than_before() -> None:
    store = Store()
    store.defineXMLFlags("a old", 0)
    store.defineXMLFlags("b new", 0)
    store.there["c"] = Defined(store, "c", "c x", persistent=False)
    served, _ = calls(store)
    journal: list[list[Any]] = [["a", "a old", False], ["b", "b old", False], ["c", None, False], ["d", None, False]]
    assert served.defined(*journal) == {"a": False, "b": True, "c": False, "d": False}


def test_a_host_lists_itself() -> None:
    store = Store()
    store.defineXMLFlags("a x", 0).starts = 1
    store.there["b"] = Defined(store, "b", "b x", persistent=False)
    served, _ = calls(store)
    assert served.about() == ["11.3.1", "10.0.2", 4]
    assert served.domains() == [["vm-a", "a", True, True, True], ["vm-b", "b", True, False, False]]
    assert served.networks() is None
    assert served.pools() == {"local": "<pool/>"}


Said = Callable[..., Any]


@pytest.mark.parametrize(("now", "wanted"), [
    ({"a": False, "b": False}, None), ({"a": True, "b": False}, (["A"], ["B"], [])), (None, (["B"], ["C"], ["A"])),
])  # fmt: skip
def test_what_is_known_when_libvirt_died_in_the_middle(monkeypatch: pytest.MonkeyPatch, now: dict[str, bool] | None, wanted: Any) -> None:
    """What was begun may be there, what was done is, what was taken back is not; what was not begun is not."""
    monkeypatch.setattr(connect, "LOOKING_LIMIT", 0.0)
    monkeypatch.setattr(connect, "LOOK_EVERY", 0.0)
    asked: list[Any] = []

    def call(what: str, *rows: Any, notes: Any = None) -> Any:
        asked.append((what, *rows))
        if what == "define":
            for event in (["before", "a", None, False], ["before", "b", "old", True], ["defined", "b"]):
                notes(event)
            raise BridgeError("libvirt died")
        if now is None:
            raise BridgeError("nobody there")
        return now if what == "defined" else None

    connection = Connection("test:///far")
    monkeypatch.setattr(connection, "_call", call)
    rows = [Definition(name, name.lower(), "") for name in "ABC"]
    rows = rows if now is None else rows[:2]
    with pytest.raises(BridgeError, match="libvirt died") as error:
        connection.define(rows)
    assert asked[1] == ("undo", ["a", None, False], ["b", "old", True])
    if wanted is None:
        assert not isinstance(error.value, UnclearError)
    else:
        assert isinstance(error.value, UnclearError)
        assert (error.value.defined, error.value.not_defined, error.value.unknown) == wanted
