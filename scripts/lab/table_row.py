#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One line of the tables of `lab.sh hazard` and `lab.sh soak`, from what a guest left behind.

    table_row.py --head TITLE                         the line above
    table_row.py NAME CONSOLE.log DEVICE.json [--same-time]

Exit 1 when a wrong result reached a caller, or in a kernel that is whole, a product failed or a caller waits for ever;
with --same-time also when the backend's account of modelled NPU time and the device's are more than 2 % apart. A dead guest
is a legal row: it names what the kernel said.
"""
import json
import re
import sys
from pathlib import Path

COLUMNS = (("products", "products"), ("refused", "refused"), ("tiles", "tiles"), ("mismatch", "mismatch"),
           ("cpu_fallback", "from CPU"), ("wrong", "wrong"))
TOLERANCE = 0.02
KERNEL_IS_BROKEN = r"kernel BUG at|Unable to handle kernel|Internal error:"
# The kernel's own words, the worst first.
DEFECTS = (r"kernel BUG at [^!]*", r"Unable to handle kernel \w+ \w+", r"Internal error: [^\[]*", r"list_\w+ corruption",
           r"refcount_t: [a-z -]*", r"BUG: [^\n]*", r"Memory manager not clean during takedown", r"WARNING: [^,+\n]*")


def line(name, cells, last):
    return f"{name:28}" + "".join(f"{cell:>11}" for cell in cells) + f"  {last}"


def last_reports(console):
    """Processes report as they go; the last line of each counts everything before it."""
    reports = (json.loads(text) for text in re.findall(r"lab: (\{.*\})", console))
    return list({report["process"]: report for report in reports}.values())


def verdict(console):
    ended = re.search(r"^lab: exit \d+$", console, re.MULTILINE)
    found = next((match for pattern in DEFECTS if (match := re.search(pattern, console))), None)
    stuck = stuck_callers(console)
    words = f"; waiting for ever: {stuck}" if stuck else ""
    if found:
        return ("" if ended else "dies: ") + found.group(0).strip() + words
    return ("fine" if ended else "stops without a word") + words


def stuck_callers(console):
    return len(re.findall(r"lab: stuck caller \d+", console))


def device_said(device):
    return {key: sum(core[key] for core in device["cores"]) for key in ("hung", "faulted", "irqs_lost")}


def row(name, console, device):
    reports = last_reports(console)
    cells = [sum(report[key] for report in reports) if reports else "-" for key, _ in COLUMNS]
    cells += device_said(device).values()
    cells += [console.count("Page fault at"), console.count("NPU job timed out")]
    print(line(name, cells, verdict(console)))
    problems = []
    if any(report["wrong"] for report in reports):
        problems.append("a wrong result reached a caller")
    if re.search(KERNEL_IS_BROKEN, console):  # what comes of that is the kernel's
        return reports, problems
    if re.search(r"^lab: exit", console, re.MULTILINE) and not any(report["products"] for report in reports):
        problems.append("nothing was multiplied")
    if stuck_callers(console):
        problems.append("a caller waits for ever, and the kernel names no defect of its own")
    if "[  FAILED  ]" in console:
        problems.append("a product failed")
    return reports, problems


def same_time(reports, device):
    told, measured = sum(report["npu_ms_modelled"] for report in reports), device["npu_ms_modelled"]
    print(f"modelled NPU time: {told:.3f} ms told by the backend, {measured:.3f} ms by the device")
    return measured > 0 and abs(told - measured) <= TOLERANCE * measured


def main():
    if sys.argv[1] == "--head":
        heads = [head for _, head in COLUMNS] + ["stuck", "DMA errors", "lost IRQs", "MMU faults", "timeouts"]
        print(line(sys.argv[2], heads, "kernel"))
        return 0
    name, log, stats = sys.argv[1:4]
    console, device = Path(log).read_text(errors="replace"), json.loads(Path(stats).read_text())
    reports, problems = row(name, console, device)
    if "--same-time" in sys.argv and not same_time(reports, device):
        problems.append("these differ by more than 2 %")
    for problem in problems:
        print(f"error: {problem}; see {log}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
