"""A libvirtd for the tests of this directory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.libvirtd.daemon import Daemon, Daemons
from tests.libvirtd.store import Store


@pytest.fixture(scope="session")
def daemons() -> Iterator[Daemons]:
    found = Daemons()
    yield found
    found.close()


@pytest.fixture
def libvirtd(daemons: Daemons) -> Daemon:
    """A libvirtd without any domain. What a test leaves there is ended and forgotten before the next one."""
    return daemons.empty()


@pytest.fixture
def store(libvirtd: Daemon) -> Iterator[Store]:
    """A storage of this test alone with real volumes on that host."""
    store = Store(libvirtd)
    yield store
    libvirtd.clear()
    store.remove()
