"""A domain while it is completed: its devices by kind, in libvirt's order, and what its machine is."""

from __future__ import annotations

from weakref import ref

from ..address import number
from ..tree.node import Node

MOST_INDEX = 255
"""libvirt would add every controller up to the highest that is named; a sane domain has none above (security-rules S9)."""


class Draft:
    """Controllers and disks stand in libvirt's order, which decides who comes first."""

    def __init__(self, root: Node, devices: Node) -> None:
        self.root = root
        self.devices = devices
        self.kinds: dict[str, list[Node]] = {}
        for node in devices.children:
            kind = self.kinds.get(node.tag)
            if kind is None:
                self.kinds[node.tag] = [node]
            else:
                kind.append(node)
        os = root.peek("os")
        type_ = os.peek("type") if os is not None else None
        said = type_.attrib if type_ is not None else {}
        self.arch = said.get("arch", "x86_64")
        self.machine = said.get("machine", "pc" if self.arch in X86 else "virt")
        self.base = base(self.arch, self.machine)
        self.by_type: dict[str, list[Node]] = {}
        """Controllers, ordered by index; the types as the document first has them."""
        self.disks: list[Node] = []
        self.notes: list[tuple[str, Node, str]] = []
        """What a person may want to know of it: kind of finding, where, what."""

    def of(self, tag: str) -> list[Node]:
        """Devices of this name, in the document's order."""
        return self.kinds.get(tag, _NONE)

    @property
    def controllers(self) -> list[Node]:
        return [node for nodes in self.by_type.values() for node in nodes]

    def of_type(self, type_: str) -> list[Node]:
        """Controllers of one type."""
        return self.by_type.get(type_, _NONE)

    def add(self, tag: str, **attrib: str) -> Node:
        """A device that the document does not name."""
        node = self.devices.add(tag, **attrib)
        node.implied = True
        self.kinds.setdefault(tag, []).append(node)
        return node

    @property
    def express(self) -> bool:
        """Whether the machine's own bus is PCI Express."""
        return self.base in ("q35", "virt")


_NONE: list[Node] = []
X86 = ("x86_64", "i686")
_I440FX = ("pc-0.", "pc-1.", "pc-i440fx-", "rhel")


def base(arch: str, machine: str) -> str:
    """`i440fx`, `q35`, `virt`, or `` for a board without PCI of its own (qemuDomainMachineIsI440FX and its like)."""
    if arch in X86:
        if machine == "q35" or machine.startswith("pc-q35-"):
            return "q35"
        return "i440fx" if machine == "pc" or machine.startswith(_I440FX) else ""
    return "virt" if machine == "virt" or machine.startswith("virt-") else ""


def own(node: Node) -> Node:
    """The element, with attributes and children that it shares with no other document (`controller._copy`)."""
    if node.written is not None:
        node.written = None
        node.attrib = node.attrib.copy()
        node.children = [Node(child.tag, child.attrib.copy(), ref(node), child.text) for child in node.children]
        node.named = None
    return node


def told(node: Node | None, name: str) -> str | None:
    """An attribute, unclaimed, of an element that may be missing."""
    return None if node is None else node.attrib.get(name)


def add(node: Node, tag: str, text: str = "", /, **attrib: str) -> Node:
    """A child that the document does not name."""
    child = own(node).add(tag, text, **attrib)
    child.implied = True
    return child


def child(node: Node, tag: str) -> Node:
    """The first child of this name, added if there is none."""
    return node.peek(tag) or add(node, tag)


def default(node: Node, name: str, value: str) -> None:
    """An attribute that libvirt fills in."""
    if name not in node.attrib:
        own(node).attrib[name] = value


def index_of(node: Node, name: str = "index") -> int | None:
    """A number of an attribute; None if it is not said or none."""
    text = node.attrib.get(name)
    if text is None:
        return None
    try:
        return number(text)
    except ValueError:
        return None


def address_of(node: Node, type_: str) -> Node | None:
    """The device's address, if it is of this type."""
    address = node.peek("address")
    return address if address is not None and address.attrib.get("type") == type_ else None


def give_address(node: Node, type_: str, **attrib: str) -> None:
    """An address in place of none, or of one that leaves all to libvirt; what that one says beside stays."""
    address = own(node).peek("address")
    if address is None:
        address = add(node, "address", type=type_)
    elif address.attrib.get("type") != type_:  # for the reader to judge
        return
    elif address.attrib.keys() == {"type"}:
        address.implied = True
    address.attrib.update(attrib)
