"""amd-sev, intel-tdx (qemu-server 9.2.6, CPUConfig.pm; mapping-machine 10)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.security import Security
from ..model.vm import VM
from .section import COUNTED, ConfigSection, Lines, read_rows, write_rows

SEV = (
    Row("amd_sev", "type"),
    Row("no_debug", "no-debug"),
    Row("no_key_sharing", "no-key-sharing"),
    Row("allow_smt", "allow-smt"),
    Row("kernel_hashes", "kernel-hashes"),
)
TDX = (
    Row("intel_tdx", "type"),
    Row("attestation", "attestation"),
    Row("vsock_cid", "vsock-cid", COUNTED),
    Row("vsock_port", "vsock-port", COUNTED),
)
TABLE = (Rows(Security, "amd-sev", SEV, ("cbitpos", "reduced_phys_bits", "policy")), Rows(Security, "intel-tdx", TDX))
ROWS = (*SEV, *TDX)


def read(section: ConfigSection, vm: VM) -> None:
    sev, tdx = section.props("amd-sev"), section.props("intel-tdx")
    if sev is None and tdx is None:
        return
    where = section.line("amd-sev" if sev is not None else "intel-tdx")
    vm.security = Security(where=where, **read_rows(sev or {}, SEV), **read_rows(tdx or {}, TDX))


def write(vm: VM, lines: Lines) -> None:
    if vm.security.amd_sev:
        lines.props("amd-sev", write_rows(vm.security, SEV))
    if vm.security.intel_tdx:
        lines.props("intel-tdx", write_rows(vm.security, TDX))
