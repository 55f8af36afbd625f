"""What libvirt adds to XML by itself, or what names only host state: claimed, with a note where it says something."""

from __future__ import annotations

from ..model.vm import VM
from .tree.domain import Domain


def claim(domain: Domain, vm: VM) -> None:
    """Claim constants and host state that no kind owns."""
    root = domain.root
    for tag in ("on_poweroff", "on_crash"):
        node = root.peek(tag)
        if node is not None and not node.claimed and node.text.strip(" \t\r\n") == "destroy":
            node.claim_text()
    for node in root.children:
        if node.tag == "seclabel" and not node.claimed:
            domain.report.add("host-state", node, f"{node.outline()} is set by the host's security driver and left behind")
            node.take_all()
    if (identity := root.take("id")) is not None:
        domain.report.add("host-state", root, f"the domain is running there as id {identity}")
    del vm
