"""Sound (qemu-server 9.2.6, audio_devs)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.audio import Audio
from ..model.vm import VM
from ..passes.resolve.machine import has
from .emit import Command, pci

ROWS = (Row("device", "driver", code=True), Row("driver", "-audiodev", code=True))
TABLE = (Rows(Audio, "", ROWS),)

ID = "audiodev0"


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every kind
    audio = vm.audio
    if audio is None:
        return
    backend = f"{audio.driver}-backend0"
    to = f",audiodev={backend}" if has(vm.machine, "audiodev") else ""
    if audio.device == "AC97":
        command.device(f"AC97,id={ID}{pci(audio.address)}{to}")
    else:
        command.device(f"{audio.device},id={ID}{pci(audio.address)}")
        for n, codec in enumerate(("hda-micro", "hda-duplex")):
            command.device(f"{codec},id={ID}-codec{n},bus={ID}.0,cad={n}{to}")
    command.devices += ("-audiodev", f"{audio.driver},id={backend}")
