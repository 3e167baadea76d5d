#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`rosenblatt coverage --json`: reasons are the backend's own, shares add up, docs/op-coverage.md is up to date."""

import json
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = sys.argv.pop(1)


def coverage(*arguments: str) -> str:
    return subprocess.run([PROGRAM, "coverage", *arguments], check=True, capture_output=True, text=True).stdout


class Coverage(unittest.TestCase):
    def test_reasons_are_those_that_the_backend_counts(self):
        header = (ROOT / "src" / "ggml" / "refusal.hpp").read_text()
        names = set(re.findall(r'"([a-z_0-9]+)"', header[header.index("names{"):])) | {"", "not_a_matmul"}
        ops = [op for model in json.loads(coverage("--json"))["models"] for p in model["phases"] for op in p["ops"]]
        self.assertLessEqual({op["reason"] for op in ops}, names)
        self.assertIn("cost", {op["reason"] for op in ops})
        for op in ops:
            self.assertEqual(op["runs_on"], "cpu" if op["reason"] else "npu", op)

    def test_macs_are_those_of_the_model(self):
        model = json.loads(coverage("--json", "--model", "qwen2.5-1.5b"))["models"][0]
        prefill, decode = model["phases"]
        self.assertAlmostEqual(prefill["macs"] / 6.50e11, 1, delta=0.005)
        self.assertAlmostEqual(decode["macs"] / 1.5436e9, 1, delta=0.001)
        self.assertGreater(prefill["macs_on_npu"], 0.99 * prefill["macs"])

    def test_a_file_is_read(self):
        model = json.loads(coverage("--json", "--gguf", str(ROOT / "models" / "rosenblatt-kjv-f16.gguf")))["models"][0]
        weights = {op["tensor"]: (op["k"], op["n"]) for op in model["phases"][1]["ops"] if op["op"] == "MUL_MAT"}
        self.assertEqual(weights["ffn_down"], (768, 256))
        self.assertEqual(model["phases"][1]["macs"], 4 * 786432 + 256 * 1024)

    def test_the_document_is_what_the_program_says(self):
        def but_for_times(text: str) -> str:
            return re.sub(r"\| [-0-9.]+ \| [-0-9.]+ \|$", "", text, flags=re.MULTILINE)

        self.assertEqual(but_for_times((ROOT / "docs" / "op-coverage.md").read_text()), but_for_times(coverage()),
                         "run: rosenblatt coverage > docs/op-coverage.md")


if __name__ == "__main__":
    unittest.main()
