#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes single-convolution TFLite models (uint8, per tensor) over a seeded grid, each with an input.

    models.py FOLDER [COUNT] [SEED]    makes FOLDER/NAME/model.tflite and FOLDER/NAME/input0.bin

TFLite's file format is a FlatBuffer; the little that is needed of both is here.
"""

import math
import pathlib
import random
import struct
import sys

UINT8, INT32 = 3, 2  # TensorType
CONV_2D, DEPTHWISE_CONV_2D = 3, 4  # BuiltinOperator
CONV_OPTIONS, DEPTHWISE_OPTIONS = 1, 2  # BuiltinOptions
SAME, VALID = 0, 1  # Padding
INPUT_SCALE, WEIGHT_SCALE = 0.0235294122, 0.0100394925
SPREAD = 73.9  # standard deviation of uniform codes


class Builder:
    """A FlatBuffer, front to back: every object is written before it is pointed to, offsets are patched later."""

    def __init__(self):
        self.bytes = bytearray(8)
        self.bytes[4:8] = b"TFL3"

    def pad(self, unit):
        self.bytes += bytes(-len(self.bytes) % unit)

    def link(self, place, target):
        struct.pack_into("<I", self.bytes, place, target - place)

    def vector(self, data, count, unit=4):
        """The position of a vector whose elements are aligned to `unit`."""
        self.bytes += bytes(-(len(self.bytes) + 4) % max(unit, 4))
        position = len(self.bytes)
        self.bytes += struct.pack("<I", count) + data
        return position

    def numbers(self, code, values):
        return self.vector(struct.pack(f"<{len(values)}{code}", *values), len(values), struct.calcsize(code))

    def string(self, text):
        return self.vector(text.encode() + b"\0", len(text))

    def links(self, make_targets):
        """A vector of references; the objects are written behind it."""
        position = self.vector(bytes(4 * len(make_targets)), len(make_targets))
        for index, make in enumerate(make_targets):
            self.link(position + 4 + 4 * index, make())
        return position

    def table(self, fields):
        """fields: (slot, code, value); code "r" is a reference, its value a function that writes the target."""
        fields = sorted(fields, key=lambda field: field[0])
        slots = fields[-1][0] + 1 if fields else 0
        self.pad(4)
        vtable = len(self.bytes)
        self.bytes += bytes(4 + 2 * slots)
        self.pad(4)
        start = len(self.bytes)
        self.bytes += struct.pack("<i", start - vtable)
        references = []
        for slot, code, value in fields:
            plain = "I" if code == "r" else code
            self.pad(struct.calcsize(plain))
            struct.pack_into("<H", self.bytes, vtable + 4 + 2 * slot, len(self.bytes) - start)
            if code == "r":
                references.append((len(self.bytes), value))
            self.bytes += struct.pack("<" + plain, 0 if code == "r" else value)
        struct.pack_into("<HH", self.bytes, vtable, 4 + 2 * slots, len(self.bytes) - start)
        for place, make in references:
            self.link(place, make())
        return start


def model_bytes(shape, weights, bias):
    b = Builder()
    output_scale = INPUT_SCALE * WEIGHT_SCALE * SPREAD * SPREAD * math.sqrt(shape["terms"]) / 60

    def buffer(data):
        return lambda: b.table([(0, "r", lambda: b.vector(data, len(data), 16))] if data else [])

    def tensor(name, dimensions, kind, number, scale, zero):
        quantization = lambda: b.table([(2, "r", lambda: b.numbers("f", [scale])), (3, "r", lambda: b.numbers("q", [zero]))])
        return lambda: b.table([(0, "r", lambda: b.numbers("i", dimensions)), (1, "b", kind), (2, "I", number),
                                (3, "r", lambda: b.string(name)), (4, "r", quantization)])

    size, out, k, ic, oc, depthwise = (shape[key] for key in ("in", "out", "k", "ic", "oc", "depthwise"))
    tensors = [tensor("input", [1, size, size, ic], UINT8, 0, INPUT_SCALE, shape["zeros"][0]),
               tensor("weights", [1, k, k, ic] if depthwise else [oc, k, k, ic], UINT8, 1, WEIGHT_SCALE, shape["zeros"][1]),
               tensor("bias", [oc], INT32, 2, INPUT_SCALE * WEIGHT_SCALE, 0),
               tensor("output", [1, out, out, oc], UINT8, 0, output_scale, shape["zeros"][2])]
    stride = shape["stride"]
    options = [(0, "b", shape["padding"]), (1, "i", stride), (2, "i", stride)] + ([(3, "i", 1)] if depthwise else [])
    kind = DEPTHWISE_OPTIONS if depthwise else CONV_OPTIONS
    operator = lambda: b.table([(1, "r", lambda: b.numbers("i", [0, 1, 2])), (2, "r", lambda: b.numbers("i", [3])),
                                (3, "B", kind), (4, "r", lambda: b.table(options))])
    graph = lambda: b.table([(0, "r", lambda: b.links(tensors)), (1, "r", lambda: b.numbers("i", [0])),
                             (2, "r", lambda: b.numbers("i", [3])), (3, "r", lambda: b.links([operator]))])
    code = DEPTHWISE_CONV_2D if depthwise else CONV_2D
    codes = lambda: b.links([lambda: b.table([(0, "b", code), (2, "i", 1), (3, "i", code)])])
    root = b.table([(0, "I", 3), (1, "r", codes), (2, "r", lambda: b.links([graph])),
                    (4, "r", lambda: b.links([buffer(b""), buffer(weights), buffer(bias)]))])
    b.link(0, root)
    return bytes(b.bytes)


def random_shape(rng):
    depthwise = rng.random() < 0.25
    # One channel in and out is left out: Mesa 26.2 never uploads such an input. Depthwise with 16 channels or fewer too: its
    # 64 channels of results do not fit the BO that Mesa makes.
    ic = rng.choice([24, 32, 64, 96, 128, 160] if depthwise else [1, 1, 2, 3, 4, 16, 32, 40, 64, 120, 128, 256])
    oc = ic if depthwise else rng.choice([8, 16, 32, 48, 64, 120, 128, 160])
    k = rng.choice([3, 5]) if depthwise else rng.choice([1, 1, 3, 5])
    # Large maps are cut into several tasks; they are rare, because an emulated CPU computes them too.
    size = rng.choice([s for s in (3, 5, 8, 8, 10, 10, 14, 16, 20, 40 if ic <= 64 else 20) if s >= k])
    stride, padding = rng.choice([1, 1, 2]) if k > 1 else 1, rng.choice([SAME, VALID])
    out = -(-size // stride) if padding == SAME else (size - k) // stride + 1
    zeros = (rng.choice([128, 128, 0, 120]), rng.choice([128, 128, 120, 130]), rng.choice([128, 128, 100]))
    if padding == SAME and depthwise:
        zeros = (128, *zeros[1:])
    return {"in": size, "out": out, "k": k, "ic": ic, "oc": oc, "depthwise": depthwise, "stride": stride,
            "padding": padding, "zeros": zeros, "terms": k * k * (1 if depthwise else ic)}


def name_of(shape):
    kind = "dw" if shape["depthwise"] else "conv"
    padding = "same" if shape["padding"] == SAME else "valid"
    zeros = "-".join(map(str, shape["zeros"]))
    return f"{kind}_{shape['in']}x{shape['in']}x{shape['ic']}_k{shape['k']}_oc{shape['oc']}_s{shape['stride']}_{padding}_zp{zeros}"


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 64
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    made = set()
    while len(made) < count:
        shape = random_shape(rng)
        if name_of(shape) in made:
            continue
        made.add(name_of(shape))
        weights = rng.randbytes(shape["terms"] * shape["oc"])
        bias = struct.pack(f"<{shape['oc']}i", *(rng.randint(-10000, 10000) for _ in range(shape["oc"])))
        target = folder / name_of(shape)
        target.mkdir(parents=True, exist_ok=True)
        (target / "model.tflite").write_bytes(model_bytes(shape, weights, bias))
        (target / "input0.bin").write_bytes(rng.randbytes(shape["in"] ** 2 * shape["ic"]))


if __name__ == "__main__":
    main()
