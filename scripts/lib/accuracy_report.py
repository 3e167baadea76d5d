# SPDX-License-Identifier: MIT
"""The report of scripts/accuracy.sh as Markdown."""

HEAD = """<!-- made by scripts/accuracy.sh; do not edit -->
# Accuracy

Perplexity and KL divergence of every pipeline on `{text}`, context {context}, {chunks}. The reference of the
bundled model's rows is its F16 form on the CPU; the outlier model has the same function and is compared with
the same reference; a model given with `--gguf` is compared with itself on the CPU. "ratio" is the perplexity
against the same file on the CPU. A row counts with at least 99 % of the eligible MACs on the NPU.
What is measured and how: [README.md](README.md).

"""
COLUMNS = ["weights", "runs on", "perplexity", "ratio", "mean KLD", "99 % KLD", "same top", "MACs on the NPU", "counts"]
FIGURES = {"kld_mean": "mean KLD", "same_top": "same top, %", "perplexity_ratio": "perplexity ratio",
           "perplexity_difference": "perplexity against the bundled model, relative difference"}


def table(columns: list, lines: list) -> str:
    rows = [columns, ["---"] * len(columns), *lines]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows) + "\n"


def kld(row: dict, figure: str) -> str:
    if figure not in row:
        return "reference"
    error = f" ± {row['kld_mean_error']:.6f}" if figure == "kld_mean" else ""
    return f"{max(row[figure], 0):.6f}{error}"


def line(row: dict) -> list:
    stats = row.get("stats")
    share = f"{100 * stats['macs'] / stats['macs_eligible']:.1f} %" if stats and stats["macs_eligible"] else "-"
    same_top = f"{row['same_top']:.2f} %" if "same_top" in row else "reference"
    counts = "-" if row["runs_on"] == "cpu" else "yes" if row["counted"] else f"no: {row['reason']}"
    return [row["weights"], row["runs_on"], f"{row['perplexity']:.4f}", f"{row['perplexity_ratio']:.5f}",
            kld(row, "kld_mean"), kld(row, "kld_99"), same_top, share, counts]


def verdict_line(verdict: dict) -> list:
    sign = "≤" if verdict["bound"] == "most" else "≥"
    measured = "not measured" if verdict["measured"] is None else f"{verdict['measured']:.6g}"
    holds = {True: "yes", False: "**no**", None: "open"}[verdict["holds"]]
    return [f"{verdict['model']} {verdict['weights']}", verdict["runs_on"], FIGURES[verdict["figure"]],
            f"{sign} {verdict['limit']:g}", measured, holds]


def markdown(report: dict) -> str:
    chunks = "the whole text" if report["chunks"] < 0 else f"{report['chunks']} chunks"
    text = HEAD.format(text=report["text"], context=report["context"], chunks=chunks)
    for model in dict.fromkeys(row["model"] for row in report["rows"]):
        text += f"## {model}\n\n" + table(COLUMNS, [line(row) for row in report["rows"] if row["model"] == model])
    missing = [name for name, accepted in report["pipelines"].items() if not accepted]
    if missing:
        text += f"Not in this build: {', '.join(missing)} (the backend knows the name and leaves the work to the CPU).\n\n"
    text += "## Limits\n\n" + table(["model", "runs on", "figure", "limit", "measured", "holds"],
                                     [verdict_line(verdict) for verdict in report["limits"]])
    text += "## Commands\n\nAfter `. build/env`, in the repository's root; seeds are in the commands.\n\n```\n"
    return text + "".join(row["command"] + "\n" for row in report["rows"]) + "```\n"
