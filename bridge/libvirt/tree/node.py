"""The claiming tree: XML as it is read and written.

Taking a value claims it. What nobody claimed is found by `unclaimed` and becomes a finding, so nothing is lost in silence.
A node prints as its XPath and line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import ref

import msgspec

from ...core.report import BridgeError
from ...core.rows import MalformedError, Row, compiled, values_of

QEMU_NS = "http://libvirt.org/schemas/domain/qemu/1.0"
RESIDUE_NS = "urn:virt-qm:residue:1"
SECRET_ATTRIBUTES = ("passwd", "password")
"""Attributes whose values stand in no finding (security-rules S12)."""
PREFIX = {QEMU_NS: "qemu", RESIDUE_NS: "virt-qm"}


class Node(msgspec.Struct, eq=False, weakref=True):
    """An element. `tag` is the local name, with a known prefix (`qemu:arg`) or `{uri}name` for a foreign namespace.

    A tree is held by its root alone: with it, it is gone at once, and nothing of it is left to the garbage collector.
    """

    tag: str
    attrib: dict[str, str] = {}
    above: ref[Node] | None = None
    text: str = ""
    line: int = 0
    children: list[Node] = []
    claimed: bool = False
    text_claimed: bool = False
    named: dict[str, Node] | None = None
    """The first child of each name, made when one is first asked for; whoever changes `children` does so before, or by `add`."""
    twin: Node | None = None
    """The next child of the same parent and name; known when the parent's `named` is."""
    places: tuple[int, dict[int, str]] | None = None
    implied: bool = False
    """The document does not say it; libvirt adds it (`complete`). No finding names what nobody wrote."""
    written: tuple[str, int] | None = None
    """Of an element that is the same in many documents: its lines, and how much markup is in them (`serialise.lines_of`)."""

    @property
    def parent(self) -> Node | None:
        return None if self.above is None else self.above()

    # --- reading: every call claims what it returns

    def take(self, name: str) -> str | None:
        """Take an attribute."""
        return self.attrib.pop(name, None)

    def need(self, name: str) -> str:
        """Take an attribute that must be there."""
        value = self.attrib.pop(name, None)
        if value is None:
            raise BridgeError(f"<{self.tag}> has no {name}: add it", self)
        return value

    def expect(self, name: str, *values: str) -> bool:
        """Claim an attribute only if it has one of these values; True if it is claimed or absent."""
        have = self.attrib.get(name)
        if have is None:
            return True
        if have in values:
            del self.attrib[name]
            return True
        return False

    def names(self) -> dict[str, Node]:
        """The first child of each name, claimed or not; the others follow as `twin`."""
        named = self.named
        if named is None:
            named = self.named = {}
            for node in reversed(self.children):
                node.twin = named.get(node.tag)
                named[node.tag] = node
        return named

    def holds(self, tags: Iterable[str]) -> bool:
        """Whether there is a child of one of these names, claimed or not."""
        return not (self.named or self.names()).keys().isdisjoint(tags)

    def child(self, tag: str) -> Node | None:
        """Take the first child of this name that is still there."""
        node = (self.named or self.names()).get(tag)
        while node is not None and node.claimed:
            node = node.twin
        if node is not None:
            node.claimed = True
        return node

    def only(self, tag: str) -> Node | None:
        """Take the one child of this name; two are an error (security-rules S13)."""
        found = None
        node = (self.named or self.names()).get(tag)
        while node is not None:
            if not node.claimed:
                if found is not None:
                    raise BridgeError(f"<{self.tag}> holds <{tag}> twice: remove one", node)
                found = node
            node = node.twin
        if found is not None:
            found.claimed = True
        return found

    def all(self, tag: str) -> list[Node]:
        """Take all children of this name."""
        found = []
        node = (self.named or self.names()).get(tag)
        while node is not None:
            if not node.claimed:
                node.claimed = True
                found.append(node)
            node = node.twin
        return found

    def peek(self, tag: str) -> Node | None:
        """Look at the first child of this name without claiming it."""
        return (self.named or self.names()).get(tag)

    def value(self) -> str:
        """Take the text, without XML white space at its ends."""
        self.text_claimed = True
        return self.text.strip(" \t\r\n")

    def flag(self, tag: str) -> bool:
        """Take an empty child whose presence is the value."""
        return self.only(tag) is not None

    def whole(self) -> str:
        """Take the element with all that it holds, to be named in a finding."""
        text = self.outline()
        self.take_all()
        return text

    def claim(self, *names: str) -> None:
        """Take the element itself and these attributes; its text and what else it holds stay for others, and for the report."""
        self.claimed = True
        for name in names:
            self.attrib.pop(name, None)

    def claim_text(self, *names: str) -> None:
        """Take the element, its text and these attributes, of which somebody speaks; what else it holds stays for the report."""
        self.claimed = self.text_claimed = True
        for name in names:
            self.attrib.pop(name, None)

    def take_all(self) -> None:
        """Take the element with all that it holds."""
        self.claimed = self.text_claimed = True
        self.attrib.clear()
        for node in self.children:
            node.take_all()

    def unclaim(self) -> None:
        """Give an element back: it will be reported whole."""
        self.claimed = False

    def unclaimed(self) -> list[tuple[Node, str]]:
        """What nobody took, in document order: (element, description with its values)."""
        left: list[tuple[Node, str]] = []
        self._find_unclaimed(left)
        return left

    def _find_unclaimed(self, left: list[tuple[Node, str]]) -> None:
        left += [(self, self._attribute(name)) for name in self.attrib]
        if self.text and not self.text_claimed and (text := self.text.strip(" \t\r\n")):
            left.append((self, f"text '{text}'"))
        for node in self.children:
            if node.implied:
                continue
            if not node.claimed:
                left.append((node, node.outline()))
            elif node.children or node.attrib or node.text:  # most have nothing left
                node._find_unclaimed(left)

    def outline(self) -> str:
        """The element with all that it holds, on one line."""
        start = f"<{self.tag}"
        for name in self.attrib:
            start += f" {self._attribute(name)}"
        inner = self.text.strip(" \t\r\n") if self.text else ""
        if self.children:
            inner += "".join([node.outline() for node in self.children if not node.implied])
        return f"{start}>{inner}</{self.tag}>" if inner else start + "/>"

    def _attribute(self, name: str) -> str:
        return f"{name}='{'***' if name in SECRET_ATTRIBUTES else self.attrib[name]}'"

    def xpath(self) -> str:
        parent = self.parent
        return "/" + self.tag if parent is None else f"{parent.xpath()}/{self.tag}{parent._position(self)}"

    def _position(self, child: Node) -> str:
        """`[2]` for the second of several children of one name. All are counted at once: many may be asked for."""
        if self.places is None or self.places[0] != len(self.children):
            by_tag: dict[str, list[int]] = {}
            for node in self.children:
                by_tag.setdefault(node.tag, []).append(id(node))
            numbers = {key: f"[{n}]" for twins in by_tag.values() if len(twins) > 1 for n, key in enumerate(twins, 1)}
            self.places = len(self.children), numbers
        return self.places[1].get(id(child), "")

    def rank(self) -> int:
        """How many siblings of this name stand before it."""
        parent = self.parent
        position = parent._position(self) if parent is not None else ""
        return int(position[1:-1]) - 1 if position else 0

    def __str__(self) -> str:
        return f"{self.xpath()} (line {self.line})" if self.line else self.xpath()

    # --- writing

    def add(self, tag: str, text: str = "", /, **attrib: str) -> Node:
        """Append a child."""
        node = Node(tag, attrib, ref(self), text)
        self.children.append(node)
        if self.named is not None:
            self.named = None
        return node

    def ensure(self, tag: str) -> Node:
        """The first child of this name, made if it is not there."""
        for node in self.children:
            if node.tag == tag:
                return node
        return self.add(tag)

    def set(self, name: str, value: str) -> None:
        self.attrib[name] = value


_Place = tuple[str, Callable[[str], Any] | None, str]
"""Field, how its text is read, and its place for messages."""


class _Level:
    """Rows compiled for one element: its attributes and text, and what stands in its children."""

    __slots__ = ("attributes", "children", "text")

    def __init__(self) -> None:
        self.attributes: dict[str, _Place] = {}
        self.text: _Place | None = None
        self.children: dict[str, _Level] = {}


class _Compiled:
    """Rows in the form that reading and writing go through: what is there decides the work, not how many rows there are."""

    __slots__ = ("fields", "places", "top")

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.top = _Level()
        self.places: list[tuple[tuple[str, ...], str, Callable[[Any], str] | None]] = []
        plain = [row for row in rows if not row.code]
        for row in plain:
            path, _, attribute = row.place.partition("@")
            steps = tuple(path.split("/")) if path else ()
            self.places.append((steps, attribute, row.codec.write if row.codec else None))
            level = self.top
            for step in steps:
                level = level.children.setdefault(step, _Level())
            place = row.field, row.codec.read if row.codec else None, row.place
            if attribute:
                level.attributes.setdefault(attribute, place)
            elif level.text is None:
                level.text = place
        self.fields = values_of([row.field for row in plain])


_of = compiled(_Compiled)


def read_rows(node: Node, rows: tuple[Row, ...]) -> dict[str, Any]:
    """Take what the rows describe out of `node`: {field: value}. A value that a codec refuses stays unclaimed, hence is reported.

    Raises BridgeError for one that is malformed."""
    said: dict[str, Any] = {}
    _read_level(node, _of(rows).top, said)
    return said


def _read_level(node: Node, level: _Level, said: dict[str, Any]) -> bool:
    """Whether anything was claimed."""
    claimed = False
    attrib = node.attrib
    if level.attributes and attrib:
        for name in tuple(attrib):
            place = level.attributes.get(name)
            if place is not None and _take(node, place, attrib[name], said):
                del attrib[name]
                claimed = True
    if level.text is not None and _take(node, level.text, node.text.strip(" \t\r\n"), said):
        node.text_claimed = claimed = True
    if level.children and node.children:
        first = node.named or node.names()
        for child in node.children:
            below = level.children.get(child.tag)
            if below is not None and first[child.tag] is child and _read_level(child, below, said):
                child.claimed = claimed = True
    return claimed


def _take(node: Node, place: _Place, text: str, said: dict[str, Any]) -> bool:
    field, read, where = place
    if read is None:
        said[field] = text
        return True
    try:
        said[field] = read(text)
    except MalformedError as error:
        raise BridgeError(f"{where}: {error}", node) from None
    except ValueError:
        return False
    return True


_HERE: tuple[str, ...] = ()


def write_rows(node: Node, part: object, rows: tuple[Row, ...]) -> None:
    """Put the part's fields into `node` as the rows describe; fields that are None leave nothing."""
    form = _of(rows)
    at, there = node, _HERE
    for value, (path, attribute, write) in zip(form.fields(part), form.places, strict=True):
        if value is None:
            continue
        if path != there:  # rows of one element stand together
            at, there = node, path
            for step in path:
                at = at.ensure(step)
        text = value if write is None else write(value)
        if attribute:
            at.attrib[attribute] = text
        else:
            at.text = text
