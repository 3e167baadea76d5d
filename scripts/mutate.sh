#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Are the tests awake? Changes one constant of scripts/mutations.txt at a time in a scratch copy of the tree, builds
# the test program named with it, and runs that: it must fail. Prints a table.
#
#   scripts/mutate.sh [PATTERN ...]     only the lines that hold one of these words
#
# Exit 0: every change was noticed. 1: one was not, or no longer applies.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/packages.sh"

need_all_packages
work=$root/build/mutate
mkdir -p "$work"
# Preset and place as in the tree itself, so that ccache knows most of it already.
exec python3 "$root/scripts/lib/mutate.py" "$root" "$work/tree" "$cores" "$@"
