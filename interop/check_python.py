"""The Python package: its own tests, against what is installed, or against the build that ESPALIER_LIBRARY names."""

import os
import subprocess
import sys

from tool import ROOT, Skip


def test_package():
    try:
        import pytest  # noqa: F401
    except ImportError:
        raise Skip("pytest is not here")
    environment = dict(os.environ)
    probe = "import espalier, sys; espalier.open(sys.argv[1])"
    command = [sys.executable, "-c", probe, str(ROOT / "fixtures/bert-tiny")]
    if subprocess.run(command, cwd="/", env=environment, capture_output=True).returncode != 0:
        if "ESPALIER_LIBRARY" not in environment:
            raise Skip("the package espalier is not installed (scripts/build-wheel), and ESPALIER_LIBRARY is not set")
        environment["PYTHONPATH"] = str(ROOT / "python/src")
        subprocess.run(command, cwd="/", env=environment, check=True)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs"], cwd=ROOT / "python",
                          env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]
