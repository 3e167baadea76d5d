#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/gen_registers.py: same output twice, and mistakes refused with file and register named.

    gen_registers_test.py SOURCE_DIR
"""

import importlib.util
import pathlib
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(sys.argv.pop(1))
spec = importlib.util.spec_from_file_location("gen_registers", SOURCE / "scripts/gen_registers.py")
sys.dont_write_bytecode = True
gen = importlib.util.module_from_spec(spec)
sys.modules["gen_registers"] = gen
spec.loader.exec_module(gen)

COMMON = """
[enum.Mode]
brief = "modes"
values = { Off = 0, Fast = 5 }
[layout.PAIR]
fields = [{ name = "low", bits = [3, 0], evidence = "hw" }]
"""
BLOCK = '[block]\nname = "CNA"\nbase = 0x1000\nbrief = "b"\n'


def register(name="R", offset="0x1000", fields='{ name = "a", bits = [3, 0], evidence = "hw" }', more=""):
    return f'[{name}]\noffset = {offset}\nbrief = "r"\nfields = [{fields}]\n{more}\n'


class Mistakes(unittest.TestCase):
    def read(self, text, common=COMMON):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "common.toml").write_text(common)
            (folder / "cna.toml").write_text(BLOCK + text)
            return gen.read_all(folder)

    def refused(self, text, *parts):
        with self.assertRaises(gen.Mistake) as caught:
            self.read(text)
        for part in ("cna.toml", *parts):
            self.assertIn(part, str(caught.exception))

    def test_a_sound_file_is_taken(self):
        _, blocks = self.read(register() + register("Q", "0x1004", more="layout = 'PAIR'").replace("[3, 0]", "[7, 4]"))
        self.assertEqual([f.name for f in blocks[0].registers[1].fields], ["low", "a"])
        self.assertEqual(blocks[0].registers[1].reserved, 0xFFFFFF00)

    def test_overlapping_fields(self):
        two = '{ name = "a", bits = [3, 0], evidence = "hw" }, { name = "b", bits = [7, 3], evidence = "hw" }'
        self.refused(register(fields=two), "R", "'a' and 'b' overlap")

    def test_bits_outside_the_word(self):
        self.refused(register(fields='{ name = "a", bits = [32, 0], evidence = "hw" }'), "R.a", "31..0")
        self.refused(register(fields='{ name = "a", bits = [0, 3], evidence = "hw" }'), "R.a", "31..0")

    def test_duplicate_and_descending_offsets(self):
        self.refused(register() + register("Q"), "Q", "0x1000 comes twice")
        self.refused(register("A", "0x1008") + register("B", "0x1004"), "B", "not above")

    def test_offsets_outside_the_window(self):
        self.refused(register(offset="0x2000"), "R", "outside the block's window")
        self.refused(register(offset="0x1ffc", more="repeat = 2"), "R", "0x2000 is outside")
        self.refused(register(offset="0x1002"), "R", "multiple of 4")

    def test_unknown_and_missing_keys(self):
        self.refused(register(more="wat = 1"), "R", "unknown key 'wat'")
        self.refused(register(fields='{ name = "a", bit = [3, 0], evidence = "hw" }'), "R", "unknown key 'bit'")
        self.refused(register(fields='{ name = "a", bits = [3, 0] }'), "R", "'evidence' is missing")

    def test_enums_that_do_not_fit(self):
        self.refused(register(fields='{ name = "a", bits = [1, 0], enum = "Mode", evidence = "hw" }'), "R.a",
                     "Mode::Fast = 5 does not fit in 2 bits")
        self.refused(register(fields='{ name = "a", bits = [1, 0], enum = "Nope", evidence = "hw" }'), "R.a", "not in common.toml")

    def test_names_and_evidence(self):
        self.refused(register(fields='{ name = "offset", bits = [1, 0], evidence = "hw" }'), "R.offset", "free lower_case")
        self.refused(register(fields='{ name = "a", bits = [1, 0], evidence = "rumour" }'), "R.a", "rumour")
        self.refused(register(fields='{ name = "a", bits = [1, 0], evidence = "hw", signed = true, minus_one = true }'),
                     "R.a", "exclude each other")
        self.refused(register("lower"), "lower", "UPPER_CASE")

    def test_broken_toml(self):
        self.refused("[R", "cna.toml")


class Output(unittest.TestCase):
    def test_is_the_same_twice_and_covers_every_register(self):
        common, blocks = gen.read_all(SOURCE / "registers")
        again = gen.read_all(SOURCE / "registers")
        self.assertEqual(gen.header(common, blocks), gen.header(*again))
        text = gen.manual(common, blocks)
        self.assertEqual(text, gen.manual(*again))
        for block in blocks:
            for entry in block.registers:
                self.assertIn(f"### {block.name}.{entry.name} (0x{entry.offset:04x})", text)


if __name__ == "__main__":
    unittest.main()
