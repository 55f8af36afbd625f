"""Options that domain XML has no place for: what the metadata says of them cannot be held against the rest of the document.

Law, held by a test: every option and sub-option of `data.options` either has a place in XML, or stands here.
"""

from __future__ import annotations

RETURNS: frozenset[str] = frozenset((
    # for people, and for the order in which a node starts its VMs
    *("autostart", "description", "meta", "meta.creation-qemu", "meta.ctime", "onboot", "protection", "startup", "tags"),
    # how a node treats the VM's own memory, CPU time and state
    *("freeze", "keephugepages", "migrate_downtime", "migrate_speed", "shares", "snaptime", "vmstatestorage"),
    # what the agent is asked for, and what a migration keeps to
    *("agent.freeze-fs", "agent.fstrim_cloned_disks"),
    # properties of images and cards that are the XML's own
    *(f"{bus}N.{name}" for bus in ("ide", "sata", "scsi", "virtio") for name in ("backup", "replicate", "shared", "size")),
    *(f"{bus}N.{name}" for bus in ("ide", "sata", "scsi", "virtio") for name in ("bps", "bps_rd", "bps_wr")),
    *("efidiskN.ms-cert", "efidiskN.pre-enrolled-keys", "efidiskN.size", "tpmstateN.format", "tpmstateN.size"),
    *("netN.firewall", "smbios1.base64", "virtiofsN.direct-io", "virtiofsN.expose-acl"),
))  # fmt: skip
"""These come back from the metadata: they name nothing of the host, and run nothing on it (security-rules M1)."""

SHOWN: frozenset[str] = frozenset(("running-nets-host-mtu",))
"""These have no place of their own, but change what others say: the XML speaks for them, or they stay away."""

WITHHELD: frozenset[str] = frozenset((
    *("args", "hookscript", "lock", "parent", "template", "unusedN", "unusedN.file", "vmstate"),
    *("cicustom", "cicustom.meta", "cicustom.network", "cicustom.user", "cicustom.vendor"),
    *("cipassword", "citype", "ciupgrade", "ciuser", "ipconfigN", "ipconfigN.gw", "ipconfigN.gw6", "ipconfigN.ip", "ipconfigN.ip6"),
    *("nameserver", "searchdomain", "sshkeys"),
    "hostpciN.mdev",  # makes a device of the host's
))  # fmt: skip
"""These do not: they run programs as root, set passwords, delete volumes, lock the VM (security-rules M1)."""

