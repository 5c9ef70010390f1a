"""Every optimizer against PyTorch's, live: step for step on the same gradients, and training a whole network."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest

from nn_core import Parameter, components, fit, seed
from nn_optim import SGD, Adam

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")

GOLDEN = Path(__file__).parents[1] / "golden"
cases, compare = (SimpleNamespace(**run_path(str(GOLDEN / name))) for name in ("cases.py", "compare.py"))
Optimizer = cases.Optimizer

CASES = [
    *cases.OPTIMIZERS,
    Optimizer("sgd, defaults", ("SGD", {})),
    Optimizer("sgd, decay alone", ("SGD", {"lr": 0.03, "weight_decay": 0.2})),
    Optimizer("sgd, momentum, gradients missing", ("SGD", {"lr": 0.02, "momentum": 0.99}), sparse=(0, 4)),
    Optimizer("sgd, dampening, ascending", ("SGD", {"momentum": 0.9, "dampening": 0.3, "maximize": True})),
    Optimizer("adam, amsgrad", ("Adam", {"amsgrad": True, "lr": 0.02}), sparse=(1,)),
    Optimizer("adamw, amsgrad", ("AdamW", {"amsgrad": True, "lr": 0.02, "weight_decay": 0.5})),
    Optimizer("nadam, decoupled", ("NAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1})),
    Optimizer("nadam, options", ("NAdam", {"betas": (0.5, 0.9), "eps": 1e-3, "momentum_decay": 0.1})),
    Optimizer("radam, decoupled", ("RAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1})),
    Optimizer("radam, soon rectified", ("RAdam", {"betas": (0.5, 0.8), "eps": 1e-3, "lr": 0.02})),
    Optimizer("rmsprop, centered", ("RMSprop", {"centered": True, "alpha": 0.9, "eps": 1e-3})),
    Optimizer("adagrad, first value", ("Adagrad", {"initial_accumulator_value": 0.1, "weight_decay": 0.1})),
    Optimizer("adadelta, options", ("Adadelta", {"rho": 0.5, "eps": 1e-3, "lr": 0.5})),
    *(
        Optimizer(f"{name}, {what}", (name, options))
        for name in ("SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta")
        for what, options in (("defaults", {}), ("decay, ascending", {"weight_decay": 0.1, "maximize": True}))
    ),
    Optimizer("sgd, five groups", ("SGD", {"momentum": 0.5}), groups=tuple({"lr": 0.1**i} for i in range(5))),
    Optimizer("adam, large eps", ("Adam", {"eps": 1.0, "lr": 0.1})),
    Optimizer("adam, no averages", ("Adam", {"betas": (0.0, 0.0)})),
    Optimizer("adam, decay", ("Adam", {"lr": 0.003, "weight_decay": 1.0}), sparse=(1, 2)),
    Optimizer("adam, all but one frozen", ("Adam", {"lr": 0.1}), frozen=(0, 1, 2, 4)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_of_200_steps_is_pytorchs(case, dtype):
    every = range(1, 201)
    ours = compare.optimizer_record(compare.Ours(), case, dtype, every)
    theirs = compare.optimizer_record(compare.Torch(), case, dtype, every)
    compare.assert_close(ours, theirs, compare.TOLERANCES["optimizers"][dtype])


@pytest.mark.parametrize(("ours", "theirs"), [(SGD, torch.optim.SGD), (Adam, torch.optim.Adam)], ids=["sgd", "adam"])
def test_a_parameter_marked_as_exempt_is_like_a_group_of_pytorchs_without_decay(ours, theirs):
    random = np.random.default_rng(0)
    start, gradients = random.normal(size=(2, 3)), random.normal(size=(20, 2, 3))
    weight, scale = Parameter(start[0].copy()), Parameter(start[1].copy(), decay=False)
    tensors = [torch.nn.Parameter(torch.tensor(row)) for row in start]
    optimizer = ours([weight, scale], lr=0.1, weight_decay=0.5)
    reference = theirs(
        [{"params": tensors[:1], "weight_decay": 0.5}, {"params": tensors[1:], "weight_decay": 0.0}], lr=0.1
    )
    for rows in gradients:
        optimizer.zero_grad()
        for parameter, tensor, row in zip((weight, scale), tensors, rows, strict=True):
            parameter.accumulate(row)
            tensor.grad = torch.tensor(row)
        optimizer.step()
        reference.step()
    np.testing.assert_allclose([weight.data, scale.data], [tensor.detach().numpy() for tensor in tensors], rtol=1e-12)


NETWORK = (
    "Sequential",
    [
        cases.conv(1, 4, 3, padding=1),
        ("ReLU", {}),
        cases.pool(2),
        cases.conv(4, 6, 3, stride=2, padding=1),
        ("ReLU", {}),
        ("Flatten", {}),
        cases.linear(24, 4),
    ],
)
SPECS = [
    ("SGD", {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-3}),
    ("Adam", {"lr": 0.01}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.01}),
    ("RAdam", {"lr": 0.02}),
    ("Adamax", {"lr": 0.02}),
    ("RMSprop", {"lr": 0.003, "momentum": 0.5}),
    ("Adagrad", {"lr": 0.05}),
    ("Adadelta", {"lr": 1.0}),
]
BOTH = [SPECS[0], SPECS[1]]


def bright_quadrants():
    """Return 200 batches of noisy 8×8 images, one quadrant of which is brighter, and which one it is."""
    random = np.random.default_rng(0)
    batches = []
    for _ in range(200):
        y = random.integers(0, 4, 16)
        x = random.normal(size=(16, 1, 2, 4, 2, 4))
        x[np.arange(16), 0, y // 2, :, y % 2, :] += 1
        batches.append((x.reshape(16, 1, 8, 8), y))
    return batches


def network_and_optimizer(side, spec):
    """Return the network, with the same first weights on either side, and an optimizer over its parameters."""
    seed(0)
    first = compare.Ours().layer(NETWORK, "float64").state_dict()
    model = side.layer(NETWORK, "float64")
    side.load(model, first)
    return model, side.optimizer(spec, [{"params": list(model.parameters())}])


def trained(side, spec):
    """Return the loss of every step and the weights after the last one."""
    model, optimizer = network_and_optimizer(side, spec)
    losses = []
    for x, y in bright_quadrants():
        optimizer.zero_grad()
        pred, backward = side.forward(model, x)
        value, gradient = side.loss(("CrossEntropyLoss", {}), pred, y, None)
        backward(gradient)
        optimizer.step()
        losses.append(value)
    return {"losses": np.asarray(losses), **side.state(model)}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec[0])
def test_200_steps_of_training_a_convolution_network_are_pytorchs(spec):
    ours, theirs = trained(compare.Ours(), spec), trained(compare.Torch(), spec)
    assert theirs["losses"][-5:].mean() < theirs["losses"][:5].mean() / 2, "the network does not learn"
    compare.assert_close(ours, theirs, 1e-9)


@pytest.mark.parametrize("spec", BOTH, ids=lambda spec: spec[0])
def test_fit_trains_the_network_that_a_loop_in_pytorch_trains(spec):
    model, optimizer = network_and_optimizer(compare.Ours(), spec)
    history = fit(model, bright_quadrants(), loss="cross_entropy", optimizer=optimizer, epochs=1)
    theirs = trained(compare.Torch(), spec)
    losses = theirs.pop("losses")
    assert history["loss"][0] == pytest.approx(losses.mean(), rel=1e-9)
    compare.assert_close(model.state_dict(), theirs, 1e-9)


def minimized(side, options):
    """Return the losses of 20 steps of L-BFGS on one batch, and the weights after the last one."""
    model, optimizer = network_and_optimizer(side, ("LBFGS", options))
    x, y = bright_quadrants()[0]

    def closure():
        optimizer.zero_grad()
        pred, backward = side.forward(model, x)
        value, gradient = side.loss(("CrossEntropyLoss", {}), pred, y, None)
        backward(gradient)
        return float(value)

    losses = [optimizer.step(closure) for _ in range(20)]
    return {"losses": np.asarray(losses), **side.state(model)}


@pytest.mark.parametrize(
    "options",
    [
        {"lr": 0.1, "max_iter": 4},
        {"lr": 0.1, "max_iter": 5, "history_size": 3},
        {"max_iter": 3, "line_search_fn": "strong_wolfe"},
        {"max_iter": 6, "max_eval": 5, "history_size": 2, "line_search_fn": "strong_wolfe"},
    ],
)
def test_lbfgs_minimizes_as_pytorchs_does(options):
    ours, theirs = minimized(compare.Ours(), options), minimized(compare.Torch(), options)
    assert theirs["losses"][-1] < theirs["losses"][0] / 2
    compare.assert_close(ours, theirs, 1e-9)


def test_no_optimizer_that_pytorch_has_is_left_out():
    names = {component.target.partition(":")[2] for component in components("optimizer")}
    assert {name for name in names if hasattr(torch.optim, name)} <= {case.spec[0] for case in CASES} | {"LBFGS"}
