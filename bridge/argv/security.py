"""Confidential guests (qemu-server 9.2.6, CPUConfig.pm)."""

from __future__ import annotations

from typing import Any

from ..core.coverage import Rows
from ..core.report import BridgeError
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.security import Security
from ..model.vm import VM
from ..passes.resolve.security import check
from .emit import Command, json_text

ROWS = (
    Row("amd_sev", "-object sev-guest", code=True),
    *(Row(field, "-object policy", code=True) for field in ("policy", "no_debug", "no_key_sharing", "allow_smt")),
    Row("kernel_hashes", "-object kernel-hashes", code=True),
    Row("cbitpos", "-object cbitpos", code=True),
    Row("reduced_phys_bits", "-object reduced-phys-bits", code=True),
    Row("intel_tdx", "-object tdx-guest", code=True),
    *(Row(field, "-object quote-generation-socket", code=True) for field in ("attestation", "vsock_cid", "vsock_port")),
)
TABLE = (Rows(Security, "", ROWS),)


def write(vm: VM, command: Command, host: HostFacts) -> None:
    security = vm.security
    if not security.amd_sev and not security.intel_tdx:
        return
    check(vm, host)
    if security.amd_sev:
        command.devices += ("-object", _sev(security))
        command.machine_flags.append("confidential-guest-support=sev0")
    else:
        command.devices += ("-object", json_text(_tdx(security)))
        command.machine_flags += ("confidential-guest-support=tdx0", "kernel_irqchip=split")


def _sev(security: Security) -> str:
    if security.cbitpos is None or security.reduced_phys_bits is None:
        raise BridgeError("cbitpos and reduced-phys-bits of this host are not known: add [hw_capabilities.amd-sev] to the host facts")
    kind = "sev-snp-guest" if security.amd_sev == "snp" else "sev-guest"
    text = f"{kind},id=sev0,cbitpos={security.cbitpos},reduced-phys-bits={security.reduced_phys_bits},policy={security.policy:#x}"
    return text + (",kernel-hashes=on" if security.kernel_hashes else "")


def _tdx(security: Security) -> dict[str, Any]:
    guest: dict[str, Any] = {"id": "tdx0", "qom-type": "tdx-guest"}
    if security.attestation:
        guest["quote-generation-socket"] = {"type": "vsock", "cid": str(security.vsock_cid), "port": str(security.vsock_port)}
    return guest
