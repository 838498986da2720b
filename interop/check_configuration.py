"""`config.json` follows an edit: tiny models of many classes of transformers lose layers, have them in another order or twice, and get more tokens.

transformers loads each result with no key missing, unexpected or of another shape, and computes what a model that was cut in Python computes; where a
configuration has no words for what was made, `edit` names the member or the tensor.
"""

import copy
import os
import re
import subprocess

import torch
import transformers
from safetensors.torch import load_file
from torch import nn

import tiny_models
from tool import folder
from tiny_models import DEPTH, TOKENS

NODE = re.compile(r"((?:.*?\.)?(?:layers?|h|blocks?|attentions|ffns|layer_norm[12]))\.(\d+)\.")
PARTS = re.compile(r"\d\.|neck|head\.|feature_extractor|merger|decode_head")
TABLE = re.compile(r"(^|\.)(word_embeddings|embed_tokens|wte|shared|tok_embeddings|token_embedding|word_embedding|embed_in|w|embeddings"
                   r"|embed_tokens_per_layer)\.weight$")
# Members of transformers' configurations with an entry for each layer.
LISTS = ("layer_types", "mlp_layer_types", "layers_block_type", "attention_window", "no_rope_layers", "attention_layers", "intermediate_size",
         "activation_sparsity_pattern")
# What no configuration describes: layers that a period or their number says something of, tensors that only the first layer has, and stages that
# differ in their sizes. `edit` must name it.
NAMED = {
    "AnyOrder": {"MiniMaxForCausalLM", "MllamaForConditionalGeneration", "DPTForDepthEstimation", "Zamba2ForCausalLM", "Gemma3nForCausalLM", "EsmForMaskedLM"},
    "OddOrder": {
        "ModernBertForMaskedLM", "JambaForCausalLM", "RecurrentGemmaForCausalLM", "RwkvForCausalLM", "NllbMoeForConditionalGeneration",
        "LongT5ForConditionalGeneration", "MT5ForConditionalGeneration", "SwitchTransformersForConditionalGeneration", "T5ForConditionalGeneration",
        "T5EncoderModel", "SwinForImageClassification", "SegformerForSemanticSegmentation", "Qwen2ForCausalLM"},
}


def nodes(path):
    """The nodes with layers, and how many each has."""
    found = {}
    for key in load_file(path / "model.safetensors"):
        match = NODE.match(key)
        if match and not PARTS.search(match[1]):
            found[match[1]] = max(found.get(match[1], 0), int(match[2]) + 1)
    return {node: count for node, count in found.items() if count > 1}


def edit(path, out, *flags):
    """Runs `edit`; the notes."""
    done = subprocess.run([os.environ["ESPALIER"], "edit", path, "-o", out, *flags], capture_output=True, text=True)
    assert done.returncode == 0, f"{path.name}: {done.stderr}"
    return [line for line in done.stderr.splitlines() if "leaves everything as it was" not in line]


def load(name, path):
    """The model at `path`, and what is wrong with it according to transformers."""
    try:
        model, info = getattr(transformers, name).from_pretrained(path, output_loading_info=True)
    except (ValueError, RuntimeError, AssertionError, IndexError, TypeError) as error:
        return None, str(error)[-200:]
    wrong = {kind: sorted(map(str, info[kind]))[:3] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[kind]}
    return model.eval(), wrong


def cut_state(state, node, order):
    """A state dict after `ModuleList([layers[i] for i in order])` at `node`."""
    is_layer = re.compile(re.escape(node) + r"\.(\d+)\.").match
    result = {key: value for key, value in state.items() if not is_layer(key)}
    for new, old in enumerate(order):
        prefix = f"{node}.{old}."
        result.update({f"{node}.{new}." + key[len(prefix):]: value for key, value in state.items() if key.startswith(prefix)})
    return result


def cut_model(model, node, order):
    """The same in a model, with a configuration that says so."""
    parent = model.get_submodule(node.rpartition(".")[0])
    layers = getattr(parent, node.rpartition(".")[2])
    setattr(parent, node.rpartition(".")[2], nn.ModuleList([copy.deepcopy(layers[i]) for i in order]))
    for config in {id(m.config): m.config for m in model.modules() if hasattr(m, "config")}.values():
        if not getattr(config, "is_encoder_decoder", False):
            config.num_hidden_layers = len(order)
        for name in LISTS:
            values = getattr(config, name, None)
            if isinstance(values, (list, tuple)) and len(values) == DEPTH:
                setattr(config, name, [values[i] for i in order])


def computed(model):
    """The logits, or the hidden states, for some tokens."""
    ids = torch.arange(3, 19).reshape(2, 8)
    inputs = dict(input_ids=ids, attention_mask=torch.ones_like(ids))
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids.flip(0)
    for module in model.modules():
        if hasattr(module, "config"):
            # A cache goes by the numbers that the layers had before they were cut.
            module.config.use_cache = False
    with torch.no_grad():
        torch.manual_seed(1)
        out = model(**inputs)
    return next(value for value in (getattr(out, "logits", None), getattr(out, "last_hidden_state", None)) if value is not None)


def same_computation(name, path, edited, orders):
    """What differs from the model that is cut in Python, in words; None for models that need more than tokens."""
    if name in ("CanineForSequenceClassification", "BertForMultipleChoice", "XmodForMaskedLM", "LayoutLMForMaskedLM") or len(orders) > 2:
        return None
    model, _ = load(name, path)
    try:
        for node, order in orders.items():
            cut_model(model, node, order)
        expected = computed(model)
    except (AttributeError, ValueError, TypeError, RuntimeError, IndexError, KeyError, StopIteration):
        return None
    found = computed(edited)
    if found.shape != expected.shape:
        return f"{name}: {tuple(found.shape)}, expected {tuple(expected.shape)}"
    worst = float((found - expected).abs().max())
    return "" if worst <= 1e-5 * max(1.0, float(expected.abs().max())) else f"{name}: off by {worst:.3g}"


def check_order(choice, named, models=None):
    loaded = compared = 0
    faults = []
    with folder() as temporary:
        for name, path in (models or list(tiny_models.folders().items())):
            orders = {node: [i for i in choice if i < count] for node, count in nodes(path).items()}
            if not orders:
                continue
            out = temporary / name
            notes = edit(path, out, *[part for node, order in orders.items() for part in ("--layers", f"{node}={','.join(map(str, order))}")])
            expected = load_file(path / "model.safetensors")
            for node, order in orders.items():
                expected = cut_state(expected, node, order)
            found = load_file(out / "model.safetensors")
            assert found.keys() == expected.keys(), f"{name}: {sorted(found.keys() ^ expected.keys())[:4]}"
            assert all(torch.equal(found[key], expected[key]) for key in found), name
            model, wrong = load(name, out)
            if name in named:
                faults += [] if notes else [f"{name}: no note"]
            elif wrong or notes:
                faults.append(f"{name} {orders}: {wrong}; {notes}")
            else:
                loaded += 1
                same = same_computation(name, path, model, orders)
                compared += same == ""
                faults += [same] if same else []
    assert not faults, "\n".join(faults)
    assert loaded >= (40 if models else 100) and compared >= (30 if models else 60), f"{loaded} loaded, {compared} compared"
    return f"{loaded} classes load whole, {compared} compute the same"


def test_models_without_their_last_layers_load_whole():
    return check_order([0, 1], NAMED["AnyOrder"])


def test_layers_in_another_order_and_twice_load_whole():
    # Every second class, for the sake of time.
    return check_order([1, 3, 1], NAMED["AnyOrder"] | NAMED["OddOrder"], list(tiny_models.folders().items())[1::2])


def test_more_tokens_load_whole_or_are_named():
    """The table of tokens alone; what the notes name gets as many rows; then the model loads."""
    loaded = 0
    with folder() as temporary:
        # Every second class, for the sake of time.
        for name, path in list(tiny_models.folders().items())[::2]:
            state = load_file(path / "model.safetensors")
            tables = [key for key, value in state.items() if TABLE.search(key) and value.shape[0] == TOKENS and value.dim() == 2]
            if not tables:
                continue
            notes = edit(path, temporary / name, *[part for key in tables for part in ("--resize", f"{key}={TOKENS + 8}")])
            text = "\n".join(line for line in notes if "still" in line)
            rows, columns = (set(re.findall(r'"([^"]+)"', "\n".join(line for line in text.splitlines() if word in line))) for word in (" rows, ", " columns, "))
            out = temporary / name
            if rows or columns:
                found = subprocess.run([os.environ["ESPALIER"], "check", "--fast", out], capture_output=True, text=True)
                assert found.returncode == 1 or "MobileBert" in name, f"{name}: check finds nothing of {rows | columns}"
                flags = [part for key in [*tables, *rows] for part in ("--resize", f"{key}={TOKENS + 8}")]
                for key in columns:
                    flags += ["--transpose", key, "--resize", f"{key}={TOKENS + 8}", "--transpose", key]
                out = temporary / (name + "-all")
                notes = edit(path, out, *flags)
                assert not [line for line in notes if "still" in line], f"{name}: {notes}"
            _, wrong = load(name, out)
            assert not wrong, f"{name}: {wrong}; {notes}"
            loaded += 1
    assert loaded >= 60, loaded
    return f"{loaded} classes load whole"
