"""`--head classifier`: what graft and train write gives the same logits in transformers, loaded as people load it."""

import json

import torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline

from tool import FIXTURES, Skip, TINY, close, espalier, folder

TEXTS = ["good value", "a bad, slow and boring film", "fine", "not the worst of them all, but long"]
SMALL = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
FAMILIES = {
    "bert": dict(SMALL, vocab_size=512, max_position_embeddings=64),
    "distilbert": dict(dim=32, n_layers=2, n_heads=4, hidden_dim=64, vocab_size=512, max_position_embeddings=64),
    "electra": dict(SMALL, vocab_size=512, max_position_embeddings=64, embedding_size=16),
    "roberta": dict(SMALL, vocab_size=600, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1),
    "xlm-roberta": dict(SMALL, vocab_size=600, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1),
}


def encoder(path, family):
    """A bare encoder of random weights with a tokenizer of its kind."""
    torch.manual_seed(1)
    config = AutoConfig.for_model(family, **FAMILIES[family])
    AutoModel.from_config(config).save_pretrained(path)
    wordpiece = TINY
    for name in ["tokenizer.json", "tokenizer_config.json", "vocab.txt"]:
        if (wordpiece / name).exists():
            (path / name).write_bytes((wordpiece / name).read_bytes())
    return path


def compared(path, labels, problem):
    """The largest difference between our logits and those of the class that AutoModel chooses."""
    model, info = AutoModelForSequenceClassification.from_pretrained(path, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    config = json.loads((path / "config.json").read_text())
    assert config["architectures"] == [type(model).__name__], config["architectures"]
    assert [config["id2label"][str(i)] for i in range(len(labels))] == labels and model.config.problem_type == problem
    tokenizer = AutoTokenizer.from_pretrained(path)
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    batch = {k: v for k, v in batch.items() if k in ("input_ids", "attention_mask") or k == "token_type_ids" and
             model.config.model_type in ("bert", "electra")}
    with torch.no_grad():
        theirs = model.eval()(**batch).logits
    ours = [json.loads(line)["logits"] for line in espalier("predict", "--model", path, "--json", *TEXTS).splitlines()]
    worst = close(ours, theirs, 1e-5, str(path))
    scores = pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None)([TEXTS[0]])[0]
    function = {"regression": lambda x: x, "multi_label_classification": torch.sigmoid}.get(problem, lambda x: x.softmax(-1))
    want = dict(zip(labels, function(torch.tensor(ours[0])).tolist()))
    for score in scores:
        assert abs(score["score"] - want.pop(score["label"])) < 1e-5, scores
    assert not want, want
    return worst


def test_grafted_heads_load_as_automodel_loads_them():
    worst = 0.0
    for family in FAMILIES:
        with folder() as path:
            encoder(path / "bare", family)
            espalier("graft", path / "bare", "--head", "classifier", "--labels", "3", "-o", path / "grafted")
            worst = max(worst, compared(path / "grafted", ["LABEL_0", "LABEL_1", "LABEL_2"], "single_label_classification"))
    return f"{len(FAMILIES)} families, off by {worst:.1g}"


def test_trained_heads_load_as_automodel_loads_them():
    worst = 0.0
    for family in FAMILIES:
        with folder() as path:
            encoder(path / "bare", family)
            espalier("train", "--model", path / "bare", "--head", "classifier", "--train", "classifier", "**.layer[-1]",
                     "--data", FIXTURES / "sentiment/train.tsv", "--eval", FIXTURES / "sentiment/dev.tsv", "--epochs", "1",
                     "-o", path / "tuned")
            labels = json.loads((path / "tuned/espalier.json").read_text())["labels"]
            worst = max(worst, compared(path / "tuned", labels, "single_label_classification"))
    return f"{len(FAMILIES)} families, off by {worst:.1g}"


def test_other_tasks_name_their_problem():
    with folder() as path:
        encoder(path / "bare", "bert")
        (path / "scores.tsv").write_text("text\tlabel\n" + "".join(f"text number {i}\t{i / 7}\n" for i in range(20)))
        (path / "tags.jsonl").write_text("".join(json.dumps({"text": f"text {i}", "labels": ["a", "b"][: i % 3]}) + "\n" for i in range(20)))
        for task, data, problem, labels in [
            ("regression", "scores.tsv", "regression", ["LABEL_0"]),
            ("multi-label", "tags.jsonl", "multi_label_classification", ["a", "b"]),
        ]:
            column = ["--label-column", "labels"] if task == "multi-label" else []
            espalier("train", "--model", path / "bare", "--head", "classifier", "--train", "classifier", "bert.pooler", "--task", task,
                     *column, "--data", path / data, "--eval", path / data, "--epochs", "1", "-o", path / task)
            compared(path / task, labels, problem)


def test_a_sentence_transformer_pools_and_reads_as_its_folder_says():
    try:
        from sentence_transformers import SentenceTransformer, models
    except ImportError:
        raise Skip("sentence-transformers is not installed")
    for mode in ["mean", "cls"]:
        with folder() as path:
            transformer = models.Transformer(str(encoder(path / "bare", "bert")), max_seq_length=20)
            pooling = models.Pooling(32, pooling_mode=mode)
            model = SentenceTransformer(modules=[transformer, pooling], device="cpu")
            model.save(str(path / "sentence"))
            espalier("graft", path / "sentence", "--head", "linear", "--labels", "2", "-o", path / "base")
            settings = json.loads((path / "base/espalier.json").read_text())
            assert (settings["pooling"], settings["max_length"]) == (mode, 20), settings
            from safetensors.torch import load_file
            head = load_file(path / "base/model.safetensors")
            texts = TEXTS + ["a very long text of many words, again and again " * 5]
            features = torch.tensor(model.encode(texts))
            theirs = features @ head["linear.weight"].T + head["linear.bias"]
            ours = [json.loads(line)["logits"] for line in espalier("predict", "--model", path / "base", "--json", *texts).splitlines()]
            close(ours, theirs, 1e-4, mode)
