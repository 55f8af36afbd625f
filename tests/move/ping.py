"""Echo requests to an address, ten a second, until stdin ends: `python tests/move/ping.py ADDRESS`. A line for each that is sent, `sent N`,
and for each answer, `answer N`. It imports nothing of ours: it runs in a network namespace."""

from __future__ import annotations

import select
import socket
import struct
import sys
import time

EVERY = 0.1
ECHO, REPLY = 8, 0
NAME = 15


def packet(number: int) -> bytes:
    """RFC 792."""
    body = struct.pack("!BBHHH", ECHO, 0, 0, NAME, number)
    total = sum(struct.unpack("!4H", body))
    return body[:2] + struct.pack("!H", ~((total >> 16) + (total & 0xFFFF)) & 0xFFFF) + body[4:]


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        number, due = 0, time.monotonic()
        while True:
            wait = max(0.0, due - time.monotonic())
            ready = select.select([raw, sys.stdin], [], [], wait)[0]
            if sys.stdin in ready:
                return
            if raw in ready:
                said = raw.recv(2048)
                kind, _, _, name, answered = struct.unpack_from("!BBHHH", said, (said[0] & 15) * 4)
                if (kind, name) == (REPLY, NAME):
                    print(f"answer {answered}", flush=True)
            if time.monotonic() >= due:
                number, due = number + 1, due + EVERY
                try:
                    raw.sendto(packet(number), (sys.argv[1], 0))
                except OSError:
                    pass  # while nobody answers ARP
                print(f"sent {number}", flush=True)


main()
