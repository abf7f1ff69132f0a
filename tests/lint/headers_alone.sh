#!/bin/sh
# Each header compiles alone. Usage: headers_alone.sh COMPILER SOURCE_DIR
# SPDX-License-Identifier: Apache-2.0
set -eu
compiler=$1
cd "$2"
failed=0
count=0
for header in $(find common agent server tests -name '*.h' ! -path '*/platform/windows/*' ! -path 'tests/windows/*' | sort); do
    count=$((count + 1))
    if ! printf '#include "%s"\nextern int hm_nothing;\n' "$header" |
        "$compiler" -std=c17 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I. -x c -; then
        echo "$header does not compile alone"
        failed=$((failed + 1))
    fi
done
echo "$count headers, $failed do not compile alone"
[ "$failed" -eq 0 ] && [ "$count" -gt 0 ]
