"""A matrix of files, both ways: what torch and safetensors write, `ls` lists; what `convert` makes of it, they load.

Order of keys, dtype, shape and every byte are compared. docs/formats.md has the table.
"""

import collections
import zipfile

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from check_files import agree
from check_files import NAMES as COMMON
from tool import espalier, folder

NAMES = COMMON | {
    torch.complex32: "C32", torch.complex128: "C128", torch.float8_e4m3fnuz: "F8_E4M3FNUZ", torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
    torch.float8_e8m0fnu: "F8_E8M0",
}
COMMON |= NAMES
ONLY_TORCH = {torch.complex32, torch.complex128}


def raw(dtype, *shape):
    """Elements of any dtype from random bytes: NaN payloads and all."""
    width = torch.empty(0, dtype=dtype).element_size()
    count = torch.Size(shape).numel()
    top = 2 if dtype is torch.bool else 256
    return torch.randint(0, top, (count * width,), dtype=torch.uint8).view(dtype).reshape(shape)


def layouts(dtype):
    """The same dtype in every way in which a tensor can lie."""
    base = raw(dtype, 4, 6)
    yield "plain", {"a": raw(dtype, 3, 5), "b": raw(dtype, 7)}
    yield "small", {"scalar": raw(dtype), "one": raw(dtype, 1), "empty": raw(dtype, 0, 3)}
    yield "views", {"base": base, "t": base.t(), "rows": base[1:3], "columns": base[:, ::2], "expanded": base[:1].expand(3, 6)}
    yield "ties", collections.OrderedDict(z=base, a=base, m=base[2:])
    yield "deep", {"x": {"y": [raw(dtype, 2), (raw(dtype, 2, 1, 2),)]}, 3: raw(dtype, 1, 1)}


def flat(value, prefix=None):
    if isinstance(value, torch.Tensor):
        return {prefix or "": value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    result = {}
    for key, item in items:
        result |= flat(item, str(key) if prefix is None else f"{prefix}.{key}")
    return result


def same(ours, theirs, what):
    assert list(ours) == list(theirs), (what, list(ours), list(theirs))
    for key, tensor in theirs.items():
        other = ours[key]
        assert other.dtype == tensor.dtype and other.shape == tensor.shape, (what, key, other.dtype, other.shape)
        a, b = (x.detach().contiguous().reshape(-1).view(torch.uint8) if x.numel() else torch.empty(0) for x in (other, tensor))
        assert torch.equal(a, b), (what, key, "elements")


def deflate(source, target):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if not name.split("/", 1)[1].startswith("."):
                new.writestr(name, old.read(name))


SPELLINGS = {
    "zip": lambda value, path: torch.save(value, path),
    "legacy": lambda value, path: torch.save(value, path, _use_new_zipfile_serialization=False),
    "protocol 4": lambda value, path: torch.save(value, path, pickle_protocol=4),
}


def written_loads(source, temporary, expected, nested):
    """Converts to a PyTorch file and loads it in the ways that there are; to safetensors, if it has the dtypes."""
    made = temporary / "made.pt"
    espalier("convert", source, "-o", made)
    for mmap in (False, True):
        loaded = torch.load(made, weights_only=True, mmap=mmap)
        same(flat(loaded), expected, "torch")
    if nested is not None:
        assert type(loaded) is type(nested), (type(loaded), type(nested))
    with torch.utils.serialization.config.patch({"load.calculate_storage_offsets": True}):
        same(flat(torch.load(made, weights_only=True, mmap=True)), expected, "torch, offsets calculated")
    if all(t.dtype not in ONLY_TORCH for t in expected.values()):
        made = temporary / "made.safetensors"
        espalier("convert", source, "-o", made)
        with safe_open(made, "pt") as file:
            assert set(file.keys()) == set(expected)
        same({k: load_file(made)[k] for k in expected}, expected, "safetensors")
        return 2
    return 1


def test_every_dtype_in_every_layout_and_spelling():
    import torch.utils.serialization  # noqa: F401
    torch.manual_seed(11)
    read = wrote = 0
    with folder() as temporary:
        for dtype in NAMES:
            for _, value in layouts(dtype):
                expected = flat(value)
                for spelling, save in SPELLINGS.items():
                    path = temporary / "file.pt"
                    save(value, path)
                    agree(path, expected, "torch-legacy" if spelling == "legacy" else "torch-zip")
                    read += 1
                wrote += written_loads(path, temporary, expected, value)
                deflate(temporary / "made.pt", temporary / "deflated.pt")
                agree(temporary / "deflated.pt", expected, "torch-zip")
                read += 1
    return f"{read} files of torch read, {wrote} written and loaded"


def test_every_dtype_in_safetensors_both_ways():
    torch.manual_seed(12)
    read = wrote = 0
    with folder() as temporary:
        for dtype in NAMES.keys() - ONLY_TORCH:
            for name, value in layouts(dtype):
                if name in ("views", "ties"):
                    continue
                expected = flat(value)
                path = temporary / "file.safetensors"
                save_file(expected, str(path), {"format": "pt"})
                agree(path, expected, "safetensors", ordered=False)
                read += 1
                espalier("convert", path, "-o", temporary / "again.safetensors")
                assert (temporary / "again.safetensors").read_bytes() == path.read_bytes(), "not byte for byte the same"
                espalier("convert", path, "-o", temporary / "made.pt")
                loaded = torch.load(temporary / "made.pt", weights_only=True, mmap=True)
                same({k: loaded[k] for k in expected}, expected, "torch")
                wrote += 2
    return f"{read} files of safetensors read, {wrote} written and loaded"


def test_shards_of_both_kinds():
    torch.manual_seed(13)
    tensors = {f"layer.{i}.weight": torch.randn(20, 10) for i in range(12)}
    with folder() as temporary:
        torch.save(tensors, temporary / "all.pt")
        for name, load in (("model.safetensors", load_file), ("pytorch_model.bin", torch.load)):
            (temporary / name).mkdir()
            espalier("convert", temporary / "all.pt", "-o", temporary / name / name, "--shard-size", "2kB")
            found = {}
            for shard in sorted((temporary / name).glob("*-of-*")):
                found |= load(shard)
            same(found, tensors, name)
            agree(temporary / name, tensors, "sharded")
