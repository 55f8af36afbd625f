"""Whether XML is, but for its metadata, what the bridge would write: then reading what it would write tells nothing else."""

from __future__ import annotations

from .domain import Domain
from .node import Node
from .serialise import serialise

FROM_METADATA = ("args", "runningcpu")
"""Keys by which the metadata has a say in what is read (`libvirt.raw`, `libvirt.cpu`)."""
NO_BRIDGE_HOTPLUG = "acpi-pci-hotplug-with-bridge-support"
"""An argument that goes with a `machine` of the metadata (`libvirt.machine`)."""


def unedited(text: str | bytes, domain: Domain, written: Node) -> bool:
    """`domain` was read from `text`; `written` is the tree that its config gives.

    The text is compared, as trees are used up by reading. False where the metadata says more of the machine than the tree."""
    rest, metadata = domain.residue, domain.root.peek("metadata")
    if rest is None or metadata is None or len(metadata.children) != 1 or any(key in rest.keys for key in FROM_METADATA):
        return False
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            return False
    if NO_BRIDGE_HOTPLUG in text and "machine" in rest.keys:
        return False
    start = text.find("\n  <metadata>\n")
    end = text.find("\n  </metadata>\n", start)
    return start >= 0 and text[:start] + text[end + len("\n  </metadata>") :] == serialise(written)
