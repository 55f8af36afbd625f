qemu-system-x86_64 -enable-kvm -m 8G -cpu Penryn,kvm=on,vendor=GenuineIntel,+invtsc,vmware-cpuid-freq=on,+ssse3,+sse4.2,+popcnt,+avx,+aes,+xsave,+xsaveopt,check -machine q35 -smp 4,cores=2,sockets=1
-device usb-ehci,id=ehci -device usb-kbd,bus=ehci.0 -device usb-tablet,bus=ehci.0 -device isa-applesmc,osk=a-key-of-sixty-four-characters -smbios type=2 -device ich9-intel-hda -device hda-duplex -device ich9-ahci,id=sata
-drive if=pflash,format=raw,readonly=on,file=/srv/mac/OVMF_CODE.fd -drive if=pflash,format=raw,file=/srv/mac/OVMF_VARS-1024x768.fd
-drive id=Loader,if=none,snapshot=on,format=qcow2,file=/srv/mac/Loader.qcow2 -device ide-hd,bus=sata.2,drive=Loader -drive id=System,if=none,file=/srv/mac/system.img,format=qcow2 -device ide-hd,bus=sata.4,drive=System
-netdev user,id=net0,hostfwd=tcp::2222-:22 -device vmxnet3,netdev=net0,id=net0,mac=52:54:00:78:00:05 -monitor stdio -device vmware-svga -global nec-usb-xhci.msi=off -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off
