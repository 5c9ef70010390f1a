"""What a class gets from the base class by defining `forward` alone."""

from __future__ import annotations

import copy
import re
import threading

import attrs
import numpy as np
import pytest

from nn_core import (
    BackwardError,
    BatchNorm1d,
    Buffer,
    ConfigError,
    Dropout,
    DTypeError,
    Layer,
    Linear,
    ModelFileError,
    NotBuiltError,
    Parallel,
    Parameter,
    ReLU,
    Sequential,
    ShapeError,
    Tensor,
    autograd,
    default_rng,
    gradcheck,
    no_grad,
    seed,
    set_default_dtype,
)


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


def draw(*shape, dtype="float32"):
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


class Scale(Layer):
    """``y = factor · x + shift``."""

    def __init__(self, factor, shift=0.0):
        self.factor = factor
        self.shift = shift

    def forward(self, x):
        return x * self.factor + self.shift, lambda dy: dy * self.factor


class Block(Layer):
    """Layers as attributes, their closures composed by hand."""

    def __init__(self, width, outputs=2):
        self.width, self.outputs = width, outputs
        self.first = Linear(out_features=width)
        self.norm = BatchNorm1d()
        self.last = Linear(out_features=outputs)

    def forward(self, x):
        x, back_first = self.first.forward(x)
        x, back_norm = self.norm.forward(x)
        x, back_last = self.last.forward(x)
        return x, lambda dy: back_first(back_norm(back_last(dy)))


# Forward is enough


def test_a_layer_is_called_and_goes_back():
    layer = Scale(3.0)
    assert layer([1.0, 2.0]).tolist() == [3, 6]
    assert layer.backward(np.ones(2)).tolist() == [3, 3]
    assert layer.infer(np.ones(2)).tolist() == [3, 3]
    assert layer.parameters() == []
    assert layer.output_shape((5, 2)) == (5, 2)
    assert layer.built


def test_a_layer_without_forward_says_so():
    class Nothing(Layer):
        pass

    with pytest.raises(TypeError, match=re.escape("Nothing must define forward(x), returning (y, backward).")):
        Nothing()(np.zeros(2))


def test_several_inputs_come_in_and_several_gradients_go_out():
    class Product(Layer):
        def forward(self, a, b):
            return a * b, lambda dy: (dy * b, dy * a)

    layer = Product()
    assert layer([1.0, 2.0], [3.0, 4.0]).tolist() == [3, 8]
    assert [dx.tolist() for dx in layer.backward(np.array([1.0, 10.0]))] == [[3, 40], [1, 20]]


def test_sizes_can_follow_from_the_first_of_several_inputs():
    class Bilinear(Layer):
        def build(self, input_shape, rng=None):
            a, b = input_shape
            self.weight = Parameter(np.ones((a[-1], b[-1]), np.float32))

        def forward(self, a, b):
            return np.einsum("ni,ij,nj->n", a, self.weight.data, b), lambda dy: None

    layer = Bilinear()
    assert layer(np.ones((5, 2), np.float32), np.ones((5, 3), np.float32)).tolist() == [6] * 5
    assert layer.weight.shape == (2, 3)


def test_a_subclass_can_extend_build_and_forward():
    class Widened(Linear):
        def build(self, input_shape, rng=None):
            super().build(input_shape, rng)
            self.gain = Parameter(np.full((), 2.0, self.weight.dtype))

        def forward(self, x):
            y, backward = super().forward(x)
            return y * self.gain.data, lambda dy: backward(dy * self.gain.data)

    layer, plain = Widened(out_features=3), Linear(4, 3)
    x = draw(5, 4)
    layer(x)
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias", "gain"]
    plain.load_state_dict(layer.state_dict(), strict=False)
    np.testing.assert_allclose(layer(x), 2 * plain(x), rtol=1e-6)
    assert not Widened.declines_input_gradient, "its forward does not know input_gradient"
    assert Linear.declines_input_gradient


# Configuration


def test_a_plain_class_is_described_by_the_attributes_named_like_its_arguments():
    layer = Scale(3.0, shift=1.0)
    assert layer.config() == {"factor": 3.0, "shift": 1.0}
    twin = Scale.from_config(layer.config())
    assert twin([2.0]) == layer([2.0])
    assert repr(layer) == "Scale()"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"fctor": 3.0}, "Scale has no option 'fctor'. Did you mean 'factor'?"),
        ({"factor": 3.0, "bias": 1}, "Scale has no option 'bias'. It takes factor, shift."),
        ({"shift": 3.0}, "Scale needs 'factor'."),
    ],
)
def test_a_configuration_with_wrong_names_is_refused(config, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        Scale.from_config(config)


def test_an_argument_that_is_not_kept_cannot_be_described():
    class Forgetful(Layer):
        def __init__(self, factor):
            self.scale = factor

    with pytest.raises(ConfigError, match="Forgetful does not keep its constructor's argument 'factor'"):
        Forgetful(2.0).config()


# Parts


def test_parts_that_are_attributes_are_built_by_the_first_call():
    block = Block(6)
    with pytest.raises(NotBuiltError, match=r"^first \(Linear\) infers its sizes from the first input"):
        block.parameters()
    x, dy = draw(5, 4), draw(5, 2)
    y = block(x)
    dx = block.backward(dy)
    names = ["first.weight", "first.bias", "norm.weight", "norm.bias", "last.weight", "last.bias"]
    assert [name for name, _ in block.named_parameters()] == names

    same = Sequential(block.first, block.norm, block.last)
    gradients = [parameter.grad for parameter in block.parameters()]
    same.zero_grad()
    assert (same(x) == y).all()
    assert (same.backward(dy) == dx).all()
    assert all((p.grad == g).all() for p, g in zip(same.parameters(), gradients, strict=True))


def test_a_layer_made_of_parts_tells_the_layer_behind_it_what_comes_out():
    model = Sequential(Block(6, outputs=8), Sequential(ReLU()), Linear(out_features=3))
    assert model.output_shape((5, 4)) == (5, 3)
    model.build((5, 4))
    assert model.layers[2].in_features == 8
    assert Sequential(Block(6, outputs=8), Linear(out_features=3))(draw(5, 4)).shape == (5, 3)


class Parts(Layer):
    """Layers in a list, a tuple and a dictionary, beside things that are none."""

    def __init__(self):
        self.branches = [Linear(2, 3), "no layer", Sequential(Linear(2, 3))]
        self.pair = (Linear(2, 3),)
        self.heads = {"a": Linear(2, 3), "b": None}
        self.kind = Linear
        self.offset = Buffer(np.zeros(3, np.float32))

    def forward(self, x):
        parts = [self.branches[0], self.branches[2], self.pair[0], self.heads["a"]]
        results = [part.forward(x) for part in parts]
        return sum(y for y, _ in results) + self.offset.data, lambda dy: sum(backward(dy) for _, backward in results)


def test_parts_may_stand_in_lists_tuples_and_dictionaries():
    layer = Parts()
    assert [name for name, _ in layer.named_parameters()] == [
        "branches.0.weight",
        "branches.0.bias",
        "branches.2.0.weight",
        "branches.2.0.bias",
        "pair.0.weight",
        "pair.0.bias",
        "heads.a.weight",
        "heads.a.bias",
    ]
    assert [name for name, _ in layer.named_buffers()] == ["offset"]
    x = draw(5, 2)
    layer(x)
    dx = layer.backward(np.ones((5, 3), np.float32))
    weights = [parameter.data for name, parameter in layer.named_parameters() if name.endswith("weight")]
    np.testing.assert_allclose(dx, np.ones((5, 3)) @ sum(weights), rtol=1e-5)
    assert all(parameter.grad is not None for parameter in layer.parameters())


def test_a_parameter_is_listed_once_and_named_by_its_first_place():
    shared = Linear(2, 2)
    model = Sequential(shared, ReLU(), shared)
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias"]
    assert model.parameters() == [shared.weight, shared.bias]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"], "PyTorch's names for it"


def test_zero_grad_forgets_the_gradients_of_all_parts():
    block = Block(6)
    block.backward(block(draw(5, 4)))
    block.zero_grad()
    assert [parameter.grad for parameter in block.parameters()] == [None] * 6


# Mode


def test_the_mode_reaches_every_part():
    model = Sequential(Block(6), Sequential(Dropout(0.5)), Parts())
    parts = [part for _, part in model.named_layers()]
    assert len(parts) == 13
    assert all(part.training for part in parts)
    assert model.eval() is model
    assert not any(part.training for part in parts)
    assert model.train() is model
    assert all(part.training for part in parts)


def test_infer_puts_parts_into_evaluation_and_changes_nothing():
    block, x = Block(6), draw(5, 4)
    block(x)
    evaluated = block.eval()(x)
    before = block.train().state_dict()
    assert (block.infer(x) == evaluated).all()
    assert all((array == before[name]).all() for name, array in block.state_dict().items())
    assert block.training
    assert block.norm.training
    assert (block(x) != evaluated).any(), "training normalizes by the batch"


def test_inference_in_one_thread_leaves_training_in_another_alone():
    barrier = threading.Barrier(2, timeout=20)
    seen = {}

    class Meeting(Layer):
        def forward(self, x):
            barrier.wait()  # both threads are inside forward
            seen[threading.current_thread().name] = self.training
            barrier.wait()
            return x, lambda dy: dy

    layer, x = Meeting(), draw(2)
    other = threading.Thread(target=layer.infer, args=(x,), name="infer")
    other.start()
    layer.forward(x)
    other.join()
    assert seen == {"infer": False, threading.current_thread().name: True}


def test_an_error_during_inference_leaves_the_mode_as_it_was():
    class Failing(Layer):
        def forward(self, x):
            raise ZeroDivisionError

    layer = Failing()
    with pytest.raises(ZeroDivisionError):
        layer.infer(draw(2))
    assert layer.training


# The closure that a call keeps


def test_each_thread_goes_back_through_its_own_call():
    layer = ReLU()
    layer([1.0, -1.0])
    other = threading.Thread(target=layer, args=([-1.0, -1.0],))
    other.start()
    other.join()
    assert layer.backward(np.ones(2)).tolist() == [1, 0]
    failures = []

    def go_back():
        try:
            layer.backward(np.ones(2))
        except BackwardError as error:
            failures.append(error)

    layer([1.0, 1.0])
    other = threading.Thread(target=go_back)
    other.start()
    other.join()
    assert len(failures) == 1, "the other thread made no call"


def test_backward_twice_is_an_error():
    layer = ReLU()
    layer([1.0])
    layer.backward(np.ones(1))
    with pytest.raises(BackwardError, match=r"ReLU\.backward needs a call in training mode before it, one for each"):
        layer.backward(np.ones(1))


def test_a_copy_keeps_parameters_but_no_closure():
    layer = Linear(2, 2)
    layer([[1.0, 2.0]])
    twin = copy.deepcopy(layer)
    with pytest.raises(BackwardError):
        twin.backward(np.ones((1, 2)))
    twin.weight.data[...] = 0
    assert layer.weight.data.all()
    layer.backward(np.ones((1, 2)))
    assert twin.weight.grad is None


# State


def test_the_state_is_a_copy_of_parameters_and_buffers_by_path():
    model = Sequential(Linear(2, 3), Sequential(BatchNorm1d(3)))
    state = model.state_dict()
    assert list(state) == [
        "0.weight",
        "0.bias",
        "1.0.weight",
        "1.0.bias",
        "1.0.running_mean",
        "1.0.running_var",
        "1.0.num_batches_tracked",
    ]
    for array in state.values():
        array[...] = 7
    assert (model[0].weight.data != 7).all()
    assert model[1][0].num_batches_tracked.data == 0


def test_loading_copies_into_the_arrays_that_are_there():
    model = Linear(2, 3)
    weight, bias = model.weight.data, model.bias.data
    state = {"weight": np.arange(6.0).reshape(3, 2), "bias": np.arange(3)}
    model.load_state_dict(state)
    assert model.weight.data is weight
    assert model.bias.data is bias
    assert weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert (weight.dtype, bias.dtype) == (np.float32, np.float32)
    state["weight"][...] = 9
    assert weight[0, 0] == 0


def test_arrays_that_are_not_contiguous_load_like_others():
    values = draw(2, 3)
    for weight in (values.T, np.asfortranarray(values.T), np.repeat(values.T, 2, axis=1)[:, ::2]):
        model = Linear(2, 3, bias=False)
        model.load_state_dict({"weight": weight})
        assert (model.weight.data == values.T).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"0.weight": None, "1.running_var": None},
            "The state lacks 0.weight, 1.running_var. Pass strict=False to load only what both sides have.",
        ),
        ({"2.weight": np.ones(3), "0.gain": np.ones(3)}, "The state has unknown 0.gain, 2.weight. Pass strict=False"),
        ({"0.bias": None, "0.b": np.ones(3)}, "The state lacks 0.bias and has unknown 0.b. Pass strict=False"),
        ({"0.weight": np.ones((2, 3))}, "0.weight has shape (3, 2) in the model and (2, 3) in the state."),
        ({"1.num_batches_tracked": np.ones(1)}, "1.num_batches_tracked has shape () in the model and (1,) in the"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_is_copied(change, message):
    model = Sequential(Linear(2, 3), BatchNorm1d(3))
    before = model.state_dict()
    state = {name: array + 1 for name, array in before.items()} | change
    state = {name: array for name, array in state.items() if array is not None}
    with pytest.raises(ModelFileError, match=re.escape(message)):
        model.load_state_dict(state)
    assert all((array == before[name]).all() for name, array in model.state_dict().items())


def test_loading_what_both_sides_have_ignores_the_rest_but_no_shape():
    model = Linear(2, 3)
    bias = model.bias.data.copy()
    model.load_state_dict({"weight": np.zeros((3, 2)), "gain": np.zeros(1)}, strict=False)
    assert not model.weight.data.any()
    assert (model.bias.data == bias).all()
    with pytest.raises(ModelFileError, match="weight has shape"):
        model.load_state_dict({"weight": np.zeros((2, 3))}, strict=False)


def test_loading_nothing_at_all_is_no_success():
    message = "The state has nothing that the model has: its paths are like 'model.weight', those of the model like"
    with pytest.raises(ModelFileError, match=message):
        Linear(2, 3).load_state_dict({"model.weight": np.zeros((3, 2)), "gain": np.zeros(1)}, strict=False)
    ReLU().load_state_dict({"gain": np.zeros(1)}, strict=False)  # there is nothing to load


# Dtype


def test_astype_converts_parameters_and_floating_point_buffers():
    model = Sequential(Linear(2, 3), BatchNorm1d(3))
    model.backward(model(draw(5, 2)))
    assert model.astype("float64") is model
    dtypes = {name: array.dtype for name, array in model.state_dict().items()}
    assert dtypes.pop("1.num_batches_tracked") == np.int64
    assert set(dtypes.values()) == {np.dtype("float64")}
    assert model.dtype == np.float64
    assert [parameter.grad for parameter in model.parameters()] == [None] * 4, "gradients in the old dtype are no use"
    assert model(draw(5, 2)).dtype == np.float64


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64"])
def test_parameters_are_floating_point(dtype):
    with pytest.raises(
        ConfigError, match=f"Parameters need a floating-point dtype such as float32, got {np.dtype(dtype)}"
    ):
        Linear(2, 3).astype(dtype)


def test_a_layer_has_the_dtype_of_what_it_owns():
    assert ReLU().dtype is None
    assert Linear(2, 3).dtype == np.float32
    assert BatchNorm1d(2, affine=False).astype("float64").dtype == np.float64
    assert Sequential(ReLU(), Linear(2, 3).astype("float64")).dtype == np.float64
    unbuilt = Sequential(ReLU(), Linear(out_features=3))
    assert unbuilt.dtype == np.float32
    set_default_dtype("float64")
    try:
        assert unbuilt.dtype == np.float64
        assert unbuilt([[1, 2]]).dtype == np.float64
    finally:
        set_default_dtype("float32")


def test_a_layer_without_parameters_computes_in_the_dtype_it_is_given():
    for dtype in ("float16", "float32", "float64", "int64"):
        assert ReLU()(np.ones(2, dtype)).dtype == dtype


def test_layers_that_mean_integers_take_them():
    class Lookup(Layer):
        takes_integers = True

        def __init__(self):
            self.table = Parameter(default_rng().normal(size=(5, 3)).astype("float32"))

        def forward(self, x):
            return self.table.data[x], lambda dy: None

    layer = Lookup()
    assert layer([1, 2]).shape == (2, 3)
    assert layer(np.array([4], np.uint8)).dtype == np.float32
    assert Sequential(layer, ReLU())(np.array([4])).shape == (1, 3)
    assert Sequential(Sequential(layer), ReLU()).takes_integers


# Called on Tensors


class Counting(Layer):
    """A layer that notes whether it was spared the gradient of its input."""

    def __init__(self):
        self.weight = Parameter(np.ones(3))
        self.spared = []

    def forward(self, x, *, input_gradient=True):
        self.spared.append(not input_gradient)

        def backward(dy):
            self.weight.accumulate((dy * x).sum(0))
            return dy * self.weight.data if input_gradient else None

        return x * self.weight.data, backward


def test_a_tensor_without_a_gradient_spares_the_layer_the_gradient_of_its_input():
    layer, x = Counting(), np.ones((2, 3))
    layer(Tensor(x)).sum().backward()
    assert layer.weight.grad.tolist() == [2.0] * 3
    layer(Tensor(x, requires_grad=True)).sum().backward()
    assert layer.spared == [True, False]


def test_a_frozen_layer_on_a_tensor_without_a_gradient_is_not_on_the_tape():
    layer = Counting().freeze()
    assert layer(Tensor(np.ones((2, 3)))).node is None
    assert layer(Tensor(np.ones((2, 3)), requires_grad=True)).node is not None


def test_a_layer_written_in_tensors_is_a_layer_like_any_other():
    class Gate(Layer):
        def __init__(self, features):
            self.features = features
            self.inner = Linear(features, features)

        @autograd
        def forward(self, x):
            return x * self.inner(x).sigmoid()

    layer = Gate(3).astype("float64")
    x = np.random.default_rng(0).normal(size=(4, 3))
    y, backward = layer.forward(x)
    sigmoid = 1 / (1 + np.exp(-(x @ layer.inner.weight.data.T + layer.inner.bias.data)))
    np.testing.assert_allclose(y, x * sigmoid, rtol=1e-13)
    assert gradcheck(layer, [x])
    np.testing.assert_array_equal(layer.infer(x), y)
    assert layer.output_shape((7, 3)) == (7, 3)
    assert list(layer.params) == ["inner.weight", "inner.bias"]
    backward(np.ones((4, 3)))
    with pytest.raises(BackwardError, match="freed"):
        backward(np.ones((4, 3)))


def test_a_layer_written_in_tensors_may_have_several_inputs_and_outputs_and_integers():
    class Lookup(Layer):
        takes_integers = True

        def __init__(self):
            self.table = Parameter(np.arange(6.0).reshape(3, 2))

        @autograd
        def forward(self, indices, scale):
            rows = self.table[indices]
            return rows * scale, rows.sum(axis=1)

    layer = Lookup()
    indices, scale = np.array([2, 0, 2]), np.full((3, 1), 2.0)
    (scaled, sums), backward = layer.forward(indices, scale)
    assert scaled.tolist() == [[8, 10], [0, 2], [8, 10]]
    assert sums.tolist() == [9, 1, 9]
    dx = backward((np.ones((3, 2)), np.array([1.0, 0.0, 0.0])))
    assert dx[0] is None
    assert dx[1].tolist() == [[9.0], [1.0], [9.0]]
    assert layer.table.grad.tolist() == [[2, 2], [0, 0], [5, 5]]


def test_a_layer_written_in_tensors_keeps_nothing_in_inference():
    held = []

    class Square(Layer):
        @autograd
        def forward(self, x):
            y = x * x
            held.append(y.node)
            return y

    Square().eval()(np.ones(3))
    Square().infer(np.ones(3))
    Square()(np.ones(3))
    assert [node is None for node in held] == [True, True, False]


# Mistakes


@pytest.mark.parametrize(
    ("result", "seen"),
    [
        (lambda x: x * 2, "ndarray"),
        (lambda x: None, "NoneType"),
        (lambda x: (x, x), "ndarray and ndarray"),
        (lambda x: (x, None), "ndarray and NoneType"),
        (lambda x: (x, x, x), "ndarray and ndarray and ndarray"),
    ],
)
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_forward_that_does_not_return_output_and_closure_says_so(result, seen, batch):
    class Faulty(Layer):
        def forward(self, x):
            return result(x)

    x = np.ones((batch, 3), np.float32)
    for call in (Faulty(), Faulty().eval(), Faulty().infer, Sequential(Faulty()), lambda x: Faulty()(Tensor(x))):
        with pytest.raises(TypeError, match=rf"Faulty.forward must return \(y, backward\).*returned {seen}\."):
            call(x)


def test_a_forward_in_tensors_that_returns_something_else_says_so():
    class Faulty(Layer):
        @autograd
        def forward(self, x):
            return x.data * 2

    class Pair(Layer):
        @autograd
        def forward(self, x):
            return x * 2, lambda dy: dy

    for call in (Faulty(), Faulty().infer):
        with pytest.raises(TypeError, match=r"Faulty.forward is written in terms of Tensors.*returned ndarray\."):
            call(np.ones(3))
    with pytest.raises(TypeError, match=r"returned a tuple with function\."):
        Pair()(np.ones(3))


def test_a_layer_class_with_slots_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"Slotted cannot have slots.*@define\(eq=False, slots=False, repr=False\)"):

        @attrs.define
        class Slotted(Layer):
            size: int = 3


def test_a_backward_with_too_few_gradients_names_the_layer():
    class Product(Layer):
        def forward(self, a, b):
            return a * b, lambda dy: dy * b

    x = Tensor(np.ones(3), requires_grad=True)
    with pytest.raises(BackwardError, match="backward of 'Product' returned 1 gradients for 2 inputs"):
        Product()(x, x).sum().backward()


def test_a_call_that_keeps_nothing_leaves_nothing_of_an_earlier_one_to_go_back_through():
    layer, x, dy = Linear(3, 2), np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)
    layer(x)
    with no_grad():
        layer(2 * x)
    with pytest.raises(BackwardError, match="needs a call in training mode before it"):
        layer.backward(dy)
    layer(x)
    layer.eval()(x)
    with pytest.raises(BackwardError):
        layer.backward(dy)
    assert layer.weight.grad is None


def test_dropout_drops_in_training_mode_inside_no_grad_too():
    with no_grad():
        assert (Dropout(0.5)(np.ones(1000, np.float32)) == 0).any()


class Table:
    """What a table of another library looks like: no dtype, but convertible."""

    def __array__(self, dtype=None, copy=None):
        return np.ones((4, 3))


def test_a_table_of_another_library_becomes_an_array():
    layer = Linear(3, 2)
    y = layer(Table())
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, layer(np.ones((4, 3), np.float32)))


# Parts that would be overlooked


@pytest.mark.parametrize("other", [Parameter([2.0]), Buffer(np.ones(1, np.float32)), Linear(1, 1, bias=False)])
def test_two_parameters_at_one_path_are_refused(other):
    layer = Scale(1.0)
    layer.parts = {1: Linear(1, 1, bias=False) if isinstance(other, Layer) else Parameter([1.0]), "1": other}
    with pytest.raises(ConfigError, match=r"Two parameters or buffers have the path 'parts\.1"):
        layer.state_dict()


def test_a_tensor_that_wants_a_gradient_and_is_no_parameter_is_named():
    model = Sequential(Scale(1.0))
    model[0].w = Tensor([1.0], requires_grad=True)
    with pytest.raises(ConfigError, match=r"0\.w of Sequential is a Tensor .* make it Parameter"):
        model.parameters()
    model[0].w = model[0].w.detach()
    assert model.parameters() == []
    model[0].w = Parameter([1.0]) * 2
    assert model.parameters() == [], "what was computed is no parameter"


def test_no_dtype_is_changed_where_a_part_has_no_parameters_yet():
    model = Sequential(Linear(2, 2), Linear(out_features=2))
    with pytest.raises(NotBuiltError):
        model.astype("float64")
    assert model[0].weight.data.dtype == np.float32


# Loading


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"weight": np.zeros((2, 2)), "bias": np.array(["a", "b"])}, "bias in the state is array.*not an array of num"),
        ({"weight": np.zeros((2, 2)), "bias": None}, "bias in the state is None, not an array of numbers"),
        ({"weight": np.zeros((2, 2)), "bias": [[1.0], [1.0, 2.0]]}, "bias in the state is .*not an array of numbers"),
        ({"weight": np.zeros((2, 2)), "bias": 1.0}, r"bias has shape \(2,\) in the model and \(\) in the state"),
        ({"weight": np.zeros((2, 2)), "bias": np.zeros(2), 3: np.zeros(2)}, "A state is a mapping of arrays by dotted"),
        ([np.zeros((2, 2))], "A state is a mapping of arrays by dotted path"),
    ],
)
def test_nothing_is_copied_from_a_state_in_which_something_is_wrong(state, message):
    layer = Linear(2, 2)
    before = layer.state_dict()
    with pytest.raises(ModelFileError, match=message):
        layer.load_state_dict(state)
    assert all((array == before[name]).all() for name, array in layer.state_dict().items())


def test_nothing_is_copied_where_an_array_of_the_model_is_read_only():
    layer = Linear(2, 2)
    before = layer.weight.data.copy()
    layer.bias.data.flags.writeable = False
    with pytest.raises(ModelFileError, match="The array of bias in the model is read-only"):
        layer.load_state_dict({"weight": np.zeros((2, 2)), "bias": np.zeros(2)})
    assert (layer.weight.data == before).all()


def test_parameters_and_lists_are_loaded_like_arrays():
    layer = Linear(2, 2)
    layer.load_state_dict({"weight": Parameter([[1.0, 2.0], [3.0, 4.0]]), "bias": [5, 6]})
    assert layer.weight.data.tolist() == [[1, 2], [3, 4]]
    assert layer.bias.data.tolist() == [5, 6]
    assert layer.bias.data.dtype == np.float32


# What a call and its backward take


@pytest.mark.parametrize("x", [None, "text", [[1.0], [1.0, 2.0]], ["a"], np.array(["a"]), {1: 2}])
def test_what_holds_no_numbers_is_refused_by_every_layer(x):
    for layer in (Linear(2, 2), ReLU()):
        with pytest.raises(DTypeError, match=r"Expected an array, a number or a \(nested\) list of numbers, got"):
            layer(x)


@pytest.mark.parametrize(("layer", "wrong"), [(ReLU(), (2,)), (ReLU(), ()), (Linear(2, 2), (2, 4, 2))])
def test_a_gradient_of_another_shape_than_the_output_is_refused(layer, wrong):
    layer(np.ones((4, 2), np.float32))
    with pytest.raises(ShapeError, match=rf"output, of shape \(4, 2\), and got one of shape {re.escape(str(wrong))}"):
        layer.backward(np.ones(wrong, np.float32))


def test_a_gradient_for_several_outputs_has_the_shapes_of_all_of_them():
    x = np.ones((4, 2), np.float32)
    for dy in [(x, x[:2]), (x,), x]:
        layer = Parallel(ReLU(), ReLU(), merge=None)
        layer(x)
        with pytest.raises(ShapeError, match=r"of shape \(\(4, 2\), \(4, 2\)\), and got one of shape"):
            layer.backward(dy)
    layer(x)
    assert (layer.backward((x, 2 * x)) == 3).all()
