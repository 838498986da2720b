#!/usr/bin/env python3
"""Checks that the folders of FineTuning use each other in one direction: Math, Parameters, Layers, Models, Training.

Prints each use of a type of a later folder, and exits with 1 when there is one. scripts/house-rules runs it.
"""

import pathlib
import re
import sys

ROOM = pathlib.Path(__file__).resolve().parent.parent / "Sources" / "FineTuning"
FOLDERS = ["Math", "Parameters", "Layers", "Models", "Training"]
DECLARATION = re.compile(r"^(?:@\w+ )*(?:(?:public|package|private|fileprivate|final|indirect) )*"
                         r"(?:struct|class|enum|protocol|typealias) (\w+)", re.M)
# Comments and strings may name anything.
PROSE = re.compile(r'//.*|"(?:\\.|[^"\\])*"')


def main():
    home = {}
    for place, folder in enumerate(FOLDERS):
        for path in (ROOM / folder).glob("*.swift"):
            for match in DECLARATION.finditer(path.read_text(encoding="utf-8")):
                home[match[1]] = place
    found = False
    for place, folder in enumerate(FOLDERS):
        for path in sorted((ROOM / folder).glob("*.swift")):
            code = PROSE.sub("", path.read_text(encoding="utf-8"))
            # `.Name` is a member of another type.
            for name in sorted(set(re.findall(r"(?<![.\w])[A-Z]\w*", code))):
                if home.get(name, 0) > place:
                    print(f"{path.relative_to(ROOM.parent.parent)}: {name} is declared in {FOLDERS[home[name]]}")
                    found = True
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
