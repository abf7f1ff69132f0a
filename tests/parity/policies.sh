#!/bin/sh
# tests/parity/policies.sh — the quickstart's policies against the recorded hosts: each is read
# strictly and linted, and planned where it matches; the text is compared with a golden file.
# SPDX-License-Identifier: Apache-2.0
#
# policies.sh POLICY_TOOL            compares; 1 when anything differs or a policy is wrong
# policies.sh POLICY_TOOL --update   rewrites the golden file; look at the difference before committing
set -eu

tool=$1
update=${2:-}
cd "$(dirname "$0")/../.."
golden=tests/fixtures/plans.txt
said=$(mktemp)
trap 'rm -f "$said"' EXIT INT TERM

"$tool" schema/catalogue/products deploy/quickstart/policies/*.yaml -- \
    tests/fixtures/hosts/* tests/fixtures/fleet/* >"$said" || {
    sed -n '/^host/q;p' "$said" >&2 # a policy is wrong
    exit 1
}
if [ "$update" = --update ]; then
    cp "$said" "$golden"
    exit 0
fi
if ! diff -u "$golden" "$said"; then
    echo "plans differ; when the new ones are right: tests/parity/policies.sh $tool --update" >&2
    exit 1
fi
