"""Vocabularies that were trimmed or extended, and training checkpoints that `edit --to transformers` made loadable: transformers must load
them without a missing key and compute the same."""

import json
import os
import shutil
import subprocess

import torch
from safetensors.torch import load_file
from transformers import (AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer, BertConfig, BertForMaskedLM, GPT2Config,
                          GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM)

from tool import FIXTURES, TINY, espalier, espalier_json, folder

TEXTS = ["the film was great!", "a nice story, and the actors were perfect", "not very good; [MASK] again", "unwatchable 日本"]


def prepare(path, config=None):
    """A BertForMaskedLM with the tokenizer of bert-tiny."""
    torch.manual_seed(0)
    config = config or BertConfig.from_pretrained(TINY)
    model = BertForMaskedLM(config).eval()
    with torch.no_grad():
        model.cls.predictions.bias.normal_()
    model.save_pretrained(path / "model")
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(TINY / name, path / "model" / name)
    (path / "texts.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return model


def load(path, kind=AutoModelForMaskedLM):
    model, report = kind.from_pretrained(path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"], report
    return model.eval()


def compare(old, new, old_tokenizer, new_tokenizer, texts=TEXTS):
    """Tokens and logits of the texts, over the tokens that stay."""
    vocabulary = new_tokenizer.get_vocab()
    columns = [old_tokenizer.get_vocab()[token] for token, _ in sorted(vocabulary.items(), key=lambda item: item[1])]
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    for text in texts:
        a, b = old_tokenizer(text, return_tensors="pt"), new_tokenizer(text, return_tensors="pt")
        assert (old_tokenizer.convert_ids_to_tokens(a["input_ids"][0]) == new_tokenizer.convert_ids_to_tokens(b["input_ids"][0])), text
        with torch.no_grad():
            x = old(**a, output_hidden_states=True)
            y = new(**b, output_hidden_states=True)
        assert torch.equal(x.hidden_states[-1], y.hidden_states[-1]), text
        # PyTorch may sum a product of another width in another order.
        assert torch.allclose(x.logits[..., columns], y.logits, atol=1e-5, rtol=0), text


def test_a_trimmed_model_has_the_same_tokens_and_logits():
    counts = []
    for tied in (True, False):
        with folder() as path:
            old = prepare(path, BertConfig.from_pretrained(TINY, tie_word_embeddings=tied))
            report = espalier_json("edit", path / "model", "-o", path / "small", "--trim-to", path / "texts.txt",
                                   "--verify-texts", path / "texts.txt")
            counts.append(report["vocabulary"]["tokens_after"])
            assert report["vocabulary"]["verified"]["equal"]
            new = load(path / "small")
            assert new.config.vocab_size == counts[-1] == new.get_input_embeddings().weight.shape[0]
            compare(old, new, AutoTokenizer.from_pretrained(path / "model"), AutoTokenizer.from_pretrained(path / "small"))
    return f"{counts[0]} of 512 tokens"


def test_tokens_are_added_as_transformers_adds_them():
    words = ["espalier", "freeze-mask", "日本語"]
    with folder() as path:
        old = prepare(path)
        (path / "tokens.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
        espalier("edit", path / "model", "-o", path / "more", "--add-tokens", path / "tokens.txt")
        new = load(path / "more")
        mine, theirs = AutoTokenizer.from_pretrained(path / "more"), AutoTokenizer.from_pretrained(path / "model")
        theirs.add_tokens(words)
        old.resize_token_embeddings(len(theirs), mean_resizing=True)
        texts = TEXTS + ["an espalier and a freeze-mask, 日本語!", "espaliers"]
        for text in texts:
            assert mine(text)["input_ids"] == theirs(text)["input_ids"], text
        assert len(mine) == len(theirs) and mine.get_vocab() == theirs.get_vocab()
        a, b = old.state_dict(), new.state_dict()
        assert a.keys() == b.keys()
        for key in a:
            # The rows that transformers draws have the mean of the others and a tiny spread; biases of a tied output are 0 there.
            same = a[key].shape == b[key].shape and (key.endswith("bias") or torch.allclose(a[key], b[key], atol=1e-3))
            assert same, key
            if a[key].shape and a[key].shape[0] == 515:
                assert torch.equal(a[key][:512], b[key][:512]), key


def test_added_tokens_survive_a_trim_and_a_save_of_the_tokenizer():
    with folder() as path:
        prepare(path)
        # What save_pretrained of transformers writes has added_tokens_decoder.
        tokenizer = AutoTokenizer.from_pretrained(path / "model")
        tokenizer.add_tokens(["espalier", "unused-word"])
        model = AutoModelForMaskedLM.from_pretrained(path / "model")
        model.resize_token_embeddings(len(tokenizer))
        model.save_pretrained(path / "saved")
        tokenizer.save_pretrained(path / "saved")
        texts = TEXTS + ["an espalier"]
        (path / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
        espalier("edit", path / "saved", "-o", path / "small", "--trim-to", path / "texts.txt", "--verify-texts", path / "texts.txt")
        new = AutoTokenizer.from_pretrained(path / "small")
        assert "espalier" in new.get_vocab() and "unused-word" not in new.get_vocab()
        compare(load(path / "saved"), load(path / "small"), AutoTokenizer.from_pretrained(path / "saved"), new, texts)


def test_tokens_are_added_to_byte_level_and_unigram_tokenizers():
    for name in ("byte-level", "unigram"):
        with folder() as path:
            tokenizer = AutoTokenizer.from_pretrained(FIXTURES / "tokenizer" / name)
            config = BertConfig.from_pretrained(TINY, vocab_size=len(tokenizer))
            BertForMaskedLM(config).save_pretrained(path / "model")
            for file in (FIXTURES / "tokenizer" / name).iterdir():
                if file.name not in ("ids.json",):
                    shutil.copy(file, path / "model" / file.name)
            (path / "model" / "tokenizer_config.json").write_text(json.dumps({
                "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": tokenizer.pad_token or "<pad>"}))
            before = AutoTokenizer.from_pretrained(path / "model")
            (path / "tokens.txt").write_text("espalier\nfreeze-mask\n")
            espalier("edit", path / "model", "-o", path / "more", "--add-tokens", path / "tokens.txt")
            before.add_tokens(["espalier", "freeze-mask"])
            after = AutoTokenizer.from_pretrained(path / "more")
            for text in TEXTS + ["an espalier and a freeze-mask"]:
                assert before(text)["input_ids"] == after(text)["input_ids"], (name, text)
            load(path / "more")
            (path / "texts.txt").write_text("a text\n")
            done = subprocess.run([os.environ["ESPALIER"], "edit", path / "model", "-o", path / "small", "--trim-to",
                                   path / "texts.txt"], capture_output=True, text=True)
            assert done.returncode == 2 and "cannot be trimmed" in done.stderr, done.stderr


# --- training checkpoints -------------------------------------------------------------------------

def wrapped(model):
    """What training programs store of a model."""
    def under(prefix):
        return {prefix + key: value for key, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.arange(4)[None]).logits.sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    return {
        "plain": under(""), "ddp": under("module."), "compiled": under("_orig_mod."),
        "loop": {"epoch": 1, "model": under("module._orig_mod."), "optimizer": state},
        "state": {"state_dict": under("module."), "optimizer_state_dict": state, "scaler": {"scale": torch.tensor(2.0)}},
        "lightning": {"epoch": 1, "pytorch-lightning_version": "2.5.0", "state_dict": under("model._orig_mod."),
                      "optimizer_states": [state], "hyper_parameters": {"lr": 0.1}},
        "forward": {"state_dict": under("_forward_module.model."), "epoch": 2},
    }


def test_training_checkpoints_load_in_transformers():
    torch.manual_seed(0)
    small = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=40)
    models = {
        "bert": BertForMaskedLM(BertConfig(**small, max_position_embeddings=8)),
        "gpt2": GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=40, n_positions=8)),
        "llama": LlamaForCausalLM(LlamaConfig(**small, num_key_value_heads=2)),
        "llama-tied": LlamaForCausalLM(LlamaConfig(**small, num_key_value_heads=2, tie_word_embeddings=True)),
    }
    count = 0
    for name, model in models.items():
        with folder() as path:
            model.config.architectures = [type(model).__name__]
            for kind, value in wrapped(model).items():
                state = {key: tensor.clone() for key, tensor in model.state_dict().items()}
                source = path / kind
                source.mkdir()
                model.config.save_pretrained(source)
                torch.save(value, source / "checkpoint.pt")
                out = path / f"{kind}-out"
                report = espalier_json("edit", source / "checkpoint.pt", "-o", out, "--to", "transformers")
                loaded, info = type(model).from_pretrained(out, output_loading_info=True)
                assert not info["missing_keys"] and not info["unexpected_keys"], (name, kind, info)
                again = loaded.state_dict()
                assert all(torch.equal(again[key], tensor) for key, tensor in state.items()), (name, kind)
                size = sum(t.numel() * t.element_size() for t in load_file(out / "model.safetensors").values())
                expected = sum(p.numel() * p.element_size() for p in model.parameters())
                assert size == expected, (name, kind, size, expected)
                # The steps are ordinary operations: a recipe with them writes the same file.
                recipe = {"steps": [dict([step["operation"].split(" ", 1)]) for step in report["steps"]]}
                if recipe["steps"] and not any("'" in text for step in recipe["steps"] for text in step.values()):
                    for step in recipe["steps"]:
                        if "drop" in step:
                            step["drop"] = step["drop"].split(" ")
                    (path / "recipe.yaml").write_text(json.dumps(recipe))
                    espalier("edit", source / "checkpoint.pt", "-o", path / f"{kind}-again", "--recipe", path / "recipe.yaml")
                    assert (out / "model.safetensors").read_bytes() == (path / f"{kind}-again" / "model.safetensors").read_bytes()
                count += 1
    return f"{count} checkpoints"


def test_names_of_2018_and_ambiguous_checkpoints():
    with folder() as path:
        shutil.copytree(FIXTURES / "bert-tiny-old", path / "old")
        espalier("edit", path / "old", "-o", path / "new", "--to", "transformers")
        model, info = AutoModel.from_pretrained(path / "new", output_loading_info=True)
        assert not info["missing_keys"], info
        assert AutoConfig.from_pretrained(path / "new").vocab_size == 512
        state = model.state_dict()
        torch.save({"student": state, "teacher": state}, path / "two.pt")
        done = subprocess.run([os.environ["ESPALIER"], "edit", path / "two.pt", "-o", path / "x", "--to", "transformers"],
                              capture_output=True, text=True)
        assert done.returncode == 2 and '"student"' in done.stderr and '"teacher"' in done.stderr, done.stderr
