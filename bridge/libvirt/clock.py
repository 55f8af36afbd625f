"""<clock> and its timers (mapping-machine 4)."""

from __future__ import annotations

import calendar
import re
from weakref import ref

from ..core.coverage import Rows
from ..core.rows import Row, whole_number
from ..model.clock import Clock
from ..model.vm import VM
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("localtime", "clock@offset", code=True),
    Row("startdate", "clock@start", code=True),
    Row("tdf", "clock/timer@tickpolicy", code=True),
    Row("pit_discard", "clock/timer@tickpolicy", code=True),
)
TABLE = (Rows(Clock, "", ROWS),)

NOW = "now"
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:T([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2}))?", re.ASCII).fullmatch
FIRST_YEAR = 1970
DAY = 86400
CYCLE = 146097
"""Days of 400 years."""
MARCH_0000 = 719468
"""Days from the first of March of the year 0 to 1970."""
LAST = 253402300799
"""The last second of the year 9999."""


def epoch(date: str) -> int | None:
    """A startdate, read as UTC, in seconds; None if there is no such moment, or libvirt has no number for it (`start` is unsigned)."""
    match = _DATE(date)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    if year < FIRST_YEAR or not 0 < month <= 12 or not 0 < day <= calendar.monthrange(year, month)[1]:
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    return calendar.timegm((year, month, day, hour, minute, second))


def date_of(seconds: int) -> str:
    """The startdate of these seconds; midnight needs no time of day. Calendars repeat every 400 years, which begin in March here."""
    days, rest = divmod(seconds, DAY)
    cycle, day = divmod(days + MARCH_0000, CYCLE)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    year += 400 * cycle + (month >= 10)
    date = f"{year:04d}-{month + 3 if month < 10 else month - 9:02d}-{day + 1:02d}"
    return date if rest == 0 else f"{date}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def write(vm: VM, domain: Domain) -> None:
    clock = vm.clock
    node = domain.root.ensure("clock")
    start = epoch(clock.startdate) if clock.startdate and clock.startdate != NOW else None
    if start is not None and domain.target.has("clock_absolute"):
        node.attrib = {"offset": "absolute", "start": str(start)}
    else:
        node.attrib = {"offset": "localtime" if clock.localtime else "utc"}
        if clock.startdate not in (None, NOW):
            how = "a younger libvirt can" if start is not None else f"set startdate to a date of the calendar, of {FIRST_YEAR} or later"
            domain.report.add("guest-lost", clock.where, f"the target cannot start its clock at {clock.startdate}", how)
    timers = []
    if clock.tdf:
        timers.append({"name": "rtc", "tickpolicy": "catchup"})
    if clock.pit_discard or (clock.pit_discard is False and domain.described):
        timers.append({"name": "pit", "tickpolicy": "discard" if clock.pit_discard else "delay"})
    if vm.machine.hpet is False:
        timers.append({"name": "hpet", "present": "no"})
    node.children[:0] = [Node("timer", timer, ref(node)) for timer in timers]


def read(domain: Domain, vm: VM) -> None:
    node = domain.root.only("clock")
    clock = vm.clock = Clock(localtime=False, tdf=False, pit_discard=False, where=node or domain.root)
    vm.machine.hpet = None if vm.machine.base == "virt" else True
    if node is None:
        return
    _read_offset(domain, node, clock)
    for timer in node.children:
        if timer.tag == "timer" and not timer.claimed:
            _read_timer(domain, timer, vm)


def _read_offset(domain: Domain, node: Node, clock: Clock) -> None:
    offset = node.attrib.get("offset", "utc")
    if offset not in ("utc", "localtime", "timezone", "variable", "absolute"):
        return
    node.take("offset")
    if offset in ("utc", "localtime") and node.attrib.get("adjustment", "reset") not in ("0", "reset"):
        offset, node.attrib["basis"] = "variable", offset
    clock.localtime = offset == "localtime"
    if offset == "absolute":
        try:
            start = whole_number(node.attrib.get("start", ""))
        except ValueError:
            return
        if start <= LAST:
            node.take("start")
            clock.startdate = date_of(start)
            clock.localtime = None
    elif offset == "timezone":
        clock.localtime = True
        zone = node.take("timezone")
        domain.report.add(
            "guest-changed", node, f"the clock ran in time zone {zone}; it gets the node's local time", "set the node's time zone"
        )
    elif offset == "variable":
        basis = node.attrib.get("basis", "utc")
        if basis in ("utc", "localtime"):
            node.take("basis")
            clock.localtime = basis == "localtime"
        shift = node.take("adjustment") or "0"
        if shift not in ("0", "reset"):
            domain.report.add(
                "guest-changed", node, f"the guest's clock was {shift} seconds off, and it starts right again", "args: -rtc base=DATE"
            )
        else:
            domain.report.add("host-lost", node, f"changes that the guest makes to its clock are not kept (adjustment={shift})")
    adjustment = node.attrib.get("adjustment")
    if adjustment in ("0", "reset"):
        node.take("adjustment")
        domain.report.add("normalised", node, f"the clock's adjustment {adjustment} has no counterpart and none is needed")


def _read_timer(domain: Domain, timer: Node, vm: VM) -> None:
    """Claimed if it says what qemu-server can do, or what QEMU does anyway."""
    name, policy, present = (timer.attrib.get(key) for key in ("name", "tickpolicy", "present"))
    if name == "rtc":
        _read_track(domain, timer)
    if set(timer.attrib) - {"name", "tickpolicy", "present"} or any(child.tag != "catchup" for child in timer.children):
        return
    clock, said = vm.clock, present in (None, "yes", "no")
    if name == "hpet" and present in ("yes", "no") and policy in (None, "delay"):
        vm.machine.hpet = present == "yes"
    elif name == "rtc" and said and policy in ("catchup", "delay"):
        clock.tdf = policy == "catchup"
    elif name == "pit" and said and policy in ("discard", "delay"):
        clock.pit_discard = policy == "discard"
    elif not (name in ("pit", "rtc") and said and policy is None):
        return
    if present == "no" and name != "hpet":
        domain.report.add("normalised", timer, f"present='no' does not take the {name} away: libvirt looks at the HPET's alone")
    timer.claim()
    timer.attrib.clear()
    for pace in timer.all("catchup"):
        domain.report.add("host-state", pace, f"{pace.whole()} is left behind: QEMU has its own pace")


TRACKS = {"guest": "vm", "realtime": "rt"}
"""Whose clock the RTC follows -> QEMU's word; without one it is the host's."""


def _read_track(domain: Domain, timer: Node) -> None:
    track = timer.attrib.get("track")
    if track in TRACKS:
        message = f"track='{track}': the guest's clock does not follow the host's there; under qemu-server it does"
        domain.report.mend("guest-changed", timer, message, ["-rtc", f"clock={TRACKS[track]}"])
        timer.claim_text("track")
