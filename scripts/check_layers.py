#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails when a file under src/ includes a room of its own floor (other than its own) or of a floor above."""

import pathlib
import re
import sys

# Ground first. Rooms of one line share a floor and do not know each other.
FLOORS = [
    ["base"],
    ["npu", "quant"],
    ["regcmd"],
    ["compile", "emulator"],
    ["rocket", "emukernel"],
    ["matmul"],
    ["ggml", "library", "shim", "cli", "qemu"],
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z_0-9]+)/')


def complaints(source: pathlib.Path):
    for path in sorted(source.rglob("*")):
        if path.suffix not in {".hpp", ".cpp", ".h", ".c", ".inc"}:
            continue
        room = path.relative_to(source).parts[0]
        if room not in FLOOR_OF:
            yield f"{path}: room '{room}' stands on no floor; add it to scripts/check_layers.py"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match or match[1] not in FLOOR_OF or match[1] == room:
                continue
            if FLOOR_OF[match[1]] >= FLOOR_OF[room]:
                yield f"{path}:{number}: '{room}' may not include '{match[1]}' (same floor or above)"


def main() -> int:
    found = list(complaints(pathlib.Path(__file__).resolve().parent.parent / "src"))
    print("\n".join(found), file=sys.stderr) if found else None
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
