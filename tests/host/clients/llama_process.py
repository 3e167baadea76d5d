# SPDX-License-Identifier: MIT
"""Programs of the pinned llama.cpp with our backend on the emulated NPU, on loopback only: start, ask, end, read stats."""

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODEL = ROOT / "models/rosenblatt-kjv-f16.gguf"
LOOPBACK = "127.0.0.1"


class Failure(Exception):
    """What did not hold, as one sentence."""


def free_port():
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def environment(backend, stats=None, **settings):
    """This process's environment without llama.cpp's and our variables, plus GGML_ROCKET_<settings>."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GGML_", "LLAMA_"))}
    env |= {"GGML_BACKEND_PATH": str(backend), "GGML_ROCKET_DEVICE": "emulator",
            "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}  # spinning threads starve a busy machine
    if stats:
        env["GGML_ROCKET_STATS"] = str(stats)
    return env | {"GGML_ROCKET_" + name: str(value) for name, value in settings.items()}


class Process:
    """A program with its output in a file; ended, whatever happens, when the block ends."""

    def __init__(self, program, arguments, env, log):
        self.log = pathlib.Path(log)
        with open(self.log, "wb") as out:
            self.child = subprocess.Popen([str(program), *map(str, arguments)], env=env, stdin=subprocess.DEVNULL,
                                          stdout=out, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def wait_for(self, is_ready, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.child.poll() is not None:
                raise Failure(f"{self.child.args[0]} ended early with {self.child.returncode}: {self.tail()}")
            if is_ready():
                return
            time.sleep(0.1)
        raise Failure(f"{self.child.args[0]} was not ready after {seconds} s: {self.tail()}")

    def end(self, how=signal.SIGINT, seconds=120):
        self.child.send_signal(how)
        return self.child.wait(seconds)

    def tail(self, lines=8):
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def text(self):
        return self.log.read_text(errors="replace")


class Server(Process):
    """llama-server with the bundled model."""

    def __init__(self, llama_bin, backend, work, name="server", slots=4, arguments=(), **settings):
        self.port = free_port()
        self.stats_file = pathlib.Path(work) / f"{name}.json"
        super().__init__(
            pathlib.Path(llama_bin) / "llama-server",
            ["-m", MODEL, "--host", LOOPBACK, "--port", self.port, "-np", slots, "-c", 256 * slots, "-t", 2, "-ngl", 99,
             "--no-ui", *arguments],
            environment(backend, self.stats_file, **settings), pathlib.Path(work) / f"{name}.log")

    def ready(self):
        try:
            return self.request("GET", "/health", seconds=5)[0] == 200
        except OSError:
            return False

    def request(self, method, path, body=None, seconds=180):
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=seconds)
        try:
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def complete(self, prompt, tokens, cache=False, seconds=180):
        """[(token, gap)]: greedy tokens, and how far the most likely one led in the logits."""
        status, body = self.request("POST", "/completion", {
            "prompt": prompt, "n_predict": tokens, "temperature": 0, "n_probs": 2, "cache_prompt": cache}, seconds)
        if status != 200:
            raise Failure(f"status {status} for {prompt!r}: {body[:200]}")
        found = []
        for token in json.loads(body)["completion_probabilities"]:
            best = sorted((other["logprob"] for other in token["top_logprobs"]), reverse=True)
            lead = best[0] - best[1] if len(best) > 1 else float("inf")  # a drafted token comes without others
            found.append((token["id"], lead))
        return found

    def stop(self):
        """The stats that the backend writes when the process ends of itself."""
        self.end()
        if not self.stats_file.exists():
            raise Failure(f"{self.stats_file.name}: no stats; {self.tail()}")
        return json.loads(self.stats_file.read_text())


def first_difference(expected, got):
    """Index of the first token that differs; None when all agree."""
    for index, (want, have) in enumerate(zip(expected, got)):
        if want[0] != have[0]:
            return index
    return None if len(expected) == len(got) else min(len(expected), len(got))


# Where the two best logits are this close, another order of the same float sums may turn them round.
CLOSE = 0.05


def same_answer(expected, got):
    at = first_difference(expected, got)
    if at is None:
        return True
    return at < len(expected) and expected[at][1] < CLOSE
