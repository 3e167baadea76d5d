# SPDX-License-Identifier: MIT
"""benchmarks/results/*.json as one page, beside what others have published."""

import json

# What others measured with real boards; source by their own documents.
PEERS = [
    ("Qwen2.5-1.5B", "w8a8", "RKLLM 1.3.0, closed", "vendor kernel, 1 GHz", "338 (128 tokens, from TTFT)", "16.69",
     "airockchip/rknn-llm, benchmark.md"),
    ("Qwen2.5-1.5B", "Q8_0 as w8a8", "unimatrix099/rk-llama.cpp on the closed matmul API", "vendor kernel, 1 GHz",
     "280.8 (128)", "13.5 (CPU)", "its docs/backend/RKNPU2-optimization-notes.md"),
    ("Qwen3-1.7B", "w8a8", "RKLLM / oRKLLM, closed runtime / open", "vendor kernel, 1 GHz", "135-187 / 178", "11.2-12.8",
     "oRKLLM docs, M15"),
    ("Qwen3-1.7B", "Q4_0", "llama.cpp, 4 A76", "-", "91", "16.6-17.1", "oRKLLM docs, M15"),
    ("SmolVLM2-1.8B", "F16", "gregordinary/ggml-rocket, open", "rocket with patches, 600 MHz", "99.0 (512)", "14.5 (Q4, CPU)",
     "rockchip-npu-notes, perf/benchmarks.md"),
    ("Llama-3.2-3B", "Q4_K_M", "gregordinary/ggml-rocket, open", "rocket with patches, 600 MHz", "33.6 (512; CPU 16.7)", "7.9",
     "rockchip-npu-notes, perf/benchmarks.md"),
    ("Gemma-4-E2B", "Q8_0", "marfrit/rk-llama.cpp, open", "rocket", "46-49 (CPU 34.9)", "-", "its README"),
]


def table(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def number(value, unit=""):
    if value is None:
        return "-"
    if unit in ("B", "MAC"):
        return f"{value / 1e9:.3f} G{unit}"
    return f"{value:.0f}" if float(value).is_integer() and not unit else f"{value:.2f} {unit}".rstrip()


def origin(record):
    machine = record["machine"]
    return (f"{record['date']}, {machine['cpu']}, {machine['cpus']} CPUs, load {machine['load_before']:.1f} "
            f"before it began.\n\n")


def plan_section(record):
    rows = [(f"{p['clock_mhz']:g}", f"{p['mac_utilisation']:.3f}", f"{p['time_ms']:.1f}",
             f"{p['dma_bytes'] / p['dma_bytes_min']:.3f}", p["tasks"], p["submits"], f"{p['tokens_per_second']:.0f}",
             f"{p['ram_bytes'] / 1e9:.2f}", f"{p['load_ms'] / 1000:.1f}") for p in record["results"]]
    return ("## What the planner expects of Qwen2.5-1.5B, prefill 512\n\nModelled, three lanes, LPDDR5; tokens/s, RAM and load "
            "rest on assumptions ([tile-size.md](../docs/tile-size.md)).\n\n" +
            table(("MHz", "MAC utilisation (model v1)", "NPU ms", "DMA / fewest", "kicks", "submits", "tokens/s", "GB packed",
                   "load s"), rows))


def lines_section(title, record):
    rows = [(line["name"], number(line["value"], line["unit"]), number(line.get("baseline"), line["unit"]),
             "-" if line.get("ratio") is None else f"{line['ratio']:.3f}") for line in record["results"]]
    return f"## {title}\n\n" + origin(record) + table(("what", "value", "baseline", "ratio"), rows)


def kernels_section(record):
    def shown(row, counter):
        return f"{row[counter]:.2f}" if counter in row else "-"

    rows = [(kernel_name(row["name"]), shown(row, "GB/s"), shown(row, "of_memcpy"), shown(row, "int8_GB/s"),
             shown(row, "percent")) for row in record["results"]]
    return "## Host kernels\n\n" + origin(record) + table(
        ("kernel", "GB/s read and written", "of memcpy", "GB/s of int8 packed or loaded", "% that checksums add"), rows)


def kernel_name(name):
    """Without Google Benchmark's notes on how it was timed."""
    return "/".join(part for part in name.split("/") if part != "manual_time" and not part.startswith("iterations:"))


def llama_section(record):
    rows = [(r["model_type"], f"pp{r['n_prompt']}" if r["n_prompt"] else f"tg{r['n_gen']}", r["device"], r["n_threads"],
             f"{r['avg_ts']:.2f} ± {r['stddev_ts']:.2f}") for r in record["results"]]
    return ("## llama-bench, emulated NPU beside the CPU alone\n\n" + origin(record) +
            table(("model", "test", "-dev", "threads", "tokens/s"), rows))


def markdown(results):
    """`results`: the folder. What was not run is not on the page."""
    sections = {"plan": plan_section,
                "prefill": lambda r: lines_section(f"A prefill on the emulated NPU, shape {r['shape']}", r),
                "llama": llama_section, "kernels": kernels_section,
                "emulator": lambda r: lines_section("The emulator itself, beside ggml's CPU backend", r)}
    page = ("<!-- made by scripts/bench.sh; do not edit -->\n# Speed\n\nWhat is measured and how: [README.md](README.md). No line "
            "of this has run on an RK3588: NPU times are modelled, host times are this machine's.\n\n")
    for part, section in sections.items():
        path = results / f"{part}.json"
        if path.exists():
            page += section(json.loads(path.read_text())) + "\n"
    page += "## What others have published, on boards\n\n" + table(
        ("model", "weights", "stack", "kernel", "prefill tokens/s", "decode tokens/s", "source"), PEERS)
    return page
