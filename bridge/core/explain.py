"""What to do about each kind of finding: the long form of the hints."""

from __future__ import annotations

from .report import KINDS, BridgeError

MEANING = {
    "guest": "The guest will see it: other hardware, another address, a device less.",
    "data": "Something must be copied, converted or named before the VM can start.",
    "host": "Host policy or speed is lost; the guest's hardware stays the same.",
    "note": "Nothing is lost; good to know.",
}

ADVICE = {
    "bad-line": "qemu-server would ignore the line too, so the VM runs without it today. Correct the line, or remove it.",
    "guest-lost": "Decide whether the guest can do without it. If not, leave the VM where it is, or carry the device by hand: `args` in a"
    " config, <qemu:commandline> in XML. Windows may ask for activation when hardware goes away.",
    "guest-changed": "Compare what was and what will be in the message. Start the VM once and look at the device in the guest.",
    "moved": "Names that the guest takes from addresses change with it: ens18, /dev/disk/by-path, device instances of Windows."
    " Check its network configuration and its fstab before the first start.",
    "invisible": "Nothing is lost by leaving it out. Put it where the guest finds it, if it was meant to be there.",
    "machine-missing": "Say what the target has with --qemu VERSION, or pick a machine that both sides have with --machine TYPE:"
    " the message names the nearest.",
    "unknown": "A newer version of virt-qm may know it. Otherwise it is left out: decide whether the guest needs it.",
    "refused": "qemu-server would say the same at start. Correct the input as the message asks.",
    "invalid": "Correct the XML where the message points. If virt-qm wrote it, this is a bug: please report it.",
    "storage-unknown": "Give the node's storage.cfg with --host DIR, or name the storage: --storage PATH-OR-POOL=STORAGE."
    " For a libvirt pool whose path is not known: --host-fact pools.POOL=PATH.",
    "import-needed": "Copy or convert the image with qemu-img convert, or on Proxmox VE with `qm disk import`, then name the new volume.",
    "firmware-state": "Copy the variables file to where the message says. Without it the firmware starts fresh: boot entries and keys"
    " are gone.",
    "tpm-state": "Copy the state of swtpm to where the message says. Without it, keys that the guest sealed are gone: have BitLocker's"
    " recovery key at hand.",
    "memory-at-risk": "Move the VM while it stands still, with --suspend, or shut it down. docs/live-move.md has what was seen.",
    "network-unknown": "Name the bridge on the other side: --bridge NETWORK=BRIDGE.",
    "resource-unknown": "Give the cluster's mapping/*.cfg with --host DIR (on a node: /etc/pve), or write the device's own address.",
    "host-lost": "Set it up again by the target's own means where you need it, as the hint says.",
    "iothread-lost": "The disks still run in iothreads. Where speed matters, compare `virt-qm show` of both sides.",
    "fallback": "A newer target can take the exact form: say so with --libvirt VERSION or --qemu VERSION.",
    "not-applied": "Do by hand what the hint says; nobody else will.",
    "lint": "Legal as it is. Correct it at the source, if it was a slip.",
    "withheld": "If you know where the XML comes from, convert it with --trust-metadata; else set what you want yourself.",
    "pending-changes": "Look at them in the config before you start the VM, or remove the section.",
    "args-off": "--args carries raw QEMU arguments over (args=True from Python). Read them first: they can open any file and any port.",
    "warning": "qemu-server prints the same when it starts the VM. Nothing changes by the conversion.",
    "assumed": "Name the fact as the hint says, if the node is another one than was taken; on a node itself it is read.",
    "ambiguous": "Check whether the reading is the one that you mean; say it outright in the input if not.",
    "metadata-only": "It comes back when the XML becomes a config again. Until then nothing acts on it.",
    "boot-picture": "Put any JPEG there, or name one: --host-fact firmware_map./usr/share/qemu-server/bootsplash.jpg=PATH. It matters to a"
    " guest whose state moves: fw_cfg files have numbers, and those behind the picture have others without it.",
    "no-live-move": "Shut the VM down for the move. Only a saved or migrating state is concerned, not the machine itself.",
    "secret-left-out": "Set the password or key again on the other side.",
    "stale-residue": "Your edit counts. What was remembered for the old value is dropped.",
    "normalised": "Nothing to do.",
    "host-state": "Nothing to do: the other side makes its own.",
    "by-args": "Read the `args` line before you start the VM, and set it as root: qemu-server checks nothing in it. The VM cannot move"
    " to a QEMU that does not know these arguments.",
    "added": "Nothing to do: the guest has the device once it runs under qemu-server, and need not use it.",
    "advice": "docs/iothreads.md says where it comes from; measure before and after. `virt-qm show` draws what there is.",
    "pins": "On a running VM: virt-qm pin FILE. At every start: the hookscript that `virt-qm pin --hookscript` prints.",
}


def explained(kind: str) -> str:
    """A paragraph about a kind. Raises BridgeError for one that is not there."""
    if kind not in KINDS:
        from difflib import get_close_matches

        near = get_close_matches(kind, KINDS, n=2, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else "`virt-qm explain` lists them"
        raise BridgeError(f"no kind of finding is called '{kind[:40]}': {hint}")
    severity, meaning = KINDS[kind]
    return f"{kind} ({severity})\n\n{meaning}\n\nSeverity {severity}: {MEANING[severity]}\n\nWhat to do: {ADVICE[kind]}\n"
