"""What `graft`, `train` and `predict` write and say, seen from PyTorch."""

import hashlib
import json
import os

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoTokenizer

from tool import FIXTURES, TINY, Skip, close, espalier, espalier_json, folder, load_story, logits_of, minilm

TRAIN, DEV = FIXTURES / "sentiment" / "train.tsv", FIXTURES / "sentiment" / "dev.tsv"
TEXTS = [
    "I would watch it again tomorrow.", "The soup was cold, and so was the waiter!", "ok",
    "Très bien — a naïve café in 東京, #1 (really)", "unbelievably overlong " * 12,
]


def train(temporary, base, *arguments, epochs=2, head="mlp:16"):
    """Grafts a head, masks, trains; returns the folders of the grafted and the tuned checkpoint, and the mask."""
    grafted, mask, tuned = temporary / "base", temporary / "mask.json", temporary / "tuned"
    espalier("graft", base, "--head", head, "--labels", 2, "--prefix", "bert.", "-o", grafted)
    espalier("mask", "create", grafted, *arguments, "-o", mask)
    espalier("train", "--model", grafted, "--mask", mask, "--data", TRAIN, "--eval", DEV, "--epochs", epochs, "-o", tuned)
    return grafted, tuned, mask


def elements(tensor):
    return tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def proven_frozen(grafted, tuned, mask):
    """The mask applied in ten lines of Python: what it freezes is byte-identical, and something that trains moved."""
    before, after = load_file(grafted / "model.safetensors"), load_file(tuned / "model.safetensors")
    rules = json.loads(mask.read_text())["tensors"]
    assert set(before) == set(after) == set(rules), "keys"
    moved = 0
    for key, rule in rules.items():
        a, b = before[key], after[key]
        assert a.dtype == b.dtype and a.shape == b.shape, key
        if rule is True:
            moved += not torch.equal(a, b)
            continue
        frozen = torch.ones(a.shape[0], dtype=torch.bool)
        for first, last in (rule or {}).get("train_rows", []):
            frozen[first:last] = False
            moved += not torch.equal(a[first:last], b[first:last])
        assert elements(a[frozen]) == elements(b[frozen]), f"{key} moved although it is frozen"
    assert moved, "nothing moved"
    espalier("verify", grafted, tuned, "--mask", mask)
    return moved


def agree_on_logits(tuned, hidden, max_length, tolerance=1e-4):
    model = load_story(tuned, hidden, 2)
    tokenizer = AutoTokenizer.from_pretrained(tuned)
    theirs = logits_of(model, tokenizer, TEXTS, max_length)
    said = espalier("predict", "--model", tuned, "--json", *TEXTS)
    ours = [json.loads(line)["logits"] for line in said.splitlines()]
    return f"logits within {close(ours, theirs, tolerance, 'logits'):.1g}"


def test_grafted_checkpoint_loads_in_safetensors_and_in_the_story():
    with folder() as temporary:
        espalier("graft", TINY, "--head", "mlp:16", "--labels", 3, "--prefix", "bert.", "-o", temporary / "base")
        model = load_story(temporary / "base", 16, 3)
        base = load_file(TINY / "model.safetensors")
        for key, tensor in base.items():
            assert torch.equal(model.state_dict()["bert." + key], tensor), key
        bound = 1 / 32**0.5  # a plain nn.Linear: uniform, weight and bias
        head = model.linear[0]
        assert 0.5 * bound < float(head.weight.abs().max()) <= bound and 0 < float(head.bias.abs().max()) <= bound
        with safe_open(temporary / "base" / "model.safetensors", "pt") as file:
            assert len(list(file.keys())) == 43


def test_a_torch_base_stays_readable_with_weights_only():
    old = FIXTURES / "bert-tiny-old" / "pytorch_model.bin"
    with folder() as temporary:
        out = temporary / "grafted.bin"
        espalier("graft", old, "--head", "mlp:16", "--labels", 2, "--keep-names", "-o", out)
        before = torch.load(old, weights_only=True)
        for after in (torch.load(out, weights_only=True), torch.load(out, weights_only=True, mmap=True)):
            for key, tensor in before.items():
                assert torch.equal(after[key], tensor), key
            assert after["linear.0.weight"].shape == (16, 32)
            tied = after["cls.predictions.decoder.weight"].data_ptr()
            assert tied == after["bert.embeddings.word_embeddings.weight"].data_ptr(), "the tie is lost"


def test_the_layout_digest_of_a_mask():
    with folder() as temporary:
        espalier("graft", TINY, "--head", "mlp:16", "--labels", 2, "--prefix", "bert.", "-o", temporary / "base")
        espalier("mask", "create", temporary / "base", "--train", "linear", "-o", temporary / "mask.json")
        mask = json.loads((temporary / "mask.json").read_text())
        tensors = load_file(temporary / "base" / "model.safetensors")
        lines = "".join(f"{k}\tF32\t{','.join(map(str, tensors[k].shape))}\n" for k in sorted(tensors))
        assert mask["checkpoint"] == {"tensors": 43, "layout_sha256": hashlib.sha256(lines.encode()).hexdigest()}, mask["checkpoint"]
        assert [k for k, v in mask["tensors"].items() if v is True] == ["linear.0.bias", "linear.0.weight", "linear.2.bias", "linear.2.weight"]


def test_head_only():
    with folder() as temporary:
        grafted, tuned, mask = train(temporary, TINY, "--train", "linear")
        assert proven_frozen(grafted, tuned, mask) == 4
        return agree_on_logits(tuned, 16, 64)


def test_one_bias_of_layer_0():
    with folder() as temporary:
        grafted, tuned, mask = train(temporary, TINY, "--train", "bert.encoder.layer[0].attention.output.dense.bias", "--no-siblings")
        assert proven_frozen(grafted, tuned, mask) == 1
        return agree_on_logits(tuned, 16, 64)


def test_twenty_rows_of_the_vocabulary():
    with folder() as temporary:
        grafted, tuned, mask = train(temporary, TINY, "--train", "bert.embeddings.word_embeddings.weight[200:220]")
        assert proven_frozen(grafted, tuned, mask) == 1
        return agree_on_logits(tuned, 16, 64)


def test_everything_but_the_unused_pooler():
    with folder() as temporary:
        grafted, tuned, mask = train(temporary, TINY, "--train", "**", "--freeze", "bert.pooler")
        assert proven_frozen(grafted, tuned, mask) == 41
        return agree_on_logits(tuned, 16, 64)


def test_old_names_train_too():
    with folder() as temporary:
        grafted, mask, tuned = temporary / "base", temporary / "mask.json", temporary / "tuned"
        espalier("graft", FIXTURES / "bert-tiny-old", "--head", "mlp:16", "--labels", 2, "-o", grafted)
        espalier("mask", "create", grafted, "--train", "linear", "-o", mask)
        espalier("train", "--model", grafted, "--mask", mask, "--data", TRAIN, "--eval", DEV, "--epochs", 1, "-o", tuned)
        espalier("verify", grafted, tuned, "--mask", mask)


def test_MiniLM_learns_the_reviews_and_agrees_on_logits():
    base = minilm()
    with folder() as temporary:
        grafted, tuned, mask = train(temporary, base, "--train", "linear", epochs=6, head="mlp:128")
        assert proven_frozen(grafted, tuned, mask) == 4
        said = espalier_json("evaluate", "--model", tuned, "--data", DEV)
        assert said["accuracy"] >= 0.8, said
        return f"accuracy {said['accuracy']:.3f}, " + agree_on_logits(tuned, 128, 128)


def test_bert_base_shapes():
    if not os.environ.get("ESPALIER_INTEROP_LARGE"):
        raise Skip("set ESPALIER_INTEROP_LARGE to a folder of Benchmarks/make_bert_base.py")
    import pathlib
    base = pathlib.Path(os.environ["ESPALIER_INTEROP_LARGE"]) / "bert-model"
    with folder() as temporary:
        grafted, tuned, mask = train(temporary, base, "--train", "linear", epochs=1, head="mlp:128")
        assert proven_frozen(grafted, tuned, mask) == 4
        return agree_on_logits(tuned, 128, 128)
