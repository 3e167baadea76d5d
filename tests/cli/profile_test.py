#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""profile_test.py ROSENBLATT MODEL: profiles the bundled model with and without the emulated NPU and checks what is printed."""

import json
import os
import subprocess
import sys
import tempfile

PROGRAM, MODEL = sys.argv[1:3]
# Threads that wait spinning crawl on a machine with other work.
QUIET = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "GGML_ROCKET_DEVICE": "emulator"}


def profile(*options, **variables):
    command = [PROGRAM, "profile", "--gguf", MODEL, *options]
    done = subprocess.run(command, env={**QUIET, **variables}, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr}"
    return done


def check(phases, prompt, generate):
    assert [p["phase"] for p in phases] == ["prefill", "decode"]
    for phase in phases:
        assert list(phase) == ["model", "phase", "ops"]
        assert phase["model"] == os.path.basename(MODEL)
        for op in phase["ops"]:
            assert list(op) == ["op", "type", "m", "k", "n", "count", "ms", "share"], op
        assert abs(sum(op["share"] for op in phase["ops"]) - 1) < 1e-6
        times = [op["ms"] for op in phase["ops"]]
        assert times == sorted(times, reverse=True)
    # Shapes of the bundled model: 4 layers, 256 wide, 768 in between; the last layer's later parts see one row.
    matmuls = [{(op["m"], op["k"], op["n"]): op["count"] for op in p["ops"] if op["op"] == "MUL_MAT"} for p in phases]
    assert matmuls[0][prompt, 256, 768] == 6 and matmuls[0][prompt, 768, 256] == 3, matmuls[0]
    assert matmuls[1][1, 256, 768] == 8 * generate and matmuls[1][1, 768, 256] == 4 * generate, matmuls[1]


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    with tempfile.TemporaryDirectory() as work:
        stats = f"{work}/stats.json"
        chart = f"{work}/ops.svg"
        npu = profile("--json", "-p", "64", "-n", "4", "--svg", chart, GGML_ROCKET_STATS=stats, GGML_ROCKET_MIN_M="8")
        check(lines(npu), 64, 4)
        assert json.load(open(stats))["mul_mat"]["npu"] > 0, "nothing ran on the emulated NPU"
        assert open(chart).read().startswith("<svg xmlns=") and open(chart).read().count("<rect") >= 10
    check(lines(profile("--json", "--cpu", "-p", "64", "-n", "4")), 64, 4)
    cut = profile("--cpu", "--json")
    check(lines(cut), 192, 64)
    assert "the model's context is 256 tokens: -p 192 -n 64 instead of -p 512 -n 64" in cut.stderr
    table = profile("--cpu", "-p", "8", "-n", "2").stdout
    assert "prefill of" in table and "decode of" in table and "8 x 256 x 768" in table, table


main()
