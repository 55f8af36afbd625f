"""tpmstate0: always tpm-tis in front of swtpm, its state on a volume (qemu-server 9.2.6, start_swtpm)."""

from __future__ import annotations

from ...core.report import BridgeError, Report, fields
from ...host import storage
from ...host.facts import HostFacts
from ...host.volid import volume_id
from ...model.disk import Source
from ...model.vm import VM
from ..fill import change, fill, forget

MODEL = "tpm-tis"
VERSION = "v1.2"
"""Of a tpmstate0 that says none."""


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: the TPM knows its version, and where its state is."""
    tpm = vm.tpm
    if tpm is None:
        return vm
    if tpm.source is not None and tpm.source.volid is not None:
        location = storage.locate(host, tpm.source.volid)
        storage.check_content(location)
        if location.doubt:
            report.add("storage-unknown", tpm.where, f"tpmstate0: {location.doubt}", storage.hint(host, tpm.source.volid), part="tpmstate0")
        source = storage.source(location)
        source.where = tpm.source.where
        tpm = change(tpm, source=source)
    return change(vm, tpm=fill(tpm, model=MODEL, version=VERSION))


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: a TPM that `resolve` gives again is unsaid; another model is a finding."""
    tpm = vm.tpm
    if tpm is None:
        return vm
    source = tpm.source or Source(kind="empty")
    if source.volid is None:
        try:
            match = volume_id(host, source, vm.meta.vmid or 0)
        except BridgeError as error:
            raise BridgeError(f"tpmstate0: {error.message}", tpm.where) from None
        if match and match.finding:
            report.add(match.finding, tpm.where, f"tpmstate0: {match.message}", match.hint, part="tpmstate0")
        if match is None or match.volid is None:
            message = f"the TPM {tpm.version} has no volume and is left out"
            report.add("guest-lost", tpm.where, message, "add tpmstate0 with a new volume", fields(tpm))
            return change(vm, tpm=None)
        tpm = change(tpm, source=change(source, volid=match.volid))
    return change(vm, tpm=forget(tpm, "model", "format", *(["version"] if tpm.version == VERSION else [])))
