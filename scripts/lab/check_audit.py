#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds one audit of the lab's guest against what is so there: check_audit.py STATE EXIT VERDICT FINDINGS <BLOCK, where
BLOCK is the JSON and a line `exit N`, and FINDINGS the ids of errors and warnings, by commas. Exit 1 when they differ."""
import json
import sys


def main() -> int:
    state, status, verdict, findings = sys.argv[1:5]
    block = sys.stdin.read()
    text, _, exit_status = block.rpartition("exit ")
    try:
        report = json.loads(text)
    except json.JSONDecodeError as error:
        print(f"error: {state}: no JSON ({error}): {block!r}", file=sys.stderr)
        return 1
    ids = sorted(f["id"] for f in report["findings"] if f["severity"] != "info")
    infos = sorted(f["id"] for f in report["findings"] if f["severity"] == "info")
    print(f"{state:24}{report['verdict']:16}{', '.join(ids) or 'nothing'} (to know: {', '.join(infos) or 'nothing'})")
    wanted = (status, verdict, sorted(filter(None, findings.split(","))))
    seen = (exit_status.strip(), report["verdict"], ids)
    for name, should, is_so in zip(("exit status", "verdict", "errors and warnings"), wanted, seen):
        if should != is_so:
            print(f"error: {state}: {name} should be {should}, is {is_so}", file=sys.stderr)
    return wanted != seen


if __name__ == "__main__":
    sys.exit(main())
