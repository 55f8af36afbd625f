"""XML text is written here, not by lxml: what lxml reads out of it is the tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bridge
from bridge.core.report import BridgeError
from bridge.libvirt import controller
from bridge.libvirt.tree.node import Node
from bridge.libvirt.tree.parse import tree
from bridge.libvirt.tree.serialise import serialise

VALUES = st.text("ab&<>\"'\t\n\r]{:\x7fü\U0001f600", max_size=4)
ATTRIBUTES = st.dictionaries(st.sampled_from(("name", "type", "value")), VALUES)
TAGS = st.sampled_from(("devices", "metadata", "description", "qemu:commandline", "virt-qm:vm", "source"))
Shape = tuple[str, dict[str, str], str, list["Shape"]]
TREES: st.SearchStrategy[Shape] = st.recursive(
    st.tuples(TAGS, ATTRIBUTES, VALUES, st.just([])),
    lambda inner: st.tuples(TAGS, ATTRIBUTES, st.just(""), st.lists(inner, max_size=3)),
    max_leaves=6,
)


def built(shape: Shape, parent: Node) -> None:
    tag, attrib, text, children = shape
    node = parent.add(tag, text)
    node.attrib = dict(attrib)
    for child in children:
        built(child, node)


def shape_of(node: Node) -> Shape:
    return node.tag, node.attrib, "" if node.children else node.text, [shape_of(child) for child in node.children]


@given(st.lists(TREES, max_size=3))
def test_lxml_reads_the_tree_that_was_written(shapes: list[Shape]) -> None:
    root = Node("domain", {"xmlns:qemu": "http://libvirt.org/schemas/domain/qemu/1.0"})
    for shape in shapes:
        built(shape, root)
    text = serialise(root)
    assert [shape_of(node) for node in tree(text).children] == [shape_of(node) for node in root.children]


@pytest.mark.parametrize("tag", ["name", "description"])
@pytest.mark.parametrize("character", ["\x00", "\x1b", "\ud800", "\ufffe"])
def test_a_character_that_xml_cannot_hold_is_refused(tag: str, character: str) -> None:
    for text, attrib in ((f"a{character}b", {}), ("", {"value": f"a{character}b"})):
        root = Node("domain")
        root.add(tag, text).attrib = attrib
        with pytest.raises(BridgeError, match=f"U\\+{ord(character):04X}"):
            serialise(root)


@pytest.mark.parametrize("machine", ["pc", "pc-i440fx-3.1", "q35", "pc-q35-3.1+pve0", "q35,viommu=intel"])
def test_controllers_met_before_are_written_and_read_alike(machine: str) -> None:
    """The path with an ampersand has the whole block escaped, also what is known."""
    config = f"machine: {machine}\nscsihw: lsi\nusb0: host=1-2\nscsi9: /mnt/a&b.raw\n"
    config += "".join(f"scsi{n}: local:100/vm-100-disk-{n}.raw\nnet{n}: virtio\n" for n in range(9))
    controller._KNOWN.clear()
    controller._READ.clear()
    for text in (config, config.replace("&", "")):
        first, second = (bridge.convert(text, source="conf", to="xml") for _ in range(2))
        assert (second.text, second.findings) == (first.text, first.findings)
        assert bridge.convert(first.text, source="xml", to="conf").text
    assert controller._READ
    assert controller._READ.keys() <= {known.written for known in controller._KNOWN.values()}
