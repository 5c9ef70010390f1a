"""What every optimizer has: parameter groups, a state that can be saved, and options that are checked."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest

from nn_core import (
    BatchNorm1d,
    ConfigError,
    Linear,
    ModelFileError,
    Optimizer,
    Parameter,
    Sequential,
    build,
    fit,
    protocols as contracts,
    seed,
)
from nn_optim import LAMB, SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Lion, NAdam, RAdam, RMSprop

MAKERS = {
    "SGD": lambda parameters: SGD(parameters, lr=0.1),
    "SGD with momentum": lambda parameters: SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.01),
    "SGD with Nesterov": lambda parameters: SGD(parameters, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": lambda parameters: Adam(parameters, lr=0.1, weight_decay=0.01),
    "Adam, AMSGrad": lambda parameters: Adam(parameters, lr=0.1, amsgrad=True),
    "AdamW": lambda parameters: AdamW(parameters, lr=0.1),
    "NAdam": lambda parameters: NAdam(parameters, lr=0.1, weight_decay=0.01),
    "RAdam": lambda parameters: RAdam(parameters, lr=0.1, betas=(0.8, 0.9), weight_decay=0.01),
    "Adamax": lambda parameters: Adamax(parameters, lr=0.1, weight_decay=0.01),
    "RMSprop": lambda parameters: RMSprop(parameters, lr=0.1, momentum=0.9, centered=True),
    "Adagrad": lambda parameters: Adagrad(parameters, lr=0.1, lr_decay=0.1, weight_decay=0.01),
    "Adadelta": lambda parameters: Adadelta(parameters, lr=0.1, weight_decay=0.01),
    "Lion": lambda parameters: Lion(parameters, lr=0.1, weight_decay=0.01),
    "LAMB": lambda parameters: LAMB(parameters, lr=0.1, weight_decay=0.01),
}
every_optimizer = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def parameters(dtype="float64"):
    rng = np.random.default_rng(0)
    return [Parameter(rng.normal(size=shape).astype(dtype)) for shape in ((3, 2), (4,), ())]


def take_steps(optimizer, start, stop):
    """Take the steps of these numbers, each with gradients that follow from its number."""
    for step in range(start, stop):
        optimizer.zero_grad()
        rng = np.random.default_rng(step)
        for parameter in optimizer.parameters:
            parameter.accumulate(rng.normal(size=parameter.shape))
        optimizer.step()


@every_optimizer
def test_an_optimizer_follows_the_contract_and_tells_its_options(make):
    optimizer = make(parameters())
    assert isinstance(optimizer, contracts.Optimizer)
    assert repr(optimizer).startswith(f"{type(optimizer).__name__}(3 parameters, lr=0.1, ")


# Gradients


@every_optimizer
def test_the_arrays_of_the_parameters_are_views_of_one_array_and_changed_in_place(make):
    group = parameters()
    optimizer = make(group)
    take_steps(optimizer, 0, 1)
    arrays = [parameter.data for parameter in group]
    assert len({id(array.base) for array in arrays}) == 1
    before = [array.copy() for array in arrays]
    take_steps(optimizer, 1, 2)
    for parameter, array, old in zip(group, arrays, before, strict=True):
        assert parameter.data is array
        assert (array != old).all()


@every_optimizer
def test_gradients_are_left_as_they_are(make):
    group = parameters()
    optimizer = make(group)
    for _ in range(3):
        for parameter in group:
            parameter.grad = np.ones(parameter.shape)
            parameter.grad.flags.writeable = False
        optimizer.step()
    assert all((parameter.grad == 1).all() for parameter in group)


@every_optimizer
def test_parameters_without_gradient_and_frozen_ones_are_skipped(make):
    group, reference = parameters(), parameters()[:1]
    without, frozen = group[1], group[2]
    before = [without.data.copy(), frozen.data.copy()]
    frozen.accumulate(np.ones(()))
    frozen.requires_grad = False
    optimizer, alone = make(group), make(reference)
    for step in range(3):
        for one in (group[0], reference[0]):
            one.zero_grad()
            one.accumulate(np.random.default_rng(step).normal(size=(3, 2)))
        optimizer.step()
        alone.step()
    assert (without.data == before[0]).all()
    assert (frozen.data == before[1]).all()
    assert (group[0].data == reference[0].data).all()
    assert [bool(state) for state in optimizer.state_dict()["state"].values()][1:] == [False, False]

    late = parameters()[1]
    without.accumulate(np.ones(4))
    late.accumulate(np.ones(4))
    fresh = make([late])
    frozen.zero_grad()
    group[0].zero_grad()
    optimizer.step()
    fresh.step()
    assert (without.data == late.data).all(), "its first step is a first step, whatever the others did before"


@every_optimizer
def test_zero_grad_forgets_all_gradients(make):
    optimizer = make(parameters())
    for parameter in optimizer.parameters:
        parameter.accumulate(np.ones(parameter.shape))
    optimizer.zero_grad()
    assert [parameter.grad for parameter in optimizer.parameters] == [None] * 3


@every_optimizer
def test_a_closure_is_called_once_before_the_step_and_its_value_returned(make):
    group, calls = parameters(), []
    before = group[0].data.copy()

    def closure():
        calls.append((group[0].data == before).all())
        for parameter in group:
            parameter.accumulate(np.ones(parameter.shape))
        return 0.25

    optimizer = make(group)
    assert optimizer.step(closure) == 0.25
    assert calls == [True]
    assert (group[0].data != before).all()
    assert optimizer.step() is None


# Weight decay


@every_optimizer
def test_weight_decay_honors_the_flag_and_no_name(make):
    decayed, exempt, reference = (Parameter(np.ones(3), decay=flag) for flag in (True, False, True))
    options = {name: value for name, value in make([decayed]).param_groups[0].items() if name != "params"}
    kind = type(make([decayed]))
    optimizer = kind([decayed, exempt], **(options | {"weight_decay": 0.5}))
    plain = kind([reference], **(options | {"weight_decay": 0.0}))
    for step in range(3):
        for parameter in (decayed, exempt, reference):
            parameter.zero_grad()
            parameter.accumulate(np.random.default_rng(step).normal(size=3))
        optimizer.step()
        plain.step()
    assert (exempt.data == reference.data).all()
    assert (decayed.data != reference.data).all()


def test_batch_norm_inside_any_model_is_not_decayed():
    model = Sequential(Sequential(Linear(3, 3), BatchNorm1d(3))).astype("float64")
    for parameter in model.parameters():
        parameter.grad = np.zeros(parameter.shape)
    before = model.state_dict()
    SGD(model.parameters(), lr=1.0, weight_decay=0.5).step()
    after = model.state_dict()
    assert (after["0.0.weight"] == before["0.0.weight"] / 2).all()
    assert (after["0.1.weight"] == before["0.1.weight"]).all()


# Groups


def test_groups_have_options_of_their_own():
    one, two = Parameter(np.ones(2)), Parameter(np.ones(2))
    optimizer = SGD([{"params": [one], "lr": 0.5}, {"params": iter([two]), "weight_decay": 1.0}], lr=0.1)
    for parameter in (one, two):
        parameter.accumulate(np.ones(2))
    optimizer.step()
    assert one.data.tolist() == [0.5, 0.5]
    assert two.data.tolist() == [0.8, 0.8]
    assert optimizer.parameters == [one, two]
    assert [group["momentum"] for group in optimizer.param_groups] == [0.0, 0.0]


def test_the_learning_rate_is_read_from_the_first_group_and_set_for_all():
    one, two = Parameter(np.ones(2)), Parameter(np.ones(2))
    optimizer = SGD([{"params": [one], "lr": 0.5}, {"params": [two]}], lr=0.25)
    assert optimizer.lr == 0.5
    optimizer.lr = 1.0
    for parameter in (one, two):
        parameter.accumulate(np.ones(2))
    optimizer.step()
    assert [one.data.tolist(), two.data.tolist()] == [[0, 0], [0, 0]]


@every_optimizer
@pytest.mark.parametrize("given", [[], iter(()), [{"params": []}]])
def test_no_parameters_are_an_error(make, given):
    with pytest.raises(ConfigError, match="got no parameters: the model has none to train"):
        make(given)


@every_optimizer
def test_a_parameter_belongs_to_one_group(make):
    one, two = parameters()[:2]
    for given in ([one, one], [{"params": [one, two]}, {"params": [two]}]):
        with pytest.raises(ConfigError, match="got a parameter twice; every parameter belongs to one group"):
            make(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([np.zeros(3)], "SGD takes parameters (model.parameters()), got array([0., 0., 0.])."),
        ([Linear(2, 3)], "SGD takes parameters (model.parameters()), got Linear(in_features=2"),
        (Sequential(Linear(2, 3)), "SGD takes parameters (model.parameters()), got Linear(in_features=2"),
        (Linear(2, 3), "SGD takes parameters (model.parameters()), got Linear(in_features=2"),
        (None, "SGD takes parameters (model.parameters()), got None."),
        ([{"params": [np.zeros(3)]}], "SGD takes parameters (model.parameters()), got array([0., 0., 0.])."),
        ([{"params": Linear(2, 3)}], "SGD takes parameters (model.parameters()), got Linear(in_features=2"),
        ([{"lr": 0.1}], "A parameter group of SGD is a mapping with 'params', got {'lr': 0.1}."),
        ([{"params": [Parameter(np.zeros(3))]}, 3], "A parameter group of SGD is a mapping with 'params', got 3."),
        (
            [{"params": [Parameter(np.zeros(3))], "learning_rate": 0.1}],
            "SGD has no option 'learning_rate'; it takes lr, momentum, dampening, weight_decay, nesterov, maximize.",
        ),
    ],
)
def test_what_is_no_parameter_and_no_group_is_named(given, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        SGD(given)


def test_a_single_parameter_needs_no_list():
    for wrap in (lambda parameter: parameter, lambda parameter: [{"params": parameter}]):
        parameter = Parameter(np.ones(2))
        optimizer = SGD(wrap(parameter), lr=0.5)
        parameter.accumulate(np.ones(2))
        optimizer.step()
        assert parameter.data.tolist() == [0.5, 0.5]


# State


@every_optimizer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_state_is_in_the_dtype_of_the_parameters(make, dtype):
    optimizer = make(parameters(dtype))
    take_steps(optimizer, 0, 3)
    assert {parameter.dtype for parameter in optimizer.parameters} == {np.dtype(dtype)}
    arrays = [a for state in optimizer.state.values() for a in state.values() if isinstance(a, np.ndarray)]
    assert {array.dtype for array in arrays} <= {np.dtype(dtype)}


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_numpy_numbers_as_options_do_not_promote_float32(kind):
    numbers = {"SGD": {"momentum": np.float32(0.5)}, "Adam": {"betas": (np.float64(0.9), np.float32(0.99))}}
    given = {"lr": np.float64(0.1), "weight_decay": np.float64(0.1)} | numbers[kind.__name__]
    optimizer = kind(parameters("float32"), **given)
    plain = kind(
        parameters("float32"),
        **{k: tuple(map(float, v)) if isinstance(v, tuple) else float(v) for k, v in given.items()},
    )
    for one in (optimizer, plain):
        take_steps(one, 0, 3)
    arrays = [a for state in optimizer.state.values() for a in state.values() if isinstance(a, np.ndarray)]
    assert {array.dtype for array in arrays} == {np.dtype("float32")}
    for one, two in zip(optimizer.parameters, plain.parameters, strict=True):
        assert (one.data == two.data).all()


@every_optimizer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_optimizer_continues_from_its_state_to_the_bit(make, dtype):
    whole, before, after = (make(parameters(dtype)) for _ in range(3))
    take_steps(whole, 0, 7)
    take_steps(before, 0, 4)
    state = before.state_dict()
    for one, two in zip(after.parameters, before.parameters, strict=True):
        one.data[...] = two.data
    after.load_state_dict(state)
    take_steps(before, 4, 7)  # the state is a copy, which further steps must not reach
    take_steps(after, 4, 7)
    for one, two in zip(after.parameters, whole.parameters, strict=True):
        assert (one.data == two.data).all()
    assert after.state_dict()["param_groups"] == whole.state_dict()["param_groups"]


@every_optimizer
def test_loading_copies_the_state(make):
    one, two = make(parameters()), make(parameters())
    take_steps(one, 0, 2)
    state = one.state_dict()
    two.load_state_dict(state)
    expected = two.state_dict()
    for entry in state["state"].values():
        for value in entry.values():
            if isinstance(value, np.ndarray):
                value[...] = 99
    for entry, other in zip(two.state_dict()["state"].values(), expected["state"].values(), strict=True):
        assert all(np.array_equal(entry[name], other[name]) for name in other)


def test_the_state_holds_the_options_of_the_groups():
    one, two = Parameter(np.ones(2)), Parameter(np.ones(2))
    optimizer = SGD([{"params": [one], "lr": 0.5}, {"params": [two]}], lr=0.25)
    state = optimizer.state_dict()
    optimizer.lr = 1.0
    optimizer.load_state_dict(state)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]
    assert optimizer.parameters == [one, two]


def test_a_state_that_does_not_fit_is_refused_and_nothing_is_changed():
    optimizer = SGD(parameters(), lr=0.1, momentum=0.9)
    take_steps(optimizer, 0, 1)
    before = optimizer.state_dict()
    fewer = SGD(parameters()[:2], lr=9.0, momentum=0.9)
    groups = SGD([{"params": [p]} for p in parameters()], lr=9.0, momentum=0.9)
    shapes = SGD([Parameter(np.zeros((2, 3))), *parameters()[1:]], lr=9.0, momentum=0.9)
    other = Adam(parameters(), lr=9.0)
    for one, message in (
        (fewer, "The optimizer's state is for 2 parameters in 1 groups; there are 3 in 1."),
        (groups, "The optimizer's state is for 3 parameters in 3 groups; there are 3 in 1."),
        (shapes, "The optimizer's momentum_buffer of parameter 0 has shape (2, 3); the parameter has (3, 2)."),
        (
            other,
            "The optimizer's state has the options lr, betas, eps, weight_decay, amsgrad, maximize; SGD",
        ),
    ):
        take_steps(one, 0, 1)
        with pytest.raises(ModelFileError, match=re.escape(message)):
            optimizer.load_state_dict(one.state_dict())
        state = optimizer.state_dict()
        assert state["param_groups"] == before["param_groups"]
        assert all(
            (state["state"][i]["momentum_buffer"] == before["state"][i]["momentum_buffer"]).all() for i in range(3)
        )


# In use


@pytest.mark.parametrize(("name", "kind"), [("sgd", SGD), ("adam", Adam)])
def test_optimizers_are_found_by_name(name, kind):
    optimizer = build("optimizer", {"type": name, "lr": 0.5}, parameters())
    assert type(optimizer) is kind
    assert optimizer.lr == 0.5
    with pytest.raises(ConfigError, match="has no option 'learning_rate'"):
        build("optimizer", {"type": name, "learning_rate": 0.5}, parameters())


@pytest.mark.parametrize("optimizer", [{"type": "sgd", "lr": 0.5, "momentum": 0.9}, {"type": "adam", "lr": 0.05}])
def test_fit_trains_with_every_optimizer(optimizer):
    seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)).astype("float32")
    y = (x[:, 0] > 0).astype(int)
    history = fit(Linear(4, 2), (x, y), loss="cross_entropy", optimizer=optimizer, epochs=8, batch_size=20)
    assert history["loss"][-1] < 0.2


def test_an_optimizer_is_its_rule():
    class SignDescent(Optimizer):
        def __init__(self, parameters, lr=0.1):
            super().__init__(parameters, lr=lr)

        def update(self, parameter, state, *, lr):
            state["steps"] = state.get("steps", 0) + 1
            parameter.data -= lr * np.sign(parameter.grad)

    parameter = Parameter(np.zeros(2))
    optimizer = SignDescent([parameter], lr=0.5)
    parameter.accumulate(np.array([3.0, -0.1]))
    optimizer.step()
    optimizer.step()
    assert parameter.data.tolist() == [-1.0, 1.0]
    assert optimizer.state_dict() == {"state": {0: {"steps": 2}}, "param_groups": [{"lr": 0.5}]}


def test_an_optimizer_without_rule_says_so():
    parameter = Parameter(np.zeros(2))
    parameter.accumulate(np.ones(2))
    with pytest.raises(TypeError, match=re.escape("Optimizer must define update(parameter, state, **options).")):
        Optimizer([parameter]).step()


# Copies


@every_optimizer
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda things: pickle.loads(pickle.dumps(things))])
def test_a_copy_with_its_parameters_goes_on_where_the_original_stood(make, copied):
    group = parameters()
    optimizer = make(group)
    take_steps(optimizer, 0, 3)
    twins, twin = copied((group, optimizer))
    assert twin.state_dict().keys() == optimizer.state_dict().keys()
    kept = [parameter.data.copy() for parameter in group]
    take_steps(twin, 3, 6)
    assert all((parameter.data == old).all() for parameter, old in zip(group, kept, strict=True))
    take_steps(optimizer, 3, 6)
    for parameter, other in zip(group, twins, strict=True):
        assert (parameter.data == other.data).all()
