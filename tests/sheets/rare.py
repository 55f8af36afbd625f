"""What hardly anybody says, and the code has a word for all the same: domains, command lines and configs."""

from __future__ import annotations

from tests.sheets.domains import cpu, disk, domain, driver, feature, nic, os_
from tests.sheets.lines import BLOCK, FILE, SCSI

_SOURCE = "<source mode='bind' path='/run/s'/>"
_PORT = "<target type='virtio' name='{}'/>"
_LUN = "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host{0}'/><address bus='0' target='0' unit='{0}'/></source></hostdev>"
_QEMU = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"

_DEVICES: dict[str, str] = {
    "shmem": "<shmem name='s'><model type='ivshmem-plain'/></shmem>",
    "shmem of a size": "<shmem name='s' role='master'><model type='ivshmem-plain'/><size unit='K'>4100</size></shmem>",
    "shmem peer, and a second": "<shmem name='s' role='peer'><model type='ivshmem-plain'/><size unit='M'>8</size></shmem>"
                                "<shmem name='t'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>",
    "rng builtin with a rate": "<rng model='virtio'><backend model='builtin'/><rate bytes='64'/></rng>",
    "rng egd": f"<rng model='virtio'><rate bytes='64' period='500'/><backend model='egd' type='unix'>{_SOURCE}</backend></rng>",
    "rng transitional": "<rng model='virtio-transitional'><backend model='random'/></rng>",
    "channels on chosen ports": "<channel type='pty'>" + _PORT.format("a") + "<address type='virtio-serial' controller='0' bus='0' port='1'/></channel>"
                                "<channel type='pty'>" + _PORT.format("b") + "</channel><channel type='pty'>" + _PORT.format("c") + "</channel>",
    "channels of a full controller": "<controller type='virtio-serial' index='0' ports='2'/>"
                                     + "".join(f"<channel type='pty'>{_PORT.format(name)}</channel>" for name in "abc"),
    "redirdev": "<redirdev bus='usb' type='spicevmc'/><redirdev bus='usb' type='tcp'><source mode='connect' host='h' service='4000'/></redirdev>",
    "smartcard certificates": "<smartcard mode='host-certificates'><certificate>a</certificate><certificate>b</certificate>"
                              "<certificate>c</certificate><database>/etc/pki/nssdb/</database></smartcard>",
    "smartcard certificates of the usual place": "<smartcard mode='host-certificates'>" + "<certificate>a</certificate>" * 3 + "</smartcard>",
    "smartcard two certificates": "<smartcard mode='host-certificates'>" + "<certificate>a</certificate>" * 2 + "</smartcard>",
    **{f"smartcards at {slots}": "".join(f"<smartcard mode='host'>{f'''<address type='ccid' controller='0' slot='{slot}'/>''' if slot else ''}</smartcard>"
                                         for slot in slots.split(" ")) for slots in ("0 1", "1 0")},
    **{f"tpm {name}": f"<tpm model='{model}'><backend type='{kind}'>{inner}</backend></tpm>" for name, model, kind, inner in (
        ("passthrough", "tpm-tis", "passthrough", "<device path='/dev/tpm0'/>"), ("passthrough tpmrm", "tpm-crb", "passthrough", "<device path='/dev/tpmrm1'/>"),
        ("passthrough elsewhere", "tpm-tis", "passthrough", "<device path='/tmp/tpm'/>"), ("spapr", "tpm-spapr", "emulator", ""),
        ("external", "tpm-crb", "external", "<source type='unix' mode='connect' path='/run/swtpm'/>"),
        ("with its state", "tpm-tis", "emulator", "<source type='file' path='/v/state'/>"), ("with a directory", "tpm-tis", "emulator", "<source type='dir' path='/v'/>"))},
    "sound two backends": "<sound model='ich9'/><audio id='1' type='alsa'/><audio id='2' type='none'/>",
    "sound ac97 with a codec": "<sound model='ac97'><codec type='micro'/></sound>",
    "disk throttle group": disk("<iotune><total_iops_sec>100</total_iops_sec><group_name>g</group_name></iotune>"),
    "disk scsi beside a lun": disk(bus="scsi", dev="sda") + _LUN.format(3) + _LUN.format(4),
    "disk scsi with its place beside a lun": disk("<address type='drive' controller='0' bus='0' target='0' unit='1'/>", bus="scsi", dev="sdb") + _LUN.format(3),
    "disk scsi on a far channel beside a lun": disk("<address type='drive' controller='0' bus='1' target='0' unit='0'/>", bus="scsi", dev="sda") + _LUN.format(3),
    "disk sata beside a lun": disk("<address type='drive' controller='0' bus='0' target='0' unit='0'/>", bus="sata", dev="sda") + _LUN.format(3),
    "lun with its place": _LUN.format(3).replace("</hostdev>", "<address type='drive' controller='0' bus='0' target='0' unit='0'/></hostdev>") + _LUN.format(4),
    "disk of a pool without a format": disk(source="<source pool='local-lvm' volume='vm-100-disk-0'/>", type="volume").replace("<driver name='qemu' type='raw'/>", ""),
    "disk of a pool in a mode": disk(source="<source pool='iscsi' volume='unit:0:0:1' mode='direct'/>", type="volume"),
    "cdrom of qcow2": disk(bus="sata", dev="sda", device="cdrom").replace("type='raw'", "type='qcow2'"),
    "cdrom without a medium, of a format": disk(bus="sata", dev="sda", device="cdrom", source="").replace("type='raw'", "type='qcow2'"),
    "disk without a source": disk(source=""), "disk of a format of others": disk().replace("type='raw'", "type='vdi'"),
    "disk lun with a wwn": disk("<wwn>5000c50015ea71ad</wwn><vendor>QEMU</vendor><product>D</product>", bus="scsi", dev="sda", device="lun", type="block", source="<source dev='/dev/sda'/>"),
    "disk virtio with a wwn": disk("<wwn>5000c50015ea71ad</wwn><vendor>QEMU</vendor>"),
    "disk at a unit that is not there": disk("<address type='drive' controller='0' bus='0' target='0' unit='9'/>", bus="sata", dev="sdj"),
    "disk seclabel": disk(source="<source file='/i/a.img'><seclabel model='dac' relabel='no'/></source>"), "disk boot of no number": disk("<boot order='x'/>"),
    **{f"nic bandwidth {average}": nic(f"<bandwidth><inbound average='{average}'/><outbound average='{average}'/></bandwidth>") for average in (1, 3, 999, 123457, 99999999)},
    "nic vlan native": nic("<vlan trunk='yes'><tag id='42' nativeMode='tagged'/><tag id='47'/></vlan><virtualport type='openvswitch'/>"),
    "nic vlan native untagged": nic("<vlan trunk='yes'><tag id='42' nativeMode='untagged'/><tag id='47'/></vlan><virtualport type='openvswitch'/>"),
    "nic vlan native alone": nic("<vlan trunk='yes'><tag id='42' nativeMode='untagged'/></vlan><virtualport type='openvswitch'/>"),
    **{f"serial pty {name}": f"<serial type='pty'><source path='/dev/pts/4'/><target port='0'/></serial><console type='pty'{tty}>{source}<target type='serial' port='0'/></console>"
       for name, tty, source in (("with its console", " tty='/dev/pts/4'", "<source path='/dev/pts/4'/>"), ("with a tty", " tty='/dev/pts/4'", ""), ("with a path", "", "<source path='/dev/pts/4'/>"))},
    "serial unix with its console": f"<serial type='unix'>{_SOURCE}<target port='0'/></serial><console type='unix'>{_SOURCE}<target type='serial' port='0'/></console>",
    "console that connects": "<console type='unix'><source mode='connect' path='/run/t'/><target type='serial' port='0'/></console>",
    "console alone on unix": f"<console type='unix'>{_SOURCE}<target type='serial' port='0'/></console>",
    "serial tty": "<serial type='pty' tty='/dev/pts/4'><target port='0'/></serial>",
    **{f"video {model} beside others": f"<video><model type='{model}'/></video><video><model type='virtio'/></video><graphics type='vnc'/>" for model in ("cirrus", "vga", "qxl")},
    "video qxl of odd sizes": "<video><model type='qxl' ram='70000' vram='70000' vgamem='20000' vram64='140000'/></video><graphics type='spice'/>",
    "video cirrus primary": "<video><model type='cirrus' primary='yes' vram='16384'/></video>",
    "graphics vnc of two": "<graphics type='vnc'/><graphics type='vnc' port='5907' autoport='no'/>",
    "graphics spice clipboard": "<graphics type='spice'><clipboard copypaste='no'/><mouse mode='server'/></graphics><channel type='spicevmc'>" + _PORT.format("com.redhat.spice.0") + "</channel>",
    "hub with a tablet": "<hub type='usb'><address type='usb' bus='0' port='1'/></hub><input type='tablet' bus='usb'><address type='usb' bus='0' port='1.2'/></input>",
    "memory virtio-mem on a node": "<memory model='dimm'><source><pagesize unit='KiB'>2048</pagesize><nodemask>0-1</nodemask></source><target><size unit='MiB'>512</size></target></memory>",
    "filesystem with a queue": "<filesystem type='mount'><driver type='virtiofs' queue='1000'/><source dir='/srv'/><target dir='d'/></filesystem>",
    "filesystem with a long queue": "<filesystem type='mount'><driver type='virtiofs' queue='4096'/><source dir='/srv'/><target dir='d'/></filesystem>",
    **{f"iommu {model}": f"<iommu model='{model}'><driver intremap='on' caching_mode='on' aw_bits='48'/></iommu>" for model in ("intel", "amd", "virtio", "smmuv3")},
    "hostdev on a multifunction device": "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='7' slot='0x10' function='0'/></source>"
        "<address type='pci' domain='0' bus='0' slot='0x10' function='0' multifunction='on'/></hostdev><hostdev mode='subsystem' type='pci' managed='yes'>"
        "<source><address domain='0' bus='7' slot='0x10' function='1'/></source><rom bar='off'/><address type='pci' domain='0' bus='0' slot='0x10' function='1'/></hostdev>",
    "nic offloads off": nic("<driver name='vhost'><host csum='off' gso='off' tso4='off' tso6='off' ecn='off' ufo='off' mrg_rxbuf='off'/>"
                            "<guest csum='off' tso4='off' tso6='off' ecn='off' ufo='off'/></driver>"),
    "nic driver": nic("<driver txmode='timer' ioeventfd='on' event_idx='off' queues='4' rx_queue_size='512' tx_queue_size='512' rss='on' rss_hash_report='on'/>"),
    "filesystem of a socket": "<filesystem type='mount'><driver type='virtiofs'/><source socket='/s'/><target dir='d'/></filesystem>",
    "vsock without a model": "<vsock><cid auto='no' address='3'/></vsock>", "iommu without a model": "<iommu/>",
    **{f"hostdev usb at a port of {len(port)} characters": f"<hostdev mode='subsystem' type='usb'><source><address bus='1' port='{port}'/></source></hostdev>"
       for port in ("1" + ".1" * 15, "10" + ".1" * 15)},
    **{f"disk {bus} rotation_rate {rate}": disk(bus=bus, dev="sda").replace("<target ", f"<target rotation_rate='{rate}' ") for bus in ("virtio", "scsi", "sata") for rate in ("1", "7200")},
    **{f"video {model} second": f"<video><model type='virtio' primary='yes'/></video><video><model type='{model}'/></video>" for model in ("qxl", "vga", "virtio", "bochs", "cirrus")},
    "serial at an address": "<serial type='pty'><target type='isa-serial' port='2'/></serial><serial type='pty'><target type='isa-serial' port='0'/></serial>",
}  # fmt: skip

_PARTS: dict[str, dict[str, str]] = {
    "currentMemory more than memory": {"memory": "<memory unit='MiB'>1024</memory><currentMemory unit='MiB'>2048</currentMemory>"},
    "bios rebootTimeout": {"os": os_("<bios rebootTimeout='0'/>")}, "bootmenu off": {"os": os_("<bootmenu enable='no'/>")},
    "os without type": {"os": "<os/>"}, "on_reboot preserve": {"rest": "<on_reboot>preserve</on_reboot>"},
    "clock adjustment": {"rest": "<clock offset='variable' adjustment='3600' basis='utc'/>"},
    "clock adjustment to local time": {"rest": "<clock offset='utc' adjustment='reset'/>"},
    "loader of a form": {"os": os_("<loader readonly='yes' type='pflash' secure='yes' stateless='yes' format='qcow2'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>")},
    "loader that is a rom": {"os": os_("<loader type='rom'>/b.bin</loader>")}, "loader writable": {"os": os_("<loader readonly='no' type='pflash'>/c.fd</loader>")},
    "nvram block": {"os": os_("<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader><nvram type='block'><source dev='/dev/v'/></nvram>")},
    "nvram network": {"os": os_("<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader><nvram type='network'><source protocol='nbd' name='v'><host name='h'/></source></nvram>")},
    "nvram template": {"os": os_("<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader><nvram template='/t.fd' templateFormat='raw' format='qcow2'>/v.qcow2</nvram>")},
    "cpu emulate bits": {"cpu": cpu("<maxphysaddr mode='emulate'/>")}, "cpu emulate bits of a model": {"cpu": cpu("<model>qemu64</model><maxphysaddr mode='emulate'/>", "mode='custom'")},
    "cpu passthrough bits": {"cpu": cpu("<maxphysaddr mode='passthrough' limit='40'/>")}, "cpu cache level": {"cpu": cpu("<cache level='3' mode='passthrough'/>")},
    "cpu cache of two levels": {"cpu": cpu("<cache level='2' mode='emulate'/><cache level='3' mode='disable'/>")},
    "cpu doubled feature": {"cpu": cpu("<feature name='aes' policy='require'/><feature name='aes' policy='disable'/>")},
    "hyperv stimer": {"features": feature("<hyperv mode='custom'><vpindex state='on'/><synic state='on'/><stimer state='on'><direct state='on'/></stimer><spinlocks state='on' retries='8191'/></hyperv>")},
    "hyperv passthrough": {"features": feature("<hyperv mode='passthrough'/>")},
    "hyperv reset off": {"features": feature("<hyperv><reset state='off'/><vendor_id state='off' value='x'/></hyperv>")},
    "kvm features": {"features": feature("<kvm><hidden state='on'/><hint-dedicated state='on'/><poll-control state='off'/><pv-ipi state='off'/></kvm>")},
    "sysinfo zero": {"os": os_("<smbios mode='sysinfo'/>"), "rest": "<sysinfo type='smbios'><system><entry name='serial'>0</entry><entry name='unheard'>x</entry>"
                     f"<entry name='product'>{'p' * 500}</entry></system></sysinfo>"},
    "override of a model": {"devices": disk("<alias name='ua-d'/>"), "rest": f"<qemu:override {_QEMU}><qemu:device alias='ua-d'><qemu:frontend>"
        "<qemu:property name='rotation_rate' type='unsigned' value='1'/><qemu:property name='wwn' type='unsigned' value='0'/></qemu:frontend></qemu:device></qemu:override>"},
    "commandline with -set": {"devices": disk("<alias name='ua-d'/>"), "rest": f"<qemu:commandline {_QEMU}><qemu:arg value='-set'/><qemu:arg value='device.ua-d.serial=X'/>"
        "<qemu:arg value='-global'/><qemu:arg value='virtio-blk-pci.serial=Y'/></qemu:commandline>"},
    "launchSecurity tdx with ids": {"os": os_("", more=" firmware='efi'"), "rest": "<launchSecurity type='tdx'><policy>0x10000001</policy><mrConfigId>a</mrConfigId><mrOwner>b</mrOwner></launchSecurity>"},
    "emulatorpin and iothreadpin": {"rest": "<vcpu placement='static' cpuset='0-3'>2</vcpu><iothreads>1</iothreads><cputune><vcpupin vcpu='0' cpuset='1'/><emulatorpin cpuset='2-3'/>"
                                            "<iothreadpin iothread='1' cpuset='3'/><vcpupin vcpu='9' cpuset='1'/></cputune>", "devices": driver("iothread='1'")},
    "numatune": {"cpu": cpu("<numa><cell id='0' cpus='0' memory='512' unit='MiB'/><cell id='1' cpus='1' memory='512' unit='MiB'><distances><sibling id='0' value='21'/></distances></cell></numa>"),
                 "rest": "<numatune><memory mode='strict' nodeset='0'/><memnode cellid='1' mode='preferred' nodeset='1'/></numatune>"},
    "more CPUs than the usual interrupts reach": {"rest": "<vcpu>300</vcpu>"},
    "more CPUs than the usual interrupts reach, with an iommu": {"rest": "<vcpu>300</vcpu>", "devices": "<iommu model='intel'/>"},
    "iommu intremap": {"devices": "<iommu model='intel'><driver intremap='on'/></iommu>", "features": "<features><acpi/></features>"},
    "cells without memory": {"cpu": cpu("<numa><cell id='0' cpus='0'/></numa>")},
    "cells of an odd unit": {"cpu": cpu("<numa><cell id='0' cpus='0-1' memory='1' unit='GB'/></numa>")},
    "cells and a dimm without a size": {"cpu": cpu("<numa><cell id='0' cpus='0-1' memory='512' unit='MiB'/></numa>"), "devices": "<memory model='dimm'><target/></memory>"},
    "features twice": {"features": feature("<hyperv><relaxed state='on'/><relaxed state='off'/></hyperv>")},
    "kvm features twice": {"features": feature("<kvm><hidden state='on'/><hidden state='off'/></kvm>")},
    "dimm in a domain without nodes": {"memory": "<maxMemory slots='4' unit='MiB'>4096</maxMemory><memory unit='MiB'>1536</memory>",
                                       "devices": "<memory model='dimm'><target><size unit='MiB'>512</size></target></memory>"},
    "hugepages of two sizes": {"rest": "<memoryBacking><hugepages><page size='2048' unit='KiB' nodeset='0'/><page size='1048576' unit='KiB' nodeset='1'/></hugepages></memoryBacking>",
                               "cpu": cpu("<numa><cell id='0' cpus='0' memory='512' unit='MiB'/><cell id='1' cpus='1' memory='1024' unit='MiB'/></numa>")},
}  # fmt: skip

DOMAINS: dict[str, str] = {
    **{name: domain(devices=text) for name, text in _DEVICES.items()},
    **{f"{name} on i440fx": domain(os=os_("", "pc-i440fx-9.2"), devices=text) for name, text in _DEVICES.items() if name.split()[0] in ("disk", "lun", "video")},
    **{name: domain(**parts) for name, parts in _PARTS.items()},
    "running": domain().replace("<domain type='kvm'", "<domain type='kvm' id='7'"),
    "without a name": domain().replace("<name>one</name>", ""),
    "two tpms": domain(devices="<tpm model='tpm-tis'><backend type='emulator'/></tpm>" * 2),
}  # fmt: skip

_UBUNTU = (
    *("trusty", "utopic", "vivid", "wily", "xenial", "yakkety", "zesty", "artful", "bionic", "cosmic", "disco", "eoan", "focal", "groovy"),
    *("hirsute", "impish", "jammy", "kinetic", "lunar", "mantic", "noble", "oracular", "plucky", "questing"),
)
_RHEL = (
    *("7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "8.0", "8.1", "8.2", "8.3", "8.4", "8.5", "8.6"),
    *("9.0", "9.2", "9.4", "9.6", "9.8", "10.0", "10.2"),
)
_NET = '{"driver":"raw","node-name":"d","file":%s}'
_DISK = "-device virtio-blk-pci,drive=d"
_SERVER = '{"type":"inet","host":"h.example","port":"%s"}'
_CHAR = "-device isa-serial,chardev=c -chardev"
_XHCI = "-device qemu-xhci,id=x"

LINES: tuple[str, ...] = (
    *(f"-M pc-i440fx-{name}" for name in _UBUNTU), *(f"-M pc-q35-rhel{version}.0" for version in _RHEL),
    *(f"-device virtio-vga -device {second}" for second in ("qxl", "qxl-vga", "virtio-gpu", "virtio-vga", "VGA", "bochs-display", "virtio-gpu-pci", "secondary-vga", "cirrus-vga")),
    "-numa node,nodeid=0 -numa node,nodeid=2 -smp 2", "-numa node,nodeid=1 -numa node,nodeid=0 -smp 2", '-drive "file=/i a,if=virtio,format=raw"', "-drive file=ssh://user:secret@h/i,if=virtio,format=raw",
    '-blockdev {"driver":"qcow2","node-name":"d","file":{"driver":"file","filename":"/a"},"backing":{"driver":"qcow2","file":{"driver":"file","filename":"/b"},'
    '"backing":{"driver":"qcow2","file":{"driver":"file","filename":"/c"}}}} ' + _DISK,
    "-serial none -device isa-serial,chardev=c -chardev socket,id=c,path=/s,server=on,wait=off", "-M pc -drive file=/i,format=raw", "-M q35 -hda /i -cdrom /d.iso", "-M isapc -net nic -net user",
    *(f"-blockdev {_NET % inner} {_DISK}" for inner in (
        '{"driver":"ssh","path":"/i","user":"u","server":{"host":"h","port":"22"}}', '{"driver":"nfs","path":"/i","server":{"type":"inet","host":"h"}}',
        '{"driver":"gluster","volume":"v","path":"i","server":[{"type":"inet","host":"h","port":"24007"},{"type":"unix","path":"/s"}]}',
        '{"driver":"gluster","volume":"v","path":"i","server":"h"}', '{"driver":"ssh","path":"/i","server":"h"}', '{"driver":"nfs","server":{"host":"h"}}',
        '{"driver":"https","url":"https://u@h.example:8443/i.iso?a=b"}', '{"driver":"ftp","url":"ftp://h/i"}', '{"driver":"http","url":"nothing"}',
        '{"driver":"nbd","server":' + _SERVER % 10809 + ',"export":"e","tls-creds":"t"}', '{"driver":"copy-on-read","file":{"driver":"file","filename":"/i"}}',
        '{"driver":"file","filename":"/i","auto-read-only":true,"discard":"unmap"}', '{"driver":"preallocate","file":{"driver":"file","filename":"/i"}}',
        '{"driver":"blkdebug","image":{"driver":"file","filename":"/i"}}', '{"driver":"host_device","filename":"/dev/sda"}')),
    '-blockdev {"driver":"qcow2","node-name":"d","discard-no-unref":true,"file":{"driver":"file","filename":"/i.qcow2"}} ' + _DISK,
    '-blockdev {"driver":"copy-on-read","node-name":"d","file":{"driver":"raw","file":{"driver":"file","filename":"/i"}}} ' + _DISK,
    '-blockdev {"driver":"throttle","node-name":"d","throttle-group":"g","file":{"driver":"file","filename":"/i"}} -object throttle-group,id=g,limits.iops-total=100,limits.iops-size=0 ' + _DISK,
    '-blockdev {"driver":"file","filename":"/i","node-name":"f","cache":{"direct":true,"no-flush":true}} -blockdev driver=raw,file=f,node-name=d ' + _DISK,
    "-drive file=nbd://h:10809/e?socket=/s,if=virtio,format=raw", "-drive file=https://h/i.iso?a=b,if=virtio,format=raw", "-drive file=ssh://u@h:22/i?host_key_check=no,if=virtio,format=raw",
    "-drive file=iscsi://h/iqn.2001-04.com.example:t/1,if=virtio,format=raw", "-drive file=gluster+unix:///v/i?socket=/s,if=virtio,format=raw", "-drive file=nfs://[2001:db8::1]/i,if=virtio,format=raw",
    f"{FILE} -device virtio-scsi-pci,id=s -device scsi-generic,drive=d", f"{SCSI} -drive file=/dev/sg1,format=raw,if=none,id=d -device scsi-generic,drive=d,bus=s.0",
    f"{BLOCK} -device virtio-blk-pci,drive=d -drive file=/i/b.img,if=virtio,format=raw,copy-on-read=on,cache.direct=on,cache.no-flush=on",
    "-vnc :1 -vnc :2", "-vnc :1,password=on,websocket=5700,share=force-shared", "-vnc unix:/run/v,tls-creds=t -object tls-creds-x509,id=t,dir=/t,endpoint=server",
    "-vnc :1,audiodev=a -audiodev alsa,id=a", "-spice port=5900,password=x,tls-port=5901,image-compression=off,streaming-video=filter,agent-mouse=off",
    "-spice unix=on,addr=/run/spice,gl=on,rendernode=/dev/dri/renderD128", "-display gtk,full-screen=on", "-display sdl,full-screen=off", "-display egl-headless,rendernode=/dev/dri/renderD128",
    "-display dbus,p2p=on", "-display dbus,addr=unix:path=/b,audiodev=a -audiodev none,id=a", "-spice port=5900,disable-copy-paste=on,disable-agent-file-xfer=on",
    *(f"{_CHAR} {chardev},id=c" for chardev in ("socket,path=/s,reconnect=5", "socket,path=/s,reconnect-ms=1500", "socket,path=/s,reconnect=0", "file,path=/l,logfile=/m,logappend=on",
        "dbus,name=a", "spiceport,name=a", "socket,host=h,port=1,tls-creds=t", "qemu-vdagent,mouse=on,clipboard=off", "hub,chardevs.0=a", "udp,host=h,port=1,localaddr=l,localport=2,ipv4=on")),
    "-netdev user,id=n,ipv6-prefix=fec0::,ipv6-prefixlen=64 -device virtio-net-pci,netdev=n,mac=52:54:00:00:00:01", "-netdev tap,id=n,queues=4,vhost=on -device virtio-net-pci,netdev=n,mq=on",
    "-netdev vhost-user,id=n,chardev=c,queues=2 -chardev socket,id=c,path=/s,reconnect=1,logfile=/l -device virtio-net-pci,netdev=n",
    "-device virtio-net-pci,netdev=n,failover_pair_id=ua-p,mac=52:54:00:00:00:01 -netdev user,id=n", "-netdev l2tpv3,id=n,src=1,dst=2,txsession=1 -device e1000,netdev=n",
    "-object cryptodev-backend-builtin,id=c,queues=2 -device virtio-crypto-pci,cryptodev=c", "-object cryptodev-backend-builtin,id=c -device virtio-crypto-pci,cryptodev=c,bogus=1",
    "-object memory-backend-file,id=m,mem-path=/p,size=128K,share=on -device acpi-erst,memdev=m", "-device isa-fdc,driveA=d -drive file=/f.img,format=raw,if=none,id=d",
    "-fsdev local,id=f,path=/srv,security_model=mapped-xattr,writeout=immediate -device virtio-9p-pci,fsdev=f,mount_tag=t", "-fsdev local,id=f,path=/srv,security_model=none,fmode=0600 -device virtio-9p-pci,fsdev=f,mount_tag=t",
    "-chardev socket,id=c,path=/run/virtiofsd -device vhost-user-fs-pci,chardev=c,tag=t,queue-size=1024 -object memory-backend-memfd,id=m,size=1024M,share=on -numa node,memdev=m",
    f"{_XHCI} -device usb-host,hostbus=1,hostaddr=4,bus=x.0", f"{_XHCI} -device usb-audio,audiodev=a -audiodev pa,id=a,server=/s,out.frequency=48000", "-device ich9-intel-hda -device hda-micro,audiodev=a,bogus=1 -audiodev none,id=a",
    "-device virtio-gpu-pci,bogus=1", "-device virtio-blk-pci-non-transitional,drive=d " + FILE, "-device virtio-net-pci-transitional,netdev=n -netdev user,id=n", "-device virtio-rng-pci-non-transitional",
    "-device ivshmem-plain,memdev=m -object memory-backend-file,id=m,mem-path=/dev/shm/x,size=1M,share=on", "-device tpm-tis,tpmdev=t -tpmdev passthrough,id=t", "-cpu host,guest-phys-bits=40",
    "-cpu host,host-phys-bits-limit=40,guest-phys-bits=48", "-smp 2,maxcpus=4 -device host-x86_64-cpu,socket-id=2,core-id=0,thread-id=0,id=c", "-m 1024M -object memory-backend-ram,id=a,size=100000K -machine memory-backend=a",
    "-m 1000500K", "-numa node -numa node -smp 2", "-numa node,mem=1G,nodeid=3", "-name 'a b_c.d'", "-name x" + "y" * 300, "-name ___", "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
    "-device pcie-root-port,id=r,addr=300", "-device e1000,addr=ff", "-device virtio-balloon-pci,addr=3.9", "-rtc base=utc -kernel relative/k", "-append x -initrd /i", "-drive file=/i,if=ide,format=raw,werror=x" + "y" * 80,
)  # fmt: skip

_SCSI_MANY = "".join(f"scsi{n}: local-lvm:vm-100-disk-{n},size=1G\n" for n in range(31))
_CARD = "hostpci0: 0000:07:10.4,pcie=1\n"

CONFIGS: dict[str, str] = {
    **{f"qm create {words}": f"qm create 100 --memory 512 {words}\n" for words in (
        "--cdrom local:iso/a.iso", "--cdrom none,media=cdrom", "--ide2 local:iso/a.iso,media=cdrom --boot order=ide2", "--description 'a b' --args '-device pvpanic'", "--scsi0 local-lvm:8")},
    "shared memory in words": "memory: current=2048\nvirtiofs0: share\n", "shared memory": "memory: 2048\nvirtiofs0: share\n", "shared memory of the usual size": "virtiofs0: share\n",
    "shared memory on nodes": "memory: current=2048\nnuma: 1\nvirtiofs0: share\n", "a lone 0 as description": "description: 0\n", "cdrom": "cdrom: local:iso/a.iso,media=cdrom\n",
    "as many disks as there are letters, and more": _SCSI_MANY, "disks on every bus": _SCSI_MANY + "virtio0: local-lvm:vm-100-disk-40,size=1G\nsata0: local-lvm:vm-100-disk-41,size=1G\n",
    **{f"card of machine {version}": f"machine: pc-q35-{version}\n{_CARD}" for version in ("2.12", "3.1", "4.0", "8.1")},
    "template that cannot run": "template: 1\nmachine: pc-q35-99.0\nscsi0: local-lvm:base-100-disk-0,size=1G\n", "template": "template: 1\nscsi0: local-lvm:base-100-disk-0,size=1G\nide2: none,media=cdrom\n",
    "threads with an affinity alone": "iothreads: affinity=1\n", "cpus on none": "affinity: 0\n", "more cpus than there are": "cores: 2\nvcpus: 4\n",
    **{f"watchdog {action}": f"watchdog: model=i6300esb,action={action}\n" for action in ("reset", "shutdown", "poweroff", "pause", "debug", "none")},
    "net user with all": "net0: virtio=BC:24:11:00:00:01,tag=5,trunks=6;7\n", "net ne2k_isa": "net0: ne2k_isa=BC:24:11:00:00:01\n", "net of Open vSwitch": "net0: virtio=BC:24:11:00:00:01,bridge=ovs0,tag=5,trunks=6;7\n",
    "keyboard of spice": "vga: qxl\nkeyboard: de\n", "parallel": "parallel0: /dev/usb/lp0\n", "serial of arm": "arch: aarch64\nbios: ovmf\nserial0: socket\n", "pdpe1gb": "cpu: x86-64-v2-AES,phys-bits=42\n",
    "cpu level on arm": "arch: aarch64\ncpu: host,level=30\n", "phys bits of the host": "cpu: kvm64,phys-bits=host\n", "smbios in base64": "smbios1: base64=1,manufacturer=QUI=,serial=\n",
    "description of many lines": "#a\n#b%3A\n", "keys without a meaning": "unheard: 1\nlock: backup\n", "rbd": "scsi0: ceph:vm-100-disk-0,cache=writeback\nefidisk0: ceph:vm-100-disk-1,size=4M\nbios: ovmf\n",
    "virtiofs of metadata": "virtiofs0: share,cache=metadata\n", "hugepages and nodes": "numa: 1\nhugepages: 2\nmemory: 2048\nnuma0: cpus=0,hostnodes=0,memory=1024,policy=bind\nnuma1: cpus=1,hostnodes=1,memory=1024,policy=bind\ncores: 2\n",
    "hotplugged dimms": "hotplug: memory\nnuma: 1\nmemory: 6144\nhugepages: 1024\ncores: 2\n", "virtio-gl and a second": "vga: virtio-gl\nhostpci0: 0000:07:10.4,x-vga=1,pcie=1\nmachine: q35\n", "cloud-init": "ide2: local-lvm:cloudinit\nciuser: u\nsshkeys: a\n",
}  # fmt: skip
