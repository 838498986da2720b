"""Attack files and honest files for `espalier scan`, as check_scan.py uses them.

An attack only creates the marker file whose path it is given. `attacks(mark)` yields (name, bytes, loaders): at least one of the loaders,
which are those of scan_loaders.py, creates the marker. `honest(folder)` yields (name, bytes).
"""

import argparse
import array
import builtins
import collections
import datetime
import decimal
import io
import ipaddress
import itertools
import json
import pathlib
import pickle
import random
import re
import struct
import sys
import tarfile
import time
import types
import uuid
import warnings
import zipfile
import zlib

import numpy
import torch

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


# Pieces of pickles

def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def name(path, dotted=False):
    """GLOBAL of `module.name`, or STACK_GLOBAL of `module:dotted.name`."""
    module, _, function = path.partition(":") if ":" in path else path.rpartition(".")
    return text(module) + text(function) + b"\x93" if ":" in path else f"c{module}\n{function}\n".encode()


def call(path, *arguments):
    return name(path) + b"(" + b"".join(a if isinstance(a, bytes) else text(a) for a in arguments) + b"tR"


def whole(body, protocol=4):
    return b"\x80" + bytes([protocol]) + body + b"."


def archive(data, others=(), folder="archive", compression=zipfile.ZIP_STORED, main="data.pkl"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as zipped:
        records = ([(f"{folder}/{main}", data)] if data is not None else []) + [(f"{folder}/version", b"3\n"), *others]
        for record, content in records:
            zipped.writestr(record, content)
    return file.getvalue()


def rewritten(data, change, compression=zipfile.ZIP_STORED):
    """The archive with every record passed through `change(name, bytes)`."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", compression) as new:
        for record in old.infolist():
            new.writestr(record.filename, change(record.filename, old.read(record.filename)))
    return file.getvalue()


def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def legacy(*pickles):
    """Five pickles, of which those that are given replace the honest ones."""
    honest = [pickle.dumps(MAGIC, 2), pickle.dumps(VERSION, 2), pickle.dumps({"little_endian": True}, 2), pickle.dumps({"a": 1}, 2), pickle.dumps([], 2)]
    return b"".join(given or own for given, own in zip(pickles, honest))


def scripted(change=None, kind="plain", prefix=b""):
    """A TorchScript program, with its code passed through `change`."""
    from typing import Tuple

    class Plain(torch.nn.Module):
        def forward(self, x):
            return x + 1

    class State(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.ones(2)

        @torch.jit.export
        def __getstate__(self) -> Tuple[torch.Tensor, bool]:
            return (self.w, self.training)

        @torch.jit.export
        def __setstate__(self, st: Tuple[torch.Tensor, bool]):
            self.w = st[0]
            self.training = st[1]

        def forward(self, x):
            return x + self.w

    file = io.BytesIO()
    torch.jit.save(torch.jit.script(State() if kind == "state" else Plain()), file)
    data = file.getvalue()
    if change:
        data = rewritten(data, lambda record, content: change(content.decode()).encode() if record.endswith(".py") else content)
    return with_prefix(data, prefix) if prefix else data


def with_all_as_storages(data):
    """The program with a pickle that calls the records of its code storages."""
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as zipped:
        root = zipped.namelist()[0].split("/")[0] + "/code"
        keys = [record[len(root) + 1:] for record in zipped.namelist() if record.startswith(root + "/")]
        storages = [b"(" + text("storage") + name("torch.FloatStorage") + text(key) + text("cpu") + b"K\4tQ" for key in keys]
        zipped.writestr(root + ".pkl", whole(b"](" + b"".join(storages) + b"e", 2))
    return file.getvalue()


def with_prefix(data, prefix):
    """The archive after other bytes, with its offsets adjusted: the end is found, and all is where it says."""
    end = data.rfind(b"PK\5\6")
    size, start = struct.unpack("<II", data[end + 12:end + 20])
    out = bytearray(prefix + data)
    base = len(prefix)
    place = base + start
    while out[place:place + 4] == b"PK\1\2":
        lengths = struct.unpack("<HHH", out[place + 28:place + 34])
        header = struct.unpack("<I", out[place + 42:place + 46])[0]
        out[place + 42:place + 46] = struct.pack("<I", header + base)
        place += 46 + sum(lengths)
    out[base + end + 16:base + end + 20] = struct.pack("<I", start + base)
    return bytes(out)


def exported(dynamic=True):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(3, 3)

        def forward(self, x):
            return self.linear(x) + x.shape[0]

    shapes = ({0: torch.export.Dim("batch")},) if dynamic else None
    file = io.BytesIO()
    torch.export.save(torch.export.export(Net(), (torch.ones(2, 3),), dynamic_shapes=shapes), file)
    return file.getvalue()


def npy(descriptor, payload, count=1):
    header = f"{{'descr': {descriptor}, 'fortran_order': False, 'shape': ({count},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + payload


def two_ends(honest, evil):
    """Two archives: the end of the first has a comment that reaches to the end of the file, and in it is the end of the second."""
    def parts(data):
        end = data.rfind(b"PK\5\6")
        size, start = struct.unpack("<II", data[end + 12:end + 20])
        return data[:start], bytearray(data[start:start + size]), struct.unpack("<H", data[end + 10:end + 12])[0]

    def moved(directory, base):
        place = 0
        while directory[place:place + 4] == b"PK\1\2":
            lengths = struct.unpack("<HHH", directory[place + 28:place + 34])
            header = struct.unpack("<I", directory[place + 42:place + 46])[0]
            directory[place + 42:place + 46] = struct.pack("<I", header + base)
            place += 46 + sum(lengths)
        return bytes(directory)

    def end(count, size, start, comment):
        return b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, size, start, comment)

    first, first_directory, first_count = parts(honest)
    second, second_directory, second_count = parts(evil)
    body = first + second
    one, two = moved(first_directory, 0), moved(second_directory, len(first))
    start = len(body)
    comment = two + end(second_count, len(two), start + len(one) + 22, 9)
    return body + one + end(first_count, len(one), start, len(comment)) + comment


def tar_of(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        for member, content in members:
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def old_tar(evil, where):
    """PyTorch's format before 2017 of nothing, with `evil` in one of its pickles."""
    n = pickle.dumps(0, 2)
    storages = (evil if where == "storages" else n) + (evil if where == "views" else pickle.dumps([], 2))
    return tar_of([("sys_info", pickle.dumps({}, 2)), ("storages", storages), ("tensors", evil if where == "tensors" else n),
                   ("pickle", evil if where == "pickle" else pickle.dumps({"a": 1}, 2))])


def with_checksum(first, tar):
    """A tar archive whose first block begins with other bytes (not more than 100, or with room at 148)."""
    block = bytearray(512)
    block[:len(first)] = first
    block[124:136] = b"00000000000\0"
    block[156:157] = b"0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + tar


def safetensors_pickle(evil):
    """The length of the header is BINSTRING of a few bytes, the text goes on with SHORT_BINSTRINGs up to the data, and there is a pickle."""
    # Byte 0 'T' and bytes 1 to 4 as the length of a string: with a length of 0x54 + 256 * n the string has n bytes, and begins with byte 5.
    n = 300
    size = 0x54 + 256 * n
    skipped = n - 3  # of the text: three bytes of the string belong to the length
    begin = b'{"__metadata__":{"note":"'
    # The string ends inside of the note, where long strings (one byte of length, printable) follow.
    note = bytearray(b"a" * (skipped - len(begin)))
    rest = size - skipped - 200
    note += b"0"  # POP
    while rest > 200:
        note += b"U" + bytes([0x7E]) + b"b" * 0x7E + b"0"
        rest -= 0x7E + 3
    # The last string skips what is left of the header.
    data = b"0" + evil
    tail = b'"},"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (len(data), len(data))
    left = size - len(begin) - len(note) - len(tail)
    note += b"N0" * ((left - 2 - 110 + len(tail)) // 2 if left + len(tail) > 112 else 0)
    left = size - len(begin) - len(note) - len(tail)
    length = left - 2 + len(tail)
    assert 0x20 <= length < 0x7F and length != 0x22 and length != 0x5C, length
    note += b"U" + bytes([length]) + b"c" * (left - 2)
    header = begin + bytes(note) + tail
    assert len(header) == size
    return struct.pack("<Q", size) + header + data


# Attacks

def attacks(mark):
    mark = str(mark)
    code = f"open({mark!r},'w').close()"
    shell = f"touch {mark}"
    system = call("os.system", shell)
    evil = whole(system)
    evil2 = whole(system, 2)
    unsafe = ("torch.load", "pickle.load")
    yield "plain.pkl", evil, ("pickle.load", "torch.load", "numpy.load")
    yield "archive.pt", archive(evil), ("torch.load",)
    yield "deflated.pt", archive(evil, compression=zipfile.ZIP_DEFLATED), ("torch.load",)
    yield "saved.pt", rewritten(saved({"w": torch.ones(2)}), lambda n, b: evil if n.endswith("data.pkl") else b), ("torch.load",)

    # How names are spelled
    yield "text.md", b"cos\nsystem\n(S'" + shell.encode() + b"'\ntR.", ("pickle.load",)
    yield "inst.pkl", b"(S'" + shell.encode() + b"'\nios\nsystem\n.", ("pickle.load",)
    yield "obj.pkl", b"(cos\nsystem\nS'" + shell.encode() + b"'\no.", ("pickle.load",)
    yield "memo.pkl", b"\x80\x04" + text("os") + b"\x940" + text("system") + b"\x940h\x00h\x01\x93(" + text(shell) + b"tR.", ("pickle.load",)
    yield "dotted.pkl", whole(call("torch.serialization:os.system", shell)), ("torch.load",)
    yield "python2.pkl", whole(call("__builtin__.eval", code), 2), ("pickle.load",)
    yield "nothing-first.txt", b"N0" * 300 + system + b".", ("pickle.load",)
    yield "frame.pkl", b"\x80\x04\x95" + struct.pack("<Q", 3) + system + b".", ("pickle.load",)
    yield "cut.pkl", b"\x80\x04" + system, ("pickle.load",)
    yield "broken.pt", archive(b"\x80\x02" + system + b"0\xff"), ("torch.load",)
    yield "long-string.pkl", b"\x80\x04B" + struct.pack("<I", 70 << 20) + bytes(70 << 20) + b"0" + system + b".", ("pickle.load",)

    # Spellings that no pickler writes
    yield "spelling.pt", archive(pickle.dumps({"a": 1}, 2), [("archive/notes.txt", b"I0x10\n0L1_0L\n0Np 5 \n0S'\\101'\n0" + system + b".")]), ("zipfile",)
    yield "distant-memo.txt", b"Np99999\n0" + system + b".", ("pickle.load",)
    # MEMOIZE takes the number of entries as its index: 1 is "os", and 7 "system".
    entries = [("collections", b"q\1"), ("os", b"\x94"), ("OrderedDict", b"q\2"), ("system", b"q\3"), ("OrderedDict", b"q\5"), ("system", b"\x94"),
               ("OrderedDict", b"q\7"), ("OrderedDict", b"q\x08"), ("system", b"\x94")]
    yield "memoize.pt", archive(whole(b"".join(text(t) + put + b"0" for t, put in entries) + b"h\1h\7\x93(" + text(shell) + b"tR")), ("torch.load",)

    # Functions that few lists have
    for path, arguments in [
        ("builtins.exec", (code,)), ("builtins.open", (mark, "w")), ("io.open", (mark, "w")), ("timeit.timeit", ("pass", code)),
        ("cProfile.run", (code,)), ("profile.run", (code,)), ("logging.FileHandler", (mark,)), ("sqlite3.connect", (mark,)),
        ("tarfile.open", (mark, "w")), ("zipfile.ZipFile", (mark, "w")), ("os.mkdir", (mark,)), ("shutil.copyfile", ("/dev/null", mark)),
        ("numpy.savetxt", (mark, b"]K\1a")), ("torch.save", (b"N", mark)), ("torch.utils.collect_env.run", (shell,)),
        ("numpy.testing._private.utils.runstring", (code, b"}")), ("torch.jit.unsupported_tensor_ops.execWrapper", (code, b"}", b"}")),
        ("pathlib:Path.touch", (call("pathlib.PosixPath", mark),)), ("torch.from_file", (mark, b"\x88", b"K\4")), ("numpy.memmap", (mark, "u1", "w+", b"K\0", b"K\4")),
        ("code:InteractiveInterpreter.runsource", (call("code.InteractiveInterpreter"), code)),
    ]:
        yield path.replace(":", ".") + ".pkl", whole(call(path, *arguments)), unsafe[::-1]

    # Modules of PyTorch hold more than classes
    container = "torch.nn.modules.container."
    place = list(vars(builtins)).index("eval")

    def sequential(modules):
        state = b"}(" + text("_modules") + modules
        for part in ("_parameters", "_buffers", "_backward_hooks", "_forward_hooks", "_forward_pre_hooks", "_non_persistent_buffers_set"):
            state += text(part) + b"}"
        return name(container + "Sequential") + b")\x81" + state + b"ub"

    def number(value):
        return b"J" + struct.pack("<i", value)
    pick = name(container + "islice") + sequential(name(container + "__builtins__")) + number(place - 1) + number(place + 1) + b"\x87R"
    modules = name(container + "OrderedDict") + b"]" + pick + b"a\x85R"
    yield "nn-modules.pt", archive(whole(b"}" + text("w") + sequential(modules) + text(code) + b"\x85Rs", 2)), ("torch.load",)
    yield "nn-import.pt", archive(whole(call("torch.nn.modules.module:torch.os.system", shell))), ("torch.load",)
    get = "torch.jit._pickle:build_intlist.__builtins__.get"
    yield "jit-pickle.pt", archive(whole(call(get, "exec") + b"(" + text(code) + b"tR")), ("torch.load",)
    # A value that is no function, called
    init = call("builtins.getattr", name("argparse.Namespace"), "__init__")
    table = call("builtins.getattr", init, "__globals__")
    getter = call("builtins.getattr", table, "get")
    builtin = getter + b"(" + text("__builtins__") + b"tR"
    execute = call("builtins.getattr", builtin, "get") + b"(" + text("exec") + b"tR"
    yield "getattr.pkl", whole(execute + b"(" + text(code) + b"tR"), ("pickle.load",)
    yield "append.pkl", whole(name("argparse.Namespace") + b")\x81}" + text("append") + name("builtins.exec") + b"sb" + text(code) + b"a"), ("pickle.load",)
    yield "setstate.pkl", whole(name("argparse.Namespace") + b")\x81}" + text("__setstate__") + name("builtins.exec") + b"sb" + text(code) + b"b"), ("pickle.load",)
    yield "class.pkl", whole(name("argparse.Namespace") + b"N}" + text("__setstate__") + name("builtins.exec") + b"s\x86b0" + name("argparse.Namespace") + b")\x81" + text(code) + b"b"), ("pickle.load",)
    yield "rebuild.pt", archive(whole(call("torch._tensor._rebuild_from_type_v2", name("os.system"), name("torch.Tensor"), b"(" + text(shell) + b"t", b"}"), 2)), ("torch.load",)
    yield "inner.pkl", whole(call("torch.storage._load_from_bytes", b"C" + bytes([len(evil)]) + evil)), ("pickle.load",)
    yield "inner-archive.pkl", whole(call("torch.storage._load_from_bytes", b"B" + struct.pack("<I", len(archive(evil))) + archive(evil))), ("pickle.load",)

    # Archives
    honest = saved({"w": torch.ones(2)})
    plain = pickle.dumps({"a": 1}, 2)
    yield "capitals.pt", archive(evil, main="DATA.PKL"), ("torch.load",)
    yield "data-data.pt", archive(plain, [("archive/data/data.pkl", evil)]), ("zipfile",)
    yield "only-data-data.pt", archive(evil, folder="x/data"), ("zipfile",)
    yield "extra.pt", archive(plain, [("archive/data/extra.pkl", evil)]), ("zipfile",)
    yield "deep.pt", archive(plain, [("archive/sub/data/x", evil2)]), ("zipfile",)
    yield "text-record.pt", archive(plain, [("archive/notes.txt", b"cos\nsystem\n(S'" + shell.encode() + b"'\ntR.")]), ("zipfile",)
    yield "text-storage.pt", archive(plain, [("archive/data/7", b"N0" + system + b".")]), ("zipfile",)
    yield "outside.pt", archive(plain, [("x/data.pkl", evil)]), ("zipfile",)
    yield "checksum.pt", (lambda d: d.replace(struct.pack("<I", zlib.crc32(evil)), b"\1\2\3\4"))(archive(evil)), ("torch.load",)
    yield "two-ends.pt", two_ends(archive(plain), archive(evil)), ("torch.load", "zipfile")
    yield "nested.pt", archive(plain, [("archive/data/inner.zip", archive(evil))]), ("zipfile",)
    yield "short.pt", archive(b"".join([b"\x80\x02", system, b"."])), ("torch.load",)
    yield "behind.bin", with_prefix(archive(evil), b"just text\n"), ("zipfile",)

    # numpy
    yield "object.npy", npy("'|O'", evil), ("numpy.load",)
    yield "escaped.npy", npy("'|\\x4f'", evil), ("numpy.load",)
    yield "fields.npy", npy("[('a', '|O'), ('b', '<f4')]", evil), ("numpy.load",)
    for title, compression in (("object.npz", zipfile.ZIP_STORED), ("compressed.npz", zipfile.ZIP_DEFLATED)):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", compression) as zipped:
            zipped.writestr("a.npy", npy("'<f4'", bytes(4)))
            zipped.writestr("b.npy", npy("'|O'", evil))
        yield title, file.getvalue(), ("numpy.load",)
    yield "array.dat", b"N0" + system + b".", ("numpy.load",)

    # The format before zip
    for part, title in enumerate(("magic", "version", "system", "value", "keys")):
        yield f"legacy-{title}.bin", legacy(*[evil2 if i == part else None for i in range(5)]), ("torch.load",)
    ended = with_checksum(b"PK\5\6", old_tar(evil2, "pickle"))
    yield "empty-zip-tar.pt", ended + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0, 0, 0, len(ended), 0), ("torch.load",)
    yield "second.pkl", plain + evil, ("pickle.load twice",)
    for where in ("storages", "views", "tensors", "pickle"):
        yield f"tar-{where}.pth", old_tar(evil2, where), ("torch.load",)
    yield "legacy-and-tar.bin", with_checksum(legacy(), old_tar(evil2, "storages")), ("torch.load",)
    yield "gguf.gguf", b"GGUF\x03\0\0\0\0" + b"0" + system + b".", ("pickle.load",)

    # Safetensors that are something else, too
    yield "pickle.safetensors", safetensors_pickle(system + b"."), ("pickle.load",)
    yield "tar-safetensors.bin", safetensors_tar(old_tar(evil2, "storages")), ("torch.load",)
    script = scripted(lambda s: s.replace("    x: Tensor) -> Tensor:", f'    x: Tensor,\n    y: Tensor=torch.from_file("{mark}", True, 4)) -> Tensor:'))
    yield "script.safetensors", safetensors_zip(script), ("torch.jit.load",)

    # TorchScript
    def replaced(old, new):
        def change(source):
            assert old in source, source
            return source.replace(old, new, 1)
        return change
    body = "    self.w = "
    yield "script-save.pt", scripted(replaced(body, f'    torch.save((st)[0], "{mark}")\n{body}'), "state"), ("torch.jit.load", "torch.load")
    yield "script-alias.pt", scripted(replaced(body, f'    f = torch.save\n    f((st)[0], "{mark}")\n{body}'), "state"), ("torch.jit.load",)
    yield "script-file.pt", scripted(replaced(body + "(st)[0]", f'{body}torch.from_file("{mark}", True, 4)'), "state"), ("torch.jit.load",)
    yield "script-method.pt", scripted(
        lambda s: replaced(body, f"    _0 = (self).other((st)[0])\n{body}")(s)
        + f'  def other(self: __torch__.{re.search("class (.+?)[(]", s)[1]},\n    x: Tensor) -> NoneType:\n    torch.save(x, "{mark}")\n    return None\n', "state"), ("torch.jit.load",)
    default = f'    x: Tensor,\n    y: Tensor=torch.from_file("{mark}", True, 4)) -> Tensor:'
    yield "script-default.pt", scripted(replaced("    x: Tensor) -> Tensor:", default)), ("torch.jit.load",)
    yield "script-storage.pt", with_all_as_storages(scripted(replaced("    x: Tensor) -> Tensor:", default))), ("torch.jit.load",)
    yield "script-constant.pt", scripted(replaced("  __buffers__ = []", f'  __buffers__ = []\n  q : Final[Tensor] = torch.from_file("{mark}", True, 4)')), ("torch.jit.load",)
    yield "script-prefix.bin", scripted(replaced("    x: Tensor) -> Tensor:", default), prefix=b"text\n"), ("torch.jit.load",)
    yield "script-pickle.pt", rewritten(scripted(), lambda n, b: evil if n.endswith("constants.pkl") else b), ("zipfile",)
    yield "script-debug.pt", rewritten(scripted(), lambda n, b: evil if n.endswith("debug_pkl") else b), ("zipfile",)

    # torch.export
    program = exported()
    yield "export-inputs.pt2", rewritten(program, lambda n, b: archive(evil) if n.endswith("sample_inputs/model.pt") else b), ("torch.export.load",)
    yield "export-inputs-legacy.pt2", rewritten(program, lambda n, b: legacy(None, None, None, evil2) if n.endswith("sample_inputs/model.pt") else b), ("torch.export.load",)

    def weights(record, content):
        if record.endswith("model_weights_config.json"):
            config = json.loads(content)
            for entry in config["config"].values():
                entry["use_pickle"] = True
            return json.dumps(config).encode()
        return evil if record.endswith("weights/weight_0") else content
    yield "export-weights.pt2", rewritten(program, weights), ("torch.export.load",)

    def constants(record, content):
        if record.endswith("model_constants_config.json"):
            return json.dumps({"config": {"c": {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}}}).encode()
        return content

    def with_record(data, record, content):
        file = io.BytesIO(data)
        root = zipfile.ZipFile(io.BytesIO(data)).namelist()[0].split("/")[0]
        with zipfile.ZipFile(file, "a") as zipped:
            zipped.writestr(f"{root}/{record}", content)
        return file.getvalue()
    yield "export-constants.pt2", with_record(rewritten(program, constants), "data/constants/opaque_obj_0", evil), ("torch.export.load",)

    def expression(record, content):
        if not record.endswith("model.json"):
            return content
        return re.sub(rb'"expr_str":\s*"[^"]*"', lambda m: b'"expr_str": ' + json.dumps(f"__import__('pathlib').Path('{mark}').touch() or s0").encode(), content, count=1)
    yield "export-expression.pt2", rewritten(program, expression), ("torch.export.load",)


def safetensors_tar(tar):
    """A sound safetensors file that is a tar archive, too: the checksum is in its metadata, the members are in its tensor."""
    # Bytes 8 to 512 are the start of the header, the rest of the header fills the second block, the tensor begins with the third.
    size = 1024 - 8
    header = bytearray(b'{"__metadata__":{"note":"')
    header += b" " * (size - len(header))
    tail = b'"},"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (len(tar), len(tar))
    header[-len(tail):] = tail
    file = bytearray(struct.pack("<Q", size) + header)
    file[100:108] = b"0000644 "
    file[108:116] = b"0000000 "
    file[116:124] = b"0000000 "
    file[124:136] = b"00000001000 "  # the second block is the first member's
    file[136:148] = b"00000000000 "
    file[156:157] = b"0"
    file[329:337] = b"0000000 "
    file[337:345] = b"0000000 "
    file[148:156] = b" " * 8
    file[148:156] = b"%07o " % sum(file[:512])
    return bytes(file) + tar


def safetensors_zip(script):
    """A sound safetensors file whose tensor is a TorchScript archive, with the offsets of the whole file."""
    size = 256
    head = b'{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (len(script), len(script))
    prefix = struct.pack("<Q", size) + head + b" " * (size - len(head))
    return with_prefix(script, prefix)


# Honest files

def honest(folder):
    """What people save: state dicts, whole modules, settings, arrays, programs."""
    warnings.filterwarnings("ignore")
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(3, 4)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    state = model.state_dict()
    yield "state.pt", saved(state)
    yield "state-legacy.bin", saved(state, _use_new_zipfile_serialization=False)
    for protocol in (3, 4, 5):
        yield f"state-{protocol}.pt", saved(state, pickle_protocol=protocol)
    yield "plain-state.pkl", pickle.dumps(state)
    yield "plain-state-2.pkl", pickle.dumps(state, 2)
    history = collections.defaultdict(list)
    history["loss"].append(1.0)
    yield "training.pt", saved({"model": state, "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(), "epoch": 3,
                                "history": history, "rng": torch.get_rng_state(), "numpy_rng": numpy.random.get_state(),
                                "python_rng": random.getstate(), "args": argparse.Namespace(lr=1e-3), "time": datetime.datetime(2026, 1, 1)})
    yield "deflated.pt", rewritten(saved(state), lambda n, b: b, zipfile.ZIP_DEFLATED)
    values = {
        "frozenset": frozenset([1]), "slice": slice(0, 1), "range": range(3), "defaultdict": history, "bytesio": io.BytesIO(b"x"), "stringio": io.StringIO("x"),
        "version": torch.__version__, "generator": torch.Generator(), "path": pathlib.Path("a/b"), "deque": collections.deque([1, 2]), "counter": collections.Counter("aab"),
        "dates": [datetime.datetime(2026, 1, 1), datetime.timedelta(1), datetime.timezone.utc], "decimal": decimal.Decimal("1.5"), "uuid": uuid.UUID(int=7),
        "regex": re.compile("a+"), "nonetype": type(None), "namespace": types.SimpleNamespace(a=1), "error": ValueError("x"), "layout": torch.strided,
        "array": numpy.arange(3.0), "float32": numpy.float32(1), "masked": numpy.ma.array([1, 2]), "matrix": numpy.matrix([1]), "records": numpy.zeros(2, "i4,f8"),
        "objects": numpy.array(["a", None], dtype=object), "npdtype": numpy.dtype("f8"), "npclass": numpy.float64, "rng": numpy.random.default_rng(0),
        "philox": numpy.random.Generator(numpy.random.Philox(0)), "sfc": numpy.random.Generator(numpy.random.SFC64(0)), "randomstate": numpy.random.RandomState(0),
        "seed": numpy.random.SeedSequence(3), "bytes": bytearray(b"xyz"), "complex": 1 + 2j, "big": 2**70,
    }
    values |= {
        "pyarray": array.array("f", [1, 2]), "address": ipaddress.ip_address("1.2.3.4"), "random": random.Random(3), "context": decimal.getcontext(), "flag": re.I,
        "struct-time": time.localtime(), "errors": [ZeroDivisionError(), FileNotFoundError(2, "x"), UserWarning()], "poly": numpy.poly1d([1, 2]),
        "userstring": collections.UserString("a"), "userlist": collections.UserList([1]), "lazy": torch.nn.UninitializedParameter(), "tanh": torch.tanh,
        "loader": torch.utils.data.DataLoader([1, 2]), "observer": torch.ao.quantization.HistogramObserver(), "onecycle": torch.optim.lr_scheduler.OneCycleLR._annealing_cos,
        "adafactor": torch.optim.Adafactor([torch.nn.Parameter(torch.ones(2, 2))]),
    }
    for title, value in values.items():
        yield f"value-{title}.pt", saved({"w": torch.ones(2), "value": value})
    for title in ("array", "rng", "records", "masked", "path", "regex", "objects", "float32"):
        yield f"value-{title}-5.pt", saved({"w": torch.ones(2), "value": values[title]}, pickle_protocol=5)
        yield f"value-{title}-5.pkl", pickle.dumps(values[title], 5)
    module, pathlib.PosixPath.__module__ = pathlib.PosixPath.__module__, "pathlib._local"
    sys.modules["pathlib._local"] = pathlib
    yield "path-3.13.pt", saved({"value": pathlib.Path("a/b")})
    pathlib.PosixPath.__module__ = module
    del sys.modules["pathlib._local"]
    tensors = {
        "sparse": torch.eye(2).to_sparse(), "csr": torch.eye(2).to_sparse_csr(), "quantised": torch.quantize_per_tensor(torch.ones(2), 1.0, 0, torch.qint8),
        "nested": torch.nested.nested_tensor([torch.ones(2)]), "meta": torch.ones(2, device="meta"), "half": torch.ones(2, dtype=torch.bfloat16),
    }
    for title, value in tensors.items():
        yield f"tensor-{title}.pt", saved(value)
    weighted = torch.nn.utils.weight_norm(torch.nn.Linear(2, 2))
    modules = {
        "sequential": model, "lstm": torch.nn.LSTM(2, 2), "transformer": torch.nn.TransformerEncoderLayer(4, 2), "weight-norm": weighted,
        "spectral-norm": torch.nn.utils.spectral_norm(torch.nn.Linear(2, 2)), "embedding": torch.nn.EmbeddingBag(3, 2), "conv": torch.nn.Conv2d(1, 1, 1),
        "lists": torch.nn.ModuleDict({"a": torch.nn.ModuleList([torch.nn.GELU()]), "b": torch.nn.ParameterList([torch.ones(1)])}),
        "loss": torch.nn.CrossEntropyLoss(), "dynamic": torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(torch.nn.Linear(2, 2))),
    }
    for title, value in modules.items():
        yield f"module-{title}.pt", saved(value)
    yield "module-legacy.pt", saved(modules["conv"], _use_new_zipfile_serialization=False)
    yield "optimizer.pt", saved(optimizer)
    yield "scaler.pt", saved(torch.amp.GradScaler("cpu"))
    yield "dataset.pt", saved(torch.utils.data.TensorDataset(torch.ones(2)))
    yield "packed.pt", saved(torch.nn.utils.rnn.pack_sequence([torch.ones(2), torch.ones(1)]))
    yield from settings(folder)

    # Programs
    yield "script.pt", scripted()
    yield "script-state.pt", scripted(kind="state")
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(modules["dynamic"]), file)
    yield "script-quantised.pt", file.getvalue()
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.LSTM(2, 2), torch.ones(3, 1, 2)), file)
    yield "script-traced.pt", file.getvalue()
    file = io.BytesIO()
    torch.jit.save(torch.jit.freeze(torch.jit.script(torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1), torch.nn.ReLU())).eval()), file)
    yield "script-frozen.pt", file.getvalue()
    yield "program.pt2", exported()
    yield "program-static.pt2", exported(dynamic=False)

    # Arrays
    for title, value in (("numbers.npy", numpy.arange(100.0)), ("structured.npy", numpy.zeros(3, "i4,f8")), ("text.npy", numpy.array(["Object", "b"])),
                         ("objects.npy", numpy.array(["a", 1], dtype=object))):
        file = io.BytesIO()
        numpy.save(file, value)
        yield title, file.getvalue()
    for title, write in (("arrays.npz", numpy.savez), ("compressed.npz", numpy.savez_compressed)):
        file = io.BytesIO()
        write(file, a=numpy.arange(4.0), Ob=numpy.ones((2, 2)))
        yield title, file.getvalue()
    from safetensors.torch import save
    yield "state.safetensors", save({"w": torch.ones(2, 3), "b": torch.zeros(0)}, {"note": "x"})
    yield "noise.safetensors", save({"w": torch.randint(0, 256, (1 << 16,), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))})
    yield "noise.pt", saved({str(i): torch.randint(0, 256, (999,), dtype=torch.uint8, generator=torch.Generator().manual_seed(i)) for i in range(200)})
    yield "plain.pkl", pickle.dumps({"a": [1, 2.5, "x", (None, True)], "s": {1, 2}})
    yield "text.pkl", pickle.dumps({"a": [1, 2.5, "x"]}, 0)


def settings(folder):
    """training_args.bin of transformers 5, and as transformers 4 wrote it under Python 3.11."""
    from transformers import Seq2SeqTrainingArguments, TrainingArguments
    yield "training_args.bin", saved(TrainingArguments(str(folder / "out"), report_to=[]))
    yield "seq2seq_args.bin", saved(Seq2SeqTrainingArguments(str(folder / "out"), report_to=[], predict_with_generate=True))

    def member(path, value):
        return call("__builtin__.getattr", name(path), value)
    old = name("transformers.training_args.TrainingArguments") + b")\x81}(" + text("output_dir") + text("out")
    for attribute, path, value in [
        ("evaluation_strategy", "transformers.trainer_utils.IntervalStrategy", "NO"), ("lr_scheduler_type", "transformers.trainer_utils.SchedulerType", "LINEAR"),
        ("hub_strategy", "transformers.trainer_utils.HubStrategy", "EVERY_SAVE"), ("optim", "transformers.training_args.OptimizerNames", "ADAMW_TORCH"),
    ]:
        old += text(attribute) + member(path, value)
    old += text("save_strategy") + call("transformers.trainer_utils.IntervalStrategy", "steps") + text("accelerator_config")
    old += name("transformers.trainer_pt_utils.AcceleratorConfig") + b")\x81}" + text("split_batches") + b"\x89sb"
    old += text("distributed_state") + name("accelerate.state.PartialState") + b")\x81}" + text("_cpu") + b"\x88sb"
    old += text("device") + call("torch.device", "cpu") + b"ub"
    yield "training_args-4.bin", archive(whole(old, 2), folder="training_args")
