"""Code from the documents of other small frameworks, as it stands there but for the corrections listed beside it.

The snippets are in the folder ``snippets``: those that begin with ``a_`` come from a framework around a Tensor class,
``c_`` from one with layers in two methods, ``n_`` from one with explicit gradients. A correction is (old, new, why).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import nn_core
import nn_optim
from nn_core import CrossEntropyLoss, Linear, MSELoss, Parameter, ReLU, Sequential, Tensor, compat, fit, gradcheck
from nn_data import DataLoader
from nn_layers_conv import Conv2D
from nn_optim import Adam

SNIPPETS = Path(__file__).parent / "snippets"
Correction = tuple[str, str, str]

PACKAGE = "the package has another name"
DATA = "the data are made up by the test"
FALLBACK = "" if find_spec("h5py") else ".npz"
PADDING = "the default padding is 0, not what keeps the size"


def corrected(name: str, corrections: list[Correction]) -> str:
    text = (SNIPPETS / f"{name}.txt").read_text(encoding="utf-8")
    for old, new, why in corrections:
        assert old in text, f"{name}: nothing to correct: {old!r}"
        assert why
        text = text.replace(old, new)
    return text


def run(name: str, corrections: list[Correction], **given) -> dict:
    """Execute a corrected snippet with some names given, and return all names."""
    nn_core.seed(0)
    names = dict(given)
    exec(compile(corrected(name, corrections), f"{name}.txt", "exec"), names)
    return names


def run_with_imports_changed(name: str, corrections: list[Correction], **given) -> dict:
    for old, new, _ in corrections:
        assert all(line.startswith(("import ", "from ")) for line in (old + new).splitlines()), old
    return run(name, corrections, **given)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def floats(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def images(rng, n, size):
    """Noise, in the k-th of ten columns brighter for images of class k."""
    y = np.arange(n) % 10
    x = 0.3 * rng.normal(size=(n, 1, size, size))
    x[np.arange(n), 0, :, y] += 2
    return x.astype(np.float32), y


def test_every_snippet_is_run_by_a_test():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [path.stem for path in SNIPPETS.iterdir() if f'"{path.stem}"' not in source] == []


# A: a Tensor class

A_IMPORTS = {
    "Tensor": ("from nn import Tensor\n", "from nn_core import Tensor\n", PACKAGE),
    "mse": ("from nn.losses import mse_loss\n", "from nn_core.compat import mse_loss\n", PACKAGE),
}


def test_a_tensor_gets_its_gradient_from_the_tape(capsys):
    names = run_with_imports_changed("a_tensor", [A_IMPORTS["Tensor"]])
    np.testing.assert_array_equal(names["x"].grad, [3, 4, 5])  # y + 1
    np.testing.assert_array_equal(names["y"].grad, [1, 2, 3])  # x
    assert names["loss"].data.item() == 26
    assert capsys.readouterr().out == "[3. 4. 5.]\n[1. 2. 3.]\n"


def test_a_dense_layer_applies_its_activation(rng):
    x = floats(rng, 5, 784)
    names = run_with_imports_changed(
        "a_dense",
        [("from nn import Dense, relu\n", "from nn_core import Dense\nfrom nn_core.functional import relu\n", PACKAGE)],
        input_tensor=Tensor(x),
    )
    layer, output = names["layer"], names["output"]
    assert layer.weight.shape == (128, 784)
    expected = np.maximum(x @ layer.weight.data.T + layer.bias.data, 0)
    np.testing.assert_allclose(output.data, expected, rtol=1e-5, atol=1e-5)


def test_dense_layers_in_a_sequence_end_in_logits(rng):
    names = run_with_imports_changed(
        "a_sequential",
        [
            (
                "from nn import Sequential, Dense, relu, softmax\n",
                "from nn_core import Sequential, Dense\nfrom nn_core.functional import relu, softmax\n",
                PACKAGE,
            )
        ],
    )
    model = names["model"]
    assert sum(p.size for p in model.parameters()) == 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10
    logits = model(Tensor(floats(rng, 4, 784)))
    assert (logits.data < 0).any()
    np.testing.assert_allclose(names["softmax"](logits).data.sum(axis=1), 1, rtol=1e-6)


def check_loss(name, loss, predictions, targets, expected):
    """Compare a loss and its gradient with a value and with finite differences."""
    import_ = [(f"from nn.losses import {loss}\n", f"from nn_core.compat import {loss}\n", PACKAGE)]
    pred = Tensor(predictions, requires_grad=True)
    names = run_with_imports_changed(name, import_, predictions=pred, targets=Tensor(targets))
    assert names["loss"].data.item() == pytest.approx(expected, rel=1e-5)
    names["loss"].backward()
    numeric = nn_core.numeric_gradient(lambda p: names[loss](p, targets)[0], predictions.astype(np.float64))
    np.testing.assert_allclose(pred.grad, numeric, rtol=1e-4, atol=1e-6)


def test_the_mean_squared_error_is_a_function_of_tensors(rng):
    p, t = floats(rng, 6, 2), floats(rng, 6, 2)
    check_loss("a_mse", "mse_loss", p, t, np.mean((p - t) ** 2))


def test_the_cross_entropy_takes_indices_and_one_hot_rows(rng):
    p, t = floats(rng, 6, 3), np.array([0, 2, 1, 1, 0, 2])
    log_p = p - np.log(np.exp(p).sum(axis=1, keepdims=True))
    for targets in (t, np.eye(3, dtype=np.float32)[t]):
        check_loss("a_cross_entropy", "cross_entropy_loss", p, targets, -np.mean(log_p[range(6), t]))


def test_the_binary_cross_entropy_takes_probabilities(rng):
    p, t = rng.uniform(0.1, 0.9, size=6).astype(np.float32), np.array([0, 1, 1, 0, 1, 0], np.float32)
    check_loss("a_binary", "binary_cross_entropy_loss", p, t, -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)))


def test_optimizers_take_their_options_by_these_names(rng):
    model = Linear(3, 2)
    names = run(
        "a_optimizers",
        [
            ("from nn.optim import SGD\n", "from nn_optim import SGD\n", PACKAGE),
            ("optimizer = SGD", "sgd = SGD", "the test looks at both optimizers"),
            ("from nn.optim import Adam\n", "from nn_optim import Adam\n", PACKAGE),
            (
                "from nn.optim import RMSprop\n\noptimizer = RMSprop(\n    model.parameters(),\n    lr=0.01,\n"
                "    alpha=0.99,\n    eps=1e-8\n)\n",
                "",
                "RMSprop is not part of nn-optim yet",
            ),
        ],
        model=model,
    )
    before = model.weight.data.copy()
    gradient = floats(rng, 2, 3)
    model.weight.accumulate(gradient)
    names["sgd"].step()
    np.testing.assert_allclose(model.weight.data, before - 0.01 * (gradient + 1e-4 * before), rtol=1e-6)
    before = model.weight.data.copy()
    names["optimizer"].step()
    np.testing.assert_allclose(before - model.weight.data, 0.001 * np.sign(gradient), rtol=1e-3)  # Adam's first step


def test_a_loop_with_a_functional_loss_learns(rng, capsys):
    x = floats(rng, 64, 10)
    y = x[:, :1] - 2 * x[:, 1:2]
    names = run_with_imports_changed(
        "a_training",
        [
            (
                "from nn import Tensor, Dense, Sequential, relu\n",
                "from nn_core import Tensor, Dense, Sequential\nfrom nn_core.functional import relu\n",
                PACKAGE,
            ),
            A_IMPORTS["mse"],
            ("from nn.optim import Adam\n", "from nn_optim import Adam\n", PACKAGE),
        ],
        X_train=x,
        y_train=y,
        num_epochs=100,
    )
    printed = [float(line.rpartition(" ")[2]) for line in capsys.readouterr().out.splitlines()]
    assert len(printed) == 10
    assert printed[-1] < 0.2 * printed[0]
    assert names["loss"].dtype == np.float32
    assert {p.data.dtype for p in names["model"].parameters()} == {np.dtype("float32")}
    # The same weights and gradients as the explicit style has
    nn_core.seed(0)
    model = Sequential(Linear(10, 64), ReLU(), Linear(64, 32), ReLU(), Linear(32, 1))
    optimizer = Adam(model.parameters(), lr=0.001)
    for _ in range(100):
        optimizer.zero_grad()
        _, gradient = MSELoss()(model(x), y)
        model.backward(gradient)
        optimizer.step()
    for ours, theirs in zip(names["model"].parameters(), model.parameters(), strict=True):
        np.testing.assert_array_equal(ours.data, theirs.data)


# C: layers, losses and optimizers in two methods


def two_methods(kind: str, module: str) -> list[Correction]:
    return [(f"from nn.{module} import {kind}\n", f"from nn_core.compat import {kind}\n", PACKAGE)]


@pytest.mark.parametrize(("name", "cls"), [("c_scale_layer", "ScaleLayer"), ("c_scale", "Scale")])
def test_a_custom_layer_is_a_layer_like_any_other(rng, name, cls):
    scale = run_with_imports_changed(name, two_methods("Layer", "layers"))[cls](3.0)
    assert scale.to_config() == {"class": cls, "config": {"factor": 3.0}}
    layer = compat.adapt_layer(scale)
    x, dy = floats(rng, 4, 2), floats(rng, 4, 2)
    np.testing.assert_array_equal(layer(x), 3 * x)
    np.testing.assert_array_equal(layer.backward(dy), 3 * dy)
    assert scale.built
    assert scale.output_shape == (4, 2)
    assert gradcheck(layer, rng.normal(size=(4, 2)))
    tensor = Tensor(x, requires_grad=True)
    layer(tensor).sum().backward()
    np.testing.assert_array_equal(tensor.grad, np.full((4, 2), 3))

    model = Sequential(Linear(2, 1), layer)
    y = x @ np.array([[1], [2]], np.float32)
    history = fit(model, (x, y), loss="mse", optimizer={"type": "sgd", "lr": 0.02}, epochs=200)
    assert history["loss"][-1] < 1e-3


def huber(error):
    return np.where(np.abs(error) <= 1, 0.5 * error**2, np.abs(error) - 0.5)


def test_a_custom_loss_is_the_built_in_one_and_trains(rng):
    HuberLoss = run_with_imports_changed("c_huber", two_methods("Loss", "losses"))["HuberLoss"]
    loss = compat.adapt_loss(HuberLoss())
    pred, target = 2 * floats(rng, 20, 1), floats(rng, 20, 1)
    value, gradient = loss(pred, target)
    assert value == pytest.approx(np.mean(huber(pred - target)), rel=1e-6)
    expected_value, expected_gradient = nn_core.HuberLoss()(pred, target)
    assert value == pytest.approx(expected_value, rel=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5)
    assert gradcheck(loss, (pred.astype(np.float64), target.astype(np.float64)))

    x = floats(rng, 32, 3)
    model = Linear(3, 1)
    y = x @ np.array([[1], [-1], [2]], np.float32)
    history = fit(model, (x, y), loss=loss, optimizer=Adam(model.parameters(), lr=0.05), epochs=200)
    assert history["loss"][-1] < 1e-3


def test_for_several_outputs_the_custom_loss_needs_a_correction(rng):
    pred, target = 2 * floats(rng, 20, 3), floats(rng, 20, 3)
    _, expected = nn_core.HuberLoss()(pred, target)
    uncorrected = run("c_huber", two_methods("Loss", "losses"))["HuberLoss"]
    np.testing.assert_allclose(compat.adapt_loss(uncorrected())(pred, target)[1], 3 * expected, rtol=1e-5)
    right = run(
        "c_huber",
        [
            *two_methods("Loss", "losses"),
            ("grad / len(grad)", "grad / grad.size", "np.mean is over all elements, not over samples alone"),
        ],
    )["HuberLoss"]
    np.testing.assert_allclose(compat.adapt_loss(right())(pred, target)[1], expected, rtol=1e-5)


def test_a_custom_optimizer_follows_its_rule_and_trains(rng):
    RMSprop = run_with_imports_changed("c_rmsprop", two_methods("Optimizer", "optim"))["RMSprop"]
    one, two = (Parameter(floats(rng, 3)) for _ in range(2))
    optimizer = compat.adapt_optimizer(RMSprop(lr=0.1), [one, two])
    expected, square = [one.data.copy(), two.data.copy()], [0.0, 0.0]
    for _ in range(3):
        optimizer.zero_grad()
        for i, parameter in enumerate((one, two)):
            gradient = floats(rng, 3)
            parameter.accumulate(gradient)
            square[i] = 0.9 * square[i] + 0.1 * gradient**2
            expected[i] = expected[i] - 0.1 * gradient / (np.sqrt(square[i]) + 1e-8)
        optimizer.step()
    np.testing.assert_allclose([one.data, two.data], expected, rtol=1e-5, atol=1e-6)
    assert one.data.dtype == np.float32

    x, model = floats(rng, 32, 3), Linear(3, 1)
    y = x @ np.array([[1], [-1], [2]], np.float32)
    optimizer = compat.adapt_optimizer(RMSprop(lr=0.02), model.parameters())
    history = fit(model, (x, y), loss="mse", optimizer=optimizer, epochs=150)
    assert history["loss"][-1] < 0.01 * history["loss"][0]


def test_gradients_are_traced_through_a_network_by_hand(capsys):
    names = run_with_imports_changed(
        "c_trace", [], np=np, Model=compat.Model, Dense=nn_core.Dense, Activation=nn_core.Activation
    )
    model, x = names["model"], names["x"].astype(np.float32)
    assert names["output"].shape == (1, 1)
    first, last = model.layers[0].weight.data, model.layers[2].weight.data
    positive = (x @ first.T + model.layers[0].bias.data) > 0
    np.testing.assert_allclose(names["grad"], (last * positive) @ first, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.layers[0].grads["weight"], (last * positive).T @ x, rtol=1e-5, atol=1e-6)
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == [
        "(1, 1)", "['weight', 'bias']", "(1, 10)", "[]", "(1, 10)", "['weight', 'bias']",
    ]  # fmt: skip


def test_core_layers_have_these_options(rng):
    names = run(
        "c_core_layers",
        [
            ("Dense(", "dense = Dense(", "the test looks at the layers"),
            ("Flatten()", "flatten = Flatten()", "the test looks at the layers"),
            ("Dropout(rate=0.2)", "dropout = Dropout(p=0.2)", "the option is called p, as in PyTorch"),
        ],
        Dense=nn_core.Dense,
        Flatten=nn_core.Flatten,
        Activation=nn_core.Activation,
        Dropout=nn_core.Dropout,
    )
    x = floats(rng, 2, 3, 4)
    assert names["flatten"](x).shape == (2, 12)
    assert names["dense"](floats(rng, 2, 12)).shape == (2, 128)
    assert np.mean(names["dropout"](np.ones((100, 100), np.float32)) == 0) == pytest.approx(0.2, abs=0.02)
    for name, formula in {
        "relu": lambda x: np.maximum(x, 0),
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "tanh": np.tanh,
        "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True),
    }.items():
        np.testing.assert_allclose(names["Activation"](name)(x[:, :, 0]), formula(x[:, :, 0]), rtol=1e-5, atol=1e-6)


def test_optimizers_are_compiled_by_name():
    class Compiled(nn_core.Model):
        def compile(self, *args, **options):
            super().compile(*args, **options)
            compiled.append(self.optimizer)
            return self

    compiled: list = []
    loss = "compile needs a loss; in the original, too, this call is a TypeError"
    run(
        "c_optimizers",
        [
            ("compile(optimizer='sgd'", "compile('mse', optimizer='sgd'", loss),
            ("compile(optimizer='adam'", "compile('mse', optimizer='adam'", loss),
        ],
        model=Compiled([Linear(2, 2)]),
    )
    sgd, adam = compiled
    assert isinstance(sgd, nn_optim.SGD)
    assert (sgd.lr, sgd.param_groups[0]["momentum"]) == (0.01, 0.9)
    assert isinstance(adam, nn_optim.Adam)
    group = adam.param_groups[0]
    assert (group["lr"], group["betas"], group["eps"]) == (1e-3, (0.9, 0.999), 1e-8)


def test_a_first_model_is_trained_and_saved(rng, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = images(rng, 60, 12)
    names = run(
        "c_quick_start",
        [
            ("from nn import Model\n", "from nn_core.compat import Model\n", PACKAGE),
            (
                "from nn.layers import Conv2D, Activation, MaxPool2D, Flatten, Dense\n",
                "from nn_core import Activation, Flatten, Dense\nfrom nn_layers_conv import Conv2D, MaxPool2D\n",
                "convolutions are a distribution of their own",
            ),
            ("import nn.data as data\n", "", DATA),
            ("train_data, test_data = data.load_mnist_gz('mnist_dataset')\n", "", DATA),
            ("lr=1e-3", "lr=1e-2", "60 made-up images are fewer than 60,000"),
        ],
        train_data=(x, y),
    )
    history = names["history"]
    assert {name: len(column) for name, column in history.items()} == {"loss": 10, "acc": 10, "lr": 10}
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    shapes = [array.shape for array in names["model"].params.values()]
    assert shapes == [(8, 1, 3, 3), (8,), (16, 8, 3, 3), (16,), (64, 144), (64,), (10, 64), (10,)]
    assert {path.name for path in tmp_path.iterdir()} == {"my_model.hdf5" + FALLBACK, "my_model.json"}
    loaded = compat.Model.load("my_model.hdf5")
    np.testing.assert_array_equal(loaded.predict(x), names["model"].predict(x))


def test_a_model_is_made_compiled_fitted_asked_saved_and_loaded(rng, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = images(rng, 40, 10)
    names = run(
        "c_model",
        [
            (
                "from nn import Model\n",
                "from nn_core import Activation, Dense, Flatten\nfrom nn_core.compat import Model\n",
                PACKAGE,
            ),
            ("Conv2D(32,", "Conv2D(4,", "to take less time"),
            (
                "Activation('relu')])",
                "Activation('relu'), Flatten(), Dense(10)])",
                "the original has no outputs for the ten classes",
            ),
        ],
        dataset=nn_core.ArrayDataset(x, y),
        X_val=x[:10],
        y_val=y[:10],
        X_test=x,
        Conv2D=Conv2D,
    )
    model, history = names["model"], names["history"]
    assert len(model.layers) == 4
    assert set(history) == {"loss", "acc", "val_loss", "val_acc", "lr"}
    assert history["loss"][-1] < history["loss"][0]
    assert history["val_loss"][-1] < history["val_loss"][0]
    compiled = model.model
    assert (compiled.clip_norm, compiled.optimizer.param_groups[0]["weight_decay"]) == (5.0, 1e-4)
    assert isinstance(compiled.loss, CrossEntropyLoss)
    epochs = len(history["val_acc"])
    best = int(np.argmax(history["val_acc"]))
    assert epochs == min(10, best + 6), "five epochs without improvement end it"
    expected = [1e-3 * 0.5 ** int(epoch - best > 3) for epoch in range(epochs)]
    np.testing.assert_allclose(history["lr"][best:], expected[best:])
    assert names["predictions"].shape == (40, 10)
    np.testing.assert_array_equal(names["loaded_model"].predict(x), names["predictions"])


class Batched:
    """A dataset with a method for its batches, as the loop asks for them."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def batches(self, batch_size):
        return DataLoader((self.x, self.y), batch_size=batch_size)


def test_a_loop_by_hand_trains(rng, capsys):
    x = floats(rng, 128, 4)
    y = (x[:, 0] > 0) + 2 * (x[:, 1] > 0)
    run(
        "c_loop",
        [
            (
                "import nn\n",
                "import numpy as np\nfrom nn_core.compat import Model\n",
                f"{PACKAGE}; numpy is used below",
            ),
            ("from tqdm import tqdm\n", "", "it is not used"),
            (
                "nn.Model([...])",
                "Model([Dense(4, 16, activation='relu'), Dense(16, 4)])",
                "the original leaves out the layers",
            ),
            (
                "model.compile(...)",
                "model.compile(loss='cce', optimizer='adam', lr=0.02, clip_norm=5.0)",
                "the original leaves out the options",
            ),
        ],
        num_epochs=15,
        train_data=Batched(x, y),
        Dense=nn_core.Dense,
    )
    lines = [line.replace(",", "").split() for line in capsys.readouterr().out.splitlines()]
    losses, accuracies = ([float(line[i].partition("=")[2]) for line in lines] for i in (2, 3))
    assert len(losses) == 15
    assert losses[-1] < 0.5 * losses[0]
    assert accuracies[-1] > 0.9


def test_layers_are_inspected_by_their_dictionaries(rng, capsys):
    model = compat.Model([nn_core.Dense(4, 8), ReLU(), nn_core.Dense(8, 2)])
    model.build((2, 4))
    names = run("c_inspection", [], model=model, np=np)
    out = capsys.readouterr().out
    assert model.summary() in out
    assert "Layer 0: Dense\n  weight: (8, 4)\n  bias: (8,)\n" in out
    assert "Layer 2: Dense\n  weight: (2, 8)\n  bias: (2,)\n" in out
    model.forward(floats(rng, 5, 4), training=True)
    model.backward(floats(rng, 5, 2))
    names["check_gradients"]()
    printed = [float(line.rpartition(" ")[2]) for line in capsys.readouterr().out.splitlines()]
    np.testing.assert_allclose(printed, list(nn_core.gradient_norms(model).values()), atol=1e-6)


# N: explicit gradients

COMMA = "a comma is missing"


def test_the_loop_with_explicit_gradients_learns(rng, capsys):
    x = floats(rng, 300, 6)
    y = (x[:, 0] > 0) + 2 * (x[:, 1] > 0)
    model = Sequential(Linear(6, 32), ReLU(), Linear(32, 4))
    parts = [(x[:200], y[:200]), (x[200:250], y[200:250]), (x[250:], y[250:])]
    train, val, test = (DataLoader(part, batch_size=20, shuffle=True) for part in parts)
    names = run_with_imports_changed(
        "n_loop",
        [("from novann.metrics import accuracy\n", "from nn_core.compat import accuracy\n", PACKAGE)],
        model=model,
        optimizer=Adam(model.parameters(), lr=0.01),
        loss_fn=CrossEntropyLoss(),
        train_loader=train,
        val_loader=val,
        test_loader=test,
        epochs=10,
    )
    *epochs, final = capsys.readouterr().out.splitlines()
    losses = [float(line.partition("loss: ")[2].partition(",")[0]) for line in epochs]
    assert len(losses) == 10
    assert losses[-1] < 0.5 * losses[0]
    share = np.mean(model.infer(parts[2][0]).argmax(axis=1) == parts[2][1])
    assert names["acc"] == pytest.approx(share)
    assert share > 0.8
    assert final == f"Test accuracy {share:.3}"
    assert not model.training


N_FLATTEN = "a linear layer takes vectors, and the images are not flattened"
N_SIZE = "28 pixels pooled twice are 7, not 8"


def test_the_whole_usage_example_runs_once_it_is_corrected(rng, capsys):
    def load_fashion_mnist_data(tensor4d, do_normalize):
        assert tensor4d
        assert do_normalize
        return images(rng, 60, 28), images(rng, 20, 28), images(rng, 20, 28)

    corrections = [
        ("from novann.model import Sequential\n", "from nn_core import Sequential\n", PACKAGE),
        ("from novann.optim import Adam\n", "from nn_optim import Adam\n", PACKAGE),
        ("from novann.utils.data import DataLoader\n", "from nn_data.compat import DataLoader\n", PACKAGE),
        ("from novann.losses import CrossEntropyLoss\n", "from nn_core import CrossEntropyLoss\n", PACKAGE),
        ("from novann.metrics import accuracy\n", "from nn_core.compat import accuracy\n", PACKAGE),
        ("from novann.utils.datasets import load_fashion_mnist_data\n", "", DATA),
        (
            "from novann.layers import (\n    Conv2d,\n    Linear, \n    ReLU,\n"
            "    Flatten\n    BatchNorm2d, \n    MaxPool2d\n)",
            "from nn_core import Linear, ReLU, Flatten\nfrom nn_layers_conv import Conv2d, BatchNorm2d, MaxPool2d",
            f"convolutions are a distribution of their own; {COMMA}",
        ),
        ("    Linear(64 * 8 * 8, 10)", "    Flatten(),\n    Linear(64 * 8 * 8, 10)", N_FLATTEN),
        ("64 * 8 * 8", "64 * 7 * 7", N_SIZE),
        ("  (8): Linear(in_features=4096", "  (8): Flatten()\n  (9): Linear(in_features=4096", N_FLATTEN),
        ("in_features=4096", "in_features=3136", N_SIZE),
        ("model.parameters() #", "model.parameters(), #", COMMA),
        ("weight_decay=1e-5\n", "weight_decay=1e-5,\n", COMMA),
        ("batch_size = 128", "batch_size = 10", DATA),
        ("epochs = 10", "epochs = 3", "to take less time"),
    ]
    names = run("n_usage", corrections, load_fashion_mnist_data=load_fashion_mnist_data)
    out = capsys.readouterr().out
    printed_in_the_text = corrected("n_usage", corrections).split('"""')[1].strip()
    assert out.startswith(f"{printed_in_the_text}\nEpoch 1/3, loss: ")
    losses = [float(line.partition("loss: ")[2].partition(",")[0]) for line in out.splitlines() if "Epoch" in line]
    assert len(losses) == 3
    assert losses[-1] < 0.6 * losses[0]
    model = names["model"]
    assert [array.size for array in model.params.values()] == [288, 32, 32, 18432, 64, 64, 31360, 10]
    assert names["optimizer"].param_groups[0]["weight_decay"] == 1e-5
    assert names["acc"] == np.mean(model.infer(names["x_test"]).argmax(axis=1) == names["y_test"])
