"""The table of `virt-qm options`: how each format carries each option of a VM's config, out of the rows of the formats themselves.

An option's row in the config names fields of the model; the rows of the other formats that name the same fields say where these stand
there. An option that has no place in XML is kept as text in the metadata (the residue).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..argv import kinds as argv
from ..argv.raw import AS_THEY_ARE
from ..core.coverage import Rows
from ..core.rows import Row
from ..data.options import OPTIONS, SECRETS
from ..data.schema import Option
from ..libvirt import kinds as libvirt
from ..qemuserver import kinds as qemuserver

KEPT, PARTLY, LEFT_OUT = "text", "partly", "left out"
"""What the residue does with an option that XML cannot say: keep its text, or that of some sub-options; leave a secret out."""

ANOTHER_KEY = {"cdrom": "ide2", "smp": "sockets"}
"""Old names that qemu-server writes as the option they mean."""

ALSO_KEPT = frozenset((
    *(("bootdisk", None), ("boot", "legacy"), ("hotplug", None), ("runningmachine", None), ("runningcpu", None)),
    *(("hostpciN", "mapping"), ("usbN", "mapping"), ("virtioN", "media")),
))
"""What XML says, but not as a config would: names of mappings, an order of classes, states of snapshots, what can be but one thing."""

NO_NEWS = frozenset((("meta", "ctime"),))
"""What nobody would miss."""

NOT_HERE = {("cpu", "reported-model"): "only in cpu-models.conf"}
"""Sub-options of the schema that a VM's config cannot have."""


class OptionRow(NamedTuple):
    """An option (`field` None), or one of its sub-options. Places are empty where a format does not say it."""

    option: str
    field: str | None
    config: str
    """How it is written in a config; `= NAME` for another name of the same thing."""
    argv: tuple[str, ...]
    xml: tuple[str, ...]
    residue: str
    findings: tuple[str, ...]
    """Kinds of the findings that come with it."""

    @property
    def name(self) -> str:
        return self.option if self.field is None else f"{self.option}: {self.field}"

    @property
    def is_alias(self) -> bool:
        return self.config.startswith("=") or (self.option, self.field) in NOT_HERE


Shown = tuple[tuple[str, ...], OptionRow]
"""A line of the table: the names that it stands for, and an entry."""
Said = tuple[type, Row]
"""A part of the model and a row that names a field of it."""


def table() -> list[OptionRow]:
    """Every option and sub-option of `data.options`, in its order."""
    return [entry for name, option in OPTIONS.items() for entry in _entries(name, option)]


def short() -> list[OptionRow]:
    """One entry for each option: where it stands as a whole."""
    return [entry for entry in table() if entry.field is None]


def _entries(name: str, option: Option) -> Iterator[OptionRow]:
    if name in ANOTHER_KEY:
        for field in (None, *(option.fields or {})):
            yield OptionRow(name, field, f"= {ANOTHER_KEY[name]}", (), (), "", ())
        return
    own = [(part, row) for part, row in _config_rows("") if row.place == name]
    if not option.fields or own:
        yield _joined(name, None, f"{name}:", own)
    if not option.fields:
        return
    inner = [_sub_option(name, field, option, own) for field in option.fields]
    if not own:
        yield _whole(name, inner)
    yield from inner


def _sub_option(name: str, field: str, option: Option, whole: list[Said]) -> OptionRow:
    """`whole`: the rows of the option, where it is kept as one text."""
    said = (option.fields or {})[field]
    if said.alias:
        meant = f"= {said.key_alias}={field},{said.alias}" if said.key_alias else f"= {said.alias}"
        return OptionRow(name, field, meant, (), (), "", ())
    if (name, field) in NOT_HERE:
        return OptionRow(name, field, NOT_HERE[name, field], (), (), "", ())
    own = [(part, row) for part, row in _config_rows(name) if row.place == field]
    return _joined(name, field, f"{name}: {field}=", own or whole)


def _config_rows(at: str) -> list[Said]:
    return [(rows.part, row) for rows in qemuserver.TABLE if at in (rows.at.split(" ")) for row in rows.rows]


def _joined(name: str, field: str | None, config: str, said: list[Said]) -> OptionRow:
    """The places of the fields that the config's rows name."""
    fields = {(part, row.field) for part, row in said}
    words = _unique(_word(row.place) for part, row in _all(argv.TABLE) if (part, row.field) in fields)
    places = [(rows.at, row) for rows in libvirt.TABLE for row in rows.rows if (rows.part, row.field) in fields]
    xml = _unique(_path(at, row.place) for at, row in places if row.place)
    kinds = [row.finding for _, row in said if row.finding] + [row.finding for _, row in places if row.finding]
    kinds += [libvirt.LOST.kind for part, lost in fields if lost in libvirt.LOST.uncarried(part)]
    if (name, field) in NO_NEWS:
        kinds = []
    residue = KEPT if not xml or (name, field) in ALSO_KEPT else ""
    if name in SECRETS:
        residue = LEFT_OUT
        kinds.append("secret-left-out")
    return OptionRow(name, field, config, words, xml, residue, _unique(kinds))


def _whole(name: str, inner: list[OptionRow]) -> OptionRow:
    """An option with sub-options: the command line's options and the elements that these are in."""
    words = _unique(word.split(" ")[0] for entry in inner for word in entry.argv)
    elements = _unique(_element(place) for entry in inner for place in entry.xml)
    kinds = _unique(kind for entry in inner for kind in entry.findings)
    kept = {entry.residue for entry in inner if not entry.is_alias}
    return OptionRow(name, None, f"{name}:", words, elements, kept.pop() if len(kept) == 1 else PARTLY, kinds)


def _element(place: str) -> str:
    """The outermost element of a place, `cpu` of `cpu/topology@cores`."""
    return place.split(" ")[0] if place.startswith("qemu:") else re.split("[/@[]", place)[0]


def _all(table: tuple[Rows, ...]) -> Iterator[Said]:
    for rows in table:
        for row in rows.rows:
            yield rows.part, row


def _unique(texts: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _word(place: str) -> str:
    """A place of the command line as it is shown: properties are those of -device."""
    return place if place[0] in "-/" or place == AS_THEY_ARE or place.startswith("taskset") else f"-device {place}"


def _path(at: str, place: str) -> str:
    """A place in XML as it is shown: from the domain on, without `devices`."""
    if place.startswith("qemu:"):
        return place
    if place.startswith("/"):
        at, place = "", place[1:]
    whole = f"{at}{place}" if place[:1] == "@" and at else f"{at}/{place}" if at and place else at or place
    return f"domain{whole}" if whole[:1] == "@" else whole.removeprefix("devices/")


def folded(entries: list[OptionRow]) -> list[Shown]:
    """(names, entry): entries that are alike in all but their names stand together, where the first of them stands."""
    alike: dict[tuple[object, ...], list[OptionRow]] = {}
    for entry in entries:
        alike.setdefault((entry.argv, entry.xml, entry.residue, entry.findings, entry.is_alias and entry.name), []).append(entry)
    return [(tuple(entry.name for entry in group), group[0]) for group in alike.values()]


def chosen(names: tuple[str, ...]) -> list[OptionRow]:
    """The entries of options by name (`scsiN`, `scsi`, `scsi3`), with their sub-options. Raises ValueError for a name that is none."""
    every = table()
    if not names:
        return every
    found = []
    for name in names:
        stem = name.rstrip("0123456789")
        one = [entry for entry in every if entry.option == name] or [entry for entry in every if entry.option in (f"{name}N", f"{stem}N")]
        if not one:
            raise ValueError(f"there is no option '{name}': virt-qm options names them all")
        found += one
    return found


HEADINGS = ("config", "QEMU command line", "domain XML", "residue", "finding")


def cells(names: tuple[str, ...], entry: OptionRow) -> tuple[tuple[str, ...], ...]:
    """A row of the table: the words of each cell."""
    if entry.is_alias:
        names = (f"{entry.name} {entry.config}",)
    return names, entry.argv, entry.xml, (entry.residue,), entry.findings


def markdown(rows: Sequence[Shown]) -> str:
    """A table in Markdown."""
    lines: list[tuple[str, ...]] = [HEADINGS, ("---",) * len(HEADINGS)]
    for names, entry in rows:
        *places, residue, findings = cells(names, entry)
        lines.append((*(", ".join(f"`{word}`" for word in words) for words in places), ", ".join(residue), ", ".join(findings)))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
