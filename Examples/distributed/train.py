#!/usr/bin/env python3
"""Trains what a freeze mask trains, on several processes.

    espalier graft bert-base-uncased --head mlp:128 --labels 2 -o base
    espalier mask create base --train linear -o mask.json
    torchrun --nproc-per-node 2 train.py --model base --mask mask.json --strategy fsdp2 -o tuned.safetensors
    espalier verify base tuned.safetensors --mask mask.json

The data are token numbers drawn from a seed, for what is shown here is where the mask goes. Needs espalier, torch, transformers
and safetensors; without espalier, what `espalier mask export mask.json --to torch -o freeze_mask.py` wrote is a mask too. Runs on CPUs (gloo) or GPUs (nccl).
"""

import argparse
import importlib.util
import os

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from transformers import BertConfig, BertModel


class Classifier(nn.Module):
    """An encoder with the head that `espalier graft --head mlp:WIDTH` adds."""

    def __init__(self, config, width, labels):
        super().__init__()
        self.bert = BertModel(config)
        self.linear = nn.Sequential(nn.Linear(config.hidden_size, width), nn.Tanh(), nn.Linear(width, labels))

    def forward(self, ids):
        return self.linear(self.bert(ids).last_hidden_state.mean(1))


def load_mask(path):
    """The mask: `apply(model)` and `hold(model, optimizer)`."""
    if path.endswith(".json"):
        import espalier
        return espalier.Mask.load(path)
    spec = importlib.util.spec_from_file_location("freeze_mask", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(path):
    """The model with the weights of a checkpoint that espalier wrote."""
    weights = load_file(os.path.join(path, "model.safetensors"))
    width, labels = weights["linear.0.weight"].shape[0], weights["linear.2.weight"].shape[0]
    model = Classifier(BertConfig.from_pretrained(path), width, labels)
    model.load_state_dict(weights, strict=True)
    # In eval mode there is no dropout, and every strategy gives the same numbers.
    return model.eval()


def batches(steps, size, vocabulary, rank, world):
    """This process's share of each batch."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        ids = torch.randint(5, vocabulary, (size, 12), generator=generator)
        labels = torch.randint(0, 2, (size,), generator=generator)
        yield ids[rank::world], labels[rank::world]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a directory that espalier graft wrote")
    parser.add_argument("--mask", required=True, help="a freeze mask, or what espalier mask export --to torch wrote")
    parser.add_argument("--strategy", choices=["none", "ddp", "fsdp2"], required=True)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("-o", "--output", required=True)
    options = parser.parse_args()
    mask = load_mask(options.mask)
    rank, world = 0, 1
    if options.strategy != "none":
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        rank, world = dist.get_rank(), dist.get_world_size()
    device = torch.device("cuda", rank) if torch.cuda.is_available() else torch.device("cpu")

    model = build(options.model).to(device)
    if options.strategy == "fsdp2":
        # First shard, then the mask: it marks and holds the shards that the optimizer sees.
        for layer in model.bert.encoder.layer:
            fully_shard(layer)
        fully_shard(model)
        trained = mask.apply(model)
    else:
        # First the mask, then DDP: it decides once which gradients it waits for.
        trained = mask.apply(model)
        if options.strategy == "ddp":
            model = DistributedDataParallel(model)
    optimizer = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0.1)
    mask.hold(model, optimizer)

    vocabulary = load_file(os.path.join(options.model, "model.safetensors"))["bert.embeddings.word_embeddings.weight"].shape[0]
    for ids, labels in batches(options.steps, options.batch, vocabulary, rank, world):
        loss = nn.functional.cross_entropy(model(ids.to(device)), labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    # Whole tensors under their own names, whatever wrapped or sharded them.
    state = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    if rank == 0:
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, options.output, metadata={"format": "pt"})
        print(f"{options.strategy}: {world} processes, loss {loss.item():.4f}, {len(trained)} tensors train")
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
