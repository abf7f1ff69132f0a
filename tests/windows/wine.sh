#!/usr/bin/env bash
# A test program under Wine, believed only when its exit status AND its closing lines say success:
# a crash can end with 0, and a 32-bit program that 64-bit Wine cannot run prints nothing and
# "succeeds". CTest calls this (CMAKE_CROSSCOMPILING_EMULATOR).
#   WINEPREFIX=FOLDER wine.sh TEST.EXE [ARGUMENT…]
# SPDX-License-Identifier: Apache-2.0
set -u

[ $# -ge 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
[ -n "${WINEPREFIX:-}" ] || { echo "wine.sh: set WINEPREFIX to a folder that prefix.sh made" >&2; exit 2; }
export WINEDEBUG=${WINEDEBUG:--all}
unset DISPLAY
log=$(mktemp)
trap 'rm -f "$log"' EXIT

"$(dirname "$0")/fixed.sh" wine "$@" >"$log" 2>&1 </dev/null
status=$?
cat "$log"

# cmocka: "[==========] Running 12 test(s)." and "[  PASSED  ] 12 test(s).", once a group.
sum() {
    tr -d '\r' <"$log" | sed -n "s/^\[$1\] $2\([0-9]*\) test(s)\.$/\1/p" | awk '{n += $1} END {print n + 0}'
}
announced=$(sum '==========' 'Running ')
passed=$(sum '  PASSED  ' '')
if [ "$status" -ne 0 ]; then
    echo "wine.sh: exit status $status"
    exit 1
fi
if grep -q '^\[  FAILED  \]' "$log" || [ "$passed" -eq 0 ] || [ "$passed" -ne "$announced" ]; then
    echo "wine.sh: exit status 0, but $passed of $announced tests said that they passed: not believed"
    exit 1
fi
