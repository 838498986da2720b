"""Numbers, several labels and pairs: what `train` writes, loaded and judged by transformers."""

import json

import torch
import transformers
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from tool import TINY, close, espalier, espalier_json, folder, load_story

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

TEXTS = ["a warm soup", "the film was cold", "good, warm and cold", "bad", "a good film about soup", "nothing at all"]


def rows(count):
    for number in range(count):
        yield " ".join(TEXTS[(number * 5 + k) % len(TEXTS)] for k in range(1 + number % 3))


def classifier(path, problem_type, labels):
    """A BertForSequenceClassification as transformers saves one, around the tiny BERT."""
    torch.manual_seed(3)
    config = BertConfig.from_pretrained(TINY, problem_type=problem_type, num_labels=labels)
    model = BertForSequenceClassification.from_pretrained(TINY, config=config)
    model.save_pretrained(path)
    AutoTokenizer.from_pretrained(TINY).save_pretrained(path)


def judged(tuned, texts, labels):
    """Logits and loss of the tuned folder, computed by transformers from its own config.json."""
    model = BertForSequenceClassification.from_pretrained(tuned).eval()
    batch = AutoTokenizer.from_pretrained(tuned)(texts, padding=True, truncation=True, max_length=64, return_tensors="pt")
    with torch.no_grad():
        out = model(**batch, labels=labels)
    return model.config.problem_type, out.logits, float(out.loss)


def test_numbers():
    texts = list(rows(48))
    values = [(t.count("good") - t.count("cold")) / 2 for t in texts]
    with folder() as temporary:
        base, tuned, data = temporary / "base", temporary / "tuned", temporary / "data.tsv"
        classifier(base, "regression", 1)
        data.write_text("".join(f"{t}\t{v}\n" for t, v in zip(texts, values)))
        # The task comes from problem_type.
        espalier("train", "--model", base, "--train", "**", "--data", data, "--eval", data, "--epochs", 3, "--lr", "1e-3", "-o", tuned)
        said = espalier_json("evaluate", "--model", tuned, "--data", data)
        problem, logits, loss = judged(tuned, texts, torch.tensor(values))
        assert problem == "regression", problem
        assert abs(said["mse"] - loss) < 1e-4, (said, loss)
        predicted = [json.loads(line) for line in espalier("predict", "--model", tuned, "--json", *texts).splitlines()]
        worst = close([p["value"] for p in predicted], logits.squeeze(-1), 1e-4, "values")
        theirs = torch.corrcoef(torch.stack([logits.squeeze(-1), torch.tensor(values)]))[0, 1]
        assert abs(said["pearson"] - float(theirs)) < 1e-4, (said, theirs)
        return f"values within {worst:.1g}, Pearson {said['pearson']:.2f}"


def test_several_labels():
    texts, names = list(rows(48)), ["film", "soup", "warm"]
    sets = [[n for n in names if n in t] for t in texts]
    with folder() as temporary:
        base, tuned, data = temporary / "base", temporary / "tuned", temporary / "data.jsonl"
        classifier(base, "multi_label_classification", 3)
        data.write_text("".join(json.dumps({"text": t, "label": s}) + "\n" for t, s in zip(texts, sets)))
        espalier("train", "--model", base, "--task", "multi-label", "--train", "**", "--data", data, "--eval", data, "--epochs", 3,
                 "--lr", "1e-3", "-o", tuned)
        said = espalier_json("evaluate", "--model", tuned, "--data", data)
        problem, logits, loss = judged(tuned, texts, torch.tensor([[float(n in s) for n in names] for s in sets]))
        assert problem == "multi_label_classification", problem
        assert abs(said["loss"] - loss) < 1e-4, (said, loss)
        predicted = [json.loads(line) for line in espalier("predict", "--model", tuned, "--json", *texts).splitlines()]
        worst = close([p["logits"] for p in predicted], logits, 1e-4, "logits")
        for row, probabilities in zip(predicted, torch.sigmoid(logits).tolist()):
            close(row["probabilities"], probabilities, 1e-4, "probabilities")
            assert row["labels"] == [n for n, p in zip(names, probabilities) if p > 0.5], row
        return f"logits within {worst:.1g}, micro F1 {said['micro_f1']:.2f}"


def test_pairs():
    firsts = list(rows(48))
    seconds = firsts[7:] + firsts[:7]
    labels = [int(("good" in a) == ("good" in b)) for a, b in zip(firsts, seconds)]
    with folder() as temporary:
        tuned, data = temporary / "tuned", temporary / "pairs.tsv"
        data.write_text("sentence1\tsentence2\tlabel\n" + "".join(f"{a}\t{b}\t{y}\n" for a, b, y in zip(firsts, seconds, labels)))
        espalier("train", "--model", TINY, "--head", "mlp:16", "--train", "**", "--data", data, "--eval", data, "--epochs", 2,
                 "--max-length", 40, "-o", tuned)
        said = [json.loads(line) for line in espalier("predict", "--model", tuned, "--data", data, "--json").splitlines()]
        assert [row["text_pair"] for row in said] == seconds
        model, tokenizer = load_story(tuned, 16, 2), AutoTokenizer.from_pretrained(tuned)
        batch = tokenizer(firsts, seconds, padding=True, truncation="longest_first", max_length=40, return_tensors="pt")
        assert batch["token_type_ids"].max() == 1
        with torch.no_grad():
            theirs = model(**batch)
        return f"logits within {close([row['logits'] for row in said], theirs, 1e-4, 'logits'):.1g}"
