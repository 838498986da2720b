#!/usr/bin/env python3
"""The peer: fine-tunes a BERT text classifier with PyTorch and transformers, as a user would write it.

    python Benchmarks/peer_train.py --model DIR --data train.tsv --eval dev.tsv --trainable head --epochs 3

The trunk's `requires_grad` is switched off, the optimiser gets what is left, `model.train()` is called every epoch,
batches are padded to their longest sequence. Prints one JSON object a line: one per epoch, then a summary.
`tokens` are real tokens (padding is not counted), so that tokens per second can be compared with a trainer that packs.
"""

import argparse
import json
import os
import pathlib
import resource
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from torch import nn
from transformers import AutoTokenizer, BertConfig, BertModel, get_linear_schedule_with_warmup


class Classifier(nn.Module):
    """The story's class: bert, mean over the real tokens, linear - tanh - linear."""

    def __init__(self, bert, hidden, labels):
        super().__init__()
        self.bert = bert
        H = bert.config.hidden_size
        self.linear = nn.Sequential(nn.Linear(H, hidden), nn.Tanh(), nn.Linear(hidden, labels))

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        h = self.bert(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state
        m = attention_mask.unsqueeze(-1).to(h.dtype)
        return self.linear((h * m).sum(1) / m.sum(1).clamp(min=1e-9))


def load_trunk(folder):
    folder = pathlib.Path(folder)
    config = BertConfig.from_pretrained(folder)
    return BertModel.from_pretrained(folder, config=config, dtype=torch.float32)


def read(path):
    rows = []
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        text, label = line.rsplit("\t", 1)
        rows.append((text, int(label)))
    return rows


def select(model, trainable):
    """Freezes as people do: a loop over named_parameters with prefixes."""
    layers = model.bert.config.num_hidden_layers
    prefixes = {
        "head": ["linear."],
        "top2": ["linear.", *(f"bert.encoder.layer.{i}." for i in range(max(0, layers - 2), layers))],
        "bias": ["linear."],
        "full": [""],
    }[trainable]
    for name, parameter in model.named_parameters():
        parameter.requires_grad = any(name.startswith(p) for p in prefixes) or trainable == "bias" and name.endswith(".bias")
    return [p for p in model.parameters() if p.requires_grad]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--eval", required=True)
    parser.add_argument("--trainable", choices=["head", "top2", "bias", "full"], default="head")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--hidden", type=int, default=128, help="width of the head (mlp:128)")
    parser.add_argument("--learning-rate", type=float, default=None, help="1e-3 for head, 5e-5 otherwise")
    parser.add_argument("--warmup", type=float, default=0.1, help="share of the steps")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=int, default=None, help="only the first N training lines")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", help="write the state dict here (safetensors)")
    options = parser.parse_args()

    started = time.perf_counter()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    train, dev = read(options.data)[: options.limit], read(options.eval)
    labels = 1 + max(label for _, label in train)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = Classifier(load_trunk(options.model), options.hidden, labels)
    parameters = select(model, options.trainable)

    def collate(rows):
        batch = tokenizer([t for t, _ in rows], padding="longest", truncation=True,
                          max_length=options.max_length, return_tensors="pt")
        return batch, torch.tensor([label for _, label in rows])

    shuffled = torch.utils.data.DataLoader(train, options.batch_size, shuffle=True, collate_fn=collate)
    in_order = torch.utils.data.DataLoader(dev, options.batch_size, collate_fn=collate)
    rate = options.learning_rate or (1e-3 if options.trainable == "head" else 5e-5)
    optimizer = torch.optim.AdamW(parameters, lr=rate)
    steps = options.epochs * len(shuffled)
    schedule = get_linear_schedule_with_warmup(optimizer, int(options.warmup * steps), steps)
    loss_of = nn.CrossEntropyLoss()
    bf16 = options.precision == "bf16"

    def forward(batch):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return model(**batch)

    epochs = []
    for epoch in range(1, options.epochs + 1):
        model.train()
        begin, tokens, total = time.perf_counter(), 0, 0.0
        for batch, target in shuffled:
            loss = loss_of(forward(batch).float(), target)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            tokens += int(batch["attention_mask"].sum())
            total += loss.item() * len(target)
        seconds = time.perf_counter() - begin
        model.eval()
        begin = time.perf_counter()
        with torch.no_grad():
            right = sum(int((forward(b).argmax(-1) == t).sum()) for b, t in in_order)
        epochs.append({"epoch": epoch, "seconds": round(seconds, 3), "tokens": tokens,
                       "tokens_per_second": round(tokens / seconds, 1), "loss": round(total / len(train), 5),
                       "accuracy": round(right / len(dev), 5), "eval_seconds": round(time.perf_counter() - begin, 3)})
        print(json.dumps(epochs[-1]), flush=True)
    if options.save:
        from safetensors.torch import save_model
        save_model(model, options.save)
    print(json.dumps({"summary": {
        "trainable": options.trainable, "precision": options.precision, "threads": options.threads,
        "parameters": sum(p.numel() for p in parameters), "examples": len(train),
        "wall_seconds": round(time.perf_counter() - started, 3),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "best_accuracy": max(e["accuracy"] for e in epochs)}}))


if __name__ == "__main__":
    main()
