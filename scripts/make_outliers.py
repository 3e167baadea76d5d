#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes from an F16 GGUF one with the same function and the massive activations that large models have.

Norm gains times 100 on 0.4 % of the channels, the consuming matrices' columns divided by as much; rows of
ffn_up times 50, the columns of ffn_down divided. In exact arithmetic nothing changes; in int8 a few columns
of every activation are now 100 and 50 times larger than the rest. The head is left alone where it is tied
to the embedding: a column of it cannot be divided without changing the embedding too.
"""

import argparse
import pathlib
import random
import re
import struct
import sys

NORM_GAIN, UP_GAIN, SHARE, SEED = 100.0, 50.0, 0.004, 1957
F32, F16 = 0, 1
CODES = {F32: "f", F16: "e"}
SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY = 8, 9
CONSUMERS = {
    r"(blk\.\d+\.)attn_norm": ["attn_q", "attn_k", "attn_v"],
    r"(blk\.\d+\.)ffn_norm": ["ffn_gate", "ffn_up"],
    r"()output_norm": ["output"],
}


class Gguf:
    """A GGUF in memory whose F16 and F32 tensors can be changed in place."""

    def __init__(self, data: bytes):
        self.data = bytearray(data)
        self.at = 0
        magic, _, tensor_count, value_count = self.take("<4sIQQ")
        if magic != b"GGUF":
            raise ValueError("this is no GGUF file")
        alignment = 32
        for _ in range(value_count):
            key, value = self.string(), self.value(self.take("<I")[0])
            if key == "general.alignment":
                alignment = value
        infos = [self.tensor_info() for _ in range(tensor_count)]
        start = (self.at + alignment - 1) // alignment * alignment
        self.tensors = {name: (dims, kind, start + offset) for name, dims, kind, offset in infos}

    def take(self, form: str) -> tuple:
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values

    def string(self) -> str:
        length = self.take("<Q")[0]
        return self.take(f"<{length}s")[0].decode(errors="replace")

    def value(self, kind: int):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            inner, count = self.take("<IQ")
            return [self.value(inner) for _ in range(count)]
        return int.from_bytes(self.take(f"<{SCALAR_BYTES[kind]}s")[0], "little")

    def tensor_info(self):
        name, count = self.string(), self.take("<I")[0]
        return name, *[self.take(f"<{count}Q")], *self.take("<IQ")

    def scale(self, name: str, indices, factor: float) -> None:
        dims, kind, start = self.tensors[name]
        if kind not in CODES:
            raise ValueError(f"{name} is neither F16 nor F32; give an F16 model")
        form = "<" + CODES[kind]
        size = struct.calcsize(form)
        for index in indices:
            at = start + index * size
            value = struct.unpack_from(form, self.data, at)[0] * factor
            try:
                struct.pack_into(form, self.data, at, value)
            except OverflowError:
                raise ValueError(f"{name}[{index}] times {factor:g} does not fit F16") from None

    def scale_columns(self, name: str, columns, factor: float) -> None:
        (k, n), _, _ = self.tensors[name]
        self.scale(name, (row * k + column for column in columns for row in range(n)), factor)

    def scale_rows(self, name: str, rows, factor: float) -> None:
        (k, _), _, _ = self.tensors[name]
        self.scale(name, (row * k + column for row in rows for column in range(k)), factor)


def choose(generator: random.Random, count: int) -> list:
    return sorted(generator.sample(range(count), max(1, round(count * SHARE))))


def add_outliers(gguf: Gguf, generator: random.Random):
    """Yields a line for each change."""
    for name in list(gguf.tensors):
        for pattern, roles in CONSUMERS.items():
            found = re.fullmatch(pattern + r"\.weight", name)
            consumers = [f"{found[1]}{role}.weight" for role in roles] if found else []
            if not consumers or any(consumer not in gguf.tensors for consumer in consumers):
                continue
            channels = choose(generator, gguf.tensors[name][0][0])
            gguf.scale(name, channels, NORM_GAIN)
            for consumer in consumers:
                gguf.scale_columns(consumer, channels, 1 / NORM_GAIN)
            yield f"{name}: channels {channels} times {NORM_GAIN:g}"
        if re.fullmatch(r"blk\.\d+\.ffn_up\.weight", name):
            rows = choose(generator, gguf.tensors[name][0][1])
            gguf.scale_rows(name, rows, UP_GAIN)
            gguf.scale_columns(name.replace("ffn_up", "ffn_down"), rows, 1 / UP_GAIN)
            yield f"{name}: rows {rows} times {UP_GAIN:g}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    try:
        gguf = Gguf(options.model.read_bytes())
        changes = list(add_outliers(gguf, random.Random(options.seed)))
    except (OSError, ValueError, KeyError, struct.error) as error:
        print(f"error: {options.model}: {error}", file=sys.stderr)
        return 1
    if not changes:
        print(f"error: {options.model} has none of the tensors this script knows", file=sys.stderr)
        return 1
    print("\n".join(changes))
    options.output.write_bytes(gguf.data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
