"""XML text to the claiming tree. Text is hostile until it is a tree (security-rules S9, S11, S14 to S16)."""

from __future__ import annotations

import re
from typing import Any
from weakref import ref

from lxml import etree

from ...core.report import BridgeError, Report
from ...data.elements import KNOWN
from ...data.gates import Target
from . import bounds, duplicates
from .domain import Domain
from .node import PREFIX, Node

MAX_BYTES = 4 << 20
"""No domain comes near it; read before anything is expanded (security-rules S16)."""
MAX_ELEMENTS = 20_000
MAX_ATTRIBUTES = 128
"""Of one element; in libvirt's schemas none has more than 26. lxml looks for each value from the first one on."""
MAX_NAMESPACE = 256
"""Characters of a namespace's name, which lxml puts before the name of each element."""

_DOCTYPE = re.compile(r"(?>[ \t\r\n]+|<!--.*?-->|<\?.*?\?>)*+<!DOCTYPE", re.DOTALL).match
"""A DOCTYPE can stand before the root only; no text of the document is taken for one."""
_XINCLUDE = "{http://www.w3.org/2001/XInclude}"
_ENCODING = re.compile(r"""encoding\s*=\s*["']([^"']*)["']""")
_find_crowded: Any = etree.XPath(f"//*[@*[{MAX_ATTRIBUTES + 1}]]")
_ROOM = 5 * MAX_ATTRIBUTES
"""Characters that so many attributes take at least, as ` a=""`."""
_CROWDED = re.compile(rf"""<[^\s<>/!?]++(?:\s++[^\s=<>"']++\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+')){{{MAX_ATTRIBUTES + 1}}}""").search
LARGE = 256 << 10
"""Characters from which on attributes are counted before there is a tree, which takes up to a hundred times their memory."""
_LONG_NAMESPACE = re.compile(rf"""xmlns[^\s=]*+\s*+=\s*+["'][^"']{{{MAX_NAMESPACE + 1}}}""").search
_PREFIXES = {f"{{{uri}}}": f"{prefix}:" for uri, prefix in PREFIX.items()}


def parse(text: str | bytes, report: Report, target: Target) -> Domain:
    """One `<domain>` as a claiming tree. Raises BridgeError on anything that is not plain, small, DOCTYPE-free XML in UTF-8 or UTF-16."""
    root = tree(text)
    if root.tag != "domain":
        raise BridgeError(f"the root element is <{root.tag}>: give a libvirt <domain>", root)
    duplicates.check(root)
    bounds.check(root)
    return Domain(root, report, target)


def tree(text: str | bytes) -> Node:
    """Any XML document as a claiming tree."""
    if len(text) > MAX_BYTES:
        raise BridgeError(f"the XML is larger than {MAX_BYTES >> 20} MiB")
    data = _decoded(text) if isinstance(text, bytes) else text.removeprefix("\ufeff")
    if _DOCTYPE(data):
        raise BridgeError("the XML has a DOCTYPE: remove it", "line 1")
    _check_memory(data)
    try:
        data = _without_declaration(data)
        root = etree.fromstring(data, _parser())
    except (etree.XMLSyntaxError, ValueError, UnicodeError) as error:
        line = getattr(error, "lineno", None)
        raise BridgeError(f"not well-formed XML: {str(error).split(', line ')[0]}", f"line {line}" if line else None) from None
    document = root.getroottree().docinfo
    if document.doctype or document.internalDTD is not None:
        raise BridgeError("the XML has a DOCTYPE: remove it", "line 1")
    if max(map(len, data.split("<"))) > _ROOM:  # no element is longer than what stands between two of these
        _check_crowded(root)
    return _root(root)


def _check_crowded(root: Any) -> None:
    for crowded in _find_crowded(root):
        raise BridgeError(f"<{_tag(crowded.tag)[:100]}> has {CROWDED}", f"line {crowded.sourceline}")


CROWDED = f"more than {MAX_ATTRIBUTES} attributes: remove those that libvirt does not know"


def _check_memory(data: str) -> None:
    """What would cost the parser much more than its bytes."""
    if (found := _LONG_NAMESPACE(data)) is not None:
        raise BridgeError(f"a namespace's name is longer than {MAX_NAMESPACE} characters: shorten it", _line(data, found))
    if len(data) < LARGE:
        return
    if data.count("<") > 4 * MAX_ELEMENTS:  # two of each element, and room for comments
        raise BridgeError(f"the XML has more than {MAX_ELEMENTS} elements")
    if (found := _CROWDED(data)) is not None:
        raise BridgeError(f"an element has {CROWDED}", _line(data, found))


def _line(data: str, at: re.Match[str]) -> str:
    return f"line {data.count(chr(10), 0, at.start()) + 1}"


def _parser() -> Any:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=False, strip_cdata=True
    )


def _decoded(data: bytes) -> str:
    """UTF-8, or UTF-16 with a byte order mark; a declaration of anything else is refused."""
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BridgeError(f"the XML is not UTF-8 (byte {error.start}): convert it", None) from None


def _without_declaration(text: str) -> str:
    """lxml takes no encoding declaration in decoded text; what it names must be true anyway."""
    if not text.startswith("<?xml"):
        return text
    end = text.find("?>")
    declared = _ENCODING.search(text[:end])
    if declared is not None and declared[1].lower() not in ("utf-8", "utf-16", "us-ascii"):
        raise BridgeError("the XML declares an encoding other than UTF-8: convert it", "line 1")
    return "\n" * text.count("\n", 0, end) + text[end + 2 :]


def _tag(name: str) -> str:
    if name[0] != "{":
        return name
    uri, _, local = name.partition("}")
    prefix = _PREFIXES.get(uri + "}")
    return prefix + local if prefix else name


def _check_foreign(node: Node) -> None:
    """Outside <metadata>, an element of another namespace must not look like one of libvirt's, nor ask for a file (S11, S15)."""
    if node.tag[0] == "{" and (node.tag.startswith(_XINCLUDE) or node.tag.partition("}")[2] in KNOWN):
        raise BridgeError(f"<{node.tag}> is of a namespace that is not libvirt's: remove it", node)


def _root(element: Any) -> Node:
    root = Node(_tag(element.tag), dict(element.items()), None, element.text or "", element.sourceline or 0)
    _check_foreign(root)
    _add_children(root, element, [1], free=False)
    return root


def _add_children(node: Node, element: Any, count: list[int], free: bool) -> None:
    """`count`: elements so far. `free`: below <metadata>, where anybody may say anything."""
    count[0] += len(element)
    if count[0] > MAX_ELEMENTS:
        raise BridgeError(f"the XML has more than {MAX_ELEMENTS} elements")
    free = free or (node.tag == "metadata" and (parent := node.parent) is not None and parent.above is None)
    above = ref(node)
    add = node.children.append
    tails: list[str] = []
    for inner in element:
        tag = inner.tag
        if not isinstance(tag, str):
            what = "an entity reference" if tag is etree.Entity else "a processing instruction"
            raise BridgeError(f"<{node.tag}> holds {what}: write the value out", node)
        child = Node(tag, dict(inner.items()), above, inner.text or "", inner.sourceline or 0)
        if tag[0] == "{":
            child.tag = _tag(tag)
            if not free:
                _check_foreign(child)
        add(child)
        if len(inner):
            _add_children(child, inner, count, free)
        if (tail := inner.tail) and (tail := tail.strip(" \t\r\n")):
            tails.append(tail)
    if tails:
        node.text += "".join(tails)
