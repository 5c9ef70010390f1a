"""Layers one after the other: names, sizes, errors that say where, gradients, and what stays in memory."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import weakref
from collections import OrderedDict

import numpy as np
import pytest

from nn_core import (
    BackwardError,
    BatchNorm1d,
    Buffer,
    ConfigError,
    Dropout,
    Flatten,
    Layer,
    Linear,
    NotBuiltError,
    Parameter,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    build,
    evaluate,
    observe,
    seed,
)
from nn_core.functional import relu
from nn_core.random import keyed
from nn_core.testing import directional_error


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


@pytest.fixture
def no_cyclic_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def draw(*shape, dtype="float64"):
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


def gradients(model):
    return {name: parameter.grad for name, parameter in model.named_parameters()}


# The list


def test_layers_apply_in_order_and_gradients_in_reverse():
    first, last = Linear(3, 4).astype("float64"), Linear(4, 2).astype("float64")
    x, dy = draw(5, 3), draw(5, 2)
    hidden = x @ first.weight.data.T + first.bias.data
    expected = np.maximum(hidden, 0) @ last.weight.data.T + last.bias.data
    model = Sequential(first, ReLU(), last)
    np.testing.assert_allclose(model(x), expected, rtol=1e-12)
    np.testing.assert_allclose(model.infer(x), expected, rtol=1e-12)
    dx = model.backward(dy)
    np.testing.assert_allclose(dx, (dy @ last.weight.data * (hidden > 0)) @ first.weight.data, rtol=1e-12)


def test_nesting_changes_names_but_no_numbers():
    layers = [Linear(3, 4), ReLU(), Linear(4, 2)]
    flat, nested = Sequential(*layers), Sequential(layers[0], Sequential(Sequential(layers[1]), layers[2]))
    x = draw(5, 3, dtype="float32")
    assert (flat(x) == nested(x)).all()
    assert (flat.backward(flat(x)) == nested.backward(nested(x))).all()
    assert list(flat.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert list(nested.state_dict()) == ["0.weight", "0.bias", "1.1.weight", "1.1.bias"]


def test_it_is_a_sequence_of_its_layers():
    layers = [Linear(3, 4), ReLU(), Linear(4, 2)]
    model = Sequential(*layers)
    assert list(model) == layers
    assert len(model) == 3
    assert (model[0], model[-1]) == (layers[0], layers[2])
    with pytest.raises(IndexError):
        model[3]


def test_a_slice_is_a_sequential_of_the_same_layers():
    model = Sequential(Linear(3, 4), ReLU(), Linear(4, 2))
    part = model[:2]
    assert isinstance(part, Sequential)
    assert list(part) == model.layers[:2]
    x = draw(5, 3, dtype="float32")
    assert (model[2:](part(x)) == model(x)).all()


def test_a_sequential_of_nothing_is_the_identity():
    x = draw(5, 3)
    y, backward = Sequential().forward(x)
    assert (y == x).all()
    assert (backward(x) == x).all()
    assert Sequential().output_shape((5, 3)) == (5, 3)


def test_append_adds_a_layer_also_after_the_first_call():
    model = Sequential(Linear(3, 4))
    x = draw(5, 3, dtype="float32")
    model(x)
    assert model.append(ReLU()).append(Linear(out_features=2)) is model
    assert model(x).shape == (5, 2)
    assert model.layers[2].in_features == 4


def test_a_layer_appended_inside_a_built_model_is_built_by_the_next_call():
    inner = Sequential(Linear(3, 4))
    model = Sequential(inner)
    x = draw(5, 3, dtype="float32")
    model(x)
    inner.append(Linear(out_features=2))
    with pytest.raises(NotBuiltError, match=r"^0\.1 \(Linear\) infers its sizes from the first input"):
        model.parameters()
    model.build(x.shape)
    assert inner.layers[1].built
    inner.append(Linear(out_features=2))
    y, backward = model.forward(x, input_gradient=False)
    assert backward(y) is None


def test_sizes_follow_from_the_layers_before():
    model = Sequential(Flatten(), Linear(out_features=4), BatchNorm1d(), Sequential(ReLU(), Linear(out_features=2)))
    model.build((7, 3, 5))
    assert model.output_shape((7, 3, 5)) == (7, 2)
    shapes = {name: array.shape for name, array in model.state_dict().items()}
    assert (shapes["1.weight"], shapes["2.weight"], shapes["3.1.weight"]) == ((4, 15), (4,), (2, 4))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Linear(2, 3), ReLU], "Sequential takes layers, and layer 1 is <class .*ReLU'>: write ReLU\\(\\)\\."),
        ([[Linear(2, 3)]], r"layer 0 is \[Linear\(.*\)\]: give it the layers one by one, Sequential\(\*layers\)\."),
        ([Linear(2, 3), np.tanh], r"layer 1 is <ufunc 'tanh'>: write Lambda\(…\) around a function of Tensors\."),
        ([relu], r"layer 0 is <.*>: write Lambda\(…\) around a function of Tensors\."),
        ([None], "layer 0 is None"),
        ([{"act": ReLU}], r"Sequential takes layers, and layer 'act' is <class .*ReLU'>: write ReLU\(\)\."),
    ],
)
def test_only_layers_are_taken(layers, message):
    with pytest.raises(ConfigError, match=message):
        Sequential(*layers)
    for change in (lambda m: m.append(layers[-1]), lambda m: m.insert(0, layers[-1]), lambda m: m.extend(layers)):
        model = Sequential(ReLU())
        with pytest.raises(ConfigError, match="Sequential takes layers"):
            change(model)
        assert not any(layer is layers[-1] for layer in model)


def test_a_configuration_nests():
    model = build(
        "layer",
        {
            "type": "sequential",
            "layers": [{"type": "linear", "out_features": 4}, {"type": "sequential", "layers": [{"type": "relu"}]}],
        },
    )
    assert repr(model) == repr(Sequential(Linear(out_features=4), Sequential(ReLU())))
    assert Sequential.from_config(model.config()).layers == model.layers, "containers keep the layers they are given"


@pytest.mark.parametrize("config", [{}, {"layers": "relu"}, {"layers": [], "layer": []}])
def test_a_configuration_is_a_list_of_layers_and_few_options(config):
    message = "Sequential needs 'layers', a list of layers, and takes 'names', 'init' besides; got"
    with pytest.raises(ConfigError, match=message):
        Sequential.from_config(config)


# Names


def named():
    return Sequential({"features": Linear(3, 4), "act": ReLU(), "head": Linear(4, 2)})


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_layers_may_have_names_that_their_parameters_bear(kind):
    features, head = Linear(3, 4), Linear(4, 2)
    model = Sequential(kind([("features", features), ("head", head)]))
    assert list(model.state_dict()) == ["features.weight", "features.bias", "head.weight", "head.bias"]
    assert model["head"] is model.head is model[1] is model[-1] is head
    assert list(model) == [features, head]
    assert repr(model).split("\n")[2] == "  (head): Linear(in_features=4, out_features=2, bias=True)"
    x = draw(5, 3, dtype="float32")
    assert (model(x) == Sequential(features, head)(x)).all()


def test_layers_with_and_without_names_stand_side_by_side():
    model = Sequential(Linear(3, 3)).append(Linear(3, 3), "middle").append(Linear(3, 2))
    assert [name for name, _ in model.children()] == ["0", "middle", "2"]
    model.insert(0, ReLU(), name="first").insert(1, ReLU())
    assert [name for name, _ in model.children()] == ["first", "1", "2", "middle", "4"]
    assert model["4"] is model[4]
    twin = Sequential.from_config(model.config())
    assert repr(twin) == repr(model)
    assert "names" not in Sequential(ReLU()).config()


def test_the_list_changes_as_a_list_does():
    model = named()
    head, act = model.head, model.act
    assert model.pop() is head
    assert model.pop("act") is act
    assert [name for name, _ in model.children()] == ["features"]
    model.extend({"act": act}).extend([head])
    assert [name for name, _ in model.children()] == ["features", "act", "2"]
    del model["act"]
    assert [name for name, _ in model.children()] == ["features", "1"]
    new = Linear(3, 4)
    model["features"] = new
    model[-1] = act
    assert list(model) == [new, act]
    assert list(model.params) == ["features.weight", "features.bias"]
    del model[:]
    assert len(model) == 0


def test_what_is_appended_to_the_list_itself_has_no_name():
    model = Sequential({"first": Linear(3, 4)})
    model.layers.append(ReLU())
    assert model.names() == ["first", "1"]
    assert model.append(Linear(4, 2), "head").names() == ["first", "1", "head"]
    del model.layers[1:]
    assert model.names() == ["first"]
    assert model.append(ReLU()).names() == ["first", "1"]


def test_setting_the_attribute_of_a_name_replaces_the_layer():
    model, head = named(), Linear(4, 7)
    model.head = head
    assert model[2] is head
    assert [name for name, _ in model.children()] == ["features", "act", "head"]
    with pytest.raises(ConfigError, match="layer 'head' is 3"):
        model.head = 3


def test_a_slice_keeps_the_names():
    model = named()
    assert [name for name, _ in model[1:].children()] == ["act", "head"]
    assert [name for name, _ in model[::2].children()] == ["features", "head"]
    assert model[1:].head is model.head
    mixed = Sequential(ReLU(), ReLU()).append(ReLU(), "last")
    assert [name for name, _ in mixed[1:].children()] == ["0", "last"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a.b", "a name is a text without dots that is no number and does not begin with '@'"),
        ("0", "a name is a text without dots"),
        ("", "a name is a text without dots"),
        ("@ema", "a name is a text without dots"),
        (3, "a name is a text without dots"),
        ("forward", "it would hide Sequential.forward"),
        ("training", "it would hide Sequential.training"),
        ("layers", "it would hide Sequential.layers"),
        ("init", "it would hide Sequential.init"),
        ("head", "another layer has that name"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(name, problem):
    message = re.escape(f"Sequential cannot name a layer {name!r}: {problem}")
    model = named()
    with pytest.raises(ConfigError, match=message):
        model.append(ReLU(), name)
    assert len(model) == 3
    if name != "head":
        with pytest.raises(ConfigError, match=message):
            Sequential({name: ReLU()})


@pytest.mark.parametrize("names", [["a"], "ab", ["a", "a"], ["1", "b"], ["a.b", "c"], 5])
def test_names_in_a_configuration_are_checked(names):
    with pytest.raises(ConfigError, match=r"names of Sequential must be a list of 2 names|cannot name a layer"):
        Sequential.from_config({"layers": [ReLU(), ReLU()], "names": names})


def test_an_unknown_name_is_an_error_with_the_close_match():
    model = named()
    with pytest.raises(KeyError, match=r"Sequential has no layer 'heat'\. Did you mean 'head'\?"):
        model["heat"]
    with pytest.raises(AttributeError, match="'Sequential' object has no attribute 'heat'"):
        model.heat  # noqa: B018


def test_copies_have_the_names():
    for twin in (copy.deepcopy(named()), pickle.loads(pickle.dumps(named()))):
        assert list(twin.params) == ["features.weight", "features.bias", "head.weight", "head.bias"]
        assert twin.head is twin[2]


def test_errors_and_observers_call_a_layer_by_its_name():
    model = Sequential(Sequential({"body": Linear(4, 6), "head": Linear(5, 2)}))
    with pytest.raises(ShapeError, match=r"^model\.layers\[0\]\.head \(linear\): .*, got 6 from linear \(6,\)\. Leave"):
        model(np.zeros((5, 4), np.float32))
    names = []
    with observe(lambda seen: names.append(seen.name)):
        named()(draw(5, 3, dtype="float32"))
    assert names == ["features", "act", "head", ""]


# Errors


def test_a_shape_error_names_the_place_and_the_layer_before():
    model = Sequential(Sequential(Flatten(), ReLU()), Sequential(Linear(12, 4), Linear(3, 2)))
    for run in (model, model.infer, lambda x: model.build(x.shape), lambda x: model.output_shape(x.shape)):
        with pytest.raises(ShapeError) as caught:
            run(np.zeros((5, 3, 4), np.float32))
        assert str(caught.value) == (
            "model.layers[1].layers[1] (linear): expected 3 features on the last axis, got 4 from linear (4,). "
            "Leave in_features out to have it inferred, or set it to 4."
        )


def test_a_shape_error_of_the_first_layer_names_no_layer_before():
    with pytest.raises(ShapeError, match=r"^model\.layers\[0\] \(linear\): expected 3 features .*, got 4\. Leave"):
        Sequential(Linear(3, 2))(np.zeros((5, 4), np.float32))


def test_a_shape_error_names_a_container_before_it():
    model = Sequential(Sequential(Linear(4, 6), ReLU()), Linear(3, 2))
    with pytest.raises(ShapeError, match=r"^model\.layers\[1\] \(linear\): .*, got 6 from sequential \(6,\)\. Leave"):
        model(np.zeros((5, 4), np.float32))


def test_a_closure_runs_once():
    model = Sequential(Linear(3, 2), ReLU())
    y, backward = model.forward(draw(5, 3, dtype="float32"))
    backward(y)
    before = gradients(model)["0.weight"].copy()
    with pytest.raises(BackwardError, match="This backward pass has run already; call forward again"):
        backward(y)
    assert (gradients(model)["0.weight"] == before).all()


def test_backward_needs_a_call_in_training_mode():
    model, x = Sequential(Linear(3, 2)), draw(5, 3, dtype="float32")
    for prepare in (lambda: None, lambda: model.infer(x), lambda: model.eval()(x), lambda: model.train().forward(x)):
        prepare()
        with pytest.raises(BackwardError, match=r"Sequential\.backward needs a call in training mode before it"):
            model.backward(draw(5, 2))


# Gradients


def test_one_layer_used_twice_gets_both_gradients():
    shared = Linear(3, 3).astype("float64")
    model = Sequential(shared, ReLU(), shared)
    x, dy = draw(5, 3), np.random.default_rng(2).normal(size=(5, 3))
    model(x)
    dx = model.backward(dy)
    assert len(model.parameters()) == 2
    arrays = [x, shared.weight.data, shared.bias.data]

    def value():
        return float((model.forward(x)[0] * dy).sum())

    for array, gradient in zip(arrays, [dx, shared.weight.grad, shared.bias.grad], strict=True):
        error, numeric, claimed = directional_error(value, [array], [gradient], np.random.default_rng(3))
        assert error < 1e-7, (numeric, claimed)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential(Linear(6, 4), ReLU(), Linear(4, 2)),
        lambda: Sequential(Flatten(), Linear(6, 4), ReLU(), Linear(4, 2)),
        lambda: Sequential(Dropout(0.3), Linear(6, 4), Dropout(0.3), Linear(4, 2)),
        lambda: Sequential(BatchNorm1d(6), Linear(6, 2)),
        lambda: Sequential(Sequential(Flatten(), Dropout(0.3)), Sequential(ReLU(), Linear(6, 4)), Linear(4, 2)),
        lambda: Sequential(Residual(Linear(6, 6)), Linear(6, 2)),
        lambda: Sequential(Flatten(), ReLU()),
    ],
)
def test_declining_the_input_gradient_changes_no_parameter_gradient(make):
    x = draw(5, 6, dtype="float32")
    results = []
    for declined in (False, True):
        seed(0)
        model = make()
        with keyed(0, step=0):
            y, backward = model.forward(x, **({"input_gradient": False} if declined else {}))
        dx = backward(np.ones_like(y))
        results.append((y, dx, gradients(model)))
    (y, dx, with_it), (y2, nothing, without) = results
    assert dx.shape == x.shape
    assert nothing is None
    assert (y == y2).all()
    assert all((with_it[name] == without[name]).all() for name in with_it)


def test_declining_the_input_gradient_computes_none_below_the_first_parameters():
    calls = []

    class Counted(Layer):
        def forward(self, x):
            return x, lambda dy: calls.append("backward") or dy

    model = Sequential(Counted(), Linear(3, 2), Counted())
    with observe(lambda seen: calls.append(seen.output) if seen.phase == "backward" and seen.name == "1" else None):
        y, backward = model.forward(draw(5, 3, dtype="float32"), input_gradient=False)
        backward(y)
    assert calls == ["backward", None], "the last layer goes back, the linear one returns nothing, the first rests"


def test_frozen_parameters_get_no_gradient_and_pass_it_on():
    model = Sequential(Linear(3, 4), Linear(4, 4), Linear(4, 2))
    for parameter in model[1].parameters():
        parameter.requires_grad = False
    x = draw(5, 3, dtype="float32")
    free = Sequential(*model)
    model(x)
    dx = model.backward(np.ones((5, 2), np.float32))
    seen = gradients(model)
    assert [name for name, gradient in seen.items() if gradient is None] == ["1.weight", "1.bias"]
    for parameter in model[1].parameters():
        parameter.requires_grad = True
    first = seen["0.weight"].copy()
    free.zero_grad()
    free(x)
    assert (free.backward(np.ones((5, 2), np.float32)) == dx).all()
    assert (free[0].weight.grad == first).all()


# Several inputs and outputs


class Halves(Layer):
    """``x → (first columns, last columns)``."""

    def forward(self, x):
        k = x.shape[1] // 2
        return (x[:, :k], x[:, k:]), lambda dy: np.concatenate(dy, axis=1)


class Product(Layer):
    """``(a, b) → a · b``."""

    def forward(self, a, b):
        return a * b, lambda dy: (dy * b, dy * a)


def test_a_tuple_is_the_several_inputs_of_the_next_layer():
    model, x, dy = Sequential(Halves(), Product()), draw(5, 6), draw(5, 3)
    expected = x[:, :3] * x[:, 3:]
    assert (model(x) == expected).all()
    assert (model.infer(x) == expected).all()
    assert (model.backward(dy) == np.concatenate([dy * x[:, 3:], dy * x[:, :3]], axis=1)).all()


def test_the_first_layer_may_take_several_inputs_and_the_last_return_several_outputs():
    model, a, b = Sequential(Product(), Halves()), draw(5, 4), draw(5, 4) + 1
    y = model(a, b)
    assert [part.shape for part in y] == [(5, 2), (5, 2)]
    da, db = model.backward(y)
    assert (da == a * b * b).all()
    assert (db == a * b * a).all()


# Memory


class Probe(Layer):
    """Keeps its input for the backward pass, as layers do, and notes how many probes' outputs are alive."""

    def __init__(self, alive, seen):
        self.alive, self.seen = alive, seen

    def forward(self, x):
        y = x + 1
        self.alive.append(weakref.ref(y))
        self.note()

        def backward(dy):
            self.note()
            return dy * (x > 0)

        return y, backward

    def note(self):
        self.seen.append(sum(ref() is not None for ref in self.alive))


def probes(n):
    alive, seen = [], []
    return Sequential(*[Probe(alive, seen) for _ in range(n)]), alive, seen


@pytest.mark.parametrize("run", [lambda model, x: model.infer(x), lambda model, x: model.eval()(x)])
def test_inference_keeps_no_more_than_two_activations_alive(run, no_cyclic_collector):
    model, _, seen = probes(50)
    run(model, draw(4, 3))
    assert seen == [1] + [2] * 49


def test_the_backward_pass_frees_activations_as_it_goes(no_cyclic_collector):
    model, _, seen = probes(4)
    model(draw(4, 3))
    assert seen == [1, 2, 3, 4]
    model.backward(draw(4, 3))
    # When a probe goes back, its input is alive, the outputs that only later probes kept are not.
    assert seen[4:] == [3, 2, 1, 0]


def test_nothing_of_a_step_outlives_its_backward_pass(no_cyclic_collector):
    model, alive, _ = probes(3)
    model.append(Sequential(Flatten(), Linear(out_features=2), BatchNorm1d(), ReLU(), Dropout(0.5)))
    model.backward(model(draw(4, 3, dtype="float32")))
    assert [ref() for ref in alive] == [None, None, None]


def test_a_call_replaces_what_the_call_before_kept(no_cyclic_collector):
    model, alive, _ = probes(3)
    model(draw(4, 3))
    model(draw(4, 3))
    assert [ref() is None for ref in alive] == [True, True, True, False, False, True]


def test_a_model_without_owner_is_freed_with_what_its_call_kept(no_cyclic_collector):
    model, alive, _ = probes(3)
    model.append(Linear(out_features=2))
    model(draw(4, 3, dtype="float32"))
    gone = weakref.ref(model)
    del model
    assert gone() is None
    assert [ref() for ref in alive] == [None, None, None]


# A layer that only follows the protocol


class Shift:
    """``y = x + b`` with b learned and a counter of calls, without the base class."""

    def __init__(self):
        self.b = Parameter(np.zeros(3, np.float32))
        self.calls = Buffer(np.zeros((), np.int64))
        self.training = True

    def forward(self, x):
        if self.training:
            self.calls.data += 1

        def backward(dy):
            self.b.accumulate(dy.sum(0))
            return dy

        return x + self.b.data, backward

    def infer(self, x):
        return x + self.b.data

    def __call__(self, x):
        return self.infer(x)

    def backward(self, dy):
        raise NotImplementedError

    def build(self, input_shape, rng=None):
        pass

    def output_shape(self, input_shape):
        return input_shape

    def train(self):
        self.training = True
        return self

    def eval(self):
        self.training = False
        return self

    def parameters(self):
        return [self.b]

    def named_parameters(self):
        yield "b", self.b

    def named_buffers(self):
        yield "calls", self.calls

    def state_dict(self):
        return {"b": self.b.data.copy(), "calls": self.calls.data.copy()}

    def load_state_dict(self, state, strict=True):
        self.b.data[...] = state["b"]

    def config(self):
        return {}


class Holder(Layer):
    """A composite layer that holds a part as an attribute."""

    def __init__(self):
        self.part = Shift()

    def forward(self, x):
        return self.part.forward(x)


@pytest.mark.parametrize(("make", "prefix"), [(lambda: Sequential(Shift()), "0."), (Holder, "part.")])
def test_a_layer_that_only_follows_the_protocol_is_a_part_like_any_other(make, prefix):
    shifting = make()
    model = Sequential(Linear(4, 3), shifting, Linear(3, 2))
    shift = next(part for _, part in shifting.children())
    x = draw(5, 4, dtype="float32")
    model.backward(model(x))
    assert shift.b.grad is not None
    assert any(parameter is shift.b for parameter in model.parameters())
    assert {f"1.{prefix}b", f"1.{prefix}calls"} <= set(model.state_dict())

    model.load_state_dict(model.state_dict() | {f"1.{prefix}b": np.arange(3)})
    assert shift.b.data.tolist() == [0, 1, 2]
    assert not model.eval()[1].training
    assert not shift.training
    evaluate(model, [(x, np.zeros(5, int))])
    model.astype("float64")
    assert shift.b.dtype == np.float64
    names = []
    with observe(lambda seen: names.append(seen.name)):
        model(x)
    assert "" in names


def test_a_subclass_may_have_parts_beside_its_list():
    class Gated(Sequential):
        def __init__(self):
            super().__init__(Linear(2, 2))
            self.gate = Linear(2, 1)

        def forward(self, x, input_gradient=True):
            y, backward = super().forward(x)
            gate, gate_backward = self.gate.forward(x)
            return y * gate, lambda dy: backward(dy * gate) + gate_backward((dy * y).sum(1, keepdims=True))

    model = Gated()
    assert list(model.state_dict()) == ["0.weight", "0.bias", "gate.weight", "gate.bias"]
    model.eval()
    assert not model.gate.training


# Changes that are refused


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.extend([ReLU(), "no layer"]),
        lambda model: model.extend({"fine": ReLU(), "a.dot": ReLU()}),
        lambda model: model.append(ReLU(), "layers"),
        lambda model: model.name_layers(["q", "q"]),
        lambda model: model.name_layers(["", "q"]),
        lambda model: model.append(model),
        lambda model: model.append(Residual(model)),
        lambda model: model.__setitem__(0, model),
    ],
)
def test_a_change_that_is_refused_leaves_the_list_as_it_was(change):
    model = Sequential({"a": Linear(2, 2)}).append(ReLU())
    layers = list(model)
    with pytest.raises(ConfigError):
        change(model)
    assert list(model) == layers
    assert model.names() == ["a", "1"]


def test_a_list_that_is_extended_by_its_own_layers_has_each_twice():
    model = Sequential(Linear(2, 2), ReLU())
    model.extend(model)
    assert [type(layer) for layer in model] == [Linear, ReLU, Linear, ReLU]


def test_a_container_is_not_inside_itself():
    model, block = Sequential(ReLU()), Residual(ReLU())
    with pytest.raises(ConfigError, match="Sequential cannot be inside itself, and layer 1 is or contains it"):
        model.append(Sequential(Sequential(model)))
    with pytest.raises(ConfigError, match="Sequential cannot be inside itself"):
        block.layers.append(block)


@pytest.mark.parametrize("make", [lambda: Sequential(ReLU()), lambda: Residual(ReLU()), lambda: Linear(2, 2)])
def test_a_layer_that_is_its_own_attribute_is_named(make):
    layer = make()
    layer.me = layer
    with pytest.raises(ConfigError, match=f"{type(layer).__name__} is inside itself, as me"):
        layer.parameters()
    assert repr(layer).startswith(type(layer).__name__)


def test_a_layer_that_is_not_there_is_an_index_error_with_the_number_of_layers():
    with pytest.raises(IndexError, match="Sequential has 1 layers, and none at 9"):
        Sequential(ReLU())[9]
    with pytest.raises(IndexError, match="Sequential has 0 layers"):
        Sequential().pop()


def test_membership_goes_by_identity_and_by_name():
    layer = Linear(2, 2)
    model = Sequential({"head": layer}).append(ReLU())
    assert layer in model
    assert "head" in model
    assert "1" in model
    assert Linear(2, 2) not in model
    assert "tail" not in model


def test_a_layer_in_two_methods_is_refused_with_the_way_to_adapt_it():
    class TwoMethods:
        def forward(self, x, training=False):
            return x

        def backward(self, grad):
            return grad

    with pytest.raises(ConfigError, match=r"layer 0, .*TwoMethods.*nn_core.compat.adapt_layer"):
        Sequential(TwoMethods())
