#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the mutations of scripts/mutations.txt; scripts/mutate.sh calls it. One at a time, in a scratch copy."""

import pathlib
import re
import subprocess
import sys
import time

TIMEOUT = 180  # seconds for a test program: a mutant may never end


def read_mutations(path):
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split(" | ")]
        if len(fields) not in (4, 5):
            sys.exit(f"{path}:{number}: not FILE | FROM | TO | PROGRAM [| FILTER]")
        found.append(fields + [""] * (5 - len(fields)))
    return found


def copy_tree(root, tree):
    """Copies what git knows; files that are the same keep their time, so that little is built again."""
    names = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           check=True, capture_output=True).stdout.decode().split("\0")
    for name in filter(None, names):
        source, copy = root / name, tree / name
        if not source.is_file():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            copy.write_bytes(source.read_bytes())
            copy.chmod(source.stat().st_mode)


def first_failure(output):
    failed = re.search(r"\[  FAILED  \] (\S+?)[ ,(\n]", output)
    return failed[1] if failed else output.strip().splitlines()[-1][:80] if output.strip() else "it said nothing"


def build(tree, cores, program):
    return subprocess.run(["cmake", "--build", "--preset", "dev", "-j", cores, "--target", program],
                          capture_output=True, text=True, cwd=tree)


def verdict(tree, cores, program, chosen):
    """What noticed the change; None: nothing."""
    built = build(tree, cores, program)
    if built.returncode != 0:
        error = re.search(r"error: (.*)", built.stdout + built.stderr)
        return "the compiler: " + (error[1][:60] if error else "no reason given")
    command = [tree / "build/dev/bin" / program, "--gtest_brief=1", "--gtest_fail_fast"]
    if chosen:
        command.append(f"--gtest_filter={chosen}")
    try:
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, cwd=tree)
    except subprocess.TimeoutExpired:
        return f"{program} never ended"
    return None if run.returncode == 0 else first_failure(run.stdout + run.stderr)


def apply(tree, name, old, new):
    """The file as it was; None where `old` is not in it exactly once."""
    path = tree / name
    text = path.read_text() if path.exists() else ""
    if text.count(old) != 1:
        return None
    path.write_text(text.replace(old, new))
    return text


def main():
    root, tree, cores = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    mutations = [m for m in read_mutations(root / "scripts/mutations.txt")
                 if len(sys.argv) == 4 or any(word in " | ".join(m) for word in sys.argv[4:])]
    copy_tree(root, tree)
    configured = subprocess.run(["cmake", "--preset", "dev", "-DCMAKE_C_COMPILER_LAUNCHER=ccache",
                                 "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"], capture_output=True, text=True, cwd=tree)
    if configured.returncode != 0:
        sys.exit(configured.stderr)
    for program, chosen in sorted({(m[3], m[4]) for m in mutations}):
        if (why := verdict(tree, cores, program, chosen)) is not None:
            sys.exit(f"{program} fails without any change: {why}")
    unnoticed = 0
    for name, old, new, program, chosen in mutations:
        started = time.monotonic()
        before = apply(tree, name, old, new)
        if before is None:
            result, unnoticed = "IS NOT THERE (exactly once): mend scripts/mutations.txt", unnoticed + 1
        else:
            why = verdict(tree, cores, program, chosen)
            (tree / name).write_text(before)
            unnoticed += why is None
            result = f"{why}" if why is not None else f"NOBODY NOTICED ({program})"
        print(f"{name:36} {old[:44]:44} -> {new[:36]:36} {time.monotonic() - started:4.0f} s  {result}", flush=True)
    print(f"{len(mutations) - unnoticed} of {len(mutations)} changes were noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
