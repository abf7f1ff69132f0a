#!/bin/sh
# tests/fuzz/run.sh SECONDS [TARGET…] — builds the "fuzz" preset and runs each target for that long.
# SPDX-License-Identifier: Apache-2.0
#
# Stops at the first crash, keeps its input under build/fuzz/crashes and says where; add the input
# to tests/fuzz/corpus/<target>/ together with the fix. New inputs that reach new code stay in
# build/fuzz/found/<target> and are used again. HM_FUZZ_BUILD names another build folder.
set -eu

if [ $# -lt 1 ]; then
    echo "usage: tests/fuzz/run.sh SECONDS [TARGET...]" >&2
    exit 2
fi
seconds=$1
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${HM_FUZZ_BUILD:-$root/build/fuzz}

cd "$root"
echo "fuzz: configuring and building in $build"
cmake --preset fuzz -B "$build" >/dev/null
list=$build/tests/fuzz/targets.txt # "name program" lines
targets=${*:-$(cut -d ' ' -f 1 "$list")}
for name in $targets; do
    cmake --build "$build" --target "fuzz_$name" >/dev/null
done

mkdir -p "$build/crashes"
for name in $targets; do
    echo "fuzz: $name for $seconds s"
    mkdir -p "$build/found/$name"
    log=$build/crashes/$name.log
    program=$(awk -v name="$name" '$1 == name { print $2 }' "$list")
    if ! "$program" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="$build/crashes/$name-" \
        "$build/found/$name" "$root/tests/fuzz/corpus/$name" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz: $name FAILED; the input is named above, in $build/crashes/" >&2
        exit 1
    fi
    grep -E 'number_of_executed_units' "$log" | sed "s/^/fuzz: $name /"
done
echo "fuzz: no crash in $(echo "$targets" | wc -w) targets"
