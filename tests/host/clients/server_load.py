#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""llama-server with four slots under load, every product compared with the CPU's (GGML_ROCKET_VERIFY=full).

    server_load.py --llama-bin DIR --backend FILE [--seconds 20] [--clients 6] [--fault LIST] [--seed 1]

First each request is answered alone. Then clients ask the same at once; some are processes that get SIGKILL in the
middle of their answer. Every request must end; each answer must be the one given alone, or first differ where the two
best logits are closer than 0.05; no wrong tile may have passed. With --fault the NPU misbehaves, and all that must
still hold. Only 127.0.0.1 is used, and nothing runs longer than --seconds and the requests under way.
"""

import argparse
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

from llama_process import Failure, LOOPBACK, Server, first_difference, same_answer

TEXT = (pathlib.Path(__file__).resolve().parents[3] / "models/heldout.txt").read_text()


def make_requests(count, rng):
    """Prompts of 3 to 60 words, 4 to 16 tokens to generate."""
    words = TEXT.split()
    made = []
    for _ in range(count):
        start, length = rng.randrange(len(words) - 100), rng.choice([3, 8, 20, 60])
        made.append((" ".join(words[start:start + length]), rng.choice([4, 8, 16])))
    return made


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.equal = self.close = self.killed = 0
        self.failures = []

    def add(self, kind, failure=None):
        with self.lock:
            setattr(self, kind, getattr(self, kind) + 1) if kind else self.failures.append(failure)


def client(server, alone, end, seed, tally):
    rng = random.Random(seed)
    while time.monotonic() < end:
        (prompt, tokens), expected = rng.choice(alone)
        try:
            got = server.complete(prompt, tokens, cache=rng.random() < 0.5)
        except (Failure, OSError, KeyError) as error:
            tally.add(None, f"{prompt[:40]!r}: {error}")
            continue
        at = first_difference(expected, got)
        if at is None:
            tally.add("equal")
        elif same_answer(expected, got):
            tally.add("close")
        else:
            tally.add(None, f"{prompt[:40]!r}: token {at} of {tokens} differs, the best led by {expected[at][1]:.3f}")


SHORT_LIVED = """
import http.client, json, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]))
connection.request("POST", "/completion", json.dumps({"prompt": sys.argv[3], "n_predict": 150, "stream": True}),
                   {"Content-Type": "application/json"})
answer = connection.getresponse()
print(answer.read(20), flush=True)
answer.read()
"""


def killed_clients(server, alone, end, seed, tally):
    """Clients that ask for a long answer and get SIGKILL once it has begun."""
    rng = random.Random(seed)
    while time.monotonic() < end:
        prompt = rng.choice(alone)[0][0]
        with subprocess.Popen([sys.executable, "-c", SHORT_LIVED, LOOPBACK, str(server.port), prompt],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            child.stdout.readline()  # the answer has begun, or the server would not talk to it
            child.kill()
        tally.add("killed")
        time.sleep(rng.uniform(0.2, 1.0))


def load(server, alone, seconds, clients, seed):
    tally, end = Tally(), time.monotonic() + seconds
    threads = [threading.Thread(target=client, args=(server, alone, end, seed * 100 + i, tally)) for i in range(clients)]
    threads.append(threading.Thread(target=killed_clients, args=(server, alone, end, seed * 100 + 99, tally)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def check(stats, faulty):
    wrong = []
    if stats["mul_mat"]["npu"] == 0:
        wrong.append("nothing ran on the NPU")
    if faulty and stats["checksum"]["mismatch"] == 0:
        wrong.append("no injected fault was noticed")
    if not faulty and stats["checksum"]["mismatch"] != 0:
        wrong.append(f"{stats['checksum']['mismatch']} tiles were wrong without a fault")
    return wrong


def run(options, work):
    rng = random.Random(options.seed)
    print(f"seed {options.seed}")
    settings = {"MIN_M": 1, "VERIFY": "full"}
    requests = make_requests(options.requests, rng)
    with Server(options.llama_bin, options.backend, work, "alone", slots=1, **settings) as server:
        server.wait_for(server.ready)
        alone = [(request, server.complete(*request)) for request in requests]
        server.stop()
    if options.fault:
        settings["FAULT"] = options.fault
    with Server(options.llama_bin, options.backend, work, "loaded", slots=4, **settings) as server:
        server.wait_for(server.ready)
        tally = load(server, alone, options.seconds, options.clients, options.seed)
        after = server.complete(*requests[0])  # it still answers
        if not same_answer(alone[0][1], after):
            tally.add(None, "the first request after the load has another answer")
        stats = server.stop()
    print(f"{tally.equal} answers equal, {tally.close} differ at a close call, {tally.killed} clients killed, "
          f"{len(tally.failures)} failures; {stats['mul_mat']['npu']} matmuls on the NPU, "
          f"{stats['checksum']['checked']} tiles checked, {stats['checksum']['mismatch']} wrong, "
          f"{stats['checksum']['cpu_fallback']} from the CPU")
    if tally.equal + tally.close == 0:
        tally.failures.append("no request ended")
    if tally.killed == 0:
        tally.failures.append("no client was killed")
    return tally.failures + check(stats, bool(options.fault))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--llama-bin", required=True)
    parser.add_argument("--backend", required=True)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--requests", type=int, default=8)
    parser.add_argument("--fault", default="")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rosenblatt-load-") as work:
        try:
            failures = run(options, work)
        except Failure as error:
            failures = [str(error)]
    for failure in failures:
        print("FAILED:", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
