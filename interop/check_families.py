"""Every family of encoders: what `train` writes is loaded by transformers' own class and gives the same logits."""

import json
import random

import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification

from tool import close, espalier, folder

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

WORDS = "a the soup film was good bad cold warm about nothing at all I don't 1,234 déjà vu Straße 東京 naïve — end.".split()
SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
LONGEST = 48
FAIRSEQ = dict(type_vocab_size=1, max_position_embeddings=LONGEST + 2, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)
# What the family's configuration and its tokenizer are.
FAMILIES = {
    "bert": (dict(SIZES, max_position_embeddings=LONGEST), "wordpiece"),
    "distilbert": (dict(dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=LONGEST), "wordpiece"),
    "roberta": (dict(SIZES, **FAIRSEQ), "byte-level"),
    "xlm-roberta": (dict(SIZES, **FAIRSEQ), "unigram"),
    "electra": (dict(SIZES, embedding_size=16, max_position_embeddings=LONGEST), "wordpiece"),
}


def texts(count):
    source = random.Random(5)
    return [" ".join(source.choice(WORDS) for _ in range(source.randrange(1, 30))) for _ in range(count)]


def tokenizer(kind):
    """A small tokenizer, trained on the checks' own texts."""
    corpus = texts(200)
    if kind == "wordpiece":
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        made.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False))
        made.post_processor = processors.TemplateProcessing(
            single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
        return made
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    if kind == "byte-level":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
        made.train_from_iterator(corpus, trainer)
    else:
        made = Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
        trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False)
        made.train_from_iterator(corpus, trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return made


def make(path, family, own_head):
    """A random model as transformers saves one, with every parameter away from 0 and 1."""
    settings, kind = FAMILIES[family]
    made = tokenizer(kind)
    config = AutoConfig.for_model(family, vocab_size=made.get_vocab_size(), num_labels=2, **settings)
    torch.manual_seed(9)
    model = (AutoModelForSequenceClassification if own_head else AutoModel).from_config(config)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape)
        parameter.data = 1 + 0.2 * noise if "norm" in name.lower() and name.endswith("weight") else 0.2 * noise
    model.save_pretrained(path)
    made.save(str(path / "tokenizer.json"))


def data(path, pairs):
    rows = texts(32)
    lines = [f"{t}\t{rows[-1 - i]}\t{i % 2}" if pairs else f"{t}\t{i % 2}" for i, t in enumerate(rows)]
    path.write_text(("sentence1\tsentence2\tlabel\n" if pairs else "text\tlabel\n") + "\n".join(lines) + "\n")


def batch(tuned, config, pairs):
    """What transformers' tokenizer makes of the checked texts; token types only where the family has them."""
    made = Tokenizer.from_file(str(tuned / "tokenizer.json"))
    made.enable_truncation(LONGEST)
    made.enable_padding(pad_id=config.pad_token_id)
    rows = texts(40)[32:]
    encodings = made.encode_batch([(t, rows[-1 - i]) for i, t in enumerate(rows)] if pairs else rows)
    inputs = {"input_ids": torch.tensor([e.ids for e in encodings]), "attention_mask": torch.tensor([e.attention_mask for e in encodings])}
    if config.model_type in ("bert", "electra"):
        inputs["token_type_ids"] = torch.tensor([e.type_ids for e in encodings])
    lines = [{"text": t, "pair": rows[-1 - i]} if pairs else {"text": t} for i, t in enumerate(rows)]
    return "".join(json.dumps(line) + "\n" for line in lines), inputs


def train(temporary, family, pairs, *options):
    base, tuned, rows = temporary / "base", temporary / "tuned", temporary / "data.tsv"
    make(base, family, own_head="--head" not in options)
    data(rows, pairs)
    columns = ("--text-column", "sentence1", "--text-pair-column", "sentence2") if pairs else ("--text-column", "text")
    espalier("train", "--model", base, "--train", "**", "--data", rows, "--eval", rows, *columns, "--label-column", "label",
             "--epochs", 1, "--batch-size", 16, "--lr", "1e-3", "--max-length", LONGEST, *options, "-o", tuned)
    before, after = load_file(base / "model.safetensors"), load_file(tuned / "model.safetensors")
    return tuned, before, after


def load(kind, tuned, unexpected=()):
    model, info = kind.from_pretrained(tuned, output_loading_info=True)
    assert not info["missing_keys"], sorted(info["missing_keys"])
    assert not info.get("mismatched_keys"), info["mismatched_keys"]
    strange = {k for k in info["unexpected_keys"] if not k.startswith(tuple(unexpected))}
    assert not strange, sorted(strange)
    return model.eval()


def predicted(temporary, tuned, lines, pairs):
    file = temporary / "texts.jsonl"
    file.write_text(lines)
    columns = ("--text-column", "text", "--text-pair-column", "pair") if pairs else ("--text-column", "text")
    said = espalier("predict", "--model", tuned, "--data", file, *columns, "--json")
    return [json.loads(line)["logits"] for line in said.splitlines()]


def trained(before, after, model, still):
    """Every parameter of the encoder moved, except those that no gradient reaches."""
    prefix = model.base_model_prefix + "."
    for key, value in before.items():
        name = key if key in after else prefix + key
        same = torch.equal(after[name], value)
        assert same == key.startswith(still), f"{name} {'did not move' if same else 'moved'}"


def agree(ours, theirs, what):
    assert theirs.std(0).min() > 1e-2, f"{what} do not depend on the text: {theirs}"
    return close(ours, theirs, 1e-4, what)


def check_story(family, pairs):
    """A new head, mean pooling: the encoder is that of AutoModel, and the head stands beside it."""
    with folder() as temporary:
        tuned, before, after = train(temporary, family, pairs, "--head", "mlp:16")
        model = load(AutoModel, tuned, unexpected=["linear."])
        trained(before, after, model, "pooler.")
        lines, inputs = batch(tuned, model.config, pairs)
        head = nn.Sequential(nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 2))
        head.load_state_dict({k[7:]: v for k, v in after.items() if k.startswith("linear.")})
        with torch.no_grad():
            hidden, mask = model(**inputs).last_hidden_state, inputs["attention_mask"].unsqueeze(-1).float()
            logits = head((hidden * mask).sum(1) / mask.sum(1))
        return agree(predicted(temporary, tuned, lines, pairs), logits, f"{family}: logits")


def check_own_head(family):
    """The family's class for classification, with its own head and pooling."""
    with folder() as temporary:
        tuned, before, after = train(temporary, family, False)
        model = load(AutoModelForSequenceClassification, tuned)
        assert before.keys() == after.keys(), before.keys() ^ after.keys()
        trained(before, after, model, ())
        lines, inputs = batch(tuned, model.config, False)
        with torch.no_grad():
            logits = model(**inputs).logits
        return agree(predicted(temporary, tuned, lines, False), logits, f"{family}: logits of its own head")


def test_new_heads():
    return f"logits within {max(check_story(f, pairs=False) for f in FAMILIES):.1g}"


def test_new_heads_on_pairs():
    return f"logits within {max(check_story(f, pairs=True) for f in FAMILIES):.1g}"


def test_own_heads():
    return f"logits within {max(check_own_head(f) for f in FAMILIES):.1g}"
