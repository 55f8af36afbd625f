"""Section files: the grammar, storage.cfg and cpu-models.conf. What cannot be read is skipped, with a warning."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.host.cpumodels import CPUModel, read_cpu_models
from bridge.host.sections import PLAIN_HEADER, TYPED_HEADER, Warnings, read_sections, split_list
from bridge.host.storagecfg import Storage, read_storage_cfg


def read(text: str, header: Any = TYPED_HEADER) -> tuple[list[tuple[str, str, dict[str, str | None]]], list[str]]:
    warnings: Warnings = []
    found = [(s.type, s.id, {e.key: e.value for e in s.entries}) for s in read_sections(text, "f", header, warnings)]
    return found, [f"{line}: {message}" for line, message in warnings]


def test_sections_end_at_an_empty_line() -> None:
    text = "# top\n\nDir: a\n  path /x y \n\t# inside\n\tflag\n\nnfs:b\n\tserver s\n"
    assert read(text) == ([("dir", "a", {"path": "/x y", "flag": None}), ("nfs", "b", {"server": "s"})], [])


def test_a_header_without_an_empty_line_before_it_is_lost() -> None:
    found, warnings = read("dir: a\n\tpath /x\ndir: b\n\tpath /y\n")
    assert [(kind, name) for kind, name, _ in found] == [("dir", "a")]
    assert warnings == ["f:3: not a 'key value' line of section 'a', ignored"]


def test_lines_outside_of_sections() -> None:
    found, warnings = read("\tpath /x\nnonsense\n\ndir: a b\n")
    assert found == []
    assert [w.split(":")[1] for w in warnings] == ["1", "2", "4"]


def test_files_from_windows() -> None:
    assert read("dir: a\r\n\tpath /x\r\n\r\ndir: b\r\n") == ([("dir", "a", {"path": "/x"}), ("dir", "b", {})], [])


def test_headers_of_mapping_files() -> None:
    assert read("gpu \n\tmdev 1\n", PLAIN_HEADER) == ([("", "gpu", {"mdev": "1"})], [])


def test_lists() -> None:
    assert split_list(" a,b;c  d,,") == ["a", "b", "c", "d"]


def storages(text: str) -> tuple[dict[str, Storage], list[str]]:
    warnings: Warnings = []
    found = read_storage_cfg(text, "s", warnings)
    return found, [f"{line.number}: {message}" for line, message in warnings]


def test_local_is_always_there() -> None:
    for text in ("", "lvm: local\n\tvgname x\n", "dir: local\n\tpath /other\n"):
        local = storages(text)[0]["local"]
        assert (local.type, local.path, "iso" in local.content) == ("dir", "/var/lib/vz", True)
    kept = storages("dir: local\n\tpath /var/lib/vz/\n\tcontent iso\n\tnodes other\n")[0]["local"]
    assert (kept.content, kept.nodes, kept.path) == (frozenset({"iso"}), None, "/var/lib/vz")


def test_what_a_storage_says() -> None:
    text = (
        "rbd: ceph\n\tmonhost a;b, c\n\tkrbd\n\tnodes n1,n2\n\tdata-pool x\n\n"
        "dir: d1\n\tpath //srv//d/\n\tcontent iso,images,nonsense\n\tshared no\n\tcontent-dirs iso=a/b/,images=../x\n\tdisable yes\n"
    )
    found, warnings = storages(text)
    ceph, d1 = found["ceph"], found["d1"]
    assert (ceph.monhost, ceph.krbd, ceph.nodes, ceph.content) == (("a", "b", "c"), True, frozenset({"n1", "n2"}), frozenset({"images"}))
    assert (ceph.on_node("n1"), ceph.on_node("n3"), d1.on_node("n1")) == (True, False, False)
    assert (d1.path is not None and d1.path.lstrip("/"), d1.content, d1.shared) == ("srv/d", frozenset({"iso", "images"}), False)
    assert d1.content_dirs == {"iso": "a/b"}
    assert [w.split(":")[0] for w in warnings] == ["9", "11"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("dir: -x\n\tpath /x\n", 1, "is not a storage id"),
        ("glusterfs: g1\n\tpath /x\n", 1, "unknown type 'glusterfs'"),
        ("dir: d1\n", 1, "no usable 'path'"),
        ("dir: d1\n\tpath relative\n", 2, "'path' has the unusable value"),
        ("dir: d1\n\tpath /a/../b\n", 2, "'path' has the unusable value"),
        ("lvm: l1\n\tvgname a/b\n", 2, "'vgname' has the unusable value"),
        ("rbd: r1\n\tmonhost a,b c/d\n", 2, "'monhost' has the unusable value"),
        ("iscsidirect: i1\n\tportal a/b\n\ttarget t\n", 2, "'portal' has the unusable value"),
        ("lvm: l1\n\tvgname\n", 2, "'vgname' has no value"),
        ("lvm: l1\n\tvgname a\n\tvgname b\n", 3, "is there twice"),
        ("lvm: l1\n\tvgname a\n\tcolour b\n", 3, "'colour' is not a known key"),
        ("lvm: l1\n\tvgname a\n\tdisable maybe\n", 3, "neither yes nor no"),
        ("lvm: l1\n\tvgname a\n\nlvm: l1\n\tvgname b\n", 4, "is there twice, this one counts"),
    ],
)
def test_what_a_storage_must_not_say(text: str, line: int, message: str) -> None:
    warnings = storages(text)[1]
    assert any(w.startswith(f"{line}: ") and message in w for w in warnings)


def test_cpu_models() -> None:
    warnings: Warnings = []
    lines = ("reported-model EPYC-v4", "flags +aes;-x", "hidden", "phys-bits host", "guest-phys-bits 40", "level 30", "hv-vendor-id AB")
    text = "".join(("cpu-model: m1\n", *(f"\t{line}\n" for line in lines)))
    assert read_cpu_models(text, "c", warnings) == {
        "m1": CPUModel(
            name="m1",
            reported_model="EPYC-v4",
            flags="+aes;-x",
            hidden=True,
            phys_bits="host",
            guest_phys_bits=40,
            level=30,
            hv_vendor_id="AB",
        )
    }
    assert warnings == []


@pytest.mark.parametrize(
    "line",
    [
        "flags aes", "flags +a,+b", "flags", "phys-bits 7", "phys-bits 65", "phys-bits x", "guest-phys-bits 31", "level -1",
        "level 4294967296", "hv-vendor-id toolongvendorid", "hidden maybe", "reported-model a,b", "vendor x", "level \u0661",
    ],
)  # fmt: skip
def test_bad_cpu_model_lines(line: str) -> None:
    warnings: Warnings = []
    assert read_cpu_models(f"cpu-model: m1\n\t{line}\n", "c", warnings) == {"m1": CPUModel(name="m1")}
    assert len(warnings) == 1
