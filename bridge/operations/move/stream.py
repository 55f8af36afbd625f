"""QEMU's migration stream on its way between two QEMUs: Proxmox's own section is taken out, blocks of memory get the target's names.

The form (QEMU's migration/savevm.c, migration/ram.c; numbers are big-endian):

    stream         "QEVM", version 3, [configuration], section...
    configuration  07 len32 machine-type, subsection...
    subsection     05 len8 name version32 fields
    command        08 command16 len16 data
    section        01 | 04 id32 len8 name instance32 version32 data [footer]      (01 begins one that goes on, 04 is whole)
                   02 | 03 id32 data [footer]                                     (02 goes on, 03 ends)
    footer         7e id32
    data of `ram`  records, each a number of 64 bits: an address with flags in its low 12 bits

Devices' states follow the memory. Their length is not in the stream, so that nothing behind the memory is looked at; what stands before
is known to the last byte, or refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import NoReturn

from ...core.report import BridgeError

MAGIC = b"QEVM"
VERSION = 3

EOF, START, PART, END, FULL, SUBSECTION, CONFIGURATION, COMMAND, FOOTER = 0, 1, 2, 3, 4, 5, 7, 8, 0x7E
ZERO, MEM_SIZE, PAGE, EOS, CONTINUE, XBZRLE, MULTIFD_FLUSH = 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x200
FLAGS = 0xFFF
PAGE_SIZE = 4096
"""Of x86."""
PLAIN_PAGE = PAGE | CONTINUE
RAM, RAM_VERSION = b"ram", 4
PBS, PBS_VERSION = b"pbs-state", 1
"""Proxmox's QEMU: what its backup server knows of the disks (pve-qemu's patches). It is written once in a process, before the memory."""
PBS_MOST = 16 << 20
"""Bytes of its state; it holds one small record a disk."""
XBZRLE_ENCODING = 1
CHUNK = 1 << 20

FIELDS = {b"configuration/target-page-bits": 4, b"configuration/uuid": 16}
"""Subsections of the configuration with a field of so many bytes."""
CAPABILITIES = b"configuration/capabilities"
"""Lists capabilities that both ends must have, because they change the stream (x-ignore-shared, mapped-ram): none is known here."""

Read = Callable[[], bytes]
"""The next bytes, at least one; none at the end."""
Write = Callable[[bytes | memoryview], object]

_U16, _U32, _U64 = struct.Struct(">H"), struct.Struct(">I"), struct.Struct(">Q")


class StreamError(BridgeError):
    """The stream is not one that is known; nothing behind this place was sent on."""


class Filter:
    """A stream from `read` to `write`: without `pbs-state`, and with the names of blocks of memory changed by `names`.

    What goes through is held back for at most CHUNK bytes, and never while `read` waits. After `run`, `removed` says whether there was a
    section of Proxmox's, and `renamed` which names were met.
    """

    def __init__(self, read: Read, write: Write, names: Mapping[bytes, bytes] | None = None) -> None:
        self._read, self._write = read, write
        self._names = dict(names or {})
        self._buffer = b""
        self._at = 0
        self._sent = 0
        """All of the buffer before this place is sent, or left out."""
        self._sections: set[int] = set()
        """Ids of those of memory."""
        self.removed = False
        self.renamed: set[bytes] = set()

    def run(self) -> None:
        """To the end of the stream. Raises StreamError for what is not known before the devices' states, and what `read` and `write`
        raise."""
        self._header()
        while self._section():
            pass
        self._rest()

    def _header(self) -> None:
        magic = self._take(8)
        if magic[:4] != MAGIC:
            self._refuse("it does not begin with QEVM: is it a state of QEMU's?")
        if (version := _U32.unpack(magic[4:])[0]) != VERSION:
            self._refuse(f"it is of version {version}, and only {VERSION} is known")

    def _section(self) -> bool:
        """The next piece; False if nothing follows that must be looked at."""
        kind = self._peek(1)[0]
        if kind == CONFIGURATION:
            self._configuration()
        elif kind == COMMAND:
            self._take(3)
            self._skip(_U16.unpack(self._take(2))[0])
        elif kind == START:
            self._start()
        elif kind in (PART, END):
            return self._more(kind)
        elif kind == FULL and self._names:
            self._refuse("a device's state stands before the memory")
        elif kind in (FULL, EOF):
            return False
        else:
            self._refuse(f"a section of kind {kind:#x}")
        return True

    def _configuration(self) -> None:
        self._take(1)
        self._skip(_U32.unpack(self._take(4))[0])
        while self._peek(1)[0] == SUBSECTION:
            self._take(1)
            name = self._text()
            self._take(4)
            if name in FIELDS:
                self._take(FIELDS[name])
            elif name == CAPABILITIES and (number := _U32.unpack(self._take(4))[0]) != 0:
                self._refuse(f"it needs {number} capabilities of the target, as {self._text().decode('ascii', 'replace')!r}")
            elif name != CAPABILITIES:
                self._refuse(f"a subsection {name!r}")

    def _start(self) -> None:
        """A section that begins; one of Proxmox's is left out whole."""
        size = self._peek(6)[5]
        head = self._peek(14 + size)
        section, name, version = _U32.unpack(head[1:5])[0], head[6 : 6 + size], _U32.unpack(head[10 + size :])[0]
        if name == PBS:
            self._leave_out(section, version, len(head))
            return
        if name != RAM or version != RAM_VERSION:
            self._refuse(f"a section {name.decode('ascii', 'replace')!r} of version {version} before the devices")
        self._take(len(head))
        self._sections.add(section)
        self._memory()
        self._footer(section)

    def _leave_out(self, section: int, version: int, head: int) -> None:
        if version != PBS_VERSION:
            self._refuse(f"{PBS.decode()} of version {version}")
        self._send()
        self._take(head)
        self._sent = self._at
        if (size := _U64.unpack(self._take(8))[0]) > PBS_MOST:
            self._refuse(f"{PBS.decode()} of {size} bytes")
        self._sent = self._at
        while size:
            part = min(size, CHUNK)
            self._take(part)
            self._sent = self._at
            size -= part
        if self._peek(1)[0] == FOOTER:
            self._footer(section)
        self._sent = self._at
        self.removed = True

    def _more(self, kind: int) -> bool:
        """More memory. Proxmox's section is written before, so that without names to change there is nothing left to do."""
        if not self._names:
            return False
        section = _U32.unpack(self._take(5)[1:])[0]
        if section not in self._sections:
            self._refuse(f"section {section}, which nothing began")
        self._memory()
        self._footer(section)
        return kind != END

    def _memory(self) -> None:
        """The records of one section."""
        names = self._names
        while True:
            buffer, at = self._buffer, self._at
            last = len(buffer) - 8 - PAGE_SIZE
            while at <= last and (buffer[at + 6] & 0xF) << 8 | buffer[at + 7] == PLAIN_PAGE:  # nearly all are so
                at += 8 + PAGE_SIZE
            self._at = at
            address = _U64.unpack(self._take(8))[0]
            flags = address & FLAGS
            if flags == EOS:
                return
            if flags == MEM_SIZE:
                self._blocks(address & ~FLAGS)
            elif flags & ~CONTINUE in (ZERO, PAGE, XBZRLE):
                if not flags & CONTINUE:
                    self._name(names)
                self._page(flags)
            elif flags != MULTIFD_FLUSH:
                self._refuse(f"a record of memory with flags {flags:#x}")

    def _blocks(self, total: int) -> None:
        while total > 0:
            self._name(self._names)
            total -= _U64.unpack(self._take(8))[0]
        if total:
            self._refuse("blocks of memory larger than all of it")

    def _page(self, flags: int) -> None:
        if flags & ZERO:
            self._take(1)
        elif flags & PAGE:
            self._take(PAGE_SIZE)
        else:
            if self._take(1)[0] != XBZRLE_ENCODING:
                self._refuse("an unknown encoding of a page")
            self._take(_U16.unpack(self._take(2))[0])

    def _name(self, names: dict[bytes, bytes]) -> None:
        """The name of a block, as the target has it."""
        size = self._peek(1)[0]
        name = self._peek(1 + size)[1:]
        if name not in names:
            self._take(1 + size)
            return
        self._send()
        self._take(1 + size)
        self._sent = self._at
        self.renamed.add(name)
        self._write(bytes([len(names[name])]) + names[name])

    def _footer(self, section: int) -> None:
        """Machines before QEMU 2.4 write none."""
        if self._peek(1)[0] == FOOTER and _U32.unpack(self._take(5)[1:])[0] != section:
            self._refuse("a footer of another section")

    def _text(self) -> bytes:
        return self._take(self._take(1)[0])

    def _peek(self, size: int) -> bytes:
        self._need(size)
        return self._buffer[self._at : self._at + size]

    def _take(self, size: int) -> bytes:
        self._need(size)
        self._at += size
        return self._buffer[self._at - size : self._at]

    def _skip(self, size: int) -> None:
        while size:
            part = min(size, CHUNK)
            self._take(part)
            size -= part

    def _need(self, size: int) -> None:
        """So many bytes from here on in the buffer; what is done with is sent before anybody waits for more."""
        if len(self._buffer) - self._at >= size:
            return
        self._send()
        parts = [self._buffer[self._at :]]
        here = len(parts[0])
        while here < size:
            part = self._read()
            if not part:
                self._refuse("it ends in the middle")
            parts.append(part)
            here += len(part)
        self._buffer, self._at, self._sent = b"".join(parts), 0, 0

    def _send(self) -> None:
        if self._at > self._sent:
            self._write(memoryview(self._buffer)[self._sent : self._at])
        self._sent = self._at

    def _rest(self) -> None:
        self._at = len(self._buffer)
        self._send()
        self._buffer = b""
        while part := self._read():
            self._write(part)

    def _refuse(self, message: str) -> NoReturn:
        raise StreamError(f"the migration stream is not understood: {message}")
