#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# install_test.sh PACKAGE-FOLDER [LLAMA-TOOL]: installs the package into a throw-away root and uses what lies there: the
# program, its manual pages, its completions, and the backend from the pinned llama.cpp.
set -u
packages=$1 llama=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/package_root.sh"
package_root "$packages" "$work/root"
bin=$package_prefix/bin share=$package_prefix/share

expect "$bin/rosenblatt" --version
expect grep -q 'GROUP="render"' "$package_prefix/lib/udev/rules.d/70-rosenblatt-accel.rules"
expect test -s "$share/rosenblatt/dt-overlays/rk3588-rosenblatt-npu-enable.dtso"
for verb in $("$bin/rosenblatt" --help | awk '/^Subcommands:/ { on = 1; next } on && NF { print $1 }'); do
    expect test -s "$share/man/man1/rosenblatt-$verb.1"
done
if command -v groff >/dev/null; then
    for page in "$share"/man/man1/*.1; do
        expect groff -man -ww -z "$page"
        [ ! -s "$work/said" ] || fail "$page: $(cat "$work/said")"
    done
fi

# shellcheck disable=SC1090,SC1091
complete_in_bash() (
    . "$share/bash-completion/completions/rosenblatt"
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _rosenblatt && echo "${COMPREPLY[*]}"
)
[ "$(complete_in_bash rosenblatt aud)" = audit ] || fail "bash completes 'aud' to '$(complete_in_bash rosenblatt aud)'"
[ "$(complete_in_bash rosenblatt audit --ro)" = --root ] || fail "bash does not complete audit --ro"
if command -v zsh >/dev/null; then expect zsh -n "$share/zsh/site-functions/_rosenblatt"; fi

if [ -n "$llama" ]; then
    ran=$(env -u GGML_BACKEND_PATH "$bin/rosenblatt" run -- printenv GGML_BACKEND_PATH)
    [ "$(realpath "$ran")" = "$(realpath "$backend")" ] || fail "rosenblatt run set '$ran'"
    expect env -u GGML_BACKEND_PATH GGML_ROCKET_DEVICE=emulator "$bin/rosenblatt" run -- "$llama" --list-devices
    grep ROCKET0 "$work/said" || fail "the pinned llama.cpp shows no ROCKET0: $(cat "$work/said")"
    expect "$bin/rosenblatt" profile --gguf "$(dirname "$0")/../../models/rosenblatt-kjv-f16.gguf" -p 16 -n 2
    expect grep -qx "GGML_BACKEND_PATH=${backend#"$work/root"}" "$package_prefix/lib/environment.d/60-rosenblatt.conf"
    unit=$share/doc/rosenblatt/examples/llama-server.service
    expect grep -qx "Environment=GGML_BACKEND_PATH=${backend#"$work/root"}" "$unit"
    if command -v systemd-analyze >/dev/null; then
        expect env XDG_RUNTIME_DIR="$work" systemd-analyze verify --user "$unit"
    fi
fi
exit $failed
