#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run_stream_test.py PROGRAM: examples/emulator/run_stream.c computes a recorded layer, and says what is wrong."""

import json
import pathlib
import subprocess
import sys
import tempfile

VECTOR = pathlib.Path(__file__).parent.parent / "data/mesa-conv/conv_8x8x32_k1_oc32_s1_valid"
SIDE, CHANNELS, ATOM = 8, 32, 16


def run(*arguments):
    return subprocess.run([sys.argv[1], *map(str, arguments)], capture_output=True, text=True)


manifest = json.loads((VECTOR / "manifest.json").read_text())
buffers = [f"{bo['dma']}={VECTOR / bo['file'] if bo['file'] else '+' + str(bo['size'])}" for bo in manifest["bos"]]
job = manifest["submits"][0]["jobs"][0]
task = job["tasks"][0]
output = next(bo["dma"] for bo in manifest["bos"] if bo["handle"] == job["out"][0])

with tempfile.TemporaryDirectory() as folder:
    result = pathlib.Path(folder) / "out.bin"
    done = run(task["regcmd"], task["count"], output, result, *buffers)
    assert done.returncode == 0, done.stderr
    assert "interrupt line 1" in done.stdout, done.stdout
    cube = result.read_bytes()
    expected = (VECTOR / "output_cpu0.bin").read_bytes()
    for pixel in range(SIDE * SIDE):
        for c in range(CHANNELS):
            code = (cube[(c // ATOM * SIDE * SIDE + pixel) * ATOM + c % ATOM] + 128) % 256
            assert abs(code - expected[pixel * CHANNELS + c]) <= 1, (pixel, c)

    lost = run(task["regcmd"], task["count"], output, result, *buffers[1:])
    assert lost.returncode == 1 and hex(manifest["bos"][0]["dma"]) in lost.stderr, lost.stderr
