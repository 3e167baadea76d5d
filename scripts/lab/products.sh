# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# What hazard and soak have in common: a guest in which processes multiply random matrices and check each product.
#   guest_products NAME SECONDS PROCESSES <<'END' ... END   that guest; the script on stdin runs beside them
#   products_row LIMIT [--same-time]   boots it for at most LIMIT seconds and prints its line of the table

# A kernel that has lost a worker never ends its jobs, and who waits for one waits for ever: seconds until it is named.
products_patience=120

guest_products() {
    local beside
    beside=$(cat)
    row=$1
    guest_new "$verb-$row"
    guest_add "$root/build/arm64-cross/bin/lab_random_matmul" bin
    guest_job <<END
export LAB_REPORT=/dev/kmsg # what is said there is on the console before the guest can die
now() { cut -d. -f1 /proc/uptime; }
end=\$((\$(now) + $2))
multiply() { # SEED [VARIABLE=VALUE...]
    seed=\$1
    shift
    env "\$@" LAB_SECONDS=\$((end - \$(now))) LAB_SEED=\$seed lab_random_matmul >/tmp/out\$seed 2>&1 &
}
for number in \$(seq $3); do multiply \$number; done
$beside
while pidof lab_random_matmul >/dev/null && [ \$(now) -lt \$((end + $products_patience)) ]; do usleep 500000; done
for process in \$(pidof lab_random_matmul); do echo "lab: stuck caller \$process" >/dev/kmsg; done
cat /tmp/out* >/tmp/results
show /tmp/results
true
END
}

table_head() { "$root/scripts/lab/table_row.py" --head "$1"; }

products_row() {
    local limit=$1
    shift
    guest_run "$limit" || true
    "$root/scripts/lab/table_row.py" "$row" "$guest_log" "$guest_stats" "$@"
}
