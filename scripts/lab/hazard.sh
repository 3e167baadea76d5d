# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# The hazard verb: an IOMMU that drops address bits above 4 GiB, in all the ways there are. A dead guest is a legal row
# and named; a wrong result at a caller is not.

hazard_row() { # NAME IOMMU DEVICE-OPTIONS KERNEL-ARGUMENTS [--same-time]
    guest_iommu=$2 guest_npu=$3 guest_append="printk.devkmsg=on $4"
    guest_products "$1" 8 1 </dev/null
    shift 4
    products_row 240 "$@"
}

# An 8 GiB guest, so that tables and pages lie above 4 GiB. On `virt` memory starts at 1 GiB: mem=3G ends at 4 GiB.
verb_hazard() {
    guest_memory=${memory:-8G}
    table_head "8 GiB guest"
    # The time the backend counts is the time the device took, where nothing went wrong.
    hazard_row v2-sound v2 '' '' --same-time
    hazard_row v2-directory-cut v2 truncate=1 ''
    hazard_row v2-directory-forgotten v2 truncate=1,truncate-register=1 ''
    hazard_row v2-table-cut v2 truncate=2 ''
    hazard_row v2-page-cut v2 truncate=4 ''
    hazard_row v2-all-cut v2 truncate=7 ''
    hazard_row v2-all-cut-mem=3G v2 truncate=7 mem=3G
    hazard_row v1-tree-v1-device v1 v1=1 ''
    hazard_row v1-tree-v1-device-mem=3G v1 v1=1 mem=3G
}
