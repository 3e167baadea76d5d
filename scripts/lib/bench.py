#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the benchmarks, keeps their results in benchmarks/results, writes benchmarks/speed.md (scripts/bench.sh)."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

from bench_report import markdown

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
CLOCKS = (200, 600, 1000)
PARTS = ("plan", "emulator", "kernels", "prefill", "llama")


class Bench:
    def __init__(self, options):
        self.build = pathlib.Path(options.build)
        self.llama = pathlib.Path(options.llama)
        self.shape, self.depths, self.threads = options.shape, options.depths, options.threads
        self.work = pathlib.Path(options.work)
        self.work.mkdir(parents=True, exist_ok=True)

    def run(self, *command, **environment):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GGML_", "LLAMA_ARG_"))}
        print("  " + " ".join(str(c) for c in command), file=sys.stderr)
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, check=False,
                              env=kept | environment)
        if done.returncode != 0:
            sys.exit(f"error: {command[0]} ended with exit code {done.returncode}")
        return done.stdout

    def rosenblatt(self, *arguments, **environment):
        return self.run(self.build / "bin" / "rosenblatt", *arguments, **environment)

    def model(self):
        """The quantised model, made once."""
        f16, q4 = self.work / f"{self.shape}-f16.gguf", self.work / f"{self.shape}-q4_k_m.gguf"
        if not q4.exists():
            vocabulary = self.llama / "src" / "models" / "ggml-vocab-qwen2.gguf"
            self.rosenblatt("make-model", "--shape", self.shape, "--vocab", vocabulary, "-o", f16)
            part = q4.with_suffix(".part")
            self.run(self.llama / "bin" / "llama-quantize", f16, part, "Q4_K_M")
            part.rename(q4)
            f16.unlink()
        return q4

    def plan(self):
        """All matmuls of a prefill, planned; a rating, not a measurement."""
        results = []
        for clock in CLOCKS:
            plan = json.loads(self.rosenblatt("plan", "--model", "qwen2.5-1.5b", "--prefill", 512,
                                              "--clock-mhz", clock, "--json"))
            for matmul in plan["matmuls"]:
                del matmul["tiles"]
            results.append(plan)
        return results

    def emulator(self):
        return lines(self.rosenblatt("bench", "emulator", "--json"))

    def kernels(self):
        """Google Benchmark's own JSON of every program of benchmarks/micro; the counters are ratios to memcpy and rates."""
        results = []
        for name in ("bench_host_kernels", "bench_load"):
            program = self.build / "bin" / name
            if program.exists():
                results += json.loads(self.run(program, "--benchmark_format=json"))["benchmarks"]
            else:
                print(f"  no {name} in this build (libbenchmark-dev): left out", file=sys.stderr)
        return results or None

    def prefill(self):
        return lines(self.rosenblatt("bench", "prefill", "--gguf", self.model(), "--depths", self.depths, "-t",
                                     self.threads, "--json"))

    def llama_bench(self, *arguments, **environment):
        text = self.run(self.llama / "bin" / "llama-bench", "-m", self.model(), "-t", self.threads, "-r", 3, "-o", "json",
                        *arguments, **environment)
        return json.loads(text)

    def llama_rows(self):
        """Prefill and decode, the emulated NPU and the CPU alone in turn, the same threads."""
        backend = {"GGML_BACKEND_PATH": str(self.build / "lib" / "libggml-rocket.so"), "GGML_ROCKET_DEVICE": "emulator"}
        rows = []
        for arguments in (("-p", 512, "-n", 0), ("-p", 0, "-n", 64)):
            for device, environment in (("ROCKET0", backend), ("none", {})):
                for row in self.llama_bench(*arguments, "-dev", device, **environment):
                    kept = ("model_type", "n_prompt", "n_gen", "n_threads", "avg_ts", "stddev_ts")
                    rows.append({"device": device} | {key: row[key] for key in kept})
        return rows


def lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), os.uname().machine)
    return {"cpu": cpu, "cpus": len(os.sched_getaffinity(0)), "load_before": os.getloadavg()[0],
            "kernel": os.uname().release}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--llama", required=True)
    parser.add_argument("--work", default=str(ROOT / "build" / "bench"), help="where the model is kept")
    parser.add_argument("--shape", default="qwen2.5-1.5b", help="of rosenblatt make-model")
    parser.add_argument("--depths", default="0,4096,16384")
    parser.add_argument("--threads", "-t", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", default=",".join(PARTS), help="some of " + ",".join(PARTS))
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := [part for part in wanted if part not in PARTS]:
        parser.error(f"--only knows {', '.join(PARTS)}, not {', '.join(unknown)}")
    bench = Bench(options)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for part in wanted:
        print(part, file=sys.stderr)
        before = machine()
        results = (bench.llama_rows if part == "llama" else getattr(bench, part))()
        if results is None:
            continue
        record = {"what": part, "date": time.strftime("%Y-%m-%d"), "machine": before, "shape": options.shape,
                  "results": results}
        (RESULTS / f"{part}.json").write_text(json.dumps(record, indent=1) + "\n")
    (ROOT / "benchmarks" / "speed.md").write_text(markdown(RESULTS))


if __name__ == "__main__":
    main()
