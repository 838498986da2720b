"""`espalier scan` on samples that are made here and never loaded, on attacks that are, and on honest files; other scanners beside it."""

import collections
import io
import json
import os
import pathlib
import pickle
import subprocess
import sys
import zipfile

import scan_samples
import torch

from tool import Skip, espalier, espalier_json, folder

HERE = pathlib.Path(__file__).resolve().parent

# What loaders can be made to call, from the scanners' own lists and from what they missed in the past.
GLOBALS = """os.system posix.system nt.system subprocess.Popen builtins.eval builtins.exec __builtin__.eval builtins.getattr
builtins.__import__ runpy.run_path importlib.import_module socket.socket pty.spawn shutil.rmtree webbrowser.open code.interact
pdb.run bdb.Bdb timeit.timeit cProfile.run profile.run trace.run doctest.debug_script pip.main torch.load torch.hub.load
torch.jit.load operator.attrgetter operator.methodcaller functools.partial types.CodeType types.FunctionType ctypes.CDLL
marshal.loads pickle.loads _pickle.loads dill.loads cloudpickle.loads joblib.load ensurepip._run_pip venv.create
zipimport.zipimporter pydoc.locate pydoc.pipepager pkgutil.resolve_name site.execsitecustomize requests.api.get
uuid._get_command_stdout _aix_support._read_cmd_output _osx_support._read_output imaplib.IMAP4_stream sys.exit
tempfile.mktemp tensorflow.keras evil_package.anything numpy.load linecache.getlines fileinput.input io.open codecs.open
_io.FileIO sqlite3.connect readline.read_init_file""".split()


def call(name, argument=b"X\x02\x00\x00\x00id"):
    module, _, function = name.rpartition(".")
    return f"c{module}\n{function}\n".encode() + argument + b"\x85R"


def whole(body):
    return b"\x80\x02" + body + b"."


def archive(data, *others):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as zipped:
        for name, content in [("archive/data.pkl", data), ("archive/version", b"3\n"), *others]:
            zipped.writestr(name, content)
    return file.getvalue()


def patched(data, mark, at, content):
    place = data.find(mark) + at
    return data[:place] + content + data[place + len(content):]


def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def dangerous():
    for name in GLOBALS:
        yield f"{name}.pkl", whole(call(name))
        yield f"{name}.pt", archive(whole(call(name)))
    for name in ("os.system", "builtins.eval"):
        module, function = (part.encode() for part in name.split("."))
        short = lambda text: b"\x8c" + bytes([len(text)]) + text
        evil, honest = whole(call(name)), pickle.dumps({"a": 1}, 2)
        yield f"stack-{name}.pkl", b"\x80\x04" + short(module) + short(function) + b"\x93" + short(b"id") + b"\x85R."
        yield f"memo-{name}.pkl", b"\x80\x04" + short(module) + b"\x940" + short(function) + b"\x940h\x00h\x01\x93" + short(b"id") + b"\x85R."
        yield f"inst-{name}.pkl", b"(S'id'\ni" + module + b"\n" + function + b"\n."
        yield f"obj-{name}.pkl", b"(c" + module + b"\n" + function + b"\nS'id'\no."
        yield f"newobj-{name}.pkl", whole(b"c" + module + b"\n" + function + b"\n" + short(b"id") + b"\x85\x81")
        yield f"broken-{name}.pkl", b"\x80\x02" + call(name) + b"0\xff\xff"
        yield f"cut-{name}.pkl", b"\x80\x02" + call(name)
        yield f"second-{name}.pkl", whole(b"}") + evil
        yield f"dropped-{name}.pkl", whole(b"N0" + call(name))
        yield f"dotted-{name}.pkl", whole(b"ctorch\n" + name.encode() + b"\n" + short(b"id") + b"\x85R")
        yield f"record-{name}.pt", archive(honest, ("archive/other.pkl", evil))
        yield f"disguised-{name}.pt", archive(honest, ("archive/notes.txt", evil))
        yield f"outside-{name}.pt", archive(honest, ("x/data.pkl", evil))
        yield f"crc-{name}.pt", patched(archive(evil), b"PK\x01\x02", 16, b"\1\2\3\4")
        yield f"encrypted-{name}.pt", patched(archive(evil), b"PK\x01\x02", 8, b"\1")
        yield f"local-{name}.pt", patched(archive(evil), b"PK\x03\x04", 6, b"\1")
        yield f"renamed-{name}.pt", patched(archive(evil), b"archive/data.pkl", 0, b"archive/data.txt")
    yield "ext.pkl", whole(b"\x82\x01X\x02\x00\x00\x00id\x85R")

    class Evil:
        def __reduce__(self):
            return os.system, ("id",)
    yield "saved.pt", saved({"w": torch.ones(2), "evil": Evil()})
    yield "legacy.pt", saved({"w": torch.ones(2), "evil": Evil()}, _use_new_zipfile_serialization=False)


def harmless():
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    yield "state.pt", saved(model.state_dict())
    yield "state-legacy.pt", saved(model.state_dict(), _use_new_zipfile_serialization=False)
    yield "state-4.pt", saved(model.state_dict(), pickle_protocol=4)
    yield "training.pt", saved({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3,
                                "size": torch.Size([2]), "dtype": torch.float16, "device": torch.device("cpu")})
    yield "parameter.pt", saved({"p": torch.nn.Parameter(torch.ones(2)), "c": collections.Counter("aab")})
    yield "plain.pkl", pickle.dumps({"a": [1, 2.5, "x", (None, True)], "s": {1, 2}}, 4)


def test_dangers_are_found_and_checkpoints_pass():
    samples = [(name, data, True) for name, data in dangerous()] + [(name, data, False) for name, data in harmless()]
    with folder() as place:
        for name, data, is_dangerous in samples:
            (place / name).write_bytes(data)
            espalier("scan", place / name, status=1 if is_dangerous else 0)
    return f"{sum(s[2] for s in samples)} dangers found, {sum(not s[2] for s in samples)} checkpoints passed"


def written(place, samples):
    """Writes samples into a folder; their paths."""
    paths = []
    for name, data, *_ in samples:
        path = place / name
        assert not path.exists(), name
        path.write_bytes(data)
        paths.append(path)
    return paths


def test_attacks_run_when_they_are_loaded_and_are_found():
    with folder() as place:
        mark = place / "payload-ran"
        samples = list(scan_samples.attacks(mark))
        paths = written(place, samples)
        jobs = [(str(path), str(mark), loaders) for path, (_, _, loaders) in zip(paths, samples)]
        done = subprocess.run([sys.executable, HERE / "scan_loaders.py"], input=json.dumps(jobs), capture_output=True, text=True, check=True)
        counts = collections.Counter()
        for (name, _, loaders), ran in zip(samples, json.loads(done.stdout.splitlines()[-1])):
            assert ran, f"{name}: no payload ran under {loaders}"
            counts.update(ran)
        for path in paths:
            espalier("scan", path, status=1)
        # A folder of them is one scan.
        report = espalier_json("scan", place, status=1)
        assert {file["path"] for file in report["files"] if file["severity"] == "danger"} == {str(path) for path in paths}
    return f"{len(samples)} attacks found, run by " + ", ".join(f"{loader} {count}" for loader, count in counts.most_common())


def test_what_people_save_is_no_danger():
    with folder() as place:
        paths = written(place, scan_samples.honest(place))
        for path in paths:
            espalier("scan", path, status=0)
    return f"{len(paths)} honest files"


def test_the_scanners_of_others_on_the_same_files():
    """Needs ESPALIER_SCANNERS, a Python with picklescan, fickling, modelscan and modelaudit."""
    python = os.environ.get("ESPALIER_SCANNERS")
    if not python:
        raise Skip("ESPALIER_SCANNERS is not set: a Python with picklescan, fickling, modelscan and modelaudit")
    with folder() as place:
        for kind in ("attacks", "honest"):
            (place / kind).mkdir()
        attacks = written(place / "attacks", scan_samples.attacks(place / "payload-ran"))
        honest = written(place / "honest", scan_samples.honest(place / "honest"))
        done = subprocess.run([python, HERE / "scan_peers.py"], input=json.dumps([str(path) for path in attacks + honest]),
                              capture_output=True, text=True, check=True)
    lines = []
    for scanner, verdicts in json.loads(done.stdout.splitlines()[-1]).items():
        found, alarms = verdicts[:len(attacks)], verdicts[len(attacks):]
        lines.append(f"{scanner}: {len(found) - found.count(0)} of {len(found)} found ({found.count(2)} as unreadable), "
                     f"{alarms.count(1)} of {len(alarms)} false alarms ({alarms.count(2)} unreadable)")
    return "; ".join(lines)
