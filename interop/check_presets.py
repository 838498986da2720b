"""`edit --preset` on what the wrappers of PyTorch and its trainers write: the result loads strictly in the model's class."""

import warnings

import torch
from safetensors.torch import load_file
from torch import nn
from transformers import BertConfig, BertForPreTraining, BertForSequenceClassification, BertModel, DistilBertConfig, DistilBertForMaskedLM

from tool import espalier, folder


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


def loads(path, model, *presets, key=None, out="out.pt"):
    """What the presets make of a file loads strictly into `model`."""
    written = path.parent / out
    if written.exists():
        written.unlink()
    espalier("edit", path, "-o", written, *[word for preset in presets for word in ("--preset", preset)])
    state = torch.load(written, weights_only=True) if out.endswith(".pt") else load_file(written)
    model.load_state_dict(state[key] if key else state, strict=True)
    return state


def in_one_process(body):
    """Runs `body` in a process group of one."""
    import torch.distributed as dist
    import tempfile
    with tempfile.TemporaryDirectory() as temporary:
        dist.init_process_group("gloo", init_method=f"file://{temporary}/store", rank=0, world_size=1)
        try:
            return body()
        finally:
            dist.destroy_process_group()


def test_what_wrappers_write_loads_in_the_model():
    warnings.filterwarnings("ignore")
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
    from torch.distributed.fsdp import FullyShardedDataParallel
    from torch.nn.parallel import DistributedDataParallel
    from torch.optim.swa_utils import AveragedModel

    def inner():
        model = Model()
        model.layers[0] = checkpoint_wrapper(model.layers[0])
        model.layers[1] = torch.compile(model.layers[1])
        return model

    def states():
        data = nn.DataParallel
        yield "DataParallel", data(Model()).state_dict()
        yield "DataParallel twice", data(data(Model())).state_dict()
        yield "compile", torch.compile(Model()).state_dict()
        yield "compile over DataParallel", torch.compile(data(Model())).state_dict()
        yield "DataParallel over compile", data(torch.compile(Model())).state_dict()
        yield "DDP", DistributedDataParallel(Model()).state_dict()
        yield "compile over DDP", torch.compile(DistributedDataParallel(Model())).state_dict()
        yield "DDP over compile", DistributedDataParallel(torch.compile(Model())).state_dict()
        yield "inside", inner().state_dict()
        yield "inside, DataParallel", data(inner()).state_dict()
        yield "average", AveragedModel(Model()).state_dict()
        yield "average over DataParallel", AveragedModel(data(Model())).state_dict()
        yield "compile over average", torch.compile(AveragedModel(Model())).state_dict()
        yield "Fabric", {"_forward_module." + k: v for k, v in Model().state_dict().items()}
        yield "Fabric over DDP", {"_forward_module.module." + k: v for k, v in Model().state_dict().items()}
        yield "FSDP", {"_fsdp_wrapped_module." + k.replace("layers.0.", "layers.0._fsdp_wrapped_module._checkpoint_wrapped_module."): v
                       for k, v in Model().state_dict().items()}
        yield "FairScale", {"_fsdp_wrapped_module._fpw_module." + k: v for k, v in Model().state_dict().items()}
        yield "Opacus", {"_module." + k: v for k, v in Model().state_dict().items()}
        yield "Megatron", {"module.module." + k: v for k, v in Model().state_dict().items()}

    def body():
        count = 0
        for name, state in states():
            state = {k: v.clone() for k, v in state.items()}
            with folder() as temporary:
                # As it is, and in the dictionaries of trainers.
                torch.save(state, temporary / "a.pt")
                loads(temporary / "a.pt", Model(), "strip-wrappers")
                loads(temporary / "a.pt", Model(), "strip-wrappers", out="out.safetensors")
                for key in ("state_dict", "net"):
                    torch.save({"epoch": 1, key: state, "best": 0.5}, temporary / "b.pt")
                    found = loads(temporary / "b.pt", Model(), "strip-wrappers", key=key)
                    assert found["epoch"] == 1 and set(found) == {"epoch", key, "best"}, (name, key)
                torch.save({"module": state, "ds_version": "0.16", "optimizer": None}, temporary / "c.pt")
                loads(temporary / "c.pt", Model(), "strip-wrappers")
                both = {"generator": state, "discriminator": {k: v.clone() for k, v in state.items()}, "step": 3}
                torch.save(both, temporary / "d.pt")
                loads(temporary / "d.pt", Model(), "strip-wrappers", key="generator")
                loads(temporary / "d.pt", Model(), "strip-wrappers", key="discriminator")
                count += 6
        return count

    return f"{in_one_process(body)} files"


def test_what_lightning_writes_loads_in_the_model():
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    for prefix in ("model.", "model._orig_mod.", "_orig_mod.model.", "_forward_module.model.", "model.module.", ""):
        with folder() as temporary:
            torch.save({
                "epoch": 1, "global_step": 2, "pytorch-lightning_version": "2.5.0",
                "state_dict": {prefix + k: v for k, v in model.state_dict().items()}, "loops": {"fit_loop": {"state_dict": {}}},
                "callbacks": {"ModelCheckpoint{}": {"best": torch.tensor(0.5)}}, "optimizer_states": [optimizer.state_dict()],
                "lr_schedulers": [], "hparams_name": "kwargs", "hyper_parameters": {"lr": 0.1},
            }, temporary / "a.ckpt")
            loads(temporary / "a.ckpt", Model(), "lightning")
            loads(temporary / "a.ckpt", Model(), "lightning", out="out.safetensors")


def test_presets_of_bert_load_in_its_classes():
    config = BertConfig(vocab_size=40, hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=24,
                        max_position_embeddings=16)
    small = DistilBertConfig(vocab_size=40, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=16)
    for make in (BertForSequenceClassification, BertForPreTraining):
        model = make(config)
        with folder() as temporary:
            torch.save(model.state_dict(), temporary / "a.pt")
            loads(temporary / "a.pt", BertModel(config, add_pooling_layer=True), "strip-bert")
            old = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
                   for k, v in model.state_dict().items()}
            torch.save(old, temporary / "b.pt")
            loads(temporary / "b.pt", make(config), "gamma-beta")
            if make is BertForPreTraining:
                loads(temporary / "b.pt", DistilBertForMaskedLM(small), "distilbert")
