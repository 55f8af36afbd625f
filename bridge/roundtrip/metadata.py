"""What the metadata of an XML may bring back into a config.

The law of the residue (security-rules M1): what the metadata says is taken only if the config, written to XML again, gives the XML that was
read, metadata aside. For an XML that the bridge did not write as it stands: taking it brings the two documents no farther apart, and loses
nothing on the way that was not lost without it. What no XML shows comes back only if `data.remembered` lets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from ..core.report import Finding, Report
from ..core.shellwords import split
from ..libvirt.metadata.residue import Residue, stale
from ..libvirt.tree.node import Node
from ..qemuserver.text import encode_comment
from .claims import DESCRIPTION, Claim, is_placeless, is_withheld, name_of, rescued, resources
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
    what it has no words for."""

    @property
    def tree(self) -> Node | None: ...

    @property
    def atoms(self) -> Atoms: ...

    @property
    def losses(self) -> frozenset[Finding]: ...


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


class Gate(Generic[A]):
    """Decides over the claims of one document's metadata.

    `seen` and `description` are what the XML itself says, `write` makes a config of such. `vmid`: whose volumes are the VM's own, None if
    only the metadata says it. `words`: raw arguments that the caller carries, and that stand in the XML as well as in the metadata.
    """

    def __init__(
        self,
        seen: Values,
        description: str | None,
        original: Original,
        write: Write[A],
        vmid: int | None = None,
        words: list[str] | None = None,
    ) -> None:
        self.seen = seen
        self.description = description
        self.original = original
        self.write = write
        self.vmid = vmid
        self.words = words
        self.snapshots: frozenset[str] = frozenset()
        """Those that come back; `parent` may name one."""
        self.resources = {name for key, text in seen.items() for name in resources(key, text)}

    def take(self, residue: Residue, report: Report) -> Taken[A]:
        """Merge what may be; each claim that is left out is a finding."""
        claims, left = self._claims(residue, report)
        free = [claim for claim in claims if is_placeless(claim, self.seen.get(claim.key))]
        bound = [claim for claim in claims if claim not in free]
        taken, attempt = self._vetted(bound, free)
        self._tell([*left, *(claim for claim in claims if claim not in taken)], report)
        same = self._is_same(attempt)
        return Taken(*self._with(taken), attempt, same, same or is_ours(self.original, attempt))

    def _claims(self, residue: Residue, report: Report) -> tuple[list[Claim], list[Claim]]:
        """(what may come back if the XML bears it out, what never does)."""
        claims: list[Claim] = []
        left: list[Claim] = []
        edited: dict[str, tuple[str | None, str | None]] = {}
        for key, (text, was) in residue.keys.items():
            claim, now = Claim(key, text), self.seen.get(key)
            if key == DESCRIPTION or self._is_withheld(claim):
                left.append(claim)
            elif now != was:
                edited[key] = text, was
                if text and was and now and (whole := rescued(key, text, was, now)) is not None:
                    claims.append(Claim(key, whole))
            elif text != now:
                claims.append(claim)
        stale(self.seen, Residue(keys=edited), report)
        if residue.description is not None and residue.description != self.description:
            claims.append(Claim(DESCRIPTION, residue.description))
        return claims, left

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

    def _is_withheld(self, claim: Claim) -> bool:
        """Whether a claim does not come back whatever the XML says."""
        key, text = claim
        if key == "args" and text is not None:
            return not self.words or split(text) != self.words
        if key == "parent":
            return text not in self.snapshots
        return is_withheld(claim, self.seen.get(key)) or (key in STATE and bool(self._strange(claim)))

    def _strange(self, claim: Claim) -> set[str]:
        """The host's resources that neither the XML names nor the VM owns."""
        if name_of(claim.key) in ("args", DESCRIPTION):
            return set()
        found = resources(claim.key, claim.text) - self.resources
        return {name for name in found if self.vmid is None or not is_own(name, self.vmid)}

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

    def _vetted(self, bound: list[Claim], free: list[Claim]) -> tuple[list[Claim], A | None]:
        """(the claims that are taken, the config that they make)."""
        wanted = [*bound, *free]
        attempt = self.write(*self._with(wanted))
        if attempt is None:  # one of them no config can hold
            free = [claim for claim in free[:MOST_TRIES] if self.write(*self._with([claim])) is not None]
        if bound and not self._are_borne_out(bound, free, attempt):
            bound = self._one_by_one(bound)
        taken = [*bound, *free]
        return taken, attempt if taken == wanted else self.write(*self._with(taken))

    def _are_borne_out(self, claims: list[Claim], free: list[Claim], attempt: A | None) -> bool:
        """Whether the XML speaks for all of them at once, and each says what it seems to: the usual case, found out by writing once."""
        if attempt is None or attempt.tree is None or (attempt.losses and attempt.losses - self._alone_losses):
            return False
        if not self._is_same(attempt) and not is_borne_out(self.original.atoms(), _atoms_of(self._alone), _atoms_of(attempt)):
            return False
        return all(self._shows(claim, (*claims, *free), attempt) for claim in claims if self._strange(claim))

    @cached_property
    def _alone(self) -> A | None:
        """What the XML says without its metadata."""
        return self.write(self.seen, self.description)

    @property
    def _alone_losses(self) -> frozenset[Finding]:
        return frozenset() if self._alone is None else self._alone.losses

    def _shows(self, claim: Claim, taken: Iterable[Claim], now: A) -> bool:
        """Whether the domain is another one without this claim: a thing of the host that the XML does not name must show in it."""
        return _atoms_of(self.write(*self._with((*taken, Claim(claim.key, None))))) != _atoms_of(now)

    def _is_same(self, attempt: A | None) -> bool:
        return attempt is not None and attempt.tree is not None and self.original.is_written_as(attempt.tree)

    def _one_by_one(self, claims: list[Claim]) -> list[Claim]:
        """The claims that the XML bears out, each with those before it. Some need others to be there."""
        taken: list[Claim] = []
        there, attempt = self.original.atoms(), self._alone
        tries = min(MOST_TRIES, ATOMS // (len(there) + 1))
        found = True
        while found and claims:
            found, left = False, []
            for claim in claims:
                tries -= 1
                now = self.write(*self._with((*taken, claim))) if tries >= 0 else None
                if now is not None and self._is_borne_out(claim, taken, attempt, now):
                    taken.append(claim)
                    attempt, found = now, True
                else:
                    left.append(claim)
            claims = left
        return taken

    def _is_borne_out(self, claim: Claim, taken: list[Claim], before: A | None, now: A) -> bool:
        """Whether the XML speaks for one claim. A thing of the host that it does not name must show in it: without it, it is another."""
        if now.losses - (frozenset() if before is None else before.losses):
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


def _comment(text: str) -> str:
    """A description as it stands in a config."""
    return " ".join(f"#{encode_comment(line)}" for line in text.split("\n"))


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:97] + "..."
