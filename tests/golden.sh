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

check() { # host folder, what it prints to, options
    status=0
    folder=$1
    out=$2
    shift 2
    NO_COLOR=1 "$agent" check --from "$folder" --catalogue "$work/none" \
        --product-dir ../../schema/catalogue/products "$@" >"$out" 2>&1 || status=$?
}

for folder in hosts/* fleet/*; do
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
