"""Which format a text is taken for when nobody says it."""

from __future__ import annotations

import pytest

from bridge.core.report import BridgeError
from bridge.paths.detect import detect

DOMAIN = "<domain type='kvm'><name>a</name></domain>"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (DOMAIN, "xml"),
        ("\n <!-- saved --> " + DOMAIN, "xml"),
        ("\ufeff" + DOMAIN, "xml"),
        (DOMAIN.encode("utf-8-sig"), "xml"),
        (DOMAIN.encode("utf-16"), "xml"),
        (b"\xfe\xff" + DOMAIN.encode("utf-16-be"), "xml"),
        ("/usr/bin/kvm -id 100", "argv"),
        ("qemu-system-x86_64 -m 512", "argv"),
        ("LC_ALL=C \\\n/usr/bin/qemu-system-x86_64", "argv"),
        ("kvm -id 100", "argv"),
        ("kvm: 0\n", "conf"),
        ("#a note\nmemory: 512\n", "conf"),
        ('{"memory": 512}', "conf"),
        ("VMID=1\nqm create $VMID --name a\n", "conf"),
        ("/usr/sbin/qm set 5 --name a\n", "conf"),
        (b"VMA\0", "conf"),
    ],
)
def test_a_text_is_taken_for_what_it_begins_like(text: str | bytes, source: str) -> None:
    assert detect(text) == source


@pytest.mark.parametrize("text", ["", "hello world", b"\xff\x00", " name: a\n"])
def test_what_is_nothing_is_refused(text: str | bytes) -> None:
    with pytest.raises(BridgeError, match="is not a VM: give a qemu-server config"):
        detect(text)
