#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures what each pipeline costs in accuracy, judges it by the project's limits, writes tables (scripts/accuracy.sh)."""

import argparse
import json
import os
import pathlib
import subprocess
import sys

from accuracy_report import markdown
from perplexity import SEED, Perplexity, ToolError

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUNDLED = "rosenblatt-kjv"
FORMATS = ["F16", "BF16", "Q8_0", "Q6_K", "Q4_K_M"]
LEAST_SHARE = 0.99  # of the eligible MACs on the NPU, for a row to count
# (model, weights, pipeline, figure, bound, value): "most" and "least" are bounds that may be reached.
LIMITS = [
    (BUNDLED, "F16", "w8a8h", "kld_mean", "most", 0.0003),
    (BUNDLED, "F16", "w8a8h", "same_top", "least", 98.8),
    (BUNDLED + "-outliers", "F16", "w8a8h", "kld_mean", "most", 0.001),
    (BUNDLED, "F16", "f16", "kld_mean", "most", 0.00002),
    (BUNDLED, "Q4_K_M", "w8a8h", "perplexity_ratio", "most", 1.005),
]
OUTLIERS_EQUAL_WITHIN = 0.001  # CPU perplexity of the outlier model against the bundled one


def why_not_counted(stats: dict | None) -> str:
    """Empty when nearly all of the work ran on the NPU."""
    if not stats:
        return "the backend wrote no stats"
    if not stats["macs_eligible"]:
        return "no matmul was eligible"
    share = stats["macs"] / stats["macs_eligible"]
    if share >= LEAST_SHARE:
        return ""
    refused = ", ".join(f"{count} {name}" for name, count in stats["mul_mat"]["cpu_refused"].items())
    return f"{100 * share:.1f} % of the eligible MACs on the NPU ({refused or 'no refusal'})"


def row_of(model: str, weights: str, runs_on: str, measured, cpu_perplexity: float | None) -> dict:
    row = {"model": model, "weights": weights, "runs_on": runs_on, **measured.figures}
    row["perplexity_ratio"] = row["perplexity"] / (cpu_perplexity or row["perplexity"])
    reason = "" if runs_on == "cpu" else why_not_counted(measured.stats)
    row |= {"counted": not reason, "reason": reason, "command": measured.command}
    if measured.stats:
        kept = ("device", "emulated", "mul_mat", "macs", "macs_eligible", "checksum")
        row["stats"] = {key: measured.stats[key] for key in kept}
    return row


class Harness:
    def __init__(self, tool: Perplexity, rows: list | None = None):
        self.tool = tool
        self.rows = rows or []
        self.pipelines = {}
        self.wanted = None  # all that the build accepts
        self.after_row = lambda: None

    def keep(self, row: dict) -> None:
        """Adds a row; one of an earlier run for the same thing makes room, in its place."""
        key = (row["model"], row["weights"], row["runs_on"])
        same = [i for i, r in enumerate(self.rows) if (r["model"], r["weights"], r["runs_on"]) == key]
        if same:
            self.rows[same[0]] = row
            return
        of_file = [i for i, r in enumerate(self.rows) if (r["model"], r["weights"]) == key[:2]]
        self.rows.insert(of_file[-1] + 1 if of_file else len(self.rows), row)

    def measure(self, model: str, weights: str, file: pathlib.Path, base: pathlib.Path, reference: bool) -> None:
        """`file` on the CPU and with every pipeline; a reference writes `base`, others are compared with it."""
        print(f"accuracy: {model} {weights}", file=sys.stderr)
        on_cpu = self.tool.run(file, base, write_base=reference)
        self.keep(row_of(model, weights, "cpu", on_cpu, None))
        for pipeline in (name for name, accepted in self.pipelines.items() if accepted):
            if self.wanted and pipeline not in self.wanted:
                continue
            measured = self.tool.run(file, base, pipeline=pipeline)
            self.keep(row_of(model, weights, pipeline, measured, on_cpu.figures["perplexity"]))
            self.after_row()

    def find(self, model: str, weights: str, runs_on: str) -> dict | None:
        wanted = (model, weights, runs_on)
        return next((r for r in self.rows if (r["model"], r["weights"], r["runs_on"]) == wanted), None)


def made(target: pathlib.Path, sources: list, command: list) -> pathlib.Path:
    """`target`, made by `command` unless it is newer than its sources."""
    if target.exists() and all(target.stat().st_mtime >= source.stat().st_mtime for source in sources):
        return target
    done = subprocess.run([str(word) for word in command], cwd=ROOT, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise ToolError(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return target


def measure_bundled(harness: Harness, formats: list) -> None:
    work, f16 = harness.tool.work, ROOT / "models" / f"{BUNDLED}-f16.gguf"
    base = work / f"{BUNDLED}.kld"
    quantize = harness.tool.llama_bin / "llama-quantize"
    harness.measure(BUNDLED, "F16", f16, base, reference=True)
    for weights in formats:
        if weights != "F16":
            target = work / f"{BUNDLED}-{weights.lower()}.gguf"
            made(target, [f16], [quantize, f16, target, weights])
            harness.measure(BUNDLED, weights, target, base, reference=False)
    script, outliers = ROOT / "scripts" / "make_outliers.py", work / f"{BUNDLED}-outliers-f16.gguf"
    made(outliers, [f16, script], [sys.executable, script, f16, outliers, "--seed", SEED])
    # Compared with the logits of the model it was made from: its function is the same.
    harness.measure(f"{BUNDLED}-outliers", "F16", outliers, base, reference=False)


def judge(harness: Harness) -> list:
    """What the limits say of the bundled model's rows; one of a pipeline that this build lacks, or of a format not asked for, stays open."""
    verdicts = []
    for model, weights, pipeline, figure, bound, limit in LIMITS:
        verdict = {"model": model, "weights": weights, "runs_on": pipeline, "figure": figure, "bound": bound,
                   "limit": limit, "measured": None, "holds": None}
        row = harness.find(model, weights, pipeline)
        if row:
            value = verdict["measured"] = row[figure]
            verdict["holds"] = row["counted"] and (value <= limit if bound == "most" else value >= limit)
        verdicts.append(verdict)
    plain, outliers = harness.find(BUNDLED, "F16", "cpu"), harness.find(f"{BUNDLED}-outliers", "F16", "cpu")
    if plain and outliers:
        difference = abs(outliers["perplexity"] / plain["perplexity"] - 1)
        verdicts.append({"model": f"{BUNDLED}-outliers", "weights": "F16", "runs_on": "cpu",
                         "figure": "perplexity_difference", "bound": "most", "limit": OUTLIERS_EQUAL_WITHIN,
                         "measured": difference, "holds": difference <= OUTLIERS_EQUAL_WITHIN})
    return verdicts


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/accuracy.sh", description=__doc__)
    parser.add_argument("--gguf", type=pathlib.Path, nargs="+", action="extend", default=[], metavar="F",
                        help="measure these too, each against itself on the CPU")
    parser.add_argument("--formats", default=",".join(FORMATS), help="weight formats of the bundled model")
    parser.add_argument("--pipelines", default="", help="only these, separated by commas")
    parser.add_argument("--update", action="store_true", help="keep the tables' rows that are not measured now")
    parser.add_argument("--text", type=pathlib.Path, default=ROOT / "models" / "heldout.txt")
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--chunks", type=int, default=-1, help="of the text; all by default")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="emulator", help="as GGML_ROCKET_DEVICE")
    parser.add_argument("--llama-bin", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--backend", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "accuracy", help=argparse.SUPPRESS)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benchmarks", help="folder of the tables")
    options = parser.parse_args()
    for name in ("gguf", "text", "llama_bin", "backend", "work", "output"):
        value = getattr(options, name)
        setattr(options, name, [p.resolve() for p in value] if name == "gguf" else value.resolve())
    return options


def write_tables(harness: Harness, options) -> tuple:
    report = {"seeds": {"llama-perplexity": SEED, "make_outliers": SEED}, "text": harness.tool.shown(options.text),
              "context": options.context, "chunks": options.chunks, "pipelines": harness.pipelines,
              "limits": judge(harness), "rows": harness.rows}
    (options.output / "accuracy.json").write_text(json.dumps(report, indent=2) + "\n")
    table = markdown(report)
    (options.output / "accuracy.md").write_text(table)
    return report, table


def rows_before(options) -> list:
    """With --update the rows of the report there is, if they are of the same text, context and chunks."""
    file = options.output / "accuracy.json"
    if not options.update or not file.exists():
        return []
    report = json.loads(file.read_text())
    same = (report["context"], report["chunks"], pathlib.Path(report["text"]).name) == \
        (options.context, options.chunks, options.text.name)
    if not same:
        raise SystemExit("error: --update needs the text, context and chunks of the tables there are")
    return report["rows"]


def main() -> int:
    options = parse_arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    options.output.mkdir(parents=True, exist_ok=True)
    harness = Harness(Perplexity(ROOT, options.work, options.llama_bin, options.backend, options.text,
                                 options.context, options.chunks, options.threads, options.device),
                      rows_before(options))
    harness.after_row = lambda: write_tables(harness, options)  # a long run that is stopped keeps what it has
    harness.wanted = options.pipelines.split(",") if options.pipelines else None
    try:
        harness.pipelines = harness.tool.pipelines(ROOT / "models" / f"{BUNDLED}-f16.gguf")
        measure_bundled(harness, options.formats.split(","))
        for file in options.gguf:
            harness.measure(file.stem, "as given", file, options.work / "given.kld", reference=True)
    except (ToolError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    report, table = write_tables(harness, options)
    print(table)
    return 1 if any(verdict["holds"] is False for verdict in report["limits"]) else 0


if __name__ == "__main__":
    sys.exit(main())
