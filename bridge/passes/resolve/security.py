"""Confidential guests: policy bits and what the host's CPU says (qemu-server 9.2.6, CPUConfig.pm; mapping-machine 10)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ...core.report import BridgeError, Report, fields
from ...host.facts import HostFacts
from ...model.security import Security
from ...model.vm import VM
from ..fill import fill, forget

NO_DEBUG, NO_KEY_SHARING, ENCRYPTED_STATE, NO_SEND = 1 << 0, 1 << 1, 1 << 2, 1 << 3
"""Bits of a SEV or SEV-ES policy."""
SNP_SMT, SNP_RESERVED, SNP_DEBUG = 1 << 16, 1 << 17, 1 << 19
"""Bits of a SEV-SNP policy; the reserved one must be set."""


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: the policy that qemu-server would compute, and the host's own two numbers."""
    security = vm.security
    if not security.amd_sev:
        return vm
    return replace(vm, security=fill(security, **_defaults(security, host)))


def _defaults(security: Security, host: HostFacts) -> dict[str, Any]:
    known = host.hw_capabilities.get("amd-sev", {})
    return {
        "policy": policy(security),
        "cbitpos": _number(known.get("cbitpos")),
        "reduced_phys_bits": _number(known.get("reduced-phys-bits")),
    }


def _number(value: bool | int | str | None) -> int | None:
    return int(value) if isinstance(value, int) else None


def policy(security: Security) -> int:
    if security.amd_sev == "snp":
        bits = SNP_RESERVED
        bits |= SNP_SMT if security.allow_smt is not False else 0
        return bits | (0 if security.no_debug else SNP_DEBUG)
    bits = NO_SEND
    bits |= NO_DEBUG if security.no_debug else 0
    bits |= NO_KEY_SHARING if security.no_key_sharing else 0
    return bits | (ENCRYPTED_STATE if security.amd_sev == "es" else 0)


def said_by_policy(security: Security) -> dict[str, Any]:
    """The options that give this policy, bit by bit; `policy` of them may have further bits."""
    bits = security.policy
    if bits is None:
        return {}
    if security.amd_sev == "snp":
        return {"no_debug": None if bits & SNP_DEBUG else True, "allow_smt": None if bits & SNP_SMT else False}
    return {"no_debug": True if bits & NO_DEBUG else None, "no_key_sharing": True if bits & NO_KEY_SHARING else None}


def check(vm: VM, host: HostFacts | None) -> None:
    """Raises BridgeError where qemu-server refuses the VM; without host facts only what the VM itself says is checked."""
    security = vm.security
    for kind, name, types in (("amd-sev", "AMD SEV", ("es", "snp")), ("intel-tdx", "Intel TDX", ())):
        type_ = security.amd_sev if kind == "amd-sev" else security.intel_tdx
        if not type_:
            continue
        known = host.hw_capabilities.get(kind, {}) if host is not None and host.hw_capabilities else None
        support = f"{kind.partition('-')[2]}-support"
        if known is not None and not known.get(support):
            raise BridgeError(f"Your CPU does not support {name}.", security.where)
        if known is not None and type_ in types and not known.get(f"{support}-{type_}"):
            raise BridgeError(f"Your CPU does not support {name}-{type_.upper()}.", security.where)
        if vm.firmware.bios != "ovmf":
            raise BridgeError(f"To use {name}, you need to change the BIOS to OVMF.", security.where)
        break
    if security.intel_tdx and not security.amd_sev and security.attestation:
        for field, word in ((security.vsock_cid, "cid"), (security.vsock_port, "port")):
            if field is None:
                raise BridgeError(f"Missing {word} for vsock.", security.where)


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: the policy becomes options again; bits that no option sets are a finding."""
    security = vm.security
    if (security.amd_sev or security.intel_tdx) and vm.firmware.bios != "ovmf":
        name = "AMD SEV" if security.amd_sev else "Intel TDX"
        message = f"qemu-server would refuse this config: To use {name}, you need to change the BIOS to OVMF."
        report.add("refused", security.where, message, "give the domain UEFI, and the config bios: ovmf with an efidisk0")
    if not security.amd_sev:
        return vm
    bits, security = security.policy, replace(security, **said_by_policy(security))
    if bits is not None and (ours := policy(security)) != bits:
        message = f"the launch policy {bits:#x} has bits that no option of amd-sev sets: it would be {ours:#x}"
        report.add("guest-changed", security.where, message, about=fields(security, "policy"))
    known = _defaults(security, host)
    for name in ("cbitpos", "reduced_phys_bits"):
        value = getattr(security, name)
        if value is not None and known[name] is not None and value != known[name]:
            report.add("host-state", security.where, f"{name} {value} is the other host's; this one has {known[name]}")
    return replace(vm, security=forget(security, "policy", "cbitpos", "reduced_phys_bits"))
