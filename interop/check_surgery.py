"""`edit`, `merge` and `delta` against torch, numpy and PEFT."""

import hashlib
import json
import os
import struct
import subprocess
import sys

import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from tool import TINY, Skip, close, espalier, folder

WORDS = "embeddings.word_embeddings.weight"


def tiny():
    return load_file(TINY / "model.safetensors")


def edited(temporary, *operations, source=TINY / "model.safetensors"):
    out = temporary / "edited.safetensors"
    espalier("edit", source, "-o", out, *operations)
    return load_file(out)


def test_casts_are_those_of_torch():
    torch.manual_seed(3)
    w = torch.cat([torch.randn(4096) * s for s in (1e-8, 1e-4, 1, 300, 60000, 1e30)])
    w = torch.cat([w, torch.tensor([float("inf"), float("nan"), 65519.0, 65520.0, 464.0, 465.0, 0.0, -0.0])])
    dtypes = {"F16": torch.float16, "BF16": torch.bfloat16, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "F64": torch.float64}
    with folder() as temporary:
        save_file({"w": w}, str(temporary / "w.safetensors"))
        for name, dtype in dtypes.items():
            ours = edited(temporary, "--cast", f"w={name}", source=temporary / "w.safetensors")["w"]
            theirs = w.to(dtype)
            assert ours.dtype == dtype
            a, b = ours.to(torch.float64), theirs.to(torch.float64)
            assert torch.equal(a.isnan(), b.isnan()), name
            assert torch.equal(a.nan_to_num(nan=0.0), b.nan_to_num(nan=0.0)), name
        for name, dtype in list(dtypes.items())[:4]:
            ours = edited(temporary, "--cast", f"w={name},saturate", source=temporary / "w.safetensors")["w"].to(torch.float64)
            largest = torch.finfo(dtype).max
            theirs = w[:-8].clamp(-largest, largest).to(dtype).to(torch.float64)
            assert torch.equal(ours[:-8], theirs), name


def test_layers_slices_and_joins_are_those_of_torch():
    t = tiny()
    with folder() as temporary:
        deep = edited(temporary, "--layers", "encoder.layer=0:2,1:2")
        model = BertModel(BertConfig.from_pretrained(TINY, num_hidden_layers=3))
        model.load_state_dict(deep, strict=True)
        assert torch.equal(deep["encoder.layer.2.output.dense.weight"], t["encoder.layer.1.output.dense.weight"])
        joined = edited(temporary, "--rename", "encoder.layer.{i}.attention.self=l.{i}.s",
                        "--concat", "l.{i}.s.query.*,l.{i}.s.key.*,l.{i}.s.value.*=l.{i}.qkv.*", "--transpose", "l.*.qkv.weight")
        want = torch.cat([t[f"encoder.layer.0.attention.self.{n}.weight"] for n in ("query", "key", "value")]).T
        assert torch.equal(joined["l.0.qkv.weight"], want)
        cut = edited(temporary, "--slice", f"{WORDS}=[10:-5, :]", "--scale", f"{WORDS}=0.25")
        assert torch.equal(cut[WORDS], t[WORDS][10:-5] * 0.25)
        grown = edited(temporary, "--resize", f"{WORDS}=600")[WORDS]
        close(grown[512:], t[WORDS].double().mean(0).expand(88, -1), 1e-7, "mean rows")


def test_lora_is_merged_as_peft_merges_it():
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise Skip("peft is not installed")
    torch.manual_seed(5)
    worst = 0.0
    for options in ({}, {"use_rslora": True}, {"alpha_pattern": {"key": 3}, "rank_pattern": {"query": 2}}):
        model = BertModel.from_pretrained(TINY)
        config = LoraConfig(r=4, lora_alpha=10, target_modules=["query", "key", "dense", "word_embeddings"], **options)
        tuned = get_peft_model(model, config)
        for name, parameter in tuned.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(parameter, std=0.3)
        with folder() as temporary:
            tuned.save_pretrained(temporary / "adapter")
            ours = edited(temporary, "--merge-lora", temporary / "adapter")
            theirs = tuned.merge_and_unload().state_dict()
            assert set(ours) == set(theirs), set(ours) ^ set(theirs)
            worst = max([worst] + [close(ours[k], theirs[k], 1e-5, k) for k in ours])
    return f"off by {worst:.2g}"


def models(temporary, count):
    torch.manual_seed(9)
    base = tiny()
    paths, tuned = [], []
    for index in range(count):
        tuned.append({k: v + 0.05 * torch.randn_like(v) for k, v in base.items()})
        paths.append(temporary / f"{index}.safetensors")
        save_file(tuned[-1], str(paths[-1]))
    f64 = lambda m: {k: v.double().numpy() for k, v in m.items()}
    return f64(base), [f64(m) for m in tuned], paths


def merged(temporary, paths, *options):
    espalier("merge", *paths, "-o", temporary / "m.safetensors", *options)
    return load_file(temporary / "m.safetensors")


def ties(base, tuned, weights, density, scale):
    """The paper's three steps on one tensor."""
    deltas = []
    for x in tuned:
        d = (x - base).ravel()
        keep = numpy.argsort(-numpy.abs(d), kind="stable")[: int(density * d.size)]
        mask = numpy.zeros(d.size)
        mask[keep] = 1
        deltas.append(d * mask)
    w = [a * d for a, d in zip(weights, deltas)]
    sign = numpy.where(sum(w) >= 0, 1, -1)
    agree = [(numpy.sign(d) == sign) for d in w]
    total = sum(a * g for a, g in zip(weights, agree))
    mean = sum(d * g for d, g in zip(w, agree)) / numpy.where(total == 0, 1, total)
    return base + scale * mean.reshape(base.shape)


def slerp(a, b, t):
    cosine = (a * b).sum() / (numpy.linalg.norm(a) * numpy.linalg.norm(b))
    if abs(cosine) > 0.9995:
        return (1 - t) * a + t * b
    o = numpy.arccos(cosine)
    return numpy.sin((1 - t) * o) / numpy.sin(o) * a + numpy.sin(t * o) / numpy.sin(o) * b


def test_merges_are_those_of_the_formulas():
    with folder() as temporary:
        base, (a, b, c), paths = models(temporary, 3)
        rows = [
            ("linear", paths, ["--weight", 1, "--weight", 2, "--weight", 5], lambda k: (a[k] + 2 * b[k] + 5 * c[k]) / 8),
            ("ema", paths, ["--decay", 0.7], lambda k: 0.7 * (0.7 * a[k] + 0.3 * b[k]) + 0.3 * c[k]),
            ("slerp", paths[:2], ["--t", 0.3], lambda k: slerp(a[k], b[k], 0.3)),
            ("task", paths, ["--base", TINY, "--lambda", 0.4], lambda k: base[k] + 0.4 * (a[k] + b[k] + c[k] - 3 * base[k])),
            ("ties", paths, ["--base", TINY, "--density", 0.3, "--lambda", 0.9, "--weight", 1, "--weight", 2, "--weight", 1],
             lambda k: ties(base[k], [a[k], b[k], c[k]], [1, 2, 1], 0.3, 0.9)),
        ]
        for method, inputs, options, want in rows:
            got = merged(temporary, inputs, "--method", method, *options)
            assert set(got) == set(base)
            for k in base:
                close(got[k], want(k), 1e-6, f"{method} {k}")


def test_merges_are_those_of_peft_and_torch():
    try:
        from peft.utils import merge_utils
    except ImportError:
        raise Skip("peft is not installed")
    from torch.optim.swa_utils import get_ema_multi_avg_fn
    with folder() as temporary:
        base, tuned, paths = models(temporary, 3)
        base = {k: torch.from_numpy(v) for k, v in base.items()}
        tuned = [{k: torch.from_numpy(v) for k, v in m.items()} for m in tuned]
        weights = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
        options = ["--base", TINY, "--weight", 1, "--weight", 2, "--weight", 1]
        task = merged(temporary, paths, "--method", "task", *options)
        # With weights PEFT elects signs without them and divides by a count; with equal ones it is the paper's method.
        ties = merged(temporary, paths, "--method", "ties", "--density", 0.3, "--base", TINY)
        ema = merged(temporary, paths, "--method", "ema", "--decay", 0.7)
        worst = 0.0
        for k in base:
            deltas = [m[k] - base[k] for m in tuned]
            worst = max(worst, close(task[k], base[k] + merge_utils.task_arithmetic(deltas, weights), 1e-6, f"task {k}"))
            want = base[k] + merge_utils.ties(deltas, torch.ones(3, dtype=torch.float64), 0.3, "total")
            worst = max(worst, close(ties[k], want, 1e-6, f"ties {k}"))
            average = [tuned[0][k].clone()]
            for m in tuned[1:]:
                get_ema_multi_avg_fn(0.7)(average, [m[k]], None)
            worst = max(worst, close(ema[k], average[0], 1e-6, f"ema {k}"))
        return f"off by {worst:.2g}"


def test_a_lightning_checkpoint_becomes_the_models_own():
    with folder() as temporary:
        state = {f"model.{k}": v for k, v in tiny().items()}
        torch.save({"epoch": 3, "state_dict": state, "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}}]},
                   temporary / "last.ckpt")
        ours = edited(temporary, "--preset", "lightning", source=temporary / "last.ckpt")
        assert {k: v.tolist() for k, v in ours.items()} == {k: v.tolist() for k, v in tiny().items()}


def test_edited_directories_load_in_transformers():
    from transformers import AutoModel
    with folder() as temporary:
        for name, operations, layers in (
            ("deep", ["--layers", "encoder.layer=0:2,1:2", "--resize", f"{WORDS}=520", "--cast", "**=F16"], "num_hidden_layers"),
            ("distil", ["--preset", "distilbert"], "n_layers"),
        ):
            espalier("edit", TINY, "-o", temporary / name, *operations, "--shard-size", "40kB")
            model, info = AutoModel.from_pretrained(temporary / name, output_loading_info=True)
            assert not any(info.values()), info
            assert getattr(model.config, layers) == {"deep": 3, "distil": 1}[name]


def test_dare_is_unbiased():
    with folder() as temporary:
        base, (a,), paths = models(temporary, 1)
        got = merged(temporary, paths, "--method", "dare", "--base", TINY, "--density", 0.25)
        ratio = (got[WORDS].double().numpy() - base[WORDS]) / (a[WORDS] - base[WORDS])
        kept = numpy.abs(ratio - 4) < 1e-2
        assert (kept | (numpy.abs(ratio) < 1e-2)).all()
        assert abs(kept.mean() - 0.25) < 0.02, kept.mean()


def test_a_delta_brings_the_tuned_file_back():
    with folder() as temporary:
        tuned = {f"bert.{k}": v.clone() for k, v in tiny().items()}
        tuned[f"bert.{WORDS}"][100:104] += 1
        tuned["linear.weight"] = torch.randn(2, 32)
        save_file(tuned, str(temporary / "tuned.safetensors"), metadata={"format": "pt", "by": "torch"})
        espalier("delta", "create", TINY, temporary / "tuned.safetensors", "-o", temporary / "d.safetensors")
        espalier("delta", "apply", TINY, temporary / "d.safetensors", "-o", temporary / "again.safetensors")
        digests = [hashlib.sha256((temporary / n).read_bytes()).hexdigest() for n in ("tuned.safetensors", "again.safetensors")]
        assert digests[0] == digests[1]
        espalier("delta", "apply", temporary / "tuned.safetensors", temporary / "d.safetensors", "-o", temporary / "no.safetensors", status=2)
        assert not (temporary / "no.safetensors").exists()


PEAK = """import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
sys.exit(done.returncode)"""


def test_memory_does_not_grow_with_tensors():
    """One tensor of 400 MB, in a sparse file: nothing may take a third of it."""
    with folder() as temporary:
        side = 10_000
        header = json.dumps({"w": {"dtype": "F32", "shape": [side, side], "data_offsets": [0, 4 * side * side]}}).encode()
        header += b" " * (-len(header) % 8)
        for name in ("a", "b"):
            with open(temporary / f"{name}.safetensors", "wb") as file:
                file.write(struct.pack("<Q", len(header)) + header)
                file.truncate(8 + len(header) + 4 * side * side)
        a, b, out = (str(temporary / f"{n}.safetensors") for n in ("a", "b", "out"))
        peaks = {}
        for arguments in (
            ["edit", a, "-o", out, "--cast", "w=BF16"], ["edit", a, "-o", out, "--slice", "w=[:, 1:6000]"],
            ["edit", a, "-o", out, "--transpose", "w"], ["edit", a, "-o", out, "--split", "w=p,q@1", "--concat", "q,p=r@1"],
            ["convert", a, "-o", out, "--dtype", "F16"], ["merge", a, b, "-o", out], ["delta", "create", a, b, "-o", out],
            ["delta", "apply", a, out, "-o", str(temporary / "again.safetensors")], ["diff", a, b],
        ):
            # From a small process: what this one takes would count for its children.
            done = subprocess.run([sys.executable, "-S", "-c", PEAK, os.environ["ESPALIER"], *arguments], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            peaks[" ".join(arguments[:1] + [x for x in arguments if x.startswith("--")])] = int(done.stdout.split()[-1])
        assert max(peaks.values()) < 130, peaks
        return f"at most {max(peaks.values())} MB"
