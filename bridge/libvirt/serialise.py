"""The tree as XML text.

Written here rather than by lxml, which takes longer for this than all passes together: it would copy every element first. Held to
lxml by a test: what it parses out of this text is the tree.
"""

from __future__ import annotations

import re

from ..report import BridgeError
from .node import QEMU_NS, RESIDUE_NS, Node

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})
_ODD = re.compile('[&<>"\t\n\r]').search


class Document:
    """A tree as text, a block per child of the root, so that one more can be added when the tree itself is used up by reading it."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.attributes = dict(root.attrib)
        self.blocks = [(child.tag, _block(child)) for child in root.children]

    def insert(self, node: Node, after: tuple[str, ...]) -> None:
        """Add a child behind those of these names that stand first."""
        at = next((n for n, (tag, _) in enumerate(self.blocks) if tag not in after), len(self.blocks))
        self.blocks.insert(at, (node.tag, _block(node)))

    def text(self) -> str:
        """The document, indented by two blanks as libvirt does, with a final newline.

        Raises BridgeError for characters that XML cannot hold."""
        namespace = {"xmlns:qemu": QEMU_NS} if any(tag.startswith("qemu:") for tag, _ in self.blocks) else {}
        start = _start(self.root.tag, namespace | self.attributes)
        text = "\n".join([f"{start}>", *(block for _, block in self.blocks), f"</{self.root.tag}>\n"])
        if (illegal := _ILLEGAL.search(text)) is not None:
            raise BridgeError(f"the character U+{ord(illegal[0]):04X} cannot stand in XML: remove it")
        return text


def serialise(root: Node) -> str:
    """A whole tree as a document."""
    return Document(root).text()


def _block(node: Node) -> str:
    lines: list[str] = []
    _write(node, node.attrib, "  ", lines)
    return "\n".join(lines)


def _start(tag: str, attributes: dict[str, str]) -> str:
    text = f"<{tag}"
    for name, value in attributes.items():
        text += f' {name}="{value.translate(_ATTRIBUTE) if _ODD(value) else value}"'
    return text


def _write(node: Node, attributes: dict[str, str], indent: str, lines: list[str]) -> None:
    tag, children = node.tag, node.children
    start = indent + _start(tag, attributes)
    if children:
        lines.append(start + ">")
        deeper = indent + "  "
        for child in children:
            attributes = child.attrib
            if child.tag.startswith("virt-qm:") and not tag.startswith("virt-qm:"):
                attributes = {"xmlns:virt-qm": RESIDUE_NS, **attributes}
            _write(child, attributes, deeper, lines)
        lines.append(f"{indent}</{tag}>")
    elif node.text:
        text = node.text
        lines.append(f"{start}>{text.translate(_TEXT) if _ODD(text) else text}</{tag}>")
    else:
        lines.append(start + "/>")
