# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# One run of the guest. Source it after common.sh, fetch.sh and device_tree.sh; the kernel must have been fetched.
#   guest_new NAME                  an empty guest: busybox, modules, init; its log is build/lab/NAME.log
#   guest_add FILE DIRECTORY        copies a file into it
#   guest_add_libraries DIRECTORY FILE...   and the shared libraries these need, from DIRECTORY on this machine
#   guest_job <<'END' ... END       what it runs; a shell script whose exit status is the run's
#   guest_run SECONDS               boots it, and returns the job's exit status, or 124 without one
#   guest_block FILE                what the job's `show FILE` printed
#   guest_bytes FILE                the same after `base64 FILE >FILE.64; show FILE.64`

guest_memory=2G guest_cores=2 guest_append='' guest_iommu=v2 guest_npu=''
arm64_sysroot=/usr/aarch64-linux-gnu # the cross compiler's own libraries

guest_new() {
    guest_name=$1
    guest_log=$root/build/lab/$1.log
    guest_stats=$root/build/lab/$1.npu.json
    guest_trace=$root/build/lab/$1.npu.log
    guest_root=$root/build/lab/$1
    rm -rf "$guest_root" "$guest_log" "$guest_stats" "$guest_trace"
    mkdir -p "$guest_root"/{bin,modules,dev}
    install -m 755 "$busybox" "$guest_root/bin/busybox"
    install -m 755 "$root/scripts/lab/guest_init" "$guest_root/init"
    local module file
    for module in "${lab_modules[@]}"; do
        file=$(lab_find_module "$module")
        [ -z "$file" ] || guest_add_module "$file" "$module"
    done
    guest_add_module "$rocket_module" rocket
}

guest_add_module() { # FILE NAME
    case $1 in
    *.xz) xz -dc "$1" >"$guest_root/modules/$2.ko" ;;
    *) cp "$1" "$guest_root/modules/$2.ko" ;;
    esac
    echo "$2" >>"$guest_root/modules/order"
}

guest_add() {
    mkdir -p "$guest_root/$2"
    cp -L "$1" "$guest_root/$2/"
}

# The loader looks in /lib. A library that is not in DIRECTORY comes with the program, or it will say so itself.
guest_add_libraries() {
    local directory=$1 file library
    shift
    for file in "$@"; do
        while read -r library; do
            if [ ! -e "$directory/$library" ] || [ -e "$guest_root/lib/$library" ]; then continue; fi
            guest_add "$directory/$library" lib
            guest_add_libraries "$directory" "$directory/$library"
        done < <(aarch64-linux-gnu-readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; echo ld-linux-aarch64.so.1)
    done
}

guest_job() { cat >"$guest_root/job"; }

guest_pack() {
    (cd "$guest_root" && find . | cpio -o -H newc --quiet -R 0:0) >"$guest_root.cpio"
    rm -rf "$guest_root"
}

# guest_qemu ARGUMENTS...: QEMU with the guest in it; console on stdin and stdout.
guest_qemu() {
    local machine=(-M 'virt,gic-version=3' -cpu cortex-a57 -smp "$guest_cores" -m "$guest_memory" -nographic -nic none)
    npu_device_tree "$guest_root.dtb" "$guest_iommu" "${machine[@]}"
    "$@" "${lab_qemu[@]}" "${machine[@]}" -no-reboot -dtb "$guest_root.dtb" -kernel "$kernel_image" \
        -initrd "$guest_root.cpio" -append "console=ttyAMA0 panic=-1 $guest_append" \
        -plugin "$npu_plugin,base=$npu_base,spi=$npu_spi,stats=$guest_stats,log=$guest_trace${guest_npu:+,$guest_npu}"
}

guest_run() {
    local status began=$SECONDS
    guest_pack
    guest_qemu timeout --kill-after=10 "$1" </dev/null 2>&1 | sed -u 's,\r,,g' >"$guest_log" || true
    rm -f "$guest_root".{cpio,dtb,dtb.dts,dtb.virt,dtb.log}
    status=$(sed -n 's/^lab: exit \([0-9]*\)$/\1/p' "$guest_log" | tail -n 1)
    say "lab: guest $guest_name: exit ${status:-none} after $((SECONDS - began)) s; console in $guest_log"
    return "${status:-124}"
}

guest_block() { sed -n "/^lab: begin $1\$/,/^lab: end $1\$/{//!p}" "$guest_log"; }
guest_bytes() { guest_block "$1.64" | base64 -d; }
