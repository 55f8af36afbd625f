"""What people hold of a VM that is not a VMID.conf as it stands: `qm config` output, the API's JSON, `qm create` lines, backups.

`unwrap` makes the text of a config of each; the reader of configs sees nothing else. A text that is a config already stays as it is.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from msgspec.structs import replace

from ..core.report import BridgeError, Report
from ..data.options import option
from ..host.facts import HostFacts
from . import command, vma
from .suggest import nearest
from .text import MAX_FILE, ConfigText, body, parse

EXPECTED = (
    "is not a VM: give a qemu-server config (lines as `memory: 2048`), domain XML or a QEMU command line; `qm config` output, the JSON of"
    " `pvesh get`, a `qm create` line and a vzdump archive are read, too"
)
_KEY = re.compile(r"([a-z][a-z_-]*[0-9]{0,3}):[ \t]*\S", re.ASCII)
_DIGEST = re.compile(r"^digest: [0-9a-f]{40}$", re.MULTILINE | re.ASCII)
"""Of the config's text: the API adds it."""
_HIDDEN = re.compile(r"^cipassword: \*+$", re.MULTILINE)
_MAP = re.compile(r"^#qmdump#.*$", re.MULTILINE)
"""vzdump's own notes in the config of a backup."""
_NOT_STORED = frozenset(("digest", "pending", "snapshots"))
_CONTAINER = frozenset(("rootfs", "ostemplate"))


def is_held(text: str | bytes) -> bool:
    """Whether the text is a config, or something that `unwrap` makes one of."""
    if isinstance(text, bytes):
        if text.startswith(vma.MAGIC):
            return True
        text = text.decode("utf-8", "replace")
    if "\0" in text:  # an archive of configs, or a file that a crash left half written
        return False
    start = text.lstrip("\ufeff \t\r\n")[:1]
    return start == "{" or is_command(text) or _is_config(text)


CERTAIN = 8
"""So many settings more than other lines are a config, whatever comes after them."""
MOST_LINES = 50
"""Of other lines; in these a mistyped option is looked for, too."""


def _is_config(text: str) -> bool:
    """Whether no fewer lines are settings than are not: `name: x` stands in many a file."""
    settings = 0
    strange: list[str] = []
    for line in text.split("\n"):
        line = line.lstrip("\ufeff").rstrip()
        if not line or line[0] in "#[":
            continue
        if is_setting(line):
            settings += 1
            if settings - len(strange) >= CERTAIN:
                return True
        else:
            strange.append(line)
            if len(strange) > MOST_LINES:
                break
    if settings < len(strange):  # looking for what was meant takes long
        mistyped = sum(map(_is_mistyped, strange))
        return 0 < settings + mistyped >= len(strange) - mistyped
    return settings > 0


def _is_mistyped(line: str) -> bool:
    match = _KEY.match(line)
    return match is not None and bool(nearest(match[1], MISTYPED))


MISTYPED = 0.82
"""How alike a key and an option are that was meant: `memroy`, not `root` for boot."""


def is_command(text: str) -> bool:
    """Whether it is a `qm create` or `qm set` line, or a script with one."""
    return command.FIRST(text) is not None


def is_setting(line: str) -> bool:
    """`KEY: VALUE` of an option that qemu-server has; a container's config counts, so that it is told for one."""
    match = _KEY.match(line)
    return match is not None and (option(match[1]) is not None or match[1] in ("args", "description", *_CONTAINER))


class Held(NamedTuple):
    """`text` is a config's, `vmid` the VM's id if it is said. `lines`: where the file says each key, if its lines are not the config's."""

    text: str | bytes
    vmid: int | None = None
    lines: dict[str, int] | None = None

    def parse(self, vmid: int, file: str) -> ConfigText:
        """The config, every line that of the file."""
        found = parse(self.text, vmid=vmid, name=file)
        if self.lines is None or not isinstance(self.text, str):
            return found
        there = [self.lines.get(line.partition(":")[0], 1) for line in self.text.split("\n")]
        found.main.entries = {key: replace(entry, line=there[entry.line - 1]) for key, entry in found.main.entries.items()}
        found.problems = [problem._replace(line=there[problem.line - 1]) for problem in found.problems]
        found.notes = [note._replace(line=there[note.line - 1]) for note in found.notes]
        return found


def unwrap(text: str | bytes, file: str, host: HostFacts, report: Report) -> Held:
    """Raises BridgeError for what is not a VM's config, or a container's."""
    if isinstance(text, bytes) and text.startswith(vma.MAGIC):
        return Held(_backup(text, file))
    plain = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
    if plain.lstrip(" \t\r\n").startswith("{"):
        return _of_api(plain, file, report)
    if command.FIRST(plain):
        return Held(*command.config(plain, file, host, report))
    if re.search(r"^(?:rootfs|ostemplate): ", plain, re.MULTILINE):
        raise BridgeError("is the config of a container: only VMs are converted", file)
    if "\ndigest: " not in plain and not plain.startswith("digest: "):
        return Held(text)
    plain = _DIGEST.sub("", plain)
    if _HIDDEN.search(plain):
        _tell_hidden(report)
        plain = _HIDDEN.sub("", plain)
    return Held(plain.encode("utf-8", "surrogateescape"))


def _tell_hidden(report: Report) -> None:
    report.add("secret-left-out", None, "the API shows no cipassword: it is left out", "qm set VMID --cipassword ...")


def _of_api(text: str, file: str, report: Report) -> Held:
    """`pvesh get /nodes/NODE/qemu/VMID/config --output-format json`, or the API's own answer with its `data`."""
    if len(text) > MAX_FILE:
        raise BridgeError(f"the JSON is larger than {MAX_FILE} bytes", file)
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BridgeError(f"is not JSON: {error}"[:200], file) from None
    if isinstance(said.get("data"), dict):
        said = said["data"]
    if not any(is_setting(f"{key}: x") for key in said):
        raise BridgeError(EXPECTED, file)
    values = {str(key): _value(str(key), value, file) for key, value in said.items() if value is not None and key not in _NOT_STORED}
    if not _CONTAINER.isdisjoint(values):
        raise BridgeError("is the config of a container: only VMs are converted", file)
    if values.get("cipassword", "x").strip("*") == "":
        del values["cipassword"]
        _tell_hidden(report)
    description = values.pop("description", None)
    lines = {match[1]: text.count("\n", 0, match.start()) + 1 for match in _NAME.finditer(text)} if "\n" in text.strip() else {}
    return Held(body(values, description), lines=lines)


_NAME = re.compile(r'"([a-z][a-z0-9_-]*)"\s*:', re.ASCII)


def _value(key: str, value: object, file: str) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if not isinstance(value, str | int | float):
        raise BridgeError(f"{key[:40]}: {json.dumps(value)[:60]} is not a value of a config", file)
    text = str(value)
    if key != "description" and ("\n" in text or "\r" in text):
        raise BridgeError(f"{key[:40]}: the value has more than one line", file)
    return text


def _backup(data: bytes, file: str) -> bytes:
    config = vma.config(data, file)
    return _MAP.sub("", config.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
