#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""calibrate on the bundled model: a wide budget, a narrow one, and the backend that follows the policy."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM, BACKEND, LLAMA_BIN = sys.argv[1:4]
MODEL, TEXT = ROOT / "models" / "rosenblatt-kjv-f16.gguf", ROOT / "models" / "heldout.txt"


class Calibrate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GGML_")}
        self.environment = clean | {
            "GGML_ROCKET_DEVICE": "emulator", "GGML_ROCKET_CACHE": self.folder.name, "OMP_WAIT_POLICY": "PASSIVE"}

    def tearDown(self):
        self.folder.cleanup()

    def calibrate(self, budget: float) -> dict:
        command = [PROGRAM, "calibrate", "--gguf", MODEL, "--text", TEXT, "--chunks", "2", "--context", "128", "--groups",
                   "1", "--budget", str(budget), "--backend", BACKEND, "--llama", pathlib.Path(LLAMA_BIN).parent, "--json"]
        done = subprocess.run([str(word) for word in command], env=self.environment, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_a_wide_budget_keeps_everything_in_int8(self):
        result = self.calibrate(1)
        self.assertEqual(result["share_w8a8h"], 1)
        self.assertEqual({t["pipeline"] for t in result["tensors"]}, {"w8a8h"})

    def test_a_narrow_budget_moves_some_to_fp16_and_the_backend_follows(self):
        wide = self.calibrate(1)["kld"]
        result = self.calibrate(wide / 2)
        self.assertLessEqual(result["kld"], wide / 2)
        self.assertEqual({t["pipeline"] for t in result["tensors"]}, {"w8a8h", "f16"})
        policy = pathlib.Path(result["policy"])
        self.assertEqual(policy.parent, pathlib.Path(self.folder.name) / "policy")

        def packed(**extra) -> int:
            stats = pathlib.Path(self.folder.name) / "stats.json"
            environment = self.environment | extra | {"GGML_ROCKET_MIN_M": "1", "GGML_ROCKET_STATS": str(stats),
                                                      "GGML_BACKEND_PATH": BACKEND}
            subprocess.run([f"{LLAMA_BIN}/llama-completion", "-m", str(MODEL), "-p", "In", "-n", "1", "-no-cnv"],
                           env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)
            return json.loads(stats.read_text())["weight_bytes_packed"]

        int8, half = packed(GGML_ROCKET_PIPELINE="w8a8h"), packed(GGML_ROCKET_PIPELINE="f16")
        self.assertEqual(half, 2 * int8)
        chosen = packed()
        self.assertGreater(chosen, int8)
        self.assertLess(chosen, half)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
