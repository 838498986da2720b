"""The Python package: its own tests, against a wheel that is installed into a new environment, never against the source tree."""

import importlib.metadata
import os
import pathlib
import subprocess
import sys
import sysconfig

from tool import ROOT, Skip, folder


def built():
    """The command and the library of the build under test."""
    binary, library = os.environ.get("ESPALIER"), os.environ.get("ESPALIER_LIBRARY")
    if not binary or not library:
        raise Skip("the package espalier is not installed (scripts/build-wheel), and ESPALIER and ESPALIER_LIBRARY are not set")
    return ["--binary", binary, "--library", library]


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command[0]}: status {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-4000:]}"
    return done.stdout


def tests(python):
    """Runs the tests of the package with an environment that has it; the last line of pytest."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("ESPALIER", "ESPALIER_LIBRARY", "PYTHONPATH")}
    place = run(python, "-c", "import espalier; print(espalier.__file__)", cwd="/", env=environment)
    assert not pathlib.Path(place.strip()).is_relative_to(ROOT / "python"), f"{place} is in the source tree"
    output = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", cwd=ROOT / "python", env=environment)
    return output.strip().splitlines()[-1]


def test_package():
    try:
        import pytest  # noqa: F401
    except ImportError:
        raise Skip("pytest is not installed")
    try:
        importlib.metadata.distribution("espalier")
        return tests(sys.executable)
    except importlib.metadata.PackageNotFoundError:
        pass
    with folder() as work:
        run(ROOT / "scripts/build-wheel", *built(), "--dist", work, env={**os.environ, "PYTHON": sys.executable})
        run(sys.executable, "-m", "venv", work / "environment")
        python = work / "environment/bin/python"
        (wheel,) = work.glob("*.whl")
        run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index", "--no-deps", wheel)
        # torch, transformers and pytest are those of this Python.
        here = sysconfig.get_path("purelib")
        there = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        (pathlib.Path(there) / "shared.pth").write_text(f"{here}\nimport site; site.addsitedir({here!r})\n")
        return tests(python)
