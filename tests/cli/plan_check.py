#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Recomputes what `rosenblatt plan --json` says from its tiles alone: legality, coverage, scoring model v1,
and the marks that a prefill of Qwen2.5-1.5B must meet. Knows nothing of the planner."""

import json
import subprocess
import sys
from math import ceil

BANK = 32768
DRAM = {"lpddr5": 26.6, "lpddr4x": 21.0}


def fail(text):
    sys.exit(f"plan_check: {text}")


def plan(program, *arguments):
    done = subprocess.run([program, "plan", "--json", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)
    if done.returncode != 0:
        fail(f"{arguments}: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def check_tile(tile, size):
    if tile["data_banks"] + tile["weight_banks"] > 12:
        fail(f"more than 12 banks: {tile}")
    if tile["m"] * tile["k"] * size > tile["data_banks"] * BANK:
        fail(f"features do not fit their banks: {tile}")
    if 32 * tile["k"] > tile["weight_banks"] * BANK:
        fail(f"no kernel group fits the weights' banks: {tile}")
    if tile["k"] % 32 or tile["n"] % 32 or min(tile["m"], tile["k"], tile["n"]) < 1:
        fail(f"not whole weight tiles: {tile}")


def check_cover(tiles, m, k, n):
    """Disjoint boxes inside the padded shape whose volumes add up to it cover it once."""
    padded = (m, -(-k // 32) * 32, -(-n // 32) * 32)
    boxes = [[(t[a + "0"], t[a + "0"] + t[a]) for a in "mkn"] for t in tiles]
    volume = 0
    for box in boxes:
        for (low, high), limit in zip(box, padded):
            if low < 0 or high > limit:
                fail(f"tile {box} leaves {padded}")
        volume += (box[0][1] - box[0][0]) * (box[1][1] - box[1][0]) * (box[2][1] - box[2][0])
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            if all(x[0] < y[1] and y[0] < x[1] for x, y in zip(a, b)):
                fail(f"tiles overlap: {a} and {b}")
    if volume != padded[0] * padded[1] * padded[2]:
        fail(f"tiles cover {volume} of {padded}")


def check_reuse(tiles, size):
    before = {}
    for tile in tiles:
        last = before.get(tile["lane"])
        before[tile["lane"]] = tile
        for flag, keys in (("weight_reuse", ("k0", "k", "n0", "n")), ("data_reuse", ("m0", "m", "k0", "k"))):
            if not tile[flag]:
                continue
            if last is None or any(last[key] != tile[key] for key in (*keys, "data_banks")):
                fail(f"{flag} of what the CBUF does not hold: {tile}")
        if tile["weight_reuse"] and tile["k"] * tile["n"] * size > tile["weight_banks"] * BANK:
            fail(f"reused weights do not fit: {tile}")


def score(answer, lanes, mhz, board, f16=False):
    size, group = (2, 16) if f16 else (1, 32)
    bandwidth = min(11.1, DRAM[board] / lanes)
    lane_ns = [0.0] * lanes
    used = sorted({t["lane"] for t in answer["tiles"]})
    if answer["submits"] % len(used):
        fail("submits cannot be dealt evenly to the lanes: this check needs shorter matmuls")
    for lane in used:
        lane_ns[lane] = answer["submits"] / len(used) * 54e3
    total = 0
    for t in answer["tiles"]:
        weights = 0 if t["weight_reuse"] else t["k"] * t["n"] * size
        features = 0 if t["data_reuse"] else t["m"] * t["k"] * size
        output = 4 * t["m"] * t["n"]
        total += weights + features + output
        paid = (weights + features * (1.2 if t["layout_a"] == "rowmajor" else 1)
                + output * (1.2 if t["layout_c"] == "rowmajor" else 1))
        mac = t["m"] * ceil(t["k"] / 32) * ceil(t["n"] / group) * 1e3 / mhz
        lane_ns[t["lane"]] += max(mac, paid / bandwidth) + 30e3
    return max(lane_ns) / 1e6, total, sum(lane_ns) / (lanes * max(lane_ns))


def close(what, said, found):
    if abs(said - found) > 1e-6 * max(abs(said), abs(found)):
        fail(f"{what}: plan says {said}, its tiles say {found}")


def check(answer, m, k, n, lanes, mhz, board, f16=False):
    for tile in answer["tiles"]:
        check_tile(tile, 2 if f16 else 1)
    check_cover(answer["tiles"], m, k, n)
    check_reuse(answer["tiles"], 2 if f16 else 1)
    score_ms, total, busy = score(answer, lanes, mhz, board, f16)
    close("score_ms", answer["score_ms"], score_ms)
    close("dma_bytes", answer["dma_bytes"], total)
    peak = lanes * (512 if f16 else 1024) * mhz * 1e3
    close("mac_utilisation", answer["mac_utilisation"], m * k * n / (peak * score_ms))
    if abs(answer["lanes_busy"] - busy) > 0.03:
        fail(f"lanes_busy: plan says {answer['lanes_busy']}, by the scoring model {busy}")
    if answer["tasks"] != len(answer["tiles"]):
        fail("tasks is not the number of tiles")
    if not 0 < answer["dma_bytes_min"] <= answer["dma_bytes"]:
        fail("dma_bytes_min is not below dma_bytes")
    if answer["bound"] not in ("mac", "dma", "dispatch") or answer["time_ms"] <= 0:
        fail("bound or time_ms makes no sense")


def check_shapes(program, _):
    shapes = [(1, 1, 1), (7, 33, 100), (512, 1536, 8960), (512, 8960, 1536), (128, 2048, 2048), (300, 896, 4864),
              (32, 4096, 11008)]
    for m, k, n in shapes:
        for lanes in (1, 2, 3):
            for board in DRAM:
                for layout in ("native", "rowmajor"):
                    answer = plan(program, "--m", m, "--k", k, "--n", n, "--lanes", lanes, "--board", board,
                                  "--layout", layout, "--clock-mhz", 600)
                    check(answer, m, k, n, lanes, 600, board)
    answer = plan(program, "--m", 256, "--k", 1536, "--n", 1536, "--type", "f16")
    check(answer, 256, 1536, 1536, 3, 600, "lpddr5", f16=True)
    answer = plan(program, "--m", 128, "--k", 2048, "--n", 2048, "--lanes", 1, "--raw", "--clock-mhz", 1000)
    check(answer, 128, 2048, 2048, 1, 1000, "lpddr5")


def check_prefill(program, manual):
    with open(manual, encoding="utf-8") as file:
        manual_text = file.read()
    for mhz, least in ((200, 0.93), (600, 0.85), (1000, 0.72)):
        answer = plan(program, "--model", "qwen2.5-1.5b", "--prefill", 512, "--clock-mhz", mhz)
        macs = score_ms = total = kicks = 0
        for one in answer["matmuls"]:
            check(one, one["m"], one["k"], one["n"], 3, mhz, "lpddr5")
            if one["lanes_busy"] < 0.9:
                fail(f"lanes idle: {one['name']} keeps them busy for {one['lanes_busy']}")
            macs += one["count"] * one["m"] * one["k"] * one["n"]
            score_ms += one["count"] * one["score_ms"]
            total += one["count"] * one["dma_bytes"]
            kicks += one["count"] * one["tasks"]
        close("macs", answer["macs"], macs)
        close("sum of score_ms", answer["score_ms"], score_ms)
        close("sum of dma_bytes", answer["dma_bytes"], total)
        utilisation = macs / (3 * 1024 * mhz * 1e3 * score_ms)
        close("mac_utilisation", answer["mac_utilisation"], utilisation)
        ratio = answer["dma_bytes"] / answer["dma_bytes_min"]
        row = f"| {mhz} | {utilisation:.3f} | {ratio:.3f} | {kicks} | {answer['time_ms']:.1f} |"
        print(row)
        if row not in manual_text:
            fail(f"{manual} does not say: {row}")
        if abs(macs - 6.50e11) > 0.005e11 or utilisation < least or ratio > 1.15 or kicks > 3000:
            fail("the prefill misses its marks")


if __name__ == "__main__":
    {"shapes": check_shapes, "prefill": check_prefill}[sys.argv[2]](sys.argv[1], sys.argv[3])
