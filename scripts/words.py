#!/usr/bin/env python3
"""Finds forbidden words in documents, in the comments and string literals of Swift and C, and options in messages of libraries.

    scripts/words.py           the documents whose language has been revised
    scripts/words.py --all     all documents and Sources as well; option names and decisions by text in the libraries

scripts/house-rules calls it. Prints FILE:LINE: what was found and what to write instead; exits with 1 when there is one.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# This page names the words that are not used.
NAMES_THEM = {"docs/glossary.md"}
LIBRARIES = ("Sources/CheckpointFiles/", "Sources/ParameterSurgery/", "Sources/FineTuning/")
# What these write is the command line of another program.
OTHER_COMMAND_LINES = ("MsSwift",)
TOKEN = re.compile(r'"""(?:.*?)"""|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.S)


def forbidden():
    """Each expression with its replacement."""
    for line in (ROOT / "scripts" / "forbidden-words.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            expression, _, replacement = line.partition("\t")
            yield re.compile(rf"\b(?:{expression})\b", re.I), replacement


def prose(path, text, everything):
    """(line number, text) of what people read in a file."""
    if path.suffix == ".md":
        fence = None
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith("```"):
                fence = None if fence else line[3:] or "text"
            # What a program prints is that program's language.
            elif fence is None or everything and fence == "console":
                yield number, line
    else:
        for match in TOKEN.finditer(text):
            first = text.count("\n", 0, match.start()) + 1
            for offset, line in enumerate(match[0].splitlines()):
                yield first + offset, line


def tracked(*endings):
    return sorted(
        path for ending in endings for path in ROOT.rglob(f"*{ending}")
        if not any(part.startswith(".") and part != ".docc" or part in ("corpus", "work") for part in path.relative_to(ROOT).parts))


def main():
    everything = sys.argv[1:] == ["--all"]
    found = []
    files = tracked(".md")
    if everything:
        files += [path for path in tracked(".swift", ".c", ".h") if path.relative_to(ROOT).parts[0] in ("Sources", "Snippets", "Examples")]
    words = list(forbidden())
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        if name in NAMES_THEM:
            continue
        for number, line in prose(path, path.read_text(encoding="utf-8"), everything):
            for expression, replacement in words:
                match = expression.search(line)
                if match:
                    found.append(f'{name}:{number}: "{match[0]}": write {replacement}')
    if everything:
        for path in tracked(".swift"):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith("Sources/"):
                continue
            text = path.read_text(encoding="utf-8")
            if name.startswith(LIBRARIES) and not path.name.startswith(OTHER_COMMAND_LINES):
                for match in TOKEN.finditer(text):
                    option = match[0].startswith('"') and re.search(r"(?<![\w-])--[a-z][a-z-]+", match[0])
                    if option:
                        number = text.count("\n", 0, match.start() + option.start()) + 1
                        found.append(f"{name}:{number}: {option[0]}: a library does not know the command line; add an advice case")
            for number, line in enumerate(text.splitlines(), 1):
                if not line.lstrip().startswith("//") and re.search(r"\.(reason|description)\??\s*(==|!=|\.(hasPrefix|hasSuffix|contains)\()", line):
                    found.append(f"{name}:{number}: decides by the text of an error; switch on its kind")
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
