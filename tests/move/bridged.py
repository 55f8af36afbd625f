"""A bridge in a network namespace with a tap for each side of a move, and somebody who pings the guest from there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from tests.move.lab import Network
from tests.processes import wait_for

HERE, GUEST = "192.0.2.1", "192.0.2.2"
MORE = 10
"""Pings after a move whose answers are waited for."""


class Bridged:
    """The namespace; used in a `with`. It goes with all that is in it."""

    def __init__(self) -> None:
        self.namespace = f"virt-qm-{os.getpid()}"
        self.network = Network("outside", "inside", GUEST, self.namespace)

    def __enter__(self) -> Bridged:
        self._ip("netns", "add", self.namespace)
        try:
            for words in ("link set lo up", "link add bridge type bridge", f"addr add {HERE}/24 dev bridge", "link set bridge up"):
                self._within(words)
            for tap in (self.network.outside, self.network.inside):
                for words in (
                    f"tuntap add mode tap name {tap} user nobody vnet_hdr",
                    f"link set {tap} master bridge",
                    f"link set {tap} up",
                ):
                    self._within(words)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._ip("netns", "del", self.namespace)

    def neighbour(self) -> str:
        """The guest's address on the wire, as the bridge's side knows it."""
        words = self._ip("-n", self.namespace, "neigh", "show", GUEST).split()
        return words[words.index("lladdr") + 1] if "lladdr" in words else ""

    def _within(self, words: str) -> None:
        self._ip("-n", self.namespace, *words.split())

    @staticmethod
    def _ip(*words: str) -> str:
        return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


class Pings:
    """Ten a second from the namespace on; used in a `with`."""

    def __init__(self, namespace: str) -> None:
        command = ["ip", "netns", "exec", namespace, sys.executable, "-I", str(Path(__file__).with_name("ping.py")), GUEST]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.sent, self.answers = 0, list[int]()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Pings:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                kind, _, number = line.partition(" ")
                if kind == "sent":
                    self.sent = int(number)
                else:
                    self.answers.append(int(number))

    def all_answered(self) -> tuple[int, int]:
        """From now on every ping is answered; the numbers of the first and last that were waited for."""
        first = self.sent + 1
        last = first + MORE - 1
        wait_for(lambda: set(self.answers) >= set(range(first, last + 1)), f"the answers to the pings {first} to {last}")
        return first, last

    def lost(self, first: int, last: int) -> list[int]:
        """Those between the two that nobody answered."""
        return sorted(set(range(first, last + 1)) - set(self.answers))
