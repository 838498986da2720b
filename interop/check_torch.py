"""What espalier makes of PyTorch files is what torch makes of them: keys, states of tensors, whole modules, and files written again."""

import argparse
import collections
import enum
import math
import pickle
import random
import re
import struct
import subprocess
import os
import zipfile

import torch
from torch import nn

from tool import FIXTURES, Skip, espalier, espalier_json, folder

# MARK: Comparison


def describe(value, tensors):
    """A value as text in which equal values, and no others, are the same; tensors are collected."""
    if isinstance(value, torch.Tensor):
        tensors.append(value)
        raw = value.detach().resolve_conj().resolve_neg().contiguous()
        raw = raw.reshape(-1).view(torch.uint8).numpy().tobytes() if raw.numel() else b""
        kind = "Parameter" if isinstance(value, nn.Parameter) else "Tensor"
        attributes = {k: v for k, v in vars(value).items()}
        return f"{kind}({value.dtype}, {tuple(value.shape)}, {value.requires_grad}, {raw.hex()}, {describe(attributes, tensors)})"
    name = type(value).__name__
    if isinstance(value, dict):
        items = ", ".join(f"{describe(k, tensors)}: {describe(v, tensors)}" for k, v in value.items())
        attributes = describe(dict(vars(value)), tensors) if hasattr(value, "__dict__") and vars(value) else ""
        return f"{name}{{{items}}}{attributes}"
    if isinstance(value, (set, frozenset)):
        return f"{name}({sorted(describe(v, tensors) for v in value)})"
    if isinstance(value, (list, tuple)):
        return f"{name}({', '.join(describe(v, tensors) for v in value)})"
    if isinstance(value, float):
        return f"float({struct.pack('<d', value).hex() if not math.isnan(value) else 'nan'})"
    return f"{name}({value!r})"


def ties(tensors):
    """Which pairs of tensors have an element in common."""
    def bytes_of(tensor):
        width = tensor.element_size()
        first = tensor.data_ptr()
        offsets = {0}
        for size, stride in zip(tensor.shape, tensor.stride()):
            offsets = {o + i * stride for o in offsets for i in range(size)}
        return {first + o * width for o in offsets} if tensor.numel() else set()
    places = [bytes_of(t) for t in tensors]
    return [(i, j) for i in range(len(places)) for j in range(i) if places[i] & places[j]]


def same(path, again, what):
    """Both files are loaded by torch as equal values, the second one safely, also from a mapping."""
    try:
        expected = torch.load(path, weights_only=True)
    except Exception:
        expected = torch.load(path, weights_only=False)
    ours, theirs = [], []
    right = describe(expected, theirs)
    for mapped in (False, True):
        ours = []
        found = describe(torch.load(again, weights_only=True, mmap=mapped), ours)
        assert found == right, f"{what}:\n{found[:600]}\nexpected\n{right[:600]}"
    assert ties(ours) == ties(theirs), f"{what}: ties {ties(ours)}, expected {ties(theirs)}"


def convert(path, again, *options):
    """The sentence of a refusal; None when it was written."""
    again.unlink(missing_ok=True)
    done = subprocess.run(
        [os.environ["ESPALIER"], "convert", path, "-o", again, *options], capture_output=True, text=True)
    assert done.returncode in (0, 2), done.stderr
    assert (done.returncode == 0) == again.exists()
    return None if done.returncode == 0 else done.stderr.strip()


# MARK: Written files load


def test_every_fixture_that_is_written_loads_as_what_it_was():
    written, refused = 0, []
    files = sorted((FIXTURES / "torch").glob("*.pt")) + [FIXTURES / "bert-tiny-old" / "pytorch_model.bin"]
    with folder() as temporary:
        for path in files:
            sentence = convert(path, temporary / "again.pt")
            if sentence:
                assert re.search(r"unknown classes|\(key |record ", sentence), sentence
                refused.append(path.name)
                continue
            if path.name == "dtypes-legacy.pt":
                # torch writes what it does not read: dtypes without a class of storages, in the old format.
                path = FIXTURES / "torch" / "dtypes.pt"
            same(path, temporary / "again.pt", path.name)
            written += 1
    assert written >= 14, (written, refused)
    return f"{written} written, {len(refused)} refused"


def test_every_safetensors_fixture_loads_as_a_torch_file():
    from safetensors import safe_open
    count = 0
    with folder() as temporary:
        for path in sorted(FIXTURES.rglob("*.safetensors")):
            assert convert(path, temporary / "again.pt") is None, path
            with safe_open(path, "pt") as file:
                expected = {key: file.get_tensor(key) for key in file.keys()}
            loaded = torch.load(temporary / "again.pt", weights_only=True)
            assert list(loaded) == [t["key"] for t in espalier_json("ls", path)["tensors"]], path
            assert set(loaded) == set(expected), path
            for key, tensor in expected.items():
                assert describe(loaded[key], []) == describe(tensor, []), (path, key)
            count += 1
    return f"{count} files"


class Nesting:
    """Random values of everything that torch.load(weights_only=True) makes."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        generator = torch.Generator().manual_seed(seed)
        self.bases = [torch.randn(24, generator=generator), torch.arange(24), torch.randn(12, generator=generator).to(torch.bfloat16)]
        self.made = []

    def tensor(self):
        pick = self.random
        base = pick.choice(self.bases)
        view = pick.choice([
            lambda: base, lambda: base[: pick.randrange(len(base))], lambda: base[pick.randrange(len(base)):],
            lambda: base.reshape(4, -1).t(), lambda: base[::2], lambda: base[3:3], lambda: base[:0].reshape(0, 5), lambda: base[0],
            lambda: base[:1].expand(3, 2), lambda: base.clone(), lambda: torch.empty(0), lambda: base.clone().to(torch.float8_e4m3fn),
        ])()
        if view.is_floating_point() and pick.random() < 0.2:
            view = nn.Parameter(view, requires_grad=pick.random() < 0.5)
        elif view.is_floating_point() and view.dtype != torch.float8_e4m3fn and pick.random() < 0.1:
            view = view.detach().clone().requires_grad_()
        elif pick.random() < 0.1:
            view = view.detach()
            view.note = pick.choice(["text", 3, {"a": (1, 2)}])
        return view

    def leaf(self):
        pick = self.random
        return pick.choice([
            lambda: None, lambda: pick.random() < 0.5, lambda: pick.randrange(-5, 300), lambda: pick.randrange(-2**40, 2**40),
            lambda: pick.choice([1, -1]) * 2 ** pick.choice([31, 32, 63, 64, 70, 2030]) - 1, lambda: pick.gauss(0, 1),
            lambda: pick.choice([math.inf, -math.inf, math.nan, -0.0, 1e300, 5e-324]), lambda: complex(pick.random(), -1),
            lambda: pick.choice(["", "text", "é", "e\u0301", "\U0001F600", "a\nb\0", "x" * 300]), lambda: pick.randbytes(pick.choice([1, 3, 300])),
            lambda: bytearray(pick.randbytes(4)), lambda: torch.device("cuda", 1), lambda: torch.device("cpu"), lambda: torch.Size([2, 3]),
            lambda: pick.choice([torch.float16, torch.float8_e5m2, torch.qint8]), lambda: torch.strided, lambda: self.tensor(),
            lambda: self.tensor(), lambda: self.tensor(),
        ])()

    def key(self):
        pick = self.random
        return pick.choice([
            lambda: pick.choice("abcdef") + str(pick.randrange(100)), lambda: pick.choice("abcdef") + str(pick.randrange(100)),
            lambda: pick.randrange(5), lambda: str(pick.randrange(5)), lambda: None, lambda: pick.choice([True, 1.0, 1, 1.5, -0.0, math.inf]),
            lambda: pick.choice("ab").encode(), lambda: b"\xff" + pick.randbytes(2), lambda: (pick.randrange(3), "é"),
            lambda: (("x" * 130, pick.randrange(9)), None), lambda: 2**72 + pick.randrange(3), lambda: torch.float16, lambda: complex(1, 2),
            lambda: torch.Size([1, 2]), lambda: torch.device("cpu"), lambda: "None", lambda: "(0, 'é')", lambda: pick.choice(["é", "e\u0301"]),
        ])()

    def value(self, depth=0):
        pick = self.random
        if depth > 4 or pick.random() < 0.4:
            return self.leaf()
        if self.made and pick.random() < 0.1:
            return pick.choice(self.made)
        children = [self.value(depth + 1) for _ in range(pick.randrange(5))]
        made = pick.choice([
            lambda: children, lambda: tuple(children), lambda: {self.key(): c for c in children},
            lambda: collections.OrderedDict((self.key(), c) for c in children), lambda: collections.Counter(map(str, range(len(children)))),
            lambda: {self.key() for _ in children},
        ])()
        if isinstance(made, collections.OrderedDict) and pick.random() < 0.5:
            made._metadata = {"version": 1, "": self.key()}
        if isinstance(made, list):
            self.made.append(made)
        return made


def test_random_nestings_that_are_written_load_as_what_they_were():
    written, refused = 0, 0
    with folder() as temporary:
        path = temporary / "x.pt"
        for seed in range(120):
            nesting = Nesting(seed)
            torch.save({"a": nesting.value(), "b": [nesting.value() for _ in range(3)]}, path,
                       pickle_protocol=2 if seed % 3 else 4, _use_new_zipfile_serialization=seed % 5 != 0)
            sentence = convert(path, temporary / "again.pt")
            if sentence:
                assert "(key " in sentence, f"seed {seed}: {sentence}"
                refused += 1
                continue
            same(path, temporary / "again.pt", f"seed {seed}")
            written += 1
    assert written >= 80, (written, refused)
    return f"{written} written, {refused} refused with the key"


# MARK: Pickles by hand


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def integer(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def row(*items):
    return b"(" + b"".join(items) + b"t"


def integers(*values):
    return row(*map(integer, values))


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def call(function, *arguments):
    return function + row(*arguments) + b"R"


def made(cls, *arguments):
    return cls + row(*arguments) + b"\x81"


def dictionary(*pairs):
    return b"}(" + b"".join(k + v for k, v in pairs) + b"u"


def storage(key, count, kind="FloatStorage", module="torch"):
    return row(text("storage"), named(module, kind), text(key), text("cpu"), integer(count)) + b"Q"


HOOKS = named("collections", "OrderedDict") + b")R"
RECORDS = {"0": struct.pack("<8f", *range(8)), "1": struct.pack("<8f", *range(10, 18)), "2": struct.pack("<4q", *range(4))}


def tensor(offset=0, size=(2, 2), stride=(2, 1)):
    return call(named("torch._utils", "_rebuild_tensor_v2"), storage("0", 8), integer(offset), integers(*size), integers(*stride), b"\x89", HOOKS)


def parameter(data):
    return call(named("torch._utils", "_rebuild_parameter"), data, b"\x88", HOOKS)


def old_parameter(data):
    return call(named("torch.nn.parameter", "Parameter"), data)


def archive(path, value, version=b"3\n", extra=()):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", b"\x80\x02" + value + b".")
        for key, raw in RECORDS.items():
            file.writestr(f"a/data/{key}", raw)
        if version is not None:
            file.writestr("a/version", version)
        for name in extra:
            file.writestr(name, b"")


VIEW = row(storage("1", 8), integer(2), integers(2, 2), integers(1, 2))
STATES = {
    "set_ with four": tensor() + VIEW + b"b",
    "set_ with a tensor": tensor() + row(tensor(1, (3,), (1,))) + b"b",
    "set_ with a storage": tensor() + row(storage("1", 8)) + b"b",
    "set_ with three": tensor() + row(storage("1", 8), integer(2), integers(2, 2)) + b"b",
    "set_ with none": tensor() + b")b",
    "set_ with a list": tensor() + b"](" + storage("1", 8) + integer(2) + integers(2, 2) + integers(1, 2) + b"eb",
    "set_ with an untyped storage": tensor() + row(storage("2", 32, "UntypedStorage", "torch.storage"), integer(2), integers(2), integers(1)) + b"b",
    "set_ of bytes": call(named("torch", "ByteTensor")) + row(storage("2", 32, "UntypedStorage", "torch.storage"), integer(2), integers(2), integers(1)) + b"b",
    "set_ with another dtype": tensor() + row(storage("2", 4, "LongStorage"), integer(0), integers(2), integers(1)) + b"b",
    "set_ of what is shared": tensor() + b"q\x01" + VIEW + b"b0(h\x01h\x01t",
    "set_ after a parameter was made": row(tensor() + b"q\x01", parameter(b"h\x01"), b"h\x01" + VIEW + b"b"),
    "a dictionary as state": tensor() + dictionary((text("note"), integer(1))) + b"b",
    "the state of a tensor of 0.3": tensor() + row(b"\x88", b"\x89", HOOKS) + b"b",
    "the state of a parameter": parameter(tensor()) + row(b"\x89", b"\x89", HOOKS) + b"b",
    "a parameter of 0.3": old_parameter(tensor()) + row(b"\x88", b"\x89", HOOKS) + b"b",
    "a frozen parameter of 0.3": old_parameter(tensor()) + row(b"\x89", b"\x89", HOOKS) + b"b",
    "a parameter of 0.1": old_parameter(tensor()) + row(tensor(1, (2,), (1,)), b"N", HOOKS, b"\x89", b"\x89") + b"b",
    "set_ of a parameter": parameter(tensor()) + VIEW + b"b",
    "set_ of a frozen parameter": call(named("torch._utils", "_rebuild_parameter"), tensor(), b"\x89", HOOKS) + VIEW + b"b",
    "NEWOBJ of a parameter": made(named("torch.nn.parameter", "Parameter"), tensor(), b"\x89"),
    "a parameter of nothing": old_parameter(b"N"),
    "FloatTensor()": call(named("torch", "FloatTensor")),
    "FloatTensor() and set_": call(named("torch", "FloatTensor")) + VIEW + b"b",
    "NEWOBJ of LongTensor and set_": made(named("torch", "LongTensor")) + row(storage("2", 4, "LongStorage"), integer(0), integers(2), integers(1)) + b"b",
    "FloatTensor of a storage": call(named("torch", "FloatTensor"), storage("1", 8)),
    "FloatTensor of numbers": call(named("torch", "FloatTensor"), b"](" + integer(1) + integer(2) + b"e"),
    "FloatTensor of a terabyte": call(named("torch", "FloatTensor"), integer(1 << 38)),
    "a storage with attributes": storage("1", 8) + dictionary((text("dtype"), named("torch", "int32"))) + b"b",
    "attributes of a dict": b"}" + dictionary((text("a"), integer(1))) + b"b",
    "attributes of a set": call(named("builtins", "set"), b"]") + dictionary((text("a"), integer(1))) + b"b",
    "attributes in two parts": HOOKS + dictionary((text("a"), integer(1))) + b"b" + dictionary((text("b"), integer(2))) + b"b",
    "an item of a tensor": tensor() + integer(0) + tensor() + b"s",
    "an item of a storage": storage("1", 8) + integer(0) + integer(0) + b"s",
    "an item of a list": b"](" + integer(1) + b"e" + integer(0) + integer(7) + b"s",
    "APPEND to a tensor": tensor() + tensor() + b"a",
    "APPEND to a set": call(named("builtins", "set"), b"]") + integer(1) + b"a",
    "a device with items": call(named("torch", "device"), text("cpu")) + integer(0) + integer(1) + b"s",
    "NEWOBJ of a set": made(named("builtins", "set"), b"](" + integer(1) + b"e"),
    "a counter of pairs": call(named("collections", "Counter"), b"](" + row(text("a"), integer(1)) + b"e"),
    "a set of a dictionary": call(named("builtins", "set"), dictionary((text("a"), integer(1)))),
    "bytes in UTF-16": call(named("_codecs", "encode"), text("hé"), text("utf-16")),
    "bytes in UTF-8": call(named("_codecs", "encode"), text("hé"), text("utf8")),
    "bytes in UTF-8 by default": call(named("_codecs", "encode"), text("hé")),
    "bytes in ASCII": call(named("_codecs", "encode"), text("hé"), text("ascii")),
    "bytes in KOI8-R": call(named("_codecs", "encode"), text("ж"), text("koi8-r")),
    "rot13": call(named("_codecs", "encode"), text("hello"), text("rot13")),
    "a bytearray in UTF-8": call(named("builtins", "bytearray"), text("hé"), text("utf-8")),
    "a bytearray of a terabyte": call(named("builtins", "bytearray"), integer(1 << 40)),
    "an unknown device": call(named("torch", "device"), text("toaster")),
    "an odd device": call(named("torch", "device"), text("cuda:01")),
    "another name of a dtype": named("torch", "half"),
    "a big storage": call(named("torch.storage", "UntypedStorage"), integer(1 << 40)),
    "a rebuild function of its own": call(named("torch._tensor", "_rebuild_from_type_v2"), named("argparse", "Namespace"), named("torch", "Tensor"), row(), b"}"),
    "a meta tensor": call(named("torch._utils", "_rebuild_meta_tensor_no_storage"), named("torch", "float32"), integers(1 << 40), integers(1), b"\x89"),
    "one key of three types": dictionary((integer(1), tensor()), (b"\x88", tensor(1)), (b"G" + struct.pack(">d", 1.0), tensor(2))),
    "two keys that are not numbers": dictionary((b"G" + struct.pack(">d", math.nan), tensor()), (b"G" + struct.pack(">d", math.nan), tensor(1))),
    "a size and a tuple": dictionary((integers(1, 2), tensor()), (call(named("torch", "Size"), integers(1, 2)), tensor(1))),
    "a large float and an integer": dictionary((b"G" + struct.pack(">d", 2.0**70), tensor()), (b"\x8a\x09" + (2**70).to_bytes(9, "little"), tensor(1))),
    "a list as a key": dictionary((b"]", tensor())),
}


def test_what_a_pickle_does_to_a_value_after_making_it():
    written, refused = 0, 0
    with folder() as temporary:
        path, again = temporary / "x.pt", temporary / "again.pt"
        for name, value in STATES.items():
            archive(path, dictionary((text("w"), value), (text("v"), tensor())))
            sentence = convert(path, again)
            if sentence:
                assert "(key " in sentence or "byte " in sentence, f"{name}: {sentence}"
                refused += 1
            else:
                same(path, again, name)
                written += 1
    assert written >= 27, (written, refused)
    return f"{written} written, {refused} refused"


def test_versions_of_the_archive():
    with folder() as temporary:
        path = temporary / "x.pt"
        for version in (b"3\n", b"1", b"10", b"11", b"0", b"", b"x", None, b"999999999999999999999999"):
            archive(path, dictionary((text("w"), tensor())), version)
            try:
                torch.load(path, weights_only=True)
                status = 0
            except Exception:
                status = 2
            espalier("ls", path, status=status)
        for name in ("a/../../up", "../a/up", "/up", "a/..\\up"):
            archive(path, dictionary((text("w"), tensor())), extra=[name])
            espalier("ls", path, status=2)


# MARK: Whole modules


class Extra(nn.Module):
    """Buffers that are not saved, attributes, a shared module, a module in a list."""

    def __init__(self):
        super().__init__()
        self.register_buffer("inv_freq", torch.ones(3), persistent=False)
        self.register_buffer("kept", torch.ones(2))
        self.register_buffer("nothing", None)
        self.register_parameter("none", None)
        self.inner = nn.Linear(2, 2)
        self.again = self.inner
        self.cache = torch.zeros(2)
        self.list = [nn.Linear(2, 2)]
        self.later = nn.Parameter(torch.ones(2))
        self.inner.tied = self.later


def modules():
    """Modules with their names."""
    import torch.nn.utils as utils
    import torch.nn.utils.prune as prune
    pruned = nn.Linear(2, 2)
    prune.random_unstructured(pruned, "weight", 0.5)
    yield from {
        "extra": Extra(), "lstm": nn.LSTM(2, 3, num_layers=2, bidirectional=True, proj_size=2), "gru": nn.GRU(2, 3, batch_first=True),
        "rnn": nn.RNN(2, 3), "lstm_cell": nn.LSTMCell(2, 3), "weight_norm": utils.weight_norm(nn.Linear(2, 2)),
        "spectral_norm": utils.spectral_norm(nn.Conv2d(2, 2, 3)), "pruned": pruned, "batch": nn.BatchNorm3d(2),
        "batch_without": nn.BatchNorm1d(2, track_running_stats=False), "instance": nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
        "group": nn.GroupNorm(2, 4), "rms": nn.RMSNorm(3), "embedding": nn.Embedding(5, 2, padding_idx=0), "bag": nn.EmbeddingBag(5, 2),
        "attention": nn.MultiheadAttention(4, 2, kdim=3, vdim=2), "encoder": nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2),
        "transformer": nn.Transformer(4, 2, 1, 1, 8), "bilinear": nn.Bilinear(2, 3, 4), "transposed": nn.ConvTranspose2d(2, 3, 3, bias=False),
        "prelu": nn.PReLU(3), "list": nn.ParameterList([torch.ones(2), nn.Parameter(torch.zeros(1))]), "dict": nn.ParameterDict({"b": torch.ones(1), "a": torch.zeros(2)}),
        "modules": nn.ModuleDict({"x": nn.Linear(1, 1), "0": nn.ModuleList([nn.Linear(1, 1)])}),
        "adaptive": nn.AdaptiveLogSoftmaxWithLoss(4, 20, [5, 10]), "parallel": nn.DataParallel(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))),
        "averaged": torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2)), "empty": nn.Identity(), "cross": nn.CrossEntropyLoss(weight=torch.ones(3)),
        "sync": nn.SyncBatchNorm(2), "fold": nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Softmax(0)),
        "half": nn.Linear(2, 2).to(torch.bfloat16), "frozen": nn.Linear(2, 2).requires_grad_(False),
    }.items()


def models():
    from transformers import AutoModel, AutoModelForCausalLM, BertConfig, DistilBertConfig, GPT2Config, LlamaConfig, T5Config, ViTConfig
    from transformers import BertForMaskedLM, T5ForConditionalGeneration, Wav2Vec2Config
    yield "bert", BertForMaskedLM(BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8))
    yield "distilbert", AutoModel.from_config(DistilBertConfig(vocab_size=20, dim=8, n_layers=1, n_heads=2, hidden_dim=8))
    yield "gpt2", AutoModelForCausalLM.from_config(GPT2Config(vocab_size=20, n_embd=8, n_layer=1, n_head=2, n_positions=16))
    yield "llama", AutoModelForCausalLM.from_config(LlamaConfig(
        vocab_size=20, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1))
    yield "t5", T5ForConditionalGeneration(T5Config(vocab_size=20, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2))
    yield "vit", AutoModel.from_config(ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, image_size=8, patch_size=4))
    yield "wav2vec2", AutoModel.from_config(Wav2Vec2Config(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, conv_dim=(4, 4), conv_stride=(2, 2), conv_kernel=(3, 3),
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2))


def whole(name, module, temporary):
    """`ls` lists the state dict of a saved module, and what is written loads as it."""
    path, again = temporary / "x.pt", temporary / "again.pt"
    torch.save(module, path)
    state = module.state_dict()
    said = espalier_json("ls", path)
    assert [t["key"] for t in said["tensors"]] == list(state), (name, [t["key"] for t in said["tensors"]], list(state))
    assert not said["unsupported"], (name, said["unsupported"])
    assert "unknown classes" in (convert(path, again) or ""), name
    assert convert(path, again, "--ignore-foreign") is None, name
    loaded = torch.load(again, weights_only=True)
    assert list(loaded) == list(state), name
    for key, value in state.items():
        assert loaded[key].dtype == value.dtype and torch.equal(loaded[key], value), (name, key)
    assert ties([loaded[k] for k in state]) == ties([state[k] for k in state]), name
    torch.save({"model": module, "list": [module, 1]}, path)
    expected = [f"{at}.{k}" for at in ("model", "list.0") for k in state]
    assert [t["key"] for t in espalier_json("ls", path)["tensors"]] == expected, name


def test_whole_modules_have_the_keys_of_their_state_dict():
    count = 0
    with folder() as temporary:
        for name, module in modules():
            whole(name, module, temporary)
            count += 1
    return f"{count} modules"


def test_whole_models_have_the_keys_of_their_state_dict():
    count = 0
    with folder() as temporary:
        for name, model in models():
            try:
                whole(name, model, temporary)
            except (AttributeError, RuntimeError, pickle.PicklingError) as error:
                if "pickle" not in str(error) and "Serialization of parametrized" not in str(error):
                    raise
                continue
            count += 1
    if not count:
        raise Skip("no model can be pickled")
    return f"{count} models"


# MARK: Keys


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def test_keys_that_differ_are_two_tensors():
    t = lambda n: torch.full((2,), float(n))
    cases = {
        "bytes": {b"conv1.weight": t(1), b"conv2.weight": t(2), b"fc.bias": t(3), b"\xff": t(4), b"\xfe": t(5)},
        "tuples": {("x" * 300, 1): t(1), ("x" * 300, 2): t(2), ((("a",),),): t(3), ((("b",),),): t(4), (): t(5)},
        "many elements": {tuple(range(20)): t(1), tuple(range(19)) + (5,): t(2)},
        "integers": {2**72 + 1: t(1), 2**72 + 2: t(2), -(2**72): t(3), 2**2000: t(4), 2**2000 + 1: t(5)},
        "floats": {1.5: t(1), 1.5 + 2**-50: t(2), math.inf: t(3), -math.inf: t(4), 5e-324: t(5), 2.0**100: t(6)},
        "mixed": {1: t(1), "1": t(2), b"1": t(3), None: t(4), "None": t(5), (1,): t(6), "(1)": t(7), 2.5: t(8), "2.5": t(9)},
        "text": {"é": t(1), "e\u0301": t(2), "a\0": t(3), "a": t(4)},
        "nested": {"a": {b"k": t(1), "k": t(2)}, b"a": [t(3)], 1: {2: {3: t(4)}}},
        "complex": {1j: t(1), 2j: t(2)}, "dtypes": {torch.float16: t(1), torch.float32: t(2)},
        "enumerations": {Colour.RED: t(1), Colour.BLUE: t(2)}, "tensors": {t(0): t(1), t(9): t(2)},
    }
    with folder() as temporary:
        path, again = temporary / "x.pt", temporary / "again.pt"
        for name, value in cases.items():
            torch.save(value, path)
            leaves = []
            describe(list(value.values()), leaves)
            said = espalier_json("ls", path)["tensors"]
            assert len(said) == len({t["key"] for t in said}) == len(leaves), (name, [t["key"] for t in said])
            if name in ("enumerations", "tensors"):
                assert convert(path, again) and convert(path, temporary / "x.safetensors")
                continue
            assert convert(path, again) is None, name
            same(path, again, name)
            assert convert(path, temporary / "x.safetensors") is None, name
            assert len(espalier_json("ls", temporary / "x.safetensors")["tensors"]) == len(leaves), name
            (temporary / "x.safetensors").unlink()
        torch.save({"a.b": t(1), "a": {"b": t(2)}}, path)
        assert 'key "a.b"' in subprocess.run([os.environ["ESPALIER"], "ls", path], capture_output=True, text=True).stderr


def test_foreign_values_are_left_out_wherever_they_are():
    t = lambda n: torch.full((2,), float(n))
    space = argparse.Namespace(x=t(5), y=1)
    net = nn.Linear(2, 2)
    cases = {
        "first of a tuple": ((space, {"w": t(1)}), ({"x": t(5), "y": 1}, {"w": t(1)})),
        "a module first": ((net, {"w": t(1)}), (net.state_dict(keep_vars=True), {"w": t(1)})),
        "in a list": ([argparse.Namespace(y=1), t(1)], [None, t(1)]),
        "under a foreign key": ({Colour.RED: t(1), "w": t(2)}, {"__main__.Colour(1)": t(1), "w": t(2)}),
        "deep in values": ({"x": [Colour.RED, 3], "d": {"q": Colour.RED, "r": 1}, "w": t(1)}, {"x": [None, 3], "d": {"r": 1}, "w": t(1)}),
        "alone": (argparse.Namespace(y=1), {}),
    }
    with folder() as temporary:
        path, again = temporary / "x.pt", temporary / "again.pt"
        for name, (value, expected) in cases.items():
            torch.save(value, path)
            assert "unknown classes" in convert(path, again), name
            assert convert(path, again, "--ignore-foreign") is None, name
            found = describe(torch.load(again, weights_only=True), [])
            right = describe(expected, []).replace("__main__", __name__)
            if name == "a module first":
                found, right = found.split("_metadata")[0], right.split("_metadata")[0]
                found, right = found.split("}")[0], right.split("}")[0]
            assert found == right, (name, found, right)
