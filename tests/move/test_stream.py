"""The stream's filter: what it takes out and renames, at any pace; what it refuses; what it holds back."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.operations.move import stream
from bridge.operations.move.stream import Filter, StreamError
from tests.move import streams as s

pytestmark = pytest.mark.quick

NAMES = {b"mem-dimm0": b"memdimm0", b"mem-dimm1": b"memdimm1"}
OURS, THEIRS = s.whole(b"pc.ram", b"mem-dimm0"), s.whole(b"pc.ram", b"memdimm0")


def filtered(data: bytes, size: int = 1 << 20, names: dict[bytes, bytes] | None = None) -> bytes:
    parts, out = iter(s.pieces(data, size)), bytearray()
    Filter(lambda: next(parts, b""), out.extend, names).run()
    return bytes(out)


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize("names", [{}, NAMES])
def test_what_needs_no_change_goes_through_as_it_is(size: int, names: dict[bytes, bytes]) -> None:
    assert filtered(THEIRS, size, names) == THEIRS


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_dimms_get_the_names_of_libvirt(size: int) -> None:
    assert filtered(OURS, size, NAMES) == THEIRS


def test_dimms_get_the_names_of_qemu_server() -> None:
    assert filtered(THEIRS, names={new: old for old, new in NAMES.items()}) == OURS


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("names", [{}, NAMES])
@pytest.mark.parametrize("data", [b"", bytes(8), random.Random(15).randbytes(3 << 20)], ids=["empty", "short", "long"])
def test_pbs_state_is_taken_out(data: bytes, names: dict[bytes, bytes], size: int) -> None:
    if size < 100 and len(data) > 8:
        data = data[:5000]
    found = filtered(s.whole(b"pc.ram", b"mem-dimm0", s.pbs(data)), size, names)
    assert found == (THEIRS if names else OURS)


def test_a_machine_without_footers() -> None:
    ours, theirs = (s.whole(b"pc.ram", name, footer=False) for name in (b"mem-dimm0", b"memdimm0"))
    assert filtered(ours, names=NAMES) == theirs


def test_it_says_what_it_did() -> None:
    parts = iter([s.whole(b"pc.ram", b"mem-dimm0", s.pbs())])
    each = Filter(lambda: next(parts, b""), lambda _: None, NAMES)
    each.run()
    assert each.removed
    assert each.renamed == {b"mem-dimm0"}


RAM = s.section(1, 2, s.sizes({b"pc.ram": 4096}) + s.EOS, b"ram", 4)
REFUSED = {
    "no stream": (b"LibvirtQemudSave" + bytes(80), "QEVM"),
    "another version": (b"QEVM\0\0\0\4" + OURS[8:], "of version 4"),
    "a section of another kind": (s.HEAD + b"\x09", "kind 0x9"),
    "a subsection": (s.HEAD + s.configuration(s.subsection(b"configuration/new", b"")), "configuration/new"),
    "a capability": (
        s.HEAD + s.configuration(s.subsection(b"configuration/capabilities", s.u32(1) + s.short(b"mapped-ram"))),
        "mapped-ram",
    ),
    "memory of another version": (s.HEAD + s.section(1, 2, b"", b"ram", 5), "version 5"),
    "another section before the devices": (s.HEAD + s.section(1, 2, b"", b"dirty-bitmap", 1), "dirty-bitmap"),
    "pbs-state of another version": (s.HEAD + s.pbs(version=2), "pbs-state of version 2"),
    "pbs-state without an end": (s.HEAD + s.section(1, 7, s.u64(1 << 40), b"pbs-state", 1), "bytes"),
    "a device before the memory": (s.HEAD + s.DEVICES, "before the memory"),
    "pages of several channels": (s.HEAD + RAM + s.section(2, 2, s.u64(0x100) + s.EOS), "flags 0x100"),
    "RDMA": (s.HEAD + RAM + s.section(2, 2, s.u64(0x80) + s.EOS), "flags 0x80"),
    "memory that nothing began": (s.HEAD + RAM + s.section(2, 3, s.EOS), "section 3"),
    "another footer": (s.HEAD + RAM[:-4] + s.u32(5), "footer"),
    "blocks larger than all": (s.HEAD + s.section(1, 2, s.u64(4096 | 4) + s.short(b"a") + s.u64(8192), b"ram", 4), "larger"),
    "an encoding": (s.HEAD + RAM + s.section(2, 2, s.u64(0x60) + b"\2"), "encoding"),
    "an early end": (OURS[:9000], "ends in the middle"),
    "nothing": (b"", "ends in the middle"),
}


@pytest.mark.parametrize(("data", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_known_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(StreamError, match=said):
        filtered(data, names=NAMES)


def test_sixteen_mib_of_pbs_state_are_taken_out_and_no_byte_more() -> None:
    found = filtered(s.whole(b"pc.ram", b"mem-dimm0", s.pbs(bytes(16 << 20))), 1 << 22)
    assert found == OURS
    with pytest.raises(StreamError, match="of 16777217 bytes"):
        filtered(s.HEAD + s.section(1, 7, s.u64((16 << 20) + 1), b"pbs-state", 1))


def test_without_names_pages_are_not_looked_at() -> None:
    """Only what stands before the memory needs a look: the rest costs nothing."""
    odd = s.HEAD + RAM + s.section(2, 2, s.u64(0x100) + s.EOS)
    assert filtered(odd) == odd


@settings(max_examples=50)
@given(st.integers(0, len(OURS) - 1), st.binary(min_size=1, max_size=12), st.booleans())
def test_any_fault_is_one_line(at: int, fault: bytes, named: bool) -> None:
    data = OURS[:at] + fault + OURS[at + len(fault) :]
    said = ""
    try:
        filtered(data, names=NAMES if named else None)
    except StreamError as error:
        said = str(error)
    assert "\n" not in said


@pytest.mark.parametrize("names", [{}, NAMES])
def test_nothing_is_held_back_while_it_waits(names: dict[bytes, bytes]) -> None:
    """The guest stands still for what is held back: when more is asked for, all whole records have gone."""
    sent = bytearray()
    given_so_far = bytearray()
    left_behind = []

    def read() -> bytes:
        left_behind.append(len(given_so_far) - len(sent))
        part = next(parts, b"")
        given_so_far.extend(part)
        return part

    parts = iter(s.pieces(THEIRS, 1000))
    Filter(read, sent.extend, names).run()
    assert max(left_behind) < 4096 + 300


def test_memory_stays_bounded() -> None:
    """Of 40 MB, a MiB or two is held."""
    import tracemalloc

    ram = s.section(1, 2, s.sizes({b"pc.ram": 4096}) + s.EOS, b"ram", 4)
    head = s.HEAD + ram + b"\2" + s.u32(2) + s.page(s.PAGES[0], b"pc.ram")
    many = s.page(s.PAGES[1]) * 250

    def parts() -> Iterator[bytes]:
        yield head
        for _ in range(40):
            yield many
        yield s.EOS + s.section(3, 2, s.EOS) + s.DEVICES

    source, size = parts(), [0]

    def write(data: bytes | memoryview) -> None:
        size[0] += len(data)

    tracemalloc.start()
    Filter(lambda: next(source, b""), write, NAMES).run()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size[0] > 38 << 20
    assert most < 8 * stream.CHUNK
