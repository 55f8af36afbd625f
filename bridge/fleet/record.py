"""What fleets wrote into a directory, so that the next one knows what is up to date: a file of one line of JSON for each output."""

from __future__ import annotations

import fcntl
import hmac
import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import msgspec

from ..core.files import NotRegularError, open_regular
from ..core.report import BridgeError, Finding
from .key import own_key
from .plan import Known
from .work import Outcome

NAME = ".virt-qm-fleet.jsonl"
MAX_RECORD = 256 << 20
"""Bytes; those of 100,000 VMs with a dozen findings each."""
MAX_LINE = 1 << 20


class Output(msgspec.Struct):
    """One output. `output` is its name in the directory; `seal`: only a fleet of the same user can have written the rest."""

    output: str
    known: Known
    findings: list[Finding]
    seal: str = ""

    def sealed(self, key: bytes) -> str:
        content = msgspec.msgpack.encode((self.output, self.known, self.findings))
        return blake2b(content, digest_size=16, key=key).hexdigest()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Output).decode


class Record:
    """Open while a fleet writes into the directory; a second one has to wait.

    Whoever may write into the directory may write this file, so a line counts only with its seal: else it could name an edited file
    as one of ours, to be replaced. A line without, or one that was cut off when a fleet was killed, is as good as none: that file is
    converted again and found to be the same, or left alone.
    """

    def __init__(self, directory: Path, resume: bool) -> None:
        """`resume` False forgets what earlier fleets wrote. Raises BridgeError if the directory cannot be written."""
        self.path = directory / NAME
        self._key = own_key()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with _locked(self.path) as before:
                if resume and os.fstat(before.fileno()).st_size > MAX_RECORD:
                    raise BridgeError("is longer than the record of a fleet: remove it", self.path)
                self._entries = {entry.output: entry for entry in self._read(before)} if resume else {}
                self._file = self._begun()
        except NotRegularError as error:
            raise BridgeError(f"{error.strerror}: remove it", self.path) from None
        except OSError as error:
            raise BridgeError(error.strerror or "cannot be written", error.filename or directory) from None

    def _begun(self) -> int:
        """The new record, locked, in place of the old one, which still is; its descriptor."""
        beside = self.path.with_name(f"{NAME}.{os.getpid()}")
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            _write(file, b"".join(map(_line, self._entries.values())))
            beside.replace(self.path)
        except BaseException:
            os.close(file)
            beside.unlink(missing_ok=True)
            raise
        return file

    @property
    def known(self) -> dict[str, Known]:
        """Output -> digests."""
        return {output: entry.known for output, entry in self._entries.items()}

    def _read(self, file: BinaryIO) -> Iterator[Output]:
        while line := file.readline(MAX_LINE):
            try:
                entry = _decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if hmac.compare_digest(entry.seal.encode(), entry.sealed(self._key).encode()):
                yield entry

    def completed(self, outcome: Outcome) -> Outcome:
        """Remembers an outcome. One that was up to date without a look gets the findings of the time when it was written.

        Raises BridgeError where the record cannot be written."""
        if outcome.known is None or outcome.output is None:
            return outcome
        output = Path(outcome.output).name
        before = self._entries.get(output)
        if before is not None and before.known == outcome.known:
            outcome.findings = outcome.findings or before.findings
            return outcome
        entry = Output(output, outcome.known, outcome.findings)
        entry.seal = entry.sealed(self._key)
        try:
            _write(self._file, _line(entry))
        except OSError as error:
            raise BridgeError(f"{error.strerror}: make room, then pass --resume to do the rest", self.path.parent) from None
        return outcome

    def close(self) -> None:
        os.close(self._file)


def _line(entry: Output) -> bytes:
    return _encode(entry) + b"\n"


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _locked(path: Path) -> BinaryIO:
    """The record that is there, or a new one, locked: the file that has the name, not one that had it. Raises BridgeError, OSError."""
    while True:
        file = os.fdopen(open_regular(path, os.O_RDWR | os.O_CREAT), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), path.lstat()):
                return file
        except BlockingIOError:
            file.close()
            raise BridgeError("another virt-qm is writing into this directory", path.parent) from None
        except FileNotFoundError:
            pass
        file.close()
