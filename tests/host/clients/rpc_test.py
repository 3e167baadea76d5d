#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two of llama.cpp's own RPC servers, each with a ROCKET0, serve one model; then one of them is killed in the middle.

    rpc_test.py --llama-bin DIR --backend FILE

The text over both is the local one. When a server is killed the client ends with llama.cpp's own sentence, and the
other server holds nothing of it any more: as many mapped NPU buffers as before, and it serves the next client.
"""

import argparse
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

from llama_process import LOOPBACK, MODEL, Failure, Process, environment, free_port

PROMPT = "And the LORD said"
LAST_WORDS, ATTEMPTS = "graphs reused", 20


def completion(options, tokens, *arguments, seconds=180, **settings):
    command = [pathlib.Path(options.llama_bin) / "llama-completion", "-m", MODEL, "-c", 256, "-p", PROMPT, "-n", tokens,
               "--temp", 0, "-no-cnv", "-t", 2, *arguments]
    # llama.cpp does not ignore SIGPIPE: a client that is just writing would end by it without a word. Ours has Python's
    # setting, which ignores it, so that it gets to say its sentence.
    return subprocess.Popen([str(word) for word in command], restore_signals=False, env=environment(options.backend, **settings),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def outcome(child, seconds=240):
    """Exit code, generated text, whole output."""
    out, _ = child.communicate(timeout=seconds)
    at = out.find(PROMPT)
    return child.returncode, out[at:].split("\n\n")[0] if at >= 0 else "", out


def generate(*arguments, **settings):
    """As outcome(). llama.cpp's logger, which prints the text too, may lose its last lines, and with them the text's last
    words, when the program ends: a run that succeeded without the last words of all is repeated."""
    for _ in range(ATTEMPTS):
        status, text, out = outcome(completion(*arguments, **settings))
        if status != 0 or LAST_WORDS in out:
            break
    return status, text, out


class RpcServer(Process):
    def __init__(self, options, work, name):
        self.port = free_port()
        self.stats_file = pathlib.Path(work) / f"{name}.json"
        super().__init__(pathlib.Path(options.llama_bin) / "ggml-rpc-server",
                         ["-H", LOOPBACK, "-p", self.port, "-d", "ROCKET0", "-t", 2],
                         environment(options.backend, self.stats_file, MIN_M=1), pathlib.Path(work) / f"{name}.log")
        self.wait_for(self.answers)

    def answers(self):
        try:  # its greeting may stand in a buffer of its own for long; a client that says nothing is let go
            socket.create_connection((LOOPBACK, self.port), timeout=5).close()
            return True
        except OSError:
            return False

    @property
    def address(self):
        return f"{LOOPBACK}:{self.port}"

    def npu_buffers(self):
        """Bytes of the emulated device's memory in this process: the only one that asks for huge pages (flag hg)."""
        total = size = 0
        for line in pathlib.Path(f"/proc/{self.child.pid}/smaps").read_text().splitlines():
            name, *values = line.split()
            if name == "Size:":
                size = int(values[0]) * 1024
            elif name == "VmFlags:" and "hg" in values:
                total += size
        return total

    def settled_buffers(self, at_most, seconds=20):
        """How many there are once a gone client's buffers had time to be freed."""
        end = time.monotonic() + seconds
        while self.npu_buffers() > at_most and time.monotonic() < end:
            time.sleep(0.2)
        return self.npu_buffers()


def both_serve(options, servers, failures):
    status, local, _ = generate(options, 16, MIN_M=1)
    where = ["--rpc", ",".join(server.address for server in servers), "-dev", "RPC0,RPC1", "-ngl", 99]
    status, remote, out = generate(options, 16, *where)
    print(f"local:  {local!r}\nremote: {remote!r}")
    if status != 0 or not remote:
        failures.append(f"over two servers: exit {status}: {out[-600:]}")
    elif remote != local:
        failures.append("the text over two servers is another")
    return where


def one_dies(options, servers, where, failures):
    kept, killed = servers
    before = kept.npu_buffers()
    child = completion(options, 200, *where)
    end = time.monotonic() + 60
    while kept.npu_buffers() <= before and time.monotonic() < end:  # its weights arrive
        time.sleep(0.05)
    during = kept.npu_buffers()
    time.sleep(1.0)
    if child.poll() is not None:
        failures.append("the client had ended before a server was killed")
    killed.child.kill()
    killed.child.wait()
    status, _, out = outcome(child)
    said = [line for line in out.splitlines() if "RPC" in line and ("crashed" in line or "malformed" in line or "ail" in line)]
    print(f"a server killed: the client ended with {status}, saying {said[-1] if said else '(nothing of RPC)'!r}")
    if status == 0 or not said:
        failures.append(f"no clear error from llama.cpp: exit {status}: {out[-600:]}")
    after = kept.settled_buffers(before)
    print(f"NPU buffers of the server that was left: {before} before, {during} with the client, {after} after")
    if during <= before:
        failures.append("the server that was left never held this client's weights")
    if after > before:
        failures.append("the server that was left still holds buffers of a client that is gone")


def the_other_goes_on(options, server, failures):
    status, text, out = generate(options, 8, "--rpc", server.address, "-dev", "RPC0", "-ngl", 99)
    print(f"afterwards, over the server that was left: {text!r}")
    if status != 0 or not text:
        failures.append(f"the server that was left serves nobody: exit {status}: {out[-600:]}")


def run(options, work):
    failures = []
    with RpcServer(options, work, "kept") as kept, RpcServer(options, work, "killed") as killed:
        where = both_serve(options, (kept, killed), failures)
        kept.settled_buffers(0, seconds=3)
        one_dies(options, (kept, killed), where, failures)
        the_other_goes_on(options, kept, failures)
        if kept.child.poll() is not None:
            failures.append(f"the server that was left has ended: {kept.tail()}")
        print(kept.tail(3))
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--llama-bin", required=True)
    parser.add_argument("--backend", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rosenblatt-rpc-") as work:
        try:
            failures = run(options, work)
        except Failure as error:
            failures = [str(error)]
    for failure in failures:
        print("FAILED:", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
