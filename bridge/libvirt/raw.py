"""args <-> qemu:commandline (mapping-machine 18). What other kinds wrote there was taken by them before."""

from __future__ import annotations

import re

from ..core.coverage import Rows
from ..core.report import CARRY, BridgeError, Report
from ..core.rows import Row
from ..core.shellwords import quote, split, without_secrets
from ..model.raw import Raw
from ..model.vm import VM
from .args.translate import from_libvirt, to_libvirt
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("words", "qemu:commandline/qemu:arg@value", code=True),
    Row("args", "qemu:commandline/qemu:arg@value", code=True, finding="not-applied"),
    Row("vmstate", "", code=True, finding="host-lost"),
)
TABLE = (Rows(Raw, "", ROWS),)

ONLY_PVE = {"-id": 1, "-loadstate": 1}
"""Options that only Proxmox VE's QEMU knows, with the number of their words (mapping-machine G3)."""

DOUBT = "libvirt's QEMU does it before it has any other device: the device may stand elsewhere, or QEMU does not start"
HINT = "write it as -device with addr=, or as JSON with libvirt's names of buses"

DATA = {
    "-fw_cfg": re.compile(r"(?:name=)?opt/(?:(?!,file=).)*").fullmatch,
    "-msg": re.compile(r".*").fullmatch,
    "-name": re.compile(r".*").fullmatch,
    "-smbios": re.compile(r"type=(?:(?!,file=).)*").fullmatch,
}
"""Options that only tell guest or user something, and the values with which they do: the machine is the same without them."""
_STRAY = re.compile(r"[^-/][^/]* [^/]*").fullmatch
"""Text that got in between. QEMU takes a word that is not an option for the name of a disk image; this can hardly be one."""


def write(vm: VM, domain: Domain) -> None:
    raw = vm.raw
    if raw.words and domain.target.clean:
        message = f"args are left out: XML says them by qemu:commandline alone: {without_secrets(' '.join(raw.words))}"
        domain.report.add("guest-lost", raw.where, message)
    elif raw.words:
        found = to_libvirt(_vanilla(raw.words, domain.report), domain)
        domain.arguments += found.words
        for place, value in found.overrides.items():
            domain.set_override(*place, *value)
        for doubt in found.doubts:
            domain.report.add("guest-changed", raw.where, f"args: {without_secrets(doubt)}: {DOUBT}", HINT)
        domain.report.add(
            "not-applied",
            raw.where,
            f"args go to QEMU as they are; libvirt neither checks them nor opens files for them: {without_secrets(' '.join(raw.words))}",
        )
    if raw.vmstate:
        domain.report.add(
            "host-lost", raw.where, "the saved state of the VM cannot be loaded by libvirt", "start it there once and shut it down"
        )


def _vanilla(words: list[str], report: Report) -> list[str]:
    kept: list[str] = []
    skip = 0
    for word in words:
        if skip:
            skip -= 1
        elif word in ONLY_PVE:
            skip = ONLY_PVE[word]
            report.add("host-lost", None, f"args: {word} is left out, as only Proxmox VE's QEMU knows it")
        else:
            kept.append(word)
    return kept


def only_pve(args: str | None) -> bool:
    """Whether `args` hold words that do not get into XML, so that it cannot speak for them."""
    return args is not None and not ONLY_PVE.keys().isdisjoint(split(args))


def take_remembered(domain: Domain) -> None:
    """The words of `args` that the residue remembers come back from there: no kind may take them for its own. They stand last; where they
    no longer do, somebody edited them, and the edit wins."""
    rest = domain.residue
    text = rest.text("args") if rest is not None else None
    if rest is None or text is None:
        return
    found = to_libvirt(_vanilla(split(text), Report()), domain)
    words, overrides = found.words, found.overrides
    if not words and not overrides:
        return
    said = not words or domain.arguments[-len(words) :] == words
    if said and all(domain.overrides.get(name, {}).get(property_) == value for (name, property_), value in overrides.items()):
        del domain.arguments[len(domain.arguments) - len(words) :]
        for place, value in overrides.items():
            domain.expect_override(*place, value)
        domain.remembered = split(text)
    elif rest.text("template") is None:  # of a template that cannot run as it is only the disks are there
        del rest.keys["args"]
        domain.report.add("stale-residue", domain.root, f"args was edited in the XML; the remembered '{text}' is dropped")


def read(domain: Domain, vm: VM) -> None:
    """Whatever no kind took: it needs the caller's word (security-rules S10)."""
    for node in domain.root.children:
        if node.tag == "qemu:commandline":
            for env in node.all("qemu:env"):
                _leave(domain, env)
    words = list(domain.arguments)
    domain.arguments.clear()
    if not words:
        return
    place = domain.root.peek("qemu:commandline") or domain.root
    shown = without_secrets(" ".join(words))
    try:
        quote(words)
    except ValueError as error:
        raise BridgeError(f"raw QEMU arguments ({shown[:200]}): {error}", place) from None
    if domain.raw_arguments == "carry":
        vm.raw = Raw(words=from_libvirt(words), where=place)
    elif domain.raw_arguments == "refuse" and not _only_data(words):
        ways = "--no-args leaves them out (args=False from Python)" if domain.report.clean else ON_REQUEST
        raise BridgeError(f"raw QEMU arguments ({shown[:200]}) are carried over on request only: {ways}", place)
    else:
        domain.report.add("args-off", place, f"raw QEMU arguments are left out: {shown}", "" if domain.report.clean else CARRY)


ON_REQUEST = "--args carries them over, --no-args leaves them out (args=True, args=False from Python)"
LOADS_CODE = re.compile(r"LD_.*|GCONV_PATH|QEMU_MODULE_DIR|GIO_(?:EXTRA_)?MODULE.*|PYTHON.*").fullmatch
"""Variables by which a program takes in code of others: who sets one for QEMU means another program than ours."""


def _leave(domain: Domain, env: Node) -> None:
    """A variable of QEMU's environment. Raises BridgeError for one that loads code (security-rules S10)."""
    text = env.outline()
    if LOADS_CODE(env.attrib.get("name", "")):
        raise BridgeError(f"{text}: a config cannot set QEMU's environment", env)
    domain.report.add("host-lost", env, f"{text}: a config cannot set QEMU's environment")
    env.take_all()


def _only_data(words: list[str]) -> bool:
    """Whether nothing in these words makes another machine, so that they may be left out with a finding."""
    option = None
    for n, word in enumerate(words):
        if option is not None:
            if not DATA[option](word):
                return False
            option = None
        elif word in DATA:
            option = word
        elif n == 0 or not _STRAY(word):
            return False
    return option is None
