"""Model files: what comes back, in this process and another, and what happens to files that are not whole."""

from __future__ import annotations

import copy
import json
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import nn_core
from nn_core import (
    BatchNorm1d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    ModelFileError,
    NotBuiltError,
    Parallel,
    PluginError,
    ReLU,
    Residual,
    Sequential,
    load,
    load_arrays,
    load_extra,
    save,
    seed,
    set_default_dtype,
)
from nn_core.serialization import describe, read


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def draw(*shape, dtype="float32"):
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


def trained():
    """Return a model whose running statistics have moved."""
    model = Sequential(
        Flatten(), Linear(out_features=6, bias=False), BatchNorm1d(), ReLU(), Dropout(0.3), Sequential(Linear(6, 3))
    )
    for _ in range(2):
        model(draw(7, 2, 2) + 1)
    return model


def rewrite(path, about=None, state=None, **changes):
    """Change what a model file says about itself."""
    old, arrays = read(path)
    metadata = {"nn": json.dumps(old | changes) if about is None else about}
    save_file(arrays if state is None else state, path, metadata=metadata)


# Round trips


def test_a_model_comes_back_with_its_layers_its_state_and_in_evaluation_mode(path):
    model, x = trained(), draw(5, 2, 2)
    save(model, path)
    assert model.training, "saving changes nothing"
    twin = load(path)
    assert repr(twin) == repr(model)
    assert not any(layer.training for _, layer in twin.named_layers())
    state = model.state_dict()
    assert list(twin.state_dict()) == list(state)
    for name, array in twin.state_dict().items():
        assert array.dtype == state[name].dtype
        assert (array == state[name]).all()
    assert (twin(x) == model.infer(x)).all()


def test_a_model_comes_back_in_another_process(path, tmp_path):
    model, x = trained(), draw(5, 2, 2)
    save(model, path)
    np.save(tmp_path / "x.npy", x)
    code = "import sys, numpy, nn_core; y = nn_core.load(sys.argv[1])(numpy.load('x.npy')); numpy.save('y.npy', y)"
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=tmp_path, check=True)
    y = np.load(tmp_path / "y.npy")
    assert (y == model.infer(x)).all()
    assert np.abs(y - model.forward(x)[0]).max() > 0.01, "with the batch's statistics it would be something else"


def test_other_programs_read_the_arrays_under_pytorchs_names(path):
    model = trained()
    save(model, path)
    arrays = load_file(path)
    assert sorted(arrays) == [
        "1.weight",
        "2.bias",
        "2.num_batches_tracked",
        "2.running_mean",
        "2.running_var",
        "2.weight",
        "5.0.bias",
        "5.0.weight",
    ]
    assert all((arrays[name] == array).all() for name, array in model.state_dict().items())
    counter = arrays["2.num_batches_tracked"]
    assert (counter.shape, counter.dtype, int(counter)) == ((), np.int64, 2)


@pytest.mark.parametrize(
    "arrange",
    [
        lambda weight: np.ascontiguousarray(weight.T).T,
        np.asfortranarray,
        lambda weight: np.repeat(weight, 2, axis=1)[:, ::2],
        lambda weight: weight[::-1][::-1],
        lambda weight: np.broadcast_to(weight[:1], weight.shape),
    ],
    ids=["transposed", "Fortran-ordered", "strided", "reversed twice", "broadcast"],
)
def test_weights_in_any_memory_layout_are_saved_as_they_are_seen(path, arrange):
    model = Linear(3, 4)
    model.weight.data = arrange(model.weight.data)
    seen = model.weight.data.copy()
    save(model, path)
    assert (load_file(path)["weight"] == seen).all()
    assert (load(path).weight.data == seen).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential(Linear(4, 3), BatchNorm1d(3)),
        lambda: BatchNorm1d(4, affine=False),
        lambda: Sequential(BatchNorm1d(4, affine=False), ReLU()),
    ],
)
def test_a_float64_model_stays_one(path, make):
    model = make().astype("float64")
    model(draw(5, 4, dtype="float64"))
    save(model, path)
    twin = load(path)
    assert twin.dtype == np.float64
    assert (twin(draw(5, 4)) == model.infer(draw(5, 4))).all()
    assert all((array == model.state_dict()[name]).all() for name, array in twin.state_dict().items())


def test_the_dtype_of_a_file_counts_and_not_the_default_of_the_reader(path):
    save(Linear(4, 3), path)
    set_default_dtype("float64")
    try:
        assert load(path).dtype == np.float32
    finally:
        set_default_dtype("float32")


@pytest.mark.parametrize("model", [ReLU(), Sequential(), Sequential(Flatten(0, 1), Sequential(Dropout(0.25)))])
def test_a_model_without_weights_is_a_file_too(path, model):
    save(model, path)
    assert repr(load(path)) == repr(model)


def test_a_file_tells_what_made_it(path):
    save(trained(), path)
    about, _ = read(path)
    assert about["version"] == 1
    assert about["nn-core"] == nn_core.__version__
    assert about["plugins"] == {"nn-core": nn_core.__version__}
    assert about["model"]["type"] == "sequential@nn-core"
    assert about["model"]["layers"][1] == {
        "type": "linear@nn-core",
        "in_features": 4,
        "out_features": 6,
        "bias": False,
    }


def test_a_saved_model_can_be_trained_further(path):
    save(trained(), path)
    twin = load(path).train()
    twin.backward(twin(draw(7, 2, 2)))
    assert all(parameter.grad is not None for parameter in twin.parameters())


# Shared layers and parameters


def shared_model(kind):
    layer, norm = Linear(3, 3), BatchNorm1d(3)
    if kind == "layer":
        return Sequential(layer, norm, Sequential(layer, norm), Linear(3, 3))
    if kind == "container":
        block = Sequential(layer, norm)
        return Sequential(block, ReLU(), block)
    if kind == "inferred":
        layer, norm = Linear(out_features=3), BatchNorm1d()
        return Sequential(layer, norm, layer, norm)
    if kind == "parameter":
        model = Sequential({"encoder": layer, "norm": norm, "decoder": Linear(3, 3)})
        model.decoder.weight = model.encoder.weight
        return model
    return Residual(Parallel(layer, layer, Sequential(layer)), norm, shortcut=layer)


SHARED = ["layer", "container", "inferred", "parameter", "branches"]


def places(model):
    """Return the paths of the parameters and buffers that are one, as sets."""
    found = {}
    for name, value in model.named_state():
        found.setdefault(id(value), set()).add(name)
    return sorted(map(sorted, found.values()))


def step(model, x):
    model.backward(model(x))
    for parameter in model.parameters():
        parameter.data -= 0.1 * parameter.grad
    model.zero_grad()


@pytest.mark.parametrize("kind", SHARED)
def test_what_is_shared_is_saved_at_every_place_and_is_shared_again(path, kind):
    model, x = shared_model(kind), draw(6, 3)
    step(model, x)
    save(model, path)
    assert sorted(load_file(path)) == sorted(model.state_dict()), "every key is there for other programs"
    twin = load(path)
    assert repr(twin) == repr(model)
    assert places(twin) == places(model)
    assert max(map(len, places(twin))) > 1
    assert (twin(x) == model.infer(x)).all()
    for _ in range(3):
        step(model, x)
        step(twin.train(), x)
    assert all((array == twin.state_dict()[name]).all() for name, array in model.state_dict().items())
    save(twin, path)
    assert places(load(path)) == places(model)


@pytest.mark.parametrize("kind", SHARED)
def test_copies_share_what_the_original_shares_and_nothing_with_it(kind):
    model, x = shared_model(kind), draw(6, 3)
    model(x)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert places(twin) == places(model)
        assert not {id(p) for p in twin.parameters()} & {id(p) for p in model.parameters()}


def test_a_float64_model_and_parameters_in_lists_stay_shared(path, fake_plugins):
    fake_plugins.install(
        "nn-acme",
        {
            "nn_acme/nn_plugin.py": """
                from nn_core.plugins import LayerSpec, hookimpl

                NN_API = 1

                @hookimpl
                def nn_layers():
                    yield LayerSpec(name="bag", target="nn_acme.bag:Bag")
            """,
            "nn_acme/bag.py": """
                import numpy as np

                from nn_core import Layer, Parameter

                class Bag(Layer):
                    def __init__(self):
                        one, two, three = (Parameter(np.full(2, i + 1.0, np.float32)) for i in range(3))
                        self.first, self.list, self.pair, self.table = one, [two, three], (two, "x"), {"key": three}

                    def forward(self, x):
                        return x * self.first.data, lambda dy: dy * self.first.data
            """,
        },
    )
    from nn_acme.bag import Bag

    model = Sequential(Bag(), Bag()).astype("float64")
    one, two = model
    two.first, two.list[0], two.pair, two.table["key"] = one.list[1], one.first, (one.first, "x"), one.first
    save(model, path)
    twin = load(path)
    assert places(twin) == places(model)
    assert twin.dtype == np.float64
    assert twin[1].pair[0] is twin[0].first
    assert twin[1].pair[1] == "x"


def test_a_file_without_shared_things_says_nothing_of_them_and_one_from_before_loads(path):
    save(trained(), path)
    assert "tied" not in read(path)[0]
    save(shared_model("parameter"), path)
    about, _ = read(path)
    assert about["tied"] == {"decoder.weight": "encoder.weight"}
    del about["tied"]
    rewrite(path, about=json.dumps(about))
    twin = load(path)
    assert twin.decoder.weight is not twin.encoder.weight


@pytest.mark.parametrize(
    ("tied", "message"),
    [
        ({"decoder.weight": "encoder.bias"}, r"decoder\.weight, Parameter.* cannot be one with encoder\.bias"),
        ({"decoder.weight": "norm.running_mean"}, "cannot be one with norm.running_mean"),
        ({"norm.running_mean": "encoder.bias"}, "cannot be one with encoder.bias"),
        ({"decoder.wait": "encoder.weight"}, "The model has no parameter or buffer 'decoder.wait'. Did you mean"),
        ({"decoder.weight": "encoder.forward"}, "The model has no parameter or buffer 'encoder.forward'"),
        ({"encoder.forward": "encoder.weight"}, "The model has no parameter or buffer 'encoder.forward'"),
        ({"decoder.weight": 3}, "damaged description"),
        ({"decoder.weight": ["encoder.weight"]}, "damaged description"),
        (["decoder.weight"], "damaged description"),
        (3, "damaged description"),
    ],
)
def test_what_a_file_says_is_shared_must_make_sense(path, tied, message):
    save(shared_model("parameter"), path)
    rewrite(path, tied=tied)
    with pytest.raises(ModelFileError, match=f"^{path} has a damaged description.*{message}|^{path} .*{message}"):
        load(path)


def test_shared_parameters_with_different_arrays_are_refused(path):
    model = shared_model("parameter")
    save(model, path)
    state = load_file(path)
    state["decoder.weight"] = state["decoder.weight"] + 1
    rewrite(path, about=json.dumps(read(path)[0]), state=state)
    message = "decoder.weight and encoder.weight are one in the model, and two different arrays in the state"
    with pytest.raises(ModelFileError, match=message):
        load(path)
    before = model.state_dict()
    with pytest.raises(ModelFileError, match=message):
        model.load_state_dict(state)
    assert all((array == before[name]).all() for name, array in model.state_dict().items())


# What cannot be saved


class Gate(Layer):
    def forward(self, x):
        return x, lambda dy: dy


def test_a_layer_that_no_plugin_registers_cannot_be_named(path):
    with pytest.raises(ModelFileError, match="Gate is not registered by a plugin, so a model file cannot name it"):
        save(Sequential(Gate()), path)
    assert not path.exists()


def test_an_unbuilt_model_has_nothing_to_save(path):
    with pytest.raises(NotBuiltError, match=r"0 \(Linear\) infers its sizes"):
        save(Sequential(Linear(out_features=3)), path)
    assert not path.exists()


def install_gate(plugins, version="1.2.0"):
    plugins.install(
        "nn-acme",
        {
            "nn_acme/nn_plugin.py": """
                from nn_core.plugins import InitializerSpec, LayerSpec, hookimpl

                NN_API = 1

                @hookimpl
                def nn_layers():
                    yield LayerSpec(name="gate", target="nn_acme.gate:Gate")

                @hookimpl
                def nn_initializers():
                    yield InitializerSpec(name="sevens", target="nn_acme.gate:sevens")
            """,
            "nn_acme/gate.py": """
                import numpy as np

                from nn_core import Layer

                def sevens(shape, rng=None):
                    return np.full(shape, 7, np.float32)

                class Gate(Layer):
                    def __init__(self, option=None, init=sevens):
                        self.option, self.init = option, init

                    def forward(self, x):
                        return x, lambda dy: dy
            """,
        },
        version=version,
    )
    from nn_acme.gate import Gate as Installed

    return Installed


def test_layers_of_plugins_are_saved_with_their_distribution_and_its_version(path, fake_plugins):
    kind = install_gate(fake_plugins)
    save(Sequential(kind(), Linear(2, 3)), path)
    assert read(path)[0]["plugins"] == {"nn-acme": "1.2.0", "nn-core": nn_core.__version__}
    assert type(load(path)[0]) is kind


def test_sizes_that_a_layer_inferred_and_its_options_leave_out_come_back(path, fake_plugins):
    fake_plugins.install(
        "nn-acme",
        {
            "nn_acme/nn_plugin.py": """
                from nn_core.plugins import LayerSpec, hookimpl

                NN_API = 1

                @hookimpl
                def nn_layers():
                    yield LayerSpec(name="gain", target="nn_acme.gain:Gain")
            """,
            "nn_acme/gain.py": """
                import numpy as np

                from nn_core import Layer, Parameter

                class Gain(Layer):
                    def build(self, input_shape, rng=None):
                        shapes = input_shape if isinstance(input_shape[0], tuple) else (input_shape,)
                        self.gain = Parameter(np.ones([shape[-1] for shape in shapes], np.float32))

                    def forward(self, *xs):
                        return xs[0] * self.gain.data.sum(), lambda dy: dy * self.gain.data.sum()
            """,
        },
    )
    from nn_acme.gain import Gain

    one, two = Sequential(Linear(2, 3), Gain()), Gain()
    one(draw(5, 2))
    two(draw(5, 2), draw(5, 4))
    for model, name, shape in ((one, "1.gain", (3,)), (two, "gain", (2, 4))):
        dict(model.named_parameters())[name].data += 1
        save(model, path)
        array = load(path).state_dict()[name]
        assert (array.shape, array.max()) == (shape, 2)
    with pytest.raises(NotBuiltError):
        save(Gain(), path)


def test_a_missing_plugin_is_named_with_its_version(path):
    save(Sequential(Linear(2, 3)), path)
    plugins = {"nn-acme": "1.2.0", "nn-core": "0.1.0"}
    rewrite(path, model={"type": "gate@nn-acme"}, plugins=plugins)
    with pytest.raises(ModelFileError) as caught:
        load(path)
    message = str(caught.value)
    assert f"{path} was saved with nn-acme 1.2.0, nn-core 0.1.0, and cannot be loaded without." in message
    assert "No installed nn-acme provides the layer 'gate'." in message


def test_a_broken_plugin_says_what_is_wrong_with_it(path, fake_plugins):
    save(Sequential(install_gate(fake_plugins)()), path)
    fake_plugins.remove()
    (gate,) = fake_plugins.root.glob("*/nn_acme/gate.py")
    gate.write_text("import nothing_of_that_name\nclass Gate: ...\ndef sevens(): ...\n")
    with pytest.raises(PluginError, match=r"gate@nn-acme cannot be loaded from .*nothing_of_that_name"):
        load(path)


@pytest.mark.parametrize(
    ("option", "same"),
    [
        (3, 3),
        (0.1 + 0.2, 0.1 + 0.2),
        (float("inf"), float("inf")),
        ("text", "text"),
        (None, None),
        (True, True),
        ((1, (2, 3)), [1, [2, 3]]),
        (np.float32(0.5), 0.5),
        (np.int64(5), 5),
    ],
)
def test_options_that_are_plain_values_come_back(path, fake_plugins, option, same):
    save(install_gate(fake_plugins)(option), path)
    assert load(path).option == same


@pytest.mark.parametrize(
    "option",
    [object(), {1, 2}, np.zeros(3), np.tanh, lambda x: x, np.float32],
    ids=["object", "set", "array", "ufunc", "function", "class"],
)
def test_an_option_that_cannot_be_written_is_an_error_and_not_left_out(path, fake_plugins, option):
    layer = install_gate(fake_plugins)(option)
    with pytest.raises(ModelFileError, match=r"option of Gate is .*, which cannot be written to a model file"):
        save(layer, path)
    assert not path.exists()


def test_parts_given_as_options_come_back(path, fake_plugins):
    kind = install_gate(fake_plugins)
    save(kind([Linear(2, 3), kind(Linear(3, 1))]), path)
    twin = load(path)
    assert twin.option[0].weight.shape == (3, 2)
    assert twin.option[1].option.weight.shape == (1, 3)


def test_initializers_are_named_if_registered_and_otherwise_do_not_matter(path, fake_plugins):
    kind = install_gate(fake_plugins)
    from nn_acme.gate import sevens

    assert describe(kind()) == {"type": "gate@nn-acme", "option": None}
    assert describe(Linear(2, 3, init=sevens))["init"] == "sevens@nn-acme"
    assert describe(Linear(2, 3, init="torch_linear"))["init"] == "torch_linear"
    model = Linear(2, 3, init=lambda shape, rng: np.full(shape, 5, np.float32))
    save(model, path)
    assert (load(path).weight.data == 5).all()


@pytest.mark.parametrize("container", [Sequential, Parallel])
def test_a_part_beside_the_list_of_layers_is_refused(path, container):
    model = container(Linear(2, 2))
    model.extra = Linear(2, 2)
    with pytest.raises(ModelFileError, match=rf"extra\.weight belongs to no layer .* of this {container.__name__}"):
        save(Sequential(model), path)
    assert not path.exists()


# Files that are not whole


def test_a_missing_file_is_named(path, tmp_path):
    for place in (path, str(path)):
        with pytest.raises(ModelFileError) as caught:
            load(place)
        assert str(caught.value) == f"There is no model file {place}."
    with pytest.raises(ModelFileError, match=r"is a folder\. Name the file in it, such as .*last\.safetensors"):
        load(tmp_path)


def test_a_truncated_file_is_refused_whatever_its_length(path):
    save(trained(), path)
    whole = path.read_bytes()
    for length in [0, 1, 7, 8, 9, 100, *range(200, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match="is not a complete safetensors file"):
            load(path)


@pytest.mark.parametrize("content", [b"\0" * 100, b"\xff" * 100, b"PK\x03\x04" * 50, b"not a model at all, just text"])
def test_a_file_of_another_kind_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="is not a complete safetensors file"):
        load(path)


def test_weights_without_architecture_are_told_apart_from_models(path):
    save_file(Linear(2, 3).state_dict(), path)
    with pytest.raises(ModelFileError, match=r"holds weights but no architecture\. Build the model, and pass it the"):
        load(path)
    Linear(2, 3).load_state_dict(load_arrays(path))  # the way out that the message names


def test_a_dtype_that_numpy_lacks_is_named(path):
    header = json.dumps({"weight": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ModelFileError, match=r"holds an array that NumPy has no dtype for: .*bfloat16"):
        load(path)


@pytest.mark.parametrize("version", [0, 2, "1", None, True, 1.0])
def test_another_version_of_the_format_is_refused(path, version):
    save(Linear(2, 3), path)
    rewrite(path, version=version)
    with pytest.raises(
        ModelFileError, match=f"has version {version!r} of the model format; this nn-core .* reads vers"
    ):
        load(path)


@pytest.mark.parametrize(
    "about",
    ["", "{", "[]", "3", "null", "{}", '{"version": 1}', '{"version": 1, "model": {"type": "relu"}}'],
)
def test_a_damaged_description_is_refused(path, about):
    save(Linear(2, 3), path)
    rewrite(path, about)
    with pytest.raises(ModelFileError, match="has a damaged description of its architecture"):
        load(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "floaty"},
        {"dtype": "int64"},
        {"dtype": None},
        {"model": "linear"},
        {"model": {"in_features": 2}},
        {"model": {"type": "linear@nn-core", "in_features": 2}},
        {"model": {"type": "linear@nn-core", "in_features": 2, "out_features": 3, "gain": 1}},
        {"model": {"type": "linear@nn-core", "in_features": "2", "out_features": 3}},
        {"model": {"type": "sequential@nn-core", "layers": [3]}},
    ],
    ids=repr,
)
def test_a_description_that_makes_no_sense_is_refused_with_the_name_of_the_file(path, changes):
    save(Linear(2, 3), path)
    rewrite(path, **changes)
    with pytest.raises(ModelFileError, match=f"^{path} "):
        load(path)


def test_arrays_that_do_not_fit_the_architecture_are_named(path):
    save(Linear(2, 3), path)
    rewrite(path, state={"weight": np.zeros((2, 3), np.float32), "bias": np.zeros(3, np.float32)})
    with pytest.raises(ModelFileError, match=r"does not fit its own architecture: weight has shape \(3, 2\)"):
        load(path)
    rewrite(path, state={"weight": np.zeros((3, 2), np.float32)})
    with pytest.raises(ModelFileError, match="does not fit its own architecture: The state lacks bias"):
        load(path)


def nested(depth):
    inside = {"type": "relu"}
    for _ in range(depth):
        inside = {"type": "sequential", "layers": [inside]}
    return inside


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"type": "linear", "in_features": 10**9, "out_features": 10**9}},
        {"model": nested(300)},
        {"plugins": ["nn-core"]},
        {"built": ["linear"], "model": {"type": "linear", "out_features": 3}},
        {"tied": 3},
    ],
    ids=["huge", "deep", "plugins", "built", "tied"],
)
def test_a_description_that_was_tampered_with_is_refused(path, changes):
    save(Linear(2, 3), path)
    rewrite(path, **changes)
    with pytest.raises(ModelFileError, match="has a damaged description of its architecture"):
        load(path)


def test_a_description_that_is_too_deep_to_be_read_is_refused(path):
    save(Linear(2, 3), path)
    rewrite(path, about="[" * 100_000)
    with pytest.raises(ModelFileError, match="has a damaged description of its architecture"):
        load(path)


# What belongs to a model


class Scaling:
    def __init__(self, **options):
        self.options = options

    def config(self):
        return self.options


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
def test_what_is_extra_is_saved_with_a_model_and_read_as_plain_values(tmp_path, ending):
    path = tmp_path / f"model.{ending}"
    model = Linear(2, 3)
    save(model, path, extra={"scaling": Scaling(mean=[0.1, 1e-300], names=("é", "b")), "note": "tried in June"})
    assert load_extra(path) == {"scaling": {"mean": [0.1, 1e-300], "names": ["é", "b"]}, "note": "tried in June"}
    np.testing.assert_array_equal(load(path).weight.data, model.weight.data)


def test_a_model_without_anything_extra_has_none(path):
    save(Linear(2, 3), path)
    assert load_extra(path) == {}


@pytest.mark.parametrize("value", [Linear, object(), float("nan"), np.arange(3), {"a": {1, 2}}])
def test_what_cannot_be_plain_is_refused_and_named(path, value):
    with pytest.raises(ModelFileError, match=r"What is extra \(first, second\) cannot be written"):
        save(Linear(2, 3), path, extra={"first": 1, "second": Scaling(value=value)})
    assert not path.exists()


@pytest.mark.parametrize("words", ["{", "[]", "3"])
def test_damaged_words_about_what_is_extra_are_refused(path, words):
    save_file({"a": np.zeros(2)}, path, {"extra": words})
    with pytest.raises(ModelFileError, match=f"{path} has a damaged description of what is extra"):
        load_extra(path)


# Writing


def failing(*args, **options):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("call", "error"),
    [("os.replace", failing), ("os.fsync", failing), ("os.chmod", failing), ("tempfile.mkstemp", failing)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_failed_save_leaves_the_old_file_and_nothing_else(path, monkeypatch, call, error):
    save(Linear(2, 3), path)
    before = path.read_bytes()
    monkeypatch.setattr(call, error)
    with pytest.raises(ModelFileError) as caught:
        save(Linear(4, 5), path)
    assert str(caught.value) == f"{path} cannot be written: No space left on device."
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("call", ["os.replace", "os.fsync"])
def test_an_interrupted_save_leaves_the_old_file_and_nothing_else(path, monkeypatch, call):
    def interrupt(*args):
        raise KeyboardInterrupt

    save(Linear(2, 3), path)
    before = path.read_bytes()
    monkeypatch.setattr(call, interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(Linear(4, 5), path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_the_file_is_whole_before_it_gets_its_name(path, monkeypatch):
    events = []
    replace, fsync = os.replace, os.fsync

    def seen_fsync(handle):
        events.append("fsync")
        fsync(handle)

    def seen_replace(source, target):
        events.append("replace")
        assert Path(source).parent == path.parent, "only inside one file system a rename is atomic"
        assert repr(load(source)) == repr(Linear(2, 3))
        replace(source, target)

    monkeypatch.setattr("os.fsync", seen_fsync)
    monkeypatch.setattr("os.replace", seen_replace)
    save(Linear(2, 3), path)
    assert events == ["fsync", "replace"]


def test_saving_over_a_file_replaces_it(path):
    save(Linear(2, 3), path)
    save(Linear(4, 5), str(path))
    assert load(str(path)).in_features == 4
    assert os.listdir(path.parent) == [path.name]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    for place in (tmp_path / "no" / "folder.safetensors", tmp_path):
        with pytest.raises(ModelFileError, match=f"^{place} cannot be written: "):
            save(Linear(2, 3), place)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_file_gets_the_mode_that_the_umask_allows(path, umask, mode):
    before = os.umask(umask)
    try:
        save(Linear(2, 3), path)
        assert os.umask(umask) == umask, "saving leaves the umask alone"
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode
