# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# The audit verb: `rosenblatt audit` on a live host, the guest. Its device tree claims an RK3588 and has the NPU at its own
# addresses; everything else that the audit reads there is the real kernel's. The guest is brought into states whose
# findings are known, and asked in each. Source it after common.sh, guest.sh and lib/arm64_root.sh.

audit_build() {
    arm64_root_get || unavailable "no arm64 libraries for rosenblatt"
    lab_build arm64-cross rosenblatt -DROSENBLATT_ARM64_ROOT="$arm64_root"
    lab_build arm64-cross port_contract
}

# The states in their order: name, exit status, verdict, errors and warnings (which infos there are depends on the
# kernel's release).
audit_states() {
    cat <<'END'
as-it-boots 0 ready fd-limit
more-open-files 0 ready
another-user 1 action-needed accel-node-permission
no-such-backend 1 action-needed backend-not-loadable
after-a-page-fault 1 action-needed iommu-fault-seen,job-timeout-seen
core-2-not-bound 1 action-needed iommu-fault-seen,job-timeout-seen,node-not-bound
driver-not-loaded 1 action-needed iommu-fault-seen,job-timeout-seen,rocket-not-loaded
driver-not-installed 1 action-needed iommu-fault-seen,job-timeout-seen,rocket-not-built
END
}

audit_guest() {
    local config=$kernel_modules/config
    [ -e "$config" ] || config=$kernel_modules/.config # a tree that somebody has built
    guest_new audit
    guest_add "$root/build/arm64-cross/bin/port_contract" bin
    guest_add "$root/build/arm64-cross/bin/rosenblatt" bin
    guest_add_libraries "$arm64_libraries" "$guest_root/bin/rosenblatt"
    guest_add_libraries "$arm64_sysroot/lib" "$guest_root/bin/rosenblatt" "$guest_root"/lib/*.so*
    mkdir -p "$guest_root/boot" "$guest_root/lib/modules/$kernel_name/updates"
    cp "$config" "$guest_root/boot/config-$kernel_name"
    cp "$guest_root/modules/rocket.ko" "$guest_root/lib/modules/$kernel_name/updates/"
    guest_job <<'END'
audit() { # STATE COMMAND...
    state=$1
    shift
    "$@" >"/tmp/$state" 2>&1
    echo "exit $?" >>"/tmp/$state"
    show "/tmp/$state"
}
audit as-it-boots rosenblatt audit --json
ulimit -n 4096
audit more-open-files rosenblatt audit --json
mkdir /etc
echo 'somebody:x:1000:1000:::/bin/sh' >/etc/passwd
audit another-user su somebody -c 'rosenblatt audit --json'
audit no-such-backend rosenblatt audit --json --backend /lib/libggml-rocket.so
port_contract --gtest_filter='Port/Watchdog.AHungJob*/system' >/tmp/fault 2>&1 || show /tmp/fault
audit after-a-page-fault rosenblatt audit --json
echo fdad0000.npu >/sys/bus/platform/drivers/rocket/unbind
audit core-2-not-bound rosenblatt audit --json
rmmod rocket
audit driver-not-loaded rosenblatt audit --json
rm -r /lib/modules/*/updates
audit driver-not-installed rosenblatt audit --json
true
END
}

verb_audit() {
    local state status verdict findings failed=0
    npu_base=$((0xfdab0000)) # as on the SoC; memory must end below
    audit_guest
    guest_run 300 || die "the audits did not end; see $guest_log"
    require_three_cores
    while read -r state status verdict findings; do
        guest_block "$state" | "$root/scripts/lab/check_audit.py" "$state" "$status" "$verdict" "$findings" || failed=1
    done < <(audit_states)
    [ $failed = 0 ] || die "the audit does not see what is so; see $guest_log"
}
