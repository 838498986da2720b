"""`check` has nothing to say of what transformers saves: tiny models of many classes, fresh from their constructors and with other values."""

import json
import os
import subprocess

import torch
import transformers
from safetensors.torch import load_file, save_file

import tiny_models
from tool import espalier, espalier_json, folder


def findings(paths, *options):
    done = subprocess.run([os.environ["ESPALIER"], "check", "--json", *options, *paths], capture_output=True, text=True)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    return [f"{f['path'].rsplit('/', 1)[-1]}: {f['severity']}: {f['key']}: {f['message']}" for f in json.loads(done.stdout)["findings"]]


def test_saved_models_have_nothing_to_find():
    found = findings(list(tiny_models.folders().values()))
    assert not found, "\n".join(found)
    return f"{len(tiny_models.MODELS)} classes"


def test_fresh_models_have_nothing_to_find():
    """As their constructors leave them: norms and biases of all layers are equal."""
    with folder() as temporary:
        for name in tiny_models.MODELS:
            torch.manual_seed(1)
            getattr(transformers, name)(tiny_models.config_of(name)).save_pretrained(temporary / name)
        found = findings([temporary / name for name in tiny_models.MODELS])
    assert not found, "\n".join(found)
    return f"{len(tiny_models.MODELS)} classes"


def test_half_precision_and_shards_have_nothing_to_find():
    with folder() as temporary:
        for name in ("LlamaForCausalLM", "Gemma3ForConditionalGeneration", "T5ForConditionalGeneration", "BertForMaskedLM", "WhisperForConditionalGeneration"):
            tiny_models.make(name).half().save_pretrained(temporary / name, max_shard_size="20KB")
            assert (temporary / name / "model.safetensors.index.json").exists() or len(list((temporary / name).glob("*.safetensors"))) == 1
            found = findings([temporary / name])
            assert not found, "\n".join(found)
            shards = sorted((temporary / name).glob("model-*-of-*.safetensors"))
            found = findings(shards) if shards else []
            assert not found, "\n".join(found)
            for shard in shards[1:]:
                shard.unlink()
            if len(shards) > 1:
                found = findings(shards[:1])
                assert len(found) == 1 and "warning" in found[0] and "shards" in found[0], found


def test_adapters_of_some_layers_have_nothing_to_find():
    import peft
    with folder() as temporary:
        for layers in ([1, 3], [2, 3]):
            config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], layers_to_transform=layers)
            path = temporary / "-".join(map(str, layers))
            peft.get_peft_model(tiny_models.make("LlamaForCausalLM"), config).save_pretrained(path)
            found = findings([path])
            assert not found, "\n".join(found)


def test_a_configuration_of_other_layers_is_found():
    """What an edit of the weights alone leaves behind: the count of layers of every class with one."""
    missed = []
    with folder() as temporary:
        for name in tiny_models.MODELS:
            path = tiny_models.folders()[name]
            config = json.loads((path / "config.json").read_text())
            count = next((key for key in ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers") if config.get(key) == 4), None)
            if not count or name in ("AlbertForMaskedLM", "SwinForImageClassification"):
                continue
            config[count] = 5
            out = temporary / name
            out.mkdir()
            (out / "model.safetensors").symlink_to(path / "model.safetensors")
            (out / "config.json").write_text(json.dumps(config))
            if not any("5" in line for line in findings([out], "--fast")):
                missed.append(name)
    assert not missed, missed


def test_empty_placeholders_are_named():
    with folder() as temporary:
        state = load_file(tiny_models.folders()["BertForMaskedLM"] / "model.safetensors")
        empty = {key: torch.empty(0) if value.dim() > 1 else value for key, value in state.items()}
        save_file(empty, temporary / "model.safetensors", {"format": "pt"})
        report = espalier_json("check", temporary, status=1)["findings"]
        assert [f["rule"] for f in report] == ["empty-weights"], report
        assert "the weights are empty" in espalier("check", temporary, status=1)
