"""Views of one storage, quantised tensors and folders with an older checkpoint, against torch and transformers."""

import shutil

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from tool import FIXTURES, TINY, espalier, folder


def views(seed):
    """A state dict whose tensors share storages in every way that torch allows, and what each holds."""
    torch.manual_seed(seed)
    w = torch.randn(6, 6)
    packed = torch.randn(8, 12)
    flat = torch.randn(100)
    return {
        "w": w, "wt": w.T, "again": w, "over": w[1:4, 2:5], "diagonal": w.diagonal(), "row": w[0], "column": w[:, 0],
        "left": packed[:, :6], "right": packed[:, 6:], "every": flat[::3], "middle": flat[20:60].view(5, 8), "whole": flat,
        "swapped": flat[20:60].view(8, 5).T,
    }


def test_merges_of_views_are_those_of_torch():
    a, b = views(1), views(2)
    expected = {key: (a[key].double() + b[key].double()) / 2 for key in a}
    with folder() as temporary:
        for name, state in (("a", a), ("b", b)):
            torch.save(state, temporary / f"{name}.pt")
        for output in ("m.pt", "m.safetensors"):
            espalier("merge", temporary / "a.pt", temporary / "b.pt", "-o", temporary / output)
            path = temporary / output
            merged = torch.load(path) if output.endswith("pt") else load_file(path)
            assert set(merged) == set(expected)
            for key, value in expected.items():
                assert (merged[key].double() - value).abs().max() < 1e-6, (output, key)


def test_edits_and_conversions_of_views_are_those_of_torch():
    state = views(3)
    with folder() as temporary:
        source, out = temporary / "a.pt", temporary / "out.pt"
        torch.save(state, source)
        for command, change in [
            (["edit", source, "-o", out, "--scale", "**=2"], lambda t: t * 2),
            (["edit", source, "-o", out, "--cast", "**=F64"], lambda t: t.double()),
            (["edit", source, "-o", out, "--untie", "**"], lambda t: t),
            (["edit", source, "-o", out, "--transpose", "{w,wt,again,left,right}"], None),
            (["convert", source, "-o", out, "--dtype", "F64"], lambda t: t.double()),
            (["convert", source, "-o", out, "--preserve-strides"], lambda t: t),
        ]:
            espalier(*command)
            loaded = torch.load(out)
            for key, tensor in state.items():
                if change is None:
                    expected = tensor.T if key in ("w", "wt", "again", "left", "right") else tensor
                else:
                    expected = change(tensor)
                assert torch.equal(loaded[key], expected), (command[1:], key)
        tuned, delta, back = temporary / "b.pt", temporary / "d.safetensors", temporary / "back.pt"
        torch.save(views(4), tuned)
        espalier("delta", "create", source, tuned, "-o", delta)
        espalier("delta", "apply", source, delta, "-o", back)
        loaded = torch.load(back)
        for key, tensor in views(4).items():
            assert torch.equal(loaded[key], tensor), key
        assert loaded["w"].data_ptr() == loaded["again"].data_ptr()


def dequantised(state):
    return state["l.weight"].double() * state["l.weight_scale_inv"].double()


def test_the_numbers_of_scaled_fp8_mean_the_same_after_every_edit():
    state = {
        "l.weight": torch.tensor([[448.0, 1.0], [-1.0, 0.5]]).to(torch.float8_e4m3fn), "l.weight_scale_inv": torch.tensor([[0.001]]),
        "l.bias": torch.ones(2),
    }
    with folder() as temporary:
        source, out = temporary / "q.safetensors", temporary / "out.safetensors"
        save_file(state, source, {"format": "pt"})
        for command, factor in [
            (["convert", source, "-o", out, "--dtype", "BF16"], 1), (["edit", source, "-o", out, "--cast", "**=BF16"], 1),
            (["edit", source, "-o", out, "--scale", "l.weight_scale_inv=2"], 2), (["merge", source, source, "-o", out], 1),
            (["edit", source, "-o", out, "--rename", "l.**=l.**"], 1),
        ]:
            espalier(*command)
            assert torch.equal(dequantised(load_file(out)), dequantised(state) * factor), command
        for operation in (["--cast", "l.weight=BF16"], ["--scale", "l.weight=2"], ["--transpose", "l.weight"], ["--slice", "l.weight=[0:1]"],
                          ["--drop", "l.weight_scale_inv"], ["--rename", "l.weight=m.weight"], ["--resize", "l.weight=4"]):
            espalier("edit", source, "-o", temporary / "no.safetensors", *operation, status=2)
            assert not (temporary / "no.safetensors").exists()


def test_a_folder_is_read_as_what_was_written_last_or_the_write_is_refused():
    config = BertConfig.from_pretrained(TINY)
    new = {key: tensor + 1 if tensor.is_floating_point() else tensor for key, tensor in load_file(TINY / "model.safetensors").items()}
    key = "embeddings.word_embeddings.weight"
    with folder() as temporary:
        save_file(new, temporary / "new.safetensors", {"format": "pt"})
        for old in ("model.safetensors", "shards", "pytorch_model.bin"):
            for name, more in (("model.safetensors", []), ("model.safetensors", ["--shard-size", "60kB"]), ("pytorch_model.bin", [])):
                target = temporary / "model"
                shutil.rmtree(target, ignore_errors=True)
                target.mkdir()
                if old == "shards":
                    espalier("convert", TINY, "-o", target / "model.safetensors", "--shard-size", "60kB")
                else:
                    espalier("convert", TINY, "-o", target / old)
                config.save_pretrained(target)
                before = BertModel.from_pretrained(target).state_dict()[key].clone()
                command = ["convert", temporary / "new.safetensors", "-o", target / name, *more]
                try:
                    espalier(*command)
                except AssertionError:
                    assert torch.equal(BertModel.from_pretrained(target).state_dict()[key], before), (old, name, more)
                    espalier(*command, "--replace")
                assert torch.equal(BertModel.from_pretrained(target).state_dict()[key], new[key]), (old, name, more)


def test_a_quantised_model_is_not_trained_as_if_its_stored_numbers_were_weights():
    key = "encoder.layer.0.attention.self.query.weight"
    state = load_file(TINY / "model.safetensors")
    with folder() as temporary:
        model = temporary / "model"
        shutil.copytree(TINY, model)
        state[key], state[key + "_scale_inv"] = state[key].to(torch.float8_e4m3fn), torch.ones(1, 1)
        save_file(state, model / "model.safetensors", {"format": "pt"})
        espalier("train", "--model", model, "--head", "linear", "--train", "linear", "--data", FIXTURES / "sentiment/train.tsv",
                 "-o", temporary / "out", "--dry-run", status=2)
