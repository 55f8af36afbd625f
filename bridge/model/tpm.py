"""The TPM."""

from __future__ import annotations

from .disk import Source
from .part import Part


class TPM(Part, kw_only=True):
    version: str | None = None
    """`v1.2` or `v2.0`."""
    model: str | None = None
    """`tpm-tis`; from XML also `tpm-crb`."""
    source: Source | None = None
    size: str | None = None
    format: str | None = None
