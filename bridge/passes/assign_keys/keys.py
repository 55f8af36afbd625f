"""Handing out keys: by alias, by a wish, by order."""

from __future__ import annotations

from ...core.report import BridgeError


class Keys:
    """Free numbers of one prefix (`net`, `scsi`, ...), `count` in all."""

    def __init__(self, prefix: str, count: int) -> None:
        self.prefix = prefix
        self.taken: set[int] = set()
        self.count = count

    def alias(self, key: str | None) -> int | None:
        """The number in an alias' key (`net3`), if it is one of these and free."""
        if not key or not key.startswith(self.prefix):
            return None
        digits = key[len(self.prefix) :]
        if not digits.isascii() or not digits.isdigit() or len(digits) > 3 or digits != str(int(digits)):
            return None
        return self.wish(int(digits))

    def wish(self, n: int | None) -> int | None:
        """This number, if it is free."""
        if n is None or n in self.taken or not 0 <= n < self.count:
            return None
        self.taken.add(n)
        return n

    def next(self, where: object) -> int:
        """The lowest free number. BridgeError if all are taken: a device is never dropped (security-rules S9)."""
        n = next((n for n in range(self.count) if n not in self.taken), None)
        if n is None:
            raise BridgeError(f"more than {self.count} {self.prefix} devices: qemu-server has no key for another one, remove some", where)
        self.taken.add(n)
        return n
