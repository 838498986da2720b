#!/usr/bin/env python3
"""Runs every `test_*` function of interop/check_*.py, or those whose name contains an argument.

    run.py [--jobs N] [NAME...]

Files run at the same time, as many as there are processors or `--jobs` says; the checks of one file run one after the other. A
file that measures time says `ALONE = True`: it runs after the others, by itself. Reads ESPALIER (the binary) and MINILM (a model
folder, may be empty) from the environment; scripts/test-interop sets both. Prints one line a check and, last, `N passed, N failed,
N skipped`.
"""

import argparse
import ast
import collections
import importlib
import multiprocessing
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

OUTCOMES = ("passed", "failed", "skipped")


def run(stem, names):
    """Runs checks of one file; how often there was which outcome."""
    module, counts = importlib.import_module(stem), collections.Counter()
    for name in names:
        title = f"{stem[6:]}: {name[5:].replace('_', ' ')}"
        begin, outcome, detail = time.perf_counter(), "passed", ""
        try:
            detail = getattr(module, name)() or ""
        except Skip as reason:
            outcome, detail = "skipped", str(reason)
        except Exception:  # a failed check must not hide the others
            outcome = "failed"
            sys.stderr.write(traceback.format_exc())
        counts[outcome] += 1
        # In one piece: other processes write, too.
        sys.stdout.write(f"{outcome:8}{title}  {detail}  {time.perf_counter() - begin:.2f} s\n")
        sys.stdout.flush()
    return counts


def prepare(threads):
    import torch
    torch.set_num_threads(threads)


def work(task):
    return run(*task)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    parser.add_argument("--jobs", type=int, default=processors)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    shared, alone = [], []
    for path in sorted(HERE.glob("check_*.py")):
        # Read, not imported: each file is imported by the process that runs it. torch is there before the processes fork.
        body = ast.parse(path.read_text(encoding="utf-8")).body
        names = [node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
                 and (not options.names or any(wanted in node.name or wanted in path.stem for wanted in options.names))]
        is_alone = any(isinstance(node, ast.Assign) and ast.unparse(node) == "ALONE = True" for node in body)
        if names:
            (alone if is_alone else shared).append((path.stem, names))
    counts = collections.Counter()
    jobs = min(options.jobs, len(shared))
    if jobs > 1:
        context = multiprocessing.get_context("fork")
        with context.Pool(jobs, prepare, (max(1, processors // jobs),), maxtasksperchild=1) as pool:
            for found in pool.imap_unordered(work, shared, chunksize=1):
                counts += found
    else:
        alone = shared + alone
    for task in alone:
        counts += run(*task)
    print(", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES))
    sys.exit(1 if counts["failed"] or not counts["passed"] else 0)


if __name__ == "__main__":
    main()
