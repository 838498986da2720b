"""What README.md shows runs."""

import pathlib
import re

import pytest

torch = pytest.importorskip("torch")

import espalier
import espalier.torch

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"


def blocks(path=README):
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.S)


def test_the_readme_of_the_project_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = torch.nn.ModuleDict({"linear": torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 2)),
                                 "bert": torch.nn.Linear(2, 2)})
    (block,) = blocks(README.parent.parent / "README.md")
    exec(compile(block, "README.md", "exec"), {"model": model})
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {"linear.0.weight", "linear.0.bias", "linear.2.weight", "linear.2.bias"}
    assert espalier.Mask.load("freeze.json").trainable == sorted(trained)


def test_the_readme_runs(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    from transformers import BertConfig, BertModel, Trainer, TrainingArguments

    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = BertModel(BertConfig(vocab_size=60, hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
                                                intermediate_size=16)).encoder
            self.embed = torch.nn.Embedding(60, 16)
            self.linear = torch.nn.Sequential(torch.nn.Linear(16, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))

        def forward(self, input_ids, labels=None):
            logits = self.linear(self.encoder(self.embed(input_ids)).last_hidden_state.mean(1))
            return {"loss": None if labels is None else torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    model = Model()
    torch.save(model.state_dict(), "pytorch_model.bin")
    torch.save(model.state_dict(), "base")
    data = [{"input_ids": torch.randint(0, 60, (6,)), "labels": torch.tensor(index % 2)} for index in range(8)]
    arguments = TrainingArguments(output_dir="out", max_steps=2, report_to=[], use_cpu=True, disable_tqdm=True,
                                  save_strategy="no", learning_rate=0.1)

    def train(model):
        trainer.train()
        torch.save(model.state_dict(), "tuned")

    names = {"espalier": espalier, "torch": torch, "model": model, "Trainer": Trainer, "arguments": arguments, "data": data,
             "train": train}
    for block in blocks():
        exec(compile(block, str(README), "exec"), names)
        trainer = names.get("trainer")
    assert len(blocks()) == 4 and names["mask"].trainable == ["linear.0.bias", "linear.0.weight", "linear.2.bias", "linear.2.weight"]
