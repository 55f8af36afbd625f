"""Confidential guests."""

from __future__ import annotations

from .part import Part


class Security(Part, kw_only=True):
    amd_sev: str | None = None
    """std, es, snp."""
    no_debug: bool | None = None
    no_key_sharing: bool | None = None
    allow_smt: bool | None = None
    kernel_hashes: bool | None = None
    cbitpos: int | None = None
    reduced_phys_bits: int | None = None
    policy: int | None = None
    intel_tdx: str | None = None
    attestation: bool | None = None
    vsock_cid: int | None = None
    vsock_port: int | None = None
