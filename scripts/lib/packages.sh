# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# Debian packages by name: skips what is there, says what it installs. Source it after common.sh.

# missing_packages NAME...: those of them that dpkg does not have.
missing_packages() {
    local name installed
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    for name in "$@"; do
        grep -qx "$name installed" <<<"$installed" || echo "$name"
    done
}

# need_packages NAME...: afterwards they are installed, or the script has ended with a sentence.
need_packages() {
    command -v dpkg-query >/dev/null || die "this is not a Debian system; install what scripts/packages.txt lists by hand"
    local missing log=$root/build/logs/packages.log
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] ||
        die "packages are missing and only root can install them: sudo apt-get install -y ${missing[*]}"
    say "installing Debian packages: ${missing[*]}"
    mkdir -p "$(dirname "$log")"
    : >"$log"
    run_quietly "$log" apt-get update
    run_quietly "$log" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "${missing[@]}"
}

# listed_packages tests|all: those of scripts/packages.txt that no other program on this machine stands in for, either
# from the lines that begin with "tests" or from the others.
listed_packages() {
    local name program kind
    while read -r name program; do
        case $name in '' | '#'*) continue ;; esac
        kind=all
        if [ "$name" = tests ]; then
            kind=tests
            read -r name program <<<"$program"
        fi
        [ "$kind" = "$1" ] || continue
        [ -n "$program" ] && command -v "$program" >/dev/null || echo "$name"
    done <"$root/scripts/packages.txt"
}

# need_all_packages: what everything needs.
need_all_packages() {
    local wanted
    mapfile -t wanted < <(listed_packages all)
    need_packages "${wanted[@]}"
}

# want_test_packages: what some tests need, which are skipped without it; only root can install it.
want_test_packages() {
    local wanted
    [ "$(id -u)" = 0 ] || return 0
    mapfile -t wanted < <(listed_packages tests)
    [ ${#wanted[@]} = 0 ] || need_packages "${wanted[@]}"
}
