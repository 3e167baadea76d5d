#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# make_package.sh BUILD-FOLDER CPACK OUTPUT: the Debian package of a build, alone in OUTPUT; prints what it says of itself.
set -eu
build=$1 cpack=$2 output=$3
rm -rf "$output"
mkdir -p "$output"
"$cpack" --config "$build/CPackConfig.cmake" -B "$output" >"$output/cpack.log" 2>&1 || { cat "$output/cpack.log"; exit 1; }
rm -rf "$output/_CPack_Packages"
dpkg-deb --info "$output"/*.deb | grep -E 'Package|Version|Architecture|Depends|Suggests'
