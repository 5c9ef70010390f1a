"""Freezing: what is frozen stays, what is not trains as before, and nothing is computed that nobody needs."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from nn_core import (
    ArrayDataset,
    BatchNorm1d,
    CrossEntropyLoss,
    Layer,
    Linear,
    NotBuiltError,
    Optimizer,
    Parallel,
    Parameter,
    ReLU,
    Residual,
    Sequential,
    Tensor,
    fit,
    seed,
)


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


class Descent(Optimizer):
    """Plain gradient descent."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, lr=lr)

    def update(self, parameter, state, lr):
        parameter.data -= lr * parameter.grad


def draw(*shape, key=1):
    return np.random.default_rng(key).normal(size=shape).astype("float32")


def make():
    seed(0)
    return Sequential(
        {
            "stem": Sequential(Linear(4, 6), BatchNorm1d(6), ReLU()),
            "block": Residual(Linear(6, 6), ReLU(), shortcut=Linear(6, 6)),
            "arms": Parallel(Linear(6, 3), Linear(6, 3), merge="concat"),
            "head": Linear(6, 2),
        }
    )


def gradients(model, **options):
    x, dy = draw(5, 4), draw(5, 2, key=2)
    y, backward = model.forward(x, **options)
    return y, backward(dy), dict(model.grads)


PARTS = ["stem", "stem.0", "block", "block.layers", "block.shortcut", "arms", "arms.0", "head"]


@pytest.mark.parametrize("frozen", PARTS)
@pytest.mark.parametrize("options", [{}, {"input_gradient": False}])
def test_frozen_parameters_get_no_gradient_and_the_others_theirs_to_the_bit(frozen, options):
    y, dx, free = gradients(make())
    model = make()
    part = dict(model.named_layers())[frozen]
    assert part.freeze() is part
    y2, dx2, seen = gradients(model, **options)
    assert (y == y2).all()
    assert dx2 is None if options else (dx == dx2).all()
    for name, gradient in seen.items():
        if name.startswith(f"{frozen}."):
            assert gradient is None, name
        else:
            assert (gradient == free[name]).all(), name


def test_a_single_parameter_can_be_frozen():
    model = make()
    model.head.bias.requires_grad = False
    _, _, seen = gradients(model)
    assert [name for name, gradient in seen.items() if gradient is None] == ["head.bias"]


def test_freezing_forgets_gradients_and_unfreezing_trains_again():
    model = make()
    gradients(model)
    model.freeze()
    assert set(model.grads.values()) == {None}
    gradients(model)
    assert set(model.grads.values()) == {None}
    assert model.unfreeze() is model
    _, _, seen = gradients(model)
    assert all(gradient is not None for gradient in seen.values())


def test_frozen_parameters_stay_in_the_state_and_in_copies():
    model = make()
    model.stem.freeze()
    assert list(model.state_dict()) == list(make().state_dict())
    twin = copy.deepcopy(model)
    assert [p.requires_grad for p in twin.parameters()] == [p.requires_grad for p in model.parameters()]
    assert len(model.parameters()) == len(make().parameters())


def test_an_unbuilt_layer_cannot_be_frozen_yet():
    with pytest.raises(NotBuiltError, match="infers its sizes from the first input"):
        Sequential(Linear(out_features=3)).freeze()


@pytest.mark.parametrize("frozen", PARTS)
def test_optimizers_leave_frozen_parameters_alone(frozen):
    model = make()
    dict(model.named_layers())[frozen].freeze()
    before = {name: array.copy() for name, array in model.params.items()}
    optimizer = Descent(model.parameters())
    gradients(model)
    optimizer.step()
    for name, array in model.params.items():
        moved = (array != before[name]).any()
        assert moved != name.startswith(f"{frozen}."), name


def test_fit_leaves_frozen_parameters_alone():
    model = make()
    model.stem.freeze()
    before = {name: array.copy() for name, array in model.params.items()}
    data = ArrayDataset(draw(12, 4), np.arange(12) % 2)
    fit(model, data, loss=CrossEntropyLoss(), optimizer=Descent(model.parameters()), epochs=1, batch_size=4)
    moved = {name for name, array in model.params.items() if (array != before[name]).any()}
    assert moved == {name for name in before if not name.startswith("stem.")}


class Counted(Layer):
    """The identity with a parameter; counts how often it goes back."""

    def __init__(self):
        self.scale = Parameter(np.ones((), np.float32))
        self.backs = 0

    def forward(self, x):
        def backward(dy):
            self.backs += 1
            self.scale.accumulate((dy * x).sum())
            return dy

        return x * self.scale.data, backward


@pytest.mark.parametrize("wrap", [lambda *layers: Sequential(*layers), lambda *layers: Residual(*layers)])
@pytest.mark.parametrize("style", ["explicit", "tensors"])
def test_nothing_goes_back_below_the_first_trained_layer(wrap, style):
    layers = [Counted() for _ in range(5)]
    model = Sequential(wrap(*layers[:2]), wrap(*layers[2:4]), layers[4])
    model[0].freeze()
    layers[2].freeze()
    x = draw(5, 3)
    if style == "explicit":
        y, backward = model.forward(x, input_gradient=False)
        backward(y)
    else:
        model(Tensor(x)).sum().backward()
    assert [layer.backs for layer in layers] == [0, 0, 0, 1, 1]


def test_an_untrained_branch_does_not_go_back():
    layers = [Counted() for _ in range(4)]
    layers[1].freeze()
    model = Parallel(layers[0], layers[1], Residual(layers[2], shortcut=layers[3]))
    layers[3].freeze()
    y, backward = model.forward(draw(5, 3), input_gradient=False)
    backward(y)
    assert [layer.backs for layer in layers] == [1, 0, 1, 0]


# Parameters in lists and dictionaries


class Mixture(Layer):
    """``y = x (w₀ + w₁ + …) + a + b``, with parameters in a list, a tuple and a dictionary."""

    def __init__(self):
        self.weights = [Parameter(np.full((), i + 1.0, np.float32)) for i in range(3)]
        self.shifts = {"a": Parameter(np.zeros(2, np.float32)), "b": Parameter(np.ones(2, np.float32))}
        self.pair = (Parameter(np.zeros(2, np.float32)), "no parameter")

    def forward(self, x):
        y = x * sum(w.data for w in self.weights) + sum(s.data for s in (*self.shifts.values(), self.pair[0]))

        def backward(dy):
            for w in self.weights:
                w.accumulate((dy * x).sum())
            for s in (*self.shifts.values(), self.pair[0]):
                s.accumulate(dy.sum(0))
            return dy * sum(w.data for w in self.weights)

        return y, backward


def test_parameters_in_lists_and_dictionaries_are_found_by_position_and_key():
    model = Sequential(Mixture(), Linear(2, 2))
    names = [f"0.{name}" for name in ("weights.0", "weights.1", "weights.2", "shifts.a", "shifts.b", "pair.0")]
    assert list(model.params) == [*names, "1.weight", "1.bias"]
    assert list(model.state_dict()) == [*names, "1.weight", "1.bias"]
    model.backward(model(draw(5, 2)))
    assert all(gradient is not None for gradient in model.grads.values())
    model.load_state_dict(model.state_dict() | {"0.weights.1": np.float32(7)})
    assert model[0].weights[1].item() == 7
    assert model.astype("float64")[0].shifts["b"].dtype == np.float64
    model[0].freeze()
    assert not model[0].weights[2].requires_grad
