"""What the metadata of an XML may bring back into a config.

The law of the residue (security-rules M1): what the metadata says is taken only if the config, written to XML again, gives the XML that was
read, metadata aside. For an XML that the bridge did not write as it stands: taking it brings the two documents no farther apart, and loses
nothing on the way that was not lost without it. What no XML shows comes back only if `data.remembered` lets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from functools import cached_property
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from ..core.report import Finding, Report
from ..core.shellwords import split
from ..libvirt.metadata.residue import Residue, stale
from ..libvirt.tree.node import Node
from ..qemuserver.text import encode_comment
from .claims import DESCRIPTION, Claim, Standing, name_of, rescued, resources, standing
from .documents import Atoms, Original, is_borne_out
from .resources import is_own

ATOMS = 200_000
"""How much is written at most to find out which of several keys contradict the XML; what is left then is not taken."""
MOST_TRIES = 64
IN_METADATA = "/domain/metadata"
TRUST = "--trust-metadata restores it, if you know where the file comes from"
STATE = ("efidisk0", "tpmstate0")
"""Volumes that libvirt may keep where no XML names them."""


class Attempt(Protocol):
    """A config that could come out. `tree` is the domain that it gives, None if it gives none; `atoms` are all that this says, `losses`
    what it has no words for, and `losers` the keys that lose it."""

    @property
    def tree(self) -> Node | None: ...

    @property
    def atoms(self) -> Atoms: ...

    @property
    def losses(self) -> Set[Finding]: ...

    def losers(self, losses: Set[Finding]) -> set[str]: ...


A = TypeVar("A", bound=Attempt)
Values = dict[str, str]
Write: TypeAlias = Callable[[Values, str | None], A | None]


class Taken(NamedTuple, Generic[A]):
    """The config's keys and description. `attempt` is the config that they make.

    `same`: it gives the XML that was read, to the letter. `ours`: all that it gives stands there, beside what libvirt added."""

    values: Values
    description: str | None
    attempt: A | None
    same: bool
    ours: bool


class Claims(NamedTuple):
    """Those that may come back, which of them cannot contradict the XML, and those that stay away."""

    all: list[Claim]
    free: list[Claim]
    left: list[Claim]

    def add(self, claim: Claim, stands: Standing) -> None:
        self.all.append(claim)
        if stands is Standing.FREE:
            self.free.append(claim)


class Tried(NamedTuple, Generic[A]):
    """Claims, the config that they make with what the XML says, and whether this gives the XML that was read, to the letter."""

    claims: list[Claim]
    attempt: A | None
    same: bool


class Gate(Generic[A]):
    """Decides over the claims of one document's metadata.

    `seen` and `description` are what the XML itself says, `write` makes a config of such. `vmid` is the VM's id, and `vmid_said` whether
    somebody else than the metadata says so. `words`: raw arguments that the caller carries, and that stand in the XML as well as in the
    metadata.
    """

    def __init__(
        self,
        seen: Values,
        description: str | None,
        original: Original,
        write: Write[A],
        vmid: int,
        vmid_said: bool,
        words: list[str] | None = None,
    ) -> None:
        self.seen = seen
        self.description = description
        self.original = original
        self.write = write
        self.vmid = vmid
        self.vmid_said = vmid_said
        self.words = words
        self.snapshots: frozenset[str] = frozenset()
        """Those that come back; `parent` may name one."""

    @cached_property  # without: 1 % more calls from XML with metadata
    def resources(self) -> set[str]:
        """What the XML names of the host."""
        return {name for key, text in self.seen.items() for name in resources(key, text)}

    @property
    def owner(self) -> int | None:
        """Whose volumes are the VM's own; None if only the metadata says it."""
        return self.vmid if self.vmid_said or any(is_own(name, self.vmid) for name in self.resources) else None

    def take(self, residue: Residue, report: Report) -> Taken[A]:
        """Merge what may be; each claim that is left out is a finding."""
        claims, free, left = self._claims(residue, report)
        taken, attempt, same = self._vetted([claim for claim in claims if claim not in free], free)
        self._tell([*left, *(claim for claim in claims if claim not in taken)], report)
        return Taken(*self._with(taken), attempt, same, same or is_ours(self.original, attempt))

    def _claims(self, residue: Residue, report: Report) -> Claims:
        found = Claims([], [], [])
        edited: dict[str, tuple[str | None, str | None]] = {}
        for key, (text, was) in residue.keys.items():
            claim, now = Claim(key, text), self.seen.get(key)
            stands = self._standing(claim, now)
            if key == DESCRIPTION or stands is Standing.WITHHELD:
                found.left.append(claim)
            elif now != was:
                edited[key] = text, was
                if text and was and now and (whole := rescued(key, text, was, now)) is not None:
                    claim = Claim(key, whole)
                    found.add(claim, standing(claim, now))
            elif text != now:
                found.add(claim, stands)
        stale(self.seen, Residue(keys=edited), report)
        if residue.description is not None and residue.description != self.description:
            found.add(Claim(DESCRIPTION, residue.description), Standing.BOUND)
        return found

    def _tell(self, left: list[Claim], report: Report) -> None:
        for key, text in left:
            if text is None:
                message = f"{key}: the metadata leaves it out, and the XML says '{_short(self.seen.get(key) or 'nothing')}': it stays"
            elif key == DESCRIPTION:
                message = f"description: '{_short(_comment(text))}' is not what the XML says, and is left out"
            elif key in self.seen:
                message = f"{key}: the metadata says '{_short(text)}', the XML '{_short(self.seen[key])}': the XML's stays"
            else:
                message = f"{key}: '{_short(text)}' stands in the metadata only, and is left out"
            report.add("withheld", IN_METADATA, message, TRUST)

    def _standing(self, claim: Claim, seen: str | None) -> Standing:
        """What becomes of a claim; more is known here than its text."""
        key, text = claim
        if key == "args" and text is not None:
            return Standing.WITHHELD if not self.words or split(text) != self.words else Standing.BOUND
        if key == "parent":
            return Standing.WITHHELD if text not in self.snapshots else Standing.BOUND
        if key in STATE and self._strange(claim):
            return Standing.WITHHELD
        return standing(claim, seen)

    def _strange(self, claim: Claim) -> set[str]:
        """The host's resources that neither the XML names nor the VM owns."""
        if name_of(claim.key) in ("args", DESCRIPTION):
            return set()
        found = resources(claim.key, claim.text)
        if found:
            found -= resources(claim.key, self.seen.get(claim.key))  # mostly the same ones
        if found:
            found -= self.resources
        return {name for name in found if self.owner is None or not is_own(name, self.owner)}

    def _with(self, claims: Iterable[Claim]) -> tuple[Values, str | None]:
        values, description = dict(self.seen), self.description
        for key, text in claims:
            if key == DESCRIPTION:
                description = text
            elif text is None:
                values.pop(key, None)
            else:
                values[key] = text
        return values, description

    def _tried(self, claims: list[Claim]) -> Tried[A]:
        attempt = self.write(*self._with(claims))
        return Tried(claims, attempt, attempt is not None and attempt.tree is not None and self.original.is_written_as(attempt.tree))

    def _vetted(self, bound: list[Claim], free: list[Claim]) -> Tried[A]:
        """The claims that are taken."""
        tried = self._tried([*bound, *free])
        if tried.attempt is None:  # one of them no config can hold
            free = [claim for claim in free[:MOST_TRIES] if self.write(*self._with([claim])) is not None]
        if bound and not self._are_borne_out(bound, tried):
            bound, tried = self._borne_out(bound, free, tried)
        taken = [*bound, *free]
        return tried if taken == tried.claims else self._tried(taken)

    def _are_borne_out(self, claims: list[Claim], tried: Tried[A]) -> bool:
        """Whether the XML speaks for all of them at once, and each says what it seems to: the usual case, found out by writing once."""
        attempt = tried.attempt
        if attempt is None or attempt.tree is None or (attempt.losses and attempt.losses - self._alone_losses):
            return False
        if not tried.same and not is_borne_out(self.original.atoms(), _atoms_of(self._alone), _atoms_of(attempt)):
            return False
        return all(self._shows(claim, tried.claims, attempt) for claim in claims if self._strange(claim))

    def _borne_out(self, bound: list[Claim], free: list[Claim], tried: Tried[A]) -> tuple[list[Claim], Tried[A]]:
        """(those of `bound` that the XML bears out, the last that was tried). Where the domain of all lacks what a line asks for, the
        finding names the line: all but these lines are tried at once, and these by themselves."""
        attempt = tried.attempt
        losers = attempt.losers(attempt.losses - self._alone_losses) if attempt is not None else set()
        clear = [claim for claim in bound if claim.key not in losers]
        if losers and clear:
            tried = self._tried([*clear, *(claim for claim in free if claim.key not in losers)])
            if self._are_borne_out(clear, tried):
                others = self._one_by_one([claim for claim in bound if claim.key in losers], tried.claims, tried.attempt)
                return [claim for claim in bound if claim in clear or claim in others], tried
        return self._one_by_one(bound, [], self._alone), tried

    @cached_property  # without: 2 % more calls from XML with metadata
    def _alone(self) -> A | None:
        """What the XML says without its metadata."""
        return self.write(self.seen, self.description)

    @property
    def _alone_losses(self) -> Set[Finding]:
        return _losses_of(self._alone)

    def _shows(self, claim: Claim, taken: Iterable[Claim], now: A) -> bool:
        """Whether the domain is another one without this claim: a thing of the host that the XML does not name must show in it."""
        return _atoms_of(self.write(*self._with((*taken, Claim(claim.key, None))))) != _atoms_of(now)

    def _one_by_one(self, claims: list[Claim], given: Sequence[Claim], attempt: A | None) -> list[Claim]:
        """The claims that the XML bears out, each with those before it. Some need others to be there. `attempt`: of those `given`."""
        taken: list[Claim] = []
        tries = min(MOST_TRIES, ATOMS // (len(self.original.atoms()) + 1))
        found = True
        while found and claims:
            found, left = False, []
            for claim in claims:
                tries -= 1
                before = (*given, *taken)
                now = self.write(*self._with((*before, claim))) if tries >= 0 else None
                if now is not None and self._is_borne_out(claim, before, attempt, now):
                    taken.append(claim)
                    attempt, found = now, True
                else:
                    left.append(claim)
            claims = left
        return taken

    def _is_borne_out(self, claim: Claim, taken: Sequence[Claim], before: A | None, now: A) -> bool:
        """Whether the XML speaks for one claim. A thing of the host that it does not name must show in it: without it, it is another."""
        if now.losses - _losses_of(before):
            return False
        atoms_now = _atoms_of(now)
        if not is_borne_out(self.original.atoms(), _atoms_of(before), atoms_now, alone=True):
            return False
        return not self._strange(claim) or self._shows(claim, taken, now)


def is_ours(original: Original, attempt: Attempt | None) -> bool:
    """Whether all that a config gives stands in the document, beside what libvirt added to it."""
    now = _atoms_of(attempt)
    return bool(now) and now <= original.atoms()


def _atoms_of(attempt: Attempt | None) -> Atoms:
    return frozenset() if attempt is None else attempt.atoms


def _losses_of(attempt: Attempt | None) -> Set[Finding]:
    return frozenset() if attempt is None else attempt.losses


def _comment(text: str) -> str:
    """A description as it stands in a config."""
    return " ".join(f"#{encode_comment(line)}" for line in text.split("\n"))


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:97] + "..."
