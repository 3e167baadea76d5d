#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes man pages and shell completions from what the program says about itself.

    gen_cli_docs.py PROGRAM OUTPUT-FOLDER    reads `PROGRAM --help` and `PROGRAM VERB --help`
"""

import pathlib
import re
import subprocess
import sys


def help_of(program, *verb):
    return subprocess.run([program, *verb, "--help"], check=True, capture_output=True, text=True).stdout


def section(text, title):
    match = re.search(rf"^{title}:\n((?:  .*\n?|\n)*)", text, re.MULTILINE)
    return match[1] if match else ""


def entries(block):
    """[(name column, description)], with continuation lines joined."""
    found = []
    for line in block.splitlines():
        match = re.match(r"^  (\S.*?)(?:\s{2,}(.*))?$", line)
        if match and not line.startswith("   "):
            found.append([match[1], match[2] or ""])
        elif found and line.strip():
            found[-1][1] = (found[-1][1] + " " + line.strip()).strip()
    return found


def flags(block):
    return [flag for name, _ in entries(block) for flag in re.findall(r"(?<![\w-])--?[\w][\w-]*", name.split(" ")[0])]


def roff(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def page(name, brief, text):
    out = [f'.TH {name.upper()} 1 "" "Rosenblatt" "User Commands"', ".SH NAME", f"{roff(name)} \\- {roff(brief)}"]
    usage = re.search(r"^Usage: (.*)$", text, re.MULTILINE)
    out += [".SH SYNOPSIS", roff(usage[1] if usage else name)]
    for title in ("Positionals", "Options", "Subcommands"):
        found = entries(section(text, title))
        if not found:
            continue
        out.append(f".SH {title.upper()}")
        for option, description in found:
            out += [".TP", f".B {roff(option)}", roff(description)]
    example = re.search(r"^Example:\n((?:  .*\n?)+)", text, re.MULTILINE)
    if example:
        out += [".SH EXAMPLE", ".nf", *(roff(line[2:]) for line in example[1].splitlines()), ".fi"]
    out += [".SH EXIT STATUS", "0 fine, 1 a finding or failure, 2 wrong usage."]
    return "\n".join(out) + "\n"


def bash(verbs):
    cases = "\n".join(f"    {verb}) words='{' '.join(options)}' ;;" for verb, (_, options) in verbs.items())
    return f"""# bash completion of rosenblatt, made from its own help
_rosenblatt() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} words='{' '.join(verbs)} --help --version'
    [ "$COMP_CWORD" -gt 1 ] && case ${{COMP_WORDS[1]}} in
{cases}
    *) words='' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    [[ $word == -* || $COMP_CWORD -eq 1 ]] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}}
complete -o filenames -F _rosenblatt rosenblatt
"""


def zsh(verbs):
    quote = lambda text: text.replace("'", "").replace(":", ",")
    names = "\n".join(f"        '{verb}:{quote(brief)}'" for verb, (brief, _) in verbs.items())
    cases = "\n".join(f"    {verb}) compadd -- {' '.join(options)}; _files ;;" for verb, (_, options) in verbs.items())
    return f"""#compdef rosenblatt
# zsh completion of rosenblatt, made from its own help
local -a verbs=(
{names}
)
if (( CURRENT == 2 )); then
    _describe verb verbs
    return
fi
case $words[2] in
{cases}
esac
"""


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    top = help_of(program)
    verbs = {}
    for name, brief in entries(section(top, "Subcommands")):
        text = help_of(program, name)
        verbs[name] = (brief, flags(section(text, "Options")))
        (folder / f"rosenblatt-{name}.1").write_text(page(f"rosenblatt-{name}", brief, text))
    (folder / "rosenblatt.1").write_text(page("rosenblatt", top.strip().splitlines()[0], top))
    (folder / "rosenblatt.bash").write_text(bash(verbs))
    (folder / "_rosenblatt").write_text(zsh(verbs))


if __name__ == "__main__":
    main()
