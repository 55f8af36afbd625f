"""Every fleet of a test run seals its records with a key of that run, not with the user's."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def _state(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True)
def _own_state(_state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", _state)
