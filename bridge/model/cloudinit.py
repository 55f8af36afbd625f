"""What cloud-init would be told."""

from __future__ import annotations

from .part import Part


class CloudInit(Part, kw_only=True):
    """The keys as text: citype, ciuser, ipconfig0, ...; secrets (cipassword, sshkeys) never leave the config unless asked for."""

    keys: dict[str, str] | None = None
