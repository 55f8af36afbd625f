"""What fleets wrote into a directory, so that the next one knows what is up to date: a file of one line of JSON for each output."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from ..report import BridgeError, Finding
from .plan import Known
from .work import Outcome

NAME = ".virt-qm-fleet.jsonl"


class Entry(msgspec.Struct):
    """One output. `output` is its name in the directory."""

    output: str
    known: Known
    findings: list[Finding]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class Record:
    """Open while a fleet writes into the directory; a second one has to wait.

    A line that was cut off when a fleet was killed is as good as none: that file is converted again and found to be the same.
    """

    def __init__(self, directory: Path, resume: bool) -> None:
        """`resume` False forgets what earlier fleets wrote. Raises BridgeError if the directory cannot be written."""
        self.path = directory / NAME
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self.path.open("a+b")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise BridgeError("another virt-qm is writing into this directory", directory) from None
        except OSError as error:
            raise BridgeError(error.strerror or "cannot be written", error.filename or directory) from None
        self._entries = {entry.output: entry for entry in self._read()} if resume else {}
        self._file.truncate(0)
        self._file.writelines(map(self._line, self._entries.values()))
        self._file.flush()

    @property
    def known(self) -> dict[str, Known]:
        """Output -> digests."""
        return {output: entry.known for output, entry in self._entries.items()}

    def _read(self) -> Iterator[Entry]:
        self._file.seek(0)
        for line in self._file:
            try:
                yield _decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                pass

    def _line(self, entry: Entry) -> bytes:
        return _encode(entry) + b"\n"

    def completed(self, outcome: Outcome) -> Outcome:
        """Remembers an outcome. One that was up to date without a look gets the findings of the time when it was written."""
        if outcome.known is None or outcome.output is None:
            return outcome
        output = Path(outcome.output).name
        before = self._entries.get(output)
        if before is not None and before.known == outcome.known:
            outcome.findings = outcome.findings or before.findings
        else:
            self._file.write(self._line(Entry(output, outcome.known, outcome.findings)))
        return outcome

    def close(self) -> None:
        self._file.close()
