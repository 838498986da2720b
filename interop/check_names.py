"""Models by name: the cache of huggingface_hub, and which snapshot it takes."""

import json
import os
import struct
import subprocess
import sys

from tool import espalier, folder

OLD, NEW = "a" * 40, "b" * 40
VARIABLES = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"]

PEER = """
import sys
from huggingface_hub import snapshot_download
for line in sys.stdin.read().splitlines():
    name, _, revision = line.partition("@")
    try:
        print(snapshot_download(name, revision=revision or None, local_files_only=True))
    except Exception:
        print("-")
"""


def lay_out(hub):
    """Two revisions of a model, a branch, a tag and a pull request; a ref without a snapshot; a name without owner."""
    blob = struct.pack("<Q", 2) + b"{}"
    for model in "models--org--some-model.v1", "models--plain":
        for commit in OLD, NEW:
            snapshot = hub / model / "snapshots" / commit
            (hub / model / "blobs").mkdir(parents=True, exist_ok=True)
            snapshot.mkdir(parents=True)
            (hub / model / "blobs" / commit).write_bytes(blob)
            (snapshot / "model.safetensors").symlink_to(f"../../blobs/{commit}")
        refs = hub / model / "refs"
        (refs / "refs/pr").mkdir(parents=True)
        for name, commit in ("main", NEW), ("v1.0", OLD), ("refs/pr/1", OLD), ("gone", "c" * 40):
            (refs / name).write_text(commit)


NAMES = [
    f"{model}{revision}" for model in ("org/some-model.v1", "plain", "org/absent")
    for revision in ("", "@main", "@v1.0", "@refs/pr/1", f"@{OLD}", f"@{NEW}", "@gone", "@absent", f"@{'d' * 40}")
] + ["org/some-model.v1@../../x", "../hub", "org/../x"]


def test_the_cache_is_found_and_read_as_huggingface_hub_does():
    with folder() as home:
        (home / "other").mkdir()
        lay_out(home / "cache/hub")
        (home / ".cache").mkdir()
        (home / ".cache/huggingface").symlink_to(home / "cache")
        base = {k: v for k, v in os.environ.items() if k not in VARIABLES} | {"HOME": str(home), "HF_HUB_OFFLINE": "1"}
        settings = [
            {}, {"HF_HOME": str(home / "cache")}, {"HF_HOME": "~/cache"}, {"HF_HOME": "$HOME/cache"},
            {"HF_HOME": "${HOME}/other"}, {"HF_HUB_CACHE": f"{home}/cache/hub", "HF_HOME": f"{home}/other"},
            {"HUGGINGFACE_HUB_CACHE": "~/cache/hub"}, {"XDG_CACHE_HOME": f"{home}/.cache"},
            {"XDG_CACHE_HOME": f"{home}/other"}, {"HF_HOME": "$UNKNOWN/cache"},
        ]
        for number, variables in enumerate(settings):
            names = NAMES if number == 0 else NAMES[:1]
            peer = subprocess.run(
                [sys.executable, "-c", PEER], input="\n".join(names), capture_output=True, text=True,
                env=base | variables, cwd=home, check=True).stdout.split()
            assert len(peer) == len(names)
            found = 0
            for name, theirs in zip(names, peer):
                done = subprocess.run(
                    [os.environ["ESPALIER"], "ls", name, "--json"], capture_output=True, text=True,
                    env=base | variables, cwd=home)
                ours = json.loads(done.stdout)["path"] if done.returncode == 0 else "-"
                # The peer takes a folder of snapshots without a ref for the one it was told; so do we.
                same = os.path.realpath(ours) == os.path.realpath(theirs) if "-" not in (ours, theirs) else ours == theirs
                assert same, (variables, name, ours, theirs, done.stderr)
                assert ours != "-" or done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
                found += ours != "-"
            assert found == (12 if number == 0 else 0 if number in (4, 8, 9) else 1), (variables, found)


def test_what_huggingface_hub_cannot_load_is_one_line():
    with folder() as home:
        lay_out(home / "hub")
        os.environ["HF_HUB_CACHE"] = str(home / "hub")
        try:
            (home / "hub/models--plain/blobs" / NEW).rename(home / "hub/models--plain/blobs" / f"{NEW}.incomplete")
            done = subprocess.run([os.environ["ESPALIER"], "ls", "plain"], capture_output=True, text=True)
            assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
            assert f"not complete, run: hf download plain --revision {NEW}" in done.stderr, done.stderr
            assert espalier("ls", f"plain@{OLD}") == ""
        finally:
            del os.environ["HF_HUB_CACHE"]
