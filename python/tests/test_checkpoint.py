import gc
import os
import pickle
import subprocess
import sys
import threading

import pytest

import espalier

from conftest import FIXTURES

numpy = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
ml_dtypes = pytest.importorskip("ml_dtypes")
safetensors_torch = pytest.importorskip("safetensors.torch")

DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
          torch.float32, torch.float64, torch.complex64, torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn,
          torch.float8_e5m2]


def values(dtype, shape=(3, 4)):
    torch.manual_seed(1)
    return (torch.randn(shape) * 3).abs().to(dtype) if dtype != torch.complex64 else torch.randn(shape, dtype=dtype)


def raw(tensor):
    return tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


@pytest.fixture
def tensors():
    made = {str(dtype)[6:]: values(dtype) for dtype in DTYPES}
    made["scalar"] = torch.tensor(3.5)
    made["empty"] = torch.empty(0, 7)
    return made


@pytest.mark.parametrize("kind", ["safetensors", "pt", "legacy"])
def test_arrays_are_what_torch_and_safetensors_read(tmp_path, tensors, kind):
    path = tmp_path / ("model.safetensors" if kind == "safetensors" else "model.pt")
    if kind == "safetensors":
        safetensors_torch.save_file(tensors, path, metadata={"format": "pt", "a": "ä"})
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "pt")
    with espalier.open(path) as checkpoint:
        assert set(checkpoint) == set(tensors) and len(checkpoint) == len(tensors)
        for key, tensor in tensors.items():
            array = checkpoint[key]
            assert array.shape == tuple(tensor.shape), key
            assert array.tobytes() == raw(tensor) == checkpoint.read(key), key
            assert not array.flags.writeable
            assert checkpoint.info(key).shape == tuple(tensor.shape)
        assert checkpoint["bfloat16"].dtype == ml_dtypes.bfloat16
        assert checkpoint["float8_e4m3fn"].dtype == ml_dtypes.float8_e4m3fn
        assert checkpoint["float32"].dtype == numpy.float32
        if kind == "safetensors":
            assert checkpoint.metadata == {"format": "pt", "a": "ä"}
        checkpoint.check()


def test_order_is_that_of_the_file(tmp_path):
    torch.save({"b": torch.zeros(1), "a": torch.ones(1), "c": torch.ones(2)}, tmp_path / "m.pt")
    assert list(espalier.open(tmp_path / "m.pt")) == ["b", "a", "c"]
    assert list(espalier.open(str(tmp_path / "m.pt")).keys()) == ["b", "a", "c"]


def test_strided_views_are_views_with_the_strides_of_torch(tmp_path):
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    torch.save({"base": base, "transposed": base.T, "columns": base[:, 1:4], "row": base[2]}, tmp_path / "m.pt")
    checkpoint = espalier.open(tmp_path / "m.pt")
    assert numpy.array_equal(checkpoint["transposed"], base.T.numpy())
    assert checkpoint["transposed"].strides == (4, 24)
    assert numpy.array_equal(checkpoint["columns"], base[:, 1:4].numpy())
    assert numpy.shares_memory(checkpoint["columns"], checkpoint["base"])
    assert checkpoint.info("row").tied_to == "base" and checkpoint.info("base").tied_to is None


def test_arrays_need_no_copy_and_outlive_the_checkpoint(tmp_path):
    tensor = torch.randn(300, 100)
    safetensors_torch.save_file({"w": tensor}, tmp_path / "m.safetensors")
    checkpoint = espalier.open(tmp_path / "m.safetensors")
    first, second = checkpoint["w"], checkpoint["w"]
    assert numpy.shares_memory(first, second)
    part = first[10:20]
    checkpoint.close()
    del checkpoint, first, second
    gc.collect()
    assert part.tobytes() == raw(tensor[10:20])
    with pytest.raises(ValueError):
        part[0, 0] = 1
    with pytest.raises(ValueError):
        part.flags.writeable = True


@pytest.mark.parametrize("name", ["deflated.pt", "big-endian.pt"])
def test_elements_that_are_not_in_the_file_as_they_are_are_read(name):
    checkpoint = espalier.open(FIXTURES / "torch" / name)
    for key, array in checkpoint.items():
        assert array.tobytes() == checkpoint.read(key)
        assert not array.flags.writeable


def test_a_pickle_is_not_executed(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    torch.save({"w": torch.zeros(2), "x": Attack()}, tmp_path / "m.pt")
    assert list(espalier.open(tmp_path / "m.pt")) == ["w"]
    assert not (tmp_path / "executed").exists()


def test_torch_is_not_imported():
    code = ("import espalier, sys; c = espalier.open(sys.argv[1]); [a.sum() for a in c.values()]; "
            "assert 'torch' not in sys.modules, 'torch'")
    subprocess.run([sys.executable, "-c", code, str(FIXTURES / "torch/training.pt")], check=True)


def test_an_import_loads_no_other_module():
    code = ("import sys; before = set(sys.modules); import espalier; "
            "print(sorted(name for name in set(sys.modules) - before if name.split('.')[0] != '_distutils_hack'))")
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "['espalier']"


def test_bfloat16_without_ml_dtypes_is_an_error_that_names_it(tmp_path):
    safetensors_torch.save_file({"w": torch.zeros(2, dtype=torch.bfloat16)}, tmp_path / "m.safetensors")
    code = ("import sys; sys.modules['ml_dtypes'] = None; import espalier\n"
            "c = espalier.open(sys.argv[1])\n"
            "try: c['w']\nexcept espalier.NumpyDTypeError as e: print(e.kind, e)\n"
            "print(c.read('w'), c.info('w').dtype)")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "m.safetensors")], check=True, capture_output=True,
                          text=True)
    assert done.stdout.splitlines() == [
        "needsMLDTypes 'w' has elements of type BF16, which numpy does not have: pip install ml_dtypes",
        r"b'\x00\x00\x00\x00' BF16"]


def test_selections_are_mappings_with_rows():
    checkpoint = espalier.open(FIXTURES / "bert-tiny")
    word = "embeddings.word_embeddings.weight"
    selection = checkpoint.select(f"{word}[2:4,8]", "pooler", "!**:role(bias)")
    assert list(selection) == [word, "pooler.dense.weight"] or set(selection) == {word, "pooler.dense.weight"}
    assert selection.rows == {word: [(2, 4), (8, 9)], "pooler.dense.weight": None}
    assert numpy.array_equal(selection[word], checkpoint[word][[2, 3, 8]])
    assert numpy.shares_memory(checkpoint.select(f"{word}[2:4]")[word], checkpoint[word])
    assert selection.explanations[1].matched == ("pooler.dense.bias", "pooler.dense.weight")
    assert len(checkpoint.select()) == 39


def test_a_selector_that_selects_nothing_has_suggestions():
    checkpoint = espalier.open(FIXTURES / "bert-tiny")
    with pytest.raises(espalier.SurgeryError, match="selects no tensor: did you mean `pooler`") as caught:
        checkpoint.select("poler")
    assert caught.value.suggestions == ("pooler",) and caught.value.selector == "poler"
    assert caught.value.kind == "matchesNothing"
    with pytest.raises(espalier.SurgeryError) as caught:
        checkpoint.select("a[")
    assert caught.value.offset is not None
    with pytest.raises(TypeError, match="a selector is a str, not int"):
        checkpoint.select(3)


def test_missing_and_damaged_files_are_errors_with_their_path(tmp_path):
    with pytest.raises(espalier.CheckpointError, match="No such file") as caught:
        espalier.open(tmp_path / "nowhere.safetensors")
    assert caught.value.path == str(tmp_path / "nowhere.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((FIXTURES / "bert-tiny/model.safetensors").read_bytes()[:-9])
    with pytest.raises(espalier.CheckpointError) as caught:
        espalier.open(tmp_path / "cut.safetensors")
    assert str(caught.value).startswith(str(tmp_path))
    with pytest.raises(espalier.Error):
        espalier.open("a\0b")


def test_damaged_bytes_of_an_archive_are_found_by_check_and_read(tmp_path):
    torch.save({"w": torch.arange(4096, dtype=torch.float32)}, tmp_path / "m.pt")
    data = bytearray((tmp_path / "m.pt").read_bytes())
    place = data.index(torch.arange(4000, 4096, dtype=torch.float32).numpy().tobytes())
    data[place] ^= 1
    (tmp_path / "m.pt").write_bytes(data)
    checkpoint = espalier.open(tmp_path / "m.pt")
    assert checkpoint["w"].shape == (4096,)
    with pytest.raises(espalier.CheckpointError, match="CRC-32"):
        checkpoint.check()
    with pytest.raises(espalier.CheckpointError, match="CRC-32"):
        checkpoint.read("w")


def test_a_closed_checkpoint_is_an_error_and_closing_twice_is_not():
    checkpoint = espalier.open(FIXTURES / "bert-tiny")
    with checkpoint:
        pass
    checkpoint.close()
    assert checkpoint.closed and "closed" in repr(checkpoint)
    for call in (lambda: checkpoint["pooler.dense.bias"], lambda: checkpoint.info("pooler.dense.bias"),
                 lambda: checkpoint.metadata, lambda: checkpoint.select("pooler"), lambda: checkpoint.read("pooler.dense.bias"),
                 checkpoint.check, checkpoint.__enter__):
        with pytest.raises(espalier.MisuseError, match="the checkpoint is closed"):
            call()


def test_a_key_that_is_not_there_is_a_key_error():
    checkpoint = espalier.open(FIXTURES / "bert-tiny")
    for call in (checkpoint.__getitem__, checkpoint.info, checkpoint.read):
        with pytest.raises(KeyError):
            call("nothing")
    assert "nothing" not in checkpoint and checkpoint.get("nothing") is None


def test_entries_that_cannot_be_read_have_a_reason():
    unsupported = espalier.open(FIXTURES / "torch/sparse.pt").unsupported
    assert unsupported and all(unsupported.values())


def test_threads_share_a_checkpoint():
    checkpoint = espalier.open(FIXTURES / "bert-tiny")
    sums, failures = [], []

    def work():
        try:
            for _ in range(20):
                sums.append(sum(float(array.sum()) for array in checkpoint.values()))
                with pytest.raises(espalier.SurgeryError, match="nowhere"):
                    checkpoint.select("nowhere")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and len(set(sums)) == 1


def test_handles_are_closed_once(tmp_path):
    from espalier import _library
    handle = _library.Handle("open", str(FIXTURES / "bert-tiny").encode())
    number = handle.number
    handle.close()
    handle.close()
    assert _library.status("close", number) == 2 and "is not an open handle" in str(_library.last_error())


def test_files_are_closed_with_the_last_array(tmp_path):
    path = tmp_path / "m.safetensors"
    safetensors_torch.save_file({"w": torch.zeros(4)}, path)

    def is_mapped():
        with open("/proc/self/maps") as maps:
            return str(path) in maps.read()

    array = espalier.open(path)["w"]
    gc.collect()
    if not os.path.exists("/proc/self/maps"):
        pytest.skip("no /proc here")
    assert is_mapped()
    del array
    gc.collect()
    assert not is_mapped()


def test_the_command_runs():
    listing = espalier.run(["ls", FIXTURES / "bert-tiny", "pooler"]).stdout
    assert "pooler.dense.weight" in listing
    with pytest.raises(espalier.CommandError, match="did you mean") as caught:
        espalier.run(["ls", FIXTURES / "bert-tiny", "poler"])
    assert caught.value.status == 2
    assert espalier.run(["ls", "nowhere"], check=False).returncode == 2
    done = subprocess.run([sys.executable, "-m", "espalier", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("espalier ")
    with pytest.raises(TypeError):
        espalier.run("ls")


def test_masks_pickle_and_compare(tmp_path):
    mask = espalier.Mask.create(FIXTURES / "bert-tiny", train="pooler")
    mask.save(tmp_path / "m.json")
    assert espalier.Mask.load(tmp_path / "m.json") == mask == pickle.loads(pickle.dumps(mask))
    assert mask["pooler.dense.bias"] is True and mask["embeddings.LayerNorm.bias"] is False
    assert mask.trainable == ["pooler.dense.bias", "pooler.dense.weight"] and len(mask.frozen) == 37
    mask.check(FIXTURES / "bert-tiny")
    with pytest.raises(espalier.MaskMismatchError, match="the mask does not fit"):
        mask.check(FIXTURES / "torch/views.pt")
    with pytest.raises(espalier.SurgeryError, match="freeze mask"):
        espalier.Mask.parse("{}")
    with pytest.raises(espalier.CheckpointError):
        espalier.Mask.load(tmp_path / "nowhere.json")
    with pytest.warns(espalier.MaskWarning, match="pooler.dense.bias"):
        espalier.Mask.create(FIXTURES / "bert-tiny", train="pooler.dense.weight")


def test_verify_of_files_finds_the_row(tmp_path):
    base = safetensors_torch.load_file(FIXTURES / "bert-tiny/model.safetensors")
    word = "embeddings.word_embeddings.weight"
    mask = espalier.Mask.create(FIXTURES / "bert-tiny", train=["pooler", f"{word}[100:]"])
    base["pooler.dense.bias"] += 1
    base[word][200] += 1
    safetensors_torch.save_file(base, tmp_path / "tuned.safetensors")
    proof = espalier.verify(FIXTURES / "bert-tiny", tmp_path / "tuned.safetensors", mask)
    assert proof.holds and proof and proof.proven_rows == 100 and proof.changed == [word, "pooler.dense.bias"]
    base[word][7] += 1
    safetensors_torch.save_file(base, tmp_path / "tuned.safetensors")
    proof = espalier.verify(FIXTURES / "bert-tiny", tmp_path / "tuned.safetensors", mask)
    assert not proof and [v.rows for v in proof.violations] == [[(7, 8)]]
    assert proof.violations[0].kind == "bytes" and "the first is 7" in proof.violations[0].message
