# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: MIT
# What every script of this folder uses: where things are, how it speaks, how it stops. Source it, do not run it.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rosenblatt
cores=$(nproc)

# Progress goes to stderr: stdout belongs to results.
say() { printf '%s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# run_quietly LOG COMMAND...: the output is added to LOG; a failure shows the end of it.
run_quietly() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >>"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        die "'$1 ${2:-}' failed; the whole log is in $log"
    }
}
