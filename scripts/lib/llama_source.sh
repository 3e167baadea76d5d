# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# Where the source of the pinned llama.cpp comes from. Source it after common.sh and packages.sh; get_source is the only door.

llama_tag=v0.5.0
# The tree is the pin: the squashed commit in the npm package has an id of its own, its tree does not.
llama_tree=fd570ef54b10ec5fecb739e7e04c8ce44a6f415a
llama_squashed_commit=de3ff815ea7d559ee917f063901b8986f038abc6
llama_repository=https://github.com/ggml-org/llama.cpp
npm_package=node-llama-cpp@3.22.1
npm_bundle=package/llama/gitRelease.bundle

# check_tree REPOSITORY: its HEAD is the pinned source.
check_tree() {
    local tree
    tree=$(git -C "$1" rev-parse 'HEAD^{tree}' 2>/dev/null) || { say "$1 is not a git checkout"; return 1; }
    [ "$tree" = "$llama_tree" ] && return 0
    say "$1 holds tree $tree, not llama.cpp $llama_tag (tree $llama_tree)"
    return 1
}

# A git server that could not be reached is left alone for the rest of the day.
from_git() {
    local failed
    failed=$cache/git-failed-$(date +%F)
    [ ! -e "$failed" ] || return 1
    say "llama.cpp: asking $llama_repository for $llama_tag"
    if GIT_TERMINAL_PROMPT=0 timeout 10 git ls-remote --exit-code --tags "$llama_repository" "$llama_tag" >/dev/null 2>&1 &&
        GIT_TERMINAL_PROMPT=0 timeout 600 git -c advice.detachedHead=false clone --quiet --depth 1 --branch "$llama_tag" "$llama_repository" "$1" 2>/dev/null &&
        check_tree "$1"; then
        return 0
    fi
    rm -rf "$1" "$cache"/git-failed-*
    touch "$failed"
    say "llama.cpp: no clone from there; not asked again today"
    return 1
}

from_npm() {
    local pack="$cache/npm-pack.tmp"
    command -v npm >/dev/null || need_packages npm
    say "llama.cpp: taking the git bundle in npm package $npm_package"
    rm -rf "$pack"
    mkdir -p "$pack"
    npm pack --loglevel=error --pack-destination "$pack" "$npm_package" >/dev/null || return 1
    tar -xzf "$pack"/*.tgz -C "$pack" "$npm_bundle" || return 1
    git -c advice.detachedHead=false clone --quiet "$pack/$npm_bundle" "$1" || return 1
    rm -rf "$pack"
    [ "$(git -C "$1" rev-parse HEAD)" = "$llama_squashed_commit" ] && check_tree "$1"
}

# A checkout of the user's is copied, never built in; only its committed state counts.
check_user_checkout() {
    [ -n "${ROSENBLATT_LLAMA_CPP_DIR:-}" ] || return 0
    check_tree "$ROSENBLATT_LLAMA_CPP_DIR" ||
        die "check out $llama_tag there, or unset ROSENBLATT_LLAMA_CPP_DIR"
}

from_user() { git -c advice.detachedHead=false clone --quiet --no-hardlinks "$ROSENBLATT_LLAMA_CPP_DIR" "$1"; }

# get_source FOLDER: puts the pinned source there, whole or not at all.
get_source() {
    local target=$1 fresh="$1.tmp"
    [ ! -d "$target" ] || return 0
    rm -rf "$fresh"
    if [ -n "${ROSENBLATT_LLAMA_CPP_DIR:-}" ]; then
        from_user "$fresh"
    elif ! from_git "$fresh" && ! from_npm "$fresh"; then
        die "could not get llama.cpp $llama_tag: neither $llama_repository nor npm package $npm_package could be" \
            "had. Set ROSENBLATT_LLAMA_CPP_DIR to a checkout of that tag."
    fi
    rm -rf "$fresh/.git"
    mv "$fresh" "$target"
}
