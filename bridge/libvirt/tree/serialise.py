"""The tree as XML text.

Written here rather than by lxml, which takes longer for this than all passes together: it would copy every element first. Held to
lxml by a test: what it parses out of this text is the tree.

Hardly any value holds a character that must be escaped, so all are written as they are, and a block is looked at as a whole: if it
has more characters of markup than were put there, it is written again, escaped.
"""

from __future__ import annotations

import re
from itertools import groupby

from ...core.report import BridgeError
from .node import QEMU_NS, RESIDUE_NS, Node

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 has no way to write. To compile the others would take ten times as long, at each start."""
_TEXT = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))
_ATTRIBUTE = (*_TEXT, ('"', "&quot;"), ("\t", "&#9;"), ("\n", "&#10;"))
"""What replaces what, in an order in which nothing is replaced twice."""
_ODD = re.compile('[&<>"\t\n\r]').search
_PLAIN = bytes(set(range(0x20, 0x7F)) - set(b'&<>"'))
"""Characters that no value needs an escape for. Beyond ASCII there are illegal ones too: that takes a closer look."""
_SELDOM_PLAIN = ("metadata", "qemu:commandline", "description")
"""Elements with a namespace of their own, JSON, and text of several lines: they are escaped at once."""
_RESIDUE = "virt-qm:"


class Document:
    """A tree as text, in blocks, so that one more child can be added when the tree itself is used up by reading it."""

    def __init__(self, root: Node, before: tuple[str, ...] = ()) -> None:
        """`before`: names of the first children, behind which there is room for one more."""
        self.root = root
        namespace = {"xmlns:qemu": QEMU_NS} if any(child.tag.startswith("qemu:") for child in root.children) else {}
        self.start = f"<{root.tag}{_attributes(namespace | root.attrib)}>"
        at = next((n for n, child in enumerate(root.children) if child.tag not in before), len(root.children))
        self.blocks = _blocks(root.children[:at])
        self.room = len(self.blocks)
        self.blocks += _blocks(root.children[at:])

    def insert(self, node: Node) -> None:
        """Add a child where there is room for it."""
        self.blocks[self.room : self.room] = _blocks([node])

    def text(self) -> str:
        """The document, indented by two blanks as libvirt does, with a final newline.

        Raises BridgeError for characters that XML cannot hold."""
        for part in (self.start, *(block for block, plain in self.blocks if not plain)):
            if (illegal := _ILLEGAL.search(part)) is not None:
                raise BridgeError(f"the character U+{ord(illegal[0]):04X} cannot stand in XML: remove it")
        return "\n".join([self.start, *(block for block, _ in self.blocks), f"</{self.root.tag}>\n"])


def serialise(root: Node) -> str:
    """A whole tree as a document."""
    return Document(root).text()


def lines_of(node: Node, depth: int) -> tuple[str, int] | None:
    """The lines of an element at this depth, and their markup; None if something in it must be escaped."""
    return _unescaped([node], "  " * depth)


def _unescaped(nodes: list[Node], indent: str) -> tuple[str, int] | None:
    lines: list[str] = []
    markup = _write(nodes, indent, lines, escape=False) + len(lines) - 1
    text = "\n".join(lines)
    return (text, markup) if _is_plain(text, markup) else None


def _is_plain(text: str, markup: int) -> bool:
    return len(text.encode("utf-8", "surrogatepass").translate(None, _PLAIN)) == markup and f"<{_RESIDUE}" not in text


def _blocks(nodes: list[Node]) -> list[tuple[str, bool]]:
    """The lines of elements that stand side by side, and whether all characters in them are plain. Those that may be are one block."""
    blocks = []
    for seldom, group in groupby(nodes, lambda node: node.tag in _SELDOM_PLAIN):
        members = list(group)
        if not seldom and (known := _unescaped(members, "  ")) is not None:
            blocks.append((known[0], True))
            continue
        lines: list[str] = []
        _write(members, "  ", lines, escape=True)
        blocks.append(("\n".join(lines), False))
    return blocks


def _escaped(text: str, table: tuple[tuple[str, str], ...]) -> str:
    if _ODD(text):
        for character, entity in table:
            text = text.replace(character, entity)
    return text


def _attributes(attributes: dict[str, str]) -> str:
    return "".join([f' {name}="{_escaped(value, _ATTRIBUTE)}"' for name, value in attributes.items()])


def _write(nodes: list[Node], indent: str, lines: list[str], escape: bool) -> int:
    """Append the elements' lines. Returns how many `<`, `>` and `"` that takes if no value holds one."""
    markup = 0
    for node in nodes:
        if node.written is not None and not escape:
            lines.append(node.written[0])
            markup += node.written[1]
            continue
        tag, attributes, children, text = node.tag, node.attrib, node.children, node.text
        line = f"{indent}<{tag}"
        if escape:
            line += _namespace(node) + _attributes(attributes)
            text = _escaped(text, _TEXT)
        else:
            for name, value in attributes.items():
                line += f' {name}="{value}"'
        markup += 2 * len(attributes) + 2
        if children:
            lines.append(line + ">")
            markup += _write(children, indent + "  ", lines, escape) + 2
            lines.append(f"{indent}</{tag}>")
        elif text:
            lines.append(f"{line}>{text}</{tag}>")
            markup += 2
        else:
            lines.append(line + "/>")
    return markup


def _namespace(node: Node) -> str:
    """The first element of the residue names its namespace."""
    if not node.tag.startswith(_RESIDUE):
        return ""
    if (parent := node.parent) is not None and parent.tag.startswith(_RESIDUE):
        return ""
    return f' xmlns:virt-qm="{RESIDUE_NS}"'
