# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# The verbs of scripts/lab.sh that run the contract suite. Each leaves its tables on stdout and ends the script on a
# failure.

# The kernel's own words that the real driver drives three cores.
require_three_cores() {
    local line
    for line in 'Linux version ' 'Initialized rocket 0.0.0' 'NPU core 0 version' 'NPU core 1 version' \
        'NPU core 2 version'; do
        grep -m 1 "$line" "$guest_log" || die "the kernel did not say '$line'; see $guest_log"
    done
}

# Every core has raised interrupts, by the guest's own count.
require_interrupts_of_each_core() {
    guest_block interrupts | awk '
        { sum = 0; for (i = 2; $i ~ /^[0-9]+$/; ++i) sum += $i; print "interrupts of " $NF ": " sum; if (sum > 0) ++busy }
        END { exit busy != 3 }' || die "not every core raised an interrupt; see $guest_log"
}

# require_tasks LEAST: the device did as many, and none of them hung.
require_tasks() {
    python3 -c '
import json, sys
cores = json.load(open(sys.argv[1]))["cores"]
print("tasks of the device, by core:", " + ".join(str(core["tasks"]) for core in cores))
sys.exit(sum(core["tasks"] for core in cores) < int(sys.argv[2]) or any(core["hung"] + core["faulted"] for core in cores))
' "$guest_stats" "$1" || die "the device should have done $1 tasks or more, all of them well; see $guest_stats"
}

# guest_contract FILTER: the contract suite as the guest's job, and a matmul once more after the module was taken out and
# put in again.
guest_contract() {
    guest_new "$verb"
    guest_add "$root/build/arm64-cross/bin/port_contract" bin
    guest_job <<END
port_contract --gtest_filter='$1' --gtest_color=no >/tmp/contract 2>&1
status=\$?
show /tmp/contract
grep '\.npu' /proc/interrupts >/tmp/interrupts
show /tmp/interrupts
rmmod rocket && insmod /modules/rocket.ko &&
    port_contract --gtest_filter='Port/Submit.AMatmul*/system' --gtest_color=no >/tmp/again 2>&1 || status=1
show /tmp/again
dmesg -n 1
sh -c "exit \$status"
END
}

# A test that was not run proves nothing, unless the guest is too small for it.
require_all_tests() {
    local contract skipped
    contract=$(guest_block contract)
    [[ $contract == *'[  PASSED  ]'* ]] || die "the suite did not end; see $guest_log"
    skipped=$(grep -B 1 '^\[  SKIPPED \] .* ms)' <<<"$contract" | grep -v -e '^--' -e SKIPPED -e 'of free memory' || true)
    [ -z "$skipped" ] || die "tests were skipped: $skipped"
    grep -E '^\[  (PASSED|SKIPPED|FAILED)' <<<"$contract" | sort -u
    [[ $(guest_block again) == *'[  PASSED  ] 1 test'* ]] || die "no matmul after rmmod and insmod; see $guest_log"
}

verb_smoke() {
    # Tasks a thousand times as long as modelled: jobs of three lanes overlap however slow the guest's CPUs are.
    guest_npu="slow=1000${guest_npu:+,$guest_npu}"
    guest_contract 'Port/Open.VersionSaysRocket*/system:Port/Submit.AMatmul*/system:Port/FiniBo.*/system:Port/Lane.*Matmul/system:Port/Lane.ThreeLanes*/system'
    guest_run 300 || { guest_block contract >&2; die "smoke failed; see $guest_log"; }
    require_three_cores
    require_all_tests
    require_interrupts_of_each_core
}

# What the kernel says while the suite asks it for odd things, and how often; a repaired driver says less.
kernel_words=('NPU job timed out' 'Page fault at 0x00000000dead0000 of type read' 'cannot remap to phys'
              'failed to map buffer: size=-98' 'WARNING: mm/slub.c' 'Memory manager not clean during takedown')

show_kernel_words() {
    local words
    echo "S_POINTER of each core, as the driver writes it: $(sed -n 's/.* S_POINTER //p' "$guest_trace" | sort -u | tr '\n' ' ')"
    for words in "${kernel_words[@]}"; do
        printf '%4s times: %s\n' "$(grep -c "$words" "$guest_log" || true)" "$words"
    done
    ! grep -E -m 3 'kernel BUG at|Internal error|Unable to handle kernel|general protection' "$guest_log" ||
        die "the kernel did not stay whole; see $guest_log"
}

verb_test() {
    guest_memory=${memory:-7G} # 4 GiB of addresses of one file, all of it pinned
    guest_contract '*/system'
    guest_run 900 || { guest_block contract | grep -v -E '^\[ +(OK|RUN)' >&2; die "the suite failed; see $guest_log"; }
    require_three_cores
    require_all_tests
    show_kernel_words
    guest_block contract | sed -n 's/^\[==========\] \(.*ran\..*\)$/\1/p'
}

verb_shell() {
    guest_new shell
    guest_add "$root/build/arm64-cross/bin/port_contract" bin
    guest_job <<'END'
echo "lab: a shell; port_contract is here; 'exit' or Ctrl-A X ends the guest"
setsid cttyhack sh
END
    guest_pack
    guest_qemu
}
