"""`edit --merge-lora` against PEFT's `merge_and_unload`, over the settings of `LoraConfig`."""

import json
import os
import subprocess
import warnings

import torch
from safetensors.torch import load_file, save_file

from tool import Skip, close, folder

try:
    import peft
    from peft import LoraConfig, PeftModel, TaskType, get_peft_model
except ImportError:
    peft = None

from torch import nn
from transformers import (BertConfig, BertForSequenceClassification, BertModel, GPT2Config, GPT2LMHeadModel,
                          GPT2Model, LlamaConfig, LlamaForCausalLM)


def need_peft():
    if peft is None:
        raise Skip("peft is not installed")
    warnings.filterwarnings("ignore")


def run(*arguments):
    return subprocess.run([os.environ["ESPALIER"], *map(str, arguments)], capture_output=True, text=True)


class Mixed(nn.Module):
    """One of each kind of layer."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.wide = nn.Linear(8, 12)
        self.square = nn.Linear(12, 12)
        self.plain = nn.Linear(12, 8, bias=False)
        self.norm = nn.LayerNorm(8)
        self.conv1 = nn.Conv1d(8, 6, 3)
        self.conv2 = nn.Conv2d(4, 6, (3, 2))
        self.point = nn.Conv2d(4, 6, 1)
        self.conv3 = nn.Conv3d(4, 6, 2)
        self.grouped = nn.Conv2d(4, 6, 3, groups=2)
        self.attention = nn.MultiheadAttention(8, 2)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.plain(self.square(self.wide(self.embed(x)))))


class Experts(nn.Module):
    def __init__(self, transposed):
        super().__init__()
        self.is_transposed = transposed
        self.gate_up = nn.Parameter(torch.randn(3, 6, 10) if transposed else torch.randn(3, 10, 6))
        self.down = nn.Parameter(torch.randn(3, 5, 6) if transposed else torch.randn(3, 6, 5))

    def forward(self, x):
        up = self.gate_up[0] if self.is_transposed else self.gate_up[0].T
        return x @ up


class Router(nn.Module):
    def __init__(self, transposed):
        super().__init__()
        self.experts = Experts(transposed)
        self.out = nn.Linear(10, 2)

    def forward(self, x):
        return self.out(self.experts(x))


def stir(model):
    """Gives every part of an adapter values as if it had been trained."""
    torch.manual_seed(11)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_magnitude_vector" in name:
                parameter.mul_(1 + 0.3 * torch.rand_like(parameter))
            elif "lora_" in name:
                parameter.normal_(std=0.3)
            elif parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))


def both(make, config, temporary, dtype=torch.float32, prepare=lambda tuned: None, save=None, suffix="safetensors"):
    """The adapter of a model merged by the tool and, from its files, by PEFT: two state dicts and the tool's run."""
    torch.manual_seed(5)
    model = make().to(dtype)
    base = {k: v.clone() for k, v in model.state_dict().items()}
    if suffix == "safetensors":
        tied = {}
        for k, v in model.state_dict().items():
            tied.setdefault(v.data_ptr(), k)
        save_file({k: base[k] for k in tied.values()}, str(temporary / "base.safetensors"))
    else:
        torch.save(model.state_dict(), temporary / "base.bin")
    tuned = get_peft_model(model, config)
    stir(tuned)
    prepare(tuned)
    tuned.save_pretrained(temporary / "adapter", **(save or {}))
    torch.manual_seed(5)
    again = make().to(dtype)
    again.load_state_dict(base)
    theirs = PeftModel.from_pretrained(again, temporary / "adapter").merge_and_unload()
    out = temporary / f"out.{suffix}"
    result = run("edit", temporary / f"base.{suffix}", "-o", out, "--merge-lora", temporary / "adapter")
    ours = None
    if result.returncode == 0:
        ours = load_file(out) if suffix == "safetensors" else torch.load(out, weights_only=True)
    return ours, theirs.state_dict(), result, base


def same(name, make, config, tolerance=1e-6, **more):
    with folder() as temporary:
        ours, theirs, result, base = both(make, config, temporary, **more)
        assert result.returncode == 0, f"{name}: {result.stderr}"
        assert set(ours) <= set(theirs), (name, set(ours) ^ set(theirs))
        changed = 0
        worst = 0.0
        for key in theirs:
            if key not in ours:  # tied, and safetensors has one of them
                assert any(torch.equal(theirs[key], theirs[k]) for k in ours), (name, key)
                continue
            scale = max(1.0, theirs[key].abs().max().item())
            worst = max(worst, close(ours[key] / scale, theirs[key] / scale, tolerance, f"{name} {key}"))
            assert ours[key].dtype == theirs[key].dtype, (name, key, ours[key].dtype)
            changed += key in base and not torch.equal(base[key], ours[key])
        assert changed, name
        return worst


def test_every_kind_of_layer_and_setting_merges_as_in_peft():
    need_peft()
    linear = ["wide", "square", "plain"]
    rows = [
        ("plain", dict(target_modules=linear)),
        ("embedding", dict(target_modules=["embed"])),
        ("convolutions", dict(target_modules=["conv1", "conv2", "point", "conv3"])),
        ("attention", dict(target_modules=["attention", "wide"])),
        ("rslora", dict(target_modules=linear, use_rslora=True)),
        ("patterns", dict(target_modules=linear, alpha_pattern={"wide": 3, "^plain": 5}, rank_pattern={"square|wide": 2})),
        ("dora", dict(target_modules=linear + ["embed", "conv1", "conv2", "point", "conv3"], use_dora=True)),
        ("dora rslora", dict(target_modules=linear, use_dora=True, use_rslora=True)),
        ("lora_bias", dict(target_modules=["wide", "square", "conv2"], lora_bias=True)),
        ("bias all", dict(target_modules=linear, bias="all")),
        ("bias lora_only", dict(target_modules=linear + ["conv2"], bias="lora_only")),
        ("modules_to_save", dict(target_modules=linear, modules_to_save=["head", "norm"])),
        ("tokens", dict(target_modules=linear, trainable_token_indices={"embed": [7, 1, 3]})),
        ("tokens and bias", dict(target_modules=["wide"], trainable_token_indices={"embed": [0]}, bias="all", modules_to_save=["head"])),
        ("expression", dict(target_modules="wide|sq.*")),
        ("excluded", dict(target_modules=linear, exclude_modules=["square"])),
        ("gaussian", dict(target_modules=linear, init_lora_weights="gaussian")),
        ("orthogonal", dict(target_modules=linear, init_lora_weights="orthogonal")),
        ("random", dict(target_modules=linear, init_lora_weights=False)),
        ("mica", dict(target_modules=linear, init_lora_weights="mica")),
        ("dropout", dict(target_modules=linear, lora_dropout=0.3)),
        ("fan_in_fan_out of a linear layer", dict(target_modules=["wide"], fan_in_fan_out=True)),
        ("velora", dict(target_modules=linear, velora_config=peft.tuners.lora.config.VeloraConfig(num_groups=4))),
        ("monteclora", dict(target_modules=["wide"], monteclora_config=peft.tuners.lora.config.MontecloraConfig())),
    ]
    worst = max(same(name, Mixed, LoraConfig(r=4, lora_alpha=10, **options)) for name, options in rows)
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        tolerance = 1e-6 if dtype == torch.float64 else 8e-3
        for options in (dict(target_modules=linear), dict(target_modules=linear, use_dora=True, modules_to_save=["head"]),
                        dict(target_modules=["wide"], trainable_token_indices={"embed": [2, 1]})):
            same(f"{dtype} {options}", Mixed, LoraConfig(r=4, lora_alpha=10, **options), tolerance, dtype=dtype)
    return f"off by {worst:.2g}"


def test_parameters_of_experts_merge_as_in_peft():
    need_peft()
    worst = 0.0
    for transposed in (False, True):
        for names in (["experts.gate_up"], ["experts.down", "experts.gate_up"]):
            config = LoraConfig(r=2, lora_alpha=3, target_modules=["out"], target_parameters=names, rank_pattern={"experts.down": 4})
            worst = max(worst, same(f"experts {transposed} {names}", lambda: Router(transposed), config))
    return f"off by {worst:.2g}"


def bert(**more):
    return BertConfig(vocab_size=40, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24,
                      max_position_embeddings=16, **more)


def gpt2():
    return GPT2Config(vocab_size=40, n_positions=16, n_embd=16, n_layer=2, n_head=2)


def llama(tied):
    return LlamaConfig(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
                       num_key_value_heads=1, tie_word_embeddings=tied)


def test_models_of_transformers_merge_as_in_peft():
    need_peft()
    worst = 0.0
    classify = lambda: BertForSequenceClassification(bert())
    rows = [
        ("classifier", classify, LoraConfig(task_type=TaskType.SEQ_CLS, r=4, target_modules=["query", "dense"]), {}),
        ("some layers", classify, LoraConfig(r=4, target_modules=["query"], layers_to_transform=[0, 2]), {}),
        ("layers of a pattern", classify, LoraConfig(r=4, target_modules=["query"], layers_to_transform=1, layers_pattern="layer"), {}),
        ("all linear", classify, LoraConfig(r=4, target_modules="all-linear", bias="all"), {}),
        ("GPT-2", lambda: GPT2LMHeadModel(gpt2()), LoraConfig(r=4, target_modules=["c_attn", "c_proj", "c_fc"], fan_in_fan_out=True), {}),
        ("GPT-2, not said", lambda: GPT2LMHeadModel(gpt2()), LoraConfig(r=4, target_modules=["c_attn", "c_proj"]), {}),
        ("GPT-2, DoRA", lambda: GPT2LMHeadModel(gpt2()), LoraConfig(r=4, target_modules=["c_attn", "c_proj"], use_dora=True), {}),
        ("embedding saved", lambda: LlamaForCausalLM(llama(False)), LoraConfig(r=4, target_modules=["embed_tokens", "q_proj", "lm_head"]), {}),
        ("embeddings saved whole", lambda: LlamaForCausalLM(llama(False)), LoraConfig(r=4, target_modules=["q_proj"]), {"save": {"save_embedding_layers": True}}),
        ("embedding and head", lambda: LlamaForCausalLM(llama(True)), LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"]), {}),
        ("head of its own", lambda: LlamaForCausalLM(llama(True)), LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=["lm_head"]), {}),
        ("tied embedding", lambda: LlamaForCausalLM(llama(True)), LoraConfig(r=4, target_modules=["embed_tokens", "q_proj"]), {}),
        ("tied embedding, two names", lambda: LlamaForCausalLM(llama(True)), LoraConfig(r=4, target_modules=["embed_tokens", "q_proj"]), {"suffix": "bin"}),
        ("tied head, two names", lambda: LlamaForCausalLM(llama(True)), LoraConfig(r=4, target_modules=["lm_head", "q_proj"]), {"suffix": "bin"}),
        ("tied tokens, two names", lambda: LlamaForCausalLM(llama(True)), LoraConfig(r=4, target_modules=["q_proj"], trainable_token_indices=[3, 1]), {"suffix": "bin"}),
        ("tied tokens", lambda: LlamaForCausalLM(llama(True)), LoraConfig(r=4, target_modules=["q_proj"], trainable_token_indices=[3, 1]), {}),
        ("tied, saved whole", lambda: LlamaForCausalLM(llama(True)), LoraConfig(r=4, target_modules=["q_proj"]), {"save": {"save_embedding_layers": True}}),
    ]
    for name, make, config, more in rows:
        worst = max(worst, same(name, make, config, **more))
    return f"off by {worst:.2g}"


def test_more_models_of_transformers_merge_as_in_peft():
    need_peft()
    from transformers import (GPT2ForSequenceClassification, GptOssConfig, GptOssForCausalLM, ModernBertConfig, ModernBertForMaskedLM,
                              ResNetConfig, ResNetForImageClassification, T5Config, T5ForConditionalGeneration, ViTConfig, ViTModel)
    modern = lambda: ModernBertForMaskedLM(ModernBertConfig(
        vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2))
    t5 = lambda: T5ForConditionalGeneration(T5Config(vocab_size=40, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2))
    oss = lambda: GptOssForCausalLM(GptOssConfig(
        vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        num_local_experts=3, head_dim=8))
    resnet = lambda: ResNetForImageClassification(ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=3))
    vit = lambda: ViTModel(ViTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=8, patch_size=4))
    tied, free = (lambda: LlamaForCausalLM(llama(True))), (lambda: LlamaForCausalLM(llama(False)))

    def scores():
        config = gpt2()
        config.pad_token_id = 0
        return GPT2ForSequenceClassification(config)

    rows = [
        ("GPT-2, classes", scores, LoraConfig(r=4, target_modules=["c_attn"], task_type="SEQ_CLS", fan_in_fan_out=True), {}),
        ("ModernBERT", modern, LoraConfig(r=4, target_modules=["Wqkv", "tok_embeddings"], modules_to_save=["head"]), {}),
        ("ModernBERT, decoder", modern, LoraConfig(r=4, target_modules=["Wqkv"], modules_to_save=["decoder"]), {}),
        ("ResNet", resnet, LoraConfig(r=4, target_modules=["convolution"], modules_to_save=["classifier"], use_dora=True), {}),
        ("ViT", vit, LoraConfig(r=4, target_modules=["query", "projection"]), {}),
        ("T5", t5, LoraConfig(r=4, target_modules=["q", "v", "shared"]), {}),
        ("T5, head", t5, LoraConfig(r=4, target_modules=["q", "v"], modules_to_save=["lm_head"]), {"suffix": "bin"}),
        ("gpt-oss", oss, LoraConfig(r=4, target_modules=["q_proj"], target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]), {}),
        ("weights stay tied", tied, LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=["embed_tokens"], ensure_weight_tying=True), {"suffix": "bin"}),
        ("both tied names", tied, LoraConfig(r=4, target_modules=["q_proj", "embed_tokens", "lm_head"]), {"suffix": "bin"}),
        ("DoRA of a tied embedding", tied, LoraConfig(r=4, target_modules=["q_proj", "embed_tokens"], use_dora=True), {"suffix": "bin"}),
        ("rows of two embeddings", free, LoraConfig(r=4, target_modules=["q_proj"], trainable_token_indices={"embed_tokens": [1], "lm_head": [2]}), {}),
        ("BF16 factors", lambda: BertModel(bert()), LoraConfig(r=4, target_modules=["query"]), {"prepare": lambda tuned: tuned.to(torch.bfloat16)}),
        ("a file of torch.save", lambda: BertModel(bert()), LoraConfig(r=4, target_modules=["query"]), {"save": {"safe_serialization": False}}),
        ("every LayerNorm saved", lambda: BertModel(bert()), LoraConfig(r=4, target_modules=["query"], modules_to_save=["LayerNorm"]), {}),
    ]
    return f"off by {max(same(name, make, config, **more) for name, make, config, more in rows):.2g}"


def refused(name, member, make, config, change=None, rename=None):
    """The adapter is refused with a message that has `member` in it; nothing is written."""
    with folder() as temporary:
        torch.manual_seed(5)
        model = make()
        tied = {}
        for k, v in model.state_dict().items():
            tied.setdefault(v.data_ptr(), k)
        save_file({k: model.state_dict()[k].clone() for k in tied.values()}, str(temporary / "base.safetensors"))
        if hasattr(model, "config"):
            model.config.architectures = [type(model).__name__]
            model.config.save_pretrained(temporary)
        tuned = get_peft_model(model, config)
        stir(tuned)
        tuned.save_pretrained(temporary / "adapter")
        path = temporary / "adapter" / "adapter_config.json"
        settings = json.loads(path.read_text())
        settings.update(change or {})
        path.write_text(json.dumps(settings))
        if rename:
            file = str(temporary / "adapter" / "adapter_model.safetensors")
            save_file({n: v for k, v in load_file(file).items() for n in [rename(k)] if n}, file)
        result = run("edit", temporary / "base.safetensors", "-o", temporary / "out.safetensors", "--merge-lora", temporary / "adapter")
        assert result.returncode == 2 and member in result.stderr, (name, result.returncode, result.stderr, result.stdout)
        assert len(result.stderr.strip().splitlines()) == 1, (name, result.stderr)
        assert not (temporary / "out.safetensors").exists(), name
        return result.stderr


def test_what_cannot_be_merged_is_refused_by_its_name():
    need_peft()
    linear = ["wide", "square"]
    plain = lambda **more: LoraConfig(r=4, lora_alpha=10, target_modules=linear, **more)
    rows = [
        ("grouped", "grouped.weight", LoraConfig(r=4, target_modules=["grouped"]), {}),
        ("pissa", "init_lora_weights", plain(init_lora_weights="pissa"), {}),
        ("pissa fast", "init_lora_weights", plain(init_lora_weights="pissa_niter_4"), {}),
        ("olora", "init_lora_weights", plain(init_lora_weights="olora"), {}),
        ("unknown start", "init_lora_weights", plain(), {"change": {"init_lora_weights": "of_tomorrow"}}),
        ("corda", "init_lora_weights", plain(), {"change": {"init_lora_weights": "corda"}}),
        ("loftq", "init_lora_weights", plain(), {"change": {"init_lora_weights": "loftq"}}),
        ("lora_ga", "init_lora_weights", plain(), {"change": {"init_lora_weights": "lora_ga"}}),
        ("alora", "alora_invocation_tokens", plain(), {"change": {"alora_invocation_tokens": [1, 2]}}),
        ("kasa", "kasa_config", plain(kasa_config=peft.tuners.lora.config.KasaConfig()), {}),
        ("bdlora", "use_bdlora", plain(use_bdlora=peft.tuners.lora.config.BdLoraConfig(
            target_modules_bd_a=["wide"], target_modules_bd_b=["square"], nblocks=2)), {}),
        ("arrow", "arrow_config", plain(), {"change": {"arrow_config": {"top_k": 3}}}),
        ("replicated", "layer_replication", plain(), {"change": {"layer_replication": [[0, 2]]}}),
        ("megatron", "megatron_config", plain(), {"change": {"megatron_config": {"tensor_model_parallel_size": 2}}}),
        ("qalora", "use_qalora", plain(), {"change": {"use_qalora": True}}),
        ("of tomorrow", "use_sparkle", plain(), {"change": {"use_sparkle": True}}),
        ("a bias without a place", "plain", LoraConfig(r=4, target_modules=["plain"], lora_bias=True), {}),
        ("left out by target_modules", "target_modules", plain(), {"change": {"target_modules": ["wide"]}}),
        ("left out by exclude_modules", "exclude_modules", plain(), {"change": {"exclude_modules": ["wide"]}}),
        ("no magnitude", "lora_magnitude_vector", plain(), {"change": {"use_dora": True}}),
        ("magnitude not said", "use_dora", plain(use_dora=True), {"change": {"use_dora": False}}),
        ("other rank", "`r`", plain(), {"change": {"r": 8}}),
        ("no such tensor", "narrow.weight", plain(), {"rename": lambda k: k.replace("wide", "narrow"), "change": {"target_modules": None}}),
        ("nothing answers", '"base_model.model.stray.', plain(modules_to_save=["head"]), {
            "rename": lambda k: k.replace("head", "stray"), "change": {"modules_to_save": None}}),
        ("a bias that nothing answers", "plain.bias", LoraConfig(r=4, target_modules=["wide"], bias="all"), {
            "rename": lambda k: k.replace("head.bias", "plain.bias")}),
        ("the base of a layer without factors", "square.base_layer.bias", LoraConfig(r=4, target_modules=["wide"], bias="lora_only"), {
            "rename": lambda k: k.replace("wide.base_layer.bias", "square.base_layer.bias")}),
        ("half of the factors", "wide.weight", plain(), {"rename": lambda k: None if k.endswith("wide.lora_B.weight") else k}),
        ("part of a saved module", "head.bias", plain(modules_to_save=["head"]), {"rename": lambda k: None if k.endswith("head.bias") else k}),
        ("rows beyond", "embed.weight", plain(trainable_token_indices={"embed": [1]}), {"change": {"trainable_token_indices": {"embed": [99]}}}),
        ("rows not named", "trainable_token_indices", plain(trainable_token_indices={"embed": [1]}), {"change": {"trainable_token_indices": None}}),
        ("other type", "peft_type", plain(), {"change": {"peft_type": "ADALORA"}}),
        ("no type", "peft_type", plain(), {"change": {"peft_type": None}}),
    ]
    for name, member, config, more in rows:
        refused(name, member, Mixed, config, **more)
    refused("tied head", "lm_head.weight", lambda: LlamaForCausalLM(llama(True)), LoraConfig(r=4, target_modules=["lm_head"]))
    refused("tied embedding saved alone", "embed_tokens.weight", lambda: LlamaForCausalLM(llama(True)),
            LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=["embed_tokens"]))
    return f"{len(rows) + 2} adapters"


def test_other_methods_of_peft_are_refused():
    need_peft()
    rows = [
        peft.AdaLoraConfig(target_modules=["query"], total_step=10), peft.LoHaConfig(target_modules=["query"]),
        peft.LoKrConfig(target_modules=["query"]), peft.IA3Config(target_modules=["query"], feedforward_modules=[]),
        peft.VeraConfig(target_modules=["query"]), peft.OFTConfig(target_modules=["query"], oft_block_size=8),
        peft.BOFTConfig(target_modules=["query"], boft_block_size=8), peft.LNTuningConfig(target_modules=["LayerNorm"]), peft.HRAConfig(target_modules=["query"]),
        peft.FourierFTConfig(target_modules=["query"], n_frequency=10), peft.VBLoRAConfig(target_modules=["query"], vector_length=8, num_vectors=8, topk=1),
        peft.RandLoraConfig(target_modules=["query"]), peft.TrainableTokensConfig(token_indices=[1], target_modules=["word_embeddings"]),
    ]
    for config in rows:
        with folder() as temporary:
            model = BertModel(bert())
            save_file(model.state_dict(), str(temporary / "base.safetensors"))
            get_peft_model(model, config).save_pretrained(temporary / "adapter")
            result = run("edit", temporary / "base.safetensors", "-o", temporary / "out.safetensors", "--merge-lora", temporary / "adapter")
            assert result.returncode == 2 and config.peft_type.value in result.stderr, (config.peft_type, result.stderr)
    return f"{len(rows)} methods"


def test_every_member_of_the_configuration_of_peft_has_a_meaning_here():
    """Members that a newer PEFT adds are refused when they are set: this check says that they are not looked at yet."""
    need_peft()
    import dataclasses
    with folder() as temporary:
        model = Mixed()
        save_file(model.state_dict(), str(temporary / "base.safetensors"))
        tuned = get_peft_model(model, LoraConfig(r=4, target_modules=["wide"]))
        stir(tuned)
        tuned.save_pretrained(temporary / "adapter")
        path = temporary / "adapter" / "adapter_config.json"
        settings = json.loads(path.read_text())
        for field in dataclasses.fields(LoraConfig):
            path.write_text(json.dumps(settings | {field.name: "?"}))
            result = run("edit", temporary / "base.safetensors", "--dry-run", "--merge-lora", temporary / "adapter")
            assert "is an unknown member" not in result.stderr, field.name


def test_a_head_of_its_own_is_untied_in_config_json():
    need_peft()
    from transformers import AutoModelForCausalLM
    with folder() as temporary:
        torch.manual_seed(5)
        model = LlamaForCausalLM(llama(True))
        model.save_pretrained(temporary / "base")
        tuned = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=["lm_head"]))
        stir(tuned)
        tuned.save_pretrained(temporary / "adapter")
        theirs = tuned.merge_and_unload()
        assert run("edit", temporary / "base", "-o", temporary / "out", "--merge-lora", temporary / "adapter").returncode == 0
        assert json.loads((temporary / "out" / "config.json").read_text())["tie_word_embeddings"] is False
        assert theirs.config.tie_word_embeddings is False
        ours = AutoModelForCausalLM.from_pretrained(temporary / "out")
        ids = torch.arange(12).view(1, -1)
        with torch.no_grad():
            return f"off by {close(ours(ids).logits, theirs(ids).logits, 1e-5, 'logits'):.2g}"


def test_names_of_a_model_around_or_inside_are_found():
    need_peft()
    with folder() as temporary:
        torch.manual_seed(5)
        model = GPT2LMHeadModel(gpt2())
        base = {k: v.clone() for k, v in model.state_dict().items() if k != "lm_head.weight"}
        trunk = {k.removeprefix("transformer."): v for k, v in base.items()}
        save_file(trunk, str(temporary / "trunk.safetensors"))
        save_file({"policy." + k: v for k, v in base.items()}, str(temporary / "around.safetensors"))
        tuned = get_peft_model(model, LoraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True))
        stir(tuned)
        tuned.save_pretrained(temporary / "adapter")
        theirs = tuned.merge_and_unload().state_dict()
        for name, key in (("trunk", lambda k: k.removeprefix("transformer.")), ("around", lambda k: "policy." + k)):
            out = temporary / "out.safetensors"
            result = run("edit", temporary / f"{name}.safetensors", "-o", out, "--merge-lora", temporary / "adapter")
            assert result.returncode == 0, result.stderr
            ours = load_file(out)
            assert set(ours) == {key(k) for k in base}
            for k in base:
                close(ours[key(k)], theirs[k], 1e-6, k)
            out.unlink()


def test_a_head_that_is_tied_by_config_json_follows_the_embedding():
    """The file has the embedding under both names with bytes of their own; transformers loads one tensor."""
    need_peft()
    from transformers import AutoModelForCausalLM
    with folder() as temporary:
        torch.manual_seed(5)
        model = LlamaForCausalLM(llama(True))
        model.save_pretrained(temporary / "base")
        state = load_file(temporary / "base" / "model.safetensors")
        state["lm_head.weight"] = state["model.embed_tokens.weight"].clone()
        save_file(state, str(temporary / "base" / "model.safetensors"), metadata={"format": "pt"})
        model = AutoModelForCausalLM.from_pretrained(temporary / "base")
        tuned = get_peft_model(model, LoraConfig(r=4, target_modules=["embed_tokens"]))
        stir(tuned)
        tuned.save_pretrained(temporary / "adapter")
        theirs = tuned.merge_and_unload()
        result = run("edit", temporary / "base", "-o", temporary / "out", "--merge-lora", temporary / "adapter")
        assert result.returncode == 0, result.stderr
        ours = AutoModelForCausalLM.from_pretrained(temporary / "out")
        ids = torch.arange(12).view(1, -1)
        with torch.no_grad():
            close(ours(ids).logits, theirs(ids).logits, 1e-5, "logits")


def test_a_head_that_is_copied_first_gets_what_was_trained_on_it():
    need_peft()
    from transformers import AutoModelForCausalLM
    with folder() as temporary:
        torch.manual_seed(5)
        model = LlamaForCausalLM(llama(True))
        model.save_pretrained(temporary / "base")
        tuned = get_peft_model(model, LoraConfig(r=4, target_modules=["lm_head"])).eval()
        stir(tuned)
        tuned.save_pretrained(temporary / "adapter")
        ids = torch.arange(12).view(1, -1)
        with torch.no_grad():
            theirs = tuned(ids).logits  # before merging, which would change the embedding, too
        result = run("edit", temporary / "base", "-o", temporary / "out", "--copy", "model.embed_tokens=lm_head",
                     "--merge-lora", temporary / "adapter")
        assert result.returncode == 0, result.stderr
        ours = AutoModelForCausalLM.from_pretrained(temporary / "out")
        assert ours.config.tie_word_embeddings is False
        with torch.no_grad():
            close(ours(ids).logits, theirs, 1e-5, "logits")
