#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The accuracy harness itself: what it reads, what it does not count, and that a limit can fail."""

import pathlib
import struct
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(ROOT / "scripts")]

import accuracy  # noqa: E402
import make_outliers  # noqa: E402
import perplexity  # noqa: E402

LOG = """Mean PPL(Q)                   :  18.236201 ±   0.400677
Mean    KLD:   0.000200 ±   0.000002
Maximum KLD:   0.007317
99.0%   KLD:   0.001082
"""
LAST_LINE = "Same top p: 99.064 ± 0.083 %\n"


def stats(macs: int) -> dict:
    return {"macs": macs, "macs_eligible": 1000, "mul_mat": {"npu": 1, "cpu_refused": {"cost": 3}},
            "device": "d", "emulated": True, "checksum": {}}


def harness(kld: float, share: int) -> accuracy.Harness:
    made = accuracy.Harness(tool=None)
    made.pipelines = {"w8a8h": True, "f16": False}
    figures = {"perplexity": 18.0, "kld_mean": kld, "same_top": 99.0}
    for model in (accuracy.BUNDLED, accuracy.BUNDLED + "-outliers"):
        for weights in ("F16", "Q4_K_M"):
            made.rows.append(accuracy.row_of(model, weights, "cpu", perplexity.Measurement(figures, None, ""), None))
            measured = perplexity.Measurement(figures, stats(share), "")
            made.rows.append(accuracy.row_of(model, weights, "w8a8h", measured, 18.0))
    return made


class Reading(unittest.TestCase):
    def test_figures_are_read_from_the_whole_log(self):
        figures = perplexity.read_figures(LOG + LAST_LINE, divergence=True)
        self.assertEqual((figures["kld_mean"], figures["same_top"], figures["kld_99"]), (0.0002, 99.064, 0.001082))

    def test_a_log_without_its_last_line_is_asked_for_again(self):
        self.assertIsNone(perplexity.read_figures(LOG, divergence=True))
        self.assertIsNone(perplexity.read_figures("[1]18.2\n", divergence=False))


class Judging(unittest.TestCase):
    def verdicts(self, made) -> dict:
        return {(v["model"], v["runs_on"], v["figure"]): v["holds"] for v in accuracy.judge(made)}

    def test_limits_hold_fail_and_stay_open(self):
        good = self.verdicts(harness(0.0002, 1000))
        self.assertTrue(good[accuracy.BUNDLED, "w8a8h", "kld_mean"])
        self.assertIsNone(good[accuracy.BUNDLED, "f16", "kld_mean"])
        self.assertFalse(self.verdicts(harness(0.0004, 1000))[accuracy.BUNDLED, "w8a8h", "kld_mean"])

    def test_a_row_that_the_cpu_computed_counts_for_nothing(self):
        made = harness(0.0002, 980)
        row = made.find(accuracy.BUNDLED, "F16", "w8a8h")
        self.assertFalse(row["counted"])
        self.assertEqual(row["reason"], "98.0 % of the eligible MACs on the NPU (3 cost)")
        self.assertFalse(self.verdicts(made)[accuracy.BUNDLED, "w8a8h", "kld_mean"])
        self.assertTrue(accuracy.why_not_counted(None))


class Updating(unittest.TestCase):
    def test_a_row_measured_again_takes_the_place_of_the_old_one_and_a_new_one_joins_its_file(self):
        made = harness(0.0002, 1000)
        before = [(r["model"], r["weights"], r["runs_on"]) for r in made.rows]
        again = dict(made.find(accuracy.BUNDLED, "F16", "w8a8h"), kld_mean=0.0001)
        made.keep(again)
        self.assertEqual([(r["model"], r["weights"], r["runs_on"]) for r in made.rows], before)
        self.assertEqual(made.find(accuracy.BUNDLED, "F16", "w8a8h")["kld_mean"], 0.0001)
        made.keep(dict(again, runs_on="f16"))
        self.assertEqual([r["runs_on"] for r in made.rows if r["model"] == accuracy.BUNDLED and r["weights"] == "F16"],
                         ["cpu", "w8a8h", "f16"])


class Outliers(unittest.TestCase):
    def test_what_grows_in_a_norm_shrinks_in_its_consumers(self):
        source = (ROOT / "models" / "rosenblatt-kjv-f16.gguf").read_bytes()
        plain, changed = make_outliers.Gguf(source), make_outliers.Gguf(source)
        changes = list(make_outliers.add_outliers(changed, make_outliers.random.Random(1957)))
        self.assertEqual(len(changes), 12)
        k, kind, start = plain.tensors["blk.0.attn_norm.weight"]
        ratios = [new / old for (new,), (old,) in zip(*(struct.iter_unpack("<f", g.data[start:start + 4 * k[0]])
                                                        for g in (changed, plain)))]
        self.assertEqual(kind, make_outliers.F32)
        self.assertEqual(sorted(round(r) for r in ratios)[-2:], [1, 100])
        channel = max(range(k[0]), key=ratios.__getitem__)
        _, _, start = plain.tensors["blk.0.attn_q.weight"]
        old, new = (struct.unpack_from("<e", g.data, start + 2 * channel)[0] for g in (plain, changed))
        self.assertAlmostEqual(new * 100 / old, 1, delta=0.01)

    def test_a_file_that_is_no_gguf_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "x.gguf"
            file.write_bytes(b"no GGUF, but long enough for a head of one")
            self.assertRaises(ValueError, make_outliers.Gguf, file.read_bytes())


if __name__ == "__main__":
    unittest.main()
