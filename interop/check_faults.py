"""What is left when a call into the operating system fails, or the process is killed there.

`faults/faults.c` is preloaded into espalier. Each command is run once to count the calls that change a file system, then
once for each call and each kind of fault. What is demanded:

* a call that fails with EIO or ENOSPC: status 2, one line, what was there before is there still, and nothing else;
* a process that is killed: the old state, the new state, or one that nothing opens. Never a mixture;
* the next command in the folder removes temporary files, and a second try of the whole gives the new state.

Kills at random moments, readers at the same time, and trainings are in check_crashes.py.

FAULTS=all in the environment tries every kind at every call.
"""

import atexit
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
    atexit.register(path.unlink, missing_ok=True)
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

    def __init__(self, library=None):
        self.library = library or preload()
        self.runs = self.faults = self.kills = self.files = 0

    def __str__(self):
        return f"{self.runs} runs, {self.faults} faults, {self.kills} kills, {self.files} files compared"

    def files_of(self, path):
        """Every file below a folder, by its SHA-256."""
        found = files(path)
        self.files += len(found)
        return found

    def run(self, arguments, at=None, kind=None, log=None):
        environment = dict(os.environ, LD_PRELOAD=str(self.library))
        if at:
            environment.update(FAULT_AT=str(at), FAULT_KIND=kind)
        if log:
            environment.update(FAULT_LOG=str(log))
        self.runs += 1
        if kind:
            self.kills += kind.startswith("kill")
            self.faults += not kind.startswith("kill")
        return subprocess.run([os.environ["ESPALIER"], *map(str, arguments)], capture_output=True, text=True,
                              env=environment)

    def calls(self, arguments):
        """How many calls of `arguments` change a file system; the command is run."""
        with folder() as root:
            done = self.run(arguments, log=root / "calls")
            assert done.returncode == 0, done.stderr
            return int((root / "calls").read_text())

    def cases(self, arguments, count):
        """Every (call, kind): each call has two of the four kinds, unless all are asked for."""
        step = 1 if os.environ.get("FAULTS") == "all" else 2
        for number, kind in enumerate(KINDS):
            for at in range(1 + number % step, count + 1, step):
                yield at, kind, f"{list(map(str, arguments))} with {kind} at call {at} of {count}"

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
            for at, kind, what in self.cases(arguments("MODEL"), count):
                shutil.rmtree(work)
                make(work)
                done = self.run(arguments(work), at, kind)
                self.judge(what, kind, done, work, old, new, old_model, new_model)
                # The same command again, after the rest of an interrupted change.
                subprocess.run([os.environ["ESPALIER"], "edit", str(work), "--in-place"], capture_output=True)
                if model_of(work) == old_model:
                    espalier(*arguments(work))
                assert model_of(work) == new_model, f"{what}: the second try gives something else"
                left = self.files_of(work)
                assert not any(map(is_temporary, left)), f"{what}: {sorted(left)}"

    def new_file(self, arguments, name, old=None):
        """`arguments(root)` writes the single file `root / name`, over the bytes `old` when they are given."""
        with folder() as root:
            target = root / name
            if old is not None:
                target.write_bytes(old)
            count = self.calls(arguments(root))
            new = target.read_bytes()
            assert new != old
            for at, kind, what in self.cases(arguments(pathlib.Path("ROOT")), count):
                for file in root.iterdir():
                    file.unlink()
                if old is not None:
                    target.write_bytes(old)
                done = self.run(arguments(root), at, kind)
                now = target.read_bytes() if target.exists() else None
                found = self.files_of(root)
                assert set(without_temporary(found)) <= {name}, f"{what}: {sorted(found)}"
                if kind.startswith("kill"):
                    assert now in (old, new), f"{what}: neither the old file nor the new one"
                elif done.returncode == 0:
                    assert now == new, f"{what}: status 0 and not the new file"
                else:
                    assert done.returncode == 2, f"{what}: status {done.returncode}: {done.stderr}"
                    assert len([line for line in done.stderr.splitlines() if "error: " in line]) == 1, f"{what}: {done.stderr}"
                    # A folder whose renaming could not be flushed to the disk has the new file.
                    assert now in (old, new), f"{what}: neither the old file nor the new one"
                    assert not any(map(is_temporary, found)), f"{what}: {sorted(found)} left"
                espalier(*arguments(root))
                assert target.read_bytes() == new, f"{what}: the second try gives something else"
                assert set(self.files_of(root)) == {name}, f"{what}: {sorted(files(root))}"

    def new_output(self, arguments):
        """`arguments(root)` writes `root / "out"`, which is not there before."""
        with folder() as root:
            count = self.calls(arguments(root))
            new = files(root)
            for at, kind, what in self.cases(arguments(pathlib.Path("ROOT")), count):
                shutil.rmtree(root)
                root.mkdir()
                done = self.run(arguments(root), at, kind)
                now = self.files_of(root)
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
                assert not any(root.iterdir()), f"{what}: {sorted(now)} left"

    def judge(self, what, kind, done, work, old, new, old_model, new_model):
        now = self.files_of(work)
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
            assert not left, f"{what}: {sorted(left)} left"


def whole(path):
    shutil.copytree(TINY, path)


def sharded(path):
    path.mkdir()
    shutil.copy(TINY / "config.json", path)
    espalier("convert", TINY, "-o", path / "model.safetensors", "--shard-size", "80KB")


def test_replacing_a_model_leaves_the_old_or_the_new():
    sweep = Sweep()
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
    return str(sweep)


def test_a_new_output_is_whole_or_absent():
    sweep = Sweep()
    with folder() as made:
        tuned, delta = made / "tuned", made / "delta.safetensors"
        espalier("edit", TINY, "--scale", "encoder.layer[1]=2", "-o", tuned)
        espalier("delta", "create", TINY, tuned, "-o", delta)
        for line in [
            ["graft", TINY, "--head", "mlp:8", "--labels", "2", "-o"],
            ["graft", TINY, "--head", "classifier", "--labels", "3", "-o"],
            ["edit", TINY, "--layers", "encoder.layer=0:1", "-o"],
            ["edit", TINY, "--scale", "**=2", "--shard-size", "80KB", "-o"],
            ["merge", TINY, TINY, "-o"],
            ["merge", TINY, tuned, "--shard-size", "80KB", "-o"],
            ["delta", "apply", TINY, delta, "-o"],
        ]:
            sweep.new_output(lambda root, line=line: [*line, root / "out"])
        sweep.new_output(lambda root: ["convert", TINY, "-o", root / "model.safetensors", "--shard-size", "80KB"])
    return str(sweep)


def test_a_file_that_is_written_is_the_old_one_or_the_new_one():
    sweep = Sweep()
    with folder() as made:
        tuned, mask, axolotl = made / "tuned", made / "mask.json", made / "axolotl.yml"
        espalier("edit", TINY, "--scale", "encoder.layer[1]=2", "-o", tuned)
        espalier("mask", "create", TINY, "--train", "pooler", "-o", mask)
        espalier("mask", "export", mask, "--to", "axolotl", "-o", axolotl)
        for line, name in [
            (["convert", TINY, "-o"], "out.pt"),
            (["convert", FIXTURES / "torch" / "views.pt", "-o"], "out.safetensors"),
            (["delta", "create", TINY, tuned, "-o"], "out.safetensors"),
            (["mask", "create", TINY, "--train", "pooler", "-o"], "out.json"),
            (["mask", "export", mask, "--to", "torch", "-o"], "out.py"),
            (["mask", "import", axolotl, TINY, "--from", "axolotl", "-o"], "out.json"),
        ]:
            for old in (None, b"what was there before"):
                sweep.new_file(lambda root, line=line, name=name: [*line, root / name], name, old)
    return str(sweep)
