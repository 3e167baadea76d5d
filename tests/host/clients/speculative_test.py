#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A main model and a draft of it in one llama-server share the NPU: the text is the main model's own.

    speculative_test.py --llama-bin DIR --backend FILE

The draft is the bundled model in Q4_K_M. Greedy tokens with and without it must agree as two runs of the same requests
do; both models' matmuls run on the NPU and the draft's guesses are taken.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from llama_process import MODEL, Failure, Server, environment, first_difference, same_answer

PROMPTS = ["And the LORD said unto Moses", "In the beginning", "Blessed are the", "And it came to pass"]
TOKENS = 24


def quantised(options, work):
    draft = pathlib.Path(work) / "draft-Q4_K_M.gguf"
    subprocess.run([pathlib.Path(options.llama_bin) / "llama-quantize", MODEL, draft, "Q4_K_M"], check=True,
                   env=environment(options.backend), capture_output=True, timeout=300)
    return draft


def answers(options, work, name, arguments=()):
    with Server(options.llama_bin, options.backend, work, name, slots=1, arguments=arguments, MIN_M=1) as server:
        server.wait_for(server.ready)
        found = [server.complete(prompt, TOKENS) for prompt in PROMPTS]
        status, body = server.request("POST", "/completion", {
            "prompt": PROMPTS[0], "n_predict": TOKENS, "temperature": 0})
        timings = json.loads(body).get("timings", {}) if status == 200 else {}
        return found, timings, server.stop()


def run(options, work):
    alone, _, stats_alone = answers(options, work, "alone")
    arguments = ["-md", quantised(options, work), "-ngld", 99, "--spec-type", "draft-simple", "--spec-draft-n-max", 4]
    drafted, timings, stats = answers(options, work, "drafted", arguments)
    failures = [f"{prompt!r}: token {first_difference(want, got)} differs with a draft"
                for prompt, want, got in zip(PROMPTS, alone, drafted) if not same_answer(want, got)]
    taken, made = timings.get("draft_n_accepted", 0), timings.get("draft_n", 0)
    print(f"{len(PROMPTS) - len(failures)} of {len(PROMPTS)} answers agree; {taken} of {made} drafted tokens taken; weights "
          f"packed {stats_alone['weight_bytes_packed']} bytes alone, {stats['weight_bytes_packed']} with the draft; "
          f"{stats['checksum']['checked']} tiles checked, {stats['checksum']['mismatch']} wrong")
    if taken == 0:
        failures.append("no drafted token was taken: the draft model was not used")
    if stats["weight_bytes_packed"] < 1.5 * stats_alone["weight_bytes_packed"]:
        failures.append("the draft's weights are not on the NPU")
    if stats["checksum"]["mismatch"] != 0:
        failures.append("tiles were wrong")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--llama-bin", required=True)
    parser.add_argument("--backend", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rosenblatt-draft-") as work:
        try:
            failures = run(options, work)
        except Failure as error:
            failures = [str(error)]
    for failure in failures:
        print("FAILED:", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
