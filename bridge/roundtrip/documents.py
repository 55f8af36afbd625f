"""Two domain trees, compared.

A document is looked at as a set of atoms: (path of the element, attribute or text, value). Devices are told apart by what names them,
not by where they stand, as libvirt sorts them.
"""

from __future__ import annotations

from ..libvirt.tree.node import Node
from ..libvirt.tree.parse import tree
from ..libvirt.tree.serialise import serialise

Path = tuple[tuple[str, str, int], ...]
"""(tag, name, rank among those of one name) of each element below the root. Names are the document's own: joined as text they could lie."""
Atom = tuple[Path, str, str]
"""(path, `@name`, `text` or empty for the element itself, value)."""
Atoms = frozenset[Atom]

METADATA = "metadata"
_NAMED_BY = {"qemu:arg": "value", "qemu:device": "alias", "qemu:property": "name"}
_KIB = {"KiB": 1, "MiB": 1 << 10, "GiB": 1 << 20}
_START, _END = "\n  <metadata>\n", "\n  </metadata>\n"
"""Metadata as the bridge writes it, and as libvirt prints it."""


class Original:
    """The document that was read, as it was before reading used its tree up."""

    def __init__(self, text: str | bytes) -> None:
        self.text = text
        self._atoms: Atoms | None = None

    def atoms(self) -> Atoms:
        """All that it says, but for its metadata."""
        if self._atoms is None:
            self._atoms = atoms(tree(self.text))
        return self._atoms

    def is_written_as(self, root: Node) -> bool:
        """Whether this tree, as it would be written, is the document, but for its metadata. False may cost time, and nothing else."""
        text = self.text
        if isinstance(text, bytes):
            try:
                text = text.decode()
            except UnicodeDecodeError:
                return False
        start = text.find(_START)
        end = text.find(_END, start)
        return start >= 0 and end >= 0 and text[:start] + text[end + len(_END) - 1 :] == serialise(root)


def atoms(root: Node) -> Atoms:
    """All that a domain says, but for its metadata; sizes in KiB and MAC addresses in small letters, as libvirt prints them."""
    found: list[Atom] = []
    _add_atoms(root, (), found)
    return frozenset(found)


def is_borne_out(there: Atoms, before: Atoms, now: Atoms, *, alone: bool = False) -> bool:
    """Whether a document that was `before` and is `now` came nearer to the one that is `there`, or stayed the same.

    What it gained stands there, and what it lost does not: other values took its place (`alone`, of one change by itself: within the
    same element), or nothing is left to tell the two apart. A document that is not there at all bears nothing out."""
    if not now or not before:
        return bool(now) and now == there
    if now in (before, there):
        return True
    gained, lost = now - before, before - now
    places = {atom[0][:-1] if alone else atom[:2] for atom in gained}
    return gained <= there and lost.isdisjoint(there) and all((atom[0][:-1] if alone else atom[:2]) in places for atom in lost)


def _add_atoms(node: Node, path: Path, found: list[Atom]) -> None:
    tag, attributes = node.tag, node.attrib
    found.append((path, "", tag))
    factor = _KIB.get(attributes.get("unit", ""))
    for name, value in attributes.items():
        if factor is not None and name in ("memory", "size", "unit"):
            value = "KiB" if name == "unit" else _in_kib(value, factor)
        found.append((path, f"@{name}", value.lower() if tag == "mac" else value))
    if node.text and (text := node.text.strip(" \t\r\n")):
        found.append((path, "text", text if factor is None else _in_kib(text, factor)))
    count: dict[tuple[str, str], int] = {}
    for child in node.children:
        if child.tag == METADATA and not path:
            continue
        named = (child.tag, _name(child))
        rank = count[named] = count.get(named, 0) + 1
        _add_atoms(child, (*path, (*named, rank)), found)


def _in_kib(value: str, factor: int) -> str:
    """A size in another unit; what is not a number stays."""
    return str(int(value) * factor) if value.isascii() and value.isdigit() and len(value) < 20 else value


def _name(node: Node) -> str:
    """What tells a device from others of its kind: its alias, else its target or MAC address; a word of the command line is itself."""
    if node.tag in _NAMED_BY:
        return node.attrib.get(_NAMED_BY[node.tag], "")
    found = ""
    for child in node.children:
        if child.tag == "alias":
            return child.attrib.get("name", "")
        if child.tag == "target":
            found = found or child.attrib.get("dev", "")
        elif child.tag == "mac":
            found = child.attrib.get("address", "").lower()
    return found
