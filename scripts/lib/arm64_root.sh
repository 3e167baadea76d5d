# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# The libraries that the program `rosenblatt` links, for arm64: Debian's, unpacked into a folder of the cache, nothing
# foreign is installed. Source it after common.sh and apt_private.sh.
#   arm64_root_get || exit 77   sets arm64_root, for CMake's ROSENBLATT_ARM64_ROOT, and arm64_libraries, where they lie

arm64_root=$cache/arm64-root
arm64_libraries=$arm64_root/usr/lib/aarch64-linux-gnu

# The -dev packages, and the libraries that those depend on.
arm64_root_get() {
    local names=(libyaml-cpp libfdt zlib1g) suite stamp dev package
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    stamp="$suite ${names[*]}"
    [ "$(cat "$arm64_root/unpacked" 2>/dev/null)" != "$stamp" ] || return 0
    apt_private_init arm64 "$suite" || return 1
    rm -rf "$arm64_root"
    for dev in "${names[@]/%/-dev}"; do
        for package in "$dev" $(apt-cache "${APT_PRIVATE_OPTIONS[@]}" depends "$dev" |
            sed -n 's/^ *Depends: //p' | grep -E "^(${names[0]}$(printf '|%s' "${names[@]:1}"))"); do
            say "unpacking $package"
            apt_private_unpack "$package" "$arm64_root" || { say "apt has no $package"; return 1; }
        done
    done
    echo "$stamp" >"$arm64_root/unpacked"
}
