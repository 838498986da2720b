"""What `espalier ls` says equals what torch and safetensors say."""

import collections
import hashlib

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tool import FIXTURES, REFERENCE, TINY, espalier, espalier_json, folder, minilm

NAMES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int8: "I8",
    torch.uint8: "U8", torch.int16: "I16", torch.int32: "I32", torch.int64: "I64", torch.bool: "BOOL",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.complex64: "C64",
    torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64",
}


def digest(tensor):
    """SHA-256 over the elements in row-major order, little-endian, as docs/json.md defines it."""
    flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8) if tensor.numel() else torch.empty(0, dtype=torch.uint8)
    return hashlib.sha256(flat.numpy().tobytes()).hexdigest()


def agree(path, expected, form=None, ordered=True):
    """`ls --json --sha256` lists exactly these tensors: keys (in this order), dtype, shape, bytes, digest."""
    said = espalier_json("ls", path, "--sha256")
    if form:
        assert said["format"] == form, said["format"]
    ours = {t["key"]: t for t in said["tensors"]}
    assert len(ours) == len(said["tensors"]), "a key is listed twice"
    assert set(ours) == set(expected), set(ours) ^ set(expected)
    if ordered:
        assert list(ours) == list(expected), "order of keys"
    for key, tensor in expected.items():
        row = ours[key]
        assert row["dtype"] == NAMES[tensor.dtype], (key, row["dtype"], tensor.dtype)
        assert row["shape"] == list(tensor.shape), (key, row["shape"], tensor.shape)
        assert row["bytes"] == tensor.numel() * tensor.element_size(), (key, row["bytes"])
        assert row["sha256"] == digest(tensor), f"{key}: digest of the elements"
    return said


def random_tensor(dtype, shape):
    raw = torch.randn(shape) * 10
    if dtype is torch.bool:
        return raw > 0
    if dtype.is_complex:
        return torch.complex(raw, raw * 2).to(dtype)
    return raw.abs().to(dtype) if dtype in (torch.uint8, torch.uint16, torch.uint32, torch.uint64) else raw.to(dtype)


def in_file_order(path):
    """safetensors lists by offset in the file: what espalier calls the order of the file."""
    import json
    import struct
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
    header.pop("__metadata__", None)
    tensors = load_file(path)
    return {k: tensors[k] for k in sorted(header, key=lambda k: header[k]["data_offsets"])}


def test_a_saved_BertModel():
    agree(TINY, in_file_order(TINY / "model.safetensors"), "safetensors", ordered=False)


def test_the_state_dict_of_the_story():
    agree(REFERENCE / "classifier.safetensors", in_file_order(REFERENCE / "classifier.safetensors"), ordered=False)


def test_a_torch_file_of_2018_names():
    path = FIXTURES / "bert-tiny-old" / "pytorch_model.bin"
    said = agree(path, torch.load(path, weights_only=True), "torch-zip")
    shares = {t["key"]: t.get("shares") for t in said["tensors"]}
    assert shares["cls.predictions.decoder.weight"] == "bert.embeddings.word_embeddings.weight", shares


def test_a_sharded_folder():
    path = FIXTURES / "bert-tiny-sharded"
    expected = {}
    for shard in sorted(path.glob("*.safetensors")):
        expected |= load_file(shard)
    said = agree(path, expected, "sharded", ordered=False)
    assert {t["file"] for t in said["tensors"]} == {s.name for s in path.glob("*.safetensors")}


def test_every_dtype_in_safetensors():
    torch.manual_seed(1)
    tensors = {f"t.{str(d)[6:]}": random_tensor(d, (3, 5)) for d in NAMES}
    tensors |= {"scalar": torch.tensor(4.5), "empty": torch.empty(0, 7), "vector": torch.arange(9)}
    with folder() as temporary:
        path = temporary / "dtypes.safetensors"
        save_file(tensors, str(path), {"made": "here", "é": "ü\n\"quoted\""})
        said = agree(path, tensors, "safetensors", ordered=False)
        assert said["metadata"] == {"made": "here", "é": "ü\n\"quoted\""}, said["metadata"]


def test_every_dtype_in_a_torch_file():
    torch.manual_seed(2)
    tensors = collections.OrderedDict((f"t.{str(d)[6:]}", random_tensor(d, (2, 3, 4))) for d in NAMES)
    tensors["scalar"], tensors["empty"] = torch.tensor(4.5), torch.empty(0, 7)
    with folder() as temporary:
        torch.save(tensors, temporary / "dtypes.pt")
        agree(temporary / "dtypes.pt", tensors, "torch-zip")


def test_strides_views_parameters_and_ties():
    torch.manual_seed(3)
    base = torch.randn(6, 8)
    tensors = {
        "base": base, "transposed": base.t(), "rows": base[2:4], "columns": base[:, 1:7:2], "expanded": base[:1].expand(3, 8),
        "parameter": torch.nn.Parameter(torch.randn(4)), "flipped_axes": torch.randn(2, 3, 4).permute(2, 0, 1), "tied": base,
    }
    with folder() as temporary:
        torch.save(tensors, temporary / "views.pt")
        said = agree(temporary / "views.pt", {k: v.detach() for k, v in tensors.items()}, "torch-zip")
        shares = {t["key"]: t.get("shares") for t in said["tensors"]}
        assert shares["tied"] == "base" and shares["transposed"] == "base" and not shares["parameter"], shares


def test_nested_containers_of_a_training_checkpoint():
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    saved = {"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "history": [torch.ones(2), torch.zeros(1)]}
    expected = {f"model.{k}": v for k, v in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        expected |= {f"optimizer.state.{index}.{k}": v for k, v in state.items()}
    expected |= {"history.0": saved["history"][0], "history.1": saved["history"][1]}
    with folder() as temporary:
        torch.save(saved, temporary / "training.pt")
        agree(temporary / "training.pt", expected, "torch-zip")


def test_odd_keys():
    keys = ["", "a..b", "ключ", "with space", "quo\"te", "tab\there", "[0]", "a.01", "😀"]
    tensors = {k: torch.tensor([float(i)]) for i, k in enumerate(keys)}
    with folder() as temporary:
        torch.save(tensors, temporary / "odd.pt")
        agree(temporary / "odd.pt", tensors)
        save_file(tensors, str(temporary / "odd.safetensors"))
        agree(temporary / "odd.safetensors", tensors, ordered=False)


def test_MiniLM():
    path = minilm()
    with safe_open(path / "model.safetensors", "pt") as file:
        agree(path, {k: file.get_tensor(k) for k in file.keys()}, "safetensors", ordered=False)


def test_a_truncated_file_is_one_line_and_status_2():
    with folder() as temporary:
        data = (TINY / "model.safetensors").read_bytes()
        for length in (0, 4, 100, len(data) - 1):
            (temporary / "cut.safetensors").write_bytes(data[:length])
            espalier("ls", temporary / "cut.safetensors", status=2)
        data = (FIXTURES / "bert-tiny-old" / "pytorch_model.bin").read_bytes()
        for length in (0, 30, 5000, len(data) - 1):
            (temporary / "cut.bin").write_bytes(data[:length])
            espalier("ls", temporary / "cut.bin", status=2)
