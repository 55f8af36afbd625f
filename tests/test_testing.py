"""bridge.testing, as code of other people uses it; what it draws is held against the grammar, the schemas and a trip there and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

import bridge
import virt_qm
import virt_qm.testing
from bridge.testing import assert_round_trip, assert_same_guest, configs, domains
from tests.corpus import ROOT

IOTHREADS = (ROOT / "samples/iothreads.conf").read_text()
DEBIAN = (ROOT / "samples/debian.xml").read_text()
WORKSTATION = (ROOT / "samples/workstation.xml").read_text()


@given(configs())
@settings(max_examples=25)
def test_a_drawn_config_is_one_and_comes_back(text: str) -> None:
    assert bridge.rewrite_config(text, strict=True) == text
    assert_round_trip(text)
    assert {finding.kind for finding in bridge.check(text)}.isdisjoint({"invalid", "unknown", "bad-line", "refused"})


@given(domains())
@settings(max_examples=15)
def test_a_drawn_domain_is_one_and_has_the_guest_of_its_config(text: str) -> None:
    assert [finding.message for finding in bridge.check(text) if finding.kind == "invalid"] == []
    back = bridge.convert(text, "conf", vmid=100)
    if "guest" not in {finding.severity for finding in back.findings}:  # what no config can say is told
        assert_same_guest(text, back.text)


def test_a_config_and_its_domain_have_one_guest() -> None:
    assert_same_guest(IOTHREADS, bridge.convert(IOTHREADS, "xml").text)
    assert_same_guest(IOTHREADS.encode(), IOTHREADS)


def test_two_guests_that_differ() -> None:
    with pytest.raises(AssertionError, match="memory size: 4096 MiB / 512 MiB"):
        assert_same_guest(IOTHREADS, IOTHREADS.replace("memory: 4096", "memory: 512"))


def test_backends_that_differ() -> None:
    other = IOTHREADS.replace("iothreads: 4", "iothreads: 2")
    with pytest.raises(AssertionError):
        assert_same_guest(IOTHREADS, other, backends=True)


def test_a_domain_of_somebody_else_goes_there_and_back() -> None:
    assert_round_trip(DEBIAN, worst="data")


def test_losses_on_the_way_are_not_borne() -> None:
    with pytest.raises(AssertionError, match="guest-lost"):
        assert_round_trip(WORKSTATION)
    assert_round_trip(WORKSTATION, worst="guest")


def test_a_name_of_the_project_is_the_same_package() -> None:
    assert virt_qm.convert is bridge.convert
    assert virt_qm.Finding is bridge.Finding
    assert virt_qm.testing.assert_round_trip is assert_round_trip
    assert set(dir(virt_qm)) == set(bridge.__all__)
    with pytest.raises(AttributeError, match="nobody"):
        _ = virt_qm.nobody
    assert all(getattr(virt_qm, name) is getattr(bridge, name) for name in bridge.__all__)
