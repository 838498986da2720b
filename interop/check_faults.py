"""What is left when a call into the operating system fails, or the process is killed there.

`faults/faults.c` is preloaded into espalier. Each command is run once to count the calls that change a file system, then
once for each call and each kind of fault. What is demanded:

* a call that fails with EIO or ENOSPC: status 2, one line, what was there before is there still, and nothing else;
* a process that is killed: the old state, the new state, or one that nothing opens. Never a mixture;
* the next command in the folder removes temporary files, and a second try of the whole gives the new state.

FAULTS=all in the environment tries every kind at every call.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from tool import FIXTURES, TINY, Skip, espalier, folder

KINDS = ["EIO", "ENOSPC", "kill-before", "kill-after"]


def preload():
    """The compiled library."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Skip("no C compiler is here")
    path = pathlib.Path(tempfile.gettempdir()) / f"espalier-faults-{os.getpid()}.so"
    source = pathlib.Path(__file__).parent / "faults" / "faults.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", path, source, "-ldl"], check=True)
    return path


def files(path):
    """Every file below a folder, by its SHA-256."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*")) if file.is_file()}


def is_temporary(name):
    name = pathlib.PurePath(name).name
    return name.startswith(".") and (".espalier-" in name)


def without_temporary(state):
    return {name: digest for name, digest in state.items() if not is_temporary(name)}


def is_journal(name):
    return pathlib.PurePath(name).name == "unfinished-change.espalier"


def model_of_files(new, now):
    """A value that no model equals, unless all files of the output are there."""
    parts = (".safetensors", "config.json", "espalier.json")
    return ANY if set(without_temporary(now)) >= {name for name in new if name.endswith(parts)} else ()


class Anything:
    """Equals everything."""

    def __eq__(self, other):
        return True


ANY = Anything()


def model_of(path):
    """What a program that knows nothing of Espalier finds: configuration and tensors, or `None`."""
    from safetensors import safe_open
    if not (path / "config.json").exists():
        return None
    whole, index = path / "model.safetensors", path / "model.safetensors.index.json"
    if whole.exists():
        names = [whole.name]
    elif index.exists():
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    else:
        return None
    digests = {}
    for name in names:
        if not (path / name).exists():
            return None
        with safe_open(path / name, "pt") as file:
            for key in file.keys():
                digests[key] = hashlib.sha256(file.get_tensor(key).contiguous().view(-1).numpy().tobytes()).hexdigest()
    return (path / "config.json").read_text(), digests


class Sweep:
    """Runs one command with every fault at every call."""

    def __init__(self, library):
        self.library = library
        self.runs = 0

    def run(self, arguments, at=None, kind=None, log=None):
        environment = dict(os.environ, LD_PRELOAD=str(self.library))
        if at:
            environment.update(FAULT_AT=str(at), FAULT_KIND=kind)
        if log:
            environment.update(FAULT_LOG=str(log))
        self.runs += 1
        return subprocess.run([os.environ["ESPALIER"], *map(str, arguments)], capture_output=True, text=True,
                              env=environment)

    def calls(self, arguments):
        """How many calls of `arguments` change a file system; the command is run."""
        with folder() as root:
            done = self.run(arguments, log=root / "calls")
            assert done.returncode == 0, done.stderr
            return int((root / "calls").read_text())

    def in_place(self, make, arguments):
        """`make(folder)` makes a model, which `arguments(folder)` replaces."""
        with folder() as root:
            work = root / "model"
            make(work)
            old = files(work)
            old_model = model_of(work)
            count = self.calls(arguments(work))
            new, new_model = files(work), model_of(work)
            assert old_model != new_model
            for number, kind in enumerate(KINDS):
                # Each call has two of the four kinds, unless all are asked for.
                step = 1 if os.environ.get("FAULTS") == "all" else 2
                for at in range(1 + number % step, count + 1, step):
                    what = f"{arguments('MODEL')} with {kind} at call {at} of {count}"
                    shutil.rmtree(work)
                    make(work)
                    done = self.run(arguments(work), at, kind)
                    self.judge(what, kind, done, work, old, new, old_model, new_model)
                    # The same command again, after the rest of an interrupted change.
                    subprocess.run([os.environ["ESPALIER"], "edit", str(work), "--in-place"], capture_output=True)
                    if model_of(work) == old_model:
                        espalier(*arguments(work))
                    assert model_of(work) == new_model, f"{what}: the second try gives something else"
                    assert not any(map(is_temporary, files(work))), f"{what}: {sorted(files(work))}"

    def new_output(self, arguments):
        """`arguments(root)` writes `root / "out"`, which is not there before."""
        with folder() as root:
            count = self.calls(arguments(root))
            new = files(root)
            for number, kind in enumerate(KINDS):
                step = 1 if os.environ.get("FAULTS") == "all" else 2
                for at in range(1 + number % step, count + 1, step):
                    what = f"{arguments(pathlib.Path('ROOT'))} with {kind} at call {at} of {count}"
                    shutil.rmtree(root)
                    root.mkdir()
                    done = self.run(arguments(root), at, kind)
                    now = files(root)
                    if kind.startswith("kill"):
                        whole = {name for name in now if not is_temporary(name)}
                        assert all(now[name] == new.get(name) for name in whole if not is_journal(name)), what
                        model = root / "out"
                        assert model.is_file() or model_of(model) in (None, model_of_files(new, now)), f"{what}: a part"
                        continue
                    if done.returncode == 0:
                        assert now == new, f"{what}: status 0, and {sorted(now)}"
                        continue
                    assert done.returncode == 2, f"{what}: status {done.returncode}: {done.stderr}"
                    assert not any(root.iterdir()), f"{what}: {sorted(now)} left behind"

    def judge(self, what, kind, done, work, old, new, old_model, new_model):
        now = files(work)
        if kind.startswith("kill"):
            assert done.returncode in (-9, 0, 2), f"{what}: {done.returncode} {done.stderr}"
            found = model_of(work)
            assert found in (None, old_model, new_model), f"{what}: a mixture"
            if found is None:
                seen = subprocess.run([os.environ["ESPALIER"], "ls", str(work), "--json"], capture_output=True)
                assert seen.returncode == 2, f"{what}: espalier opens what others refuse"
            return
        if done.returncode == 0:
            # What failed was a part that may fail, such as removing what an earlier run left.
            assert model_of(work) == new_model, f"{what}: status 0 and not the new state"
            return
        assert done.returncode == 2, f"{what}: status {done.returncode}: {done.stderr}"
        lines = [line for line in done.stderr.splitlines() if line.startswith("espalier: error: ")]
        assert len(lines) == 1, f"{what}: {done.stderr}"
        found = model_of(work)
        assert found in (None, old_model, new_model), f"{what}: a mixture"
        if found == old_model:
            left = {name for name in without_temporary(now) if name not in old}
            assert not left, f"{what}: {sorted(left)} left behind"


def whole(path):
    shutil.copytree(TINY, path)


def sharded(path):
    path.mkdir()
    shutil.copy(TINY / "config.json", path)
    espalier("convert", TINY, "-o", path / "model.safetensors", "--shard-size", "80KB")


def test_replacing_a_model_leaves_the_old_or_the_new():
    sweep = Sweep(preload())
    cases = [
        (whole, ["--scale", "**=2"]),
        (whole, ["--layers", "encoder.layer=0:1"]),
        (sharded, ["--scale", "**=2"]),
        (sharded, ["--layers", "encoder.layer=0:1"]),
        (whole, ["--cast", "**=F16", "--shard-size", "40KB"]),
        (sharded, ["--layers", "encoder.layer=0:1", "--shard-size", "1GB"]),
    ]
    for make, operations in cases:
        sweep.in_place(make, lambda path, operations=operations: ["edit", path, "--in-place", *operations])
    return f"{sweep.runs} runs"


def test_a_new_output_is_whole_or_absent():
    sweep = Sweep(preload())
    for line in [
        ["graft", TINY, "--head", "mlp:8", "--labels", "2", "-o"],
        ["graft", TINY, "--head", "classifier", "--labels", "3", "-o"],
        ["edit", TINY, "--layers", "encoder.layer=0:1", "-o"],
        ["edit", TINY, "--scale", "**=2", "--shard-size", "80KB", "-o"],
        ["merge", TINY, TINY, "-o"],
    ]:
        sweep.new_output(lambda root, line=line: [*line, root / "out"])
    for line in [["convert", TINY, "-o"], ["mask", "create", TINY, "--train", "pooler", "-o"]]:
        ending = ".json" if line[0] == "mask" else ".pt"
        sweep.new_output(lambda root, line=line, ending=ending: [*line, root / f"out{ending}"])
    return f"{sweep.runs} runs"
