#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One command: everything needed to run the tests, and runs them. Arguments go to ctest, e.g. scripts/test.sh -L unit.
[ $# -gt 0 ] || set -- -LE slow # a slow test takes minutes: by name or label only
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/packages.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/house.sh"

need_all_packages
want_test_packages
ROSENBLATT_LLAMA_DIR=$("$root/scripts/get_llama.sh")
export ROSENBLATT_LLAMA_DIR
"$root/scripts/check_layers.py"
build_house dev
write_env dev

log=$root/build/logs/test.log
status=0
ctest --test-dir "$root/build/dev" --output-on-failure --no-label-summary --no-tests=error -j "$cores" "$@" |
    tee "$log" || status=$?
grep -E '^[0-9]+% tests passed' "$log" || true # the count, once more as the last line
exit "$status"
