"""A libvirtd for the tests of this directory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.libvirtd.daemon import Daemon
from tests.libvirtd.store import Store


@pytest.fixture(scope="session")
def daemon() -> Iterator[Daemon]:
    daemon = Daemon()
    yield daemon
    daemon.close()


@pytest.fixture
def libvirtd(daemon: Daemon) -> Iterator[Daemon]:
    """A libvirtd without any domain, before the test and after it."""
    yield daemon
    daemon.clear()


@pytest.fixture
def store(libvirtd: Daemon) -> Iterator[Store]:
    """A storage with real volumes on that host."""
    store = Store(libvirtd)
    yield store
    store.remove()
