#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints a GGML_ROCKET_STATS file for people; fails when nothing ran on the NPU or a checksum did not hold."""

import json
import pathlib
import sys


def lines(stats: dict):
    matmuls, checksum = stats["mul_mat"], stats["checksum"]
    device = "emulated NPU" if stats["emulated"] else stats["device"]
    refused = ", ".join(f"{count} {reason}" for reason, count in matmuls["cpu_refused"].items()) or "none"
    yield "device", f"{device}, pipeline {stats['pipeline']}"
    yield "on the NPU", f"{matmuls['npu']} matmuls, {stats['macs'] / 1e9:.3f} GMAC in {stats['tasks']} tasks, {stats['jobs']} jobs"
    yield "on the CPU", f"{refused} (matmuls)"
    yield "checksums", f"{checksum['checked']} tiles checked, {checksum['mismatch']} wrong"
    yield "modelled", f"{stats['npu_ms_modelled']:.2f} ms of NPU time at {stats['clock_mhz']:g} MHz"


def main() -> int:
    path = pathlib.Path(sys.argv[1])
    if not path.exists():
        print(f"error: {path} was not written: the backend was not loaded", file=sys.stderr)
        return 1
    stats = json.loads(path.read_text())
    print("What ran where")
    for name, value in lines(stats):
        print(f"  {name:<11} {value}")
    return 0 if stats["mul_mat"]["npu"] > 0 and stats["checksum"]["mismatch"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
