"""A libvirtd of our own: no system state, a private socket, everything under one directory; it can be reached like any libvirt host.

It runs as in a user's session, as `nobody` if we are root, so that it needs no privileges and touches nothing of the machine.
`virsh` talks to it, not our own code: it is what the tests compare with.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.processes import PATIENCE, end, naming, remove, threads, wait_for

NOBODY = 65534
QEMU_CONF = 'stdio_handler = "file"\nsecurity_driver = "none"\n'
"""No virtlogd, no labels, as in a container."""


class VirshError(Exception):
    """virsh failed; the message is libvirt's."""


def in_network(namespace: str) -> list[str]:
    """The words before a command that is to run there, as the same process; none if the namespace has no name."""
    return ["ip", "netns", "exec", namespace] if namespace else []


def as_user(user: int | None) -> list[str]:
    """The words before a command that is to run as this user, who may open /dev/net/tun whatever its mode is."""
    may = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    return [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *may]


class Daemon:
    """A running libvirtd. `directory` is short and writable for its guests: images and sockets may be put there.

    `namespace`: of the network, for it and its guests; it has to be made by root, who runs it as another user there."""

    def __init__(self, namespace: str = "") -> None:
        self._namespace = namespace
        self.directory = Path(tempfile.mkdtemp(prefix="libvirtd-", dir="/tmp"))  # short: a socket's path has at most 107 bytes
        self.directory.chmod(0o755)
        self.socket = self.directory / "run/libvirt/libvirt-sock"
        self.uri = f"qemu+unix:///session?socket={self.socket}"
        self._user = NOBODY if os.getuid() == 0 else None
        for name in ("run", "config/libvirt", "cache", "data", "home", "images"):
            (self.directory / name).mkdir(parents=True)
        (self.directory / "config/libvirt/qemu.conf").write_text(QEMU_CONF)
        (self.directory / "libvirtd.conf").write_text('auth_unix_rw = "none"\n')
        self.give(self.directory)
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.environ["PATH"] + ":/usr/sbin",
            "HOME": str(self.directory / "home"),
            "XDG_RUNTIME_DIR": str(self.directory / "run"),
            **{f"XDG_{name.upper()}_HOME": str(self.directory / name) for name in ("config", "cache", "data")},
        }
        command = ["/usr/sbin/libvirtd", "-f", str(self.directory / "libvirtd.conf")]
        user = self._user
        if self._namespace:
            command = [*in_network(self._namespace), *as_user(user), *command]
            user = None
        with (self.directory / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                start_new_session=True,
            )

        def answers() -> bool:
            try:
                self.virsh("version")
            except VirshError:
                return process.poll() is not None
            return True

        try:
            wait_for(answers, "libvirtd")
            assert process.poll() is None, f"libvirtd did not start: {(self.directory / 'log').read_text()[-2000:]}"
        except BaseException:
            process.kill()
            process.wait()
            end(str(self.directory))
            remove(self.directory)
            raise
        return process

    def restart(self) -> None:
        """As if it had crashed: its guests live on, and it finds them again."""
        self._process.kill()
        self._process.wait()
        self._process = self._start()

    def give(self, path: Path) -> None:
        """Let the daemon's user own a path and all below it."""
        if self._user is not None:
            for each in (path, *path.rglob("*")):
                os.chown(each, self._user, self._user, follow_symlinks=False)

    def virsh(self, *arguments: str) -> str:
        """What virsh prints. VirshError with what it says if it fails."""
        command = ["virsh", "-q", "-c", self.uri, *arguments]
        try:
            run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, env={**os.environ, "LC_ALL": "C"})
        except subprocess.TimeoutExpired as error:
            raise VirshError(str(error)) from None
        if run.returncode != 0:
            raise VirshError(run.stderr.strip())
        return run.stdout.strip()

    def versions(self) -> tuple[str, str]:
        """Of libvirt and of QEMU, as `11.3.0`."""
        found = dict(line.rsplit(maxsplit=1) for line in self.virsh("version").split("\n") if line)
        return found["Using library: libvirt"], found["Running hypervisor: QEMU"]

    def domains(self) -> list[str]:
        """Names of all domains, sorted."""
        return sorted(self.virsh("list", "--all", "--name").split())

    def dominfo(self, name: str) -> dict[str, str]:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in self.virsh("dominfo", name).split("\n"))}

    def iothreadinfo(self, name: str) -> dict[int, str]:
        """Thread -> host CPUs, of the running domain, else of the definition."""
        lines = (line.split() for line in self.virsh("iothreadinfo", name).split("\n"))
        return {int(words[0]): words[1] for words in lines if words}

    def pid(self, name: str) -> int:
        """The process of a running domain."""
        return int((self.directory / "run/libvirt/qemu/run" / f"{name}.pid").read_text())

    def settle(self) -> None:
        """Wait until nothing of its guests runs, and no client that works on after whoever started it was ended."""
        wait_for(lambda: naming(str(self.directory)) <= {self._process.pid}, f"the end of what uses {self.directory}")

    def clear(self) -> None:
        """Destroy and undefine everything; the processes of the guests are gone then. VirshError if that cannot be."""
        said = []

        def cleared() -> bool:
            if self._process.poll() is not None:
                raise VirshError(f"libvirtd ended: {(self.directory / 'log').read_text(errors='replace')[-2000:]}")
            try:
                for name in self.virsh("list", "--name").split():
                    self.virsh("destroy", name)
                for name in self.domains():
                    self.virsh("undefine", name, "--nvram", "--tpm")
            except VirshError as error:  # one that ended by itself, or was slow to end, is gone at the next look
                said.append(str(error))
                return False
            return not self.domains()

        try:
            wait_for(cleared, "the end of all domains")
        except AssertionError:
            raise VirshError(said[-1] if said else "domains come again") from None
        self.settle()

    def close(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        end(str(self.directory))  # a QEMU outlives its daemon
        remove(self.directory)


class Daemons:
    """One libvirtd for test after test. One that has ended, hangs or keeps a domain is replaced, so that no test pays for another."""

    def __init__(self) -> None:
        self._daemon: Daemon | None = None

    def empty(self) -> Daemon:
        """A libvirtd that answers and has no domain."""
        if self._daemon is not None:
            try:
                self._daemon.clear()
            except (VirshError, AssertionError):
                self.close()
        if self._daemon is None:
            self._daemon = Daemon()
        return self._daemon

    def close(self) -> None:
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.close()


def affinity(pid: int) -> dict[str, str]:
    """Iothread of a QEMU that libvirt started (`iothread1`) -> the CPUs that the kernel lets it run on."""
    named = {re.fullmatch(r"IO (iothread\d+)", name): cpus for name, cpus in threads(pid).values()}
    return {name[1]: cpus for name, cpus in named.items() if name}
