# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# The soak verb: four processes multiply while cores get stuck, interrupts get lost and accesses fault; the same while
# processes are killed; one whose file has next to no NPU addresses left; four while files are closed under their jobs.

soak_seconds=300
soak_seed=1 # of the moments at which processes are killed

# soak_kills SECONDS: milliseconds between kills, at random, together about as long.
soak_kills() {
    local left=$(($1 * 1000)) pause
    RANDOM=$soak_seed
    while [ $left -gt 0 ]; do
        pause=$((200 + RANDOM % 3000))
        echo -n "$pause "
        left=$((left - pause))
    done
}

verb_soak() {
    local faults=hang-permille=10,lose-irq-permille=10,dma-error-permille=10${guest_npu:+,$guest_npu}
    local kills close_seconds=$((soak_seconds / 10)) kill_seconds=$((soak_seconds / 5))
    guest_append=printk.devkmsg=on
    guest_npu=$faults
    table_head "$soak_seconds s, 4 processes"
    guest_products faults "$soak_seconds" 4 </dev/null
    products_row $((soak_seconds * 4 + 180))

    kills=$(soak_kills $kill_seconds)
    guest_products kill-9 $kill_seconds 4 <<END
next=100
for pause in $kills; do
    usleep \${pause}000
    [ \$(now) -lt \$end ] || break
    set -- \$(pidof lab_random_matmul)
    [ \$# -gt 0 ] || continue
    shift \$((pause % \$#))
    kill -9 \$1
    next=\$((next + 1))
    multiply \$next
done
END
    products_row $((kill_seconds * 4 + 180))

    guest_memory=${memory:-7G} # the process pins 4 GiB: all the addresses of its file but the last 512 KiB
    guest_products few-addresses $close_seconds 0 <<<'multiply 1 LAB_SPARE_KIB=512'
    products_row 900

    guest_memory=${memory:-2G}
    guest_npu=''
    guest_products close-under-job $close_seconds 4 <<<"LAB_SECONDS=$close_seconds lab_close_under_job >/tmp/out-close 2>&1 &"
    guest_add "$root/build/arm64-cross/bin/lab_close_under_job" bin
    products_row $((close_seconds * 4 + 180))
}
