#!/bin/sh
# tests/golden-update.sh — rewrites tests/fixtures/golden with what hm-agent says now.
# SPDX-License-Identifier: Apache-2.0
#
# golden-update.sh [AGENT]   default: build/bin/hm-agent
exec "$(dirname "$0")/golden.sh" "${1:-build/bin/hm-agent}" --update
