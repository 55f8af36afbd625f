"""<launchSecurity> (mapping-machine 10)."""

from __future__ import annotations

import json
import re
from typing import Any

from ..core.coverage import Rows
from ..core.rows import YES_NO, Codec, Row
from ..model.security import Security
from ..model.vm import VM
from ..passes.resolve.security import ENCRYPTED_STATE, check
from .tree.domain import Domain
from .tree.node import Node, read_rows

ROWS = (
    Row("amd_sev", "@type", code=True),
    Row("kernel_hashes", "@kernelHashes", YES_NO),
    Row("cbitpos", "cbitpos", code=True),
    Row("reduced_phys_bits", "reducedPhysBits", code=True),
    *(Row(field, "policy", code=True) for field in ("policy", "no_debug", "no_key_sharing", "allow_smt")),
    Row("intel_tdx", "qemu:commandline tdx-guest", code=True),
    *(Row(field, "qemu:commandline quote-generation-socket", code=True) for field in ("attestation", "vsock_cid", "vsock_port")),
)
TABLE = (Rows(Security, "launchSecurity", ROWS),)

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,18}", re.ASCII).fullmatch
TDX_FLAG = "confidential-guest-support=tdx0"
SNP_OBJECT, SNP_FLAG = "sev-snp-guest", "confidential-guest-support=sev0"


def _number(text: str) -> int:
    if not _NUMBER(text):
        raise ValueError(text)
    return int(text, 16 if text[:2] in ("0x", "0X") else 10)


NUMBERS = (
    Row("cbitpos", "cbitpos", Codec(_number, str)),
    Row("reduced_phys_bits", "reducedPhysBits", Codec(_number, str)),
    Row("policy", "policy", Codec(_number, hex)),
)


def write(vm: VM, domain: Domain) -> None:
    security = vm.security
    if not security.amd_sev and not security.intel_tdx:
        return
    if not domain.described:  # libvirt refuses less
        check(vm, None)
    if security.amd_sev:
        _write_sev(security, domain)
    else:
        _write_tdx(security, domain)


def _write_sev(security: Security, domain: Domain) -> None:
    snp = security.amd_sev == "snp"
    if snp and not domain.target.has("sev_snp"):
        _write_snp_arguments(security, domain)
        return
    node = domain.root.add("launchSecurity", type="sev-snp" if snp else "sev")
    if security.kernel_hashes:
        node.set("kernelHashes", "yes")
    if security.cbitpos is not None:
        node.add("cbitpos", str(security.cbitpos))
    if security.reduced_phys_bits is not None:
        node.add("reducedPhysBits", str(security.reduced_phys_bits))
    node.add("policy", f"0x{security.policy or 0:0{8 if snp else 4}x}")


def _write_snp_arguments(security: Security, domain: Domain) -> None:
    """For a libvirt without SEV-SNP: the object and the machine's word for it, as for TDX."""
    numbers = {"cbitpos": security.cbitpos, "reduced-phys-bits": security.reduced_phys_bits, "policy": security.policy}
    guest: dict[str, Any] = {"qom-type": SNP_OBJECT, "id": "sev0", **{name: value for name, value in numbers.items() if value is not None}}
    if security.kernel_hashes:
        guest["kernel-hashes"] = True
    domain.arguments += ("-object", json.dumps(guest, separators=(",", ":")), "-machine", SNP_FLAG)
    domain.report.add("fallback", security.where, "this libvirt has no word for SEV-SNP: it goes by QEMU's command line")


def _write_tdx(security: Security, domain: Domain) -> None:
    """libvirt before 11.6 has no TDX: the object and the machine's word for it go by the command line. So they do where quotes come by
    vsock, for which no libvirt has a word."""
    if domain.target.has("tdx") and not security.attestation:
        domain.root.add("launchSecurity", type="tdx")
        return
    guest: dict[str, Any] = {"qom-type": "tdx-guest", "id": "tdx0"}
    if security.attestation:
        guest["quote-generation-socket"] = {"type": "vsock", "cid": str(security.vsock_cid), "port": str(security.vsock_port)}
    domain.arguments += ("-object", json.dumps(guest, separators=(",", ":")), "-machine", TDX_FLAG)


def read(domain: Domain, vm: VM) -> None:
    node = domain.root.only("launchSecurity")
    if node is None:
        _read_tdx_arguments(domain, vm)
        _read_snp_arguments(domain, vm)
        return
    kind = node.attrib.get("type")
    security = vm.security = Security(where=node)
    if kind == "tdx":
        _read_tdx(domain, node, security)
        return
    if kind not in ("sev", "sev-snp"):
        domain.report.add("guest-lost", node, f"{node.whole()} has no counterpart in a qemu-server config")
        return
    node.take("type")
    for name, value in (read_rows(node, ROWS) | read_rows(node, NUMBERS)).items():
        setattr(security, name, value)
    if kind == "sev-snp":
        security.amd_sev = "snp"
    else:
        security.amd_sev = "es" if (security.policy or 0) & ENCRYPTED_STATE else "std"
    if security.kernel_hashes is False:
        security.kernel_hashes = None
    bits = {"cbitpos": security.cbitpos, "reducedPhysBits": security.reduced_phys_bits}
    if domain.residue is None and (said := ", ".join(f"{name} {value}" for name, value in bits.items() if value is not None)):
        domain.report.add("host-state", node, f"{said}: so it was on the host's CPU; qemu-server asks its own")
    _read_attestation(domain, node)


_TDX_DIGESTS = ("mrConfigId", "mrOwner", "mrOwnerConfig")


def _read_tdx(domain: Domain, node: Node, security: Security) -> None:
    """libvirt 11.6: what a config says is that there is TDX, and where quotes come from, by vsock."""
    node.take("type")
    security.intel_tdx, security.attestation = "tdx", False
    for child in node.all("policy"):
        domain.report.add("guest-changed", child, f"the attributes {child.whole()} of the launch are QEMU's own under qemu-server")
    for tag in _TDX_DIGESTS:
        for child in node.all(tag):
            domain.report.add("guest-lost", child, f"the launch's {child.whole()} has no counterpart: attestation by it fails")
    for child in node.all("quoteGenerationService"):
        message = f"{child.whole()}: quotes come by vsock under qemu-server"
        domain.report.add("guest-lost", child, message, "intel-tdx: attestation=1,vsock-cid=CID,vsock-port=PORT")


def _read_attestation(domain: Domain, node: Node) -> None:
    for name in ("authorKey", "vcek"):
        if name in node.attrib:
            domain.report.add(
                "guest-lost", node, f"{name}='{node.take(name)}' of the launch has no counterpart", "args: -object with all properties"
            )
    for child in node.children:
        if not child.claimed:
            domain.report.add("guest-lost", child, f"the launch's {child.whole()} has no counterpart: attestation by it fails")


def _read_tdx_arguments(domain: Domain, vm: VM) -> None:
    for word in domain.arguments:
        if '"qom-type":"tdx-guest"' not in word:
            continue
        try:
            guest = json.loads(word)
        except ValueError:
            return
        if not isinstance(guest, dict) or not domain.take_arguments("-object", word, "-machine", TDX_FLAG):
            return
        security = vm.security = Security(intel_tdx="tdx", attestation=False, where=domain.root)
        socket = guest.get("quote-generation-socket")
        if isinstance(socket, dict):
            security.attestation = True
            security.vsock_cid, security.vsock_port = (_whole(socket.get(name)) for name in ("cid", "port"))
        return


def _read_snp_arguments(domain: Domain, vm: VM) -> None:
    """What `_write_snp_arguments` wrote."""
    for word in domain.arguments:
        if f'"qom-type":"{SNP_OBJECT}"' not in word:
            continue
        try:
            guest = json.loads(word)
        except ValueError:
            return
        numbers = [guest.get(name) for name in ("cbitpos", "reduced-phys-bits", "policy")] if isinstance(guest, dict) else []
        if not numbers or not all(isinstance(value, int | None) for value in numbers):
            return
        if domain.take_arguments("-object", word, "-machine", SNP_FLAG):
            vm.security = Security(amd_sev="snp", kernel_hashes=guest.get("kernel-hashes") is True or None, where=domain.root)
            vm.security.cbitpos, vm.security.reduced_phys_bits, vm.security.policy = numbers
        return


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12 else None
