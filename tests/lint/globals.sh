#!/bin/sh
# Every object that a library of ours exports must be const: state lives in structs that are
# handed around (ARCHITECTURE.md, "Threads"). Usage: globals.sh LIBRARY…
# SPDX-License-Identifier: Apache-2.0
set -eu
found=0
for library in "$@"; do
    # D, B, C: writable data that other files can reach. Read-only is R, or D in .data.rel.ro.
    writable=$(objdump -t "$library" |
        awk '$2 == "g" && $3 == "O" && ($4 == ".data" || $4 == ".bss" || $4 == "*COM*") { print $NF }')
    for symbol in $writable; do
        echo "$library: $symbol is writable and visible everywhere"
        found=1
    done
done
[ "$found" -eq 0 ] && echo "$# libraries: all exported data is const"
exit "$found"
