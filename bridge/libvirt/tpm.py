"""<tpm>: swtpm with its state on a volume (mapping-devices 12)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.report import BridgeError
from ..core.rows import Row, choice
from ..model.disk import Source
from ..model.tpm import TPM
from ..model.vm import VM
from .tree.domain import Domain
from .tree.node import Node, read_rows, write_rows

ROWS = (
    Row("model", "@model"),
    Row("version", "backend@version", choice({"1.2": "v1.2", "2.0": "v2.0"})),
    Row("source", "backend/source@path", code=True),
)
TABLE = (Rows(TPM, "devices/tpm", ROWS, ("size", "format")),)

ALIAS = "ua-tpmstate0"


def write(vm: VM, domain: Domain) -> None:
    tpm = vm.tpm
    if tpm is None:
        return
    node = domain.devices.add("tpm")
    backend = node.add("backend", type="emulator")
    write_rows(node, tpm, ROWS)
    _keep_state(backend, tpm, domain)
    path = _path(tpm)
    if path is not None and domain.target.has("tpm_source"):
        backend.add("source", type="file", path=path)
    elif path is not None:
        message = f"this libvirt keeps a TPM's state in a directory of its own: copy it there from {path}"
        domain.report.add("tpm-state", tpm.where, message, "libvirt 10.10 can use it where it is (--libvirt)")
    else:
        volid = tpm.source.volid if tpm.source else None
        message = f"swtpm opens files and devices only, the TPM's state on {volid} is neither: it starts fresh"
        domain.report.add("tpm-state", tpm.where, message, "move the state to a file or block storage")
    node.add("alias", name=ALIAS)


def _keep_state(backend: Node, tpm: TPM, domain: Domain) -> None:
    """qemu-server never deletes a TPM's state; libvirt does with a transient domain, and with one that is undefined or saved."""
    if domain.target.has("tpm_persistent"):
        backend.set("persistent_state", "yes")
    else:
        message = "this libvirt deletes the TPM's state when the domain is undefined, and of a transient domain when it stops"
        domain.report.add("tpm-state", tpm.where, message, "keep a copy of it, or take a newer libvirt (--libvirt)")


def _path(tpm: TPM) -> str | None:
    source = tpm.source
    if source is None or source.kind not in ("file", "block") or source.format not in (None, "raw"):
        return None
    return source.path


def read(domain: Domain, vm: VM) -> None:
    found = domain.devices.all("tpm")
    if len(found) > 1:
        raise BridgeError("two TPMs: qemu-server has one", found[1])
    if not found:
        return
    node = found[0]
    backend = node.only("backend")
    kind = backend.attrib.get("type") if backend is not None else None
    if backend is None or kind != "emulator":
        domain.report.add("guest-lost", node, f"{node.whole()}: qemu-server's TPM is always emulated by swtpm", "add a tpmstate0 by hand")
        return
    backend.take("type")
    vm.tpm = TPM(where=node, source=_source(backend, node, domain), **read_rows(node, ROWS))
    alias = node.only("alias")
    if alias is not None and (name := alias.take("name")) not in (ALIAS, "tpm0"):
        domain.report.add("normalised", alias, f"the alias '{name}' is not kept")
    _report_policy(backend, domain)


def _source(backend: Node, node: Node, domain: Domain) -> Source:
    child = backend.only("source")
    if child is None:
        domain.report.add("tpm-state", node, "the TPM's state is in libvirt's own directory: copy it to a volume for tpmstate0")
        return Source(kind="empty", where=node)
    kind, path = child.take("type"), child.take("path")
    if kind != "file" or path is None:
        domain.report.add("tpm-state", child, f"the TPM's state is in the {kind} {path}: copy it to a volume for tpmstate0")
        return Source(kind="empty", where=child)
    return Source(kind="block" if path.startswith("/dev/") else "file", path=path, format="raw", where=child)


_POLICY_CHILDREN = {"encryption": "tpm-state", "active_pcr_banks": "host-lost", "profile": "host-lost"}


def _report_policy(backend: Node, domain: Domain) -> None:
    if not backend.expect("persistent_state", "yes") and backend.expect("persistent_state", "no"):
        domain.report.add("host-lost", backend, "persistent_state='no' of the TPM has no place in a config: qemu-server keeps its state")
    if (debug := backend.take("debug")) is not None:
        domain.report.add("host-lost", backend, f"debug='{debug}' of the TPM has no place in a config")
    for tag, kind in _POLICY_CHILDREN.items():
        for child in backend.all(tag):
            domain.report.add(kind, child, f"{child.whole()} of the TPM has no place in a config")
