#!/usr/bin/env python3
"""Compares the tokenizers of some hundreds of random folders with `AutoTokenizer`: every combination of tokenizer files and options
that fixtures/make_combination_fixtures.py can draw.

    python3 interop/check_tokenizer_files.py [COUNT [SEED]]
"""

import json
import pathlib
import random
import shutil
import sys
import tempfile

from tool import FIXTURES, Skip, swift_test

sys.path.insert(0, str(FIXTURES))
from make_combination_fixtures import document, random_case  # noqa: E402


def compare(count, seed):
    """Writes the folders and their ids, and runs the package's test over them."""
    source = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        path = pathlib.Path(temporary) / "combinations.json"
        path.write_text(json.dumps(document([random_case(source) for _ in range(count)])))
        printed = swift_test(
            "TokenizerCombinationTests|Combinations of tokenizer files", ESPALIER_TOKENIZER_COMBINATIONS=str(path))
        assert "folders read" in printed, printed[-5000:]
        return next(line for line in printed.splitlines() if "folders read" in line)


def test_random_folders():
    if shutil.which("swift") is None:
        raise Skip("the sweep runs in the package's own test")
    return compare(600, 11)


if __name__ == "__main__":
    print(compare(int((sys.argv + ["3000"])[1]), int((sys.argv + ["", "1"])[2])))
