#!/bin/sh
# A plan of virt-qm, for the host that the VMs move to. It stops at the first error; run it again, and it goes on from there.
# What is done is remembered in the directory $VIRT_QM_STATE, beside this file if unset.
set -eu
umask 022
state=${VIRT_QM_STATE:-$0.done}
mkdir -p "$state"

die() { echo "error: $*" >&2; exit 1; }

if command -v flock >/dev/null; then
  exec 9>"$state/.lock"
  flock -n 9 || die "this plan is running already"
fi

# check ABOUT COMMAND...: go on only if the command succeeds.
check() { about=$1; shift; "$@" >/dev/null 2>&1 || die "$about"; }

# todo ID ABOUT: whether the step is still to be done.
todo() { if [ -e "$state/$1" ]; then echo "done before: $2"; return 1; fi; echo "$2"; }

# free FILE: what was not made by this plan is not overwritten.
free() { if [ -e "$1" ] || [ -L "$1" ]; then die "$1 is there already, and not from this plan"; fi; }

mark() { : > "$state/$1"; }

# named FILE: a file that is whole gets its name.
named() { if [ -e "$1.part" ]; then mv "$1.part" "$1"; fi; }
