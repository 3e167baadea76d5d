#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# pkgbuild_test.sh BUILD-FOLDER: Debian's makepkg reads packaging/PKGBUILD and runs its package() on a build that is there;
# the archive must hold what Arch's file system rules want. build() is not run: it would build everything again. Exit 77
# without makepkg.
set -u
build=$1
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$here/package_root.sh"
for program in makepkg bsdtar; do
    command -v $program >/dev/null || { echo "no $program (Debian: makepkg, libarchive-tools)"; exit 77; }
done
mkdir "$work/packaging" "$work/packaging/src"
cp "$here/../../packaging/PKGBUILD" "$work/packaging"
ln -s "$build" "$work/packaging/src/build"
user=()
if [ "$(id -u)" = 0 ]; then # makepkg refuses to run as root: be somebody else whose files these are all the same
    user=(unshare --user --map-user=1000 --map-group=1000)
    "${user[@]}" true 2>/dev/null || { echo "root without user namespaces: makepkg cannot run here"; exit 77; }
fi
cd "$work/packaging" || exit 1
makepkg=("${user[@]}" env HOME="$work/packaging" PACMAN=true PKGEXT=.pkg.tar.gz BUILDDIR="$work/packaging" makepkg --nodeps)
"${makepkg[@]}" --printsrcinfo >"$work/srcinfo" 2>"$work/log" || { cat "$work/log"; exit 1; }
grep -E 'pkgver|pkgdesc|arch =' "$work/srcinfo"
"${makepkg[@]}" --repackage >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
archive=$(echo "$work"/packaging/rosenblatt-*.pkg.tar.gz)
tar -tzf "$archive" >"$work/files" || exit 1
for file in .PKGINFO usr/bin/rosenblatt usr/share/man/man1/rosenblatt-audit.1 usr/lib/udev/rules.d/70-rosenblatt-accel.rules \
    usr/include/rosenblatt/npu.hpp; do
    grep -qE "^$file(\.gz)?$" "$work/files" || fail "$file is not in the package"
done
strangers=$(grep -vE '^(usr/|\.(PKGINFO|BUILDINFO|MTREE)$)' "$work/files")
[ -z "$strangers" ] || fail "outside /usr: $strangers"
tar -xOzf "$archive" usr/lib/environment.d/60-rosenblatt.conf >"$work/said" 2>/dev/null && {
    backend=$(sed -n 's/^GGML_BACKEND_PATH=\///p' "$work/said")
    grep -qx "$backend" "$work/files" || fail "environment.d names $backend, which is not in the package"
}
echo "$(wc -l <"$work/files") entries in ${archive##*/}"
exit $failed
