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
ARCHITECTURES = {"moe": "olmoe", "embed": "bert"}  # others: qwen2


def run(*command):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GGML_", "LLAMA_"))}
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr


def loads(model, wanted):
    """llama-bench computes 16 tokens with it and names the architecture."""
    output = run(llama / "llama-bench", "-m", model, "-p", 16, "-n", 0, "-r", 1, "-o", "json", "--no-warmup", "-t", 2)
    row = json.loads(output[output.index("["):output.rindex("]") + 1])[0]
    if wanted not in row["model_type"] or not row["avg_ts"] > 0:
        sys.exit(f"{model}: {row}")
    return f"{model.name}: {row['model_type']}, {row['avg_ts']:.1f} tokens/s"


shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
for shape, vocabulary in SHAPES.items():
    f16, q4 = work / f"{shape}-f16.gguf", work / f"{shape}-q4_k_m.gguf"
    vocabulary_file = vocabularies / f"ggml-vocab-{vocabulary}.gguf"
    run(rosenblatt, "make-model", "--shape", shape, "--layers", 2, "--vocab", vocabulary_file, "-o", f16)
    print(loads(f16, ARCHITECTURES.get(shape, "qwen2")))
    log = run(llama / "llama-quantize", f16, q4, "Q4_K_M", 2)
    if "fallback" in log:
        sys.exit(f"{shape}: a tensor does not fit Q4_K_M's super-blocks\n{log}")
    print(loads(q4, "Q4_K"))
    shutil.rmtree(work)
    work.mkdir()
