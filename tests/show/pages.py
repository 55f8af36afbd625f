"""The VMs that are looked at."""

from __future__ import annotations

from pathlib import Path

from bridge.host.facts import HostFacts
from bridge.show.subject import Subject, subject

CASES = Path(__file__).parent / "cases"
HOST = HostFacts(qemu_version="10.0.2", cpus=16)


def of_text(text: str, file: str = "100.conf", **keywords: object) -> Subject:
    return subject(text, {"file": file, "host": HOST, **keywords})


def of_case(name: str) -> Subject:
    return of_text((CASES / name).read_text(), name)
