"""The libvirtd of tests/libvirtd for the moves; and one libvirt that says what it would run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.guest.native import Embedded
from tests.libvirtd.conftest import daemons, libvirtd
from tests.move.stage import Stage, Stages

__all__ = ["daemons", "libvirtd"]


@pytest.fixture(scope="session")
def speaker() -> Iterator[Embedded]:
    """libvirt's embedded driver, which probes QEMU once."""
    with Embedded() as found:
        yield found


@pytest.fixture(scope="session")
def stages() -> Iterator[Stages]:
    found = Stages()
    yield found
    found.close()


@pytest.fixture
def stage(stages: Stages) -> Stage:
    """The guest of the tests before, if it is well, wherever it runs."""
    return stages.sound()
