#!/usr/bin/env bash
# Does a Windows program need only what its oldest Windows has?
#   imports.sh OBJDUMP PROGRAM ALLOWED
# ALLOWED holds one "library" (all of it) or "library function" a line; '#' begins a comment. Any
# other import fails: such a program would not start on that Windows.
# SPDX-License-Identifier: Apache-2.0
set -eu
[ $# -eq 3 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0"; exit 2; }
readonly objdump=$1 program=$2 allowed=$3

imports=$("$objdump" -p "$program" | awk '
    /^\tDLL Name:/ { library = tolower($3); print library; next }
    library != "" && /^\t[0-9a-f]+\t/ { print library, $3 }')
[ -n "$imports" ] || { echo "imports: $program: no import was found: is it a Windows program?" >&2; exit 1; }

foreign=$(printf '%s\n' "$imports" | awk '
    FNR == NR { sub(/[ \t]*#.*/, ""); if (NF == 1) whole[tolower($1)] = 1
                else if (NF == 2) { one[tolower($1) " " $2] = 1; known[tolower($1)] = 1 }; next }
    ($1 in whole) { next }
    NF == 1 { if (!($1 in known)) print; next }
    !(($1 " " $2) in one) { print }' "$allowed" -)
if [ -n "$foreign" ]; then
    echo "imports: $program needs what is not in $allowed:" >&2
    printf '%s\n' "$foreign" >&2
    exit 1
fi
echo "$(basename "$program"): $(printf '%s\n' "$imports" | grep -c ' ') imports, all allowed"
