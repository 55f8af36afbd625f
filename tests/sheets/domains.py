"""Small domains: one feature of domain XML each, by name."""

from __future__ import annotations

UUID = "5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10"
PLAIN = {
    "memory": "<memory unit='MiB'>1024</memory>", "vcpu": "<vcpu>2</vcpu>", "cpu": "", "features": "<features><acpi/><apic/></features>",
    "os": "<os><type arch='x86_64' machine='pc-q35-9.2'>hvm</type></os>", "rest": "", "devices": "",
}  # fmt: skip


def domain(**parts: str) -> str:
    said = {**PLAIN, **parts}
    body = "".join(said[part] for part in ("memory", "vcpu", "os", "features", "cpu", "rest"))
    return f"<domain type='kvm'><name>one</name><uuid>{UUID}</uuid>{body}<devices>{said['devices']}</devices></domain>"


def disk(inner: str = "", bus: str = "virtio", dev: str = "vda", source: str = "<source file='/i/a.img'/>", **said: str) -> str:
    head = {"type": "file", "device": "disk", **said}
    attributes = "".join(f" {name}='{value}'" for name, value in head.items())
    return f"<disk{attributes}><driver name='qemu' type='raw'/>{source}<target dev='{dev}' bus='{bus}'/>{inner}</disk>"


def driver(said: str, **more: str) -> str:
    return disk(**more).replace("type='raw'/>", f"type='raw' {said}/>")


def nic(inner: str, kind: str = "bridge", source: str = "<source bridge='vmbr0'/>", model: str = "virtio", more: str = "") -> str:
    return f"<interface type='{kind}'{more}><mac address='52:54:00:00:00:01'/>{source}<model type='{model}'/>{inner}</interface>"


def cpu(inner: str = "", head: str = "mode='host-passthrough'") -> str:
    return f"<cpu {head}>{inner}</cpu>"


def feature(text: str) -> str:
    return f"<features><acpi/><apic/>{text}</features>"


def os_(inner: str, machine: str = "pc-q35-9.2", more: str = "") -> str:
    return f"<os{more}><type arch='x86_64' machine='{machine}'>hvm</type>{inner}</os>"


LIMITS = [
    f"{way}_{what}_sec{more}" for way in ("total", "read", "write") for what in ("bytes", "iops") for more in ("", "_max")
]  # fmt: skip
CONTROLLERS = {
    "scsi": ("", "auto", "virtio-scsi", "lsilogic", "lsisas1068", "lsisas1078", "vmpvscsi", "buslogic", "ibmvscsi", "virtio-transitional",
             "virtio-non-transitional", "am53c974", "dc390"),
    "usb": ("qemu-xhci", "nec-xhci", "ich9-ehci1", "ich9-uhci1", "piix3-uhci", "piix4-uhci", "ehci", "pci-ohci", "vt82c686b-uhci", "none"),
    "pci": ("pcie-root-port", "pcie-to-pci-bridge", "dmi-to-pci-bridge", "pcie-expander-bus", "pcie-switch-upstream-port",
            "pcie-switch-downstream-port", "pci-bridge"),
    "sata": ("",), "virtio-serial": ("",), "ccid": ("",), "ide": ("",), "fdc": ("",), "isa": ("",),
}  # fmt: skip
CACHE = ("none", "writethrough", "writeback", "directsync", "unsafe", "default")
WORDS = {
    "io": ("native", "threads", "io_uring"), "error_policy": ("stop", "report", "ignore", "enospace"),
    "rerror_policy": ("stop", "report", "ignore"), "discard": ("unmap", "ignore"), "detect_zeroes": ("on", "off", "unmap"),
    "ioeventfd": ("on", "off"), "event_idx": ("on", "off"), "copy_on_read": ("on", "off"), "queues": ("1", "4"), "queue_size": ("256",),
    "iommu": ("on",), "ats": ("on",), "packed": ("on", "off"), "page_per_vq": ("on",), "discard_no_unref": ("on",), "metadata_cache": ("1",),
}  # fmt: skip
HYPERV = (
    "relaxed", "vapic", "vpindex", "runtime", "synic", "stimer", "reset", "frequencies", "reenlightenment", "tlbflush", "ipi", "evmcs", "avic",
    "emsr_bitmap", "xmm_input",
)  # fmt: skip

DEVICES: dict[str, str] = {
    **{f"disk bus {bus}": disk(bus=bus, dev=dev) for bus, dev in
       {"virtio": "vda", "scsi": "sda", "sata": "sdb", "ide": "hda", "usb": "sdc", "sd": "sdd", "xen": "xvda"}.items()},
    **{f"disk target {dev}": disk(bus=bus, dev=dev) for bus, dev in (("scsi", "sdg"), ("scsi", "sdh"), ("scsi", "sdo"), ("sata", "sdf"),
       ("sata", "sdg"), ("virtio", "vdp"), ("virtio", "vdq"), ("scsi", "sdae"), ("scsi", "sdaf"))},
    **{f"disk driver cache={word}": driver(f"cache='{word}'") for word in CACHE},
    **{f"disk driver {name}={word}": driver(f"{name}='{word}'") for name, words in WORDS.items() for word in words},
    "disk qcow2": disk().replace("'raw'", "'qcow2'"), "disk vmdk": disk().replace("'raw'", "'vmdk'"),
    **{f"disk iotune {name}": disk(f"<iotune><{name}>3000000</{name}></iotune>") for name in LIMITS},
    **{f"disk iotune {name}_length": disk(f"<iotune><{name}>3000000</{name}><{name.removesuffix('_max')}>100</{name.removesuffix('_max')}>"
                                           f"<{name}_length>7</{name}_length></iotune>") for name in LIMITS if name.endswith("_max")},
    "disk iotune size": disk("<iotune><size_iops_sec>4096</size_iops_sec><group_name>g</group_name></iotune>"),
    "disk iotune odd bytes": disk("<iotune><total_bytes_sec>1234567</total_bytes_sec></iotune>"),
    "disk readonly": disk("<readonly/>"), "disk shareable": disk("<shareable/>"), "disk transient": disk("<transient/>"),
    "disk serial": disk("<serial>A B&amp;C</serial>"), "disk long serial": disk(f"<serial>{'s' * 70}</serial>"),
    "disk wwn": disk("<wwn>5000c50015ea71ad</wwn>", bus="scsi", dev="sda"), "disk vendor": disk("<vendor>ACME</vendor><product>FAST</product>", "scsi", "sda"),
    "disk rotation": disk(bus="scsi", dev="sda").replace("bus='scsi'/>", "bus='scsi' rotation_rate='1'/>"),
    "disk rotation spinning": disk(bus="scsi", dev="sda").replace("bus='scsi'/>", "bus='scsi' rotation_rate='7200'/>"),
    "disk removable": disk(bus="usb", dev="sda").replace("bus='usb'/>", "bus='usb' removable='on'/>"),
    "disk geometry": disk("<geometry cyls='16383' heads='16' secs='63' trans='lba'/>"),
    "disk blockio": disk("<blockio logical_block_size='512' physical_block_size='4096' discard_granularity='4096'/>"),
    "disk boot": disk("<boot order='1'/>"), "disk boot loadparm": disk("<boot order='1' loadparm='2'/>"),
    "disk alias": disk("<alias name='ua-mine'/>"), "disk model": disk(model="virtio-transitional"),
    "disk new model": disk(model="virtio-non-transitional"),
    "disk sgio": disk(source="<source dev='/dev/sdx'/>", type="block", device="lun", bus="scsi", dev="sda", sgio="unfiltered"),
    "disk rawio": disk(source="<source dev='/dev/sdx'/>", type="block", device="lun", bus="scsi", dev="sda", rawio="yes"),
    "disk lun": disk(source="<source dev='/dev/sdx'/>", type="block", device="lun", bus="scsi", dev="sda"),
    "disk block": disk(source="<source dev='/dev/vg/lv'/>", type="block"),
    "disk dir": disk(source="<source dir='/srv/fat'/>", type="dir"),
    "disk volume": disk(source="<source pool='default' volume='a.qcow2'/>", type="volume"),
    "disk snapshot": disk(snapshot="external"), "disk startupPolicy": disk(source="<source file='/i/a.img' startupPolicy='optional'/>"),
    "disk seclabel": disk(source="<source file='/i/a.img'><seclabel model='dac' relabel='no'/></source>"),
    "disk slices": disk(source="<source file='/i/a.img'><slices><slice type='storage' offset='12345' size='123'/></slices></source>"),
    "disk encryption": disk(source="<source file='/i/a.img'><encryption format='luks'><secret type='passphrase' usage='l'/></encryption></source>"),
    "disk reservations": disk(source="<source dev='/dev/sdx'><reservations managed='yes'/></source>", type="block", bus="scsi", dev="sda"),
    "disk nvme": disk(source="<source type='pci' managed='yes' namespace='1'><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>",
                      type="nvme"),
    "disk vhostuser": disk(source="<source type='unix' path='/run/v.sock'><reconnect enabled='yes' timeout='10'/></source>", type="vhostuser"),
    "disk vdpa": disk(source="<source dev='/dev/vhost-vdpa-0'/>", type="vhostvdpa"),
    **{f"disk network {protocol}": disk(type="network", source=f"<source protocol='{protocol}' name='{name}'><host name='192.0.2.1' port='{port}'/></source>")
       for protocol, name, port in (("rbd", "pool/image", "6789"), ("iscsi", "iqn.2013-07.com.example:t/1", "3260"), ("nbd", "e", "10809"),
                                    ("gluster", "vol/a.img", "24007"), ("sheepdog", "a", "7000"), ("https", "a.iso", "443"), ("http", "a.iso", "80"),
                                    ("ftp", "a.iso", "21"), ("ssh", "/a.img", "22"), ("nfs", "/exports/a.img", "2049"), ("vxhs", "eb90327c", "9999"))},
    "disk network auth": disk("<auth username='admin'><secret type='ceph' uuid='11111111-2222-3333-4444-555555555555'/></auth>", type="network",
                              source="<source protocol='rbd' name='pool/image'><host name='192.0.2.1'/><host name='192.0.2.2' port='3300'/>"
                              "<snapshot name='s'/><config file='/etc/ceph/a.conf'/></source>"),
    "disk nbd unix": disk(type="network", source="<source protocol='nbd' name='e'><host transport='unix' socket='/run/nbd.sock'/></source>"),
    "disk nbd tls": disk(type="network", source="<source protocol='nbd' name='e' tls='yes'><host name='h' port='10809'/></source>"),
    "disk iser": disk(type="network", source="<source protocol='iscsi' name='iqn.2013-07.com.example:t/1'><host name='h' transport='rdma'/>"
                      "<initiator><iqn name='iqn.2013-07.com.example:i'/></initiator></source>"),
    "disk https options": disk(type="network", source="<source protocol='https' name='a.iso' query='x=1'><host name='h' port='443'/>"
                               "<ssl verify='no'/><cookies><cookie name='a'>b</cookie></cookies><readahead size='65536'/><timeout seconds='6'/></source>"),
    "disk backing": disk("<backingStore type='file'><format type='qcow2'/><source file='/i/base.qcow2'/><backingStore/></backingStore>"),

    "cdrom sata": disk("<readonly/>", "sata", "sda", device="cdrom"), "cdrom ide": disk("<readonly/>", "ide", "hdc", device="cdrom"),
    "cdrom scsi": disk("<readonly/>", "scsi", "sda", device="cdrom"), "cdrom usb": disk("<readonly/>", "usb", "sda", device="cdrom"),
    "cdrom empty": disk("<readonly/>", "sata", "sda", source="", device="cdrom"),
    "cdrom open tray": disk("", "sata", "sda", source="", device="cdrom").replace("bus='sata'", "bus='sata' tray='open'"),
    "floppy": disk(bus="fdc", dev="fda", device="floppy"),
    "disks of two scsi": disk(bus="scsi", dev="sda") + disk(bus="scsi", dev="sdb", source="<source file='/i/b.img'/>"),
    "disk scsi addressed": disk("<address type='drive' controller='0' bus='0' target='0' unit='30'/>", "scsi", "sda"),
    "disk scsi target": disk("<address type='drive' controller='0' bus='0' target='3' unit='0'/>", "scsi", "sda"),
    "disk scsi second controller": disk("<address type='drive' controller='1' bus='0' target='0' unit='0'/>", "scsi", "sda"),
    "disk sata addressed": disk("<address type='drive' controller='0' bus='0' target='0' unit='5'/>", "sata", "sda"),
    "disk pci address": disk("<address type='pci' domain='0' bus='0' slot='0x0a' function='0'/>"),
    "disk ccw address": disk("<address type='ccw' cssid='0xfe' ssid='0' devno='0'/>"),
    "disk virtio-mmio": disk("<address type='virtio-mmio'/>"), "disk multifunction": disk("<address type='pci' slot='0x0a' multifunction='on'/>"),

    **{f"nic {model}": nic("", model=model) for model in ("virtio", "e1000", "e1000e", "rtl8139", "vmxnet3", "ne2k_pci", "pcnet", "i82551", "i82557b", "i82559er",
       "virtio-transitional", "virtio-non-transitional", "igb", "usb-net", "lan9118", "netfront", "e1000-82544gc", "e1000-82545em", "82540em")},
    "nic no model": "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='vmbr0'/></interface>",
    "nic no mac": "<interface type='bridge'><source bridge='vmbr0'/><model type='virtio'/></interface>",
    **{f"nic type {kind}": nic("", kind, source) for kind, source in (
        ("network", "<source network='default'/>"), ("user", ""), ("direct", "<source dev='eth0' mode='bridge'/>"), ("ethernet", ""),
        ("internal", "<source name='n'/>"), ("mcast", "<source address='230.0.0.1' port='5558'/>"), ("server", "<source port='5558'/>"),
        ("client", "<source address='192.0.2.3' port='5558'/>"), ("udp", "<source address='192.0.2.3' port='5558'><local address='192.0.2.1' port='5559'/></source>"),
        ("vhostuser", "<source type='unix' path='/run/v.sock' mode='client'/>"), ("vdpa", "<source dev='/dev/vhost-vdpa-0'/>"), ("null", ""),
        ("hostdev", "<source><address type='pci' domain='0' bus='7' slot='0x10' function='1'/></source>"), ("vds", "<source switchid='a' portid='1' portgroupid='b' connectionid='1'/>"))},
    "nic mtu": nic("<mtu size='1400'/>"), "nic mtu large": nic("<mtu size='65521'/>"), "nic link down": nic("<link state='down'/>"), "nic link up": nic("<link state='up'/>"),
    "nic queues": nic("<driver name='vhost' queues='4'/>"), "nic driver qemu": nic("<driver name='qemu'/>"), "nic tx": nic("<driver txmode='timer'/>"),
    "nic queue sizes": nic("<driver name='vhost' rx_queue_size='512' tx_queue_size='512'/>"), "nic packed": nic("<driver packed='on' rss='on' rss_hash_report='on'/>"),
    "nic driver ioeventfd": nic("<driver ioeventfd='off' event_idx='off'/>"), "nic host csum": nic("<driver><host csum='off' gso='off' tso4='off'/><guest csum='off' ufo='off'/></driver>"),
    "nic vlan": nic("<vlan><tag id='42'/></vlan>"), "nic vlan trunk": nic("<vlan trunk='yes'><tag id='42'/><tag id='47'/></vlan>"),
    "nic vlan native": nic("<vlan trunk='yes'><tag id='42'/><tag id='47' nativeMode='untagged'/></vlan>"),
    "nic bandwidth": nic("<bandwidth><inbound average='1000' peak='5000' burst='1024'/><outbound average='128' peak='256' burst='256'/></bandwidth>"),
    "nic bandwidth both": nic("<bandwidth><inbound average='1250'/><outbound average='1250'/></bandwidth>"),
    "nic filter": nic("<filterref filter='clean-traffic'><parameter name='IP' value='192.0.2.1'/></filterref>"),
    "nic virtualport": nic("<virtualport type='openvswitch'><parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>"),
    "nic port isolated": nic("<port isolated='yes'/>"), "nic rom off": nic("<rom bar='off'/>"), "nic rom file": nic("<rom file='/r.rom'/>"), "nic rom none": nic("<rom enabled='no'/>"),
    "nic boot": nic("<boot order='2'/>"), "nic target": nic("<target dev='vnet7'/>"), "nic managed target": nic("<target dev='tap9' managed='no'/>", "ethernet", ""),
    "nic script": nic("<script path='/etc/qemu-ifup'/>", "ethernet", ""), "nic coalesce": nic("<coalesce><rx><frames max='7'/></rx></coalesce>"),
    "nic tune": nic("<tune><sndbuf>0</sndbuf></tune>"), "nic backend": nic("<backend tap='/dev/net/tun' vhost='/dev/vhost-net'/>"),
    "nic guest": nic("<guest dev='eth9'/>"), "nic ip": nic("<ip address='10.0.0.5' prefix='24'/>", "user", ""), "nic trust": nic("", more=" trustGuestRxFilters='yes'"),
    "nic passt": nic("<backend type='passt' logFile='/l'/><portForward proto='tcp'><range start='22' to='2222'/></portForward>", "user", ""),
    "nic acpi": nic("<acpi index='3'/>"), "nic teaming": nic("<teaming type='persistent'/><alias name='ua-t'/>"),

    **{f"video {model}": f"<video><model type='{model}'/></video>" for model in ("vga", "cirrus", "vmvga", "qxl", "virtio", "bochs", "ramfb", "none", "xen", "gop")},
    "video vram": "<video><model type='vga' vram='32768'/></video>", "video qxl memory": "<video><model type='qxl' ram='65536' vram='131072' vgamem='32768' heads='1'/></video>",
    "video heads": "<video><model type='virtio' heads='2'/></video>", "video accel": "<video><model type='virtio'><acceleration accel3d='yes'/></model></video>",
    "video resolution": "<video><model type='virtio'><resolution x='1024' y='768'/></model></video>", "video blob": "<video><model type='virtio' blob='on' edid='off'/></video>",
    "video two": "<video><model type='qxl' primary='yes'/></video><video><model type='qxl'/></video><graphics type='spice'/>",
    "video vhostuser": "<video><driver name='vhostuser'/><model type='virtio'/></video>",
    **{f"graphics {kind}": f"<graphics {kind}/>" for kind in ("type='vnc'", "type='vnc' port='5901' autoport='no'", "type='vnc' passwd='x' keymap='de'", "type='vnc' socket='/run/s'",
       "type='spice'", "type='spice' port='5900' tlsPort='5901' autoport='no'", "type='sdl' display=':0'", "type='egl-headless'", "type='rdp'", "type='dbus'",
       "type='vnc' powerControl='yes' sharePolicy='force-shared'")},
    "graphics listen": "<graphics type='vnc' port='-1'><listen type='address' address='0.0.0.0'/></graphics>", "graphics none": "<graphics type='spice'><listen type='none'/></graphics>",
    "graphics spice options": "<graphics type='spice' defaultMode='secure'><channel name='main' mode='secure'/><image compression='off'/><streaming mode='all'/><clipboard copypaste='no'/>"
                              "<mouse mode='client'/><filetransfer enable='no'/><gl enable='yes' rendernode='/dev/dri/renderD128'/></graphics>",
    **{f"sound {model}": f"<sound model='{model}'/>" for model in ("ich6", "ich9", "ac97", "es1370", "sb16", "pcspk", "usb", "virtio", "ich7")},
    "sound codec": "<sound model='ich9'><codec type='micro'/></sound>", "sound audio": "<sound model='ich9'><audio id='1'/></sound><audio id='1' type='none'/>",
    **{f"audio {kind}": f"<sound model='ich9'/><audio id='1' type='{kind}'/>" for kind in ("spice", "pulseaudio", "alsa", "pipewire", "none", "sdl", "jack", "oss", "file", "dbus", "coreaudio")},
    **{f"serial {kind}": f"<serial type='{kind}'>{source}</serial>" for kind, source in (
        ("pty", ""), ("dev", "<source path='/dev/ttyS0'/>"), ("file", "<source path='/l' append='on'/>"), ("pipe", "<source path='/p'/>"), ("null", ""), ("stdio", ""), ("vc", ""),
        ("unix", "<source mode='bind' path='/run/s'/>"), ("tcp", "<source mode='bind' host='127.0.0.1' service='2445'/><protocol type='telnet'/>"),
        ("udp", "<source mode='bind' host='0.0.0.0' service='2445'/><source mode='connect' host='192.0.2.2' service='2445'/>"), ("spiceport", "<source channel='org.qemu.console.serial.0'/>"),
        ("nmdm", "<source master='/dev/nmdm0A' slave='/dev/nmdm0B'/>"), ("dbus", "<source channel='a'/>"))},
    **{f"serial target {target}": f"<serial type='pty'><target type='{target}' port='1'/></serial>" for target in ("isa-serial", "usb-serial", "pci-serial", "isa-debug")},
    "serial log": "<serial type='pty'><log file='/l' append='off'/></serial>", "serial address": "<serial type='pty'><target port='0'/><address type='isa' iobase='0x3e8' irq='5'/></serial>",
    "serial five": "<serial type='pty'/>" * 5, "serial unix client": "<serial type='unix'><source mode='connect' path='/run/s'><reconnect enabled='yes' timeout='5'/></source></serial>",
    "parallel": "<parallel type='dev'><source path='/dev/parport0'/></parallel>", "parallel file": "<parallel type='file'><source path='/l'/></parallel>",
    **{f"console {target}": f"<console type='pty'><target type='{target}' port='0'/></console>" for target in ("serial", "virtio", "xen", "sclp")},
    **{f"channel {name}": f"<channel type='{kind}'>{source}<target type='virtio' name='{name}'/></channel>" for kind, source, name in (
        ("unix", "<source mode='bind' path='/run/qga.sock'/>", "org.qemu.guest_agent.0"), ("unix", "", "org.example.0"), ("spicevmc", "", "com.redhat.spice.0"),
        ("spiceport", "<source channel='org.spice-space.webdav.0'/>", "org.spice-space.webdav.0"), ("qemu-vdagent", "<source><clipboard copypaste='yes'/></source>", "com.redhat.spice.1"),
        ("pty", "", "arbitrary.virtio.serial.port.name"))},
    "channel addressed": "<channel type='pty'><target type='virtio' name='x'/><address type='virtio-serial' controller='0' bus='0' port='3'/></channel>",
    "channel guestfwd": "<channel type='file'><source path='/l'/><target type='guestfwd' address='10.0.2.1' port='4600'/></channel>",
    **{f"input {kind} {bus}": f"<input type='{kind}' bus='{bus}'/>" for kind in ("tablet", "mouse", "keyboard") for bus in ("usb", "virtio", "ps2")},
    "input passthrough": "<input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>",
    "input evdev": "<input type='evdev'><source dev='/dev/input/event1' grab='all' grabToggle='ctrl-ctrl' repeat='on'/></input>", "input model": "<input type='tablet' bus='virtio' model='virtio'/>",
    "hostdev pci": "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='7' slot='0x10' function='4'/></source></hostdev>",
    "hostdev pci unmanaged": "<hostdev mode='subsystem' type='pci' managed='no'><driver name='vfio'/><source><address domain='1' bus='7' slot='0x10' function='4'/></source><rom bar='off' file='/a.rom'/></hostdev>",
    "hostdev pci model": "<hostdev mode='subsystem' type='pci'><driver model='mlx5_vfio_pci'/><source><address domain='0' bus='7' slot='0x10' function='4'/></source><boot order='1'/></hostdev>",
    "hostdev two functions": "".join(f"<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='7' slot='0x10' function='{n}'/></source>"
                                     f"<address type='pci' domain='0' bus='0' slot='0x10' function='{n}'{' multifunction=' + repr('on') if not n else ''}/></hostdev>" for n in (0, 1)),
    "hostdev usb": "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>",
    "hostdev usb address": "<hostdev mode='subsystem' type='usb'><source startupPolicy='optional' guestReset='off'><address bus='1' device='3'/></source></hostdev>",
    "hostdev usb port": "<hostdev mode='subsystem' type='usb'><source><address bus='1' port='2.3'/></source></hostdev>",
    "hostdev scsi": "<hostdev mode='subsystem' type='scsi' sgio='filtered' rawio='yes'><source><adapter name='scsi_host0'/><address bus='0' target='0' unit='0'/></source><readonly/></hostdev>",
    "hostdev iscsi": "<hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn.2014-08.com.example:t/1'><host name='h' port='3260'/></source></hostdev>",
    "hostdev vhost": "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.50014057667280d8'/></hostdev>",
    "hostdev mdev": f"<hostdev mode='subsystem' type='mdev' model='vfio-pci' display='on' ramfb='on'><source><address uuid='{UUID}'/></source></hostdev>",
    "hostdev storage": "<hostdev mode='capabilities' type='storage'><source><block>/dev/sdf</block></source></hostdev>",
    "redirdev": "<redirdev bus='usb' type='spicevmc'/>", "redirdev tcp": "<redirdev bus='usb' type='tcp'><source mode='connect' host='h' service='4000'/><boot order='1'/></redirdev>",
    "redirfilter": "<redirdev bus='usb' type='spicevmc'/><redirfilter><usbdev class='0x08' vendor='0x1234' product='0xbeef' version='2.56' allow='yes'/></redirfilter>",
    **{f"tpm {model} {version}": f"<tpm model='{model}'><backend type='emulator' version='{version}'/></tpm>" for model in ("tpm-tis", "tpm-crb", "tpm-spapr") for version in ("1.2", "2.0")},
    "tpm passthrough": "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>",
    "tpm options": "<tpm model='tpm-crb'><backend type='emulator' version='2.0' persistent_state='yes'><encryption secret='6dd3e4a5-1d76-44ce-961f-f119f5aad935'/><active_pcr_banks><sha256/></active_pcr_banks></backend></tpm>",
    "tpm source": "<tpm model='tpm-crb'><backend type='emulator' version='2.0'><source type='file' path='/t'/></backend></tpm>",
    "tpm external": "<tpm model='tpm-crb'><backend type='external'><source type='unix' mode='connect' path='/run/t'/></backend></tpm>",
    **{f"rng {model} {path}": f"<rng model='{model}'><backend model='random'>{path}</backend></rng>" for model in ("virtio", "virtio-transitional", "virtio-non-transitional")
       for path in ("/dev/urandom", "/dev/random", "/dev/hwrng")},
    "rng rate": "<rng model='virtio'><rate bytes='2048' period='500'/><backend model='random'>/dev/urandom</backend></rng>", "rng builtin": "<rng model='virtio'><backend model='builtin'/></rng>",
    "rng egd": "<rng model='virtio'><backend model='egd' type='udp'><source mode='bind' service='1234'/></backend></rng>", "rng two": "<rng model='virtio'><backend model='random'/></rng>" * 2,
    **{f"watchdog {model} {action}": f"<watchdog model='{model}' action='{action}'/>" for model in ("i6300esb", "ib700", "itco", "diag288")
       for action in ("reset", "shutdown", "poweroff", "pause", "none", "dump", "inject-nmi")},
    **{f"memballoon {model}": f"<memballoon model='{model}'/>" for model in ("virtio", "none", "xen", "virtio-transitional", "virtio-non-transitional")},
    "memballoon options": "<memballoon model='virtio' autodeflate='on' freePageReporting='on'><stats period='10'/></memballoon>",
    **{f"panic {model}": f"<panic model='{model}'/>" for model in ("isa", "hyperv", "pseries", "pvpanic", "s390")}, "panic none": "<panic/>",
    "shmem": "<shmem name='area'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>", "shmem role": "<shmem name='area' role='peer'><model type='ivshmem-plain'/><size unit='M'>3</size></shmem>",
    "shmem doorbell": "<shmem name='s'><model type='ivshmem-doorbell'/><server path='/run/i'/><msi vectors='32' ioeventfd='on'/></shmem>",
    "vsock": "<vsock model='virtio'><cid auto='no' address='3'/></vsock>", "vsock auto": "<vsock><cid auto='yes'/></vsock>", "vmcoreinfo": "<vmcoreinfo/>",
    "memory dimm": "<memory model='dimm'><target><size unit='MiB'>512</size><node>0</node></target></memory>",
    "memory nvdimm": "<memory model='nvdimm'><source><path>/n</path></source><target><size unit='MiB'>512</size><label><size unit='KiB'>128</size></label></target></memory>",
    "iommu intel": "<iommu model='intel'><driver intremap='on' caching_mode='on' iotlb='on' aw_bits='48' eim='on'/></iommu>", "iommu virtio": "<iommu model='virtio'/>", "iommu amd": "<iommu model='amd'/>",
    **{f"filesystem {kind}": f"<filesystem {kind}><source dir='/srv'/><target dir='t'/></filesystem>" for kind in (
        "type='mount'", "type='mount' accessmode='mapped' fmode='0644' dmode='0755'", "type='mount' accessmode='squash' multidevs='remap'", "type='mount' model='virtio-non-transitional'")},
    "filesystem readonly": "<filesystem type='mount'><source dir='/srv'/><target dir='t'/><readonly/></filesystem>",
    "filesystem virtiofs": "<filesystem type='mount'><driver type='virtiofs' queue='1024'/><binary path='/v' xattr='on'><cache mode='always'/><sandbox mode='chroot'/><lock posix='on' flock='on'/>"
                           "<thread_pool size='16'/></binary><source dir='/srv'/><target dir='t'/></filesystem>",
    "filesystem socket": "<filesystem type='mount'><driver type='virtiofs'/><source socket='/run/v'/><target dir='t'/></filesystem>",
    **{f"controller {kind} {model}": f"<controller type='{kind}' index='{7 if kind == 'pci' else 0}'{f' model={model!r}' if model else ''}/>" for kind, models in CONTROLLERS.items() for model in models},
    "controller scsi driver": "<controller type='scsi' index='0' model='virtio-scsi'><driver queues='4' cmd_per_lun='5' max_sectors='512' ioeventfd='off'/></controller>",
    "controller serial ports": "<controller type='virtio-serial' index='0' ports='16' vectors='4'/>", "controller usb ports": "<controller type='usb' index='0' model='qemu-xhci' ports='8'/>",
    "controller hole": "<controller type='pci' index='0' model='pcie-root'><pcihole64 unit='KiB'>1048576</pcihole64></controller>",
    "controller root port": "<controller type='pci' index='1' model='pcie-root-port'><model name='pcie-root-port'/><target chassis='1' port='0x10' hotplug='off'/></controller>",
    "smartcard": "<smartcard mode='host'/>", "smartcard passthrough": "<smartcard mode='passthrough' type='spicevmc'/>", "hub": "<hub type='usb'/>", "lease": "<lease><lockspace>s</lockspace><key>k</key><target path='/l'/></lease>",
    "nvram": "<nvram/>", "crypto": "<crypto model='virtio' type='qemu'><backend model='builtin' queues='1'/></crypto>", "pstore": "<pstore backend='acpi-erst'><path>/p</path><size unit='KiB'>64</size></pstore>",
    "emulator": "<emulator>/usr/bin/qemu-system-x86_64</emulator>", "strange device": "<flux capacity='1.21'/>",
}  # fmt: skip

PARTS: dict[str, dict[str, str]] = {
    **{f"machine {machine}": {"os": os_("", machine)} for machine in ("pc", "q35", "pc-i440fx-9.2", "pc-q35-9.2", "pc-i440fx-2.11", "pc-q35-4.0", "pc-q35-rhel9.4.0", "microvm", "isapc", "pc-i440fx-noble", "pc-1.0")},
    "arch i686": {"os": "<os><type arch='i686' machine='pc'>hvm</type></os>"}, "arch aarch64": {"os": "<os><type arch='aarch64' machine='virt-9.2'>hvm</type></os>"},
    "os boot": {"os": os_("<boot dev='network'/><boot dev='hd'/>"), "devices": disk() + nic("")}, "os bootmenu": {"os": os_("<bootmenu enable='yes' timeout='3000'/>")},
    "os bios": {"os": os_("<bios useserial='yes' rebootTimeout='0'/>")}, "os smbios": {"os": os_("<smbios mode='sysinfo'/>"), "rest": "<sysinfo type='smbios'><bios><entry name='vendor'>V</entry></bios><system>"
        "<entry name='manufacturer'>M</entry><entry name='product'>P, x</entry><entry name='version'>1</entry><entry name='serial'>S</entry><entry name='uuid'>" + UUID + "</entry><entry name='sku'>K</entry>"
        "<entry name='family'>F</entry></system><baseBoard><entry name='serial'>B</entry></baseBoard><chassis><entry name='asset'>A</entry></chassis><oemStrings><entry>O</entry></oemStrings></sysinfo>"},
    "os smbios host": {"os": os_("<smbios mode='host'/>")}, "os fwcfg": {"rest": "<sysinfo type='fwcfg'><entry name='opt/a'>b</entry><entry name='opt/f' file='/f'/></sysinfo>"},
    "os kernel": {"os": os_("<kernel>/k</kernel><initrd>/i</initrd><cmdline>console=ttyS0 a=b</cmdline><dtb>/d</dtb>")}, "os init": {"os": os_("<init>/sbin/init</init>")},
    "os acpi table": {"os": os_("<acpi><table type='slic'>/s</table></acpi>")}, "os efi": {"os": os_("", more=" firmware='efi'")},
    "os efi secure": {"os": os_("<firmware><feature enabled='yes' name='secure-boot'/><feature enabled='yes' name='enrolled-keys'/></firmware>", more=" firmware='efi'"), "features": feature("<smm state='on'/>")},
    "os efi no keys": {"os": os_("<firmware><feature enabled='no' name='enrolled-keys'/></firmware>", more=" firmware='efi'")}, "os bios firmware": {"os": os_("", more=" firmware='bios'")},
    "os loader": {"os": os_("<loader readonly='yes' secure='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.secboot.fd</loader><nvram template='/usr/share/OVMF/OVMF_VARS_4M.ms.fd'>/n.fd</nvram>"), "features": feature("<smm state='on'/>")},
    "os loader plain": {"os": os_("<loader readonly='yes' type='pflash' format='qcow2'>/x/CODE.qcow2</loader><nvram format='qcow2'>/n.qcow2</nvram>")}, "os rom": {"os": os_("<loader type='rom'>/r.bin</loader>")},
    "os nvram source": {"os": os_("<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader><nvram type='block'><source dev='/dev/vg/vars'/></nvram>")},
    **{f"feature {text}": {"features": feature(text)} for text in (
        "<pae/>", "<hap state='on'/>", "<privnet/>", "<viridian/>", "<pvspinlock state='on'/>", "<pmu state='off'/>", "<vmport state='off'/>", "<vmport state='on'/>", "<smm state='on'/>",
        "<smm state='on'><tseg unit='MiB'>48</tseg></smm>", "<ioapic driver='qemu'/>", "<ioapic driver='kvm'/>", "<hpt resizing='required'/>", "<htm state='on'/>", "<nested-hv state='on'/>", "<vmcoreinfo state='on'/>",
        "<kvm><hidden state='on'/></kvm>", "<kvm><hint-dedicated state='on'/><poll-control state='on'/><pv-ipi state='off'/><dirty-ring state='on' size='4096'/></kvm>", "<msrs unknown='ignore'/>", "<ps2 state='off'/>",
        "<tcg><tb-cache unit='MiB'>128</tb-cache></tcg>", "<async-teardown enabled='yes'/>", "<aia value='aplic'/>", "<gic version='3'/>", "<xen><e820_host state='on'/></xen>", "<cfpc value='broken'/>",
        *(f"<hyperv><{name} state='on'/></hyperv>" for name in HYPERV), "<hyperv mode='passthrough'/>", "<hyperv><spinlocks state='on' retries='8191'/></hyperv>", "<hyperv><spinlocks state='on' retries='4096'/></hyperv>",
        "<hyperv><vendor_id state='on' value='acme'/></hyperv>", "<hyperv><stimer state='on'><direct state='on'/></stimer></hyperv>",
        "<hyperv><tlbflush state='on'><direct state='on'/><extended state='on'/></tlbflush></hyperv>", "<hyperv><relaxed state='off'/></hyperv>")},
    "no features": {"features": ""}, "no acpi": {"features": "<features><apic/></features>"}, "apic eoi": {"features": "<features><acpi/><apic eoi='on'/></features>"},
    **{f"cpu {text}": {"cpu": text} for text in (
        cpu(), cpu(head="mode='host-passthrough' migratable='off' check='none'"), cpu(head="mode='host-model' check='partial'"), cpu(head="mode='maximum'"),
        *(cpu(f"<model fallback='{fallback}'>{model}</model>", f"mode='custom' match='{match}' check='{check}'") for model in ("qemu64", "kvm64", "EPYC-Rome", "Skylake-Server-IBRS", "Nehalem", "base", "Unheard-Of")
          for fallback, match, check in (("forbid", "exact", "none"), ("allow", "minimum", "full"))), cpu("<model>Haswell</model>", "mode='custom' match='strict'"),
        *(cpu(f"<feature policy='{policy}' name='aes'/>") for policy in ("force", "require", "optional", "disable", "forbid")), cpu("<feature policy='require' name='no-such'/>"),
        cpu("<topology sockets='1' cores='2' threads='1'/>"), cpu("<topology sockets='1' cores='1' threads='2'/>"), cpu("<topology sockets='2' dies='1' cores='1' threads='1'/>"),
        cpu("<topology sockets='1' dies='2' clusters='1' cores='1' threads='1'/>"), cpu("<cache mode='passthrough'/>"), cpu("<cache level='3' mode='emulate'/>"), cpu("<cache mode='disable'/>"),
        cpu("<maxphysaddr mode='passthrough'/>"), cpu("<maxphysaddr mode='emulate' bits='42'/>"), cpu("<maxphysaddr mode='passthrough' limit='40'/>"), cpu("<vendor>Intel</vendor>"), cpu("<model vendor_id='GenuineQEMU'>Nehalem</model>", "mode='custom'"))},
    **{f"cells {text}": {"cpu": cpu(f"<numa>{text}</numa>")} for text in (
        "<cell id='0' cpus='0-1' memory='1024' unit='MiB'/>", "<cell id='0' cpus='0' memory='512' unit='MiB'/><cell id='1' cpus='1' memory='512' unit='MiB'/>",
        "<cell id='0' cpus='0-1' memory='1024' unit='MiB' memAccess='shared' discard='yes'/>", "<cell id='0' cpus='0-1' memory='512' unit='MiB'/><cell id='1' memory='512' unit='MiB'/>",
        "<cell id='0' cpus='0' memory='512' unit='MiB'><distances><sibling id='0' value='10'/><sibling id='1' value='21'/></distances></cell><cell id='1' cpus='1' memory='512' unit='MiB'/>")},
    **{f"memory {text}": {"memory": text} for text in (
        "<memory>524288</memory>", "<memory unit='b'>536870912</memory>", "<memory unit='bytes'>536870912</memory>", "<memory unit='KB'>524288</memory>", "<memory unit='MB'>512</memory>", "<memory unit='GiB'>1</memory>",
        "<memory unit='G'>1</memory>", "<memory unit='TiB'>1</memory>", "<memory unit='GB'>1</memory>", "<memory unit='KiB'>524289</memory>", "<memory unit='MiB' dumpCore='off'>512</memory>",
        "<memory unit='MiB'>512</memory><currentMemory unit='MiB'>256</currentMemory>", "<maxMemory slots='16' unit='GiB'>4</maxMemory><memory unit='MiB'>1024</memory>", "<currentMemory unit='MiB'>256</currentMemory>")},
    **{f"vcpu {text}": {"vcpu": text} for text in ("<vcpu>1</vcpu>", "<vcpu current='1'>4</vcpu>", "<vcpu cpuset='0-3,^2'>4</vcpu>", "<vcpu placement='auto'>2</vcpu>", "",
       "<vcpu current='1'>2</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='no' order='1'/><vcpu id='1' enabled='no' hotpluggable='yes'/></vcpus>")},
    **{f"rest {text}": {"rest": text} for text in (
        "<title>A title</title>", "<description>One&#10;two</description>", f"<genid>{UUID}</genid>", "<genid/>", "<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>",
        "<on_reboot>destroy</on_reboot>", "<on_poweroff>preserve</on_poweroff>", "<on_crash>coredump-restart</on_crash>", "<on_lockfailure>poweroff</on_lockfailure>",
        "<pm><suspend-to-mem enabled='yes'/><suspend-to-disk enabled='no'/></pm>", "<pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='yes'/></pm>",
        *(f"<clock offset='{offset}'/>" for offset in ("utc", "localtime", "timezone' timezone='Europe/Paris", "variable' adjustment='3600' basis='utc", "variable' adjustment='-60' basis='localtime", "absolute' start='1700000000")),
        *(f"<clock offset='utc'><timer {timer}/></clock>" for timer in ("name='rtc' tickpolicy='catchup'", "name='rtc' tickpolicy='delay' track='guest'", "name='pit' tickpolicy='delay'", "name='pit' tickpolicy='discard'",
          "name='hpet' present='no'", "name='hpet' present='yes'", "name='tsc' frequency='3504000000' mode='native'", "name='kvmclock' present='no'", "name='hypervclock' present='yes'", "name='platform'", "name='armvtimer' tickpolicy='discard'")),
        "<memoryBacking><hugepages/></memoryBacking>", "<memoryBacking><hugepages><page size='1' unit='G'/></hugepages></memoryBacking>", "<memoryBacking><hugepages><page size='2048' unit='KiB' nodeset='0'/></hugepages></memoryBacking>",
        "<memoryBacking><nosharepages/><locked/></memoryBacking>", "<memoryBacking><source type='memfd'/><access mode='shared'/><allocation mode='immediate' threads='2'/><discard/></memoryBacking>",
        "<memtune><hard_limit unit='GiB'>4</hard_limit><soft_limit unit='GiB'>2</soft_limit><swap_hard_limit unit='GiB'>5</swap_hard_limit></memtune>", "<blkiotune><weight>800</weight></blkiotune>",
        "<numatune><memory mode='strict' nodeset='0'/></numatune>", "<numatune><memory mode='preferred' placement='auto'/></numatune>",
        *(f"<cputune><{name}>{value}</{name}></cputune>" for name, value in (("shares", 2048), ("shares", 100), ("period", 100000), ("quota", 150000), ("global_period", 100000), ("global_quota", 150000), ("emulator_period", 100000),
          ("emulator_quota", 10000), ("iothread_period", 100000), ("iothread_quota", 10000))), "<cputune><global_period>100000</global_period><global_quota>150000</global_quota></cputune>",
        "<cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='2-3'/><emulatorpin cpuset='0'/></cputune>", "<cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='1'/></cputune>",
        "<iothreads>2</iothreads>", "<iothreads>2</iothreads><cputune><iothreadpin iothread='1' cpuset='2'/></cputune>", "<iothreadids><iothread id='4' thread_pool_min='1' thread_pool_max='8'><poll max='32768' grow='2' shrink='2'/></iothread></iothreadids>",
        "<cputune><vcpusched vcpus='0' scheduler='fifo' priority='1'/><emulatorsched scheduler='idle'/></cputune>", "<cputune><cachetune vcpus='0'><cache id='0' level='3' type='both' size='3' unit='MiB'/></cachetune></cputune>",
        "<resource><partition>/machine/prod</partition></resource>", "<perf><event name='cmt' enabled='yes'/></perf>", "<seclabel type='dynamic' model='selinux' relabel='yes'/>", "<keywrap><cipher name='aes' state='off'/></keywrap>",
        "<launchSecurity type='sev'><cbitpos>47</cbitpos><reducedPhysBits>1</reducedPhysBits><policy>0x0001</policy></launchSecurity>", "<launchSecurity type='sev-snp' kernelHashes='yes'><policy>0x00030000</policy></launchSecurity>",
        "<launchSecurity type='sev'><policy>0x0007</policy><dhCert>c</dhCert><session>s</session></launchSecurity>", "<launchSecurity type='tdx'><policy>0x10000001</policy></launchSecurity>", "<launchSecurity type='s390-pv'/>",
        "<commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'><arg value='-device'/><arg value='pvpanic'/></commandline>", "<metadata><x:y xmlns:x='urn:x'>z</x:y></metadata>", "<idmap><uid start='0' target='1' count='1'/></idmap>",
        "<bootloader>/b</bootloader>", "<defaultiothread thread_pool_min='1'/>", "<unheard of='1'/>")},
    "disk iothread": {"devices": driver("iothread='1'"), "rest": "<iothreads>2</iothreads>"},
    "disk iothread unknown": {"devices": driver("iothread='7'"), "rest": "<iothreads>2</iothreads>"},
    "disk iothreads": {"devices": driver("queues='2'").replace("queues='2'/>", "queues='2'><iothreads><iothread id='1'/><iothread id='2'/></iothreads></driver>"), "rest": "<iothreads>2</iothreads>"},
    "disk scsi iothread": {"devices": disk(bus="scsi", dev="sda") + "<controller type='scsi' index='0' model='virtio-scsi'><driver iothread='1'/></controller>", "rest": "<iothreads>1</iothreads>"},
    **{f"launchSecurity {text}": {"os": os_("", more=" firmware='efi'"), "rest": f"<launchSecurity type={text}</launchSecurity>"} for text in (
        "'sev'><cbitpos>51</cbitpos><reducedPhysBits>1</reducedPhysBits><policy>0x0001</policy>", "'sev'><policy>0x0007</policy>", "'sev' kernelHashes='yes'><policy>0x0003</policy>",
        "'sev-snp'><policy>0x00030000</policy>", "'sev-snp'><policy>0x000b0000</policy>", "'tdx'><policy>0x10000001</policy>", "'tdx'><policy>0x0</policy><quoteGenerationService path='/q'/>")},
    "commandline": {"rest": "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-device'/><qemu:arg value='pvpanic'/><qemu:env name='A' value='b'/></qemu:commandline>"},
    "override": {"devices": disk("<alias name='ua-d'/>"), "rest": "<qemu:override xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:device alias='ua-d'><qemu:frontend><qemu:property name='num-queues' type='unsigned' value='3'/>"
                 "</qemu:frontend></qemu:device></qemu:override>"},
}  # fmt: skip

DOMAINS: dict[str, str] = {
    **{name: domain(devices=text) for name, text in DEVICES.items()},
    **{f"{name} on i440fx": domain(os=os_("", "pc-i440fx-9.2"), devices=text) for name, text in DEVICES.items()
       if name.split()[0] in ("controller", "watchdog", "sound", "cdrom", "floppy", "hostdev", "video", "panic", "channel")},
    **{name: domain(**parts) for name, parts in PARTS.items()},
}  # fmt: skip
