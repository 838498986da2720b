"""Examples/distributed: one mask file under DDP and FSDP2, on two processes, against one process."""

import os
import subprocess
import sys

from tool import ROOT, TINY, Skip, espalier, espalier_json, folder

SCRIPT = ROOT / "Examples/distributed/train.py"
MASK = ["linear", "bert.embeddings.word_embeddings.weight[100:104]", "bert.encoder.layer[-1].output"]


def prepare(path):
    espalier("graft", TINY, "--head", "mlp:16", "--labels", "2", "-o", path / "base")
    espalier("mask", "create", path / "base", "--train", *MASK, "-o", path / "mask.json")
    espalier("mask", "export", path / "mask.json", "--to", "torch", "-o", path / "freeze_mask.py")


def train(path, strategy, processes):
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)] if processes > 1 else []
    output = path / f"{strategy}.safetensors"
    done = subprocess.run(
        [sys.executable, *launcher, SCRIPT, "--model", path / "base", "--mask", path / "freeze_mask.py",
         "--strategy", strategy, "-o", output],
        capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    report = espalier_json("verify", path / "base", output, "--mask", path / "mask.json")
    assert report["holds"] and report["proven"]["rows"] == 508 and len(report["changed"]) == 9, report
    return output


def test_ddp_and_fsdp2_train_what_the_mask_trains_and_give_the_numbers_of_one_process():
    try:
        from torch.distributed.fsdp import fully_shard  # noqa: F401
    except ImportError:
        raise Skip("this torch has no FSDP2")
    with folder() as path:
        prepare(path)
        one = train(path, "none", 1)
        for strategy in ("ddp", "fsdp2"):
            espalier("diff", one, train(path, strategy, 2), "--atol", "1e-5", "--quiet")
        return "34 tensors and 508 rows proven frozen"
