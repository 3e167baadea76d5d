#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the two runs of `lab.sh llama`: usage: compare_llama.py HERE GUEST DEVICE.json RUNS, where HERE and GUEST each
stand for a .text and a .stats file, and RUNS is how often the guest ran before all its text was there: the device counts
all of them. Exit 1 when the texts differ, the NPU did not work, or the times do not fit."""
import json
import sys
from pathlib import Path

TOLERANCE = 0.02  # of modelled NPU time: the backend's account against the device's


def shown(value) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main() -> int:
    here, guest = (Path(name) for name in sys.argv[1:3])
    texts = [path.with_suffix(".text").read_text().strip() for path in (here, guest)]
    stats = [json.loads(path.with_suffix(".stats").read_text()) for path in (here, guest)]
    device, runs = json.loads(Path(sys.argv[3]).read_text()), int(sys.argv[4])

    print(texts[1])
    problems = []
    if not texts[1] or texts[0] != texts[1]:
        problems.append(f"the emulated kernel wrote another text: {texts[0]!r}")
    print(f"{'':32}{'emulated kernel':>18}{'real driver':>18}")
    for key in ("emulated", "macs", "macs_eligible", "tasks", "jobs", "lanes_taken_out", "npu_ms_modelled"):
        print(f"{key:32}{shown(stats[0][key]):>18}{shown(stats[1][key]):>18}")
    for key in ("checked", "mismatch", "cpu_fallback"):
        print(f"{'checksum: ' + key:32}{stats[0]['checksum'][key]:>18}{stats[1]['checksum'][key]:>18}")
    tasks = [core["tasks"] for core in device["cores"]]
    print(f"{'tasks of the device, by core':32}{'':>18}{' + '.join(map(str, tasks)):>18}")
    print(f"{'modelled ms of the device':32}{'':>18}{device['npu_ms_modelled']:>18.3f}")

    told, measured = runs * stats[1]["npu_ms_modelled"], device["npu_ms_modelled"]
    if not measured or abs(told - measured) > TOLERANCE * measured:
        problems.append(f"the backend's npu_ms_modelled is {told}, the device's {measured}")
    if sum(tasks) != runs * stats[1]["tasks"] or not all(tasks):
        problems.append(f"the backend counts {stats[1]['tasks']} tasks, the device's cores {tasks}")
    if stats[1]["emulated"] or stats[1]["checksum"]["mismatch"]:
        problems.append("the guest's run was emulated, or a checksum did not fit")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
