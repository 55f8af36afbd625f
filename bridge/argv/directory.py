"""Relative paths of a command line, completed with the directory that QEMU ran in. Nothing is looked up: it is all text."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Any

import msgspec

from ..core.report import BridgeError
from ..data.qemu import FLAGS
from .read import CommandLine, read

Complete = Callable[[str], str]

FILES = frozenset(("dtb", "initrd", "kernel", "mem-path", "mtdblock", "pflash", "sd", "shim"))
"""Options whose whole value is a path."""
IMAGES = frozenset(("cdrom", "fda", "fdb", "hda", "hdb", "hdc", "hdd"))
"""The same, of images: a value may name a protocol as well."""
FOUND = frozenset(("bios", "option-rom"))
"""The same, but a bare name is one of QEMU's own files first of all (system/datadir.c, qemu_find_file)."""
PROPERTIES: dict[str, frozenset[str]] = {
    "audiodev": frozenset(("path",)),
    "blockdev": frozenset(("filename",)),
    "chardev": frozenset(("logfile", "path")),
    "device": frozenset(("romfile",)),
    "drive": frozenset(("file", "filename")),
    "fsdev": frozenset(("path", "socket")),
    "fw_cfg": frozenset(("file",)),
    "machine": frozenset(("dtb", "firmware", "initrd", "kernel", "shim")),
    "net": frozenset(("path", "smb", "tftp")),
    "netdev": frozenset(("path", "smb", "tftp")),
    "nic": frozenset(("path", "smb", "tftp")),
    "object": frozenset(("dir", "file", "filename", "mem-path")),
    "smbios": frozenset(("file",)),
    "virtfs": frozenset(("path", "socket")),
}
"""Option -> the properties that are paths, at whatever depth (`file.filename`)."""
ALIASES = {"M": "machine"}
CHARACTERS = frozenset(("debugcon", "monitor", "parallel", "qmp", "serial"))
_CHARACTER = re.compile(r"((?:file|pipe|unix):)([^,]+)(.*)", re.DOTALL).fullmatch
_HOME = re.compile(r"(?:^|=)~").search
_PROTOCOL = re.compile(r"[^/]*:", re.DOTALL).match
"""As block.c, path_has_protocol: a colon before the first slash."""


def completed(words: list[str], directory: str) -> list[str]:
    """The words of a QEMU process, its program first, with every relative path below `directory`, which is absolute.

    A path that only the host could shorten, as `a/../b`, stays as long as it is.
    """
    found, rest = words[:1], iter(words[1:])
    for word in rest:
        if not word.startswith("-"):
            found.append(_image(word, directory))
            continue
        found.append(word)
        name = word.lstrip("-")
        if name not in FLAGS and (value := next(rest, None)) is not None:
            found.append(_value(ALIASES.get(name, name), value, directory))
    return found


def below(command: CommandLine, directory: str, file: str) -> CommandLine:
    """The command line with whole paths. Raises BridgeError for a directory that is not absolute itself, and for `~`, which a shell would
    make somebody's home of."""
    if not directory.startswith("/"):
        raise BridgeError(f"the directory '{directory[:200]}' is not absolute: write it in full", file)
    start = command.words.index(command.program) + 1 if command.program else 0
    before, own = command.words[:start], command.words[start:]
    whole = completed([command.program, *own], directory)[1:]
    for word, other in zip(own, whole, strict=True):
        if word != other and _HOME(word):
            raise BridgeError(f"'{word[:60]}': whose home ~ stands for is not known: write the path in full", file)
    return read([*before, *whole], file)


def _value(name: str, text: str, directory: str) -> str:
    if name in FILES:
        return _file(text, directory)
    if name in IMAGES:
        return _image(text, directory)
    if name in FOUND:
        return _named(text, directory)
    if name in CHARACTERS and (match := _CHARACTER(text)):
        return f"{match[1]}{_file(match[2], directory)}{match[3]}"
    if name not in PROPERTIES:
        return text

    def complete(value: str) -> str:
        return (_named if name == "device" else _image if name == "drive" else _file)(value, directory)

    return _json(text, PROPERTIES[name], complete) if text.startswith("{") else _list(text, PROPERTIES[name], complete)


def _list(text: str, names: frozenset[str], complete: Complete) -> str:
    """`a=b,c=d`, all else of it as it was."""
    parts = [part.partition("=") for part in text.replace(",,", "\0").split(",")]
    if ("abstract", "=", "on") in parts:  # a name of the kernel's, no path
        return text
    parts = [(key, is_, complete(value) if is_ and key.rpartition(".")[2] in names else value) for key, is_, value in parts]
    return ",".join((key + is_ + value.replace(",", ",,")).replace("\0", ",,") for key, is_, value in parts)


def _json(text: str, names: frozenset[str], complete: Complete) -> str:
    try:
        found = msgspec.json.decode(text.encode())
        made = _tree(found, names, complete)
    except (msgspec.DecodeError, RecursionError):
        return text  # the reader says what is wrong with it
    return text if made == found else msgspec.json.encode(made).decode()


def _tree(value: Any, names: frozenset[str], complete: Complete) -> Any:
    if isinstance(value, list):
        return [_tree(each, names, complete) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: complete(below) if key in names and isinstance(below, str) and not _is_node(value, key) else _tree(below, names, complete)
        for key, below in value.items()
    }


def _is_node(value: dict[str, Any], key: str) -> bool:
    """`file` of a block node names another node."""
    return key == "file" and "driver" in value


def _image(text: str, directory: str) -> str:
    if text.startswith("json:"):
        return "json:" + _json(text[5:], PROPERTIES["blockdev"], lambda value: _file(value, directory))
    path = text.removeprefix("file:")
    return text if not path or _PROTOCOL(path) else _file(path, directory)


def _named(text: str, directory: str) -> str:
    return _file(text, directory) if "/" in text else text


def _file(text: str, directory: str) -> str:
    if not text or text.startswith("/"):
        return text
    steps = [step for step in text.split("/") if step not in ("", ".")]
    while steps[:1] == [".."]:
        directory, steps = posixpath.dirname(directory), steps[1:]
    return posixpath.join(directory, *steps)
