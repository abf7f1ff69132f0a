#!/usr/bin/env bash
# A 32-bit Wine for the program that is for Server 2003. It comes with a Debian for i386 in a folder
# of its own, so that this system needs no second architecture. As root.
#   wine32.sh make FOLDER            fetches it, once: 1 GB
#   wine32.sh run FOLDER COMMAND…    wine and wineserver are those of FOLDER; it sees this checkout
#                                    and /tmp
# SPDX-License-Identifier: Apache-2.0
set -eu

[ $# -ge 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2; }
readonly verb=$1
mkdir -p "$2"
root=$(cd "$2" && pwd)
tree=$(cd "$(dirname "$0")/../.." && pwd)
readonly root tree

make_root() {
    [ -f "$root/.made-1" ] && return
    rm -rf "${root:?}"/*
    debootstrap --arch=i386 --variant=minbase --include=wine,wine32,libgnutls30,ca-certificates \
        bookworm "$root" http://deb.debian.org/debian || { tail -n 5 "$root/debootstrap/debootstrap.log"; exit 1; }
    touch "$root/.made-1"
}

# The mounts are in a name space of their own and end with the command.
run_inside() {
    if [ "${HM_WINE32_MOUNTS:-}" != 1 ]; then
        HM_WINE32_MOUNTS=1 exec unshare --mount --propagation private "$tree/tests/windows/wine32.sh" run "$root" "$@"
    fi
    unset HM_WINE32_MOUNTS
    local folder names=$root/usr/local/names name
    for folder in /tmp "$tree"; do
        mkdir -p "$root$folder"
        mount --bind "$folder" "$root$folder"
    done
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mkdir -p "$names"
    for name in wine wineserver; do
        printf '#!/bin/sh\nexec chroot "%s" /usr/bin/env -C "$PWD" PATH=/usr/bin:/bin WINEARCH=win32 %s "$@"\n' \
            "$root" "$name" >"$names/$name"
        chmod +x "$names/$name"
    done
    PATH=$names:$PATH exec "$@"
}

shift 2
case $verb in
make) make_root ;;
run) run_inside "$@" ;;
*) echo "wine32.sh: no such verb: $verb" >&2; exit 2 ;;
esac
