"""The command itself, which the wheel installs as a script that is the binary."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from typing import Optional, Sequence, Union

from . import _errors


class CommandError(_errors.Error):
    """The command ended with another status than 0: 1 for "no", 2 for unusable input, 64 for wrong usage."""

    def __init__(self, arguments, status: int, stdout: str, stderr: str):
        last = stderr.strip().splitlines()[-1] if stderr and stderr.strip() else f"exit status {status}"
        super().__init__(last, kind="command")
        self.arguments = list(arguments)
        self.status = status
        self.stdout = stdout
        self.stderr = stderr


def binary() -> str:
    """The path of the command: ESPALIER, otherwise the script that was installed with this package.

    Raises:
        FileNotFoundError: there is none.
    """
    path = os.environ.get("ESPALIER")
    if path:
        return path
    for folder in (sysconfig.get_path("scripts"), os.path.dirname(sys.executable)):
        candidate = os.path.join(folder or "", "espalier")
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    from importlib import metadata
    try:
        files = metadata.files("espalier") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "espalier" and file.parent.name in ("bin", "Scripts"):
            return os.fspath(file.locate())
    found = shutil.which("espalier")
    if found is None:
        raise FileNotFoundError("the command espalier was not found: install the wheel, or set ESPALIER to a binary")
    return found


def run(arguments: Sequence[Union[str, "os.PathLike[str]"]], *, check: bool = True, capture_output: bool = True,
        input: Optional[str] = None) -> "subprocess.CompletedProcess[str]":
    """Runs the command.

        listing = espalier.run(["ls", "model", "--json"]).stdout

    Args:
        arguments: the arguments after `espalier` on a command line.
        check: whether another status than 0 raises.
        capture_output: whether `stdout` and `stderr` of the result have what the command wrote; otherwise it is shown.
        input: text for standard input.

    Raises:
        CommandError: with `status`, `stdout` and `stderr`.
        FileNotFoundError: the command is not installed.
    """
    if isinstance(arguments, (str, bytes)):
        raise TypeError("arguments are a list of str, such as [\"ls\", \"model\"]")
    done = subprocess.run([binary(), *(os.fspath(argument) for argument in arguments)], capture_output=capture_output, text=True, encoding="utf-8",
                          input=input)
    if check and done.returncode != 0:
        raise CommandError(arguments, done.returncode, done.stdout or "", done.stderr or "")
    return done
