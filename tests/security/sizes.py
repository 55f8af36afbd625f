"""The table of sizes: inputs that repeat one thing, one row a shape. `test_sizes` says what their cost may be."""

from __future__ import annotations

from typing import NamedTuple


class Shape(NamedTuple):
    """`head`, then `item` as often as `most` says, then `tail`; `{n}` in the item is its number."""

    name: str
    source: str
    head: str
    item: str
    most: int
    tail: str = ""

    def text(self, count: int) -> str:
        return self.head + "".join([self.item.replace("{n}", str(n)) for n in range(count)]) + self.tail


MANY, MORE = 120, 240
"""Items that cost much each, and little."""

_XMLNS = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
_RESIDUE = "<metadata><virt-qm:vm xmlns:virt-qm='urn:virt-qm:residue:1'>", "</virt-qm:vm></metadata>"
_START = f"<domain type='kvm' {_XMLNS}><name>a</name><uuid>5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10</uuid><memory unit='MiB'>1024</memory>"
_OS = "<os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>"
_DEVICES = "<devices><memballoon model='none'/>"
_END = "</devices></domain>"


def _device(name: str, item: str, count: int = MANY, vcpus: str = "<vcpu>2</vcpu>") -> Shape:
    return Shape(name, "xml", f"{_START}{vcpus}{_OS}{_DEVICES}", item, count, _END)


def _inside(name: str, head: str, item: str, tail: str, count: int = MORE) -> Shape:
    """Inside one device."""
    return Shape(name, "xml", f"{_START}<iothreads>99</iothreads>{_OS}{_DEVICES}{head}", item, count, tail + _END)


def _part(name: str, head: str, item: str, tail: str, count: int = MORE, vcpus: str = "<vcpu>2</vcpu>") -> Shape:
    """Between the number of CPUs and the devices."""
    return Shape(name, "xml", f"{_START}{vcpus}{head}", item, count, f"{tail}{_OS if '<os>' not in head else ''}{_DEVICES}{_END}")


def _words(name: str, item: str, head: str = "<qemu:commandline>", tail: str = "</qemu:commandline>") -> Shape:
    return Shape(name, "xml", f"{_START}<vcpu>2</vcpu>{_OS}{_DEVICES}</devices>{head}", item, MORE, f"{tail}</domain>")


def _residue(name: str, head: str, item: str, tail: str, count: int = MORE) -> Shape:
    return _part(name, _RESIDUE[0] + head, item, tail + _RESIDUE[1], count)


_DISK = "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/img/a.img'/><target dev='vda' bus='virtio'/>"
_SCSI = "<disk type='file' device='disk'><source file='/img/{n}.img'/><target dev='sd{n}' bus='scsi'/></disk>"
_CHANNEL = "<target type='virtio' name='c{n}'/>"
_HOSTDEV = "<hostdev mode='subsystem' type='{type}'><source>{source}</source></hostdev>"


def _hostdev(type_: str, source: str) -> str:
    return _HOSTDEV.replace("{type}", type_).replace("{source}", source)


_USB = '<qemu:arg value="{&quot;driver&quot;:&quot;usb-host&quot;,&quot;id&quot;:&quot;usb{n}&quot;}"/>'

XML = (
    Shape("attributes of the root", "xml", "<domain type='kvm' ", "a{n}='' ", 100, f"{_START[19:]}<vcpu>2</vcpu>{_OS}{_DEVICES}{_END}"),
    Shape("namespaces of the root", "xml", "<domain type='kvm' ", "xmlns:a{n}='urn:{n}' ", MORE, f"{_START[19:]}{_OS}{_DEVICES}{_END}"),
    _device("attributes of devices", "<sound " + " ".join([f"a{k}=''" for k in range(50)]) + "/>", 40),
    _inside("attributes of a disk", "<disk ", "a{n}='' ", f"{_DISK[5:]}</disk>", 100),
    _device("elements with text behind them", "<x/>text", MORE),
    _device("unknown devices", "<x{n} a='1'><y/></x{n}>"),
    _inside("one unknown device", "<x>", "<y{n} a='1'/>", "</x>"),
    _device("disks", _SCSI, 28),
    _device("too many disks", _SCSI, 160),
    _device("network cards", "<interface type='bridge'><source bridge='vmbr0'/><model type='virtio'/></interface>", 28),
    _device("too many network cards", "<interface type='bridge'><source bridge='vmbr0'/><model type='virtio'/></interface>", 160),
    _device("USB hostdevs by id", _hostdev("usb", "<vendor id='0x1234'/><product id='0x1{n}'/>")),
    _device("USB hostdevs by address", _hostdev("usb", "<address bus='1' device='{n}'/>")),
    _device("PCI hostdevs", _hostdev("pci", "<address domain='0' bus='{n}' slot='1' function='0'/>")),
    _device("mediated hostdevs", _hostdev("mdev", "<address uuid='c2177883-f1bb-47f0-914d-000000000{n}'/>"), 90),
    _device("channels", f"<channel type='pty'>{_CHANNEL}</channel>"),
    _device("channels with ports", f"<channel type='pty'>{_CHANNEL}<address type='virtio-serial' controller='{{n}}' port='1'/></channel>"),
    _device("channels to sockets", f"<channel type='unix'><source mode='bind' path='/run/a{{n}}'/>{_CHANNEL}</channel>"),
    _device("redirections", "<redirdev bus='usb' type='tcp'><source mode='connect' host='localhost' service='{n}'/></redirdev>"),
    _device("root ports", "<controller type='pci' model='pcie-root-port' index='1{n}'/>"),
    _device("SCSI controllers", "<controller type='scsi' model='virtio-scsi' index='{n}'><driver iommu='on' ats='on'/></controller>"),
    _device("USB controllers", "<controller type='usb' model='qemu-xhci' index='{n}'/>"),
    _device("serial controllers", "<controller type='virtio-serial' index='{n}'/>"),
    _device("graphics cards", "<video><model type='vga' vram='1{n}'/></video>"),
    _device("displays", "<graphics type='vnc' port='59{n}'/>"),
    _device("tablets", "<input type='tablet' bus='usb'/>"),
    _device("event devices", "<input type='evdev'><source dev='/dev/input/event{n}'/></input>"),
    _device("hubs", "<hub type='usb'/>"),
    _device("random numbers", "<rng model='virtio'><backend model='random'>/dev/urandom</backend><rate bytes='1{n}'/></rng>"),
    _device("shared memory", "<shmem name='a{n}'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>"),
    _device("directories by 9p", "<filesystem type='mount'><source dir='/a{n}'/><target dir='t{n}'/></filesystem>"),
    _device(
        "directories by virtiofs",
        "<filesystem type='mount'><driver type='virtiofs'/><source dir='/a{n}'/><target dir='t{n}'/></filesystem>",
    ),
    _device("serial ports", "<serial type='pty'><target port='{n}'/></serial>"),
    _device("consoles", "<console type='pty'><target type='virtio' port='{n}'/></console>"),
    _device("parallel ports", "<parallel type='pty'><target port='{n}'/></parallel>"),
    _device("sound cards", "<sound model='ich9'><codec type='micro'/></sound>"),
    _device("leases", "<lease><lockspace>a</lockspace><key>k{n}</key><target path='/a'/></lease>"),
    _device("panic devices", "<panic model='isa'/>"),
    _device("vsock devices", "<vsock model='virtio'><cid auto='no' address='1{n}'/></vsock>"),
    _device("crypto devices", "<crypto model='virtio' type='qemu'><backend model='builtin'/></crypto>"),
    _device("smartcards", "<smartcard mode='host'/>"),
    _device(
        "memory modules",
        "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>",
        vcpus="<maxMemory slots='999' unit='MiB'>900000</maxMemory><vcpu>2</vcpu>",
    ),
    _inside(
        "vlan tags",
        "<interface type='bridge'><source bridge='vmbr0'/><vlan trunk='yes'>",
        "<tag id='1{n}'/>",
        "</vlan><model type='virtio'/></interface>",
    ),
    _inside(
        "hosts of a disk",
        "<disk type='network'><source protocol='rbd' name='a/b'>",
        "<host name='h{n}' port='1'/>",
        "</source><target dev='vda' bus='virtio'/></disk>",
    ),
    _inside(
        "labels of a disk",
        "<disk type='file'><source file='/a'>",
        "<seclabel model='a{n}' relabel='no'/>",
        "</source><target dev='vda' bus='virtio'/></disk>",
    ),
    _inside(
        "threads of a disk",
        "<disk type='file'><driver name='qemu'><iothreads>",
        "<iothread id='{n}'/>",
        "</iothreads></driver><source file='/a'/><target dev='vda' bus='virtio'/></disk>",
        80,
    ),
    _part("pins of vCPUs", "<cputune>", "<vcpupin vcpu='{n}' cpuset='0-8191,1{n}'/>", "</cputune>", MANY, "<vcpu>999</vcpu>"),
    _part("pins of one vCPU", "<cputune>", "<vcpupin vcpu='0' cpuset='0-8191'/>", "</cputune>"),
    _part(
        "pins of iothreads", "<iothreads>99</iothreads><cputune>", "<iothreadpin iothread='1{n}' cpuset='{n},1{n}-8191'/>", "</cputune>", 80
    ),
    _part("schedulers", "<cputune>", "<iothreadsched iothreads='1' scheduler='batch'/>", "</cputune>"),
    _part("CPUs one by one", "<vcpus>", "<vcpu id='{n}' enabled='yes' hotpluggable='yes'/>", "</vcpus>", MORE, "<vcpu>240</vcpu>"),
    _part("nodes", "<cpu><numa>", "<cell id='{n}' cpus='{n}' memory='16384'/>", "</numa></cpu>", 64, "<vcpu>999</vcpu>"),
    _part("memory of nodes", "<numatune>", "<memnode cellid='{n}' mode='strict' nodeset='0'/>", "</numatune>"),
    _part("huge pages", "<memoryBacking><hugepages>", "<page size='2' unit='M' nodeset='{n}'/>", "</hugepages></memoryBacking>"),
    _part("CPU features", "<cpu mode='custom'><model>qemu64</model>", "<feature policy='require' name='f{n}'/>", "</cpu>"),
    _part("features", "<features>", "<f{n}/>", "</features>"),
    _part("Hyper-V features", "<features><hyperv mode='custom'>", "<x{n} state='on'/>", "</hyperv></features>"),
    _part("timers", "<clock offset='utc'>", "<timer name='t{n}' present='no'/>", "</clock>"),
    _part("boot devices", f"{_OS[:-5]}", "<boot dev='hd'/>", "</os>"),
    _part("SMBIOS entries", "<sysinfo type='smbios'><system>", "<entry name='serial'>{n}</entry>", "</system></sysinfo>"),
    _part("OEM strings", "<sysinfo type='smbios'><oemStrings>", "<entry>{n}</entry>", "</oemStrings></sysinfo>"),
    _part("fw_cfg files", "<sysinfo type='fwcfg'>", "<entry name='opt/a{n}'>{n}</entry>", "</sysinfo>"),
    _part("security labels", "", "<seclabel type='none' model='a{n}'/>", ""),
    _part("weights of devices", "<blkiotune>", "<device><path>/dev/a{n}</path><weight>200</weight></device>", "</blkiotune>"),
    _part("lines of the description", "<description>", "line {n}\n", "</description>"),
    _part("words of the title", "<title>", "word ", "</title>"),
    _part("metadata of others", "<metadata>", "<a{n} xmlns='urn:x'><b/></a{n}>", "</metadata>"),
    _words("raw words", "<qemu:arg value='-a{n}'/>"),
    _words("raw devices", "<qemu:arg value='-device'/><qemu:arg value='e{n},id=a{n},addr=0x3'/>"),
    _words("raw properties", "<qemu:arg value='-set'/><qemu:arg value='device.net0.p{n}={n}'/>"),
    _words("raw USB devices", f"<qemu:arg value='-device'/>{_USB}"),
    _words("raw USB devices without an option", _USB),
    _words("raw SMBIOS words", "<qemu:arg value='-smbios'/><qemu:arg value='type=1,serial=a{n}'/>"),
    _words("raw vIOMMUs without an option", "<qemu:arg value='virtio-iommu-pci,bus=pci.0,addr=0x3'/>"),
    _words("raw globals", "<qemu:arg value='-global'/><qemu:arg value='x86_64-cpu.hv-a{n}=on'/>"),
    _words("quotes in a raw word", "' ", '<qemu:commandline><qemu:arg value="', '"/></qemu:commandline>'),
    _words(
        "overridden devices",
        "<qemu:device alias='a{n}'><qemu:frontend><qemu:property name='p' type='string' value='{n}'/></qemu:frontend></qemu:device>",
        "<qemu:override>",
        "</qemu:override>",
    ),
    _residue("devices beside a residue that is forged", "<virt-qm:key name='net5'>virtio,bridge=vmbr0</virt-qm:key>", "", "")._replace(
        item="<sound model='ich9'/>", tail=f"{_RESIDUE[1]}{_OS}{_DEVICES}{_END}"
    ),
    _residue("keys of the residue", "", "<virt-qm:key name='k{n}' seen='x'>v</virt-qm:key>", ""),
    _residue("absent keys of the residue", "", "<virt-qm:absent name='k{n}' seen='x'/>", ""),
    _residue("args of the residue", "<virt-qm:key name='args'>", "-a{n} ", "</virt-qm:key>"),
    _residue("devices in args of the residue", "<virt-qm:key name='args'>", "-device e{n} ", "</virt-qm:key>"),
    _residue("sections of the residue", "<virt-qm:sections>", "\n[a{n}]\ncores: 2\n", "</virt-qm:sections>"),
    _residue("active lines of the residue", "<virt-qm:sections>\n[aa]\n", "hookscript: a{n}\n", "</virt-qm:sections>"),
    _residue("escapes of the residue", "<virt-qm:sections>", "%41", "</virt-qm:sections>"),
)

_MAIN = "cores: 2\nmemory: 1024\nname: a\n"


def _lines(name: str, item: str, count: int = MORE, head: str = "") -> Shape:
    return Shape(name, "conf", _MAIN + head, item, count)


def _value(name: str, start: str, item: str, count: int = MORE) -> Shape:
    return Shape(name, "conf", f"{_MAIN}{start}", item, count, "\n")


CONF = (
    _lines("lines that are not settings", "x\n"),
    _lines("control characters", "\x01{n}\n"),
    _lines("unknown keys", "abc{n}: 1\n"),
    _lines("bad values", "cores: x\n"),
    _lines("bad network cards", "net{n}: x\n"),
    _lines("the same key", "cores: 2\n"),
    _lines("the same disk", "scsi0: local:100/vm-100-disk-0.raw,size=32G\n"),
    _lines("args again and again", "args: -a{n}\n"),
    _lines("comments", "#a %41\n"),
    _lines("descriptions", "description: a\n"),
    _lines("unused disks", "unused{n}: local:100/vm-100-disk-{n}.raw\n"),
    _lines("snapshots", "[a{n}]\ncores: 2\nsnaptime: 3\n"),
    _lines("the same snapshot", "[abc]\n"),
    _lines("bad lines of snapshots", "[a{n}]\nx: 1\n"),
    _lines("unknown sections", "[special:a{n}]\n"),
    _lines("pending sections", "[PENDING]\n"),
    _lines("bad lines of the pending section", "x\n", head="[PENDING]\n"),
    _lines("unknown keys of the cloud-init section", "a{n}: 1\n", head="[special:cloudinit]\n"),
    _lines("headers that are broken", "[a{n}\n"),
    _lines("network cards", "net{n}: virtio,bridge=vmbr0\n", 28),
    _lines("disks on iothreads", "scsi{n}: local:100/vm-100-disk-{n}.raw,iothread=1\n", 28, "scsihw: virtio-scsi-single\n"),
    _lines("disks on a pool", "virtio{n}: local:100/vm-100-disk-{n}.raw,iothread=1\n", 16, "iothreads: 64,affinity=0-8191\n"),
    _value("parts of a property string", "net0: virtio,bridge=vmbr0", ",queues=4"),
    _value("unknown parts of a property string", "net0: virtio,bridge=vmbr0", ",a{n}=4"),
    _value("percent escapes", "scsi0: local:100/vm-100-disk-0.raw,serial=", "%41"),
    _value("digits", "memory: 1", "0"),
    _value("boot order", "boot: order=net0", ";net0"),
    _value("functions of a PCI card", "hostpci0: 0000:01:00.0", ";0000:01:00.{n}"),
    _value("CPU flags", "cpu: host,flags=+aes", ";-pcid"),
    _value("hotplug", "hotplug: disk", ",network"),
    _value("tags", "tags: a", ";t{n}"),
    _value("trunks", "net0: virtio,bridge=vmbr0,trunks=1", ";1{n}"),
    _value("CPUs of a node", "numa: 1\nnuma0: memory=1024,cpus=0", ";{n}"),
    _value("host CPUs", "affinity: 0", ",{n}"),
    _value("ranges of host CPUs", "affinity: 0", ",0-8191"),
    _value("host CPUs of a pool", "iothreads: 64,affinity=0", ";{n}"),
    _value("nameservers", "nameserver: 1.1.1.1", " 1.1.1.1"),
    _value("ssh keys", "sshkeys: ssh-rsa", "%0Assh-rsa%20{n}"),
    _value("words of args", "args:", " -a{n}"),
    _value("devices in args", "args:", " -device e{n},id=a{n}"),
    _value("properties in args", "args: -device e,id=a", " -set device.a.p{n}=1"),
    _value("JSON devices in args", "args:", ' -device \'{"driver":"usb-host","id":"usb{n}"}\''),
    _value("quotes in args", "args: a", " '{n}'"),
    _value("SMBIOS", "smbios1: serial=", "a"),
    _value("a name", "name: a", "a"),
)

PLAIN = {
    "xml": _device("plain", "<interface type='bridge'><source bridge='vmbr0'/><model type='virtio'/><mtu size='1500'/></interface>", 24),
    "conf": _lines("plain", "net{n}: virtio,bridge=vmbr0,mtu=1500\n", 24),
}
"""What every VM has: network cards."""
