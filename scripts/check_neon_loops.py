#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows from the disassembly that the host kernels' inner loops on arm64 are vector code.

Compiles the kernels with Debian's cross compiler, finds every innermost loop (a conditional branch back, no other loop
inside) and prints its instructions by kind. A loop that computes with scalar floats would be a scalar tail: exit 1.
"""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRIPLE = "aarch64-linux-gnu-"
SOURCES = {  # kernels that must have at least one vector loop
    "src/quant/row_kernels.cpp": {"quantise_row"},
    "src/matmul/tile_kernels.cpp": {"scale", "weighted_sums", "group_sum", "add_kernel", "write_features"},
    "src/matmul/half_kernels.cpp": {"to_half", "to_float"},
}
FLAGS = ["-std=c++20", "-O3", "-ffp-contract=off", "-fPIC", f"-I{ROOT}/src", f"-I{ROOT}/uapi"]
EXACT_PRODUCTS = {"quantise_row"}  # with 1 and -1: fusing them with an addition changes no bit
CONDITIONAL = re.compile(r"b\.|cbn?z|tbn?z")
VECTOR = re.compile(r"\b(v\d+\.|q\d+)")
SCALAR_FLOAT = re.compile(r"\bs\d+\b")
FUSED = re.compile(r"fml[as]|fn?m(add|sub)")


def functions(listing):
    """(name, [(address, mnemonic, operands)]) of every function in objdump's listing."""
    name, body = None, []
    for line in listing.splitlines():
        if head := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            if name:
                yield name, body
            name, body = head[1], []
        elif instruction := re.match(r"\s+([0-9a-f]+):\s+(\S+)\s*(.*)$", line):
            body.append((int(instruction[1], 16), instruction[2], instruction[3].split(" //")[0]))
    if name:
        yield name, body


def innermost_loops(body):
    """(first, last) address of each loop that holds no other."""
    loops = set()
    for address, mnemonic, operands in body:
        target = re.search(r"\b([0-9a-f]+) <", operands)
        if CONDITIONAL.match(mnemonic) and target and int(target[1], 16) <= address:
            loops.add((int(target[1], 16), address))
    return sorted(a for a in loops if not any(b != a and a[0] <= b[0] and b[1] <= a[1] for b in loops))


def is_scalar_float(mnemonic, operands):
    return bool(re.match(r"f(?!mov)|[su]cvtf", mnemonic) and SCALAR_FLOAT.search(operands))


def main():
    if not shutil.which(TRIPLE + "g++") or not shutil.which(TRIPLE + "objdump"):
        print(f"skipped: no {TRIPLE}g++ (package g++-aarch64-linux-gnu)")
        return 77
    faults = []
    for source, kernels in SOURCES.items():
        with tempfile.TemporaryDirectory() as folder:
            code = Path(folder) / "kernels.o"
            subprocess.run([TRIPLE + "g++", *FLAGS, "-c", ROOT / source, "-o", code], check=True)
            listing = subprocess.run([TRIPLE + "objdump", "-d", "--no-show-raw-insn", "-C", code], check=True,
                                     capture_output=True, text=True).stdout
        vector_loops = {kernel: 0 for kernel in kernels}
        for name, body in functions(listing):
            kernel = re.search(r"N_NEON::(\w+)\(", name)
            if not kernel:
                continue
            if kernel[1] not in EXACT_PRODUCTS and any(FUSED.match(mnemonic) for _, mnemonic, _ in body):
                faults.append(f"{kernel[1]}: a fused multiply-add, whose result other instruction sets do not give")
            for first, last in innermost_loops(body):
                loop = [i for i in body if first <= i[0] <= last]
                vector = sum(bool(VECTOR.search(operands)) for _, _, operands in loop)
                scalar = sum(is_scalar_float(mnemonic, operands) for _, mnemonic, operands in loop)
                if vector + scalar == 0:
                    continue  # pointers, or prefetches
                print(f"{kernel[1]:16} {first:6x}: {len(loop):4} instructions, {vector:4} vector, {scalar} scalar float")
                if kernel[1] in vector_loops:
                    vector_loops[kernel[1]] += vector > 0
                if scalar:
                    faults.append(f"{kernel[1]}: the loop at {first:x} computes with scalar floats")
        faults += [f"{kernel}: no vector loop" for kernel, count in vector_loops.items() if count == 0]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
