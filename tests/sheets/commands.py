"""What people type; `; ` stands between commands that follow each other, ` < ` before what is on stdin."""

from __future__ import annotations

COMMANDS = """\
state state -o a.save --xml web.xml; state a.save -o b
state state -o a.save --xml web.xml --paused --rename a=b
to-xml lines -o out -j 1 --from argv -q
to-xml lines -o out -j 1 -q
to-xml domains -o out -j 1 --from xml -q
to-argv 100.conf --by libvirt --host facts
to-argv domains/a.xml --by libvirt -o a.cmd; to-argv domains/a.xml --by libvirt -o a.cmd; to-argv domains/a.xml --by libvirt -o a.cmd --force
to-argv web.xml --by libvirt
to-argv 100.conf --by libvirt --fail-on note --host facts
to-argv 100.conf --by libvirt --fail-on note --report json
diff domains/a.xml 100.conf --by libvirt --host facts
diff domains/a.xml domains/a.xml
diff web.xml 100.conf --by libvirt -q
to-xml
to-xml none.conf
to-xml 100.conf -o ''
to-xml 100.conf -o none/x/y.xml
to-xml 100.conf -o web.xml
to-xml 100.conf -o web.xml/
to-xml 100.conf -o none
to-xml 100.conf --from json
to-xml 100.conf --vmid 0
to-xml 100.conf --host nowhere
to-xml 100.conf --host odd
to-xml 100.conf --host odd2
to-xml 100.conf --host-fact cpus
to-xml 100.conf --host-fact cpu=1
to-xml 100.conf --host-fact cpus=x
to-xml 100.conf --storage x
to-xml 100.conf --storage /i=a/b
to-xml 100.conf --bridge =x
to-xml 100.conf --map nowhere
to-xml 100.conf --map map2.toml
to-xml 100.conf --map map3.toml
to-xml 100.conf --libvirt x
to-xml 100.conf --qemu 1
to-xml 100.conf --machine pc
to-xml 100.conf --report x.txt
to-xml 100.conf --report none/x/y.json
to-xml 100.conf --report in.json/x
to-xml 100.conf --snapshot gone
to-xml --pid 1 100.conf
to-xml --pid 1 --from xml
to-xml --pid 4194305
to-xml --pid 4194304
to-xml in
to-xml in -o web.xml
to-xml in - -o out
to-xml in --vmid 7 -o out
to-conf in --hook h -o out
to-conf in --as qm-create -o out
to-xml 100.conf --resume
to-xml in -o out -j 0
to-argv 100.conf 101.conf --by libvirt
to-argv 100.conf -o none --by libvirt
to-conf - --vmid-from 200
to-conf web.xml --vmid-from 99
to-conf web.xml --hook none/
to-conf web.xml --hook ''
define 100.conf --dry-run -c test:///far --report x
import -c test:///full
import -c test:///full web --all
import -c test:///full --all
import -c test:///full gone -o out
diff - -
diff 100.conf
diff 100.conf none.conf
diff 100.conf 102.conf
check
check none.conf 100.conf -q
check none --fail-on x
explain x
explain storage
pin
pin none.conf
pin --set vcpu0=1
pin 100.conf
pin 200.conf
pin web.xml
pin --vmid 7 --set vcpu0
pin 7 --set vcpu0=0
pin 200.conf --qmp none
plan --to libvirt
plan 100.conf
plan --to libvirt none.conf
plan --to qemu-server web.xml --to-storage gone
show
show 102.conf
show 100.conf --html in/
show 100.conf --svg ''
state none
state 100.conf -o web.xml
state 100.conf -o out
state 100.conf -o out --xml web.xml
state 100.conf -o out --rename x
state 100.conf -o out --rename a=
state none/x -o out
options gone
to-xlm 100.conf
xyzzy
--frob
move 100.conf
move 100.conf --to test:///far
move 100 --to test:///far
move web.xml --to test:///far
move web --to 100.conf -c test:///far --timeout inf
move 100.conf --to test:///far -c test:///far
move 100.conf --to test:///far --way restore --suspend
move 100.conf --to test:///far --copy-disks --shared-images
move 100.conf --to test:///far --max-downtime 0
move 100.conf --to test:///far --timeout 0.5
move 100.conf --to test:///far --qmp gone
move 100.conf --to test
to-xml 100.conf
to-xml 100.conf --host facts
to-xml 100.conf -q
to-xml 101.conf -o a.xml -v
to-xml 101.conf -o a.xml --host facts
to-xml 101.conf -o a.xml --report json
to-xml 101.conf -o a.xml --report none
to-xml 101.conf -o a.xml --report r.json
to-xml 101.conf --output-format json -o a.xml
to-xml 100.conf --output-format json
to-xml 101.conf -o a.xml --fail-on guest
to-xml 100.conf --fail-on note --report r.json
to-xml 100.conf --fail-on note --output-format json
to-xml 100.conf --fail-on note --report json
to-xml 100.conf -o a.xml; to-xml 100.conf -o a.xml; to-xml 100.conf -o a.xml --force
to-xml 100.conf -o out/
to-xml 100.conf -o none; to-xml 100.conf -o none
to-xml 100.conf -o -
to-xml - < 100.conf
to-xml - --vmid 7 -o none < 100.conf
to-xml 101.conf --snapshot old -q
to-xml 101.conf --no-metadata -o a.xml -q
to-xml 101.conf --clean -o a.xml
to-xml 101.conf --args -o a.xml -q
to-xml 101.conf --no-args -o a.xml -q
to-xml 100.conf --vmid 7 -q
to-xml 100.conf --host facts --node-paths -q
to-xml 101.conf --machine pc-q35-9.0 -q
to-xml 100.conf --libvirt 9.0 --qemu 8.0
to-xml 101.conf --map map.toml --host facts -o a.xml -q
to-xml 101.conf --bridge vmbr7=vmbr0 --host facts -o a.xml -q
to-xml b\x1b[1m.conf
to-xml empty.conf -q
to-xml line.sh -o a.xml
to-xml cut.xml
to-xml web.xml
to-xml 100.conf --from xml
to-xml b\x1b[1m.conf --output-format json -o a.xml
to-conf web.xml
to-conf web.xml --vmid 7 -o none -q
to-conf web.xml --vmid-from 200 -o none -q; to-conf web.xml --vmid-from 200 -o none -q --force
to-conf web.xml --as qm-create -q
to-conf web.xml --as qm-create -o none -q
to-conf web.xml --args -q
to-conf web.xml --keep-layout -q
to-conf web.xml --storage /i=store --bridge default=vmbr2 -q
to-conf web.xml --map map.toml -q
to-conf web.xml --hook hook.sh -q
to-conf domains/a.xml --hook hook.sh -q
to-conf line.sh
to-conf 100.conf -q
to-xml 100.conf -o a.xml -q; to-conf a.xml -q; to-conf a.xml --trust-metadata -q
to-argv 100.conf --host facts -q
to-argv 200.conf --host facts -q
to-argv 200.conf --host facts -q --pretty
to-argv 200.conf --host facts -q --host-fact qemu_server=rfc-iothreads
to-argv web.xml -q
to-xml in -o out -j 1
to-xml in -o out -j 1 -v
to-xml in -o out -j 1 -q
to-xml in -o out -j 1 --report none
to-xml in -o out -j 1 --report json
to-xml in -o out -j 1 --report r.json
to-xml in -o out -j 1 --output-format json
to-xml in/300.conf in/301.conf -o out -j 1
to-xml in -o out -j 1 --fail-on guest
to-xml in -o out -j 1 --fail-on guest -q
to-xml in -o out -j 1 -q; to-xml in -o out -j 1; to-xml in -o out -j 1 --resume; to-xml in -o out -j 1 --force
to-conf domains -o out -j 1
to-conf domains -o out -j 1 --vmid-from 400
to-conf domains -o out -j 1 --vmid-from 400 -q; to-conf domains -o out -j 1 --vmid-from 500 -q --force
to-conf domains -o out -j 1 --from conf
check 100.conf
check 100.conf --host facts -q
check 101.conf
check 100.conf 101.conf 102.conf
check -v 101.conf
check -q 101.conf 102.conf
check --report json 101.conf 102.conf
check --report none 101.conf
check --output-format json 100.conf 102.conf
check --fail-on guest 101.conf
check --fail-on note 100.conf
check --fail-on guest 100.conf
check web.xml
check line.sh
check in
check 200.conf --host facts
check cut.xml
check none
diff 100.conf 100.conf -q
diff 100.conf 101.conf --host facts --report none
diff 100.conf web.xml -q
diff 100.conf web.xml --by model -q
diff 100.conf 101.conf --json --host facts
diff 100.conf - --output-format json < 100.conf
diff 100.conf 200.conf --backends --host facts -q
diff 100.conf b\x1b[1m.conf --host facts
diff line.sh line.sh
explain lint
explain pins moved
explain
options boot
options net scsi3
options --short
options --markdown cpu smp
options --json tpmstate0 cipassword
options --short --json
options --short --markdown vga
pin --hookscript
pin 200.conf --print --qmp none
pin domains/a.xml
show 200.conf --host facts
show 100.conf --output-format json
show web.xml -q
show 101.conf --fail-on guest -q
show 101.conf --fail-on guest --output-format json
show 100.conf --svg a.svg -q; show 100.conf --svg a.svg -q; show 100.conf --svg a.svg --html a.html --force -q
show line.sh -q
show 100.conf --report none
plan --to libvirt 100.conf --host facts --as json -q
plan --to libvirt 100.conf --host facts
plan --to libvirt 101.conf --host facts --as json
plan --to libvirt 101.conf --host facts --storage far=store --as json --copy nfs --clean
plan --to libvirt 100.conf 102.conf --host facts --keep-going -q
plan --to libvirt 100.conf 102.conf --host facts -q
plan --to libvirt 100.conf --host facts --images /srv/i --via /mnt/i --pool mine --image-format raw --as json -q
plan --to libvirt 100.conf --host facts --upload --images /srv/i -c qemu+ssh://far/system --as json -q
plan --to libvirt 100.conf --host facts --images /elsewhere -c test:///far --as json -q
plan --to libvirt 100.conf --host facts -c qemu+ssh://far/system
plan --to libvirt 100.conf --host facts --images x
plan --to libvirt 100.conf --host facts --pool a/b
plan --to libvirt 100.conf --host facts --copy gone
plan --to libvirt 100.conf --host facts --via ''
plan --to libvirt 100.conf --host facts --fail-on note
plan --to libvirt 100.conf --host facts --output-format json -q
plan --to libvirt line.sh --as json -q
plan --to libvirt 100.conf --host facts -o p.sh -q; plan --to libvirt 100.conf --host facts -o p.sh -q; plan --to libvirt 100.conf --host facts -o p.sh -q --force
plan --to libvirt in --host facts --keep-going --report none
plan --to libvirt 100.conf --host facts -c test:///far --as json -q
plan --to qemu-server web.xml --vmid-from 300 --to-host facts --to-storage store --as json -q
plan --to qemu-server web.xml domains --vmid-from 300 --to-storage new --to-path /srv/new --as json
plan --to qemu-server web.xml --to-storage thin --to-host facts
plan --to qemu-server web.xml --to-path /srv/new --to-storage 'a b'
plan --to qemu-server web.xml domains/b.xml -q
plan --to qemu-server 101.conf --host facts --to-host facts --storage far=store --as json
plan --to qemu-server 100.conf --host facts --to-host facts --copy store --config-dir /etc --swtpm-dir x
plan --to qemu-server web bad --vmid-from 300 -c test:///full --as json -q --keep-going
plan --to qemu-server web db -c test:///full --keep-going
plan --to qemu-server web bad -c test:///full
plan --to libvirt 100.conf --host facts -c test:///full
plan --to qemu-server gone -c test:///far
plan --to qemu-server web.xml --keep-layout --image-format qcow2 --bridge default=vmbr3 --as json -q
plan --to qemu-server line.sh --as json -q
completion bash
completion zsh
completion fish
define -c test:///far 100.conf
define -c test:///far 100.conf --dry-run -q
define -c test:///far 100.conf --dry-run --output-format json
define -c test:///far 100.conf --output-format json
define -c test:///far 100.conf 102.conf
define -c test:///far 100.conf 102.conf --keep-going -q
define -c test:///far 100.conf 102.conf --keep-going --output-format json
define -c test:///far 100.conf --fail-on note
define -c test:///far 100.conf --fail-on note --output-format json
define -c test:///full web.xml --replace --print-diff -q
define -c test:///full web.xml -q
define -c test:///full domains -q --keep-going
define -c test:///far domains -q
define -c test:///far 100.conf web.xml -q
define -c test:///refusing 100.conf -q
define -c test:///refusing 100.conf domains/a.xml --keep-going -q
define -c test:///unclear 100.conf --replace -q
define -c test:///refusing 100.conf --output-format json
import -c test:///full web
import -c test:///full web --vmid-from 300 -q
import -c test:///full web --vmid-from 300 --output-format json
import -c test:///full --all -o out --vmid-from 300; import -c test:///full --all -o out --vmid-from 400; import -c test:///full --all -o out --vmid-from 400 --force -q
import -c test:///full --all --keep-going -o out -q
import -c test:///full --all -o out --vmid-from 300 --dry-run -q
import -c test:///full --all -o out --vmid-from 300 --output-format json
import -c test:///full --all -o out --vmid-from 300 --dry-run --output-format json
import -c test:///full web --vmid-from 300 --fail-on guest
import -c test:///full web --vmid-from 300 --live -q
import -c test:///full db --vmid-from 300 -q
import -c test:///full off --vmid-from 300 --live -q
import -c test:///full web --vmid-from 300 --args --keep-layout --storage /i=store --bridge default=vmbr4 -q
import -c test:///full bad web --vmid-from 300 -o out --keep-going
import -c test:///full bad --vmid-from 300 --output-format json
TERM=xterm check 101.conf
TERM=xterm check -v 101.conf
TERM=xterm to-xml in -o out -j 1 --fail-on guest
TERM=xterm to-xml in -o out -j 1; to-xml in -o out -j 1 --resume
TERM=xterm diff 100.conf 101.conf --host facts -q
TERM=xterm diff 100.conf 100.conf -q
TERM=xterm options tpmstate0
TERM=xterm options vga agent
TERM=xterm show 101.conf --host facts -q
TERM=xterm check 100.conf 200.conf
TERM=xterm diff 100.conf 200.conf --backends --host facts -q
""".splitlines()
