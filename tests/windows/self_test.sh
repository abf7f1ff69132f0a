#!/usr/bin/env bash
# Can a crash under Wine pass for success? Programs that do what makes a suite lie, run through
# wine.sh: only the good one may pass. And does fixed.sh do what keeps a good one from failing?
#   WINEPREFIX=FOLDER self_test.sh
# SPDX-License-Identifier: Apache-2.0
set -u

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
good='printf("[==========] Running 1 test(s).\n[  PASSED  ] 1 test(s).\n"); fflush(stdout);'
failed=0

# program NAME COMPILER STATEMENTS
program() {
    printf '#include <stdio.h>\nint main(void)\n{\n%s\nreturn 0;\n}\n' "$3" >"$work/$1.c"
    "$2-w64-mingw32-gcc" -O0 -s -o "$work/$1.exe" "$work/$1.c" || exit 1
}

# expect STATUS NAME TIMES: a lie may come out only now and then.
expect() {
    local want=$1 name=$2 times=$3 status
    for _ in $(seq "$times"); do
        "$here/wine.sh" "$work/$name.exe" >"$work/$name.log" 2>&1
        status=$?
        if [ "$status" -ne "$want" ]; then
            echo "FAILED: $name.exe was judged $status, not $want:"
            cat "$work/$name.log"
            failed=$((failed + 1))
            return
        fi
    done
    echo "ok: $name.exe is judged $want ($times times)"
}

program good x86_64 "$good"
program crash x86_64 '*(volatile int *)0 = 1;'
program crash_after x86_64 "$good *(volatile int *)0 = 1;"
program silent x86_64 ''
program cut_off x86_64 'printf("[==========] Running 2 test(s).\n[  PASSED  ] 1 test(s).\n");'
program says_failed x86_64 "$good"' printf("[  FAILED  ] one\n");'
program exit_status x86_64 "$good return 3;"
program bits32 i686 "$good"
expect 0 good 1
expect 1 crash 6
expect 1 crash_after 6
expect 1 silent 1
expect 1 cut_off 1
expect 1 says_failed 1
expect 1 exit_status 1
expect 1 bits32 1
# ADDR_NO_RANDOMIZE, of all that fixed.sh starts
if setarch -R true 2>/dev/null && [ "$("$here/fixed.sh" sh -c 'cat /proc/self/personality')" != 00040000 ]; then
    echo "FAILED: addresses are random in what fixed.sh starts"
    failed=$((failed + 1))
fi
[ "$failed" -eq 0 ]
