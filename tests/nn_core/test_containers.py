"""Residual, Parallel and Lambda: numbers, gradients, names, errors that say where, and what stays in memory."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import weakref

import numpy as np
import pytest

from nn_core import (
    BackwardError,
    BatchNorm1d,
    ConfigError,
    Dropout,
    DTypeError,
    Flatten,
    Lambda,
    Layer,
    Linear,
    ModelFileError,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    Tensor,
    build,
    observe,
    save,
    seed,
)
from nn_core.functional import concatenate, relu
from nn_core.serialization import describe
from nn_core.testing import LayerCase, directional_error, parametrize_layer_checks


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


def draw(*shape, dtype="float64", key=1):
    return np.random.default_rng(key).normal(size=shape).astype(dtype)


def block():
    return Residual(Linear(4, 6), BatchNorm1d(), ReLU(), Linear(out_features=3), shortcut=Linear(out_features=3))


CASES = [
    LayerCase("residual", lambda: Residual(Linear(4, 5), ReLU(), Linear(5, 4)), (5, 4)),
    LayerCase("residual of nothing", Residual, (2, 3)),
    LayerCase("residual with a shortcut", block, (6, 4), min_batch=2),
    LayerCase("residual with names", lambda: Residual({"down": Linear(4, 2), "up": Linear(2, 4)}), (3, 4)),
    LayerCase("residual of sequences", lambda: Residual(Residual(Linear(4, 4)), Dropout(0.3)), (2, 3, 4)),
    LayerCase("parallel, sum", lambda: Parallel(Linear(4, 3), Sequential(Linear(4, 3), ReLU())), (5, 4)),
    LayerCase("parallel, mean", lambda: Parallel(Linear(4, 4), Sequential(), merge="mean"), (5, 4)),
    LayerCase("parallel, one branch", lambda: Parallel(Linear(4, 3)), (5, 4)),
    LayerCase("parallel of nothing but x", lambda: Parallel(Sequential(), Sequential(), merge="concat"), (5, 4)),
    LayerCase(
        "parallel, concat",
        lambda: Parallel(Linear(4, 3), BatchNorm1d(), Dropout(0.5), merge="concat"),
        (6, 4),
        min_batch=2,
    ),
    LayerCase(
        "parallel, last axis",
        lambda: Parallel({"a": Linear(4, 3), "b": Linear(out_features=2)}, merge="concat", axis=-1),
        (2, 3, 4),
    ),
    LayerCase(
        "parallel inside residual",
        lambda: Residual(Parallel(Linear(4, 1), Linear(4, 3), merge="concat"), shortcut=Parallel(ReLU(), Linear(4, 4))),
        (5, 4),
    ),
]


@parametrize_layer_checks(CASES)
def test_container(check):
    check()


@parametrize_layer_checks(
    [
        LayerCase("lambda", lambda: Lambda(lambda x: x * x.sigmoid()), (5, 4)),
        LayerCase("lambda, an operation", lambda: Lambda(relu), (3, 2, 5)),
        LayerCase("lambda, another shape", lambda: Lambda(lambda x: x.sum(axis=-1, keepdims=True)), (3, 2, 5)),
        LayerCase("lambda, identity", lambda: Lambda(lambda x: x), (3, 4)),
        LayerCase("lambda inside", lambda: Sequential(Linear(4, 4), Lambda(relu), Linear(4, 2)), (3, 4)),
    ],
    expected_failures={"config": "a function cannot be written to a file"},
)
def test_lambda(check):
    check()


# Residual


def test_residual_adds_the_input_and_its_gradient():
    layer, x, dy = Linear(3, 3).astype("float64"), draw(5, 3), draw(5, 3, key=2)
    model = Residual(layer)
    expected = x @ layer.weight.data.T + layer.bias.data + x
    np.testing.assert_allclose(model(x), expected, rtol=1e-12)
    np.testing.assert_allclose(model.backward(dy), dy @ layer.weight.data + dy, rtol=1e-12)
    np.testing.assert_allclose(layer.weight.grad, dy.T @ x, rtol=1e-12)
    np.testing.assert_allclose(model.infer(x), expected, rtol=1e-12)


def test_residual_with_a_shortcut_adds_what_both_make_of_the_input():
    one, two = Linear(3, 2).astype("float64"), Linear(3, 2, bias=False).astype("float64")
    model, x, dy = Residual(one, ReLU(), shortcut=two), draw(5, 3), draw(5, 2, key=2)
    hidden = x @ one.weight.data.T + one.bias.data
    np.testing.assert_allclose(model(x), np.maximum(hidden, 0) + x @ two.weight.data.T, rtol=1e-12)
    dx = (dy * (hidden > 0)) @ one.weight.data + dy @ two.weight.data
    np.testing.assert_allclose(model.backward(dy), dx, rtol=1e-12)
    np.testing.assert_allclose(two.weight.grad, dy.T @ x, rtol=1e-12)


@pytest.mark.parametrize("inner", [Sequential, lambda: Dropout(0.0), lambda: Flatten(), lambda: Linear(3, 3)])
def test_a_residual_connection_corrupts_no_array(inner):
    model = Sequential(Residual(Residual(inner())), Residual()).astype("float64")
    x, dy = draw(5, 3), draw(5, 3, key=2)
    x.flags.writeable = dy.flags.writeable = False
    y, backward = model.forward(x)
    before = y.copy()
    dx = backward(dy)
    assert (y == before).all()
    weights = [p.data for p in model.parameters() if p.ndim == 2]
    kernel = weights[0] if weights else np.eye(3)
    np.testing.assert_allclose(dx, 2 * dy @ (2 * np.eye(3) + kernel), rtol=1e-12)


def test_names_in_a_residual_are_those_of_its_layers_and_its_shortcut():
    model = Residual(Linear(4, 2), ReLU(), Linear(2, 3), shortcut=Linear(4, 3, bias=False))
    assert list(model.state_dict()) == [
        "layers.0.weight",
        "layers.0.bias",
        "layers.2.weight",
        "layers.2.bias",
        "shortcut.weight",
    ]
    assert repr(model) == (
        "Residual(\n"
        "  (layers): Sequential(\n"
        "    (0): Linear(in_features=4, out_features=2, bias=True)\n"
        "    (1): ReLU()\n"
        "    (2): Linear(in_features=2, out_features=3, bias=True)\n"
        "  )\n"
        "  (shortcut): Linear(in_features=4, out_features=3, bias=False)\n"
        ")"
    )
    assert list(Residual({"a": Linear(2, 2, bias=False)}).params) == ["layers.a.weight"]


@pytest.mark.parametrize(
    ("model", "shape", "message"),
    [
        (
            Residual(Linear(4, 8)),
            (5, 4),
            "residual: the layers return shape (5, 8), and what is added to it, x, has shape (5, 4). "
            "Give a shortcut that changes the shape as they do, such as shortcut=Linear(4, 8).",
        ),
        (
            Sequential(ReLU(), Residual(Linear(4, 1))),  # which NumPy would broadcast
            (5, 4),
            "model.layers[1] (residual): the layers return shape (5, 1), and what is added to it, x, has shape (5, 4) "
            "from relu (4,). Give a shortcut that changes the shape as they do, such as shortcut=Linear(4, 1).",
        ),
        (
            Residual(Flatten()),
            (5, 2, 3),
            "residual: the layers return shape (5, 6), and what is added to it, x, has shape (5, 2, 3). "
            "Give a shortcut that changes the shape as they do, such as a convolution with kernel 1.",
        ),
        (
            Residual(Linear(4, 8), shortcut=Linear(4, 7)),
            (5, 4),
            "residual: the layers return shape (5, 8) and the shortcut (5, 7), which cannot be added, for x of shape "
            "(5, 4). "
            "Change the shortcut so that it returns what the layers return.",
        ),
        (
            Sequential(Residual(Linear(4, 8), shortcut=Linear(3, 8))),
            (5, 4),
            "model.layers[0].shortcut (linear): expected 3 features on the last axis, got 4. "
            "Leave in_features out to have it inferred, or set it to 4.",
        ),
        (
            Sequential(Residual(Linear(4, 8), Linear(3, 8))),
            (5, 4),
            "model.layers[0].layers[1] (linear): expected 3 features on the last axis, got 8 from linear (8,). "
            "Leave in_features out to have it inferred, or set it to 8.",
        ),
        (
            Sequential(Residual(Parallel(Linear(4, 4), Linear(3, 4)))),
            (5, 4),
            "model.layers[0].layers[0].branches[1] (linear): expected 3 features on the last axis, got 4. "
            "Leave in_features out to have it inferred, or set it to 4.",
        ),
        (
            Parallel({"a": Linear(4, 4), "b": Linear(3, 4)}),
            (5, 4),
            "model.b (linear): expected 3 features on the last axis, got 4. "
            "Leave in_features out to have it inferred, or set it to 4.",
        ),
        (
            Parallel(Linear(4, 2), Linear(4, 1)),
            (5, 4),
            "parallel: the branches return (5, 2) and (5, 1), not one shape to add up, for x of shape (5, 4). "
            "Change the branches, or join them with merge='concat'.",
        ),
        (
            Parallel(Sequential(), Flatten(), merge="concat"),
            (5, 2, 3),
            "parallel: the branches return (5, 2, 3) and (5, 6), which do not fit along axis 1, for x of shape "
            "(5, 2, 3). "
            "They must have that axis and agree on the others.",
        ),
        (
            Parallel(Linear(4, 2), Linear(4, 2), merge="concat", axis=2),
            (5, 4),
            "parallel: the branches return (5, 2) and (5, 2), which do not fit along axis 2, for x of shape (5, 4). "
            "They must have that axis and agree on the others.",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_named_with_the_place_and_the_remedy(model, shape, message):
    x = np.zeros(shape, np.float32)
    for run in (model.forward, model.infer, lambda x: model.output_shape(x.shape)):
        with pytest.raises(ShapeError) as caught:
            run(x)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Residual(ReLU), r"Sequential takes layers, and layer 0 is <class .*>: write ReLU\(\)"),
        (lambda: Residual(shortcut=ReLU), r"Residual takes layers, and shortcut is <class .*>: write ReLU\(\)"),
        (lambda: Residual(shortcut="relu"), "Residual takes layers, and shortcut is 'relu'"),
        (lambda: Parallel(relu), r"Parallel takes layers, and layer 0 is .*: write Lambda\(…\)"),
        (lambda: Parallel(ReLU(), merge="max"), "merge of Parallel must be 'sum', 'mean', 'concat' or None, got 'max'"),
        (lambda: Parallel(ReLU(), axis=1.0), r"axis of Parallel must be an integer, got 1\.0"),
        (lambda: Parallel(ReLU(), axis=True), "axis of Parallel must be an integer, got True"),
        (lambda: Parallel({"branches": ReLU()}), r"cannot name a layer 'branches': it would hide Parallel\.branches"),
        (lambda: Residual.from_config({}), "Residual needs 'layers', a list of layers, and takes 'names', 'shortcut'"),
        (
            lambda: Parallel.from_config({"layers": []}),
            "Parallel needs 'branches', a list of layers, and takes 'names',",
        ),
        (lambda: Lambda("relu"), "function of Lambda must be a function of Tensors, got 'relu'"),
        (lambda: Lambda(ReLU()), r"function of Lambda must be a function of Tensors, got ReLU\(\)"),
        (lambda: Lambda(ReLU), "function of Lambda must be a function of Tensors, got <class"),
    ],
)
def test_what_makes_no_sense_is_refused_at_construction(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


# Parallel


def test_parallel_gives_every_branch_the_same_input_and_adds_the_gradients():
    one, two = Linear(3, 2).astype("float64"), Linear(3, 2, bias=False).astype("float64")
    x, dy = draw(5, 3), draw(5, 2, key=2)
    y1, y2 = x @ one.weight.data.T + one.bias.data, x @ two.weight.data.T
    for merge, expected, share in (("sum", y1 + y2, 1), ("mean", (y1 + y2) / 2, 2)):
        model = Parallel(one, two, merge=merge)
        model.zero_grad()
        np.testing.assert_allclose(model(x), expected, rtol=1e-12)
        dx = dy / share @ one.weight.data + dy / share @ two.weight.data
        np.testing.assert_allclose(model.backward(dy), dx, rtol=1e-12)
        np.testing.assert_allclose(two.weight.grad, (dy / share).T @ x, rtol=1e-12)


@pytest.mark.parametrize(("axis", "shape"), [(1, (2, 9, 4)), (-1, (2, 3, 12)), (0, (6, 3, 4))])
def test_concat_joins_along_the_axis_and_splits_the_gradient(axis, shape):
    factors = (1.0, -2.0, 3.0)
    model = Parallel(*[Lambda(lambda x, k=k: x * k) for k in factors], merge="concat", axis=axis)
    x, dy = draw(2, 3, 4), draw(*shape, key=2)
    assert (model(x) == np.concatenate([k * x for k in factors], axis)).all()
    expected = sum(k * part for k, part in zip(factors, np.split(dy, 3, axis), strict=True))
    np.testing.assert_allclose(model.backward(dy), expected, rtol=1e-12)


def test_without_a_merge_the_branches_outputs_are_the_next_layers_inputs():
    one, two = Linear(3, 2).astype("float64"), Linear(3, 2).astype("float64")
    model = Sequential(Parallel(one, two, merge=None), Lambda(lambda a, b: a * b))
    x, dy = draw(5, 3), draw(5, 2, key=2)
    y1, y2 = (x @ layer.weight.data.T + layer.bias.data for layer in (one, two))
    np.testing.assert_allclose(model(x), y1 * y2, rtol=1e-12)
    dx = (dy * y2) @ one.weight.data + (dy * y1) @ two.weight.data
    np.testing.assert_allclose(model.backward(dy), dx, rtol=1e-12)
    assert model.output_shape((5, 3)) == (5, 2)


class OfTwo(Linear):
    """A linear layer of its first input."""

    def forward(self, a, b):
        y, backward = super().forward(a)
        return y, lambda dy: (backward(dy), np.zeros_like(b))


def test_an_error_names_both_outputs_that_a_layer_could_not_take():
    model = Sequential(Parallel(Linear(4, 2), Linear(4, 3), merge=None), OfTwo(3, 1))
    with pytest.raises(ShapeError, match=r"layers\[1\] \(OfTwo\): .*, got 2 from parallel \(2,\) and \(3,\)\."):
        model(np.zeros((5, 4), np.float32))


def test_branches_with_names_are_reached_by_them():
    model = Parallel({"left": Linear(4, 2, bias=False), "right": Linear(4, 3, bias=False)}, merge="concat")
    assert list(model.params) == ["left.weight", "right.weight"]
    assert model.left is model["left"] is model.branches[0]
    assert repr(model) == (
        "Parallel(\n"
        "  merge='concat', axis=1\n"
        "  (left): Linear(in_features=4, out_features=2, bias=False)\n"
        "  (right): Linear(in_features=4, out_features=3, bias=False)\n"
        ")"
    )
    part = model[1:]
    assert (type(part), part.merge, list(part.params)) == (Parallel, "concat", ["right.weight"])
    assert model.config() == {"branches": model.branches, "names": ["left", "right"], "merge": "concat", "axis": 1}


def test_a_parallel_without_branches_says_so_when_it_is_used():
    model = Parallel(merge="concat")
    for run in (model, model.infer, lambda x: model.output_shape(x.shape)):
        with pytest.raises(ConfigError, match=re.escape("Parallel has no branches: give it some, or append() them.")):
            run(draw(5, 3))
    assert model.append(Linear(3, 1)).append(Linear(3, 2), name="more")(draw(5, 3)).shape == (5, 3)


def test_configurations_nest():
    model = build(
        "layer",
        {
            "type": "residual",
            "layers": [{"type": "parallel", "branches": [{"type": "relu"}, {"type": "flatten"}], "merge": "mean"}],
            "shortcut": {"type": "linear", "out_features": 4},
        },
    )
    expected = Residual(Parallel(ReLU(), Flatten(), merge="mean"), shortcut=Linear(out_features=4))
    assert repr(model) == repr(expected)
    assert build("layer", describe(model)).layers[0].merge == "mean"


# Both


def test_sizes_left_out_are_inferred_and_drawn_from_the_generator_in_order():
    def make():
        return Sequential(
            Residual(Linear(out_features=6), ReLU(), shortcut=Linear(out_features=6)),
            Parallel(Linear(out_features=2), Linear(out_features=2), merge="concat"),
            Linear(out_features=1),
        )

    states = []
    for key in (5, 5, 6):
        model = make()
        model.build((7, 3), np.random.default_rng(key))
        states.append(model.state_dict())
    assert states[0]["0.shortcut.weight"].shape == (6, 3)
    assert states[0]["2.weight"].shape == (1, 4)
    assert all((states[0][name] == states[1][name]).all() for name in states[0])
    assert all((states[0][name] != states[2][name]).any() for name in states[0])
    first, second = states[0]["1.0.weight"], states[0]["1.1.weight"]
    assert (first != second).any()


def test_mode_dtype_and_copies_reach_every_part():
    model = Sequential(block(), Parallel({"a": Dropout(0.5), "b": BatchNorm1d()}))
    model.build((5, 4))
    assert not any(part.training for _, part in model.eval().named_layers())
    assert all(part.training for _, part in model.train().named_layers())
    model.astype("float64")
    assert {p.dtype for p in model.parameters()} == {np.dtype("float64")}
    x = draw(5, 4)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert (twin.infer(x) == model.infer(x)).all()
        assert twin[1].a is twin[1][0]
        assert not {id(p) for p in twin.parameters()} & {id(p) for p in model.parameters()}


def test_observers_name_the_parts():
    model = Sequential(Residual(ReLU(), shortcut=ReLU()), Parallel({"a": ReLU(), "b": ReLU()}))
    names = []
    with observe(lambda seen: names.append((seen.phase, seen.name))):
        model.backward(model(draw(5, 3)))
    expected = ["0.layers.0", "0.layers", "0.shortcut", "0", "1.a", "1.b", "1", ""]
    assert [name for phase, name in names if phase == "forward"] == expected
    assert sorted(name for phase, name in names if phase == "backward") == sorted(expected)


@pytest.mark.parametrize("make", [lambda: Residual(Linear(3, 3)), lambda: Parallel(Linear(3, 3), ReLU())])
def test_a_closure_runs_once(make):
    model, x = make(), draw(5, 3, dtype="float32")
    y, backward = model.forward(x)
    backward(y)
    before = {name: gradient.copy() for name, gradient in model.grads.items()}
    with pytest.raises(BackwardError, match="This backward pass has run already; call forward again"):
        backward(y)
    assert all((model.grads[name] == gradient).all() for name, gradient in before.items())


class Noted(Layer):
    """The identity, which notes that it goes back."""

    def __init__(self, notes):
        self.notes = notes

    def forward(self, x):
        return x, lambda dy: self.notes.append("back") or dy


@pytest.mark.parametrize(
    "make",
    [
        lambda aside: Residual(Linear(3, 3), ReLU(), Linear(3, 3)),
        lambda aside: Residual(Linear(3, 3), shortcut=aside),
        lambda aside: Residual(aside, shortcut=Linear(3, 3)),
        lambda aside: Parallel(aside, Linear(3, 3), Sequential(Linear(3, 3), ReLU())),
        lambda aside: Parallel(Linear(3, 2), aside, merge="concat"),
    ],
)
def test_declining_the_input_gradient_changes_no_other_and_skips_what_nobody_needs(make):
    results = []
    for options in ({}, {"input_gradient": False}):
        seed(0)
        notes = []
        model, x = make(Noted(notes)), draw(5, 3, dtype="float32")
        y, backward = model.forward(x, **options)
        results.append((backward(draw(*y.shape, dtype="float32")), model.grads, notes))
    (dx, with_it, _), (nothing, without, notes) = results
    assert dx.shape == (5, 3)
    assert nothing is None
    assert notes == []
    assert all((with_it[name] == without[name]).all() for name in with_it)
    assert model.declines_input_gradient


class Keeps(Layer):
    """Keeps its input to go back, and a weak reference to its output for the test."""

    def __init__(self, alive):
        self.alive = alive

    def forward(self, x):
        y = x + 1
        self.alive.append(weakref.ref(y))
        return y, lambda dy: dy * (x > 0)


@pytest.mark.parametrize("container", [Residual, Parallel, lambda *layers: Parallel(*layers, merge="concat")])
def test_nothing_outlives_inference_or_the_backward_pass(container):
    alive = []
    model = Sequential(container(Keeps(alive), Keeps(alive)), container(Keeps(alive)))
    gc.collect()
    gc.disable()
    try:
        model.infer(draw(4, 3))
        assert [ref() for ref in alive] == [None] * 3
        y = model(draw(4, 3))
        model.backward(y)
        del y
        assert [ref() for ref in alive] == [None] * 6
    finally:
        gc.enable()


def test_a_shared_layer_gets_the_gradients_of_all_its_places():
    layer = Linear(3, 3).astype("float64")
    model = Residual(Parallel(layer, Sequential(layer, ReLU())), layer, shortcut=layer)
    x, dy = draw(5, 3), draw(5, 3, key=2)
    model(x)
    dx = model.backward(dy)
    arrays, gradients = [x, layer.weight.data, layer.bias.data], [dx, layer.weight.grad, layer.bias.grad]
    assert len(model.parameters()) == 2
    for array, gradient in zip(arrays, gradients, strict=True):
        error, numeric, claimed = directional_error(
            lambda: float((model.forward(x)[0] * dy).sum()), [array], [gradient], np.random.default_rng(3)
        )
        assert error < 1e-7, (numeric, claimed)


def test_the_three_styles_give_the_same_gradients_to_the_bit():
    def make():
        seed(3)
        return Sequential(Residual(Linear(4, 4), ReLU()), Parallel(Linear(4, 2), Linear(4, 3), merge="concat"))

    x, dy = draw(5, 4, dtype="float32"), draw(5, 5, dtype="float32", key=2)
    explicit, called, taped = make(), make(), make()
    _, backward = explicit.forward(x)
    dx = backward(dy)
    called(x)
    assert (called.backward(dy) == dx).all()
    leaf = Tensor(x, requires_grad=True)
    taped(leaf).backward(dy)
    assert (leaf.grad == dx).all()
    for name, gradient in explicit.grads.items():
        assert (called.grads[name] == gradient).all()
        assert (taped.grads[name] == gradient).all()


# Lambda


def test_a_function_of_tensors_is_a_layer_with_its_gradient():
    layer, x, dy = Lambda(lambda x: x * x + 2 * x), draw(5, 3), draw(5, 3, key=2)
    np.testing.assert_allclose(layer(x), x * x + 2 * x, rtol=1e-12)
    np.testing.assert_allclose(layer.backward(dy), dy * (2 * x + 2), rtol=1e-12)
    assert layer.parameters() == []
    assert layer([1.0]).dtype == np.float32


def test_a_function_may_take_and_return_several_tensors():
    layer, a, b = Lambda(lambda a, b: (a * b, a + b)), draw(5, 3), draw(5, 3, key=2)
    y, z = layer(a, b)
    assert (y == a * b).all()
    assert (z == a + b).all()
    da, db = layer.backward((y, z))
    np.testing.assert_allclose(da, y * b + z, rtol=1e-12)
    np.testing.assert_allclose(db, y * a + z, rtol=1e-12)


def test_a_lambda_is_shown_by_the_name_of_its_function():
    def halve(x):
        return x / 2

    assert [repr(Lambda(f)) for f in (halve, relu, lambda x: x)] == [
        "Lambda(halve)",
        "Lambda(relu)",
        "Lambda(<lambda>)",
    ]


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (lambda x: x.data * 2, "ndarray"),
        (lambda x: 3.0, "float"),
        (lambda x: None, "NoneType"),
        (lambda x: (x, 1), "int"),
    ],
)
def test_a_function_that_leaves_the_tape_is_refused(function, what):
    for run in (Lambda(function), Lambda(function).infer):
        with pytest.raises(DTypeError, match=rf"Lambda\(<lambda>\) returned a {what}, through which no gradient goes"):
            run(draw(5, 3))


def test_the_shape_follows_from_the_function():
    layer = Lambda(lambda x: concatenate([x, x], axis=1).reshape(-1, 3, 2))
    assert layer.output_shape((5, 3)) == (5, 3, 2)
    model = Sequential(layer, Flatten(), Linear(out_features=2))
    model.build((5, 3))
    assert model[2].in_features == 6


def test_a_model_with_a_function_cannot_be_saved(tmp_path):
    with pytest.raises(
        ModelFileError, match=r"Lambda\(relu\) holds a function, and a model file never names code to run"
    ):
        save(Sequential(Linear(2, 2), Lambda(relu)), tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []
