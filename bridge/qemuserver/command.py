"""`qm create` and `qm set` lines, and scripts of them, as the config that they make (qemu-server 9.2.6, API2/Qemu.pm).

Read, never run: words and quotes as a POSIX shell takes them, variables that the script itself sets, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.report import BridgeError, Line, Report
from ..data.gates import qemu_version
from ..data.machines import DEFAULT, UNVERSIONED, VERSIONED
from ..data.options import DRIVES, keys, option
from ..data.ostype import windows_version
from ..host.facts import HostFacts
from .text import body

_PROMPT = r"(?:[\w.-]+@[\w.-]+:[^\s#$]*[#$]|\$)"
FIRST = re.compile(rf"^[ \t]*(?:{_PROMPT}[ \t]+)?(?:sudo[ \t]+)?(?:/[^\s]*/)?qm[ \t]+(?:create|set)[ \t]", re.MULTILINE).search
_is_prompt = re.compile(_PROMPT).fullmatch
"""What stands before a command that was copied from a terminal."""
NOT_STORED = frozenset(
    ("background_delay", "bwlimit", "digest", "force", "ha-managed", "import-working-storage", "live-restore", "node", "pool", "revert")
) | frozenset(("skiplock", "start", "storage", "unique"))
"""Parameters of the two calls that stand in no config."""
NEW = re.compile(r"(?:([A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]):)?([0-9]+(?:\.[0-9]+)?)", re.ASCII)
"""A volume that is to be made: `STORAGE:GIB`."""
_PARAMETERS = frozenset((*keys(), *NOT_STORED, "args", "cdrom", "delete", "description", "archive"))
_ASSIGN = ("declare", "export", "local", "readonly", "typeset")
_SILENT = (":", "cd", "echo", "exit", "set", "shopt", "true")
"""Commands of a shell that say nothing of a VM."""
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.ASCII | re.DOTALL)
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})", re.ASCII)
_BOOT_BUSES = ("ide", "scsi", "virtio", "sata")

Command = tuple[list[str], Line]


def config(text: str, file: str, host: HostFacts, report: Report) -> tuple[str, int, dict[str, int]]:
    """(the config's text, the VM's id, the line that sets each key). Raises BridgeError, with the line, for what cannot be understood, or
    is about several VMs.
    """
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    vmid: int | None = None
    made: Line | None = None
    for words, where in _commands(text, file):
        if words[0] in _SILENT:
            continue
        if words[:1] != ["qm"]:
            report.add("ambiguous", where, f"'{' '.join(words)[:60]}' is not read: only qm create and qm set say what a VM is")
            continue
        verb, number, *rest = [*words[1:], "", ""][: max(len(words) - 1, 2)]
        if verb not in ("create", "set", "template"):
            report.add("ambiguous", where, f"'qm {verb[:20]}' is not read: only qm create and qm set say what a VM is")
            continue
        own = _number(number, where)
        if vmid not in (None, own):
            raise BridgeError(f"VM {own} after VM {vmid}: give the lines of one VM", where)
        vmid = own
        before = dict(values)
        if verb == "template":
            values["template"] = "1"
        else:
            _apply(values, rest, vmid, host, report, where)
        if verb == "create":
            made = where
            _complete(values, host, report, where)
        lines |= {key: where.number for key, value in values.items() if before.get(key) != value}
    assert vmid is not None
    if made:
        _drawn(values, host, report, made)
    else:
        report.add("ambiguous", file, "without a qm create line only what is set here is known of the VM", "take `qm config VMID`")
    description = values.pop("description", None)
    return body(values, description), vmid, lines


def _number(text: str, where: Line) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise BridgeError(f"'{text[:20]}' is not a VM's id", where)
    return int(text)


def _apply(values: dict[str, str], words: list[str], vmid: int, host: HostFacts, report: Report, where: Line) -> None:
    """The options of one command."""
    storage = "local"
    said = dict(_options(words, where))
    for key in said.keys() & {"archive"}:
        raise BridgeError(f"--{key}: the VM is in the backup: give that", where)
    for key in re.split(r"[,; ]+", said.pop("delete", "")):
        values.pop(key, None)
        if values.get("boot", "").startswith("order="):
            order = [device for device in values["boot"].removeprefix("order=").split(";") if device != key]
            values["boot"] = f"order={';'.join(order)}" if order else " "
    storage = said.get("storage", storage)
    for key, value in said.items():
        if key in NOT_STORED:
            continue
        known = option(key)
        if known is None and key not in ("args", "cdrom", "description"):
            raise BridgeError(f"--{key[:40]}: qm has no such option", where)
        if key == "sshkeys":  # names a file there
            report.add("secret-left-out", where, "the keys of --sshkeys are in a file: they are left out", f"qm set {vmid} --sshkeys FILE")
            continue
        if key == "cdrom":
            key, value = "ide2", value if "media=" in value else f"{value},media=cdrom"
        values[key] = _drive(key, value, vmid, storage, values, host, report, where) if key in DRIVES else value


def _options(words: list[str], where: Line) -> Iterator[tuple[str, str]]:
    """`--KEY VALUE`, `--KEY=VALUE`, `-KEY VALUE`; a switch without a value is on."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or not word.strip("-"):
            raise BridgeError(f"'{word[:40]}' is not an option", where)
        key, equals, value = word.lstrip("-").partition("=")
        if not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "1"
        yield _whole(key, where), value


def _whole(key: str, where: Line) -> str:
    """The option's name: qm takes any beginning that only one has, in either case."""
    wanted = key.lower()
    if wanted in _PARAMETERS:
        return wanted
    found = sorted(name for name in _PARAMETERS if name.startswith((wanted, wanted.replace("_", "-")))) if wanted else []
    if len(found) > 1:
        raise BridgeError(f"--{key[:40]} may be short for {', '.join(found[:4])}: write it out", where)
    return found[0] if found else key


def _drive(
    key: str, text: str, vmid: int, default: str, values: dict[str, str], host: HostFacts, report: Report, where: Line
) -> str:
    """A volume that the command makes has the next free name; what it is a copy of is a finding."""
    file, *rest = text.split(",")
    file = file.removeprefix("file=").removeprefix("volume=")
    new = NEW.fullmatch(file)
    storage = new[1] if new and new[1] else default
    source = next((part.partition("=")[2] for part in rest if part.startswith("import-from=")), None)
    rest = [part for part in rest if not part.startswith("import-from=")]
    if file.partition(":")[2] == "cloudinit" or file == "cloudinit":
        name = _volume(file.partition(":")[0] if ":" in file else default, vmid, "cloudinit", "qcow2", host)
        return ",".join((name, *(part for part in rest if part != "media=cdrom"), "media=cdrom"))
    if new is None:
        return text
    form = next((part.partition("=")[2] for part in rest if part.startswith("format=")), "raw")
    taken = sum(f"vm-{vmid}-disk-" in value for value in values.values())
    name = _volume(storage, vmid, f"disk-{taken}", form, host)
    size = f"{new[2]}G" if source is None and key not in ("efidisk0", "tpmstate0") else None
    what = f"a copy of {source}" if source is not None else f"new, {new[2]} GiB" if size else "new"
    report.add("import-needed", where, f"{key}: {name} is {what}: the command makes it")
    kept = [part for part in rest if not part.startswith(("format=", "size="))]
    return ",".join((name, *kept, *([f"size={size}"] if size else [])))


def _volume(storage: str, vmid: int, name: str, form: str, host: HostFacts) -> str:
    known = host.storages.get(storage)
    inside = known is not None and known.path is not None
    return f"{storage}:{vmid}/vm-{vmid}-{name}.{form}" if inside else f"{storage}:vm-{vmid}-{name}"


def _complete(values: dict[str, str], host: HostFacts, report: Report, where: Line) -> None:
    """What the API gives a VM when it makes it: a boot order of what is there then, Windows' machine."""
    if "boot" not in values:
        disks = [f"{bus}{n}" for bus in _BOOT_BUSES for n in range(31) if f"{bus}{n}" in values]
        cdroms = [key for key in disks if "media=cdrom" in values[key].split(",")]
        nets = [f"net{n}" for n in range(32) if f"net{n}" in values]
        first = [found[0] for found in ([key for key in disks if key not in cdroms], cdroms, nets) if found]
        values["boot"] = f"order={';'.join(first)}" if first else " "
    machine, *others = values.get("machine", DEFAULT.get(values.get("arch", host.arch), "pc")).split(",")
    if windows_version(values.get("ostype")) and (base := machine.removeprefix("type=")) in UNVERSIONED:
        newest = ".".join(map(str, qemu_version(host.qemu_version, host.qemu_server)[:2]))
        name = f"{VERSIONED['i440fx' if base == 'pc' else base]}-{newest}"
        message = f"qm create pins Windows to the node's newest machine: {name} is taken"
        report.add("ambiguous", where, message, "say machine if it is older")
        values["machine"] = ",".join((name, *others))


def _drawn(values: dict[str, str], host: HostFacts, report: Report, where: Line) -> None:
    """What it draws by chance cannot be known."""
    arch = values.get("arch", host.arch)
    for key in ("smbios1", "vmgenid"):
        if values.get(key) in (None, "1") and (key, arch) != ("vmgenid", "aarch64"):
            report.add("ambiguous", where, f"qm create draws {key} by chance: it is not said here", "take `qm config VMID`")
    if values.get("vmgenid") in ("0", "1"):
        del values["vmgenid"]


# --- the shell's words


def _commands(text: str, file: str) -> Iterator[Command]:
    """The commands of a script that say something: assignments are taken, comments and empty lines are left out."""
    known: dict[str, str] = {}
    for words, number in _split(text, file, known):
        while words and _is_prompt(words[0]):
            words.pop(0)
        if words and words[0] in _ASSIGN and all(_ASSIGNED.fullmatch(word) or word.startswith("-") for word in words[1:]):
            words = [word for word in words[1:] if not word.startswith("-")]
        while words and (match := _ASSIGNED.fullmatch(words[0])):
            known[match[1]] = match[2]
            words.pop(0)
        if words[:1] == ["sudo"]:
            words.pop(0)
        if words and words[0].rpartition("/")[2] == "qm":
            words[0] = "qm"
        if words:
            yield words, Line(file, number)


_PIECE = re.compile(
    r"""
    (?P<blank>(?:[ \t\r]|\\\n)+) | (?P<end>\n|;|&&|\|\||\||&) | (?P<comment>\#[^\n]*)
    | '(?P<single>[^']*)' | "(?P<double>(?:[^"\\]|\\.)*)" | \\(?P<escaped>.) | (?P<plain>[^ \t\r\n;&|'"\\]+)
    """,
    re.VERBOSE | re.DOTALL,
)


def _split(text: str, file: str, known: dict[str, str]) -> Iterator[tuple[list[str], int]]:
    """(words, line) of each command, as they come: `known` may grow in between."""
    words: list[str] = []
    word: str | None = None
    at, number, first = 0, 1, 1
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None or (piece["comment"] is not None and word is not None and (piece := _in_word(text, at)) is None):
            raise BridgeError("a quote does not end", Line(file, number))
        if word is None and not words:
            first = number
        kind = piece.lastgroup
        if kind in ("blank", "end", "comment"):
            if word is not None:
                words.append(word)
                word = None
            if kind == "end" and words:
                yield words, first
                words = []
        else:
            part = piece[kind or ""]
            if kind in ("double", "plain"):
                part = _expanded(part, known, Line(file, number))
            if kind == "double":
                part = re.sub(r'\\([$`"\\])', r"\1", part.replace("\\\n", ""))
            word = (word or "") + part
        number += piece[0].count("\n")
        at = piece.end()
    if word is not None:
        words.append(word)
    if words:
        yield words, first


def _in_word(text: str, at: int) -> re.Match[str] | None:
    """A `#` inside a word is none that begins a comment."""
    return re.compile(r"(?P<plain>#[^ \t\r\n;&|'\"\\]*)").match(text, at)


def _expanded(text: str, known: dict[str, str], where: Line) -> str:
    """With the values of variables. Raises BridgeError for one that the script does not set, and for what a shell would run."""
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in known:
            raise BridgeError(f"${name} is not set in these lines: write its value", where)
        return known[name]

    found = _VARIABLE.sub(value, re.sub(r"\\\$", "\0", text))
    if ("$" in found and "$(" in text) or "`" in text.replace("\\`", ""):
        raise BridgeError("what a command prints is not known here: write it out", where)
    return found.replace("\0", "\\$")
