"""What the metadata of an XML may bring back into a config.

The law of the residue (security-rules M1): what the metadata says is taken only if the config, written to XML again, gives the XML that
was read, metadata aside. For an XML that the bridge did not write as it stands: taking it makes no difference between the two documents
that was not there without it. What no XML shows comes back only if `data.remembered` lets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from ..data.options import OPTIONS, option
from ..data.remembered import WITHHELD
from ..libvirt.node import Node
from ..libvirt.residue import Residue, stale
from ..qemuserver.propstring import FormatError
from ..qemuserver.setting import Entry, checked, checker_of
from ..qemuserver.text import encode_comment
from ..report import Report
from .documents import Atoms, Original, atoms, is_borne_out
from .resources import is_own, named_by

DESCRIPTION = "description"
"""The one claim that is no key: a config has it as comments."""
ATOMS = 200_000
"""How much is written at most to find out which of several keys contradict the XML; what is left then is not taken."""
MOST_TRIES = 64
IN_METADATA = "/domain/metadata"
TRUST = "--trust-metadata restores it, if you know where the file comes from"


class Attempt(Protocol):
    """A config that could come out. `tree` is the domain that it gives, None if it gives none."""

    @property
    def tree(self) -> Node | None: ...


A = TypeVar("A", bound=Attempt)
Values = dict[str, str]
Claim = tuple[str, str | None]
"""(key, its text or None if the config is not to have it)."""


Write: TypeAlias = Callable[[Values, str | None], A | None]


class Taken(NamedTuple, Generic[A]):
    """The config's keys and description. `attempt` is the config that they make, `same` whether it gives the XML that was read."""

    values: Values
    description: str | None
    attempt: A | None
    same: bool


class Gate(Generic[A]):
    """Decides over the claims of one document's metadata.

    `seen` and `description` are what the XML itself says, `write` makes a config of such, `raw` says that raw arguments may be carried.
    """

    def __init__(
        self, seen: Values, description: str | None, original: Original, write: Write[A], vmid: int, raw: bool
    ) -> None:
        self.seen = seen
        self.description = description
        self.original = original
        self.write = write
        self.vmid = vmid
        self.raw = raw
        self.snapshots: frozenset[str] = frozenset()
        """Those that come back; `parent` may name one."""
        self.resources = {name for key, text in seen.items() for name in _resources(key, text)}

    def take(self, residue: Residue, report: Report) -> Taken[A]:
        """Merge what may be; each claim that is left out is a finding."""
        stale(self.seen, residue, report)
        claims: list[Claim] = []
        for key, (text, was) in residue.keys.items():
            now = self.seen.get(key)
            if now == was and text != now and key != DESCRIPTION:
                claims.append((key, text))
        if residue.description is not None and residue.description != self.description:
            claims.append((DESCRIPTION, residue.description))
        open_claims = [claim for claim in claims if not self._is_withheld(*claim)]
        taken, result = self._vetted(open_claims)
        strange = [(key, text) for key, (text, _) in residue.keys.items() if key == DESCRIPTION]
        self._tell([*strange, *(claim for claim in claims if claim not in taken)], report)
        return result

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

    def _is_withheld(self, key: str, text: str | None) -> bool:
        """Whether a key never comes back without trust, whatever the XML says."""
        if key == DESCRIPTION or text is None:
            return False
        if key == "args":
            return not self.raw
        if key == "parent":
            return text not in self.snapshots
        declared = option(key)
        if declared is None:
            return True
        name = key if key in OPTIONS else f"{key.rstrip('0123456789')}N"
        if name in WITHHELD:
            return True
        if declared.fields is None:
            return False
        said, known = _parts(key, text), _parts(key, self.seen.get(key))
        if said is None or any(f"{name}.{field}" in WITHHELD for field in said if said[field] != (known or {}).get(field)):
            return True
        return name in ("efidisk0", "efidiskN", "tpmstateN") and bool(self._strange(key, text))  # libvirt may keep these where no XML says

    def _strange(self, key: str, text: str) -> set[str]:
        """The host's resources that neither the XML names nor the VM owns."""
        return {name for name in _resources(key, text) - self.resources if not is_own(name, self.vmid)}

    def _needs_word(self, claim: Claim) -> bool:
        """Whether the XML itself must speak for a claim: a device of the host that it does not name otherwise."""
        key, text = claim
        return text is not None and key not in (DESCRIPTION, "args") and key not in self.seen and bool(self._strange(key, text))

    def _with(self, claims: Iterable[Claim]) -> tuple[Values, str | None]:
        values, description = dict(self.seen), self.description
        for key, text in claims:
            if key == DESCRIPTION:
                description = text
            elif text is None:
                del values[key]
            else:
                values[key] = text
        return values, description

    def _vetted(self, claims: list[Claim]) -> tuple[list[Claim], Taken[A]]:
        attempt = self.write(*self._with(claims))
        needy = any(map(self._needs_word, claims))
        same = self._is_same(attempt)
        if needy or not (same or is_borne_out(self.original.atoms(), self._alone(), _atoms_of(attempt))):
            claims = self._one_by_one(claims)
            attempt = self.write(*self._with(claims))
            same = self._is_same(attempt)
        return claims, Taken(*self._with(claims), attempt, same)

    def _alone(self) -> Atoms:
        return _atoms_of(self.write(self.seen, self.description))

    def _is_same(self, attempt: A | None) -> bool:
        return attempt is not None and attempt.tree is not None and self.original.is_written_as(attempt.tree)

    def _one_by_one(self, claims: list[Claim]) -> list[Claim]:
        """The claims that the XML bears out, each with those before it. Some need others to be there."""
        taken: list[Claim] = []
        there, before = self.original.atoms(), self._alone()
        tries = min(MOST_TRIES, ATOMS // (len(there) + 1))
        found = True
        while found and claims:
            found, left = False, []
            for claim in claims:
                tries -= 1
                now = _atoms_of(self.write(*self._with((*taken, claim)))) if tries >= 0 else frozenset()
                if now and is_borne_out(there, before, now) and not (self._needs_word(claim) and now == before):
                    taken.append(claim)
                    before, found = now, True
                else:
                    left.append(claim)
            claims = left
        return taken


def _atoms_of(attempt: Attempt | None) -> Atoms:
    """All that the domain of a config says; nothing if it gives none."""
    return frozenset() if attempt is None or attempt.tree is None else atoms(attempt.tree)


def _parts(key: str, text: str | None) -> dict[str, object] | None:
    entry = _entry(key, text)
    return None if entry is None or entry.parts is None else dict(entry.parts)


def _entry(key: str, text: str | None) -> Entry | None:
    try:
        return None if text is None else checked(checker_of(key), key, text, 0)
    except FormatError:
        return None


def _resources(key: str, text: str) -> set[str]:
    entry = _entry(key, text)
    return set() if entry is None else named_by(key, entry)


def _comment(text: str) -> str:
    """A description as it stands in a config."""
    return " ".join(f"#{encode_comment(line)}" for line in text.split("\n"))


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:97] + "..."

