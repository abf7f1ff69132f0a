#!/usr/bin/env bash
# Runs a command, and all that it starts, where addresses are not random: what Wine needs.
#   fixed.sh COMMAND…
# Debian's wine64 is linked to 0x7d000000. A newer Linux (seen: 6.18) puts the heap of such a program anywhere
# in the GB above it, an older one in 32 MB; and Wine must map a page at 0x7ffe0000 into each of its processes.
# Where the heap lies on that page, one process in 7,700, it ends with status 1 before it can say a word
# (WINEDEBUG=err+virtual: "failed to map the shared user data: c0000018"). As a child of another it is
# "ShellExecuteEx failed: Internal error"; as winedevice.exe, a session of Wine that lists no sockets.
# SPDX-License-Identifier: Apache-2.0
set -eu

[ $# -ge 1 ] || { sed -n '2,3s/^# \{0,1\}//p' "$0"; exit 2; }
if setarch -R true 2>/dev/null; then
    exec setarch -R "$@"
fi
echo "fixed.sh: addresses stay random (setarch -R is not allowed here): a Wine program may fail now and then" >&2
exec "$@"
