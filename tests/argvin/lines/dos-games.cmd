qemu-system-i386 -m 16 -cpu 486 -hda /srv/dos/c.img -fda /srv/dos/boot.img -boot a -vga cirrus -device sb16,audiodev=snd -device adlib,audiodev=snd -audiodev alsa,id=snd -rtc base=localtime -net none
