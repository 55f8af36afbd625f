"""Confidential guests."""

from __future__ import annotations

from ...model.security import Security
from .line import Line
from .said import Said, number


def read(line: Line) -> None:
    machine = line.vm.machine.where
    name = machine.peek("confidential-guest-support") if isinstance(machine, Said) else None
    said = line.objects.get(name or "")
    kind = said.peek("qom-type") if said is not None else None
    if said is None or kind not in ("sev-guest", "sev-snp-guest", "tdx-guest") or not isinstance(machine, Said):
        return
    machine.take("confidential-guest-support")
    said.claim()
    for key in ("qom-type", "id"):
        said.take(key)
    security = line.vm.security = Security(where=said)
    if kind == "tdx-guest":
        security.intel_tdx = "tdx"
        security.attestation = False
        socket = said.properties.get("quote-generation-socket")
        if isinstance(socket, dict) and socket.get("type") == "vsock":
            security.vsock_cid, security.vsock_port = number(socket.get("cid")), number(socket.get("port"))
            security.attestation = security.vsock_cid is not None and security.vsock_port is not None
            if security.attestation:
                del said.properties["quote-generation-socket"]
        return
    security.cbitpos, security.reduced_phys_bits = said.number("cbitpos"), said.number("reduced-phys-bits")
    security.policy = said.number("policy")
    security.kernel_hashes = said.flag("kernel-hashes")
    snp = kind == "sev-snp-guest"
    security.amd_sev = "snp" if snp else "es" if (security.policy or 0) & 4 else "std"
