"""localtime, startdate, tdf, and what an ostype implies."""

from __future__ import annotations

import pytest

import bridge
from tests.kinds.both import HOST, back, domain, findings, keys, pieces, values

VISTA = (
    '<clock offset="localtime"><timer name="rtc" tickpolicy="catchup"/><timer name="pit" tickpolicy="discard"/>'
    '<timer name="hpet" present="no"/></clock>'
)


@pytest.mark.parametrize(
    ("config", "rtc"),
    [
        ("memory: 512\n", []),
        ("localtime: 1\n", ["base=localtime"]),
        ("tdf: 1\nstartdate: 2006-06-17T16:01:21\n", ["driftfix=slew,base=2006-06-17T16:01:21"]),
        ("ostype: wxp\n", ["driftfix=slew,base=localtime"]),
        ("ostype: wxp\nacpi: 0\n", ["base=localtime"]),
        ("ostype: win10\nlocaltime: 0\ntdf: 0\n", []),
    ],
)
def test_rtc(config: str, rtc: list[str]) -> None:
    assert values(config, "-rtc") == rtc


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("startdate: 2006-06-17T16:01:21\n", '<clock offset="absolute" start="1150560081"/>'),
        ("startdate: 2006-6-7\n", '<clock offset="absolute" start="1149638400"/>'),
        ("localtime: 1\ntdf: 1\n", '<clock offset="localtime"><timer name="rtc" tickpolicy="catchup"/></clock>'),
        (
            "ostype: wvista\nkvm: 0\n",
            VISTA,
        ),
    ],
)
def test_xml(config: str, wanted: str) -> None:
    assert [piece.replace(' xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"', "") for piece in pieces(config, "clock")] == [wanted]


@pytest.mark.parametrize("config", [{"startdate": "2006-06-17T16:01:21"}, {"startdate": "2006-06-17"}, {"tdf": "1", "localtime": "1"}])
def test_back(config: dict[str, str]) -> None:
    found = back("ostype: l26\n" + "".join(f"{key}: {value}\n" for key, value in config.items()))
    assert {key: found.get(key) for key in ("startdate", "tdf", "localtime") if key in found} == config or found["ostype"] != "l26"


NO_NUMBER = ("0000-1-1", "0000-02-29T23:59:59", "1969-12-31", "1969-12-31T23:59:59", "2006-02-31", "2006-13-01", "9999-99-99")


@pytest.mark.parametrize("date", NO_NUMBER)
def test_a_startdate_that_libvirt_has_no_number_for_is_told_and_kept(date: str) -> None:
    config = f"kvm: 0\nstartdate: {date}\n"
    result = bridge.convert(config, "xml", "conf", host=HOST)
    assert 'start="' not in result.text
    told = [(finding.kind, finding.where, finding.message) for finding in result.findings if finding.kind == "guest-lost"]
    assert told == [("guest-lost", "100.conf:2", f"the target cannot start its clock at {date}")]
    assert f"startdate: {date}\n" in bridge.convert(result.text, "conf", "xml", host=HOST, trust_metadata=True).text
    back = bridge.convert(result.text, "conf", "xml", host=HOST)  # nothing in the XML vouches for it
    assert f"startdate: {date}\n" in back.text or any("startdate" in message for message in findings(result.text, "withheld"))
    assert values(config, "-rtc") == [f"base={date}"]


def test_the_first_second_and_the_last_day_of_a_startdate() -> None:
    for date, start in (("1970-1-1", 0), ("9999-12-31", 253402214400)):
        assert f'<clock offset="absolute" start="{start}"/>' in bridge.convert(f"startdate: {date}\n", "xml", "conf", host=HOST).text


def test_clocks_that_no_config_has() -> None:
    assert "UTC+3" in findings(domain("<clock offset='timezone' timezone='UTC+3'/>"), "guest-changed")[0]
    assert "3600" in findings(domain("<clock offset='variable' adjustment='3600' basis='utc'/>"), "guest-changed")[0]
    assert any("gettimeofday" in m for m in findings(domain("<clock offset='utc'><timer name='gettimeofday'/></clock>"), "unknown"))
    assert "localtime" not in keys(domain("<clock offset='utc'/>"))
