"""The way to a libvirt on another host: one ssh, whose session keeps a directory there for as long as it lasts, and through which sockets
of that directory and of ours are forwarded. No port is opened on either side.

The session reads from us: when we end, however that happens, or the connection does, it removes the directory by itself.
"""

from __future__ import annotations

import re
import select
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from ...core.report import BridgeError

if TYPE_CHECKING:
    from .sides import Sides
    from .step import Move, Step

SCHEME = "qemu+ssh"
HERE = frozenset(("", "localhost", "127.0.0.1", "::1"))
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*").fullmatch
HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?").fullmatch
"""Names, addresses, aliases of ssh's own configuration: nothing that ssh or a shell takes for more."""
PLAIN = re.compile(r"/[A-Za-z0-9_./+-]*").fullmatch
"""Paths that ssh takes as they are: `:` parts the two ends of a forward, `%` and `${` are replaced."""
LONGEST = 107
"""Bytes of a socket's path."""


class Place(NamedTuple):
    """Words of a shell: where the directory is made, and whose owner it gets."""

    base: str
    owner: str


PLACES = {
    "/system": Place("/run/libvirt/qemu", "/var/lib/libvirt/qemu"),
    "/session": Place("${XDG_RUNTIME_DIR:-$HOME/.cache}", "$base"),
}
"""By the path of the URI. /run/libvirt/qemu is root's own, so that nobody else can put another directory in its place; libvirt gives
/var/lib/libvirt/qemu to the user of its QEMUs (qemu_driver.c, qemuStateInitialize)."""
NAME = "virt-qm-move-XXXXXXXXXX"
HOLD = (
    'trap "" HUP PIPE; umask 077; made=$(mktemp -d "$base/' + NAME + '") || exit 1; '
    'end() { rm -f "$made/target" "$made/nbd" "$made/stream"; rmdir "$made"; }; trap end EXIT; '
    'chown -h --reference="$owner" "$made" || exit 1; echo "$made"; '
    'while read -r name; do chown -h --reference="$made" "$made/$name" && echo "given $name"; done'
)
"""Mode 0700, of the user of libvirt's QEMU, who makes sockets in it. A socket of sshd's in it is given to that user on our word."""
FIND = (
    'set --; for each in $(grep -lszxF -f - /proc/[0-9]*/cmdline); do grep -qszxF -e -uuid "$each" && set -- "$@" "$each"; done; '
    '[ $# = 1 ] && exec cat "$1"; echo "$# QEMUs run with this UUID" >&2; exit 1'
)
"""The words of the QEMU with the UUID on stdin."""
OPTIONS = (
    *("BatchMode=yes", "ConnectTimeout=15", "ServerAliveInterval=5", "ServerAliveCountMax=3", "ControlPersist=no", "RemoteCommand=none"),
    *("ClearAllForwardings=yes", "PermitLocalCommand=no", "StreamLocalBindUnlink=yes", "ExitOnForwardFailure=yes"),
)
"""Nobody is asked for a password; a network that is cut is noticed in some 20 s; what the user's configuration would add is not wanted."""
QUIET = ("-T", "-a", "-x", "-e", "none")
TIME_LIMIT = 60.0
CLOSING_LIMIT = 10.0
LOOK_EVERY = 0.1
SSH_FAILED = 255
"""Exit code of ssh's own; any other is the session's."""


class Other(NamedTuple):
    """Another host: the words of ssh up to its name, the name, and the kind of libvirt there (`/system`)."""

    words: tuple[str, ...]
    name: str
    kind: str

    def ssh(self, options: tuple[str, ...], *command: str) -> list[str]:
        """A command line. Nothing of the host's name is taken for an option: it is behind `--`, and has no dash in front."""
        given = [word for option in OPTIONS for word in ("-o", option)]
        return [*self.words[:1], *QUIET, *given, *options, *self.words[1:], "--", self.name, *command]


def other(uri: str) -> Other | None:
    """The host of a URI of libvirt's, with its parameters for ssh; None if that is this one. BridgeError for one that ssh cannot be given,
    or that is reached in another way: sockets are forwarded by ssh alone."""
    try:
        parts = urlsplit(uri)
        name, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BridgeError(f"is not a URI: {error}", uri) from None
    if parts.scheme != SCHEME:
        if name in HERE or parts.scheme in ("test", ""):
            return None
        raise BridgeError(f"a running VM goes to another host over ssh alone: {SCHEME}://{name}/system", uri)
    user, _, place = parts.netloc.rpartition("@")  # as it is written: `hostname` is in small letters
    name = unquote(place if port is None else place.rpartition(":")[0]).removeprefix("[").removesuffix("]")
    if not HOST(name):
        raise BridgeError("names no host that ssh could be given", uri)
    if "@" in parts.netloc and not USER(user := unquote(user)):
        raise BridgeError("names no user that ssh could be given", uri)
    if parts.path not in PLACES:
        raise BridgeError(f"names neither {' nor '.join(PLACES)}", uri)
    said = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    words = [said.get("command", "ssh")]
    words += ["-p", str(port)] if port is not None else []
    words += ["-l", user] if user else []
    words += ["-i", said["keyfile"]] if "keyfile" in said else []
    words += ["-o", "StrictHostKeyChecking=no"] if said.get("no_verify", "0") != "0" else []
    return Other(tuple(words), name, parts.path)


def running(there: Other, uuid: str) -> bytes:
    """The command line of the QEMU that runs there with this UUID, NUL behind each word."""
    return _asked(there, there.ssh((), shell(FIND)), uuid.encode())


def shell(script: str) -> str:
    """One word, which a login shell of any kind hands to a POSIX shell."""
    return f"sh -c {shlex.quote(script)}"


def _asked(there: Other, command: list[str], said: bytes = b"") -> bytes:
    try:
        done = subprocess.run(command, input=said, capture_output=True, check=False, timeout=TIME_LIMIT)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise BridgeError(f"ssh does not answer in {TIME_LIMIT:g} s", there.name) from None
    except OSError as error:
        raise BridgeError(f"ssh cannot be started: {error.strerror or error}", command[0]) from None
    if done.returncode != 0:
        raise BridgeError(f"ssh: {_last(done.stderr) or f'it ended with {done.returncode}'}", there.name)
    return done.stdout


def _last(said: bytes) -> str:
    return said.decode("utf-8", "replace").strip().split("\n")[-1][:300]


class Tunnel:
    """To another host: `open`, then `to` and `back` for sockets, by their names in both directories; `there` is what a socket is called on
    the other side."""

    def __init__(self, there: Other, directory: Path) -> None:
        self.other = there
        self.directory = directory
        self.control = directory / "control"
        self._there = f"{PLACES[there.kind].base}/{NAME}"
        self.process: subprocess.Popen[bytes] | None = None
        """The master, while it is open."""
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the object
        self._rest = b""

    def there(self, name: str) -> str:
        """Known once it is open."""
        return f"{self._there}/{name}"

    def open_command(self) -> list[str]:
        """The master, with the session that keeps the directory."""
        place = PLACES[self.other.kind]
        return self.other.ssh(("-M", "-S", str(self.control)), shell(f"base={place.base}; owner={place.owner}; {HOLD}"))

    def to_command(self, name: str) -> list[str]:
        """Who connects here gets to the socket there."""
        return self._forward("-L", f"{self.directory / name}:{self.there(name)}")

    def back_command(self, name: str) -> list[str]:
        """Who connects there gets to the socket here."""
        return self._forward("-R", f"{self.there(name)}:{self.directory / name}")

    def _forward(self, which: str, ends: str) -> list[str]:
        words = self.other.words
        return [
            words[0],
            *("-o", "StreamLocalBindUnlink=yes", "-S", str(self.control), "-O", "forward", which, ends),
            "--",
            self.other.name,
        ]

    def open(self, check: Callable[[], object]) -> None:
        """Connect, and have a directory there. `check` is called meanwhile, and may raise."""
        if not PLAIN(str(self.directory)):
            raise BridgeError("ssh takes no socket in a directory of that name: set TMPDIR to a plainer one", self.directory)
        pipe = subprocess.PIPE
        try:
            command = self.open_command()
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self._log, bufsize=0)  # noqa: S603
        except OSError as error:
            raise BridgeError(f"ssh cannot be started: {error.strerror or error}", self.other.words[0]) from None
        suffix = NAME.rstrip("X")
        while not (PLAIN(made := self._line(check)) and made.rpartition("/")[2].startswith(suffix)):
            pass  # what its shell says at each login
        if len(made) + len("/target") > LONGEST:
            raise BridgeError(f"a socket has no room in the directory there: {made}", self.other.name)
        self._there = made

    def to(self, name: str) -> None:
        self._ask_master(self.to_command(name))

    def back(self, name: str, check: Callable[[], object]) -> None:
        """sshd's own socket: libvirt's QEMU may open it then."""
        self._ask_master(self.back_command(name))
        assert self.process is not None
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{name}\n".encode())
        except BrokenPipeError:
            pass  # reading tells
        while self._line(check) != f"given {name}":
            pass

    def _ask_master(self, command: list[str]) -> None:
        try:
            _asked(self.other, command)
        except BridgeError as error:
            raise BridgeError(f"no socket can be forwarded (AllowStreamLocalForwarding of its sshd?): {error}") from None

    def _line(self, check: Callable[[], object]) -> str:
        """What the session says next. BridgeError if it says nothing more."""
        master, until = self.process, time.monotonic() + TIME_LIMIT
        assert master is not None
        assert master.stdout is not None
        while b"\n" not in self._rest:
            check()
            if time.monotonic() > until:
                raise BridgeError(f"ssh does not answer in {TIME_LIMIT:g} s", self.other.name)
            if select.select([master.stdout], [], [], LOOK_EVERY)[0]:
                if not (chunk := master.stdout.read(4096)):
                    master.wait(CLOSING_LIMIT)
                    raise BridgeError(self.trouble() or "ssh has ended", self.other.name)
                self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", "replace")

    def trouble(self) -> str:
        """What ssh or the session there complained of last; empty if of nothing."""
        code = None if self.process is None else self.process.poll()
        self._log.seek(0)
        said = _last(self._log.read()) or ("" if code is None else f"it ended with {code}")
        if code is not None and 0 < code < SSH_FAILED:
            return f"no directory for the sockets can be made there: {said}"
        return said and f"ssh: {said}"

    def close(self) -> None:
        """The session ends, and removes the directory; then the master does."""
        master, self.process = self.process, None
        if master is None:
            return
        for pipe in (master.stdin, master.stdout):
            if pipe is not None:
                pipe.close()
        try:
            master.wait(CLOSING_LIMIT)
        except subprocess.TimeoutExpired:
            master.kill()
            master.wait()


class Reached:
    """A directory on the other host, and its sockets here."""

    final = False

    def __init__(self, sides: Sides, tunnel: Tunnel) -> None:
        self.sides = sides
        self.tunnel = tunnel
        self.what = f"ssh reaches {tunnel.other.name}, and forwards sockets"
        names = ["target" if sides.request.into else "stream", *(["nbd"] if sides.request.disks else [])]
        self.names = names
        forwards = [tunnel.to_command(name) if sides.request.into else tunnel.back_command(name) for name in names]
        self.shell = "\n".join(shlex.join(command) for command in (tunnel.open_command(), *forwards))

    def do(self, move: Move) -> None:
        self.tunnel.open(move.check)
        for name in self.names:
            if self.sides.request.into:
                self.tunnel.to(name)
            else:
                self.tunnel.back(name, move.check)

    def undo(self, move: Move) -> None:  # noqa: ARG002
        self.tunnel.close()


def reached(sides: Sides) -> list[Step]:
    """None on one host."""
    return [] if sides.tunnel is None else [Reached(sides, sides.tunnel)]
