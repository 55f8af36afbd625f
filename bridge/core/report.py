"""What a conversion has to say beside its document: findings, each of a kind with a fixed severity."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from .literals import Severity
from .shellwords import quote

SEVERITIES: tuple[Severity, ...] = ("guest", "data", "host", "note")
"""From worst to least: the guest will see it; something must be copied or converted; host policy or speed is lost; good to know."""
HEADINGS: dict[Severity, str] = {
    "guest": "The guest will see",
    "data": "To copy or convert",
    "host": "Host policy or speed",
    "note": "Good to know",
}


class Kind(NamedTuple):
    severity: Severity
    meaning: str


KINDS: dict[str, Kind] = {
    # guest
    "bad-line": Kind("guest", "A line of the config that qemu-server would drop with a warning, and so do we."),
    "guest-lost": Kind("guest", "A device or a property that the guest sees has no form in the target."),
    "guest-changed": Kind("guest", "The target has something near, not the same: the guest sees the difference."),
    "moved": Kind("guest", "A device stands at another PCI, USB or drive address than before."),
    "invisible": Kind("guest", "The device is on the command line, yet firmware and guest never find it."),
    "machine-missing": Kind("guest", "The target's QEMU no longer has, or does not yet have, this machine type."),
    "unknown": Kind("guest", "The input says something that this version does not know; it is not carried over."),
    "refused": Kind("guest", "qemu-server would not start this config as it stands; the words are its own."),
    "invalid": Kind("guest", "The XML does not follow a schema."),
    # data
    "storage-unknown": Kind("data", "No storage of the host facts holds this volume or path."),
    "import-needed": Kind("data", "An image must be copied or converted before the VM can start."),
    "firmware-state": Kind("data", "The firmware's variables must be copied, or start fresh."),
    "tpm-state": Kind("data", "The TPM's state must be copied, or starts fresh."),
    "memory-at-risk": Kind("data", "The running VM's QEMU may lose pages of its memory on the way."),
    "network-unknown": Kind("data", "No bridge is known for this network."),
    "resource-unknown": Kind("data", "A mapped PCI, USB or directory resource is not in the host facts."),
    # host
    "host-lost": Kind("host", "Host policy or speed that the target cannot express; the guest's hardware is the same."),
    "iothread-lost": Kind("host", "A detail of the iothread layout that the target cannot express."),
    "fallback": Kind("host", "The target is too old for the exact form; a lesser one stands in."),
    "not-applied": Kind("host", "An option that the document carries but that nothing applies by itself."),
    "lint": Kind("host", "Legal, but hardly what was meant."),
    "withheld": Kind("host", "The XML does not bear out what its metadata says: left out, unless the metadata is trusted."),
    "pending-changes": Kind("host", "Changes that wait for the next start of the VM came back from the metadata of the XML."),
    "args-off": Kind("host", "Raw QEMU arguments are carried only on request."),
    # note
    "warning": Kind("note", "qemu-server itself warns here."),
    "assumed": Kind("note", "A fact of the node that nobody told: the most usual was taken; the hint names the key that settles it."),
    "ambiguous": Kind("note", "Several readings are possible; the most likely one was taken."),
    "metadata-only": Kind("note", "Kept as text in the metadata; the target has no use for it."),
    "boot-picture": Kind("note", "The picture that qemu-server's firmware shows is a file that the target needs, too."),
    "no-live-move": Kind("note", "The state of the running VM cannot go to the other side; shut down, it can move."),
    "secret-left-out": Kind("note", "A password or key was not carried over."),
    "stale-residue": Kind("note", "The document was edited after it was written; the edit wins over what was remembered."),
    "normalised": Kind("note", "The same meaning, written differently."),
    "host-state": Kind("note", "What belongs to the host where the domain ran; qemu-server has its own for it, or needs none."),
    "by-args": Kind("note", "No key holds it: it stands in `args`, which qemu-server hands to QEMU unread, and which only root may set."),
    "added": Kind("note", "qemu-server gives the guest something more; nothing is taken away."),
    "advice": Kind("note", "What may be better about the iothreads: how many, for which disks, on which host CPUs. Nothing is changed."),
    "pins": Kind("note", "Pinning that no command line can carry."),
}


MAX_LISTED = 1000
"""Findings of one kind that a report lists; of the others it says how many there are. Nobody reads more, and each costs memory and time."""
MAX_MESSAGE = 4096
"""Characters of a message that are shown: an input of some MiB may be one value."""


def shown(text: str) -> str:
    """Text for one line of a report: what a terminal would act on, or not show, becomes an escape (security-rules S1, S2).

    Messages of qemu-server that have several lines are joined.
    """
    if text.isprintable():
        return text
    text = text.rstrip("\n").replace("\n", "; ")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _told(text: str) -> str:
    """`shown`, of a text that may be as long as the input."""
    if len(text) > MAX_MESSAGE:
        text = f"{text[:MAX_MESSAGE]}... ({len(text) - MAX_MESSAGE} more characters)"
    return shown(text)


class BridgeError(Exception):
    """The input cannot be converted.

    `message` is one line; `where` names the place (`file:line` or an XPath) or is None.
    """

    def __init__(self, message: str, where: object = None) -> None:
        self.message = _told(message)
        self.where = None if where is None else _told(str(where))
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message if self.where is None else f"{self.where}: {self.message}"

    def within(self, file: str) -> BridgeError:
        """The same, with a place that names the file it is in: a place in XML does not do that itself."""
        if self.where is None:
            return BridgeError(self.message, file)
        return self if self.where.startswith(file) else BridgeError(self.message, f"{file}: {self.where}")


class Line(NamedTuple):
    """A place in a config file. `number` counts from 1."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


class Finding(NamedTuple):
    """One thing that the reader of the output should know. `kind` is a key of KINDS, `severity` that kind's.

    A finding about fields of one part of the VM names them: `part` (`net0`, `cpu`), `field` (`macaddr`; several with blanks between),
    and, of one field, what it is in the input (`there`) and in the output (`here`), each empty if it is not there.
    """

    kind: str
    severity: Severity
    where: str
    message: str
    hint: str = ""
    part: str = ""
    field: str = ""
    there: str = ""
    here: str = ""

    def said(self) -> Finding:
        """What it says, wherever, and whatever there is to do."""
        return self._replace(where="", hint="")


class Fields(NamedTuple):
    """Fields of a part of the model that a finding is about. `where`: of a device, where it was read; None of what a VM has once.

    `shown` is how the reader knows the part, `there` and `here` are the two values of a single field."""

    part: str
    where: object
    names: tuple[str, ...]
    shown: str = ""
    there: str = ""
    here: str = ""


def fields(part: Any, *names: str) -> Fields:
    """Fields of this part; without names, the whole of it."""
    kind = type(part).__name__
    return Fields(kind, part.where if hasattr(part, "key") else None, names or (WHOLE,), getattr(part, "key", None) or kind.lower())


CARRY = "--args carries them over (args=True from Python)"
"""What to do about raw QEMU arguments that were left out."""
WHOLE = "device"
"""Stands for all fields of a device that is left out."""


class LostProperties(NamedTuple):
    """Properties of a device that a config creates without them. `device` is where it was read; its id is known when it has a key."""

    device: object
    kind: str
    where: object
    message: str
    values: dict[str, str]
    about: Fields | None = None


class Report:
    """Collects findings in the order in which they are met; the same finding is kept once. Of a kind, MAX_LISTED are listed, and then
    one more says how many there are beside these.

    A loss that raw QEMU arguments would mend is one, with the words as its hint, unless `args` says that they may be written. Then
    `words` collects them, and `lost_properties` what must wait for the keys of the devices.
    """

    enabled = True
    """Whether anybody will read the findings: checks that only make them need not run if not."""

    vmid_guessed = False
    """Nobody said the VM's id, and it is not in the input: hints leave a place for it."""

    def __init__(self, args: bool = False, clean: bool = False) -> None:
        self.clean = clean
        """The document has no place for raw QEMU arguments, whatever the user says of them: no hint offers them."""
        self._findings: dict[Finding, object] = {}
        """Finding -> the place itself that its `where` names."""
        self._room: dict[str, int] = {}
        """Kind -> how many more are listed; below zero: how many are not."""
        self.args = args and not clean
        self.words: list[str] = []
        self._needed: set[tuple[str, ...]] = set()
        self.lost_properties: list[LostProperties] = []
        self.mended: frozenset[tuple[str, ...]] = frozenset()
        """Words of `args` that are not needed, as something else makes the loss good."""
        self.mends: set[tuple[str, ...]] = set()
        """Words of `args` for every loss that they would mend."""
        self._about: set[tuple[str, int, str]] = set()
        self._alive: list[object] = []
        """Places whose ids `_about` holds."""

    def vm(self, vmid: object) -> str:
        """The VM's id for a command in a hint."""
        return "VMID" if self.vmid_guessed or vmid is None else str(vmid)

    def mend(
        self,
        kind: str,
        where: object,
        message: str,
        words: Sequence[str],
        needs: Sequence[str] = (),
        hint: str = "",
        about: Fields | None = None,
    ) -> None:
        """A loss, or words of `args`. `needs` are words that stand once before these; `hint` is another way out."""
        try:
            text = quote([*needs, *words])
        except ValueError as error:
            self.add(kind, where, message, f"not even args can say it: {error}", about)
            return
        self.mends.add(tuple(words))
        if not self.args:
            offered = () if self.clean else (f"--args writes: {text}",)
            self.add(kind, where, message, "; ".join((*((hint,) if hint else ()), *offered)), about)
            return
        if tuple(words) in self.mended:
            self.mark(about)
            return
        self.add("by-args", where, f"{message}; args say: {text}", about=about)
        if needs and (once := tuple(needs)) not in self._needed:
            self._needed.add(once)
            self.words += needs
        self.words += words

    def set_properties(
        self, kind: str, where: object, message: str, device: object, values: dict[str, str], about: Fields | None = None
    ) -> None:
        """A loss of properties of a device that has no key yet; `passes.arguments` makes words of it, or the finding."""
        self.lost_properties.append(LostProperties(device, kind, where, message, values, about))
        self.mark(about)

    def add(self, kind: str, where: object, message: str, hint: str = "", about: Fields | None = None, part: str = "") -> None:
        """`about`: the fields of the VM that the finding tells of; what the comparison finds out of these is told then. `part`: the key of
        a device of which it tells no such field."""
        self.mark(about)
        if self.full(kind):
            self._room[kind] -= 1
            return
        place = "" if where is None else _told(str(where))
        found = Finding(kind, KINDS[kind].severity, place, _told(message), _told(hint), part)
        if about is not None:
            found = found._replace(part=about.shown, field=" ".join(about.names), there=_told(about.there), here=_told(about.here))
        self._list(found, where)

    def mark(self, about: Fields | None) -> None:
        """These fields are told of, or need not be."""
        if about is not None:
            self._alive.append(about.where)
            self._about.update((about.part, id(about.where), name) for name in about.names)

    def tells_of(self, part: str, where: object, name: str) -> bool:
        """Whether a finding is about this field. `where` as in `Fields`."""
        return (part, id(where), name) in self._about

    def _list(self, finding: Finding, where: object) -> None:
        if finding not in self._findings:
            self._findings[finding] = where
            self._room[finding.kind] = self._room.get(finding.kind, MAX_LISTED) - 1

    def full(self, kind: str) -> bool:
        """Whether a finding of this kind would only be counted, so that its words need not be made."""
        return self._room.get(kind, MAX_LISTED) <= 0

    def extend(self, findings: Iterator[Finding]) -> None:
        for finding in findings:
            self._list(finding, None)

    def places(self) -> Iterator[tuple[Finding, object]]:
        """What is listed, with the places themselves."""
        yield from self._findings.items()

    def fresh(self) -> Report:
        """An empty one of the same kind."""
        found = type(self)(self.args, self.clean)
        found.vmid_guessed = self.vmid_guessed
        return found

    def take_over(self, other: Report) -> None:
        """All that another report says is said here, too."""
        for finding, where in other._findings.items():
            if self.full(finding.kind):
                self._room[finding.kind] -= 1
            else:
                self._list(finding, where)
        for kind, room in other._room.items():
            if room < 0:
                self._room[kind] = min(self._room.get(kind, 0), 0) + room
        self._about |= other._about
        self._alive += other._alive

    def leave_out(self, answered: Report | None, but: frozenset[str]) -> None:
        """Forget what another report says as well, wherever it says it (None: everything), except for the kinds of `but`."""
        known = {finding._replace(where="") for finding in answered} if answered is not None else None
        self._findings = {
            finding: where
            for finding, where in self._findings.items()
            if finding.kind in but or (known is not None and finding._replace(where="") not in known)
        }

    def __iter__(self) -> Iterator[Finding]:
        yield from self._findings
        for kind, room in self._room.items():
            if room < 0:
                message = f"{-room:,} more findings of this kind are not listed"
                yield Finding(kind, KINDS[kind].severity, "", message, "mend the listed ones, then look again")

    def __len__(self) -> int:
        return len(self._findings) + sum(room < 0 for room in self._room.values())


class NullReport(Report):
    """For conversions whose findings nobody will read, as others told them: what these would say is not spelled out."""

    enabled = False

    def mend(
        self,
        kind: str,
        where: object,
        message: str,
        words: Sequence[str],
        needs: Sequence[str] = (),
        hint: str = "",
        about: Fields | None = None,
    ) -> None:
        pass

    def add(self, kind: str, where: object, message: str, hint: str = "", about: Fields | None = None, part: str = "") -> None:
        pass


def worst(findings: Iterable[Finding]) -> Severity | None:
    """The most severe severity among the findings, None if there are none."""
    rank = min((SEVERITIES.index(f.severity) for f in findings), default=sys.maxsize)
    return SEVERITIES[rank] if rank < len(SEVERITIES) else None
