#!/bin/sh
# tests/golden.sh — "hm-agent check --from" over every recorded host against its golden files.
# SPDX-License-Identifier: Apache-2.0
#
# golden.sh AGENT            compares bytes and exit statuses; 1 when anything differs
# golden.sh AGENT --update   rewrites the golden files; look at the difference before committing
set -eu

agent=$1
update=${2:-}
case $agent in
/*) ;;
*) agent=$PWD/$agent ;;
esac
cd "$(dirname "$0")/fixtures"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
mkdir "$work/none" "$work/golden"
# A version of its own: that of the day would change every golden file.
ln -s "$PWD/../../schema/catalogue/products" "$work/products"
echo '{"version":1,"date":"2026-11-29"}' >"$work/catalogue.json"

check() { # host folder, what it prints to, options
    status=0
    folder=$1
    out=$2
    shift 2
    NO_COLOR=1 "$agent" check --from "$folder" --catalogue "$work/none" \
        --product-dir "$work/products" "$@" >"$out" 2>&1 || status=$?
}

for folder in hosts/* fleet/* cases/*; do
    host=$(basename "$folder")
    check "$folder" "$work/golden/$host.txt"
    text_status=$status
    check "$folder" "$work/golden/$host.json" --json
    if [ "$text_status" != "$status" ]; then
        echo "$host: exit $text_status as text, $status as JSON" >&2
        exit 1
    fi
    echo "$host $status" >>"$work/golden/exit-statuses"
done

# Exit statuses that no recorded host gives, and what is said then.
expect() { # status, part of the message, arguments
    wanted=$1
    part=$2
    shift 2
    status=0
    "$agent" check "$@" >"$work/said" 2>&1 || status=$?
    if [ "$status" != "$wanted" ] || ! grep -qF -- "$part" "$work/said"; then
        echo "check $*: exit $status, not $wanted with \"$part\":" >&2
        cat "$work/said" >&2
        exit 1
    fi
}
mkdir "$work/broken"
printf 'x\r\n  TCP    0.0.0.0:80\r\n' >"$work/broken/netstat.txt"
expect 2 --nonsense --nonsense
expect 3 "no such folder" --product-dir ../../schema/catalogue/products --from "$work/no-such"
expect 3 "there is no catalogue" --product-dir "$work/no-such" --from hosts/linux-web
expect 3 "broken/netstat.txt:2: " --product-dir ../../schema/catalogue/products \
    --from "$work/broken"

# A cut file may lack the port of any service: without it this host is safe.
cp -r cases/fixed-ports-outside "$work/cut"
head -c 100 cases/fixed-ports-outside/port-values.txt >"$work/cut/port-values.txt"
expect 1 "ends in the midst of a line" --product-dir ../../schema/catalogue/products \
    --from "$work/cut"

if [ "$update" = --update ]; then
    rm -rf golden
    cp -r "$work/golden" golden
    echo "golden files of $(grep -c . golden/exit-statuses) hosts rewritten"
    exit 0
fi
if ! diff -r -u golden "$work/golden"; then
    echo "the golden files differ; when the new output is right: tests/golden-update.sh AGENT" >&2
    exit 1
fi
echo "$(grep -c . golden/exit-statuses) hosts as recorded"
