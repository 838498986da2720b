#!/usr/bin/env python3
"""Packs a folder into a .tar.gz of which the same files always give the same bytes.

    scripts/archive.py FOLDER FILE.tar.gz

Files are in the order of their names and belong to root; their time is SOURCE_DATE_EPOCH, otherwise 0.
"""

import gzip
import os
import pathlib
import sys
import tarfile


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, target = map(pathlib.Path, sys.argv[1:])
    time = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)

    def plain(entry):
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = time
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        return entry

    with open(target, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=time) as packed, \
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in [folder, *sorted(folder.rglob("*"))]:
            archive.add(path, str(path.relative_to(folder.parent)), recursive=False, filter=plain)


main()
