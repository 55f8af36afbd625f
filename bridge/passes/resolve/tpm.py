"""tpmstate0: always tpm-tis in front of swtpm, its state on a volume (qemu-server 9.2.6, start_swtpm)."""

from __future__ import annotations

from ...host import storage
from ...host.facts import HostFacts
from ...model.vm import VM
from ...report import Report
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
            report.add("storage-unknown", tpm.where, f"tpmstate0: {location.doubt}")
        source = storage.source(location)
        source.where = tpm.source.where
        tpm = change(tpm, source=source)
    return change(vm, tpm=fill(tpm, model=MODEL, version=VERSION))


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001
    """Law: a TPM that `resolve` gives again is unsaid; another model is a finding."""
    tpm = vm.tpm
    if tpm is None:
        return vm
    if tpm.model not in (None, MODEL):
        report.add("guest-changed", tpm.where, f"the TPM is a {tpm.model}; qemu-server's is always a {MODEL}")
    return change(vm, tpm=forget(tpm, "model", *(["version"] if tpm.version == VERSION else [])))
