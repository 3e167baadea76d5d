#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every shape of make-model, two layers of it, loads in the pinned llama.cpp and becomes Q4_K_M.

make_model_check.py ROSENBLATT LLAMA_BIN WORK
"""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

rosenblatt, llama, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
vocabularies = llama.parent / "src" / "models"
SHAPES = {"qwen2.5-1.5b": "llama-spm", "small": "llama-spm", "tiny": "qwen2", "moe": "llama-spm",
          "embed": "bert-bge"}
ARCHITECTURES = {"qwen2.5-1.5b": "qwen2 1.5B", "small": "qwen2", "tiny": "qwen2", "moe": "olmoe", "embed": "bert"}


def run(*command):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GGML_", "LLAMA_"))}
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr


def loads(model, wanted):
    """llama-bench computes 16 tokens with it and names the architecture. Repacking is off: one CPU type of the
    pinned version dies in it (AMX under some hypervisors)."""
    output = run(llama / "llama-bench", "-m", model, "-p", 16, "-n", 0, "-r", 1, "-o", "json", "--no-warmup",
                 "-t", 2, "-nopo", 1)
    row = json.loads(output[output.index("["):output.rindex("]") + 1])[0]
    if wanted not in row["model_type"] or not row["avg_ts"] > 0:
        sys.exit(f"{model}: {row}")
    return row["model_type"]


shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
for shape, vocabulary in SHAPES.items():
    f16, q4 = work / f"{shape}-f16.gguf", work / f"{shape}-q4_k_m.gguf"
    vocabulary_file = vocabularies / f"ggml-vocab-{vocabulary}.gguf"
    run(rosenblatt, "make-model", "--shape", shape, "--layers", 2, "--vocab", vocabulary_file, "-o", f16)
    print(loads(f16, ARCHITECTURES[shape] if shape != "qwen2.5-1.5b" else "qwen2"))
    log = run(llama / "llama-quantize", f16, q4, "Q4_K_M", 2)
    if "fallback" in log:
        sys.exit(f"{shape}: a tensor does not fit Q4_K_M's super-blocks\n{log}")
    print(loads(q4, "Q4_K"))
    shutil.rmtree(work)
    work.mkdir()
