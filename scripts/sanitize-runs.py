#!/usr/bin/env python3
"""Runs an espalier that was built with a sanitizer: fixtures, damaged files, samples of attacks, a small training.

    scripts/sanitize-runs.py BINARY --sanitizer address|thread [--short]

scripts/sanitize calls it. A sanitizer ends the process with status 99 and prints a report. The samples of
interop/scan_samples.py are added when this Python has torch. Prints how many files and processes there were; exits with 1
when one of them ended with another status than 0, 1 or 2, or with a signal.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
TINY = FIXTURES / "bert-tiny"
SENTIMENT = FIXTURES / "sentiment"
ENDINGS = (".pt", ".bin", ".safetensors", ".npy", ".npz")


class Runner:
    """Runs commands, several at once, and collects what went wrong."""

    def __init__(self, binary, workers):
        self.binary = binary
        self.pool = concurrent.futures.ThreadPoolExecutor(workers)
        self.counts = collections.Counter()
        self.failures = []

    def run(self, *arguments, allowed=(0, 1, 2)):
        try:
            done = subprocess.run([self.binary, *map(str, arguments)], capture_output=True, timeout=300, stdin=subprocess.DEVNULL)
            status, text = done.returncode, done.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired:
            status, text = "no end after 300 s", ""
        self.counts["processes"] += 1
        if status not in allowed or "Sanitizer" in text or "runtime error:" in text:
            self.failures.append(f"espalier {' '.join(map(str, arguments))}: status {status}\n{text[-6000:]}")
        return status

    def all(self, lines):
        list(self.pool.map(lambda line: self.run(*line), lines))

    def story(self, lines):
        """Commands that build on each other and must succeed."""
        for line in lines:
            self.run(*line, allowed=(0,))


def damaged(data, generator):
    """The bytes with one to four changes, or cut."""
    data = bytearray(data)
    if generator.random() < 0.2:
        return bytes(data[:generator.randrange(len(data))])
    for _ in range(generator.randint(1, 4)):
        place, length = generator.randrange(len(data)), generator.randint(1, 16)
        choice = generator.randrange(6)
        if choice == 0:
            data[place] ^= 1 << generator.randrange(8)
        elif choice == 1:
            data[place] = generator.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif choice == 2:
            data[place:place + length] = b"\xff" * len(data[place:place + length])
        elif choice == 3:
            del data[place:place + length]
        elif choice == 4:
            data[place:place] = data[place:place + length]
        else:
            data[place] = generator.randrange(256)
        if not data:
            return b"\0"
    return bytes(data)


def without_checksums(data):
    """A zip archive whose checksums are 0, which means that none was computed: a change is not found by them."""
    data = bytearray(data)
    for place in range(len(data) - 20):
        if data[place:place + 4] in (b"PK\1\2", b"PK\3\4"):
            field = place + (14 if data[place + 2] == 3 else 16)
            data[field:field + 4] = bytes(4)
    return bytes(data)


def checkpoints():
    return sorted(file for file in FIXTURES.rglob("*") if file.suffix in ENDINGS and file.stat().st_size < 1_000_000)


def sound(runner):
    """Every checkpoint of the fixtures, by every command that reads one."""
    lines = [["doctor"], ["ls", FIXTURES / "bert-tiny-sharded", "--stats", "--sha256", "--json"]]
    for file in checkpoints():
        lines += [["ls", file, "--all", "--stats", "--sha256"], ["check", file], ["scan", file, "--all"], ["diff", file, file]]
    for model in sorted({file.parent for file in FIXTURES.rglob("config.json")}):
        lines += [["ls", model, "--tree"], ["check", model], ["scan", model]]
    lines += [["diff", TINY, FIXTURES / name, "--histogram"] for name in ("bert-tiny-old", "bert-tiny-sharded", "bert-reference")]
    runner.counts["sound files"] = len(checkpoints())
    runner.all(lines)


def hostile(runner, work, rounds):
    """Damaged copies of the fixtures: `rounds` of each."""
    generator = random.Random(20_240_229)
    lines = []
    for number, file in enumerate(file for file in checkpoints() if file.stat().st_size < 100_000):
        place = work / f"damaged-{number}"
        place.mkdir()
        original = without_checksums(file.read_bytes())
        files = []
        for round in range(rounds):
            files.append(place / f"{round}{file.suffix}")
            files[-1].write_bytes(damaged(original, generator))
        runner.counts["damaged files"] += rounds
        lines += [["scan", place], ["check", *files]]
        lines += [["ls", path, "--all", "--stats"] for path in files[:max(2, rounds // 4)]]
        lines += [["convert", path, "-o", place / f"out-{path.stem}.safetensors"] for path in files[:max(1, rounds // 8)]]
    texts = [
        (SENTIMENT / "dev.tsv", lambda path: ["train", "--model", TINY, "--head", "linear", "--train", "linear", "--data", path, "--dry-run"]),
        (TINY / "config.json", None), (TINY / "vocab.txt", None),
    ]
    texts += [(file, None) for file in sorted((FIXTURES / "tokenizer").rglob("tokenizer.json"))[:2]]
    for number, (file, command) in enumerate(texts):
        for round in range(max(2, rounds // 2)):
            place = work / f"text-{number}-{round}"
            data = damaged(file.read_bytes(), generator)
            runner.counts["damaged files"] += 1
            if command:
                place.mkdir()
                (place / file.name).write_bytes(data)
                lines.append(command(place / file.name))
            else:
                shutil.copytree(TINY, place)
                (place / file.name).write_bytes(data)
                lines.append(["train", "--model", place, "--head", "linear", "--train", "linear", "--data", SENTIMENT / "dev.tsv", "--dry-run"])
    runner.all(lines)


def samples(runner, work):
    """The attacks and the honest files of the interop tier."""
    sys.path.insert(0, str(ROOT / "interop"))
    try:
        import scan_samples
    except ImportError as error:
        print(f"   the samples of attacks are left out: {error}", flush=True)
        return
    place = work / "samples"
    place.mkdir()
    attacks = [(name, data) for name, data, _ in scan_samples.attacks(str(work / "mark"))]
    for number, (name, data) in enumerate([*attacks, *scan_samples.honest(work)]):
        (place / f"{number}-{name.replace('/', '_')}").write_bytes(data)
    files = sorted(place.iterdir())
    runner.counts["samples"] = len(files)
    runner.all([["scan", place], ["check", *files], *(["ls", file, "--all", "--stats"] for file in files)])


def edits(runner, work):
    """What writes a checkpoint."""
    (work / "shards").mkdir()
    shutil.copy(TINY / "config.json", work / "shards")
    runner.story([
        ["graft", TINY, "--head", "mlp:16", "--labels", "2", "--prefix", "bert.", "-o", work / "base"],
        ["mask", "create", work / "base", "--train", "linear", "bert.**.word_embeddings.weight[0:7]", "-o", work / "mask.json"],
        ["mask", "check", work / "mask.json", work / "base"],
        ["convert", TINY, "-o", work / "tiny.pt"],
        ["convert", TINY, "-o", work / "shards" / "model.safetensors", "--shard-size", "40KB"],
        ["edit", TINY, "-o", work / "half.safetensors", "--cast", "**=F16", "--layers", "encoder.layer=0:2,1:2"],
        ["edit", TINY, "-o", work / "eighth.safetensors", "--cast", "**=F8_E4M3,saturate"],
        ["edit", work / "shards", "--in-place", "--scale", "**=0.5"],
        ["merge", TINY, work / "shards", "--method", "slerp", "--t", "0.3", "-o", work / "between.safetensors"],
        ["merge", TINY, work / "shards", "--method", "ties", "--base", TINY, "-o", work / "ties.safetensors"],
    ])


def training(runner, work, precisions, threads):
    """A run in which everything trains, one on a frozen trunk, and what is done with the result."""
    data = ["--data", SENTIMENT / "train.tsv", "--eval", SENTIMENT / "dev.tsv"]
    for precision in precisions:
        out = work / f"all-{precision}"
        runner.story([
            ["train", "--model", work / "base", "--train", "linear", "bert.encoder", "bert.embeddings", *data, "--epochs", "2", "--batch-size", "16",
             "--precision", precision, "--threads", threads, "-o", out],
            ["evaluate", "--model", out, "--data", SENTIMENT / "dev.tsv", "--threads", threads],
            ["predict", "--model", out, "A short text.", "Another one, and longer."],
        ])
    runner.story([
        ["train", "--model", work / "base", "--mask", work / "mask.json", *data, "--epochs", "3", "--threads", threads, "-o", work / "head"],
        ["verify", work / "base", work / "head", "--mask", work / "mask.json"],
        ["train", "--model", work / "base", "--train", "linear", *data[:2], "--threads", threads, "--folds", "3"],
        ["delta", "create", work / "base", work / "head", "-o", work / "delta.safetensors"],
        ["delta", "apply", work / "base", work / "delta.safetensors", "-o", work / "again"],
        ["diff", work / "head", work / "again"],
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--sanitizer", choices=["address", "thread"], required=True)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    is_thread = options.sanitizer == "thread"
    runner = Runner(options.binary.resolve(), 2 if is_thread else max(2, os.cpu_count() or 2))
    with tempfile.TemporaryDirectory(prefix="espalier-sanitize-") as path:
        work = pathlib.Path(path)
        sound(runner)
        if not is_thread:
            hostile(runner, work, 8 if options.short else 64)
            samples(runner, work)
        edits(runner, work)
        training(runner, work, ["f32"] if options.short else ["f32", "bf16"], 4)
    for failure in runner.failures:
        print(failure, file=sys.stderr)
    counts = ", ".join(f"{count} {what}" for what, count in runner.counts.items())
    print(f"{options.sanitizer}: {counts}, {len(runner.failures)} failures")
    sys.exit(1 if runner.failures else 0)


if __name__ == "__main__":
    main()
