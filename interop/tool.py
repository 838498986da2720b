"""Runs espalier, and what the checks share: the story's class, temporary folders, tolerant comparison."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

import torch
from torch import nn
from transformers import BertConfig, BertModel
from transformers.utils import logging

# A check says one line; what transformers says of loading would hide it.
logging.disable_progress_bar()
logging.set_verbosity_error()

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
TINY = FIXTURES / "bert-tiny"
REFERENCE = FIXTURES / "bert-reference"


class Skip(Exception):
    """Raised by a check that cannot run here; says why."""


def espalier(*arguments, status=0, stdin=None):
    """Runs the tool, demands the exit status, returns its standard output."""
    done = subprocess.run([os.environ["ESPALIER"], *map(str, arguments)], capture_output=True, text=True, input=stdin)
    if done.returncode != status:
        raise AssertionError(
            f"espalier {' '.join(map(str, arguments))}: status {done.returncode}, expected {status}\n"
            f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def swift_test(suite, **variables):
    """Runs a suite of the package's own tests with more environment variables; what it printed.

    Without the compiler that PyTorch chose for itself, which `swift build` would take for its own."""
    environment = {name: value for name, value in os.environ.items() if name not in ("CC", "CXX")}
    done = subprocess.run(["swift", "test", "--disable-xctest", "--filter", suite], cwd=ROOT,
                          env={**environment, **variables}, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stdout[-5000:] + done.stderr[-3000:])
    return done.stdout


def espalier_json(*arguments, status=0, stdin=None):
    return json.loads(espalier(*arguments, "--json", status=status, stdin=stdin))


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="espalier-interop-") as path:
        yield pathlib.Path(path)


def minilm():
    path = os.environ.get("MINILM")
    if not path:
        raise Skip("MiniLM is not here")
    return pathlib.Path(path)


class Classifier(nn.Module):
    """The story's PyTorch class."""

    def __init__(self, config, hidden, labels, pooling="mean"):
        super().__init__()
        self.bert = BertModel(config)
        H = config.hidden_size
        self.linear = nn.Sequential(nn.Linear(H, hidden), nn.Tanh(), nn.Linear(hidden, labels)) if hidden else nn.Linear(H, labels)
        self.pooling = pooling

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        out = self.bert(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        h = out.last_hidden_state
        if self.pooling == "mean":
            m = attention_mask.unsqueeze(-1).to(h.dtype)
            return self.linear((h * m).sum(1) / m.sum(1).clamp(min=1e-9))
        return self.linear({"mean-all": h.mean(1), "cls": h[:, 0], "pooler": out.pooler_output}[self.pooling])


def load_story(path, hidden, labels, pooling="mean"):
    """The story's class with the weights of an espalier output, loaded strictly."""
    from safetensors.torch import load_file
    model = Classifier(BertConfig.from_pretrained(path), hidden, labels, pooling)
    model.load_state_dict(load_file(path / "model.safetensors"), strict=True)
    return model.eval()


def logits_of(model, tokenizer, texts, max_length):
    batch = tokenizer(texts, padding=True, truncation=True, max_length=max_length, return_tensors="pt")
    with torch.no_grad():
        return model(**batch)


def close(ours, theirs, tolerance, what):
    ours, theirs = torch.as_tensor(ours, dtype=torch.float64), torch.as_tensor(theirs, dtype=torch.float64)
    assert ours.shape == theirs.shape, f"{what}: shape {tuple(ours.shape)}, expected {tuple(theirs.shape)}"
    worst = float((ours - theirs).abs().max()) if ours.numel() else 0.0
    assert worst <= tolerance, f"{what}: off by {worst:.3g}, allowed {tolerance:g}"
    return worst
