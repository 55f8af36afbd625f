"""The guest cannot tell: QEMU as qemu-server starts it and QEMU as libvirt starts the XML show the same machine.

Both run, paused, then until their firmware is done; QEMU's own device trees, CPUs, memory and the firmware's tables are compared, and
the options for what cannot run here (bridge.guest.run). What may differ stands in ALLOWED, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from bridge.guest.compare import Difference
from tests import corpus
from tests.guest.machines import CASES, LEFT_OUT, SAMPLE, Compared, Machine, machines

pytestmark = pytest.mark.slow


class Allowed(NamedTuple):
    """A difference that may be: the whole line `importance | what | A | B`, and the configs that have it. With `finding`, the writer of
    the XML says so, in these words.
    """

    reason: str
    line: str
    configs: str
    finding: str | None = None


ALLOWED: tuple[Allowed, ...] = (
    Allowed(
        "libvirt says nothing of an enlightenment that is off, as it is in QEMU if nothing is said",
        r"property \| cpu hv-tlbflush \| off \| -",
        r"cfg2cmd-cpu-level",
    ),
    Allowed(
        "no VNC server, no keys to translate: libvirt says a keymap with a display only",
        r"property \| machine keymap \| [a-z-]+ \| -",
        r"lean|random-extra-(h0056|h0082|h0143)",
    ),
    Allowed(
        "two shares with one mount tag: QEMU takes them, libvirt does not; the slots and addresses of the rest follow",
        r".*vhost-user-fs-pci.*|property \| (firmware|QEMU|boot) .*|device \| device at .* \| pci-testdev \| -",
        r"random-extra-h0102|random-extra-h0127",
        finding="shares a mount tag",
    ),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "machine" in metafunc.fixturenames:
        wanted = machines(metafunc.config.getoption("--full"))
        metafunc.parametrize("machine", [pytest.param(machine, id=machine.name) for machine in wanted])


@pytest.fixture(scope="module")
def compared(request: pytest.FixtureRequest) -> Iterator[Compared]:
    calls = [item.callspec.params for item in request.session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")]
    found = Compared([machine for params in calls if isinstance(machine := params.get("machine"), Machine)])
    yield found
    found.close()


def line(difference: Difference) -> str:
    importance, what, a, b, *_ = difference
    return f"{importance} | {what} | {'-' if a is None else a} | {'-' if b is None else b}"


def reason(machine: str, text: str, told: list[str]) -> Allowed | None:
    for entry in ALLOWED:
        said = entry.finding is None or any(entry.finding in message for message in told)
        if said and re.fullmatch(entry.line, text) and re.fullmatch(entry.configs, machine):
            return entry
    return None


def test_a_guest_cannot_tell(machine: Machine, compared: Compared) -> None:
    found, told, _ = compared.result(machine.name)
    assert [line(difference) for difference in found if reason(machine.name, line(difference), told) is None] == []


def test_the_sample_is_whole(full: bool) -> None:
    wanted = [machine.name for machine in machines(full)]
    assert len(set(wanted)) == len(wanted)
    assert len(wanted) == SAMPLE if corpus.SHARED is not None and not full else len(wanted) >= 12
    assert {path.suffix for path in CASES.iterdir()} == {".conf"}


def test_nothing_is_allowed_or_left_out_that_never_occurs(full: bool, compared: Compared) -> None:
    """Of all configs, if all have run."""
    wanted = [machine.name for machine in machines(full)]
    if not full or corpus.SHARED is None or set(wanted) != compared.futures.keys():
        assert all(compared.result(name).left is None for name in compared.futures)
        return
    results = {name: compared.result(name) for name in wanted}
    met = {reason(name, line(difference), result.told) for name, result in results.items() for difference in result.differences}
    assert [entry for entry in ALLOWED if entry not in met] == []
    assert [left for left in LEFT_OUT if left not in {result.left for result in results.values()}] == []
