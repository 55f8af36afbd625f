"""<iothreads>, their pins, and the mapping of queues to threads (mapping-devices 10)."""

from __future__ import annotations

from msgspec.structs import replace as change

from ..core.coverage import Rows
from ..core.report import BridgeError
from ..core.rows import INT, Row, whole_number
from ..model.iothread import IOThread, IOThreads, ServedBy
from ..model.vm import VM
from .numa import set_text
from .tree.domain import Domain
from .tree.node import Node, read_rows, write_rows
from .vcpu import affinity_set

ROWS = (
    Row("thread_pool_min", "@thread_pool_min", INT),
    Row("thread_pool_max", "@thread_pool_max", INT),
    Row("poll_max", "poll@max", INT),
    Row("poll_grow", "poll@grow", INT),
    Row("poll_shrink", "poll@shrink", INT),
    Row("poll_weight", "poll@weight", INT),
)
"""Of `<iothreadids><iothread>`."""

PIN_ROWS = (Row("iothreadpin", "/cputune/iothreadpin@cpuset", code=True),)
POOL_ROWS = (
    Row("threads", "iothreads", code=True),
    Row("pool", "iothreadids", code=True, finding="not-applied"),
    Row("affinity", "cputune/iothreadpin@cpuset", code=True),
)
"""Of the domain."""
TABLE = (Rows(IOThread, "iothreadids/iothread", ROWS, ("id", "private_to")), Rows(IOThread, "", PIN_ROWS), Rows(IOThreads, "", POOL_ROWS))

MOST = 1024
"""No sane domain has more threads than this (security-rules C8)."""


def write(vm: VM, domain: Domain) -> None:
    threads = vm.iothreads.threads
    if not threads:
        return
    domain.root.add("iothreads", str(len(threads)))
    if vm.iothreads.pool is not None:
        ids = domain.root.add("iothreadids")
        for thread in threads:
            if thread.poll_weight is not None and not domain.target.has("poll_weight"):
                message = f"iothread {thread.id}: this libvirt does not know poll_weight={thread.poll_weight}"
                domain.report.add("iothread-lost", thread.where, message)
                thread = change(thread, poll_weight=None)
            write_rows(ids.add("iothread", id=str(thread.id)), thread, ROWS)
    everywhere = affinity_set(vm)
    for thread in threads:
        pin = thread.iothreadpin or everywhere
        if pin is not None:
            domain.root.ensure("cputune").add("iothreadpin", iothread=str(thread.id), cpuset=pin)


def write_served_by(node: Node, served_by: list[ServedBy] | None, domain: Domain) -> None:  # noqa: ARG001
    """Write which threads serve a <disk> or <controller>: one as an attribute, several as a mapping (`passes.gate` saw to the target)."""
    if not served_by:
        return
    driver = node.ensure("driver")
    if len(served_by) == 1 and served_by[0].queues is None:
        driver.set("iothread", str(served_by[0].iothread))
        return
    mapping = driver.add("iothreads")
    for by in served_by:
        thread = mapping.add("iothread", id=str(by.iothread))
        for queue in by.queues or ():
            thread.add("queue", id=str(queue))


def read(domain: Domain, vm: VM) -> None:
    """The threads as the domain defines them: `<iothreads>` counts, `<iothreadids>` may name some."""
    root = domain.root
    node = root.only("iothreads")
    count = _number(node, node.value()) if node is not None else 0
    threads = _ids(root)
    free = (n for n in range(1, MOST + 1) if n not in threads)
    while len(threads) < count:
        n = next(free)
        threads[n] = IOThread(id=n, where=node)
    _pins(domain, threads, vm.cpu.affinity)
    _default_thread(domain)
    _scheduling(domain)
    if threads:
        vm.iothreads = IOThreads(threads=[threads[n] for n in sorted(threads)], where=node or root.peek("iothreadids"))


def _number(node: Node, text: str) -> int:
    try:
        number = whole_number(text)
    except ValueError:
        raise BridgeError(f"'{text[:40]}' is not a number of iothreads", node) from None
    if number > MOST:
        raise BridgeError(f"{number} iothreads are more than {MOST}", node)
    return number


def _ids(root: Node) -> dict[int, IOThread]:
    threads: dict[int, IOThread] = {}
    ids = root.only("iothreadids")
    for node in ids.all("iothread") if ids is not None else ():
        n = _id(node, "id")
        if n in threads:
            raise BridgeError(f"iothread {n} is there twice", node)
        threads[n] = IOThread(id=n, where=node, **read_rows(node, ROWS))
    return threads


def _id(node: Node, name: str) -> int:
    text = node.need(name)
    try:
        n = whole_number(text)
    except ValueError:
        n = 0
    if not 1 <= n <= 2**31:
        raise BridgeError(f"'{text[:40]}' is not an iothread's id (they count from 1)", node)
    return n


def _pins(domain: Domain, threads: dict[int, IOThread], affinity: str | None) -> None:
    """A pin of its own; none if it is the affinity of the whole VM."""
    cputune = domain.root.peek("cputune")
    if cputune is None:
        return
    cputune.claim()
    pinned: set[int] = set()
    for node in cputune.all("iothreadpin"):
        n = _id(node, "iothread")
        if n not in threads:
            raise BridgeError(f"iothread {n} is pinned, but the domain does not have it", node)
        pin = node.need("cpuset").strip(" \t\r\n")
        pinned.add(n)
        threads[n].iothreadpin = pin if affinity is None or set_text(pin, node) != affinity else None
    if affinity is None or cputune.peek("emulatorpin") is None:
        return
    for n in threads.keys() - pinned:
        domain.report.add("iothread-lost", threads[n].where, f"iothread {n} may run on every host CPU; affinity {affinity} confines it too")


def _default_thread(domain: Domain) -> None:
    node = domain.root.only("defaultiothread")
    if node is not None:
        said = ", ".join(f"{name}={value}" for name, value in node.attrib.items())
        node.attrib.clear()  # each of them is said
        domain.report.add("iothread-lost", node, f"defaultiothread {said}: a config cannot tune QEMU's main loop")


def _scheduling(domain: Domain) -> None:
    """Scheduler and quota of iothreads: host policy that no config has."""
    cputune = domain.root.peek("cputune")
    if cputune is None:
        return
    for tag in ("iothreadsched", "iothread_period", "iothread_quota"):
        for node in cputune.all(tag):
            domain.report.add("iothread-lost", node, f"{node.outline()} has no place in a config")
            node.attrib.clear()
            node.value()


def read_served_by(node: Node) -> list[ServedBy] | None:
    """Take the threads of a <disk> or <controller>."""
    driver = node.peek("driver")
    if driver is None:
        return None
    if "iothread" in driver.attrib:
        driver.claim()
        return [ServedBy(_id(driver, "iothread"))]
    mapping = driver.peek("iothreads")
    if mapping is None or mapping.claimed:
        return None
    driver.claim()
    mapping.claim()
    return [ServedBy(_id(thread, "id"), _queues(thread)) for thread in mapping.all("iothread")] or None


def _queues(thread: Node) -> tuple[int, ...] | None:
    queues = []
    for node in thread.all("queue"):
        text = node.need("id")
        try:
            queues.append(whole_number(text))
        except ValueError:
            raise BridgeError(f"'{text[:40]}' is not the number of a queue", node) from None
    return tuple(queues) or None
