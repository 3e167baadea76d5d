#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns registers/*.toml into a C++ header (a struct per register, one table) and a Markdown manual.

    gen_registers.py --registers DIR [--header FILE] [--manual FILE]

The output depends on the input alone: no dates, no paths. Keys are explained in registers/README.md.
"""

import argparse
import pathlib
import re
import sys
import tomllib
from dataclasses import dataclass, field

WINDOW = 0x1000  # bytes of registers per block
BLOCK_KEYS = {"name", "base", "brief"}
REGISTER_KEYS = {"offset", "brief", "fields", "layout", "repeat"}
FIELD_KEYS = {"name", "bits", "evidence", "minus_one", "signed", "address", "enum", "unit", "doc"}
ENCODINGS = ("minus_one", "signed", "address", "enum")  # at most one of them per field
EVIDENCE = ("hw", "capture", "mesa", "kernel", "xml", "trm", "derived", "guess")
# Members every generated struct has, and words C++ keeps for itself.
TAKEN = {"block", "offset", "reserved", "pack", "unpack", "operator", "and", "or", "not", "default", "enum"}


class Mistake(Exception):
    """What is wrong in the description; its text names file and register."""


@dataclass
class Field:
    name: str
    high: int
    low: int
    evidence: str
    encoding: str = "plain"
    enum: str = ""
    unit: str = ""
    doc: str = ""

    @property
    def width(self) -> int:
        return self.high - self.low + 1

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.low

    @property
    def is_flag(self) -> bool:
        return self.width == 1 and self.encoding == "plain"

    @property
    def kind(self) -> str:
        if self.is_flag:
            return "Flag"
        if self.encoding == "plain":
            return "Bits" if self.unit == "bits" else "Number"
        return {"minus_one": "MinusOne", "signed": "Signed", "address": "Address", "enum": "Enum"}[self.encoding]

    @property
    def type(self) -> str:
        return {"Flag": "bool", "Signed": "int32_t", "Enum": self.enum}.get(self.kind, "uint32_t")


@dataclass
class Register:
    name: str
    offset: int
    brief: str
    fields: list[Field]

    @property
    def reserved(self) -> int:
        return 0xFFFFFFFF & ~sum(f.mask for f in self.fields)


@dataclass
class Block:
    name: str
    base: int
    brief: str
    registers: list[Register] = field(default_factory=list)

    @property
    def cpp(self) -> str:  # DPU_RDMA -> DpuRdma
        return "".join(part.capitalize() for part in self.name.split("_"))


@dataclass
class Common:
    enums: dict[str, dict]
    layouts: dict[str, list[dict]]


def require(condition: bool, where: str, what: str) -> None:
    if not condition:
        raise Mistake(f"{where}: {what}")


def check_keys(table: dict, allowed: set[str], needed: set[str], where: str) -> None:
    unknown = sorted(set(table) - allowed)
    require(not unknown, where, f"unknown key '{unknown[0] if unknown else ''}'; allowed are {', '.join(sorted(allowed))}")
    missing = sorted(needed - set(table))
    require(not missing, where, f"key '{missing[0] if missing else ''}' is missing")


def read_field(table: dict, common: Common, where: str) -> Field:
    check_keys(table, FIELD_KEYS, {"name", "bits", "evidence"}, where)
    name, bits = table["name"], table["bits"]
    where = f"{where}.{name}"
    require(re.fullmatch(r"[a-z][a-z0-9_]*", name) is not None and name not in TAKEN, where, "name must be a free lower_case word")
    require(isinstance(bits, list) and len(bits) == 2, where, "bits must be [high, low]")
    high, low = bits
    require(0 <= low <= high <= 31, where, f"bits [{high}, {low}] are not inside 31..0, high before low")
    require(table["evidence"] in EVIDENCE, where, f"evidence '{table['evidence']}' is none of {', '.join(EVIDENCE)}")
    encodings = [key for key in ENCODINGS if table.get(key)]
    require(len(encodings) <= 1, where, f"{' and '.join(encodings)} exclude each other")
    made = Field(name, high, low, table["evidence"], encodings[0] if encodings else "plain", table.get("enum", ""),
                 table.get("unit", ""), table.get("doc", ""))
    if made.enum:
        require(made.enum in common.enums, where, f"enum '{made.enum}' is not in common.toml")
        for key, value in common.enums[made.enum]["values"].items():
            require(0 <= value < 1 << made.width, where, f"{made.enum}::{key} = {value} does not fit in {made.width} bits")
    return made


def read_fields(table: dict, common: Common, where: str) -> list[Field]:
    rows = list(table.get("fields", []))
    if "layout" in table:
        require(table["layout"] in common.layouts, where, f"layout '{table['layout']}' is not in common.toml")
        rows = common.layouts[table["layout"]] + rows
    fields = sorted((read_field(row, common, where) for row in rows), key=lambda f: f.low)
    require(bool(fields), where, "no fields")
    for below, above in zip(fields, fields[1:]):
        require(below.high < above.low, where, f"fields '{below.name}' and '{above.name}' overlap")
    names = [f.name for f in fields]
    require(len(set(names)) == len(names), where, f"two fields have one name: {', '.join(names)}")
    return fields


def read_registers(name: str, table: dict, base: int, common: Common, where: str) -> list[Register]:
    check_keys(table, REGISTER_KEYS, {"offset", "brief"}, where)
    require(re.fullmatch(r"[A-Z][A-Z0-9_]*", name) is not None, where, "register names are UPPER_CASE")
    fields = read_fields(table, common, where)
    offset, repeat = table["offset"], table.get("repeat", 0)
    made = [Register(f"{name}{i}" if repeat else name, offset + 4 * i, table["brief"], fields) for i in range(repeat or 1)]
    for register in made:
        require(register.offset % 4 == 0, where, f"offset 0x{register.offset:04x} is not a multiple of 4")
        require(base <= register.offset < base + WINDOW, where, f"offset 0x{register.offset:04x} is outside the block's "
                f"window 0x{base:04x}..0x{base + WINDOW - 1:04x}")
    return made


def read_block(path: pathlib.Path, common: Common) -> Block:
    data = load(path)
    require("block" in data, path.name, "no [block] table")
    head = data.pop("block")
    check_keys(head, BLOCK_KEYS, BLOCK_KEYS, f"{path.name}: block")
    block = Block(head["name"], head["base"], head["brief"])
    for name, table in data.items():
        where = f"{path.name}: {name}"
        require(isinstance(table, dict), where, "is not a register table")
        for register in read_registers(name, table, block.base, common, where):
            last = block.registers[-1].offset if block.registers else -1
            require(register.offset != last, where, f"offset 0x{register.offset:04x} comes twice")
            require(register.offset > last, where, f"offset 0x{register.offset:04x} is not above the one before (0x{last:04x})")
            block.registers.append(register)
    return block


def load(path: pathlib.Path) -> dict:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Mistake(f"{path.name}: {error}") from error


def read_all(folder: pathlib.Path) -> tuple[Common, list[Block]]:
    data = load(folder / "common.toml")
    check_keys(data, {"enum", "layout"}, set(), "common.toml")
    layouts = {name: table["fields"] for name, table in data.get("layout", {}).items()}
    common = Common(data.get("enum", {}), layouts)
    paths = [path for path in sorted(folder.glob("*.toml")) if path.name != "common.toml"]
    blocks = sorted((read_block(path, common) for path in paths), key=lambda block: block.base)
    for below, above in zip(blocks, blocks[1:]):
        require(below.base + WINDOW <= above.base, above.name, f"window overlaps that of {below.name}")
    return common, blocks


# --- C++ ---------------------------------------------------------------------------------------


def cpp_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def cpp_enum(name: str, table: dict) -> str:
    rows = "".join(f"    {key} = {value},\n" for key, value in table["values"].items())
    pairs = ", ".join(f'{{"{key}", {value}}}' for key, value in table["values"].items())
    return (f"/// {table['brief']}\nenum class {name} : uint32_t {{\n{rows}}};\n"
            f"inline constexpr EnumValue k_{name}_values[] = {{{pairs}}};\n"
            f'inline constexpr EnumInfo k_{name}{{"{name}", k_{name}_values}};\n')


def cpp_member(f: Field) -> str:
    start = " = 1" if f.kind == "MinusOne" else "{}"
    notes = [f"[{f.high}:{f.low}]" if f.width > 1 else f"[{f.low}]"]
    notes += [note for note in (f.unit if f.unit != "bits" else "", f.doc) if note]
    return f"    {f.type} {f.name}{start};  ///< {'; '.join(notes)}\n"


def cpp_struct(block: Block, register: Register) -> str:
    where = f"{block.name}.{register.name}"
    packs = " |\n               ".join(
        f'field::pack<FieldKind::{f.kind}, {f.high}, {f.low}>({f.name}, "{where}.{f.name}")' for f in register.fields)
    unpacks = "".join(
        f"            .{f.name} = field::unpack<FieldKind::{f.kind}, {f.high}, {f.low}, {f.type}>(raw),\n" for f in register.fields)
    return (f"/// {register.brief}\nstruct {register.name} {{\n"
            f"    static constexpr Block block = Block::{block.cpp};\n"
            f"    static constexpr uint16_t offset = 0x{register.offset:04x};\n"
            f"    static constexpr uint32_t reserved = 0x{register.reserved:08x};\n\n"
            + "".join(cpp_member(f) for f in register.fields)
            + f"\n    constexpr uint32_t pack() const {{\n        return {packs};\n    }}\n"
            f"    static constexpr {register.name} unpack([[maybe_unused]] uint32_t raw) {{\n"
            f"        return {{\n{unpacks}        }};\n    }}\n"
            f"    bool operator==(const {register.name}&) const = default;\n}};\n")


def cpp_field_row(f: Field) -> str:
    enum = f"&k_{f.enum}" if f.enum else "nullptr"
    return (f'    {{"{f.name}", {f.high}, {f.low}, FieldKind::{f.kind}, Evidence::{f.evidence.capitalize()}, {enum}, '
            f"{cpp_string(f.unit)}}},\n")


def cpp_tables(blocks: list[Block]) -> str:
    out, rows = [], []
    for block in blocks:
        space = block.name.lower()
        out.append(f"namespace {space} {{\n")
        for register in block.registers:
            fields = "".join(cpp_field_row(f) for f in register.fields)
            out.append(f"inline constexpr FieldInfo k_{register.name}_fields[] = {{\n{fields}}};\n")
            rows.append(f'    {{"{register.name}", Block::{block.cpp}, 0x{register.offset:04x}, 0x{register.reserved:08x}, '
                        f"{space}::k_{register.name}_fields, {cpp_string(register.brief)}}},\n")
        out.append(f"}}  // namespace {space}\n\n")
    out.append("/// Every register, by ascending offset.\ninline constexpr RegisterInfo k_registers[] = {\n" + "".join(rows) + "};\n\n"
               'static_assert(table_is_sound(k_registers), "registers/*.toml: offsets must ascend, fields tile the word");\n\n'
               "/// Calls visit.operator()<R>() for every register struct, by ascending offset.\n"
               "template <typename Visitor>\nvoid for_each_register(Visitor&& visit) {\n")
    out += [f"    visit.template operator()<{b.name.lower()}::{r.name}>();\n" for b in blocks for r in b.registers]
    out.append("}\n")
    return "".join(out)


def header(common: Common, blocks: list[Block]) -> str:
    out = ["// SPDX-License-Identifier: MIT\n",
           "// The NPU's registers. Generated from registers/*.toml by scripts/gen_registers.py; do not edit.\n",
           "// Members stand from the low bit to the high bit: designated initialisers need that order.\n",
           '#pragma once\n\n#include <cstdint>\n\n#include "npu/block.hpp"\n#include "npu/field.hpp"\n\n',
           "namespace rosenblatt::npu {\n\n"]
    out += [cpp_enum(name, table) + "\n" for name, table in common.enums.items()]
    for block in blocks:
        space = block.name.lower()
        out.append(f"/// {block.brief}\nnamespace {space} {{\n\n")
        out += [cpp_struct(block, register) + "\n" for register in block.registers]
        out.append(f"}}  // namespace {space}\n\n")
    out.append(cpp_tables(blocks))
    out.append("\n}  // namespace rosenblatt::npu\n")
    return "".join(out)


# --- Markdown ----------------------------------------------------------------------------------


def manual_row(f: Field, common: Common) -> str:
    notes = []
    if f.encoding == "minus_one":
        notes.append("stored minus 1")
    if f.encoding == "signed":
        notes.append("signed")
    if f.encoding == "address":
        notes.append("byte address")
    if f.enum:
        notes.append(", ".join(f"{value} {key}" for key, value in common.enums[f.enum]["values"].items()))
    notes += [note for note in (f.unit if f.unit != "bits" else "", f.doc) if note]
    bits = f"{f.high}:{f.low}" if f.width > 1 else f"{f.low}"
    return f"| {bits} | {f.name} | {'; '.join(notes)} | {f.evidence} |\n"


def manual(common: Common, blocks: list[Block]) -> str:
    out = ["# Registers of the RK3588 NPU\n\nGenerated from `registers/*.toml`; keys and evidence levels are explained in "
           "`registers/README.md`.\nBits not listed are reserved. An atom is 16 bytes.\n"]
    for block in blocks:
        out.append(f"\n## {block.name} (0x{block.base:04x})\n\n{block.brief}\n")
        for register in block.registers:
            out.append(f"\n### {block.name}.{register.name} (0x{register.offset:04x})\n\n{register.brief}\n\n"
                       "| bits | field | meaning | evidence |\n|---|---|---|---|\n")
            out += [manual_row(f, common) for f in register.fields]
    return "".join(out)


def main() -> int:
    parser = argparse.ArgumentParser(description="generate register header and manual from TOML")
    parser.add_argument("--registers", type=pathlib.Path, required=True, help="folder with the TOML files")
    parser.add_argument("--header", type=pathlib.Path, help="C++ header to write")
    parser.add_argument("--manual", type=pathlib.Path, help="Markdown manual to write")
    arguments = parser.parse_args()
    try:
        common, blocks = read_all(arguments.registers)
    except Mistake as mistake:
        print(f"gen_registers: {mistake}", file=sys.stderr)
        return 1
    for path, make in ((arguments.header, header), (arguments.manual, manual)):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(make(common, blocks))
    return 0


if __name__ == "__main__":
    sys.exit(main())
