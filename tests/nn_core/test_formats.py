"""Model files in every format: what comes back, what other programs read, and what is refused."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import nn_core
from nn_core import (
    BatchNorm1d,
    ConfigError,
    Dropout,
    Flatten,
    Linear,
    ModelFileError,
    PluginError,
    ReLU,
    Residual,
    Sequential,
    UnknownComponentError,
    components,
    load,
    load_arrays,
    save,
)
from nn_core.model_files import read_arrays, write_arrays
from nn_core.protocols import Format

try:
    import h5py
except ImportError:
    h5py = None

needs_h5py = pytest.mark.skipif(h5py is None, reason="HDF5 needs h5py, the extra nn-core[hdf5]")
HDF5 = [pytest.param(ending, marks=needs_h5py) for ending in (".h5", ".hdf5")]
each_ending = pytest.mark.parametrize("ending", [".safetensors", ".npz", *HDF5])


@pytest.fixture
def path(tmp_path, ending):
    return tmp_path / f"model{ending}"


def trained(dtype="float32"):
    """Return a model whose running statistics have moved, in which a layer stands twice."""
    nn_core.seed(0)
    twice = Linear(6, 6)
    model = Sequential(
        Flatten(), Linear(out_features=6, bias=False), BatchNorm1d(), ReLU(), Dropout(0.3),
        Residual(twice), twice, Sequential(Linear(6, 3)),
    )  # fmt: skip
    model.build((7, 2, 2))
    model.astype(dtype)
    for _ in range(3):
        model(draw(7) + 1)
    return model


def draw(n):
    return np.random.default_rng(1).normal(size=(n, 2, 2))


# Round trips


@each_ending
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_comes_back_to_the_bit(path, dtype):
    model = trained(dtype)
    save(model, path)
    twin = load(path)
    assert repr(twin) == repr(model)
    assert not twin.training
    state = model.state_dict()
    assert list(twin.state_dict()) == list(state)
    for name, array in twin.state_dict().items():
        assert array.dtype == state[name].dtype
        np.testing.assert_array_equal(array, state[name])
    np.testing.assert_array_equal(twin(draw(5)), model.infer(draw(5).astype(dtype)))
    places = [name for name, parameter in twin.named_state() if parameter is twin.layers[6].weight]
    assert len(places) == 2, "what stood in two places is one in both"


@each_ending
def test_a_model_comes_back_in_another_process(path, tmp_path):
    model = trained()
    save(model, path)
    np.save(tmp_path / "x.npy", draw(5))
    code = "import sys, numpy, nn_core; y = nn_core.load(sys.argv[1])(numpy.load('x.npy')); numpy.save('y.npy', y)"
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=tmp_path, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), model.infer(draw(5).astype("float32")))


@each_ending
@pytest.mark.parametrize(
    "array",
    [
        np.float32(1.5),
        np.zeros((0, 3), np.float32),
        np.array([np.nan, -np.inf, -0.0, 5e-324]),
        np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
        np.arange(8, dtype=np.uint8)[::3],
        np.array([True, False]),
        np.array([1, 2], np.float16),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_arrays_of_every_kind_come_back(path, array):
    write_arrays(path, {"file": np.asarray(array), "a.b": np.ones(2)}, {"nn": "é" * 100_000, "other": ""})
    metadata, arrays = read_arrays(path)
    assert dict(metadata) == {"nn": "é" * 100_000, "other": ""}
    assert sorted(arrays) == ["a.b", "file"]
    assert (arrays["file"].dtype, arrays["file"].shape) == (array.dtype, array.shape)
    assert arrays["file"].tobytes() == array.tobytes()


@each_ending
def test_the_ending_may_be_in_capitals(path):
    save(Linear(2, 3), path.with_suffix(path.suffix.upper()))
    assert load(path.with_suffix(path.suffix.upper())).in_features == 2


@each_ending
def test_the_same_model_makes_the_same_file(path, tmp_path):
    save(trained(), path)
    save(trained(), tmp_path / f"again{path.suffix}")
    assert path.read_bytes() == (tmp_path / f"again{path.suffix}").read_bytes()


# What other programs see


def test_numpy_reads_the_arrays_of_an_npz_file(tmp_path):
    model = trained()
    save(model, tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as file:
        assert {*file.files} == {*model.state_dict(), "@metadata"}
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(file[name], array)
        about = json.loads(json.loads(file["@metadata"].tobytes())["nn"])
    assert about["model"]["type"] == "sequential@nn-core"


@needs_h5py
def test_h5py_reads_the_arrays_of_an_hdf5_file(tmp_path):
    model = trained()
    save(model, tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        assert {*file} == {*model.state_dict(), "@nn"}
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(file[name][()], array)
        about = json.loads(file["@nn"].asstr()[()])
    assert about["model"]["type"] == "sequential@nn-core"


def test_weights_that_numpy_saved_load_into_a_model(tmp_path):
    model = trained()
    np.savez_compressed(tmp_path / "weights.npz", **model.state_dict())
    with pytest.raises(ModelFileError, match="holds weights but no architecture"):
        load(tmp_path / "weights.npz")
    twin = Sequential(Linear(4, 6))
    twin.load_state_dict({"0.weight": load_arrays(tmp_path / "weights.npz")["1.weight"]}, strict=False)
    np.testing.assert_array_equal(twin.params["0.weight"], model.params["1.weight"])


# What is refused


@each_ending
def test_a_file_that_is_cut_off_is_refused_wherever_it_is(path):
    save(Sequential(Linear(2, 3), BatchNorm1d(3)), path)
    whole = path.read_bytes()
    for size in [0, 1, *np.linspace(2, len(whole) - 1, 40).astype(int)]:
        path.write_bytes(whole[:size])
        with pytest.raises(ModelFileError, match=r"is not a complete|holds weights but no architecture"):
            load(path)


@each_ending
def test_a_file_of_another_kind_is_refused(path):
    array = io.BytesIO()
    np.save(array, np.ones(3))
    for content in (b"", b"hello", bytes(range(256)) * 9, array.getvalue()):
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=f"model{path.suffix} is not a complete"):
            load(path)


@each_ending
def test_a_file_that_is_not_there_is_named(path):
    with pytest.raises(ModelFileError, match=f"There is no model file .*model{path.suffix}"):
        load(path)


@each_ending
def test_a_file_that_cannot_be_written_is_named_and_the_old_one_stays(path, monkeypatch):
    save(Linear(2, 3), path)
    before = path.read_bytes()

    def refuse(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(ModelFileError, match="cannot be written: No space left on device"):
        save(Linear(4, 5), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


class Payload:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_an_npz_file_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for content in (np.array([Payload()]), [Payload()]):
        np.savez("model.npz", **{"weight": np.array(content, dtype=object)})
        with pytest.raises(
            ModelFileError, match=r"is not a complete \.npz file of plain arrays: Object arrays cannot be"
        ):
            load("model.npz")
    import pickle

    with open("model.npz", "wb") as file:
        pickle.dump(Payload(), file)
    with pytest.raises(ModelFileError, match=r"is not a complete \.npz file"):
        load("model.npz")
    assert not (tmp_path / "ran").exists()
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_arrays("other.npz", {"weight": np.array([None])}, {})


def test_an_npz_file_with_a_damaged_member_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    save(Linear(20, 30), path)
    data = bytearray(path.read_bytes())
    data[400] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"is not a complete .npz file of plain arrays: Bad CRC-32"):
        load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weight.npy", b"no array")
        archive.writestr("notes.txt", b"hello")
    with pytest.raises(ModelFileError, match="is not a complete"):
        load(path)


@needs_h5py
@pytest.mark.parametrize("how", ["external link", "soft link", "external storage", "virtual", "group"])
def test_an_hdf5_file_leads_to_no_other_place(tmp_path, how):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["weight"] = np.ones((3, 2), np.float32)
    (tmp_path / "secret.bin").write_bytes(bytes(24))
    path = tmp_path / "model.h5"
    save(Linear(2, 3), path)
    with h5py.File(path, "a") as file:
        del file["weight"]
        if how == "external link":
            file["weight"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/weight")
        elif how == "soft link":
            file["weight"] = h5py.SoftLink("/bias")
        elif how == "external storage":
            file.create_dataset("weight", (3, 2), "f4", external=[(str(tmp_path / "secret.bin"), 0, 24)])
        elif how == "virtual":
            layout = h5py.VirtualLayout((3, 2), "f4")
            layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "weight", (3, 2))
            file.create_virtual_dataset("weight", layout)
        else:
            file.create_group("weight")
    with pytest.raises(ModelFileError, match=r"model.h5 is not a complete HDF5 file of plain arrays: 'weight' "):
        load(path)


def test_without_h5py_the_message_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "there.h5").touch()
    for act in (lambda: save(Linear(2, 3), tmp_path / "model.h5"), lambda: load(tmp_path / "there.h5")):
        with pytest.raises(PluginError, match=r"HDF5 files need h5py: install the extra nn-core\[hdf5\]"):
            act()
    assert os.listdir(tmp_path) == ["there.h5"]


# Which format


def test_a_path_without_ending_is_safetensors(tmp_path):
    save(Linear(2, 3), tmp_path / "one")
    save(Linear(2, 3), tmp_path / "two.safetensors")
    assert len((tmp_path / "one").read_bytes()) == len((tmp_path / "two.safetensors").read_bytes())
    assert load(tmp_path / "one").in_features == 2


def test_an_ending_that_no_format_has_is_refused_unless_the_format_is_named(tmp_path):
    with pytest.raises(ModelFileError) as caught:
        save(Linear(2, 3), tmp_path / "model.pt")
    advice = (
        "No format of model files has the ending .pt: known are .h5, .hdf5, .npz, .safetensors, and format= chooses "
        "one for another ending, as in format='safetensors'."
    )
    assert str(caught.value).endswith(f"model.pt cannot be written. {advice}")
    save(Linear(2, 3), tmp_path / "model.pt", format="npz")
    assert load(tmp_path / "model.pt", format="npz").in_features == 2
    with pytest.raises(ModelFileError, match=r"is not a complete safetensors file") as caught:
        load(tmp_path / "model.pt")
    assert str(caught.value).endswith(advice)
    with pytest.raises(UnknownComponentError, match=r"'npy'\. Did you mean 'npz'"):
        save(Linear(2, 3), tmp_path / "model.pt", format="npy")


TEXT = """
    import json

    import numpy as np

    class Text:
        def encode(self, arrays, metadata):
            plain = {name: [str(array.dtype), array.tolist()] for name, array in arrays.items()}
            return json.dumps([dict(metadata), plain]).encode()

        def decode(self, path):
            metadata, plain = json.loads(path.read_text())
            return metadata, {name: np.array(numbers, dtype) for name, (dtype, numbers) in plain.items()}
"""
PLUGIN = """
    from nn_core.plugins import FormatSpec, hookimpl

    NN_API = 1

    @hookimpl
    def nn_formats():
        yield FormatSpec(name="text", target="nn_acme.text:Text", suffixes=SUFFIXES)
"""


def test_a_plugin_adds_a_format(fake_plugins, tmp_path):
    modules = {"nn_acme/text.py": TEXT, "nn_acme/nn_plugin.py": PLUGIN.replace("SUFFIXES", "('.txt', '.text')")}
    fake_plugins.install("nn-acme", modules)
    model = trained()
    for ending in (".txt", ".text"):
        save(model, tmp_path / f"model{ending}")
        np.testing.assert_array_equal(
            load(tmp_path / f"model{ending}")(draw(5)), model.infer(draw(5).astype("float32"))
        )
    assert "sequential@nn-core" in (tmp_path / "model.txt").read_text()


def test_of_two_formats_with_one_ending_one_has_to_be_chosen(fake_plugins, tmp_path):
    modules = {"nn_acme/text.py": TEXT, "nn_acme/nn_plugin.py": PLUGIN.replace("SUFFIXES", "('.npz',)")}
    fake_plugins.install("nn-acme", modules)
    with pytest.raises(ModelFileError, match=r"\.npz is the ending of 'npz@nn-core' and 'text@nn-acme': choose with "):
        save(Linear(2, 3), tmp_path / "model.npz")
    save(Linear(2, 3), tmp_path / "model.npz", format="text")
    assert load(tmp_path / "model.npz", format="text@nn-acme").in_features == 2


def test_the_formats_of_the_core_keep_the_contract():
    own = {part.name: part for part in components("format") if part.distribution == "nn-core"}
    assert {name: part.spec.suffixes for name, part in own.items()} == {
        "safetensors": (".safetensors",),
        "npz": (".npz",),
        "hdf5": (".h5", ".hdf5"),
    }
    for name in own:
        assert isinstance(nn_core.build("format", name), Format)
    with pytest.raises(ConfigError, match="has no option"):
        nn_core.build("format", {"type": "npz", "level": 3})
