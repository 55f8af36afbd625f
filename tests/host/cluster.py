"""A cluster with a storage of every type, for the tests of this package."""

from __future__ import annotations

from typing import Any

from bridge.host.facts import HostFacts
from bridge.host.sections import Warnings
from bridge.host.storagecfg import read_storage_cfg

STORAGE_CFG = """\
dir: pool1
\tpath /srv/pool1/
\tcontent images,iso,import
\tcontent-dirs iso=cds/boot

dir: chained
\tpath /srv/chained
\tcontent images
\tsnapshot-as-volume-chain

nfs: filer
\tserver 192.0.2.1
\texport /export
\tcontent images

cifs: win
\tserver 192.0.2.1
\tshare vms
\tpath /mnt/win

cephfs: fs
\tcontent iso

btrfs: cow
\tpath /srv/cow

btrfs: nocow
\tpath /srv/nocow
\tnocow 1

lvm: vg
\tvgname vg-0

lvmthin: thin
\tvgname vg-1
\tthinpool data

zfspool: tank
\tpool tank/vms

zfs: remote
\tpool tank
\tportal 192.0.2.3:3261
\ttarget iqn.2001-04.com.example:tank
\tiscsiprovider LIO

iscsi: san
\tportal 192.0.2.4
\ttarget iqn.2001-04.com.example:san

iscsidirect: lun
\tportal 192.0.2.5
\ttarget iqn.2001-04.com.example:lun

rbd: ceph
\tpool vms

rbd: far
\tpool vms
\tnamespace red
\tmonhost mon1 192.0.2.6:6789;2001:db8::1
\tusername bridge

rbd: mapped
\tpool vms
\tnamespace red
\tkrbd 1

esxi: old
\tserver 192.0.2.7
\tusername root

pbs: backup
\tserver 192.0.2.8
\tdatastore all
"""


def facts(**more: Any) -> HostFacts:
    warnings: Warnings = []
    storages = read_storage_cfg(STORAGE_CFG, "storage.cfg", warnings)
    assert not warnings
    return HostFacts.load(storages=storages, **more)


FACTS = facts(zfs_over_iscsi={"luns": {"remote:vm-1-disk-0": 7}})
