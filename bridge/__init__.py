"""virt-qm: the bridge between qemu-server, libvirt and QEMU.

    host = bridge.HostFacts.load("dir", qemu_version="10.0.2")
    out = bridge.convert(text, to="xml", source="conf", vmid=8006, host=host)
    out.text, out.argv, out.vm, out.findings
    for outcome in bridge.convert_fleet(["/etc/pve/qemu-server"], to="xml", directory="domains", host=host): ...
    bridge.check(text), bridge.diff(a, b), bridge.show(text), bridge.probe()
    bridge.define(uri, {"100.conf": text}), bridge.import_domains(uri), bridge.plan({"100.conf": text}, to="libvirt")

Names are imported at first use, so that `import bridge` costs nothing.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from .api import check, define, diff, import_domains, plan, probe, show
    from .convert import Result, convert, rewrite_config
    from .core.literals import Format, Importance, Reading, Severity, Stack, Status
    from .core.report import SEVERITIES, BridgeError, Finding
    from .fleet import Outcome, convert_fleet
    from .host.facts import HostFacts

__all__ = [
    "SEVERITIES",
    "BridgeError",
    "Finding",
    "Format",
    "HostFacts",
    "Importance",
    "Outcome",
    "Reading",
    "Result",
    "Severity",
    "Stack",
    "Status",
    "__version__",
    "check",
    "convert",
    "convert_fleet",
    "define",
    "diff",
    "import_domains",
    "plan",
    "probe",
    "rewrite_config",
    "show",
]

_HOME = {
    **dict.fromkeys(("check", "define", "diff", "import_domains", "plan", "probe", "show"), ".api"),
    **dict.fromkeys(("Format", "Importance", "Reading", "Severity", "Stack", "Status"), ".core.literals"),
    "SEVERITIES": ".core.report",
    "BridgeError": ".core.report",
    "Finding": ".core.report",
    "HostFacts": ".host.facts",
    "Outcome": ".fleet",
    "Result": ".convert",
    "convert": ".convert",
    "convert_fleet": ".fleet",
    "rewrite_config": ".convert",
}


class _Package(ModuleType):
    """`bridge.convert` is the function, although importing the module of that name binds the module."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _HOME or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value
