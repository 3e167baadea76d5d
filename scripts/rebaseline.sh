#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Rewrites the golden files under tests/golden from what the code says now. Review the diff before committing.
# usage: scripts/rebaseline.sh [PRESET]   (default dev; the preset must be configured)
set -eu
cd "$(dirname "$0")/.."
preset=${1:-dev}
cmake --build --preset "$preset"
ROSENBLATT_UPDATE_GOLDEN=1 ctest --preset "$preset" -L golden
git --no-pager diff --stat -- tests/golden
git --no-pager status --short -- tests/golden | grep '^??' || true
