#!/usr/bin/env python3
"""Runs every `test_*` function of interop/check_*.py, or those whose name contains an argument.

Reads ESPALIER (the binary) and MINILM (a model folder, may be empty) from the environment; scripts/test-interop sets
both. Prints one line a check and, last, `N passed, N failed, N skipped`.
"""

import importlib
import os
import pathlib
import sys
import time
import traceback
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

from tool import Skip  # noqa: E402


def main():
    wanted = sys.argv[1:]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for path in sorted(HERE.glob("check_*.py")):
        module = importlib.import_module(path.stem)
        for name in [n for n in vars(module) if n.startswith("test_")]:
            title = f"{path.stem[6:]}: {name[5:].replace('_', ' ')}"
            if wanted and not any(w in name or w in path.stem for w in wanted):
                continue
            begin, outcome, detail = time.perf_counter(), "passed", ""
            try:
                detail = getattr(module, name)() or ""
            except Skip as reason:
                outcome, detail = "skipped", str(reason)
            except Exception:  # a failed check must not hide the others
                outcome = "failed"
                traceback.print_exc()
            counts[outcome] += 1
            print(f"{outcome:8}{title}  {detail}  {time.perf_counter() - begin:.2f} s", flush=True)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] or not counts["passed"] else 0)


if __name__ == "__main__":
    main()
