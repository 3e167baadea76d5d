#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# debian_llama_test.sh PACKAGE-FOLDER MODEL: Debian's own llama.cpp, of a newer suite than this machine's, and our package
# in one throw-away root: it lists ROCKET0 and generates on it. Its ggml has backend API 3; the package was built against
# API 2. Exit 77 where Debian's packages or a root to run them in cannot be had.
set -u
packages=$1 model=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/package_root.sh"
. "$(dirname "$0")/../../scripts/lib/apt_private.sh"
debian=(libggml0 libllama0 llama.cpp-tools llama.cpp-tools-extra libc6 libstdc++6 libgcc-s1 libgomp1 libssl3t64
    zlib1g libzstd1)
into=$work/root
apt_private_init "$(dpkg --print-architecture)" sid || exit 77
for package in "${debian[@]}"; do
    apt_private_unpack "$package" "$into" || { echo "Debian's $package cannot be had"; exit 77; }
done
echo "llama.cpp $(apt_private_version llama.cpp-tools), ggml $(apt_private_version libggml0)"
for folder in bin lib lib64; do # merged /usr, as base-files would make it
    [ -e "$into/$folder" ] || ln -s "usr/$folder" "$into/$folder"
done
package_root "$packages" "$into"
cp "$model" "$into/model.gguf"
inside() {
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(unshare -r)
    env -i PATH=/usr/sbin:/usr/bin GGML_BACKEND_PATH="${backend#"$into"}" GGML_ROCKET_DEVICE=emulator \
        GGML_ROCKET_MIN_M=1 GGML_ROCKET_STATS=/stats.json "${as_root[@]}" chroot "$into" "$@"
}
inside llama-cli --version >"$work/said" 2>&1 || { echo "no chroot here: $(cat "$work/said")"; exit 77; }

inside llama-cli --list-devices >"$work/devices" 2>&1 || fail "llama-cli --list-devices ended with $?"
grep ROCKET0 "$work/devices" || fail "no ROCKET0: $(cat "$work/devices")"
for _ in $(seq 20); do # its logger, which prints the text too, may lose its last lines when the program ends
    inside llama-completion -m /model.gguf -c 256 -p 'And the LORD said' -n 8 --temp 0 -no-cnv -t 2 >"$work/text" 2>"$work/log" ||
        fail "llama-completion ended with $?: $(tail -5 "$work/log")"
    ! grep -q 'And the LORD said unto' "$work/text" || break
done
echo "text: $(tr '\n' ' ' <"$work/text")"
grep -q 'And the LORD said unto' "$work/text" || fail "not the text of this model: $(tail -5 "$work/log")"
python3 - "$into/stats.json" <<'END' || fail "what the stats say"
import json, sys
stats = json.load(open(sys.argv[1]))
print(stats["mul_mat"]["npu"], "matmuls on the NPU,", stats["checksum"]["checked"], "tiles checked,",
      stats["checksum"]["mismatch"], "wrong")
sys.exit(not (stats["mul_mat"]["npu"] > 0 and stats["checksum"]["checked"] > 0 and stats["checksum"]["mismatch"] == 0))
END
exit $failed
