"""The residue: what a config says and XML cannot, kept as text under <metadata>.

Rows are made by the self-proof: the XML is read back, and every key whose text did not return is stored with the text that *did*
return (`seen`). On the way back, a key that still reads as `seen` gets its stored text; one that reads differently was edited, and
the edit wins. So the live XML always wins, and the residue fills only what XML cannot say.
"""

from __future__ import annotations

import re
from collections.abc import Container

import msgspec

from ...core.report import BridgeError, Report
from ...data.options import SECRETS
from ..tree.node import Node

TAG = "virt-qm:vm"
MAX_DESCRIPTION = 8192
"""Characters, as of <description>."""
_SECRET_LINE = re.compile(r"^(?:cipassword|sshkeys): .*\n", re.MULTILINE)
MAX_ROWS = 2000
MAX_STORAGES = 1 << 16

_UNSAFE = re.compile("[%\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_UNSAFE_IN_LINES = re.compile("[%\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile("(?:%[0-9A-F]{2})++")


Keys = dict[str, tuple[str | None, str | None]]


class Residue(msgspec.Struct):
    """`keys`: key -> (text or None if the key must not be there, seen or None). `sections`: header and body texts, in order."""

    vmid: int | None = None
    keys: Keys = msgspec.field(default_factory=dict)
    sections: str = ""
    storages: str = ""
    """The storages of the VM's volumes, as sections of storage.cfg: what a reader without the node's facts finds them by."""
    description: str | None = None
    """Only if <description> cannot hold it."""

    def text(self, key: str) -> str | None:
        row = self.keys.get(key)
        return None if row is None else row[0]

    def part(self, names: tuple[str, ...]) -> Residue:
        """What it says of some keys, and nothing else."""
        return Residue(self.vmid, {key: self.keys[key] for key in names if key in self.keys})


def escape(text: str, unsafe: re.Pattern[str] = _UNSAFE) -> str:
    """Text as XML can hold it: control characters, `%` and surrogates as %XX of their bytes."""
    return unsafe.sub(lambda m: "".join(f"%{b:02X}" for b in m[0].encode("utf-8", "surrogateescape")), text)


def escape_lines(text: str) -> str:
    """`escape` for text of several lines, which stay lines."""
    return escape(text, _UNSAFE_IN_LINES)


def unescape(text: str) -> str:
    """The inverse of `escape` and of `escape_lines`."""
    return _ESCAPED.sub(lambda m: bytes.fromhex(m[0].replace("%", "")).decode("utf-8", "surrogateescape"), text)


def compare(wanted: dict[str, str], seen: dict[str, str], vmid: int, always: Container[str] = ()) -> Residue:
    """Wanted config keys against what the XML alone gives back. Those of `always` are remembered though they come back by themselves."""
    residue = Residue(vmid)
    for key, text in wanted.items():
        if key in SECRETS:
            continue
        got = seen.get(key)
        if got != text or key in always:
            residue.keys[key] = (text, got)
    for key, got in seen.items():
        if key not in wanted:
            residue.keys[key] = (None, got)
    return residue


def public(sections: str) -> str:
    """Snapshots and pending changes without the passwords and keys in them."""
    return _SECRET_LINE.sub("", sections)


def element(residue: Residue) -> Node:
    """The <metadata> that holds the residue; it is always written, as it also tells that the bridge made this XML."""
    metadata = Node("metadata")
    vm = metadata.add(TAG)
    if residue.vmid is not None:
        vm.set("vmid", str(residue.vmid))
    for key, (text, seen) in residue.keys.items():
        node = vm.add("virt-qm:key" if text is not None else "virt-qm:absent", name=key)
        if text is not None:
            node.text = escape(text)
        if seen is not None:
            node.set("seen", escape(seen))
    if residue.description is not None:
        vm.add("virt-qm:description", escape_lines(residue.description))
    if residue.sections:
        vm.add("virt-qm:sections", escape_lines(residue.sections))
    if residue.storages:
        vm.add("virt-qm:storages", escape_lines(residue.storages))
    return metadata


def take(root: Node) -> Residue | None:
    """Claim the residue out of <metadata>; None if there is none. It is input like any other: sizes are limited here,
    and every key is checked as a config line when it is used."""
    metadata = root.peek("metadata")
    vm = metadata.child(TAG) if metadata is not None else None
    if metadata is None or vm is None:
        return None
    metadata.claim()
    vmid = vm.take("vmid")
    residue = Residue(int(vmid) if vmid and vmid.isascii() and vmid.isdigit() and len(vmid) < 10 else None)
    rows = [node for node in vm.children if node.tag in ("virt-qm:key", "virt-qm:absent")]
    if len(rows) > MAX_ROWS:
        raise BridgeError(f"the residue has more than {MAX_ROWS} keys: remove <{TAG}>", vm)
    for node in rows:
        node.claim_text()
        key, seen = node.need("name"), node.take("seen")
        text: str | None = unescape(node.text.strip(" \t\r\n") or node.text) if node.tag == "virt-qm:key" else None
        residue.keys[key] = (text, None if seen is None else unescape(seen))
    for name in ("sections", "description", "storages"):
        node_of = vm.only(f"virt-qm:{name}")
        if node_of is not None:
            node_of.claim_text()
            setattr(residue, name, unescape(node_of.text))
    if len(residue.storages) > MAX_STORAGES:
        raise BridgeError(f"the storages have more than {MAX_STORAGES} characters: remove <virt-qm:storages>", vm)
    if len(residue.description or "") > MAX_DESCRIPTION:
        raise BridgeError(f"the description has more than {MAX_DESCRIPTION} characters: shorten it", vm)
    return residue


def restore(seen: dict[str, str], residue: Residue) -> dict[str, str]:
    """The config's keys, the metadata trusted: stored texts where the XML still says what it said when they were stored."""
    merged = dict(seen)
    for key, (text, was) in residue.keys.items():
        if seen.get(key) != was:
            continue
        if text is None:
            merged.pop(key, None)
        else:
            merged[key] = text
    return merged


def stale(seen: dict[str, str], residue: Residue, report: Report) -> None:
    """Tell of keys that were edited in the XML: the edit wins."""
    for key, (text, was) in residue.keys.items():
        now = seen.get(key)
        if now == was:
            continue
        message = f"{key} was edited in the XML: it reads '{_short(now)}' now, '{_short(was)}' when it was written"
        if text is not None:
            message += f"; the remembered '{_short(text)}' is dropped"
        report.add("stale-residue", "/domain/metadata", message)


def _short(text: str | None) -> str:
    text = text or "nothing"
    return text if len(text) <= 100 else text[:97] + "..."
