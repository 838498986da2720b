"""Crash consistency: kills at random moments, readers while a model is replaced, trainings that are killed and resumed.

In the manner of ckpt-chaos: a command is killed at each call that changes a file system, and at random moments; then it is run
again or resumed, and what comes out is compared with the result of a run that nobody disturbed. What is demanded:

* a model that is replaced is the old or the new one for every reader at every moment, or is refused;
* a training that was killed and resumed ends with the same bytes, and starts after the newest epoch that was stored.

FAULTS=all in the environment tries every call and ten times as many random moments.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time

from check_faults import Sweep, files, is_temporary, model_of, sharded, whole
from tool import FIXTURES, TINY, espalier, folder

# Measures time: runs by itself.
ALONE = True

ALL = os.environ.get("FAULTS") == "all"
DATA = FIXTURES / "sentiment" / "dev.tsv"


def started(arguments):
    return subprocess.Popen([os.environ["ESPALIER"], *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def killed_after(arguments, seconds):
    """Whether the command was still running when it was killed."""
    process = started(arguments)
    time.sleep(seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL


def late(generator):
    """A share of a command's duration, more often near its end, where files are written."""
    return generator.random() ** 0.3


def duration(arguments):
    begin = time.perf_counter()
    espalier(*arguments)
    return time.perf_counter() - begin


def test_kills_at_random_moments_leave_the_old_model_or_the_new():
    generator = random.Random(20_240_229)
    kills = old_ones = new_ones = refused = 0
    cases = [(whole, ["--scale", "**=2"]), (sharded, ["--scale", "**=2"]), (sharded, ["--layers", "encoder.layer=0:1"]),
             (whole, ["--cast", "**=F16", "--shard-size", "40KB"])]
    for make, operations in cases:
        with folder() as root:
            work = root / "model"
            make(work)
            old = model_of(work)
            line = ["edit", work, "--in-place", *operations]
            longest = duration(line)
            new = model_of(work)
            for _ in range(100 if ALL else 10):
                shutil.rmtree(work)
                make(work)
                kills += killed_after(line, longest * late(generator))
                found = model_of(work)
                assert found in (None, old, new), f"{operations}: a mixture after a kill"
                old_ones, new_ones, refused = old_ones + (found == old), new_ones + (found == new), refused + (found is None)
                subprocess.run([os.environ["ESPALIER"], "edit", str(work), "--in-place"], capture_output=True)
                if model_of(work) == old:
                    espalier(*line)
                assert model_of(work) == new, f"{operations}: the second try gives something else"
                assert not any(map(is_temporary, files(work))), sorted(files(work))
    return f"{kills} kills: {old_ones} old, {new_ones} new, {refused} refused until they were finished"


def digests(path):
    """What espalier reads: the digest of each tensor, or `None` when it refuses the folder."""
    done = subprocess.run([os.environ["ESPALIER"], "ls", str(path), "--sha256", "--json"], capture_output=True, text=True)
    if done.returncode == 2:
        return None
    assert done.returncode == 0, done.stderr
    return {tensor["key"]: tensor["sha256"] for tensor in json.loads(done.stdout)["tensors"]}


def seen_by_others(path):
    """`model_of`, or `None` when a file disappeared while it was read."""
    try:
        return model_of(path)
    except (FileNotFoundError, OSError):
        return None
    except Exception as error:  # safetensors says that a file is missing in an error of its own
        if "No such file" in str(error):
            return None
        raise


def test_readers_see_the_old_model_or_the_new_at_any_moment():
    reads = refused = changes = 0
    for make in (whole, sharded):
        with folder() as root:
            work = root / "model"
            make(work)
            states, models = [digests(work)], [model_of(work)]
            espalier("edit", work, "--in-place", "--scale", "**=2")
            states.append(digests(work))
            models.append(model_of(work))
            assert states[0] != states[1]
            ended = threading.Event()

            def write():
                nonlocal changes
                factor = "0.5"
                while not ended.is_set():
                    espalier("edit", work, "--in-place", "--scale", f"**={factor}")
                    factor = "2" if factor == "0.5" else "0.5"
                    changes += 1

            writer = threading.Thread(target=write)
            writer.start()
            try:
                end = time.monotonic() + (60 if ALL else 6)
                while time.monotonic() < end:
                    for found, allowed in ((digests(work), states), (seen_by_others(work), models)):
                        assert found is None or found in allowed, "a mixture"
                        reads, refused = reads + 1, refused + (found is None)
            finally:
                ended.set()
                writer.join()
            assert digests(work) in states
    assert refused < reads, "no reader has read anything"
    return f"{reads} reads during {changes} changes, {refused} of them refused"


OUTPUT = ("model.safetensors", "config.json", "freeze-mask.json", "espalier.json", "vocab.txt")


def output_of(path):
    """The files of a run that do not contain times."""
    found = files(path)
    return {name: found.get(name) for name in OUTPUT}


def epochs_of(path):
    history = path / "history.jsonl"
    return len(history.read_text().splitlines()) if history.exists() else 0


def test_a_training_that_was_killed_is_resumed_to_the_same_bytes():
    sweep, resumed, again, random_kills = Sweep(), 0, 0, 0
    generator = random.Random(20_240_229)
    with folder() as root:
        base, run = root / "base", root / "run"
        espalier("graft", TINY, "--head", "mlp:8", "--labels", "2", "-o", base)
        for more in (["--train", "linear"], ["--train", "linear", "bert.encoder.layer[-1]"]):
            line = ["train", "--model", base, *more, "--data", DATA, "--epochs", "3", "--threads", "1", "-o", run]
            shutil.rmtree(run, ignore_errors=True)
            count = sweep.calls(line)
            expected = output_of(run)
            shutil.rmtree(run)
            longest = duration(line)

            def finish(what):
                nonlocal resumed, again
                stored = epochs_of(run)
                has_state = (run / "training-state.espalier").exists()
                if has_state:
                    done = subprocess.run([os.environ["ESPALIER"], "train", "--resume", str(run)], capture_output=True, text=True)
                    assert done.returncode == 0, f"{what}: {done.stderr}"
                    after = re.search(r"resumed after epoch (\d+)", done.stderr)
                    assert after or "resumed before the end of the first epoch" in done.stderr, f"{what}: {done.stderr}"
                    epoch = int(after[1]) if after else 0
                    assert epoch >= stored - 1, f"{what}: {stored} epochs were stored, and it went on after epoch {epoch}"
                    resumed += 1
                elif output_of(run) != expected:
                    shutil.rmtree(run, ignore_errors=True)
                    espalier(*line)
                    again += 1
                assert output_of(run) == expected, f"{what}: other bytes"
                left = [name for name in sweep.files_of(run) if is_temporary(name)]
                assert not left, f"{what}: {left}"

            for at, kind, what in sweep.cases(line, count):
                if not kind.startswith("kill"):
                    continue
                shutil.rmtree(run, ignore_errors=True)
                sweep.run(line, at, kind)
                finish(what)
            # Killed a second time while it is resumed.
            for at in range(1, count // 2, 1 if ALL else 5):
                shutil.rmtree(run, ignore_errors=True)
                sweep.run(line, count // 2, "kill-after")
                sweep.run(["train", "--resume", run], at, "kill-after")
                finish(f"a second kill at call {at}")
            for _ in range(50 if ALL else 5):
                shutil.rmtree(run, ignore_errors=True)
                random_kills += killed_after(line, longest * late(generator))
                finish("a kill at a random moment")
    return f"{sweep}, {random_kills} kills at random moments; {resumed} resumed, {again} begun again"


def test_a_training_without_room_ends_with_one_line_and_is_resumed():
    sweep = Sweep()
    with folder() as root:
        base, run = root / "base", root / "run"
        espalier("graft", TINY, "--head", "mlp:8", "--labels", "2", "-o", base)
        line = ["train", "--model", base, "--train", "linear", "--data", DATA, "--epochs", "2", "--threads", "1", "-o", run]
        count = sweep.calls(line)
        expected = output_of(run)
        for at, kind, what in sweep.cases(line, count):
            if kind.startswith("kill"):
                continue
            shutil.rmtree(run, ignore_errors=True)
            done = sweep.run(line, at, kind)
            if done.returncode != 0:
                assert done.returncode == 2, f"{what}: status {done.returncode}: {done.stderr}"
                errors = [text for text in done.stderr.splitlines() if text.startswith("espalier: error: ")]
                assert len(errors) == 1, f"{what}: {done.stderr}"
                if (run / "training-state.espalier").exists():
                    espalier("train", "--resume", run)
                elif output_of(run) != expected:
                    shutil.rmtree(run, ignore_errors=True)
                    espalier(*line)
            assert output_of(run) == expected, f"{what}: other bytes"
            left = [name for name in sweep.files_of(run) if is_temporary(name)]
            assert not left, f"{what}: {left}"
    return str(sweep)
