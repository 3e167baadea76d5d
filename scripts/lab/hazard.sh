# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# The verbs that break things on purpose: hazard (page tables above 4 GiB) and soak (kill -9, hangs, lost interrupts,
# DMA errors). A dead guest is a legal row and named; a wrong result at a caller is not.

# guest_random_matmul SECONDS PROCESSES KILLS: random products, each checked, in some processes at once.
guest_random_matmul() {
    guest_new "$verb-$row"
    guest_add "$root/build/arm64-cross/bin/lab_random_matmul" bin
    guest_job <<END
export LAB_SECONDS=$1
for seed in \$(seq $2); do
    LAB_SEED=\$seed lab_random_matmul >/tmp/out\$seed 2>&1 &
done
kills=$3
while [ \$kills -gt 0 ]; do # a process is killed in the middle of a job, and another takes its place
    kills=\$((kills - 1))
    sleep 2
    victim=\$(pidof lab_random_matmul | tr ' ' '\n' | head -n 1)
    [ -z "\$victim" ] || kill -9 \$victim
    LAB_SEED=\$((100 + kills)) lab_random_matmul >/tmp/out\$((100 + kills)) 2>&1 &
done
wait
cat /tmp/out* >/tmp/results
show /tmp/results
true
END
}

# What the kernel did, in a few words: its own worst message.
kernel_verdict() {
    local message
    for message in 'kernel BUG at [^!]*' 'Unable to handle kernel [a-z]* [a-z]*' 'Internal error: [^[]*' \
        'list_[a-z]* corruption' 'Memory manager not clean during takedown'; do
        if grep -q "$message" "$guest_log"; then
            if ! grep -q '^lab: exit' "$guest_log"; then printf 'dies: '; fi
            grep -o -m 1 "$message" "$guest_log"
            return
        fi
    done
    if grep -q '^lab: exit' "$guest_log"; then echo fine; else echo 'stops without a word'; fi
}

# One line of the table from the guest's log. Fails on a wrong result.
table_row() {
    local results sums
    results=$(guest_block results | grep '^{' || true)
    sums=$(python3 -c '
import json, sys
rows = [json.loads(line) for line in sys.stdin if line.startswith("{")]
keys = ("products", "tiles", "mismatch", "cpu_fallback", "wrong")
print(*(sum(row[key] for row in rows) if rows else "-" for key in keys))' <<<"$results")
    # shellcheck disable=SC2059,SC2086
    printf "$table_format" "$row" $sums "$(grep -c 'Page fault at' "$guest_log" || true)" \
        "$(grep -c 'NPU job timed out' "$guest_log" || true)" "$(kernel_verdict)"
    [[ $sums == *' 0' || $sums == *- ]] || die "a wrong result reached a caller; see $guest_log"
    if guest_block results | grep -q 'FAILED'; then die "a product failed; see $guest_log"; fi
}

table_format='%-28s %9s %6s %9s %9s %6s %7s %9s  %s\n'
table_head() {
    # shellcheck disable=SC2059
    printf "$table_format" "$1" products tiles mismatch from-CPU wrong faults timeouts kernel
}

hazard_row() { # NAME IOMMU DEVICE-OPTIONS KERNEL-ARGUMENTS
    row=$1 guest_iommu=$2 guest_npu=$3 guest_append=$4
    guest_random_matmul 8 1 0
    guest_run 120 || true
    table_row
}

# The time the backend counts is the time the device took: within 2 % where nothing went wrong.
require_same_time() {
    guest_block results | python3 -c '
import json, sys
told = sum(json.loads(line)["npu_ms_modelled"] for line in sys.stdin if line.startswith("{"))
measured = json.load(open(sys.argv[1]))["npu_ms_modelled"]
print(f"modelled NPU time: {told:.3f} ms told by the backend, {measured:.3f} ms by the device")
sys.exit(measured == 0 or abs(told - measured) > 0.02 * measured)' "$guest_stats" || die "these differ by more than 2 %"
}

# An 8 GiB guest, so that tables and pages lie above 4 GiB. On `virt` memory starts at 1 GiB: mem=3G ends at 4 GiB.
verb_hazard() {
    guest_memory=${memory:-8G}
    table_head "8 GiB guest"
    hazard_row v2-sound v2 '' ''
    require_same_time
    hazard_row v2-directory-cut v2 truncate=1 ''
    hazard_row v2-directory-forgotten v2 truncate=1,truncate-register=1 ''
    hazard_row v2-table-cut v2 truncate=2 ''
    hazard_row v2-page-cut v2 truncate=4 ''
    hazard_row v2-all-cut-mem=3G v2 truncate=7 mem=3G
    hazard_row v1-tree-v1-device v1 v1=1 ''
    hazard_row v1-tree-v1-device-mem=3G v1 v1=1 mem=3G
}

soak_seconds=300
verb_soak() {
    guest_npu=hang-permille=10,lose-irq-permille=10,dma-error-permille=10${guest_npu:+,$guest_npu}
    table_head "$soak_seconds s, 4 processes"
    row=faults
    guest_random_matmul "$soak_seconds" 4 0
    guest_run $((soak_seconds * 3 + 120)) || true
    table_row
    row=faults-and-kill-9
    guest_random_matmul $((soak_seconds / 4)) 4 $((soak_seconds / 8))
    guest_run $((soak_seconds * 3 + 120)) || true
    table_row
}
