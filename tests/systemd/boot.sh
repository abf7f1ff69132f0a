#!/usr/bin/env bash
# Boots a folder: systemd as process 1 in net, mount, pid, uts, ipc and cgroup name spaces of its
# own. Of /proc/sys only its own net can be written; clock and modules of this machine are out of
# reach. It ends with its process 1. As root.
#   boot.sh LOWER WORK          LOWER: the Debian, never changed; WORK: what it changes
#   boot.sh LOWER WORK SCRIPT   runs a script in it while it is off
# SPDX-License-Identifier: Apache-2.0
set -eu

# layers LOWER WORK: the machine's files, mounted at WORK/merged, the current folder afterwards.
layers() {
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/merged"
    cd "$2/merged"
    mount -t proc proc proc
}

# inside LOWER WORK: in the new name spaces, as process 1 of them.
inside() {
    local node
    layers "$1" "$2"
    mount --bind proc/sys proc/sys
    mount -o remount,bind,ro proc/sys
    mount --bind proc/sys/net proc/sys/net
    mount -o remount,bind,rw proc/sys/net
    mount -t sysfs -o ro sysfs sys
    mount -t cgroup2 cgroup sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs dev
    for node in null zero full random urandom tty net/tun; do
        if [ -e "/dev/$node" ]; then
            mkdir -p "dev/$(dirname "$node")"
            touch "dev/$node"
            mount --bind "/dev/$node" "dev/$node"
        fi
    done
    mkdir dev/pts dev/shm
    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    mount -t tmpfs -o mode=755 tmpfs run
    cat proc/sys/kernel/random/uuid >run/boot-id # each boot has its own
    mount --bind run/boot-id proc/sys/kernel/random/boot_id
    hostname testbed
    ip link set lo up
    ip link add eth0 type veth peer name wire0
    ip addr add 10.20.30.1/24 dev eth0
    ip link set eth0 up
    ip link set wire0 up
    mkdir -p .outside
    pivot_root . .outside
    umount -l /.outside
    exec setpriv --bounding-set -sys_time,-sys_module,-sys_rawio,-mknod \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=testbed \
        /lib/systemd/systemd --log-target=journal --show-status=no </dev/null >/dev/null 2>&1
}

case ${1:-} in
--inside) inside "$2" "$3" ;;
--script)
    layers "$2" "$3"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 chroot . /bin/bash -euc "$4"
    ;;
esac
[ $# -eq 2 ] || [ $# -eq 3 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
lower=$(cd "$1" && pwd)
mkdir -p "$2/upper" "$2/merged"
work=$(cd "$2" && pwd)
rm -rf "$work/work"
mkdir "$work/work"
if [ $# -eq 3 ]; then
    exec unshare --mount --pid --fork --propagation private "$0" --script "$lower" "$work" "$3"
fi
groups=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
[ -n "$groups" ] || { echo "boot.sh: cgroup v2 is mounted nowhere"; exit 1; }
group=$groups/testbed-$$
mkdir "$group"
echo 0 >"$group/cgroup.procs"
unshare --mount --net --uts --ipc --pid --cgroup --fork --kill-child --propagation private \
    "$0" --inside "$lower" "$work" || true
echo 0 >"$groups/cgroup.procs"
find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
