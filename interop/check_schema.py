"""What commands print with --json fits docs/schema/, by the validator of the jsonschema package."""

import json
import os
import subprocess

from tool import FIXTURES, ROOT, TINY, Skip, espalier, folder

SCHEMAS = ROOT / "docs" / "schema"


def validator(name):
    try:
        import jsonschema
    except ImportError:
        raise Skip("jsonschema is not installed") from None
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_every_schema_is_one_of_the_2020_draft():
    names = [path.name.removesuffix(".schema.json") for path in sorted(SCHEMAS.glob("*.json"))]
    assert len(names) > 15
    for name in names:
        validator(name)
    return f"{len(names)} schemas"


def test_outputs_fit_their_schemas():
    count = 0
    with folder() as path:
        base, mask, data = path / "base", path / "mask.json", FIXTURES / "sentiment" / "train.tsv"
        espalier("graft", TINY, "--head", "linear", "--labels", "2", "-o", base)
        commands = [
            ("ls", 0, "ls", base, "--stats", "--sha256", "--all", "--totals"),
            ("diff", 1, "diff", TINY, base, "--ignore-prefix", "bert.", "--summary", "--histogram"),
            ("diff", 0, "diff", "--base", base, base, base),
            ("mask", 0, "mask", "create", base, "--train", "linear", "-o", mask),
            ("mask", 0, "mask", "show", mask),
            ("mask-check", 0, "mask", "check", mask, base),
            ("mask-diff", 0, "mask", "diff", mask, mask),
            ("graft", 0, "graft", TINY, "--head", "mlp:8", "--labels", "3", "-o", path / "g"),
            ("edit", 0, "edit", base, "--scale", "linear=2", "-o", path / "edited"),
            ("merge", 0, "merge", base, path / "edited", "-o", path / "merged"),
            ("delta-create", 0, "delta", "create", base, path / "edited", "-o", path / "d.safetensors"),
            ("delta-apply", 0, "delta", "apply", base, path / "d.safetensors", "-o", path / "applied"),
            ("train", 0, "train", "--model", base, "--mask", mask, "--data", data, "--epochs", "1", "-o", path / "tuned"),
            ("train", 0, "train", "--model", base, "--train", "linear", "--data", data, "--dry-run"),
            ("train", 0, "train", "--model", base, "--train", "linear", "--data", data, "--epochs", "1", "--folds", "2"),
            ("evaluate", 0, "evaluate", "--model", path / "tuned", "--data", data),
            ("verify", 0, "verify", base, path / "tuned", "--mask", mask),
            ("check", 0, "check", base), ("scan", 0, "scan", FIXTURES / "torch"), ("doctor", 0, "doctor"),
        ]
        for name, status, *words in commands:
            done = subprocess.run([os.environ["ESPALIER"], *map(str, words), "--json"], capture_output=True, text=True)
            assert done.returncode == status or name == "scan", f"{words}: {done.stderr}"
            validator(name).validate(json.loads(done.stdout))
            count += 1
        lines = espalier("predict", "--model", path / "tuned", "good", "bad", "--json").splitlines()
        for line in lines:
            validator("predict").validate(json.loads(line))
    return f"{count + 1} outputs"


def test_errors_fit_their_schema():
    for status, *words in [(2, "ls", "absent"), (64, "ls"), (64, "lss"), (2, "evaluate", "--model", TINY, "--data", "absent")]:
        done = subprocess.run([os.environ["ESPALIER"], *map(str, words), "--json"], capture_output=True, text=True)
        assert done.returncode == status and done.stdout == "", f"{words}: {done.stderr}"
        validator("error").validate(json.loads(done.stderr.splitlines()[-1]))
