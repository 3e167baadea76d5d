# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# The guest's device tree: QEMU's own for the `virt` machine plus the NPU of an RK3588, at addresses that `virt` leaves
# free. What each driver needs of a node stands in docs/lab.md.

npu_base=$((0x0b000000)) npu_spi=176

# npu_iommu_compatible v1|v2
npu_iommu_compatible() {
    case $1 in
    v1) echo '"rockchip,iommu"' ;;
    v2) echo '"rockchip,rk3588-iommu", "rockchip,rk3568-iommu"' ;;
    *) die "no IOMMU version $1; take v1 or v2" ;;
    esac
}

# Clocks that only have to exist; the rate the NPU is modelled at belongs to the device.
npu_clock_nodes() {
    local name
    for name in aclk hclk npu pclk; do
        printf 'lab_%s: clock-lab-%s { compatible = "fixed-clock"; #clock-cells = <0>; clock-frequency = <200000000>; };\n' \
            $name $name
    done
}

# npu_core_nodes CORE COMPATIBLE: core, IOMMU and reset lines. Core 0 has a second set of IOMMU registers.
npu_core_nodes() {
    local core=$1 compatible=$2 base bank=0xa000 banks
    base=$((npu_base + core * 0x10000))
    at() { printf '<0 %#x 0 %#x>' $((base + $1)) "$2"; }
    banks=$(at 0xa000 0x100)
    [ "$core" != 0 ] || bank=0x9000 banks="$(at 0x9000 0x100), $banks"
    cat <<END
lab_reset$core: reset@$(printf %x $((base + 0xf000))) {
    compatible = "snps,dw-high-reset"; reg = $(at 0xf000 0x1000); #reset-cells = <1>;
};
lab_iommu$core: iommu@$(printf %x $((base + bank))) {
    compatible = $compatible; reg = $banks; interrupts = <0 $((npu_spi + core)) 4>;
    clocks = <&lab_aclk>, <&lab_hclk>; clock-names = "aclk", "iface"; #iommu-cells = <0>;
};
npu@$(printf %x "$base") {
    compatible = "rockchip,rk3588-rknn-core"; reg-names = "pc", "cna", "core";
    reg = $(at 0 0x1000), $(at 0x1000 0x1000), $(at 0x3000 0x1000); interrupts = <0 $((npu_spi + core)) 4>;
    clocks = <&lab_aclk>, <&lab_hclk>, <&lab_npu>, <&lab_pclk>; clock-names = "aclk", "hclk", "npu", "pclk";
    resets = <&lab_reset$core 0>, <&lab_reset$core 1>; reset-names = "srst_a", "srst_h"; iommus = <&lab_iommu$core>;
};
END
}

# npu_device_tree OUTPUT IOMMU-VERSION QEMU-ARGUMENTS...: the tree for a machine of these arguments.
npu_device_tree() {
    local output=$1 compatible core
    compatible=$(npu_iommu_compatible "$2")
    shift 2
    "${lab_qemu[@]}" "$@" -machine "dumpdtb=$output.virt" >"$output.log" 2>&1 ||
        die "QEMU writes no device tree: $(cat "$output.log")"
    {
        dtc -q -I dtb -O dts "$output.virt"
        echo '/ { model = "Rosenblatt lab"; compatible = "rockchip,rk3588", "linux,dummy-virt";'
        npu_clock_nodes
        for core in 0 1 2; do npu_core_nodes $core "$compatible"; done
        echo '};'
    } >"$output.dts"
    dtc -q -I dts -O dtb -o "$output" "$output.dts" || die "dtc refuses $output.dts"
}
