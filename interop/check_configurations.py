#!/usr/bin/env python3
"""Compares the logits of tiny random classifiers under random configurations with those of transformers, and demands a refusal where
a configuration asks for something else than the weights or than is implemented."""

import json
import os
import random
import subprocess

import torch
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, BertConfig, DistilBertConfig, ElectraConfig,
                          RobertaConfig, XLMRobertaConfig)

from tool import close, espalier, folder

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["good", "bad", "film", "plot", "the", "a", "##s", "very"]
TEXTS = ["good films", "bad plot the very bad film", "a very very good plot", "films"]
KINDS = {"bert": BertConfig, "distilbert": DistilBertConfig, "roberta": RobertaConfig, "xlm-roberta": XLMRobertaConfig, "electra": ElectraConfig}


def tokenizer(path, pad):
    """A WordPiece tokenizer whose padding token has the id that the model expects, as the file stands."""
    words = [t for t in SPECIAL + WORDS if t != "[PAD]"]
    words.insert(pad, "[PAD]")
    made = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens([AddedToken(t) for t in SPECIAL])
    ids = [(t, made.token_to_id(t)) for t in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ids)
    made.save(str(path / "tokenizer.json"))
    (path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}))
    return len(words)


def configuration(kind, source, size, pad):
    heads = source.choice([1, 2, 4, 8])
    labels = source.choice([1, 2, 3, 5])
    if kind == "distilbert":
        options = dict(dim=32, n_heads=heads, n_layers=source.choice([1, 2]), hidden_dim=source.choice([24, 40]),
                       seq_classif_dropout=source.choice([0.0, 0.4]))
    else:
        options = dict(hidden_size=32, num_attention_heads=heads, num_hidden_layers=source.choice([1, 2]), intermediate_size=source.choice([24, 40]),
                       layer_norm_eps=source.choice([1e-12, 1e-5, 1e-2, 0.5]), type_vocab_size=source.choice([1, 2, 3]),
                       classifier_dropout=source.choice([None, 0.3]))
    if kind == "electra":
        options |= dict(embedding_size=source.choice([16, 32]), summary_type=source.choice(["first", "mean", "last"]), summary_use_proj=False,
                        summary_activation="tanh")
    options |= dict(vocab_size=size + source.choice([0, 3]), max_position_embeddings=source.choice([24, 66]), pad_token_id=pad, num_labels=labels)
    if labels > 1 and source.random() < 0.3:
        options["problem_type"] = source.choice(["single_label_classification", "multi_label_classification"])
    return KINDS[kind](**options)


def model(path, kind, source):
    pad = source.choice([0, 1, 2]) if kind not in ("roberta", "xlm-roberta") else source.choice([1, 2])
    config = configuration(kind, source, tokenizer(path, pad), pad)
    torch.manual_seed(source.randrange(1 << 30))
    made = AutoModelForSequenceClassification.from_config(config)
    for name, parameter in made.named_parameters():
        noise = torch.randn(parameter.shape)
        parameter.data = 1 + 0.2 * noise if "norm" in name.lower() and name.endswith("weight") else 0.3 * noise
    made.save_pretrained(path)


def rewrite(path, **changes):
    file = path / "config.json"
    members = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({k: v for k, v in members.items() if v != "REMOVED"}))


def logits(path):
    lines = espalier("predict", "--model", path, "--json", *TEXTS).splitlines()
    return [json.loads(line)["logits"] for line in lines]


def theirs(path):
    made = AutoTokenizer.from_pretrained(path)
    network = AutoModelForSequenceClassification.from_pretrained(path).eval()
    with torch.no_grad():
        return torch.cat([network(**made(text, return_tensors="pt")).logits for text in TEXTS])


def test_logits_under_random_configurations():
    source, worst = random.Random(5), 0.0
    for round_ in range(40):
        kind = list(KINDS)[round_ % 5]
        with folder() as path:
            model(path, kind, source)
            worst = max(worst, close(logits(path), theirs(path), 2e-4, f"{kind} {(path / 'config.json').read_text()}"))
    return f"within {worst:.1g}"


def test_defaults_of_absent_members():
    """Members that a file leaves out have the defaults of the family's class."""
    worst = 0.0
    for kind in KINDS:
        with folder() as path:
            model(path, kind, random.Random(3))
            sized = dict(layer_norm_eps="REMOVED", pad_token_id="REMOVED", hidden_act="REMOVED", activation="REMOVED", classifier_dropout="REMOVED",
                         is_decoder="REMOVED", id2label="REMOVED", label2id="REMOVED", sinusoidal_pos_embds="REMOVED", summary_type="REMOVED")
            labels = len(json.loads((path / "config.json").read_text()).get("id2label", {0: 0, 1: 1}))
            rewrite(path, **sized, num_labels=labels)
            worst = max(worst, close(logits(path), theirs(path), 2e-4, kind))
    return f"within {worst:.1g}"


def test_families_by_architecture():
    """Without model_type, the logits are those of the class that architectures names."""
    worst = 0.0
    for kind in KINDS:
        with folder() as path:
            model(path, kind, random.Random(9))
            expected = theirs(path)
            rewrite(path, model_type="REMOVED")
            worst = max(worst, close(logits(path), expected, 2e-4, kind))
    return f"within {worst:.1g}"


REFUSED = [
    ("bert", dict(hidden_act="gelu_new")), ("bert", dict(hidden_act=None)), ("bert", dict(layer_norm_eps=None)), ("bert", dict(is_decoder=True)),
    ("bert", dict(is_decoder=None)), ("bert", dict(add_cross_attention=True)), ("bert", dict(position_embedding_type="relative_key_query")),
    ("bert", dict(pad_token_id=10_000)), ("bert", dict(type_vocab_size=7)), ("bert", dict(max_position_embeddings=23)), ("bert", dict(num_attention_heads=5)),
    ("bert", dict(num_hidden_layers=9)), ("bert", dict(vocab_size=5)), ("bert", dict(model_type="roberta")), ("bert", dict(model_type="electra")),
    ("bert", dict(model_type="distilbert")), ("bert", dict(model_type="camembert")), ("bert", dict(model_type="REMOVED", architectures=["RobertaModel"])),
    ("bert", dict(model_type="REMOVED", architectures=["MPNetModel"])), ("bert", dict(model_type=None, architectures=None, hidden_size=None)),
    ("bert", dict(id2label={str(i): "x" for i in range(9)})), ("bert", dict(problem_type="other")), ("bert", dict(classifier_dropout="0.1")),
    ("bert", dict(per_layer_config={"0": {"hidden_act": "relu"}})), ("bert", dict(quantization_config={"quant_method": "bitsandbytes"})),
    ("bert", dict(pruned_heads={"0": [1]})), ("bert", dict(auto_map={"AutoModel": "x.Y"})),
    ("roberta", dict(model_type="bert")), ("roberta", dict(model_type="REMOVED", architectures=["BertModel"])), ("roberta", dict(pad_token_id=None)),
    ("distilbert", dict(activation="relu")), ("distilbert", dict(sinusoidal_pos_embds=True)), ("distilbert", dict(dim=64)), ("distilbert", dict(model_type="bert")),
    ("electra", dict(embedding_size=8)), ("electra", dict(embedding_size=None)), ("electra", dict(model_type="bert")), ("electra", dict(hidden_act="relu"))]


def test_refusals():
    """One line with the file, and never a logit."""
    for kind, changes in REFUSED:
        with folder() as path:
            model(path, kind, random.Random(1))
            rewrite(path, **changes)
            done = subprocess.run([os.environ["ESPALIER"], "predict", "--model", str(path), "good"], capture_output=True, text=True)
            assert done.returncode == 2 and not done.stdout, f"{kind} {changes}: {done.returncode} {done.stdout}{done.stderr}"
            assert done.stderr.count("\n") == 1 and str(path) in done.stderr, f"{kind} {changes}: {done.stderr}"
    return f"{len(REFUSED)} configurations"
