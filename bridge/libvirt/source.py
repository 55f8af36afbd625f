"""<source> of a disk: files, devices, network images, volumes of pools, and chains of snapshot volumes (mapping-devices 11)."""

from __future__ import annotations

from ..core.report import BridgeError
from ..core.rows import Row, whole_number
from ..model.disk import NetworkHost, Source
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("path", "source@file", code=True),
    Row("format", "driver@type", code=True),
    Row("protocol", "source@protocol", code=True),
    Row("name", "source@name", code=True),
    Row("hosts", "source/host", code=True),
    Row("user", "source/auth@username", code=True),
    Row("secret_uuid", "source/auth/secret@uuid", code=True),
    Row("conf", "source/config@file", code=True),
    Row("initiator", "source/initiator/iqn@name", code=True),
    Row("storage", "source@pool", code=True),
    Row("volume", "source@volume", code=True),
    Row("chain", "backingStore", code=True),
)

TYPES = {"file": "file", "block": "block", "cdrom": "block", "network": "network", "volume": "volume", "empty": "file"}
PATHS = {"file": "file", "block": "dev"}
SECRET_TYPES = {"rbd": "ceph", "iscsi": "iscsi"}


def type_of(source: Source) -> str:
    return TYPES[source.kind or "empty"]


def write_source(node: Node, source: Source, domain: Domain) -> None:
    """Add <source>, and <backingStore> where the chain is known. Without one libvirt looks into the image (linked clones need that)."""
    kind = type_of(source)
    if source.kind == "empty" or (kind in PATHS and not source.path):
        return
    child = node.add("source")
    if kind in PATHS:
        child.set(PATHS[kind], source.path or "")
    elif kind == "volume":
        child.set("pool", source.storage or "")
        child.set("volume", _in_pool(source.volume or ""))
    else:
        _write_network(child, source, domain)
    if source.chain is not None:
        _write_chain(node, kind, source.chain)


def _in_pool(volume: str) -> str:
    """The name of a volume in a pool of libvirt, which holds no slash (RNG volName)."""
    return volume.replace("%", "%25").replace("/", "%2F") if "/" in volume or "%" in volume else volume


def _write_chain(node: Node, kind: str, chain: list[str]) -> None:
    for path in chain:
        below = kind if kind in PATHS else "block" if path.startswith("/dev/") else "file"
        node = node.add("backingStore", type=below)
        node.add("format", type="qcow2")
        node.add("source").set(PATHS[below], path)
    node.add("backingStore")


def _write_network(child: Node, source: Source, domain: Domain) -> None:
    child.set("protocol", source.protocol or "")
    name = source.name or ""
    if source.namespace is not None:
        pool, _, image = name.partition("/")
        name = f"{pool}/{source.namespace}/{image}"
        if not domain.target.has("rbd_namespace"):
            domain.report.add(
                "import-needed",
                source.where,
                f"this libvirt cannot open '{name}': it takes the Ceph namespace for a part of the image's name",
                "libvirt 11.6 can (--libvirt); or map the image with krbd",
            )
    child.set("name", name)
    for host in source.hosts or ():
        entry = child.add("host")
        if host.socket is not None:
            entry.attrib = {"transport": "unix", "socket": host.socket}
        else:
            entry.set("name", host.name or "")
            if host.port is not None:
                entry.set("port", str(host.port))
    if source.conf is not None:
        child.add("config", file=source.conf)
    if source.initiator is not None and source.protocol == "iscsi":
        child.add("initiator").add("iqn", name=source.initiator)
    if source.user is not None:
        auth = child.add("auth", username=source.user)
        if source.secret_uuid is not None:
            auth.add("secret", type=SECRET_TYPES.get(source.protocol or "", "ceph"), uuid=source.secret_uuid)
        else:
            auth.add("secret", type=SECRET_TYPES.get(source.protocol or "", "ceph"), usage=f"client.{source.user} secret")
            domain.report.add(
                "resource-unknown",
                source.where,
                f"libvirt needs a secret with the key of Ceph user '{source.user}' for "
                + (f"storage '{source.storage}'" if source.storage else f"the image '{source.name}'"),
                f"define one with usage 'client.{source.user} secret'"
                + (f", or name it with --host-fact secret_uuid.{source.storage}=UUID" if source.storage else ""),
            )


def read_source(node: Node, type_: str, form: str | None, domain: Domain) -> Source:
    """Take <source> and <backingStore>. `form` is the driver's type. What no config can say stays, or becomes a finding."""
    child = node.only("source")
    if child is None:
        _read_chain(node, domain)
        return Source(kind="empty", where=node)
    source = Source(kind=type_ if type_ in TYPES else None, format=form, where=child)
    if type_ in PATHS:
        path = child.take(PATHS[type_])
        if not path:  # libvirt takes an empty name for an empty drive, too
            _read_host_policy(child, domain)
            _read_chain(node, domain)
            return Source(kind="empty", where=node)
        source.path = path
    elif type_ == "volume" and "pool" not in child.attrib:  # libvirt takes that for an empty drive as well
        return Source(kind="empty", where=node)
    elif type_ == "volume":
        source.storage = child.need("pool")
        source.volume = child.need("volume").replace("%2F", "/").replace("%25", "%")
        if (mode := child.take("mode")) is not None:
            domain.report.add("host-lost", child, f"mode='{mode}' of the volume's pool has no place in a config")
    elif type_ == "network":
        _read_network(child, source, domain)
    _read_host_policy(child, domain)
    source.chain = _read_chain(node, domain)
    return source


def _read_network(child: Node, source: Source, domain: Domain) -> None:
    source.protocol = child.need("protocol")
    source.name = child.take("name")
    source.hosts = [_read_host(host) for host in child.all("host")] or None
    if (config := child.only("config")) is not None:
        source.conf = config.take("file")
    if (initiator := child.only("initiator")) is not None and (iqn := initiator.only("iqn")) is not None:
        source.initiator = iqn.take("name")
    del domain


def _read_host(node: Node) -> NetworkHost:
    port = node.take("port")
    try:
        number = None if port is None else whole_number(port)
    except ValueError:
        raise BridgeError(f"'{port[:40] if port else ''}' is not a port", node) from None
    return NetworkHost(name=node.take("name"), port=number, transport=node.take("transport"), socket=node.take("socket"))


HOST_POLICY = ("fdgroup", "tls", "tlsHostname", "query")
HOST_POLICY_CHILDREN = ("reservations", "auth", "readahead", "timeout", "reconnect", "ssl", "cookies", "identity", "knownHosts", "snapshot")
DATA_CHILDREN = {
    "encryption": ("guest-lost", "the image is encrypted; qemu-server cannot open it", "convert the image first"),
    "slices": ("guest-lost", "qemu-server opens the whole image, not a slice of it", "convert the image first"),
    "dataStore": (
        "import-needed",
        "the image's data are in a file of their own, which its header names",
        "copy both; or convert the image: qemu-img convert writes one file",
    ),
}
"""Element -> kind of the finding, why, and what to do."""


_NO_PLACE = (*HOST_POLICY_CHILDREN, *DATA_CHILDREN, "seclabel")


def _read_host_policy(child: Node, domain: Domain) -> None:
    for name in HOST_POLICY if child.attrib else ():
        if (value := child.take(name)) is not None:
            domain.report.add("host-lost", child, f"{name}='{value}' of the source has no place in a config")
    if child.children and child.holds(_NO_PLACE):
        _read_children(child, domain)
    if (index := child.take("index")) is not None:
        domain.report.add("host-state", child, f"index='{index}' is a running domain's and left behind")


def _read_children(child: Node, domain: Domain) -> None:
    for tag in HOST_POLICY_CHILDREN:
        for node in child.all(tag):
            what = "the storage's own keyring counts" if tag == "auth" else "it has no place in a config"
            domain.report.add("host-lost", node, f"{node.whole()}: {what}")
    for tag, (kind, why, hint) in DATA_CHILDREN.items():
        for node in child.all(tag):
            domain.report.add(kind, node, f"{node.whole()}: {why}", hint)
    for node in child.all("seclabel"):
        domain.report.add("host-state", node, f"{node.whole()} is set by the host's security driver and left behind")


def _read_chain(node: Node, domain: Domain) -> list[str] | None:
    """The images below, where each is a plain qcow2 file or device; other layers are named: the image's header decides, not the XML."""
    layer = node.only("backingStore")
    if layer is None or (not layer.attrib and not layer.children):
        return None
    twin = layer
    chain: list[str] = []
    while twin.attrib or twin.children:
        path = _plain_layer(twin)
        if path is None:
            domain.report.add(
                "ambiguous",
                layer,
                f"{layer.whole()}: qemu-server takes the backing images from the image's header",
                "check with qemu-img info --backing-chain that it says the same",
            )
            return None
        chain.append(path)
        below = twin.peek("backingStore")
        if below is None:
            break
        twin = below
    layer.take_all()
    return chain


def _plain_layer(layer: Node) -> str | None:
    """The path of a qcow2 layer that says nothing more."""
    kind = layer.attrib.get("type", "")
    form, source = layer.peek("format"), layer.peek("source")
    if kind not in PATHS or len(layer.attrib) > 1 or form is None or source is None or form.children or source.children:
        return None
    if any(child.tag not in ("format", "source", "backingStore") for child in layer.children):
        return None
    path = source.attrib.get(PATHS[kind])
    return path if len(source.attrib) == 1 and form.attrib == {"type": "qcow2"} else None
