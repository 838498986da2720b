"""Imported masks against the trainers: PEFT itself, and the rules of axolotl, LLaMA-Factory and ms-swift in a few lines."""

import json
import re

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, DistilBertConfig, DistilBertForSequenceClassification

from tool import Skip, espalier, folder


class Decoder(nn.Module):
    """Layers of which all but the first have experts, and a normalisation with running statistics."""

    def __init__(self, layers):
        super().__init__()
        self.embed_tokens = nn.Embedding(10, 4)
        self.layers = nn.ModuleList()
        for index in range(layers):
            layer = nn.ModuleDict({"mlp": nn.Linear(4, 4), "norm": nn.LayerNorm(4)})
            if index:
                layer["experts"] = nn.ModuleList([nn.Linear(2, 2) for _ in range(layers + 3)])
            self.layers.append(layer)
        self.bn = nn.BatchNorm1d(4)
        self.lm_head = nn.Linear(4, 10, bias=False)


def stored(path, model, layers):
    (path / "model").mkdir()
    save_file(model.state_dict(), path / "model/model.safetensors")
    (path / "model/config.json").write_text(json.dumps({"num_hidden_layers": layers}))
    return [name for name, _ in model.named_parameters()]


def imported(path, text, source):
    (path / "settings").write_text(text)
    espalier("mask", "import", path / "settings", path / "model", "--from", source, "-o", path / "mask.json")
    return {k: v for k, v in json.loads((path / "mask.json").read_text())["tensors"].items() if v}


def test_axolotl_patterns():
    with folder() as path:
        names = stored(path, Decoder(12), 12)
        for pattern in ["layers.1.+", "^layers.1.", "layers.[0-9]+.mlp", ".+norm.weight$", "^layers.+experts.1[0-9].+", "bn"]:
            regex = re.compile(re.sub(r"\.(?!\+)", r"\\.", pattern))
            text = f"lr: 1e-4\nunfrozen_parameters:\n  - '{pattern}'\n"
            assert set(imported(path, text, "axolotl")) == {n for n in names if regex.match(n)}, pattern


def test_llama_factory_layers():
    with folder() as path:
        names = stored(path, Decoder(12), 12)
        cases = {(2, False): [10, 11], (-3, False): [0, 1, 2], (4, True): [2, 5, 8, 11], (12, True): range(12)}
        for (count, pro), layers in cases.items():
            for module in ["all", "mlp", "experts"]:
                parts = [f".{i}." + (module if module != "all" else "") for i in layers] + ["lm_head"]
                text = (f"finetuning_type: freeze\nfreeze_trainable_layers: {count}\nuse_llama_pro: {str(pro).lower()}\n"
                        f"freeze_trainable_modules: {module}\nfreeze_extra_modules: lm_head\n")
                want = {n for n in names if any(p in n for p in parts)}
                assert set(imported(path, text, "llamafactory")) == want, text


def test_ms_swift_arguments():
    with folder() as path:
        names = stored(path, Decoder(12), 12)
        for frozen, regex, trained in [(["layers.1"], "norm", []), ([], None, ["layers.10", "bn"]), (["layers"], None, ["layers.1."])]:
            arguments = {"train_type": "full", "freeze_parameters_ratio": 0 if frozen else 1, "freeze_parameters": frozen,
                         "freeze_parameters_regex": regex, "trainable_parameters": trained}
            want = {n for n in names if frozen and not any(n.startswith(f) for f in frozen) and not (regex and re.search(regex, n))
                    or any(n.startswith(t) for t in trained)}
            assert set(imported(path, json.dumps(arguments), "ms-swift")) == want, arguments


def test_peft_trains_what_the_imported_mask_says():
    try:
        from peft import IA3Config, LNTuningConfig, LoraConfig, TrainableTokensConfig, get_peft_model
    except ImportError:
        raise Skip("peft is not installed")
    sizes = dict(hidden_size=8, num_hidden_layers=11, num_attention_heads=2, intermediate_size=8, vocab_size=30)
    small = dict(dim=8, n_layers=3, n_heads=2, hidden_dim=8, vocab_size=30)
    makers = [
        (lambda: BertForSequenceClassification(BertConfig(**sizes)), ["query", "value"]),
        (lambda: DistilBertForSequenceClassification(DistilBertConfig(**small)), ["q_lin", "v_lin"]),
    ]
    count = 0
    for make, attention in makers:
        for config in [
            LoraConfig(task_type="SEQ_CLS", target_modules=attention),
            LoraConfig(task_type="SEQ_CLS", target_modules=attention, bias="lora_only", layers_to_transform=[1, 2]),
            LoraConfig(target_modules=".*" + attention[0], bias="all"),
            LoraConfig(target_modules="all-linear", bias="lora_only", exclude_modules=attention[1:]),
            LoraConfig(target_modules=attention, modules_to_save=["layer.1"], trainable_token_indices=[1, 2, 7]),
            LNTuningConfig(target_modules=["LayerNorm"], task_type="SEQ_CLS"),
            IA3Config(target_modules=attention, feedforward_modules=[], task_type="SEQ_CLS"),
            TrainableTokensConfig(token_indices=[3, 4]),
        ]:
            with folder() as path:
                model = make()
                try:
                    model.save_pretrained(path / "model")
                    tuned = get_peft_model(model, config)
                except ValueError:
                    continue  # DistilBERT calls its normalisation otherwise
                want = set()
                for name, parameter in tuned.named_parameters():
                    name = name.removeprefix("base_model.model.").replace(".base_layer", "")
                    if not parameter.requires_grad or "original_module" in name or re.search("lora_|ia3_", name):
                        continue
                    name = re.sub(r"\.(modules_to_save|ln_tuning_layers)\.default", "", name)
                    want.add(re.sub(r"(\.token_adapter)?\.trainable_tokens_delta.*", ".weight", name))
                tuned.save_pretrained(path / "adapter")
                text = (path / "adapter/adapter_config.json").read_text()
                assert set(imported(path, text, "peft")) == want, config
                count += 1
    return f"{count} configurations"
