# shellcheck shell=bash disable=SC2016
# SPDX-License-Identifier: MIT
# Reads Debian suites newer than the machine's through a private apt root: packages are looked up by
# name, downloaded and unpacked below the cache, and nothing on the machine is installed or changed.
# Sourced by bash scripts:
#   apt_private_init arm64 trixie-backports sid || exit 77   # prints apt's own complaint on failure
#   apt_private_newest '^linux-base-[0-9.]+\+deb[0-9]+-arm64$'
#   apt_private_unpack PACKAGE DIRECTORY
#   apt_private_unpack_all DIRECTORY PACKAGE...              # with everything they depend on

# The machine's own Debian mirror, so that its proxy, mirror and offline rules hold here too.
apt_private_mirror() {
    local uri
    uri=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
        awk '$2 == "Debian" && $3 == "Debian" { print $1; exit }')
    if [ -z "$uri" ]; then # no lists on this machine yet: take the first source that names Debian
        uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
            2>/dev/null | grep -v '^ *#' | grep -oE '[a-z+]+:/[^ ]*/debian/?( |$)' | head -1 | tr -d ' ')
    fi
    [ -n "$uri" ] || { echo "apt: this machine has no Debian source; add one to /etc/apt" >&2; return 1; }
    echo "$uri"
}

# apt_private_init ARCHITECTURE SUITE...: sets up and refreshes the private root (index at most a day old).
apt_private_init() {
    local architecture=$1 mirror suite key
    shift
    mirror=$(apt_private_mirror) || return 1
    key="$architecture-$(echo "$*" | tr ' ' '-')"
    APT_PRIVATE_ROOT="${XDG_CACHE_HOME:-$HOME/.cache}/rosenblatt/apt/$key"
    mkdir -p "$APT_PRIVATE_ROOT"/{lists/partial,archives/partial} || return 1
    : >"$APT_PRIVATE_ROOT/status"
    for suite in "$@"; do
        echo "deb [arch=$architecture signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
        echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
    done >"$APT_PRIVATE_ROOT/sources.list.new"
    APT_PRIVATE_OPTIONS=(
        -o "Dir::Etc::sourcelist=$APT_PRIVATE_ROOT/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
        -o "Dir::State=$APT_PRIVATE_ROOT" -o "Dir::State::lists=$APT_PRIVATE_ROOT/lists"
        -o "Dir::State::status=$APT_PRIVATE_ROOT/status" -o "Dir::Cache=$APT_PRIVATE_ROOT"
        -o "Dir::Cache::archives=$APT_PRIVATE_ROOT/archives"
        -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture"
        -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=2
        -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20)
    (
        flock 9
        if ! cmp -s "$APT_PRIVATE_ROOT/sources.list.new" "$APT_PRIVATE_ROOT/sources.list" ||
            [ -z "$(find "$APT_PRIVATE_ROOT/updated" -mtime -1 2>/dev/null)" ]; then
            mv "$APT_PRIVATE_ROOT/sources.list.new" "$APT_PRIVATE_ROOT/sources.list"
            apt-get "${APT_PRIVATE_OPTIONS[@]}" -q update >"$APT_PRIVATE_ROOT/update.log" 2>&1 &&
                ! grep -qE '^(E|Err)' "$APT_PRIVATE_ROOT/update.log" &&
                touch "$APT_PRIVATE_ROOT/updated"
            [ -e "$APT_PRIVATE_ROOT/updated" ] || { grep -E '^(E|W|Err)' "$APT_PRIVATE_ROOT/update.log" >&2; exit 1; }
        fi
    ) 9>"$APT_PRIVATE_ROOT/lock"
}

# apt_private_names REGEX: the packages whose name matches, by version, the newest last.
apt_private_names() {
    apt-cache "${APT_PRIVATE_OPTIONS[@]}" pkgnames | grep -E "$1" | sort -V
}

# apt_private_newest REGEX: the last of them.
apt_private_newest() {
    apt_private_names "$1" | tail -1
}

# apt_private_version PACKAGE: the newest version on offer; nothing when there is none.
apt_private_version() {
    apt-cache "${APT_PRIVATE_OPTIONS[@]}" show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Version: //p'
}

# apt_private_fetch PACKAGE...: prints the paths of their .debs, downloading each once.
apt_private_fetch() {
    local files file log=$APT_PRIVATE_ROOT/${1%%:*}.log
    (
        flock 9
        cd "$APT_PRIVATE_ROOT/archives" || exit 1
        # Asked from another directory: where a file already lies, apt prints nothing.
        files=$(cd partial && apt-get "${APT_PRIVATE_OPTIONS[@]}" -qq download --print-uris "$@" 2>"$log" |
            awk '{ print $2 }')
        [ -n "$files" ] || { cat "$log" >&2; exit 1; }
        for file in $files; do
            [ -e "$file" ] && continue
            apt-get "${APT_PRIVATE_OPTIONS[@]}" -qq download "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
            break
        done
        for file in $files; do echo "$PWD/$file"; done
    ) 9>"$APT_PRIVATE_ROOT/lock"
}

# apt_private_unpack PACKAGE DIRECTORY: unpacks it there; nothing is configured, no script of it runs.
apt_private_unpack() {
    local deb
    deb=$(apt_private_fetch "$1") || return 1
    mkdir -p "$2" && dpkg-deb -x "$deb" "$2"
}

# apt_private_unpack_all DIRECTORY PACKAGE...: unpacks these and all they depend on side by side, as a root for their
# programs. DIRECTORY/versions names the packages; when one of them has a new version, all is unpacked afresh.
apt_private_unpack_all() {
    local directory=$1 versions='' package all debs
    shift
    for package in "$@"; do versions+="$package $(apt_private_version "$package") "; done
    [ "$(cat "$directory/versions" 2>/dev/null)" != "$versions" ] || return 0
    rm -rf "$directory"
    mkdir -p "$directory"
    all=$(apt-cache "${APT_PRIVATE_OPTIONS[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts \
        --no-breaks --no-replaces --no-enhances "$@" | grep -E '^[a-z0-9]' | sort -u)
    # shellcheck disable=SC2086 # a list
    debs=$(apt_private_fetch $all) || return 1
    for package in $debs; do dpkg-deb -x "$package" "$directory" || return 1; done
    # Where a package still names /lib and /lib64, they are parts of /usr.
    for package in lib lib64; do
        [ -e "$directory/$package" ] || [ ! -e "$directory/usr/$package" ] || ln -s "usr/$package" "$directory/$package"
    done
    echo "$versions" >"$directory/versions"
}
