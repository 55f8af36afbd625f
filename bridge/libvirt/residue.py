"""The residue: what a config says and XML cannot, kept as text under <metadata>.

Rows are made by the self-proof: the XML is read back, and every key whose text did not return is stored with the text that *did*
return (`seen`). On the way back, a key that still reads as `seen` gets its stored text; one that reads differently was edited, and
the edit wins. So the live XML always wins, and the residue fills only what XML cannot say.
"""

from __future__ import annotations

import re

import msgspec

from ..report import BridgeError, Report
from .node import Node

TAG = "virt-qm:vm"
ACTIVE = ("args", "cicustom", "hookscript", "lock", "protection", "runningcpu", "runningmachine", "template", "vmstate")
"""Keys that make a node do something; when they come back from metadata the reader should look at them (security-rules S12)."""
SECRETS = ("cipassword", "sshkeys")
MAX_DESCRIPTION = 8192
"""Characters, as of <description>."""
_SECRET_LINE = re.compile(r"^(?:cipassword|sshkeys): .*\n", re.MULTILINE)
_ACTIVE_LINE = re.compile(rf"^(?:{'|'.join((*ACTIVE, 'hostpci[0-9]+'))}): .*", re.MULTILINE)
MAX_ROWS = 2000
CHECK = "check it if the XML comes from somebody else"

_UNSAFE = re.compile("[%\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile("%([0-9A-F]{2})((?:%[0-9A-F]{2})*)")


class Residue(msgspec.Struct):
    """`keys`: key -> (text or None if the key must not be there, seen or None). `sections`: header and body texts, in order."""

    vmid: int | None = None
    keys: dict[str, tuple[str | None, str | None]] = msgspec.field(default_factory=dict)
    sections: str = ""
    description: str | None = None
    """Only if <description> cannot hold it."""

    def text(self, key: str) -> str | None:
        row = self.keys.get(key)
        return None if row is None else row[0]


def escape(text: str) -> str:
    """Text as XML can hold it: control characters, `%` and surrogates as %XX of their bytes."""
    return _UNSAFE.sub(lambda m: "".join(f"%{b:02X}" for b in m[0].encode("utf-8", "surrogateescape")), text)


def unescape(text: str) -> str:
    """The inverse of `escape`."""
    return _ESCAPED.sub(lambda m: bytes.fromhex(m[0].replace("%", "")).decode("utf-8", "surrogateescape"), text)


def compare(wanted: dict[str, str], seen: dict[str, str], vmid: int) -> Residue:
    """Wanted config keys against what the XML alone gives back."""
    residue = Residue(vmid)
    for key, text in wanted.items():
        if key in SECRETS:
            continue
        got = seen.get(key)
        if got != text:
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
        vm.add("virt-qm:description", escape(residue.description.replace("\n", "\x00")).replace("%00", "\n"))
    if residue.sections:
        vm.add("virt-qm:sections", escape(residue.sections.replace("\n", "\x00")).replace("%00", "\n"))
    return metadata


def take(root: Node) -> Residue | None:
    """Claim the residue out of <metadata>; None if there is none. It is input like any other: sizes are limited here,
    and every key is checked as a config line when it is used."""
    metadata = root.peek("metadata")
    vm = metadata.child(TAG) if metadata is not None else None
    if metadata is None or vm is None:
        return None
    metadata.claimed = True
    vmid = vm.get("vmid")
    residue = Residue(int(vmid) if vmid and vmid.isascii() and vmid.isdigit() and len(vmid) < 10 else None)
    rows = [node for node in vm.children if node.tag in ("virt-qm:key", "virt-qm:absent")]
    if len(rows) > MAX_ROWS:
        raise BridgeError(f"the residue has more than {MAX_ROWS} keys: remove <{TAG}>", vm)
    for node in rows:
        node.claimed = node.text_claimed = True
        key, seen = node.need("name"), node.get("seen")
        text: str | None = unescape(node.text.strip(" \t\r\n") or node.text) if node.tag == "virt-qm:key" else None
        residue.keys[key] = (text, None if seen is None else unescape(seen))
    for name in ("sections", "description"):
        node_of = vm.only(f"virt-qm:{name}")
        if node_of is not None:
            node_of.text_claimed = True
            setattr(residue, name, unescape(node_of.text))
    if len(residue.description or "") > MAX_DESCRIPTION:
        raise BridgeError(f"the description has more than {MAX_DESCRIPTION} characters: shorten it", vm)
    return residue


def merge(seen: dict[str, str], residue: Residue, report: Report, root: Node) -> dict[str, str]:
    """The config's keys: what the XML says now, and stored texts where the XML still says what it said when they were stored."""
    merged = dict(seen)
    for line in _ACTIVE_LINE.findall(residue.sections):
        report.add("restored", root, f"'{line}' of a snapshot or pending change comes from the metadata", CHECK)
    for key, (text, was) in residue.keys.items():
        now = seen.get(key)
        if now == was:
            if text is None:
                merged.pop(key, None)
            else:
                merged[key] = text
                if key in ACTIVE:
                    report.add("restored", root, f"'{key}: {text}' comes from the metadata", CHECK)
        else:
            report.add(
                "stale-residue",
                root,
                f"{key} was edited in the XML: it reads '{now or 'nothing'}' now, '{was or 'nothing'}' when it was written"
                + (f"; the remembered '{text}' is dropped" if text is not None else ""),
            )
    return merged
