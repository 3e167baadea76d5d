#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the fixture hosts beside it: each a root directory as `rosenblatt audit --root` reads it.

    make_hosts.py            rewrite all folders
    make_hosts.py --check    exit 1 when a committed folder differs from what this script makes

A host is a dictionary path -> bytes, text, or Link(target). HEALTHY is a ROCK 5 ITX on Linux 7.3 with
everything in place; the others change what their name says. Device nodes are empty plain files.
"""

import gzip
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
DT = "proc/device-tree"
CORES = ["fdab0000", "fdac0000", "fdad0000"]
MMUS = ["fdab9000", "fdaca000", "fdada000"]
DOMAIN = f"{DT}/power-management@fd8d8000/power-controller/power-domain@8"
REGULATOR = f"{DT}/i2c@fea90000/regulator@42"
BUS = "sys/bus/platform"
NPU_SUPPLY = 0x37


class Link(str):
    """A symbolic link with this target."""


def strings(*words):
    return b"".join(word.encode() + b"\0" for word in words)


def cells(*values):
    return b"".join(value.to_bytes(4, "big") for value in values)


def board(model, *compatible):
    return {f"{DT}/model": strings(model), f"{DT}/compatible": strings(*compatible)}


def npu_nodes(status="okay", supply=True):
    host = {}
    for core, mmu in zip(CORES, MMUS):
        node = f"{DT}/npu@{core}"
        host[f"{node}/compatible"] = strings("rockchip,rk3588-rknn-core")
        host[f"{node}/assigned-clock-rates"] = cells(200_000_000)
        host[f"{node}/status"] = strings(status)
        if supply:
            host[f"{node}/npu-supply"] = cells(NPU_SUPPLY)
            host[f"{node}/sram-supply"] = cells(NPU_SUPPLY)
        node = f"{DT}/iommu@{mmu}"
        host[f"{node}/compatible"] = strings("rockchip,rk3588-iommu", "rockchip,rk3568-iommu")
        host[f"{node}/status"] = strings(status)
    return host


def rail(domain_supply=True, always_on=False):
    host = {
        f"{DOMAIN}/reg": cells(8),
        f"{REGULATOR}/regulator-name": strings("vdd_npu_s0"),
        f"{REGULATOR}/regulator-boot-on": b"",
        f"{REGULATOR}/phandle": cells(NPU_SUPPLY),
    }
    if domain_supply:
        host[f"{DOMAIN}/domain-supply"] = cells(NPU_SUPPLY)
    if always_on:
        host[f"{REGULATOR}/regulator-always-on"] = b""
    return host


def kernel(release, accel="y", rocket="m", place="usr/lib/modules/{}/config", listed=True):
    folder = f"usr/lib/modules/{release}"
    config = ["CONFIG_ARM64=y", "CONFIG_ROCKCHIP_IOMMU=y"]
    for symbol, value in (("CONFIG_DRM_ACCEL", accel), ("CONFIG_DRM_ACCEL_ROCKET", rocket)):
        if value:
            config.append(f"# {symbol} is not set" if value == "n" else f"{symbol}={value}")
    host = {
        "proc/sys/kernel/osrelease": release + "\n",
        place.format(release): "\n".join(config) + "\n",
        f"{folder}/modules.builtin": "kernel/drivers/iommu/arm/arm-smmu.ko\n",
        f"{folder}/modules.dep": "kernel/drivers/gpu/drm/panthor/panthor.ko.xz:\n",
    }
    if rocket == "m" and listed:
        host[f"{folder}/modules.dep"] += "kernel/drivers/accel/rocket/rocket.ko.xz: kernel/drivers/gpu/drm/drm.ko.xz\n"
        host[f"{folder}/modules.alias"] = "alias of:N*T*Crockchip,rk3588-rknn-core rocket\n"
    return host


def loaded(cores=CORES):
    host = {
        "proc/modules": "panthor 110592 0 - Live 0x0\nrocket 36864 0 - Live 0x0\n",
        "sys/module/rocket/srcversion": "6E5A1C0D\n",
        "sys/devices/platform/rknn/uevent": "MODALIAS=platform:rknn\n",
        f"{BUS}/drivers/rocket/uevent": "",
        "proc/devices": "Character devices:\n  1 mem\n261 accel\n",
    }
    for core in cores:
        host[f"{BUS}/drivers/rocket/{core}.npu"] = Link(f"../../../../devices/platform/{core}.npu")
    return host


def accel_node(number=0, device="../../../devices/platform/rknn"):
    return {
        f"dev/accel/accel{number}": "",
        f"sys/class/accel/accel{number}/device": Link(device),
    }


def memory(gib, high=True):
    host = {"proc/meminfo": f"MemTotal:       {gib * 1024 * 1024 - 300_000} kB\nMemFree:         1000000 kB\n"}
    ram = "00200000-efffffff : System RAM\n  00210000-0298ffff : Kernel code\n"
    host["proc/iomem"] = ram + (f"100000000-{gib * 2**30 + 0xFFFFFFF:x} : System RAM\n" if high else "")
    return host


def log(*lines, where="var/log/kern.log"):
    banner = "[    0.000000] Linux version 7.3.4+deb13-arm64 (debian-kernel@lists.debian.org)\n"
    return {where: banner + "".join(line + "\n" for line in lines)}


def tuned():
    return {
        "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "performance\n",
        "sys/devices/system/cpu/cpufreq/policy4/scaling_governor": "performance\n",
        "sys/devices/system/cpu/cpu4/cpuidle/state0/latency": "1\n",
        "sys/devices/system/cpu/cpu4/cpuidle/state1/latency": "220\n",
        "sys/devices/system/cpu/cpu4/cpuidle/state1/name": "cpu-sleep\n",
        "sys/devices/system/cpu/cpu4/cpuidle/state1/disable": "1\n",
        "proc/self/limits": "Limit                     Soft Limit           Hard Limit           Units     \n"
                            "Max open files            65536                524288               files     \n",
    }


ITX = board("Radxa ROCK 5 ITX", "radxa,rock-5-itx", "rockchip,rk3588")
ROCK_5A = board("Radxa ROCK 5A", "radxa,rock-5a", "rockchip,rk3588s")
HEALTHY = ITX | npu_nodes() | rail() | kernel("7.3.4-edge-rockchip64") | loaded() | accel_node() | memory(16) | tuned()


def without(host, *prefixes):
    return {path: body for path, body in host.items() if not path.startswith(prefixes)}


def unloaded(host):
    """The same host before anybody loaded the driver."""
    return without(host, "sys/module/rocket", "sys/devices/platform/rknn", f"{BUS}/drivers/rocket", "dev/accel",
                   "sys/class/accel") | {"proc/modules": "panthor 110592 0 - Live 0x0\n", f"{BUS}/uevent": ""}


def no_kernel(host):
    return without(host, "usr/lib/modules", "proc/sys")


def on_kernel(host, release, **options):
    return no_kernel(host) | kernel(release, **options)


def with_status(host, node, status):
    return host | {f"{DT}/{node}/status": strings(status)}


def hosts():
    made = {"itx-7.3": HEALTHY}
    disabled = HEALTHY | npu_nodes("disabled", supply=False)

    # Kernels
    made["itx-6.18-disabled"] = on_kernel(unloaded(without(disabled, f"{DT}/npu@", f"{DT}/iommu@")), "6.18.15+deb13-arm64") \
        | npu_nodes("disabled", supply=False) | rail(domain_supply=False, always_on=True)
    made["orangepi-6.18"] = on_kernel(HEALTHY, "6.18.15-current-rockchip64") | board(
        "Xunlong Orange Pi 5 Plus", "xunlong,orangepi-5-plus", "rockchip,rk3588")
    made["armbian-6.18-rc6"] = on_kernel(HEALTHY, "6.18.0-rc6-edge-rockchip64") | board(
        "Radxa ROCK 5B", "radxa,rock-5b", "rockchip,rk3588")
    made["boltzmann-7.0-rc3"] = on_kernel(unloaded(disabled), "7.0.0-rc3-ARCH+", place="proc/config.gz") \
        | rail(domain_supply=False, always_on=True) | memory(32)
    made["boltzmann-7.0-rc3"]["proc/config.gz"] = gzip.compress(
        made["boltzmann-7.0-rc3"]["proc/config.gz"].encode(), mtime=0)
    made["nova-7.1"] = on_kernel(HEALTHY, "7.1.13-arm64", place="boot/config-{}") | board(
        "Indiedroid Nova", "indiedroid,nova", "rockchip,rk3588s")
    made["itx-7.2"] = on_kernel(HEALTHY, "7.2.13-arm64", place="lib/modules/{}/config")
    made["mainline-6.12"] = on_kernel(unloaded(without(HEALTHY, f"{DT}/npu@", f"{DT}/iommu@", DOMAIN)),
                                      "6.12.48+deb13-arm64", rocket=None)
    made["debian-7.2-no-framework"] = on_kernel(unloaded(HEALTHY), "7.2.12+deb13-arm64", accel="n", rocket=None)
    made["debian-7.3-stock"] = on_kernel(unloaded(HEALTHY), "7.3.4+deb13-arm64", rocket="n")
    made["debian-7.3-own-module"] = on_kernel(HEALTHY, "7.3.4+deb13-arm64", rocket="n") | {
        "usr/lib/modules/7.3.4+deb13-arm64/modules.dep":
            "updates/rocket.ko.xz: kernel/drivers/gpu/drm/drm.ko.xz\n"}
    made["itx-7.3-builtin"] = on_kernel(HEALTHY, "7.3.4-gentoo", rocket="y") | {
        "proc/modules": "panthor 110592 0 - Live 0x0\n",
        "usr/lib/modules/7.3.4-gentoo/modules.builtin": "kernel/drivers/accel/rocket/rocket.ko\n"}
    made["itx-7.3-not-loaded"] = unloaded(HEALTHY)

    made["rocket-is-listed-first"] = HEALTHY | {"proc/modules": "rocket 1 0 - Live 0x0\n"}
    made["modules-extra-missing"] = without(unloaded(HEALTHY), "usr/lib/modules") | kernel("7.3.4-edge-rockchip64", listed=False)
    made["debian-7.3-order-only"] = no_kernel(unloaded(HEALTHY)) | {
        "proc/sys/kernel/osrelease": "7.3.4+deb13-arm64\n",
        "usr/lib/modules/7.3.4+deb13-arm64/modules.order": "kernel/drivers/accel/ethosu/ethosu.ko\n"}
    made["dkms-module-before-depmod"] = no_kernel(unloaded(HEALTHY)) | {
        "proc/sys/kernel/osrelease": "7.3.4-1-aarch64-ARCH\n",
        "usr/lib/modules/7.3.4-1-aarch64-ARCH/updates/dkms/rocket.ko.zst": b"(\xb5/\xfd"}
    made["loaded-as-sysfs-says"] = without(HEALTHY, "proc/modules")
    made["not-loaded-as-sysfs-says"] = without(unloaded(HEALTHY), "proc/modules") | {
        "sys/module/panthor/refcnt": "0\n"}

    # Device tree
    made["rock-5a-7.3-disabled"] = unloaded(HEALTHY) | ROCK_5A | npu_nodes("disabled", supply=False) \
        | rail(domain_supply=False, always_on=True)
    made["rock-5a-7.3-disabled"].pop(f"{DOMAIN}/domain-supply")
    axon = unloaded(HEALTHY) | board("Vicharak Axon", "vicharak,axon", "rockchip,rk3588") \
        | npu_nodes("disabled", supply=False)
    made["axon-7.3-rail-may-go-off"] = without(axon, f"{DOMAIN}/domain-supply", f"{DT}/npu@fdab0000/npu-supply")
    for path in [p for p in made["axon-7.3-rail-may-go-off"] if p.endswith("-supply")]:
        made["axon-7.3-rail-may-go-off"].pop(path)
    made["overlay-left-dangling-supply"] = HEALTHY | {f"{REGULATOR}/phandle": cells(0x167)} | {
        f"{DT}/npu@{core}/npu-supply": cells(0x167) for core in CORES}
    made["rail-without-power-domain"] = without(HEALTHY, DOMAIN)
    made["one-core-disabled"] = without(with_status(HEALTHY, "npu@fdad0000", "disabled"),
                                        f"{BUS}/drivers/rocket/fdad0000")
    made["mmu-disabled"] = without(
        with_status(HEALTHY, "iommu@fdaca000", "disabled"), f"{BUS}/drivers/rocket/fdac0000")
    made["status-ok-and-missing"] = without(
        with_status(HEALTHY, "npu@fdab0000", "ok"), f"{DT}/npu@fdac0000/status", f"{DT}/iommu@fdada000/status")
    made["old-dtb"] = unloaded(without(HEALTHY, f"{DT}/npu@", f"{DT}/iommu@"))
    made["captured-with-absolute-links"] = {
        path.replace(DT, "sys/firmware/devicetree/base"): body for path, body in HEALTHY.items()} | {
        DT: Link("/sys/firmware/devicetree/base")}

    # Vendor and other machines
    vendor = without(ITX | kernel("6.1.84-vendor-rk35xx", accel=None, rocket=None) | memory(16) | tuned(), "none")
    made["vendor-6.1"] = vendor | {
        f"{DT}/npu@fdab0000/compatible": strings("rockchip,rk3588-rknpu"),
        f"{DT}/npu@fdab0000/status": strings("okay"),
        f"{DT}/iommu@fdab9000/compatible": strings("rockchip,iommu-v2"),
        f"{DT}/iommu@fdab9000/status": strings("okay"),
        "proc/modules": "mali_kbase 1000000 0 - Live 0x0\n",
        f"{BUS}/drivers/RKNPU/fdab0000.npu": Link("../../../../devices/platform/fdab0000.npu"),
        "sys/class/drm/renderD129/device/uevent": "DRIVER=RKNPU\n",
        "sys/class/devfreq/dmc/governor": "dmc_ondemand\n"}
    made["vendor-dt-on-mainline"] = unloaded(without(HEALTHY, f"{DT}/npu@", f"{DT}/iommu@")) | {
        f"{DT}/rknpu@fdab0000/compatible": strings("rockchip,rk3588-rknpu")}
    made["dkms-vendor-module"] = HEALTHY | {"proc/modules": HEALTHY["proc/modules"] + "rknpu 98304 0 - Live 0x0\n"}
    made["rk3576"] = HEALTHY | board("Radxa ROCK 4D", "radxa,rock-4d", "rockchip,rk3576")
    made["rk3568-8g"] = kernel("7.3.4-edge-rockchip64") | memory(8) | board(
        "Radxa ROCK 3A", "radxa,rock3a", "rockchip,rk3568")
    made["x86"] = kernel("6.12.48+deb13-amd64", rocket=None) | memory(16) | {
        "proc/modules": "i915 4000000 0 - Live 0x0\n", "dev/accel/accel0": "",
        "sys/class/accel/accel0/device/uevent": "DRIVER=intel_vpu\n"}

    # Devices and log
    made["core-2-not-bound"] = without(HEALTHY, f"{BUS}/drivers/rocket/fdad0000") | {
        f"{BUS}/devices/fdad0000.npu/waiting_for_supplier": "1\n"}
    made["no-device-node"] = without(HEALTHY, "dev/accel") | {"dev/null": ""}
    made["accel0-is-ethos-u"] = HEALTHY | accel_node(1) | {
        "sys/class/accel/accel0/device": Link("../../../devices/platform/soc/ethosu")}
    made["nodes-name-their-drivers"] = without(HEALTHY, "sys/class/accel") | {
        "dev/accel/accel0": "ethosu\n", "dev/accel/accel1": "rocket\n"}
    made["bus-without-our-devices"] = without(HEALTHY, BUS) | {f"{BUS}/drivers/rk_iommu/uevent": ""}
    made["uevent-names-another-driver-first"] = without(HEALTHY, "sys/class/accel") | {
        "dev/accel/accel1": "", "sys/class/accel/accel0/device/uevent": "DRIVER=ethosu\n",
        "sys/class/accel/accel1/device/uevent": "MODALIAS=platform:rknn\n"}
    fault = "[  203.112034] rk_iommu fdab9000.iommu: Page fault at 0x00000000dead0000 of type write"
    late = "[  203.640210] rocket fdab0000.npu: NPU job timed out"
    made["iommu-fault"] = HEALTHY | log(fault, late)
    made["iommu-fault-of-the-display"] = HEALTHY | log(fault.replace("fdab9000", "fdd97e00"), where="var/log/dmesg")
    made["fault-of-an-earlier-boot"] = HEALTHY | {
        "var/log/kern.log": fault + "\n" + "".join(log("[    3.2] [drm] Initialized rocket 0.0.0 for rknn on minor 0").values())}
    made["kmsg-timeout"] = HEALTHY | {"dev/kmsg": "6,1,0,-;Linux version 7.3.4\n3,812,203640210,-;rocket fdac0000.npu: NPU job timed out\n"}

    # Speed
    made["untuned"] = HEALTHY | {
        "sys/devices/system/cpu/cpufreq/policy4/scaling_governor": "schedutil\n",
        "sys/devices/system/cpu/cpu4/cpuidle/state1/disable": "0\n",
        "sys/class/devfreq/dmc/governor": "simple_ondemand\n",
        "proc/self/limits": tuned()["proc/self/limits"].replace("65536 ", "1024  ")}
    made["latency-held"] = HEALTHY | {"sys/devices/system/cpu/cpu4/cpuidle/state1/disable": "0\n",
                                      "dev/cpu_dma_latency": (20).to_bytes(4, "little")}
    made["clock-raised"] = HEALTHY | {
        "sys/kernel/debug/clk/clk_summary":
            "   clock          enable_cnt  prepare_cnt  protect_cnt  rate  accuracy phase  duty\n"
            " scmi_clk_npu        1  1  0  600000000   0  0  50000  Y   deviceless  no_connection_id\n"}
    made["4-gib-board"] = HEALTHY | memory(4, high=False)

    # What cannot be read is silent
    made["only-device-tree-and-node"] = ITX | npu_nodes() | accel_node()
    return made


def write(folder, host):
    for path, body in host.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(body, Link):
            target.symlink_to(body)
        else:
            target.write_bytes(body.encode() if isinstance(body, str) else body)


def tree(folder):
    return {str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
            for path in folder.rglob("*") if path.is_symlink() or path.is_file()}


def main():
    differing = []
    for name, host in hosts().items():
        if sys.argv[1:] == ["--check"]:
            made = {path: str(body) if isinstance(body, Link) else body.encode() if isinstance(body, str) else body
                    for path, body in host.items()}
            differing += [name] if tree(HERE / name) != made else []
            continue
        shutil.rmtree(HERE / name, ignore_errors=True)
        write(HERE / name, host)
    print("\n".join(f"{name} differs from make_hosts.py" for name in differing), file=sys.stderr) if differing else None
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
