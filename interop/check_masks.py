"""Exported freeze masks, applied by the trainers they are for: frozen must come out byte-identical."""

import importlib.util
import json
import re

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig

from tool import Classifier, Skip, TINY, espalier, folder

ROWS = "bert.embeddings.word_embeddings.weight[100:104]"


def prepare(path, *selectors):
    espalier("graft", TINY, "--head", "mlp:16", "--labels", "2", "-o", path / "base")
    espalier("mask", "create", path / "base", "--train", *selectors, "-o", path / "mask.json")
    model = Classifier(BertConfig.from_pretrained(TINY), 16, 2)
    model.load_state_dict(load_file(path / "base/model.safetensors"), strict=True)
    return model


def module(path, kind):
    espalier("mask", "export", path / "mask.json", "--to", kind, "-o", path / f"{kind}_mask.py")
    spec = importlib.util.spec_from_file_location(f"{kind}_mask", path / f"{kind}_mask.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def steps(model, optimizer, count=20):
    torch.manual_seed(0)
    for _ in range(count):
        ids = torch.randint(95, 110, (4, 12))
        loss = torch.nn.functional.cross_entropy(model(ids, torch.ones_like(ids)), torch.tensor([0, 1, 0, 1]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimizer.step()


def proof(path, model):
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path / "tuned.safetensors")
    return json.loads(espalier("verify", path / "base", path / "tuned.safetensors", "--mask", path / "mask.json", "--json"))


def test_exported_torch_file_holds_frozen_rows_against_weight_decay():
    with folder() as path:
        model = prepare(path, "linear", ROWS)
        mask = module(path, "torch")
        parameters = mask.apply(model)
        assert len(parameters) == 5
        optimizer = torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0.1)
        mask.hold(model, optimizer)
        steps(model, optimizer)
        report = proof(path, model)
        assert report["holds"] and report["proven"]["rows"] == 508 and len(report["changed"]) == 5, report
        return f"{report['proven']['rows']} rows"


def test_without_hold_weight_decay_moves_frozen_rows_and_verify_says_so():
    with folder() as path:
        model = prepare(path, "linear", ROWS)
        parameters = module(path, "torch").apply(model)
        steps(model, torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0.1))
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path / "tuned.safetensors")
        espalier("verify", path / "base", path / "tuned.safetensors", "--mask", path / "mask.json", status=1)


def test_exported_torch_file_sees_through_wrappers_and_refuses_another_model():
    with folder() as path:
        model = prepare(path, "linear")
        mask = module(path, "torch")
        wrapped = torch.nn.Module()
        wrapped.module = torch.nn.Module()
        wrapped.module._orig_mod = model
        assert len(mask.apply(wrapped)) == 4
        try:
            mask.apply(torch.nn.Linear(2, 2))
        except ValueError as error:
            assert "does not fit" in str(error)
        else:
            raise AssertionError("a mask of another model was applied")


def test_exported_callback_freezes_when_made_and_checks_before_the_first_step():
    with folder() as path:
        model = prepare(path, "linear", ROWS)
        callback = module(path, "hf").FreezeMaskCallback(model)
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
        callback.on_train_begin(None, None, None, model=model, optimizer=optimizer)
        steps(model, optimizer)
        assert proof(path, model)["holds"]
        model.linear[0].bias.requires_grad_(False)
        try:
            callback.on_train_begin(None, None, None, model=model, optimizer=optimizer)
        except ValueError as error:
            assert "linear.0.bias" in str(error)
        else:
            raise AssertionError("a parameter that was frozen by hand went unnoticed")


def test_exported_patterns_select_in_python_what_the_mask_selects():
    with folder() as path:
        model = prepare(path, "bert.encoder.layer[-1]", "linear.2")
        names = [name for name, _ in model.named_parameters()]
        wanted = {n for n, train in json.loads((path / "mask.json").read_text())["tensors"].items() if train}
        arguments = espalier("mask", "export", path / "mask.json", "--to", "ms-swift")
        expression = re.search(r"'(.*)'", arguments).group(1)
        assert {n for n in names if re.search(expression, n)} == wanted
        lines = espalier("mask", "export", path / "mask.json", "--to", "axolotl").splitlines()[1:]
        patterns = [re.compile(line.strip()[3:-1].replace(".", "\\.")) for line in lines]
        assert {n for n in names if any(p.match(n) for p in patterns)} == wanted
        both = json.loads(espalier("mask", "export", path / "mask.json", "--to", "ort"))
        assert set(both["requires_grad"]) == wanted and set(both["frozen_params"]) == set(names) - wanted


def test_a_requires_grad_dump_comes_back_as_the_same_mask():
    with folder() as path:
        model = prepare(path, "linear")
        module(path, "torch").apply(model)
        (path / "dump.json").write_text(json.dumps({n: p.requires_grad for n, p in model.named_parameters()}))
        espalier("mask", "import", path / "dump.json", path / "base", "--from", "requires-grad", "-o", path / "again.json")
        espalier("mask", "diff", path / "mask.json", path / "again.json")


def test_exported_settings_of_peft_train_what_the_mask_trains():
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise Skip("peft is not installed")
    with folder() as path:
        model = prepare(path, "linear", ROWS)
        settings = json.loads(espalier("mask", "export", path / "mask.json", "--to", "peft"))
        assert settings["trainable_token_indices"] == {"bert.embeddings.word_embeddings": [100, 101, 102, 103]}
        (path / "adapter_config.json").write_text(json.dumps(settings))
        stored = LoraConfig.from_pretrained(path)
        assert stored.modules_to_save == settings["modules_to_save"] and stored.peft_type == settings["peft_type"], stored
        tuned = get_peft_model(model, LoraConfig(**settings))
        assert not [name for name, _ in tuned.named_parameters() if "lora_" in name]
        trained = sum(p.numel() for p in tuned.parameters() if p.requires_grad)
        assert trained == 4 * 32 + 32 * 16 + 16 + 16 * 2 + 2, trained
        steps(tuned, torch.optim.AdamW([p for p in tuned.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1))
        report = proof(path, tuned.merge_and_unload())
        assert report["holds"] and report["proven"]["rows"] == 508 and len(report["changed"]) == 5, report
        return f"{trained} parameters"


def test_exported_settings_of_peft_train_the_same_parameters_of_a_bert():
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise Skip("peft is not installed")
    from transformers import AutoModelForSequenceClassification
    masks = [["classifier"], ["bert.encoder.layer[-1]", "classifier"], ["**:role(norm)"], ["**.bias"],
             ["bert.embeddings.word_embeddings.weight[7:9]"], ["bert.pooler", "bert.embeddings"]]
    count = 0
    for selectors in masks:
        with folder() as path:
            model = AutoModelForSequenceClassification.from_pretrained(TINY)
            model.save_pretrained(path / "base")
            espalier("mask", "create", path / "base", "--train", *selectors, "-o", path / "mask.json", "--no-siblings")
            states = json.loads((path / "mask.json").read_text())["tensors"]
            settings = json.loads(espalier("mask", "export", path / "mask.json", "--to", "peft"))
            tuned = get_peft_model(model, LoraConfig(**settings))
            trained = {}
            for name, parameter in tuned.named_parameters():
                if not parameter.requires_grad:
                    continue
                plain = name.removeprefix("base_model.model.").replace(".modules_to_save.default", "")
                if ".token_adapter." in plain:
                    module, _, _ = plain.partition(".token_adapter.")
                    trained[module + ".weight"] = parameter.shape[0]
                else:
                    trained[plain.replace(".original_module", "")] = True
            wanted = {name: sum(b - a for a, b in state["train_rows"]) if isinstance(state, dict) else True
                      for name, state in states.items() if state}
            assert trained == wanted, (selectors, trained.keys() ^ wanted.keys())
            count += 1
    return f"{count} masks"
