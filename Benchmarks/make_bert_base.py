#!/usr/bin/env python3
"""Makes a checkpoint of bert-base-uncased's shapes (109.5 M parameters, random weights, seed 0) in two spellings.

    python Benchmarks/make_bert_base.py OUT --tokenizer MINILM_DIR

OUT/safetensors/  config.json, model.safetensors     a BertForPreTraining as transformers writes it today (438 MB)
OUT/old/          config.json, pytorch_model.bin     the same tensors as in 2018: gamma and beta, a torch zip
OUT/bert-model/   config.json, model.safetensors     the BertModel alone, without the prefix `bert.`

Each gets the vocabulary and tokenizer files of --tokenizer (any uncased BERT: MiniLM has the same vocabulary).
"""

import argparse
import os
import pathlib
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from transformers import BertConfig, BertForPreTraining


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True)
    parser.add_argument("--spread", type=float, default=0.02, help="standard deviation of the weights")
    options = parser.parse_args()

    torch.manual_seed(0)
    model = BertForPreTraining(BertConfig(initializer_range=options.spread))
    with torch.no_grad():  # as in a trained model, no bias is zero and no LayerNorm is all ones
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.02)
    new, old, trunk = (options.out / n for n in ("safetensors", "old", "bert-model"))
    model.save_pretrained(new)
    model.bert.save_pretrained(trunk)

    old.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    state.pop("cls.predictions.decoder.bias", None)  # tied to cls.predictions.bias, and unknown in 2018
    renamed = type(state)()
    for key, tensor in state.items():
        renamed[key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")] = tensor
    torch.save(renamed, old / "pytorch_model.bin")
    model.config.save_pretrained(old)

    for folder in (new, old, trunk):
        for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
            if (options.tokenizer / name).exists():
                shutil.copyfile(options.tokenizer / name, folder / name)
        print(folder, sum(f.stat().st_size for f in folder.iterdir()) // 1_000_000, "MB")


if __name__ == "__main__":
    main()
