"""`python -m espalier`: the command, in place of this process."""

import os
import sys

from ._command import binary


def main() -> None:
    path = binary()
    sys.stdout.flush()
    os.execv(path, [path, *sys.argv[1:]])


main()
