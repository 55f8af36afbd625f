"""IO threads: the pool, its pins, and which thread serves which queue."""

from __future__ import annotations

import msgspec

from .part import Part


class ServedBy(msgspec.Struct, frozen=True):
    """One thread that serves a device. `queues` None: QEMU spreads the queues round robin."""

    iothread: int
    queues: tuple[int, ...] | None = None


class IOThread(Part, kw_only=True):
    """A thread; `id` counts from 1 as in libvirt (qemu-server's name is one less). `iothreadpin`: a cpuset."""

    id: int
    iothreadpin: str | None = None
    private_to: str | None = None
    """The one device (key) that uses it, in the layout of one thread per disk."""
    thread_pool_min: int | None = None
    thread_pool_max: int | None = None
    poll_max: int | None = None
    poll_grow: int | None = None
    poll_shrink: int | None = None
    poll_weight: int | None = None


class IOThreads(Part, kw_only=True):
    pool: int | None = None
    """`iothreads: N`: one pool for all. None: a thread per disk."""
    affinity: str | None = None
    """The pool's `affinity=`: one CPU or one range."""
    threads: list[IOThread] | None = None
