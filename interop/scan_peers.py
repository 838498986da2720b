"""What other scanners say of files: reads a list of paths from standard input, prints {scanner: [verdict, …]}.

Runs under a Python that has picklescan, fickling, modelscan and modelaudit, which need not be that of the other checks. A verdict is 0 (no
danger, or not looked at), 1 (unsafe) or 2 (the scanner could not read the file, and says so). Nothing is loaded.
"""

import contextlib
import importlib
import io
import json
import logging
import os
import sys
import zipfile

SAFE, UNSAFE, UNREADABLE = 0, 1, 2


def by_picklescan(path):
    from picklescan.scanner import scan_file_path
    try:
        result = scan_file_path(path)
    except Exception:
        return UNREADABLE
    return UNSAFE if result.issues_count > 0 else UNREADABLE if result.scan_err else SAFE


def by_fickling(path):
    from fickling.analysis import Severity, check_safety
    from fickling.fickle import StackedPickle
    with open(path, "rb") as file:
        data = file.read()
    try:
        pickles = [data]
        if data.startswith(b"PK"):
            zipped = zipfile.ZipFile(io.BytesIO(data))
            pickles = [zipped.read(name) for name in zipped.namelist() if name.endswith(".pkl")]
        return int(any(check_safety(one).severity > Severity.LIKELY_SAFE for data in pickles for one in StackedPickle.load(io.BytesIO(data))))
    except Exception:
        return UNREADABLE


def by_modelscan(path):
    from modelscan.modelscan import ModelScan
    from modelscan.settings import DEFAULT_SETTINGS
    result = ModelScan(settings=DEFAULT_SETTINGS).scan(path)
    return UNSAFE if result["summary"]["total_issues"] > 0 else UNREADABLE if result.get("errors") else SAFE


def by_modelaudit(path):
    from modelaudit.core import determine_exit_code, scan_model_directory_or_file
    try:
        return determine_exit_code(scan_model_directory_or_file(path, skip_file_types=False, cache_enabled=False))
    except Exception:
        return UNREADABLE


SCANNERS = {"picklescan": by_picklescan, "fickling": by_fickling, "modelscan": by_modelscan, "modelaudit": by_modelaudit}


def main():
    os.environ["PROMPTFOO_DISABLE_TELEMETRY"] = os.environ["NO_ANALYTICS"] = os.environ["DO_NOT_TRACK"] = "1"
    logging.disable(logging.CRITICAL)
    paths = json.load(sys.stdin)
    answers = {}
    for scanner, verdict in SCANNERS.items():
        try:
            importlib.import_module(scanner)
        except ImportError:
            continue
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            answers[scanner] = [verdict(path) for path in paths]
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
