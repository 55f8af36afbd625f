"""What a libvirt host says that it can do."""

from __future__ import annotations

OFFERED = """<domainCapabilities><os><loader supported='yes'><value>/usr/share/OVMF/OVMF_CODE_4M.fd</value>
<enum name='type'><value>rom</value><value>pflash</value></enum></loader></os><cpu><mode name='host-passthrough' supported='yes'/>
<mode name='maximum' supported='no'/>
<mode name='custom' supported='yes'><model usable='yes'>qemu64</model><model usable='no'>EPYC</model><model usable='no'>Denverton</model>
<blockers model='EPYC'><feature name='sha-ni'/><feature name='svm'/></blockers></mode></cpu><devices>
<disk supported='yes'><enum name='bus'><value>virtio</value><value>scsi</value></enum></disk><tpm supported='no'/>
</devices></domainCapabilities>"""

OF_HOST = """<capabilities><guest><arch name='x86_64'><machine>pc-q35-9.2</machine><machine>pc-q35-10.0</machine><machine>pc</machine>
<domain type='kvm'><machine>pc-i440fx-9.2</machine></domain></arch></guest>
<guest><arch name='aarch64'><machine>virt-9.2</machine></arch></guest>
</capabilities>"""
