#!/usr/bin/env python3
"""Makes a man page for each command from what `espalier --experimental-dump-help` prints.

espalier --experimental-dump-help | scripts/man-pages.py FOLDER     writes FOLDER/espalier.1, espalier-ls.1, ...
Prints the number of pages.
"""

import json
import pathlib
import sys


def escaped(text):
    """Text as roff takes it: no line begins a request, hyphens stay hyphens."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    # In ASCII, so that it does not matter how a man page's encoding is guessed.
    text = "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in text)
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def paragraphs(text):
    """Prose is filled; indented lines (examples) stay as they are."""
    lines, example = [], False
    for line in text.strip("\n").split("\n"):
        indented = line.startswith("  ")
        if indented != example and line:
            lines.append(".EX" if indented else ".EE")
            example = indented
        lines.append(escaped(line) if line else ("" if example else ".PP"))
    if example:
        lines.append(".EE")
    return lines


def spelling(name):
    return ("--" if name["kind"] == "long" else "-") + name["name"]


def heading(argument):
    value = argument.get("valueName", "")
    if argument["kind"] == "positional":
        return f"\\fI{escaped(value)}\\fR" + (" ..." if argument.get("isRepeating") else "")
    names = ", ".join(f"\\fB{escaped(spelling(name))}\\fR" for name in argument.get("names", []))
    return names + (f" \\fI{escaped(value)}\\fR" if argument["kind"] == "option" else "")


def usage(path, command):
    words = [f"\\fB{' '.join(path)}\\fR"]
    if command.get("subcommands"):
        words.append("\\fIsubcommand\\fR")
    for argument in command.get("arguments", []):
        if not argument.get("shouldDisplay", True):
            continue
        text = heading(argument)
        if argument["kind"] != "positional" and argument.get("names"):
            preferred = argument.get("preferredName") or argument["names"][0]
            text = f"\\fB{escaped(spelling(preferred))}\\fR"
            if argument["kind"] == "option":
                text += f" \\fI{escaped(argument.get('valueName', ''))}\\fR"
        words.append(f"[{text}]" if argument.get("isOptional") else text)
    return " ".join(words)


def page(path, command):
    name = "-".join(path)
    lines = [f'.TH "{name.upper()}" 1 "" "espalier" "Espalier"', ".SH NAME"]
    lines.append(f"{escaped(name)} \\- {escaped(command.get('abstract', ''))}")
    lines += [".SH SYNOPSIS", usage(path, command)]
    if command.get("discussion"):
        lines += [".SH DESCRIPTION"] + paragraphs(command["discussion"])
    arguments = [a for a in command.get("arguments", []) if a.get("shouldDisplay", True)]
    for title, positional in (("ARGUMENTS", True), ("OPTIONS", False)):
        some = [a for a in arguments if (a["kind"] == "positional") == positional]
        if some:
            lines.append(f".SH {title}")
        for argument in some:
            text = argument.get("abstract", "")
            if argument.get("allValues"):
                text += f" One of: {', '.join(argument['allValues'])}."
            if argument.get("defaultValue"):
                text += f" Default: {argument['defaultValue']}."
            lines += [".TP", heading(argument), escaped(text.strip().replace("\n", " "))]
    subcommands = [c for c in command.get("subcommands", []) if c["commandName"] != "help"]
    if subcommands:
        lines.append(".SH SUBCOMMANDS")
        for child in subcommands:
            lines += [".TP", f"\\fB{escaped('-'.join(path + [child['commandName']]))}\\fR(1)"]
            lines.append(escaped(child.get("abstract", "")))
    if len(path) > 1:
        lines += [".SH SEE ALSO", f"\\fB{escaped('-'.join(path[:-1]))}\\fR(1)"]
    yield name, "\n".join(lines) + "\n"
    for child in subcommands:
        yield from page(path + [child["commandName"]], child)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    root = json.load(sys.stdin)["command"]
    pages = list(page([root["commandName"]], root))
    for name, text in pages:
        (folder / f"{name}.1").write_text(text, encoding="utf-8")
    print(len(pages))


if __name__ == "__main__":
    main()
