import os
import warnings

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import espalier
import espalier.torch as masks
from safetensors.torch import save_file
from torch import nn

from conftest import FIXTURES


def training(model):
    return {name for name, parameter in masks.named_parameters(model) if parameter.requires_grad}


def step(model, optimizer, count=3):
    torch.manual_seed(2)
    for _ in range(count):
        optimizer.zero_grad()
        model(torch.randint(0, 60, (4, 6)), torch.tensor([0, 1, 0, 1]))["loss"].backward()
        optimizer.step()


HEAD = {"linear.0.weight", "linear.0.bias", "linear.2.weight", "linear.2.bias"}


def test_freeze_trains_what_selectors_select(bert):
    mask = masks.freeze(bert, train=["linear[0]", "linear[2]"])
    assert training(bert) == HEAD == set(mask.trainable)
    assert len(mask) == len(dict(bert.named_parameters()))


def test_freeze_takes_what_stays_frozen(bert):
    masks.freeze(bert, train="linear", freeze="linear[2]")
    assert training(bert) == {"linear.0.weight", "linear.0.bias"}
    masks.freeze(bert, freeze=["bert"])
    assert training(bert) == HEAD


def test_the_mask_fits_the_saved_model(bert, tmp_path):
    mask = masks.freeze(bert, train=["linear"])
    save_file(bert.state_dict(), tmp_path / "base.safetensors")
    mask.check(tmp_path / "base.safetensors")
    espalier.run(["mask", "create", tmp_path / "base.safetensors", "--train", "linear", "-o", tmp_path / "mask.json"])
    assert espalier.Mask.load(tmp_path / "mask.json") == mask


def test_a_selector_that_selects_nothing_names_the_nearest(bert):
    before = training(bert)
    with pytest.raises(espalier.SurgeryError, match="did you mean `linear`") as caught:
        masks.freeze(bert, train=["lineer"])
    assert caught.value.suggestions == ("linear",)
    assert training(bert) == before
    with pytest.raises(espalier.SurgeryError, match="nothing would train"):
        masks.freeze(bert, train=["linear"], freeze=["**"])
    with pytest.raises(espalier.SurgeryError, match="a mask needs a selector"):
        masks.freeze(bert)


def test_a_weight_without_its_bias_is_a_warning(bert):
    with pytest.warns(espalier.MaskWarning, match='"linear.0.weight" trains, "linear.0.bias" of the same module is frozen') as caught:
        mask = masks.freeze(bert, train=["linear.0.weight"])
    assert len(caught) == 1 and caught[0].filename == __file__
    assert mask.warnings[0].kind == "frozenSibling"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        masks.freeze(bert, train=["linear.0.weight"], warn=False)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.body = nn.Linear(4, 4)
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.embed.weight


def test_tied_weights_get_one_state_and_a_warning():
    model = Tied()
    with pytest.warns(espalier.MaskWarning, match="the same bytes"):
        mask = masks.freeze(model, train=["head"])
    assert mask["head.weight"] is True and mask["embed.weight"] is True
    assert model.embed.weight.requires_grad and not model.body.weight.requires_grad
    with pytest.warns(espalier.MaskWarning, match="the same bytes"):
        mask = masks.freeze(model, train=["embed.weight[2:4,7]", "body"])
    assert mask["head.weight"] == mask["embed.weight"] == [(2, 4), (7, 8)]
    mask = masks.freeze(model, train=["body"])
    assert not model.head.weight.requires_grad and mask["head.weight"] is False
    with pytest.raises(espalier.MaskMismatchError, match="are one tensor, and the mask gives them different states"):
        espalier.Mask.parse(mask.text.replace('"head.weight": false', '"head.weight": true')).apply(model)


def test_transformers_tied_weights():
    model = transformers.BertForMaskedLM(transformers.BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))
    with pytest.warns(espalier.MaskWarning, match="the same bytes"):
        masks.freeze(model, train=["cls.predictions.decoder"])
    assert model.bert.embeddings.word_embeddings.weight.requires_grad


def test_a_mask_of_a_tied_model_fits_what_save_pretrained_writes(tmp_path):
    torch.manual_seed(0)
    model = transformers.BertForMaskedLM(transformers.BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))
    model.save_pretrained(tmp_path / "base")
    mask = masks.freeze(model, train=["bert.embeddings.word_embeddings.weight[30:]", "cls.predictions.transform"], warn=False)
    with pytest.raises(espalier.MaskMismatchError):
        mask.check(tmp_path / "base")
    fitting = mask.fitting(tmp_path / "base")
    fitting.check(tmp_path / "base")
    assert fitting["bert.embeddings.word_embeddings.weight"] == [(30, 40)]
    optimizer = torch.optim.AdamW(fitting.parameter_groups(model, lr=0.1, weight_decay=0.1))
    fitting.apply(model)
    fitting.hold(model, optimizer)
    model(torch.randint(0, 40, (2, 5)), labels=torch.randint(0, 40, (2, 5))).loss.backward()
    optimizer.step()
    model.save_pretrained(tmp_path / "tuned")
    fitting.save(tmp_path / "mask.json")
    assert espalier.verify(tmp_path / "base", tmp_path / "tuned", tmp_path / "mask.json").proven_rows == 30
    with pytest.raises(espalier.MaskMismatchError, match="missing keys: 'bert.embeddings.LayerNorm.bias'"):
        mask.fitting(FIXTURES / "bert-tiny")


def test_compiled_models(bert):
    compiled = torch.compile(bert)
    mask = masks.freeze(compiled, train=["linear"])
    assert training(bert) == HEAD and not any("_orig_mod" in key for key in mask)
    bert.bert.encoder = torch.compile(bert.bert.encoder)
    mask.apply(bert)
    assert training(bert) == HEAD


def test_compiled_models_train(bert):
    word = "bert.embeddings.word_embeddings.weight"
    compiled = torch.compile(bert, backend="eager")
    mask = masks.freeze(compiled, train=["linear", f"{word}[50:]"])
    before = masks.snapshot(compiled)
    optimizer = torch.optim.AdamW(mask.parameter_groups(compiled, lr=0.1, weight_decay=0.1))
    mask.hold(compiled, optimizer)
    step(compiled, optimizer)
    proof = masks.verify(before, compiled, mask)
    assert proof.holds, proof.violations
    assert proof.proven_rows == 50 and set(proof.changed) == HEAD | {word}
    assert masks.verify(before, bert.state_dict(), mask).holds


@pytest.fixture
def group(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_ddp_models(bert, group):
    mask = masks.freeze(bert, train=["linear", "bert.embeddings.word_embeddings.weight[50:]"])
    wrapped = nn.parallel.DistributedDataParallel(bert)
    assert masks.freeze(wrapped, train=["linear", "bert.embeddings.word_embeddings.weight[50:]"]) == mask
    before = masks.snapshot(wrapped)
    optimizer = torch.optim.AdamW(mask.parameter_groups(wrapped, lr=0.1), weight_decay=0.1)
    mask.hold(wrapped, optimizer)
    step(wrapped, optimizer)
    proof = masks.verify(before, wrapped, mask)
    assert proof.holds and proof.proven_rows == 50 and len(proof.changed) == 5
    assert masks.verify(before, bert, mask).holds
    assert masks.verify(before, wrapped.state_dict(), mask).holds


def test_freezing_inside_of_ddp_is_a_warning(bert, group):
    wrapped = nn.parallel.DistributedDataParallel(bert)
    with pytest.warns(espalier.MaskWarning, match="before it is wrapped"):
        masks.freeze(wrapped, train=["linear"])


def test_a_module_that_is_called_module_keeps_its_name():
    model = nn.Module()
    model.module = nn.Linear(2, 2)
    assert set(masks.freeze(model, train=["module"])) == {"module.weight", "module.bias"}


def test_fsdp2(bert, group):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    mesh = init_device_mesh("cpu", (1,))
    mask = masks.freeze(bert, train=["linear", "bert.embeddings.word_embeddings.weight[50:]"])
    for layer in bert.bert.encoder.layer:
        fully_shard(layer, mesh=mesh)
    fully_shard(bert, mesh=mesh)
    assert masks.freeze(bert, train=["linear", "bert.embeddings.word_embeddings.weight[50:]"]) == mask
    before = masks.snapshot(bert)
    optimizer = torch.optim.AdamW(mask.parameter_groups(bert, lr=0.1), weight_decay=0.1)
    mask.hold(bert, optimizer)
    step(bert, optimizer)
    proof = masks.verify(before, bert, mask)
    assert proof.holds, proof.violations
    assert proof.proven_rows == 50 and "bert.embeddings.word_embeddings.weight" in proof.changed


OPTIMIZERS = {
    "AdamW": lambda p: torch.optim.AdamW(p, weight_decay=0.3),
    "AdamW for each tensor": lambda p: torch.optim.AdamW(p, weight_decay=0.3, foreach=False),
    "SGD": lambda p: torch.optim.SGD(p, momentum=0.9, weight_decay=0.3, nesterov=True),
    "Adafactor": lambda p: torch.optim.Adafactor(p, weight_decay=0.3),
    "Adafactor of transformers": lambda p: transformers.Adafactor(p, lr=0.1, relative_step=False, weight_decay=0.3),
    "RMSprop": lambda p: torch.optim.RMSprop(p, momentum=0.9, weight_decay=0.3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_frozen_rows_are_byte_identical(bert, name):
    word = "bert.embeddings.word_embeddings.weight"
    with torch.no_grad():
        bert.bert.embeddings.word_embeddings.weight[3] = torch.tensor([-0.0, float("nan"), 1e-45, float("inf")] * 4)
        bert.bert.embeddings.word_embeddings.weight[4] = -0.0
    masks.freeze(bert, train=["linear", word])
    optimizer = OPTIMIZERS[name]([parameter for parameter in bert.parameters() if parameter.requires_grad])
    if name == "SGD":  # leaves momentum in rows that are frozen afterwards
        bert(torch.tensor([[30, 31, 32]]), torch.tensor([0]))["loss"].backward()
        optimizer.step()
    mask = masks.freeze(bert, train=["linear", f"{word}[10:20,40:]"])
    before = masks.snapshot(bert)
    hold = mask.hold(bert, optimizer)
    torch.manual_seed(3)
    for _ in range(3):
        optimizer.zero_grad()
        bert(torch.randint(5, 60, (4, 6)), torch.tensor([0, 1, 0, 1]))["loss"].backward()
        optimizer.step()
    proof = masks.verify(before, bert, mask)
    assert proof.holds, proof.violations
    assert proof.proven_rows == 30 and word in proof.changed and HEAD <= set(proof.changed)
    hold.remove()
    step(bert, optimizer, 1)
    assert not masks.verify(before, bert, mask).holds


def test_without_hold_weight_decay_moves_frozen_rows(bert):
    mask = masks.freeze(bert, train=["linear", "bert.embeddings.word_embeddings.weight[50:]"])
    before = masks.snapshot(bert)
    step(bert, torch.optim.AdamW(mask.parameter_groups(bert, lr=0.1, weight_decay=0.1)))
    proof = masks.verify(before, bert, mask)
    assert not proof.holds and proof.violations[0].rows == [(1, 50)]  # row 0 is padding: zeros


def test_hold_refuses_an_optimizer_of_frozen_parameters(bert):
    optimizer = torch.optim.SGD(bert.parameters(), lr=0.1)
    described = masks.describe(bert)
    mask = espalier.Mask.create(described, train=["linear"])
    with pytest.raises(espalier.MaskMismatchError, match="is frozen by the mask, and the optimizer trains it"):
        mask.hold(bert, optimizer)
    mask.apply(bert)
    mask.hold(bert, optimizer).remove()


def test_parameter_groups(bert):
    mask = masks.freeze(bert, train=["linear", "bert.pooler"])
    groups = mask.parameter_groups(bert, lr=1e-3, weight_decay=0.1,
                                   selectors={"bert": 1e-5, "**:role(bias)": {"weight_decay": 0.0}})
    found = sorted((group["lr"], group["weight_decay"], len(group["params"])) for group in groups)
    assert found == [(1e-5, 0.0, 1), (1e-5, 0.1, 1), (1e-3, 0.0, 2), (1e-3, 0.1, 2)]
    torch.optim.AdamW(groups)
    with pytest.raises(espalier.SurgeryError):
        mask.parameter_groups(bert, lr=1e-3, selectors={"nothing": 1})


def test_apply_says_what_does_not_fit(bert):
    mask = masks.freeze(bert, train=["linear"])
    with pytest.raises(espalier.MaskMismatchError, match="missing keys: 'linear.0.bias'.*unexpected keys: 'weight', 'bias'"):
        mask.apply(nn.Linear(2, 2))
    rows = masks.freeze(bert, train=["bert.embeddings.word_embeddings.weight[50:]"])
    bert.bert.embeddings.word_embeddings = nn.Embedding(40, 16)
    with pytest.raises(espalier.MaskMismatchError, match="has 40 rows, the mask trains rows up to 60"):
        rows.apply(bert)


def test_a_mask_applies_to_a_model_of_another_dtype(bert):
    mask = masks.freeze(bert, train=["linear"])
    bert.to(torch.bfloat16)
    assert len(mask.apply(bert)) == 4


def test_verify_in_memory_and_on_files_agree(bert, tmp_path):
    mask = masks.freeze(bert, train=["linear"])
    save_file(bert.state_dict(), tmp_path / "base.safetensors")
    optimizer = torch.optim.AdamW(mask.parameter_groups(bert, lr=0.1))
    step(bert, optimizer)
    save_file(bert.state_dict(), tmp_path / "tuned.safetensors")
    for before in (tmp_path / "base.safetensors", espalier.open(tmp_path / "base.safetensors")):
        in_memory = masks.verify(before, bert, mask)
        on_files = espalier.verify(before, tmp_path / "tuned.safetensors", mask)
        assert in_memory == on_files and in_memory.holds
    with torch.no_grad():
        bert.bert.pooler.dense.bias[0] += 1
        bert.linear[0].weight.data = bert.linear[0].weight.data[:4].clone()
        bert.bert.pooler.dense.weight.data = bert.bert.pooler.dense.weight.data.double()
    save_file(bert.state_dict(), tmp_path / "tuned.safetensors")
    in_memory = masks.verify(tmp_path / "base.safetensors", bert, mask)
    on_files = espalier.verify(tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", mask)
    assert in_memory == on_files
    assert [violation.kind for violation in in_memory.violations] == ["bytes", "dtype", "shape"]


def test_buffers_are_in_the_mask_and_do_not_train():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    mask = masks.freeze(model, train=["1"])
    assert set(mask) == set(model.state_dict())
    assert training(model) == {"1.weight", "1.bias"}
    with pytest.raises(espalier.SurgeryError, match="nothing would train"):
        masks.freeze(model, train=["1.running_mean"])
    assert set(masks.select(model, "1")) == {"1.weight", "1.bias"}
    assert masks.describe(model).info("0.weight").shape == (2, 2)


def test_trainer(bert, tmp_path):
    pytest.importorskip("accelerate")
    from espalier.transformers import MaskCallback
    word = "bert.embeddings.word_embeddings.weight"
    save_file(bert.state_dict(), tmp_path / "base.safetensors")
    espalier.run(["mask", "create", tmp_path / "base.safetensors", "--train", "linear", f"{word}[50:]", "-o",
                  tmp_path / "mask.json"])
    before = masks.snapshot(bert)
    data = [{"input_ids": torch.randint(0, 60, (6,)), "labels": torch.tensor(index % 2)} for index in range(16)]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"), num_train_epochs=2, per_device_train_batch_size=4, learning_rate=0.05,
        weight_decay=0.1, save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True)
    trainer = transformers.Trainer(model=bert, args=arguments, train_dataset=data,
                                   callbacks=[MaskCallback(tmp_path / "mask.json")])
    assert training(bert) == HEAD | {word}
    trainer.train()
    proof = masks.verify(before, bert, tmp_path / "mask.json")
    assert proof.holds and proof.proven_rows == 50 and len(proof.changed) == 5
    save_file(bert.state_dict(), tmp_path / "tuned.safetensors")
    done = espalier.run(["verify", tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", "--mask",
                         tmp_path / "mask.json"])
    assert done.stdout.startswith("OK: ")


def test_a_callback_that_is_added_too_late_is_an_error(bert, tmp_path):
    pytest.importorskip("accelerate")
    from espalier.transformers import MaskCallback
    mask = espalier.Mask.create(masks.describe(bert), train=["linear"])
    arguments = transformers.TrainingArguments(output_dir=str(tmp_path), max_steps=1, report_to=[], use_cpu=True,
                                               disable_tqdm=True, save_strategy="no")
    data = [{"input_ids": torch.randint(0, 60, (6,)), "labels": torch.tensor(0)}] * 2
    trainer = transformers.Trainer(model=bert, args=arguments, train_dataset=data)
    trainer.add_callback(MaskCallback(mask))
    with pytest.raises(espalier.MaskMismatchError, match="pass the callback to the Trainer's initialiser"):
        trainer.train()


def test_freeze_calls_the_library_once_for_the_model(bert, monkeypatch):
    from espalier import _library
    names = []
    status = _library.status
    monkeypatch.setattr(_library, "status", lambda name, *arguments: names.append(name) or status(name, *arguments))
    masks.freeze(bert, train=["linear"])
    counts = {name: names.count(name) for name in names}
    assert counts == {"describe": 1, "tensors": 1, "info": 1, "mask_create": 1, "mask_entries": 1, "mask_warnings": 1}


def test_gradients_of_frozen_rows_are_zero(bert):
    word = "bert.embeddings.word_embeddings.weight"
    masks.freeze(bert, train=["linear", f"{word}[10:20,40:]"])

    def gradient():
        bert.zero_grad()
        bert(torch.arange(0, 60)[None, :30].contiguous() + 15, torch.tensor([0]))["loss"].backward()
        return bert.bert.embeddings.word_embeddings.weight.grad.abs().sum(1) > 0

    assert gradient().nonzero().flatten().tolist() == [*range(15, 20), *range(40, 45)]
    masks.freeze(bert, train=["linear", word])
    assert gradient().nonzero().flatten().tolist() == list(range(15, 45))


@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_two_processes(tmp_path, strategy):
    import subprocess
    import sys

    word = "bert.embeddings.word_embeddings.weight"
    espalier.run(["graft", FIXTURES / "bert-tiny", "--head", "mlp:16", "--labels", "2", "-o", tmp_path / "base"])
    mask = espalier.Mask.create(tmp_path / "base", train=["linear", f"{word}[100:104]", "bert.encoder.layer[-1].output"])
    mask.save(tmp_path / "mask.json")
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         str(FIXTURES.parent / "Examples/distributed/train.py"), "--model", str(tmp_path / "base"), "--mask",
         str(tmp_path / "mask.json"), "--strategy", strategy, "-o", str(tmp_path / "tuned.safetensors")],
        capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    proof = espalier.verify(tmp_path / "base", tmp_path / "tuned.safetensors", mask)
    assert proof.holds and proof.proven_rows == 508 and len(proof.changed) == 9
