# SPDX-License-Identifier: MIT
"""Runs llama-perplexity with or without the NPU and reads its figures and the backend's stats."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess

SEED = 1957
ATTEMPTS = 20
NUMBER = r"(-?[0-9.]+(?:e[-+]?[0-9]+)?)"
PERPLEXITY = re.compile(rf"Final estimate: PPL = {NUMBER} \+/- {NUMBER}")
# With --kl-divergence the tool prints these instead; "Same top p" is its last line.
DIVERGENCE = {
    "perplexity": re.compile(rf"Mean PPL\(Q\) *: *{NUMBER} ± *{NUMBER}"),
    "kld_mean": re.compile(rf"Mean +KLD: *{NUMBER} ± *{NUMBER}"),
    "kld_99": re.compile(rf"99\.0% +KLD: *{NUMBER}"),
    "kld_max": re.compile(rf"Maximum KLD: *{NUMBER}"),
    "same_top": re.compile(rf"Same top p: *{NUMBER} ± *{NUMBER} %"),
}
PIPELINES = re.compile(r"GGML_ROCKET_PIPELINE=\? is not one of: ([a-z0-9, ]+);")


class ToolError(Exception):
    """llama-perplexity failed or never said its figures."""


@dataclasses.dataclass
class Measurement:
    figures: dict
    stats: dict | None  # of the backend; None when it was not asked
    command: str


def read_figures(log: str, divergence: bool) -> dict | None:
    """None: the log ends before its last line, as this tool's now and then does with exit status 0."""
    if not divergence:
        found = PERPLEXITY.search(log)
        return {"perplexity": float(found[1]), "perplexity_error": float(found[2])} if found else None
    figures = {}
    for name, pattern in DIVERGENCE.items():
        found = pattern.search(log)
        if not found:
            return None
        figures[name] = float(found[1])
        if name in ("perplexity", "kld_mean", "same_top"):
            figures[name + "_error"] = float(found[2])
    return figures


@dataclasses.dataclass
class Perplexity:
    """One text and context for all runs. Commands are started in `root` and name files relative to it."""

    root: pathlib.Path
    work: pathlib.Path
    llama_bin: pathlib.Path
    backend: pathlib.Path
    text: pathlib.Path
    context: int = 256
    chunks: int = -1
    threads: int = 2
    device: str = "emulator"

    def shown(self, path: pathlib.Path) -> str:
        relative = os.path.relpath(path, self.root)
        return path.name if relative.startswith("..") else relative

    def environment(self, extra: dict) -> dict:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("GGML_", "LLAMA_"))}
        # Spinning threads crawl on a machine with other work.
        clean |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "GGML_BACKEND_PATH": str(self.backend)}
        return clean | extra

    def start(self, arguments: list, extra: dict) -> str:
        command = [str(self.llama_bin / "llama-perplexity"), *map(str, arguments)]
        done = subprocess.run(command, cwd=self.root, env=self.environment(extra), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", check=False)
        if done.returncode != 0:
            raise ToolError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}")
        return done.stdout

    def run(self, model: pathlib.Path, base: pathlib.Path, *, pipeline: str | None = None,
            write_base: bool = False, chunks: int | None = None) -> Measurement:
        """On the CPU, or on the NPU with `pipeline`; either writes the logits of `base` or compares with them."""
        stats_file = self.work / "stats.json"
        extra = {}
        if pipeline:
            extra = {"GGML_ROCKET_DEVICE": self.device, "GGML_ROCKET_PIPELINE": pipeline, "GGML_ROCKET_MIN_M": "1",
                     "GGML_ROCKET_STATS": str(stats_file)}
        arguments = ["-m", model, "-f", self.text, "-c", self.context, "-b", self.context, "-s", SEED,
                     "-t", self.threads, "--chunks", self.chunks if chunks is None else chunks]
        # The plain kernels, which also compute what a pipeline leaves to the CPU; the repacked ones quantise otherwise.
        arguments += [] if pipeline else ["-dev", "none", "--no-repack"]
        arguments += ["--kl-divergence-base", base] + ([] if write_base else ["--kl-divergence"])
        words = [f"{k}={self.shown(stats_file) if k == 'GGML_ROCKET_STATS' else v}" for k, v in extra.items()]
        words += ["llama-perplexity"]
        words += [self.shown(word) if isinstance(word, pathlib.Path) else str(word) for word in arguments]
        for _ in range(ATTEMPTS):
            stats_file.unlink(missing_ok=True)
            figures = read_figures(self.start(arguments, extra), divergence=not write_base)
            if figures:
                stats = json.loads(stats_file.read_text()) if stats_file.exists() else None
                return Measurement(figures, stats, " ".join(words))
        raise ToolError(f"{' '.join(words)} did not print its result in {ATTEMPTS} attempts")

    def pipelines(self, model: pathlib.Path) -> dict:
        """Every pipeline name the backend knows, and whether it gives this build's NPU any work."""
        wrong = {"GGML_ROCKET_DEVICE": self.device, "GGML_ROCKET_PIPELINE": "?"}
        logs = (self.start(["--list-devices"], wrong) for _ in range(ATTEMPTS))
        found = next(filter(None, map(PIPELINES.search, logs)), None)
        if not found:
            raise ToolError("the backend was not loaded: it does not say which pipelines it knows")
        accepted = {}
        for name in found[1].split(", "):
            probe = self.run(model, self.work / "probe.kld", pipeline=name, write_base=True, chunks=1)
            accepted[name] = bool(probe.stats and probe.stats["macs"] > 0)
        return accepted
