"""The picture as plain data, for JSON: no bits, no tuples of tuples."""

from __future__ import annotations

from typing import Any

from .picture import Picture


def plain(found: Picture) -> dict[str, Any]:
    """`threads`: each with its role, its host CPUs as `2-6` (null: any) and what it serves; `devices`: each with its queues and threads."""
    names = {thread.iothread: thread.name for thread in found.threads if thread.iothread is not None}
    return {
        "threads": [
            {
                "name": thread.name,
                "role": thread.role,
                "host_cpus": thread.pin,
                "serves": [{"device": device.name, "queues": list(link.queues)} for device, link in found.served(thread.iothread or 0)],
            }
            for thread in found.threads
        ],
        "devices": [
            {
                "name": device.name,
                "kind": device.kind,
                "disks": list(device.disks),
                "queues": device.queues,
                "threads": [{"thread": names[link.iothread], "queues": list(link.queues)} for link in device.links],
                "trouble": device.trouble,
            }
            for device in found.devices
        ],
        "main_loop": list(found.main_loop),
    }
