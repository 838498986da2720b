"""What SECURITY.md promises of a stranger's files and folders, tried with the program: time, memory, links, escapes, counts.

Memory is the peak of the process, compared with what the file may cost.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
import time

from tool import FIXTURES, TINY, espalier, folder

# Measures time: runs by itself.
ALONE = True

DATA = FIXTURES / "sentiment" / "dev.tsv"


# A small process starts the program: the peak of a process that this one has forked is at least that of this one.
LAUNCHER = """
import os, sys
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
sys.stderr.write(f"\\n{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}")
"""


class Run:
    """One run of the program: status, output, seconds, peak memory in bytes."""

    def __init__(self, *arguments, most_seconds=20, most_memory=400 << 20, status=None):
        self.line = "espalier " + " ".join(str(argument)[:60] for argument in arguments)
        begin = time.perf_counter()
        done = subprocess.run([sys.executable, "-I", "-S", "-c", LAUNCHER, os.environ["ESPALIER"], *map(str, arguments)],
                              stdin=subprocess.DEVNULL, capture_output=True)
        self.seconds = time.perf_counter() - begin
        self.output, errors = done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape")
        self.errors, _, figures = errors.rpartition("\n")
        self.status, self.memory = int(figures.split()[0]), int(figures.split()[1]) * 1024
        assert self.status in (0, 1, 2, 64), f"{self.line}: status {self.status}\n{self.errors[:3000]}"
        assert status is None or self.status == status, f"{self.line}: status {self.status}, expected {status}\n{self.errors[-2000:]}"
        assert self.seconds < most_seconds, f"{self.line}: {self.seconds:.1f} s"
        assert self.memory < most_memory, f"{self.line}: {self.memory >> 20} MiB"
        if self.status == 2:
            lines = [line for line in self.errors.splitlines() if line.startswith("espalier: error: ")]
            assert len(lines) == 1, f"{self.line}: {self.errors[-2000:]}"


def safetensors(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def test_no_file_takes_more_memory_than_it_honestly_needs():
    results = []
    with folder() as root:
        big = 8 << 20
        # A value that is thrown away: in an index, in a mask, in an adapter's configuration, in metadata.
        filler = '"' + "x" * 50 + '",'
        waste = "[" + filler * (big // len(filler)) + '""]'
        model = root / "model"
        shutil.copytree(FIXTURES / "bert-tiny-sharded", model)
        index = json.loads((model / "model.safetensors.index.json").read_text())
        (model / "model.safetensors.index.json").write_text('{"waste": ' + waste + ', "weight_map": ' + json.dumps(index["weight_map"]) + "}")
        results.append(Run("ls", model, most_memory=8 * big))
        mask = root / "mask.json"
        espalier("mask", "create", TINY, "--train", "pooler", "-o", mask)
        mask.write_text('{"waste": ' + waste + ", " + mask.read_text().lstrip()[1:])
        results.append(Run("mask", "check", mask, TINY, most_memory=8 * big))
        adapter = root / "adapter"
        adapter.mkdir()
        (adapter / "adapter_config.json").write_text('{"waste": ' + waste + "}")
        safetensors(adapter / "adapter_model.safetensors", {})
        results.append(Run("edit", TINY, "--merge-lora", adapter, "-o", root / "merged", most_memory=8 * big, status=2))
        # A header of many tensors without elements.
        header = {f"t{number}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for number in range(200_000)}
        safetensors(root / "many.safetensors", header)
        size = (root / "many.safetensors").stat().st_size
        results.append(Run("convert", root / "many.safetensors", "-o", root / "many-out.safetensors", most_memory=60 * size, most_seconds=60))
        # Claims: shapes whose product overflows, offsets beyond the file, a length beyond the limit, 65 dimensions.
        for number, entry in enumerate([
            {"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 4]}, {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]},
            {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        ]):
            safetensors(root / f"claim-{number}.safetensors", {"a": entry}, bytes(4))
            results.append(Run("ls", root / f"claim-{number}.safetensors", most_memory=64 << 20, status=2))
        (root / "length.safetensors").write_bytes(struct.pack("<Q", 1 << 62) + b"{}")
        results.append(Run("ls", root / "length.safetensors", most_memory=64 << 20, status=2))
        # Labels: 1,500 of them, whose matrix was a page of 120 MB; and a line of 8 MB.
        labels = root / "labels.tsv"
        labels.write_text("".join(f"some text\tlabel-{number}\n" for number in range(1500)) * 2)
        results.append(Run("train", "--model", TINY, "--head", "linear", "--train", "linear", "--data", labels, "--epochs", "1", "-o", root / "many-labels",
                           most_seconds=120, most_memory=200 << 20))
        line = root / "line.jsonl"
        line.write_text('{"text": "' + "x" * big + '", "label": 1}\n')
        results.append(Run("train", "--model", TINY, "--head", "linear", "--train", "linear", "--data", line, "--dry-run", most_memory=10 * big))
    return f"{len(results)} files, at most {max(run.memory for run in results) >> 20} MiB and {max(run.seconds for run in results):.1f} s"


def test_no_text_takes_more_time_than_its_length():
    results = []
    with folder() as root:
        marks = "e" + "\u0301\u0323" * 20_000
        key = marks[:8000]
        safetensors(root / "marks.safetensors", {key: {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}, b"\0")
        results.append(Run("ls", root / "marks.safetensors", status=0))
        results.append(Run("diff", root / "marks.safetensors", root / "marks.safetensors", status=0))
        text = marks.encode()
        (root / "marks.pkl").write_bytes(b"\x80\x02c" + text[:60_000] + b"\n" + text[:60_000] + b"\n.")
        results.append(Run("scan", root / "marks.pkl"))
        (root / "marks.tsv").write_text(f"a text\t1\n{marks}\t0\n" * 4)
        results.append(Run("train", "--model", TINY, "--head", "linear", "--train", "linear", "--data", root / "marks.tsv", "--dry-run"))
        long = ".".join(["a"] * 3000)
        safetensors(root / "long.safetensors", {long: {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}, b"\0")
        for selector in (".".join(["**"] * 200) + ".b", "*a" * 60 + "b", "/(a*)*b/", "{" * 40 + "a" + "}" * 40):
            results.append(Run("ls", root / "long.safetensors", selector))
        results.append(Run("edit", root / "long.safetensors", "--rename", "**.**.**.**.b=c", "-o", root / "renamed.safetensors"))
    return f"{len(results)} runs, at most {max(run.seconds for run in results):.1f} s"


def test_no_name_in_a_model_folder_takes_more_time_than_its_length():
    """Names of members, modules, choices and tensors are compared by bytes: comparing by canonical equivalence costs the square."""
    results = []
    marks = "e" + "\u0301\u0316" * 40_000
    with folder() as root:
        def model(name, **members):
            shutil.copytree(TINY, root / name)
            file = root / name / "config.json"
            file.write_text(json.dumps({**json.loads(file.read_text()), **members}, ensure_ascii=False))
            return root / name

        def adapter(name, keys, **members):
            (root / name).mkdir()
            config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["query"], **members}
            (root / name / "adapter_config.json").write_text(json.dumps(config, ensure_ascii=False))
            header = {key: {"dtype": "F32", "shape": [1, 1], "data_offsets": [4 * n, 4 * n + 4]} for n, key in enumerate(keys)}
            safetensors(root / name / "adapter_model.safetensors", json.dumps(header, ensure_ascii=False).encode(), bytes(4 * len(keys)))
            return root / name

        members = model("members", **{marks: [1, 2], "x_" + marks: {"a": 1}})
        choices = model("choices", model_type=marks, architectures=[marks], hidden_act=marks, problem_type=marks)
        for folder_path in (members, choices):
            for edit in (["--drop", "pooler"], ["--layers", "encoder.layer=0:1"], ["--resize", "embeddings.word_embeddings.weight=10"]):
                results.append(Run("edit", folder_path, "-o", root / "out", *edit, "--dry-run"))
            results.append(Run("check", folder_path))
            results.append(Run("train", "--model", folder_path, "--head", "linear", "--train", "linear", "--data", DATA, "-o", root / "run", "--dry-run"))
        for path in (adapter("settings", [f"base_model.model.{marks}.lora_A.weight"], bias=marks, task_type=marks, init_lora_weights=marks),
                     adapter("member", [f"base_model.model.{marks}.lora_A.weight"], **{marks: 1}),
                     adapter("kinds", [f"base_model.model.{marks}.lora_A.{marks}.weight", f"base_model.model.{marks}.{marks}.lora_B.weight"])):
            results.append(Run("edit", TINY, "-o", root / "merged", "--merge-lora", path, "--dry-run", status=2))
        keys = ["encoder." + marks + ".weight", marks, "layer.0." + marks, "layer.1." + marks + "x"]
        header = {key: {"dtype": "F32", "shape": [1], "data_offsets": [4 * n, 4 * n + 4]} for n, key in enumerate(keys)}
        header["__metadata__"] = {marks: marks}
        file = root / "keys.safetensors"
        safetensors(file, json.dumps(header, ensure_ascii=False).encode(), bytes(4 * len(keys)))
        for line in (["ls", file], ["ls", file, "encodr"], ["ls", file, "layer[9]"], ["ls", file, "--tree"], ["ls", file, "--group"],
                     ["diff", file, TINY], ["check", file], ["mask", "create", file, "--train", "layr", "-o", root / "mask.json"],
                     ["merge", file, file, "-o", root / "mean.safetensors"],
                     ["edit", file, "--rename", "layer.{i}.**=l[{i}].**", "-o", root / "renamed.safetensors"],
                     ["edit", file, "--preset", "strip-wrappers", "-o", root / "stripped.safetensors"],
                     ["edit", file, "--preset", "gamma-beta", "-o", root / "named.safetensors"],
                     ["delta", "create", file, file, "-o", root / "delta.safetensors"],
                     ["graft", file, "--head", "linear", "--labels", "2", "-o", root / "grafted"],
                     ["convert", file, "-o", root / "keys.pt"], ["scan", root / "keys.pt"]):
            results.append(Run(*line))
    return f"{len(results)} runs, at most {max(run.seconds for run in results):.1f} s"


def test_equal_tensors_under_other_names_are_paired_in_time_that_grows_with_their_number():
    seconds = []
    with folder() as root:
        for count in (10_000, 40_000):
            for side in "ab":
                header = {f"{side}.{n}.w": {"dtype": "U8", "shape": [1], "data_offsets": [n, n + 1]} for n in range(count)}
                safetensors(root / f"{side}.safetensors", header, bytes(count))
            seconds.append(Run("diff", root / "a.safetensors", root / "b.safetensors", "--json", most_seconds=90, status=1).seconds)
    assert seconds[1] < 8 * seconds[0] + 2, seconds
    return f"{seconds[0]:.1f} s for 10,000 tensors, {seconds[1]:.1f} s for 40,000"


def test_links_in_a_folder_that_is_filled_are_not_followed():
    victims = 0
    with folder() as root:
        def link(place, name):
            """A link in `place` to a new victim; whatever was there goes."""
            nonlocal victims
            victims += 1
            victim = root / f"victim-{victims}"
            victim.write_text("keep me")
            (place / name).unlink(missing_ok=True)
            (place / name).symlink_to(victim)
            return victim
        base = root / "base"
        espalier("graft", TINY, "--head", "mlp:8", "--labels", "2", "-o", base)
        for name in ("history.jsonl", "report.html", "results.json", "curve.svg", "model.safetensors", "config.json", "freeze-mask.json", "espalier.json"):
            run = root / f"run-{name}"
            arguments = ["train", "--model", base, "--train", "linear", "--data", DATA, "--epochs", "40", "--threads", "1", "-o", run]
            process = subprocess.Popen([os.environ["ESPALIER"], *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and not (run / "training-state.espalier").exists():
                time.sleep(0.002)
            process.kill()
            process.wait()
            victim = link(run, name)
            Run("train", "--resume", run)
            assert victim.read_text() == "keep me", f"train --resume follows {name}"
        model = root / "model"
        shutil.copytree(TINY, model)
        victim = link(model, "config.json")
        victim.write_text((TINY / "config.json").read_text())
        before = victim.read_bytes()
        Run("edit", model, "--in-place", "--layers", "encoder.layer=0:1")
        assert victim.read_bytes() == before, "edit --in-place follows config.json"
        out = root / "out"
        out.mkdir()
        victim = link(out, "config.json")
        Run("edit", TINY, "--layers", "encoder.layer=0:1", "-o", out)
        assert victim.read_text() == "keep me", "-o of a folder follows config.json"
    return f"{victims} links"


def interrupted(root):
    """A run of some epochs that was killed after one of them."""
    base, run = root / "base", root / "run"
    espalier("graft", TINY, "--head", "mlp:8", "--labels", "2", "-o", base)
    line = ["train", "--model", base, "--train", "linear", "--data", DATA, "--epochs", "100", "--threads", "1", "-o", run]
    process = subprocess.Popen([os.environ["ESPALIER"], *map(str, line)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (run / "training-state.espalier").exists():
        time.sleep(0.002)
    process.kill()
    process.wait()
    return run


def paths_of(value, path=()):
    """Every number in a JSON value, by its path."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from paths_of(member, (*path, name))
    elif isinstance(value, list):
        for number, member in enumerate(value[:2]):
            yield from paths_of(member, (*path, number))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path


def test_the_state_of_a_training_is_input():
    runs = 0
    with folder() as root:
        run = interrupted(root)
        state = run / "training-state.espalier"
        original = state.read_bytes()
        length = struct.unpack("<Q", original[:8])[0]
        header = json.loads(original[8:8 + length])
        record = json.loads(header["__metadata__"]["espalier"])
        for path in list(paths_of({name: value for name, value in record.items() if name != "origin"})):
            values = ((1 << 63) - 1, -(1 << 63), -1e308, 1e308)
            for value in values if os.environ.get("FAULTS") == "all" else values[:3:2]:
                changed = json.loads(json.dumps(record))
                place = changed
                for name in path[:-1]:
                    place = place[name]
                place[path[-1]] = value
                header["__metadata__"]["espalier"] = json.dumps(changed)
                safetensors(state, header, original[8 + length:])
                # Whatever is written, the run ends or is refused with one line; 100 epochs of a tiny model take less than a second.
                Run("train", "--resume", run, most_seconds=60)
                runs += 1
                if not state.exists():
                    shutil.rmtree(root / "base")
                    shutil.rmtree(run)
                    run = interrupted(root)
                    state = run / "training-state.espalier"
    return f"{runs} states"


def test_the_stored_command_line_of_a_training_is_input():
    runs = 0
    with folder() as root:
        run = interrupted(root)
        state = run / "training-state.espalier"
        original = state.read_bytes()
        length = struct.unpack("<Q", original[:8])[0]
        header = json.loads(original[8:8 + length])
        record = json.loads(header["__metadata__"]["espalier"])
        # `refused` ends with status 2; the others are left out of the resumed run. `--dry-run` stops before the first step.
        for more, refused in [
            (["--help"], True), (["-h"], True), (["--version"], True), (["--generate-completion-script", "bash"], True),
            (["--generate-completion-script=bash"], True), (["--experimental-dump-help"], True), (["--resume", root / "other"], False), (["--"], True),
            (["--folds", "1000000"], True), (["--threads", "1024"], False), (["--threads=1024"], False), (["--cache-dir", root / "cache"], False),
            (["--cache-dir=" + str(root / "cache")], False), (["-o", root / "other"], False), (["--progress", "always", "--json", "--explain"], False),
        ]:
            header["__metadata__"]["espalier"] = json.dumps({**record, "invocation": [*record["invocation"], *map(str, more)]})
            safetensors(state, header, original[8 + length:])
            done = Run("train", "--resume", run, "--dry-run", status=2 if refused else 0)
            assert not refused or not done.output, f"{more}: {done.output[:200]}"
            runs += 1
            # A cache is written by a run that goes on.
            if "cache" in str(more):
                Run("train", "--resume", run, most_seconds=60)
                run = None
            assert not (root / "cache").exists() and not (root / "other").exists(), f"{more}: writes outside of the run"
            if run is None:
                shutil.rmtree(root / "base")
                shutil.rmtree(root / "run")
                run = interrupted(root)
                original = state.read_bytes()
                length = struct.unpack("<Q", original[:8])[0]
                header = json.loads(original[8:8 + length])
                record = json.loads(header["__metadata__"]["espalier"])
    return f"{runs} command lines"


def test_numbers_on_the_command_line_are_bounded():
    results = [
        Run("train", "--model", TINY, "--head", "linear", "--train", "linear", "--data", DATA, "--threads", "1000000", "--dry-run", status=64),
        Run("ls", TINY, "[" * 1000), Run("ls", TINY, "{a,b}" * 40),
        Run("edit", TINY, "--layers", "encoder.layer=0:9223372036854775807", "--dry-run", "-o", "nowhere"),
        Run("edit", TINY, "--resize", "embeddings.word_embeddings.weight=9223372036854775807", "--dry-run", "-o", "nowhere"),
        Run("edit", TINY, "--add", "x=F32[9223372036854775807,2]:zeros", "--dry-run", "-o", "nowhere"),
    ]
    return f"{len(results)} runs"


ESCAPES = "\x1b]0;title\x07\x9b31m\u202e\u200b\u2028\r"


def test_nothing_that_a_terminal_obeys_is_printed():
    runs = 0

    def clean(*arguments):
        nonlocal runs
        runs += 1
        done = Run(*arguments)
        for character in "\x1b\x07\x9b\u202e\u200b\u2028\r":
            assert character not in done.output + done.errors, f"{done.line} prints {character!r}"
    with folder() as root:
        key = "a" + ESCAPES
        file = root / "keys.safetensors"
        safetensors(file, {key: {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, "__metadata__": {key: key}}, b"\0")
        for arguments in (["ls", file, "--all"], ["ls", file, "--tree"], ["ls", file, "--json"], ["ls", file, ESCAPES], ["check", file], ["scan", file],
                          ["diff", file, TINY], ["diff", file, TINY, "--json"], ["edit", file, "--drop", ESCAPES, "-o", root / "x.safetensors"],
                          ["edit", file, "--cast", f"**={ESCAPES}", "-o", root / "x.safetensors"], ["ls", file, "--sort", ESCAPES], [ESCAPES],
                          ["ls", ESCAPES.replace("\r", "")], ["mask", "create", file, "--train", ESCAPES, "-o", root / "m.json"]):
            clean(*arguments)
        named = root / f"name{ESCAPES}.safetensors"
        shutil.copy(file, named)
        clean("ls", named)
        clean("scan", root)
        clean("convert", TINY, "-o", root / f"out{ESCAPES}.safetensors")
        pickle = root / "call.pkl"
        pickle.write_bytes(b"\x80\x02cos" + ESCAPES.replace("\r", "").encode() + b"\nsystem\n(X\x02\0\0\0idtR.")
        clean("scan", pickle)
        data = root / "data.tsv"
        data.write_text(f"a text\t{ESCAPES[:-1]}\nanother\tb\n" * 8)
        clean("train", "--model", TINY, "--head", "linear", "--train", "linear", "--data", data, "--dry-run")
    return f"{runs} runs"
