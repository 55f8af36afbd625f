"""A move as its command says it and as it is prepared: QEMU, libvirt, ssh and the process that moves are played, each by what it answers."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec import to_builtins

from bridge.argv.read import read
from bridge.cli import main
from bridge.cli.commands import plan
from bridge.core.report import BridgeError, Finding
from bridge.guest.compare import Difference
from bridge.operations.move import check as checks
from bridge.operations.move import prepare, ssh
from bridge.operations.move.disks import Drive
from bridge.operations.move.host import About, Look
from bridge.operations.move.prepare import Prepared, Wanted
from bridge.operations.move.request import Request
from bridge.operations.move.step import Outcome
from bridge.operations.move.watch import Watch
from tests.sheets.sheet import check, names
from tests.sheets.test_commands import TERMINAL
from tests.sheets.typed import FILES, UUID

REQUEST = Request(
    into=True,
    way="protocol3",
    uri="qemu:///system",
    name="web",
    uuid=UUID,
    xml="<domain/>",
    qmp="/run/qemu-server/100.qmp",
    directory="/none",
)
SEEN = Difference("property", "machine smm", "on", None, "-machine", "")
PREPARED = {
    "good": Prepared(REQUEST, [], [Finding("memory-at-risk", "data", "-smp", "pages may be lost", "move it with --suspend")]),
    "different": Prepared(None, [SEEN], []), "allowed": Prepared(REQUEST, [SEEN], []), "elsewhere": Prepared(Request(**{**to_builtins(REQUEST), "into": False, "qmp": "/q", "argv": ("kvm",)}), [], []),
}  # fmt: skip
OUTCOMES = {
    "moved": Outcome(True, "web runs in libvirt", downtime=42), "saved": Outcome(True, "web runs in libvirt", "", ["a step: was not done"]),
    "failed": Outcome(False, "web runs where it was", "no room", ["a step: cannot be undone"]),
}  # fmt: skip
SAID: tuple[tuple[str, str, str], ...] = (
    *((f"move 100.conf --to qemu:///system --qmp q {more}".strip(), "good", "moved") for more in (
        "", "--dry-run", "--suspend", "--way restore", "--xml web.xml", "--timeout 60 --max-downtime 50 --bandwidth 7", "--copy-disks --allow-differences", "--shared-images -q", "--report json", "--vmid 7 --report none")),
    ("move 100.conf --to qemu:///system --qmp q", "different", ""), ("move 100.conf --to qemu:///system --qmp q", "allowed", "saved"), ("move 100.conf --to test --qmp q -v", "good", "failed"),
    ("move 300.conf --to test:///default --qmp q", "good", "moved"), ("move web.xml --to test:///default --qmp q --vmid 9", "good", "moved"),
    *((f"move web -c qemu:///system --to {to}", "elsewhere", "moved") for to in ("100.conf --host facts --qmp q", "200.conf --host facts --host-fact qemu_server=rfc-iothreads", "200.conf --host facts --vmid 7 --way protocol3", "line.cmd", "line.cmd --from argv --dry-run", "line.sh", "100.conf --host facts --suspend", "100.conf", "none.conf")),
    ("TERM=xterm move 100.conf --to qemu:///system --qmp q", "allowed", "moved"), ("TERM=xterm move 100.conf --to test --qmp q --dry-run -q", "good", ""),
    ("move web --to 100.conf", "elsewhere", "failed"), ("move 100.conf --to qemu:///system --offline", "good", ""), ("move web -c qemu:///far --to 100.conf --offline", "good", ""),
)  # fmt: skip


NOTES: tuple[dict[str, Any], ...] = (
    {"step": 0, "is": "begun"}, {"step": 0, "is": "done"}, {"total": 0}, {"step": 1, "is": "failed", "said": "no\x1broom"}, {"step": 0, "is": "undoing"}, {"step": 0, "is": "undone"},
)  # fmt: skip


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the command hands on; its files are here."""
    said: list[str] = []
    line = "kvm -name web -qmp unix:/run/q,server=on,wait=off\n"
    for name, text in {**FILES, "300.conf": FILES["100.conf"].replace("onboot: 1\n", ""), "line.cmd": line, "q": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("LIBVIRT_DEFAULT_URI", raising=False)
    monkeypatch.setattr("bridge.cli.commands.move.signal.signal", lambda number, _: said.append(f"signal {number:d}"))
    monkeypatch.setattr(plan.command, "main", lambda words, prog_name: said.append(f"{prog_name}: {shlex.join(words)}"))
    return said


@pytest.mark.parametrize(("line", "how", "outcome"), SAID, ids=map(" ".join, SAID))
def test_a_move_says(line: str, how: str, outcome: str, heard: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def into(wanted: Wanted, socket: Path, domain: Callable[[Any, str], tuple[str, list[Finding]]], onboot: bool) -> Prepared:
        xml, findings = domain(SimpleNamespace(libvirt="9.0.0", qemu="8.0.0"), "pc-i440fx-7.2")
        machine = xml.partition("machine=")[2][:18]
        heard.extend([f"into {wanted} {socket} onboot={onboot}", f"  {xml[:20]!r} {machine} {[each.kind for each in findings]}"])
        return PREPARED[how]

    def out(wanted: Wanted, name: str, argv: list[str], qmp: Path, pins: dict[str, Any]) -> Prepared:
        heard.append(f"out {wanted} {name} {' '.join(argv)[:60]} {qmp} {pins}")
        return PREPARED[how]

    def move(request: Request, told: Callable[[dict[str, Any]], object], stopping: Callable[[], object]) -> Outcome:
        assert request is PREPARED[how].request
        for note in NOTES:
            told(note)
        stopping()
        return OUTCOMES[outcome]

    monkeypatch.setattr(prepare, "into_libvirt", into)
    monkeypatch.setattr(prepare, "out_of_libvirt", out)
    monkeypatch.setattr("bridge.operations.move.front.move", move)
    if line.startswith(TERMINAL):
        for name, value in (("TERM", "xterm"), ("FORCE_COLOR", "1"), ("COLORTERM", "")):
            monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, shlex.split(line.removeprefix(TERMINAL)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    said = done.stderr.rpartition("\n\n")[2] if done.exit_code == 2 else done.stderr
    said = re.sub(r"\x1b\[\?25[lh]", "", said).replace("\x1b", "^[")  # no cursor, where a bar would be
    lines = [
        f"-- {done.exit_code}",
        *heard,
        *(f"| {each}".rstrip().replace("\x1b", "^[") for each in done.stdout.splitlines()),
        *(f"! {each}".rstrip() for each in said.splitlines()),
    ]
    check("move", f"{line} ({how}, {outcome})", lines)


@pytest.mark.parametrize(("notes", "wanted"), [
    ([{"total": 9, "remaining": 4}], [(9, 5)]), ([{"total": 9}, {"total": 9, "remaining": 12}], [(9, 0)]), ([{"total": 9, "remaining": 9}, {"total": 8, "remaining": 1}], [(8, 7)]), ([{"total": 0}, {}], []),
])  # fmt: skip
def test_how_far_the_memory_is(notes: list[dict[str, Any]], wanted: list[tuple[int, int]]) -> None:
    watch = Watch(REQUEST)
    for note in notes:
        watch.told(note)
    assert [(task.total, task.completed) for task in watch._progress.tasks] == wanted


# --- what is looked at before

RUNS = ["kvm", "-machine", "pc-q35-9.2", "-m", "512", "-smp", "1", "-nodefaults", "-object", "memory-backend-ram,id=ram0,size=512M", "-numa", "node,memdev=ram0",
        "-device", "virtio-balloon-pci,id=balloon0"]  # fmt: skip
IMAGE = "/i/a.qcow2"
DOMAIN = f"<domain><name>web</name><uuid>{UUID}</uuid><devices><disk type='file'><source file='{IMAGE}'/><target dev='sda'/><alias name='ua-scsi0'/></disk></devices></domain>"


class Machine:
    """The QEMU outside."""

    said: dict[str, Any]

    def __init__(self, qmp: Path) -> None:
        self.socket = qmp

    def version(self) -> tuple[int, int]:
        version: tuple[int, int] = self.said["version"]
        return version

    def pid(self) -> int:
        return 77

    def do(self, what: str, given: dict[str, Any] | None = None) -> Any:
        answers: dict[str, Any] = {
            "query-migrate": {"blocked-reasons": self.said["blocked"]}, "query-uuid": {"UUID": self.said["uuid"]}, "qom-get": self.said["type"],
            "qom-list": [{"name": "type", "type": "string"}, *({"name": name, "type": f"child<{kind}>"} for name, kind in self.said["devices"].items())],
        }  # fmt: skip
        assert (what, given) in (
            ("query-migrate", None),
            ("query-uuid", None),
            ("qom-get", {"path": "/machine", "property": "type"}),
            ("qom-list", {"path": "/machine/peripheral"}),
        )
        return answers[what]


class Host:
    """The libvirt."""

    said: dict[str, Any]

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None: ...

    def about(self) -> About:
        return About("11.3.0", "11.2.0", "9.2.0", self.said["protocol3"])

    def find(self, name: str) -> str | None:
        return UUID if name == "web" else None

    def look(self, uuid: str) -> Look:
        assert uuid == UUID
        return Look(self.said["state"], 1, True, False)

    def ask(self, what: str, *given: Any) -> str:
        assert (what, given) in (("canonical", ()), ("xml", (UUID, True)))
        return str(self.said["canonical"] if what == "canonical" else self.said["xml"])


SAYS: dict[str, Any] = {
    "version": (9, 2), "blocked": [], "uuid": UUID, "type": "pc-q35-9.2+pve1-machine", "devices": {"balloon0": "virtio-balloon-pci"}, "protocol3": True, "state": 1,
    "canonical": "qemu:///system", "xml": DOMAIN, "runs": RUNS, "comes": RUNS, "drives": {"scsi0": Drive("n", IMAGE, 4096)}, "wanted": {}, "name": "web", "there": {"scsi0": IMAGE}, "shared": True,
}  # fmt: skip
BARE = DOMAIN.replace(f"<uuid>{UUID}</uuid>", "")
_MORE = [*RUNS, "-device", "usb-mouse,id=mouse"]
BOTH: dict[str, dict[str, Any]] = {
    "plain": {}, "suspended": {"wanted": {"way": "saved"}}, "restored": {"wanted": {"way": "restore"}}, "limits": {"wanted": {"timeout": 7.0, "max_downtime": 8, "bandwidth": 9}}, "without protocol 3": {"protocol3": False},
    "another device": {"comes": _MORE}, "another device, allowed": {"comes": _MORE, "wanted": {"allowed": True}}, "other names of memory": {"comes": [word.replace("ram0", "node0") for word in RUNS]},
    "other memory": {"comes": [*RUNS[:10], "-m", "512"]}, "several CPUs under TCG": {"runs": ["qemu", *RUNS[1:], "-smp", "2"], "comes": ["qemu", *RUNS[1:], "-smp", "2"]},
    "another image": {"there": {"scsi0": "/i/b"}}, "another image, to copy": {"there": {"scsi0": "/none/b"}, "wanted": {"copy_disks": True}}, "another host": {"wanted": {"uri": "qemu+ssh://far/system"}},
    "another host, suspended": {"wanted": {"uri": "qemu+ssh://far/system", "way": "saved"}}, "another host, images of one": {"wanted": {"uri": "qemu+ssh://far/system"}, "shared": False},
    "another host, to copy": {"wanted": {"uri": "qemu+ssh://far/system", "copy_disks": True}, "shared": False}, "another host, said to be shared": {"wanted": {"uri": "qemu+ssh://far/system", "shared_images": True}, "shared": False},
}  # fmt: skip
INTO = {
    **BOTH, "no uuid": {"xml": BARE}, "no uuid anywhere": {"xml": BARE, "uuid": prepare.NO_UUID}, "an old QEMU": {"version": (2, 0)}, "a new QEMU": {"version": (99, 0)}, "blocked": {"blocked": ["a card", "a disk"]},
    "plugged in": {"devices": {"balloon0": "virtio-balloon-pci", "mouse": "usb-mouse"}}, "plugged out": {"devices": {}}, "starts with its host": {"onboot": True},
}  # fmt: skip
OUT = {
    **BOTH, "an alias": {"wanted": {"uri": "mine"}}, "an alias of another host": {"wanted": {"uri": "mine"}, "canonical": "qemu+ssh://far/system"}, "no domain": {"name": "mail"}, "paused": {"state": 3},
    "plugged in": {"xml": DOMAIN.replace("<devices>", "<devices><interface><alias name='net9'/></interface>")}, "pins": {"pins": {"vcpu0": frozenset((3, 1))}},
    "seen by nobody": {"pid": None}, "suspended without protocol 3": {"protocol3": False, "wanted": {"way": "saved"}},
}  # fmt: skip


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the two say, to be changed."""
    says = dict(SAYS)
    monkeypatch.setattr(prepare, "Machine", Machine)
    monkeypatch.setattr(prepare, "Host", Host)
    for each in (Machine, Host):
        monkeypatch.setattr(each, "said", says, raising=False)
    monkeypatch.setattr(prepare, "drives", lambda _: says["drives"])
    monkeypatch.setattr(prepare, "images", lambda _: says["there"])
    monkeypatch.setattr(prepare, "native", lambda _: read(says["comes"], "libvirt's command line"))
    monkeypatch.setattr(
        "bridge.operations.process.read",
        lambda pid: SimpleNamespace(text="".join(f"{word}\0" for word in says["runs"]).encode() if pid == 77 else b""),
    )
    monkeypatch.setattr(checks, "process_of", lambda of: says.get("pid", 77) if of == UUID else 0)
    monkeypatch.setattr(
        ssh,
        "running",
        lambda there, of: "".join(f"{word}\0" for word in says["runs"]).encode() if (there.name, of) == ("far", UUID) else b"",
    )
    monkeypatch.setattr(
        "bridge.operations.move.disks._many_hosts",
        lambda file, table: says["shared"] and table == "/proc/self/mountinfo" and file.startswith("/"),
    )
    monkeypatch.setattr("bridge.operations.move.prepare.tempfile.mkdtemp", lambda prefix: str(_made(tmp_path / f"{prefix}x")))
    return says


USUAL = {
    name: value
    for name, value in to_builtins(REQUEST).items()
    if name not in ("into", "way", "uri", "name", "uuid", "xml", "qmp", "directory", "argv")
}


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def prepared(call: Callable[[], Prepared], directory: Path) -> list[str]:
    try:
        found = call()
    except BridgeError as error:
        return [f"! {error}".replace(str(directory), "DIR")]
    lines = [json.dumps(each) for each in map(list, (*found.differences, *found.findings))]
    if found.request is None:
        return [*lines, "no request"]
    request = to_builtins(found.request)
    mode = Path(request["directory"]).stat().st_mode & 0o7777
    usual = {"name": "web", "uuid": UUID, "directory": f"{directory}/virt-qm-move-x", **USUAL}
    made = [f"{name}: {value}"[:250] for name, value in request.items() if usual.get(name, "") != value]
    return [line.replace(str(directory), "DIR") for line in (*lines, *made, f"mode: {mode:o}")]


@pytest.mark.parametrize("name", INTO)
def test_a_way_in_is_prepared(name: str, said: dict[str, Any], tmp_path: Path) -> None:
    said |= INTO[name]
    asked: list[str] = []

    def domain(about: About, machine: str) -> tuple[str, list[Finding]]:
        asked.append(f"of {about.libvirt} {about.qemu} {machine}")
        return said["xml"].replace(IMAGE, said["there"]["scsi0"]), [Finding("lint", "host", "", "odd")]

    wanted = Wanted(**{"uri": "qemu:///system", **said["wanted"]})
    lines = prepared(lambda: prepare.into_libvirt(wanted, tmp_path / "qmp", domain, said.get("onboot", False)), tmp_path)
    if name == "no uuid anywhere":  # one is made up
        lines = [line for line in lines if not line.startswith(("uuid: ", "xml: "))]
    check("move", f"into, {name}", [*asked, *lines])


@pytest.mark.parametrize("name", OUT)
def test_a_way_out_is_prepared(name: str, said: dict[str, Any], tmp_path: Path) -> None:
    said |= OUT[name]
    disk = ["-device", "virtio-scsi-pci,id=scsihw0", "-device", "scsi-hd,id={}"]
    said["runs"], said["comes"] = (
        [*said[each], *(word.format(of) for word in disk)] for each, of in (("runs", "ua-scsi0"), ("comes", "scsi0"))
    )
    said["xml"] = said["xml"].replace("<devices>", "<devices><!-- balloon0 scsihw0 -->")
    wanted = Wanted(**{"uri": "qemu:///system", **said["wanted"]})
    lines = prepared(
        lambda: prepare.out_of_libvirt(wanted, said["name"], list(said["comes"]), tmp_path / "qmp", said.get("pins", {})), tmp_path
    )
    check("move", f"out, {name}", lines)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"", False),
        (b"onboot: 0\n", False),
        (b"onboot:\n", False),
        (b"onboot: 1\n", True),
        (b"onboot: yes\n", True),
        (b"[s]\nonboot: 1\n", False),
    ],
)
def test_whether_a_vm_starts_with_its_host(text: bytes, wanted: bool) -> None:
    assert prepare.starts_with_host(text, None) is wanted


def test_every_entry_is_of_a_case() -> None:
    said = {f"{line} ({how}, {outcome})" for line, how, outcome in SAID}
    assert names("move") == {*said, *(f"into, {name}" for name in INTO), *(f"out, {name}" for name in OUT)}
