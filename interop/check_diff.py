"""What `espalier diff` says equals what numpy computes."""

import numpy
import torch
from safetensors.torch import load_file, save_file

from tool import FIXTURES, TINY, espalier_json, folder


def facts(a, b):
    a, b = (t.to(torch.float64).numpy().ravel() for t in (a, b))
    return {"max_abs": float(numpy.abs(b - a).max()), "rel_l2": float(numpy.linalg.norm(b - a) / numpy.linalg.norm(a)),
            "cosine": float(a @ b / (numpy.linalg.norm(a) * numpy.linalg.norm(b))), "changed_fraction": float((a != b).mean())}


def agree(said, a, b):
    assert said["only_in_a"] == [k for k in a if k not in b], said["only_in_a"]
    assert said["only_in_b"] == [k for k in b if k not in a], said["only_in_b"]
    both = [k for k in a if k in b]
    same = [k for k in both if a[k].shape == b[k].shape and a[k].dtype == b[k].dtype and torch.equal(a[k], b[k])]
    changed = {c["key"]: c for c in said["changed"]}
    assert set(changed) == set(both) - set(same), set(changed) ^ (set(both) - set(same))
    assert said["same"] == len(same), said["same"]
    for key, row in changed.items():
        assert row["shape"] == [list(a[key].shape), list(b[key].shape)], row
        if a[key].shape == b[key].shape:
            for fact, value in facts(a[key], b[key]).items():
                assert abs(row[fact] - value) <= 1e-6 * max(1, abs(value)), (key, fact, row[fact], value)


def changed_copy(tensors):
    torch.manual_seed(7)
    b = {k: v.clone() for k, v in tensors.items()}
    keys = list(b)
    b[keys[1]] += 0.01 * torch.randn_like(b[keys[1]])
    b[keys[5]].view(-1)[0] += 1
    b[keys[7]] *= -1
    b["new.weight"] = torch.randn(3)
    b.pop(keys[9])
    return b


def test_values_keys_and_shapes_of_safetensors():
    a = load_file(TINY / "model.safetensors")
    b = changed_copy(a)
    b["pooler.dense.bias"] = torch.zeros(5)
    with folder() as temporary:
        save_file(b, str(temporary / "b.safetensors"))
        agree(espalier_json("diff", TINY / "model.safetensors", temporary / "b.safetensors", status=1), dict(sorted(a.items())), dict(sorted(b.items())))


def test_across_formats():
    a = load_file(TINY / "model.safetensors")
    b = changed_copy(a)
    with folder() as temporary:
        torch.save(b, temporary / "b.pt")
        said = espalier_json("diff", TINY / "model.safetensors", temporary / "b.pt", status=1)
        agree(said, a, b)


def test_half_types():
    torch.manual_seed(8)
    for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.int32):
        a = {"w": (torch.randn(50, 40) * 100).to(dtype), "x": torch.ones(3, dtype=dtype)}
        b = {"w": a["w"].clone(), "x": a["x"]}
        b["w"][3] = b["w"][4]
        with folder() as temporary:
            save_file(a, str(temporary / "a.safetensors"))
            save_file(b, str(temporary / "b.safetensors"))
            agree(espalier_json("diff", temporary / "a.safetensors", temporary / "b.safetensors", status=1), a, b)


def test_the_same_checkpoint_in_three_spellings():
    said = espalier_json("diff", TINY, FIXTURES / "bert-tiny-sharded")
    assert said["changed"] == [] and said["same"] == 39, said
