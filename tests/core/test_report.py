"""The report: what is listed, counted, mended, taken over and left out."""

from __future__ import annotations

import pytest

from bridge.core.report import WHOLE, BridgeError, Fields, Finding, Line, NullReport, Report, fields, shown
from bridge.model.net import Net


def messages(report: Report) -> list[str]:
    return [finding.message for finding in report]


@pytest.mark.parametrize(("number", "last"), [(999, "999"), (1000, "1000"), (1001, "1 more findings of this kind are not listed")])
def test_a_thousand_of_a_kind_are_listed(number: int, last: str) -> None:
    report = Report()
    for n in range(number):
        report.add("lint", None, f"{n + 1}")
    report.add("moved", None, "another kind")
    said = [finding.message for finding in report if finding.kind == "lint"]
    assert (len(said), said[-1]) == (number, last)
    assert len(report) == len([*report])
    assert report.full("lint") == (number >= 1000)
    assert not report.full("moved")


def test_the_same_is_told_once_and_takes_no_room() -> None:
    report = Report()
    for _ in range(5):
        report.add("lint", "x", "the same")
    for n in range(999):
        report.add("lint", None, f"{n}")
    assert len(report) == 1000


def test_another_reports_findings_are_taken_over_with_what_it_counted() -> None:
    first, second = Report(), Report()
    for n in range(998):
        first.add("lint", None, f"first {n}")
    for n in range(1004):
        second.add("lint", None, f"second {n}")
    net = Net(key="net0", where="n")
    second.add("moved", None, "a card", about=fields(net, "address"))
    first.take_over(second)
    said = [finding.message for finding in first if finding.kind == "lint"]
    assert said[998:] == ["second 0", "second 1", "1,002 more findings of this kind are not listed"]
    assert messages(first)[-2] == "a card"
    assert first.tells_of("Net", "n", "address") == second.tells_of("Net", "n", "address")


def test_what_another_says_is_left_out_wherever_it_says_it() -> None:
    report, other = Report(), Report()
    for kind in ("lint", "moved", "withheld"):
        report.add(kind, "here", "one")
        report.add(kind, "here", "two")
    for kind in ("lint", "moved", "withheld"):
        other.add(kind, "there", "one")
    report.leave_out(other, frozenset(("withheld",)))
    assert [(finding.kind, finding.message) for finding in report] == [
        *(("lint", "two"), ("moved", "two"), ("withheld", "one"), ("withheld", "two")),
    ]
    report.leave_out(None, frozenset(("moved",)))
    assert [(finding.kind, finding.message) for finding in report] == [("moved", "two")]


def test_a_finding_names_its_fields_and_values() -> None:
    report = Report()
    net = Net(key="net0", where="here")
    report.add("guest-changed", Line("7.conf", 3), "m", "h", Fields("Net", "here", ("macaddr", "mtu"), "net0", "a", "b"))
    assert [*report] == [Finding("guest-changed", "guest", "7.conf:3", "m", "h", "net0", "macaddr mtu", "a", "b")]
    assert report.tells_of("Net", net.where, "macaddr")
    assert report.tells_of("Net", net.where, "mtu")
    assert not report.tells_of("Net", net.where, "model")
    assert not report.tells_of("Disk", net.where, "mtu")
    assert not report.tells_of("Net", "elsewhere", "mtu")
    report.mark(None)
    report.mark(fields(net))
    assert report.tells_of("Net", net.where, WHOLE)


# Losses that arguments mend


def test_a_loss_that_arguments_would_mend_says_which() -> None:
    report = Report()
    report.mend("guest-lost", None, "no such card", ["-device", "x"], needs=["-object", "o"])
    report.mend("guest-lost", None, "none of these", ["-device", "y"], hint="do it otherwise")
    assert [finding.hint for finding in report] == [
        "--args writes: -object o -device x",
        "do it otherwise; --args writes: -device y",
    ]
    assert (report.words, report.mends) == ([], {("-device", "x"), ("-device", "y")})


def test_arguments_that_are_wanted_are_collected_and_what_they_need_once() -> None:
    report = Report(args=True)
    report.mend("guest-lost", None, "no card", ["-device", "x"], needs=["-object", "o"])
    report.mend("guest-lost", None, "no card", ["-device", "y"], needs=["-object", "o"])
    assert report.words == ["-object", "o", "-device", "x", "-device", "y"]
    assert [finding.kind for finding in report] == ["by-args", "by-args"]
    assert messages(report)[0] == "no card; args say: -object o -device x"


def test_arguments_that_something_else_makes_good_are_not_written() -> None:
    report = Report(args=True)
    report.mended = frozenset((("-device", "x"),))
    net = Net(key="net0", where="here")
    report.mend("guest-lost", None, "no card", ["-device", "x"], about=fields(net, "model"))
    assert (report.words, [*report]) == ([], [])
    assert report.tells_of("Net", net.where, "model")
    assert ("-device", "x") in report.mends


def test_words_that_no_config_holds_are_a_loss() -> None:
    report = Report(args=True)
    report.mend("guest-lost", None, "no card", ["a\nb"])
    hint = "not even args can say it: a config line cannot hold these words"
    assert [(finding.kind, finding.hint) for finding in report] == [("guest-lost", hint)]
    assert (report.words, report.mends) == ([], set())


def test_properties_wait_for_the_devices_key_and_their_fields_are_told() -> None:
    report = Report()
    net = Net(key=None, where="here")
    report.set_properties("guest-lost", "place", "m", net.where, {"mq": "on"}, fields(net, "queues"))
    assert [(each.device, each.kind, each.where, each.message, each.values) for each in report.lost_properties] == [
        ("here", "guest-lost", "place", "m", {"mq": "on"})
    ]
    assert report.tells_of("Net", net.where, "queues")
    assert len(report) == 0


@pytest.mark.parametrize("kind", [Report, NullReport])
def test_an_empty_one_of_the_same_kind(kind: type[Report]) -> None:
    report = kind(args=True)
    report.vmid_guessed = True
    report.add("lint", None, "x")
    report.mend("lint", None, "y", ["-z"])
    fresh = report.fresh()
    assert (type(fresh), fresh.args, fresh.vmid_guessed, len(fresh)) == (kind, True, True, 0)
    assert len(report) == (2 if kind is Report else 0)
    assert report.enabled == (kind is Report)


@pytest.mark.parametrize(("guessed", "vmid", "said"), [(True, 7, "VMID"), (False, None, "VMID"), (False, 7, "7"), (False, 0, "0")])
def test_a_command_names_the_vm_if_its_id_is_known(guessed: bool, vmid: int | None, said: str) -> None:
    report = Report()
    report.vmid_guessed = guessed
    assert report.vm(vmid) == said


# Text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain ü", "plain ü"),
        ("two\nlines\n", "two; lines"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("tab\there", r"tab\there"),
        ("‮", r"\u202e"),
    ],
)
def test_what_a_terminal_would_act_on_is_an_escape(text: str, wanted: str) -> None:
    assert shown(text) == wanted


def test_a_long_message_is_cut_and_says_by_how_much() -> None:
    for length, wanted in ((4096, "x" * 4096), (4097, f"{'x' * 4096}... (1 more characters)")):
        report = Report()
        report.add("lint", None, "x" * length)
        assert messages(report) == [wanted]
        assert BridgeError("x" * length).message == wanted


def test_an_error_names_its_place() -> None:
    assert str(BridgeError("m", Line("a", 3))) == "a:3: m"
    assert str(BridgeError("m")) == "m"
    assert BridgeError("m").where is None
