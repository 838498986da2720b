#!/usr/bin/env python3
"""Compares the tokenizers of some hundreds of random folders with `AutoTokenizer`: every combination of tokenizer files and options
that fixtures/make_combination_fixtures.py can draw.

    python3 interop/check_tokenizer_files.py [COUNT [SEED]]
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

from tool import FIXTURES, ROOT, Skip

sys.path.insert(0, str(FIXTURES))
from make_combination_fixtures import document, random_case  # noqa: E402


def compare(count, seed):
    """Writes the folders and their ids, and runs the package's test over them."""
    source = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        path = pathlib.Path(temporary) / "combinations.json"
        path.write_text(json.dumps(document([random_case(source) for _ in range(count)])))
        run = subprocess.run(
            ["swift", "test", "--disable-xctest", "--filter", "TokenizerCombinationTests|Combinations of tokenizer files"], cwd=ROOT,
            env={**os.environ, "ESPALIER_TOKENIZER_COMBINATIONS": str(path)}, capture_output=True, text=True)
        assert run.returncode == 0 and "folders read" in run.stdout, run.stdout[-5000:] + run.stderr[-1000:]
        return next(line for line in run.stdout.splitlines() if "folders read" in line)


def test_random_folders():
    if shutil.which("swift") is None:
        raise Skip("the sweep runs in the package's own test")
    return compare(600, 11)


if __name__ == "__main__":
    print(compare(int((sys.argv + ["3000"])[1]), int((sys.argv + ["", "1"])[2])))
