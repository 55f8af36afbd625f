"""The state of a TPM that libvirt keeps in a directory of its own, as the one file that qemu-server's swtpm takes.

swtpm itself reads the one form and writes the other (swtpm_ioctl(8): --save, --load): keys that the guest sealed stay with it.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from ...qemuserver.text import ConfigText

DIRECTORY = "/var/lib/libvirt/swtpm"
"""libvirt's own; below it one for each domain, by its UUID."""
VERSIONS = {"v2.0": ("tpm2", "tpm2-00.permall", "--tpm2"), "v1.2": ("tpm1.2", "tpm-00.permall", "")}
"""Version -> directory of the domain's, file in it, option of swtpm."""
SIZE = 4 << 20
"""Bytes that qemu-server gives a TPM; swtpm cuts a file to what it needs."""

CARRY = r"""
set -eu
from=$1 to=$2 name=$3 version=${4:-}
[ -s "$from/$name" ] || { echo "error: there is no state of a TPM in $from" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -- "$from/$name" "$work/$name"
ask() { swtpm_ioctl --unix "$work/ctrl" "$@" >/dev/null; }
start() {
  rm -f "$work/ctrl"
  swtpm socket $version --tpmstate "$1" --ctrl "type=unixio,path=$work/ctrl" &
  n=0
  until [ -S "$work/ctrl" ]; do n=$((n + 1)); [ $n -lt 100 ] || { echo "error: swtpm does not start" >&2; exit 1; }; sleep 0.1; done
}
start "dir=$work"
ask -i
ask --save permanent "$work/blob"
ask -s
wait
rm -f "$to"
: > "$to"
start "backend-uri=file://$to"
ask --load permanent "$work/blob"
ask -i
ask -s
wait
truncate -s SIZE "$to"
""".replace("SIZE", str(SIZE))


def kept_by_libvirt(config: ConfigText, xml: bytes) -> tuple[str, str] | None:
    """(the domain's UUID, the TPM's version) where the XML has a TPM whose state it gives no place, None otherwise."""
    entry = config.main.entries.get("tpmstate0")
    if entry is None or not entry.parts or entry.parts.get("file") != "none":
        return None
    root: Any = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
    uuid = (root.findtext("uuid") or "").strip()
    version = str(entry.parts.get("version") or "v1.2")
    return (uuid, version) if uuid and version in VERSIONS else None


def carrying(directory: str, uuid: str, version: str, target: str) -> list[str]:
    """The command that makes the file."""
    below, name, option = VERSIONS[version]
    return ["sh", "-c", CARRY, "carry", f"{directory}/{uuid}/{below}", target, name, option]
