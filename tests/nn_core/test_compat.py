"""Layers, losses, optimizers and models of other styles, at work in this framework."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nn_core
from nn_core import (
    BackwardError,
    BatchNorm1d,
    BCELoss,
    ConfigError,
    CrossEntropyLoss,
    Dropout,
    DTypeError,
    L1Loss,
    Linear,
    ModelFileError,
    MSELoss,
    NotBuiltError,
    Optimizer,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    Tensor,
    compat,
    evaluate,
    fit,
    functional,
    set_default_dtype,
)
from nn_core.gradient_checking import gradcheck
from nn_core.testing import LayerCase, parametrize_layer_checks

# Layers as they are written elsewhere


class Affine(compat.Layer):
    """Sizes from build, arrays in params, what backward needs on self; the mode by an argument that it ignores."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        rng = np.random.default_rng(3)
        self.params["W"] = rng.standard_normal((input_shape[-1], self.units))  # float64, as such code has it
        self.params["b"] = np.zeros(self.units)
        self.output_shape = (*input_shape[:-1], self.units)
        self.built = True

    def forward(self, x, training=False):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, grad):
        self.grads["W"] = self.x.T @ grad
        self.grads["b"] = grad.sum(axis=0)
        return grad @ self.params["W"].T


class Rectifier:
    """No base class, no mode, and it writes to what it is given."""

    def __init__(self):
        self.cache = {}

    def forward(self, x):
        self.cache["positive"] = x > 0
        x *= self.cache["positive"]
        return x

    def backward(self, dout):
        dout[~self.cache["positive"]] = 0
        return dout


class Standardize(compat.Layer):
    """Statistics that outlive the call, and the mode as a word."""

    def __init__(self):
        super().__init__()
        self.running_mean = np.zeros(1)

    def forward(self, x, mode="test"):
        if mode == "train":
            self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean()
            return x - x.mean()
        return x - self.running_mean

    def backward(self, grad):
        return grad - grad.mean()


class Modes(compat.Layer):
    """Says in which mode it was run."""

    def forward(self, x, training=False):
        return x + (1 if training else 2)

    def backward(self, grad):
        return grad


class SquaredError(compat.Loss):
    def forward(self, y_pred, y_true):
        self.difference = y_pred - y_true
        return np.mean(self.difference**2)

    def backward(self):
        return 2 * self.difference / self.difference.size


class Momentum(compat.Optimizer):
    def __init__(self, lr=0.1):
        self.lr = lr
        self.velocity = {}

    def step(self, params_and_grads):
        for param, grad in params_and_grads:
            velocity = self.velocity.setdefault(id(param), np.zeros_like(param))
            velocity *= 0.5
            velocity += grad
            param -= self.lr * velocity


class Descent(Optimizer):
    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, lr=lr)

    def update(self, parameter, state, *, lr):
        parameter.data -= lr * parameter.grad


@pytest.fixture
def rng():
    nn_core.seed(0)
    return np.random.default_rng(0)


@pytest.fixture
def double():
    set_default_dtype("float64")
    yield
    set_default_dtype("float32")


def floats(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


# adapt_layer


@parametrize_layer_checks(
    [
        LayerCase("rectifier", lambda: compat.adapt_layer(Rectifier()), (5, 4)),
        LayerCase("affine", lambda: compat.adapt_layer(Affine(3)), (5, 4)),
        LayerCase("nested", lambda: Sequential(compat.adapt_layer(Affine(3)), compat.adapt_layer(Rectifier())), (5, 4)),
    ],
    expected_failures={"config": "a layer in two methods keeps its options to itself"},
)
def test_an_adapted_layer_is_held_to_what_every_layer_is(check):
    check()


def test_its_gradients_are_those_of_finite_differences(double, rng):
    layer = compat.adapt_layer(Affine(3))
    layer.build((5, 4))
    assert gradcheck(layer, rng.normal(size=(5, 4)))
    model = Sequential(layer, compat.adapt_layer(Rectifier()), compat.adapt_layer(Affine(2)))
    model.build((5, 4))
    assert gradcheck(model, rng.normal(size=(5, 4)))


def test_one_layer_in_two_places_gets_the_gradient_of_both(double, rng):
    shared = compat.adapt_layer(Affine(4))
    model = Sequential(shared, compat.adapt_layer(Rectifier()), Residual(shared), shared)
    model.build((5, 4))
    assert len(model.parameters()) == 2
    assert gradcheck(model, rng.normal(size=(5, 4)))


def test_two_calls_may_go_back_in_any_order(rng):
    layer = compat.adapt_layer(Rectifier())
    x1, x2, dy = floats(rng, 3, 4), floats(rng, 3, 4), floats(rng, 3, 4)
    (_, back1), (_, back2) = layer.forward(x1), layer.forward(x2)
    np.testing.assert_array_equal(back1(dy), dy * (x1 > 0))
    np.testing.assert_array_equal(back2(dy), dy * (x2 > 0))


def test_threads_do_not_disturb_each_other(rng):
    model = Sequential(compat.adapt_layer(Affine(4)), compat.adapt_layer(Rectifier()))
    model.build((8, 4))
    xs = [floats(rng, 8, 4) for _ in range(16)]

    def there_and_back(x):
        return [(model(x), model.backward(x))[1] for _ in range(20)][-1]

    expected = [there_and_back(x) for x in xs]
    with ThreadPoolExecutor(4) as pool:
        for found, wanted in zip(pool.map(there_and_back, xs), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_what_it_writes_to_is_a_copy(rng):
    layer, x, dy = compat.adapt_layer(Rectifier()), floats(rng, 3, 4), floats(rng, 3, 4)
    before = x.copy(), dy.copy()
    layer(x), layer.backward(dy)
    np.testing.assert_array_equal((x, dy), before)


def test_all_of_it_is_in_the_dtype_of_the_framework(rng):
    layer = compat.adapt_layer(Affine(3))
    y = layer(floats(rng, 5, 4))
    dx = layer.backward(np.ones((5, 3)))
    assert {y.dtype, dx.dtype, layer.W.dtype, layer.W.grad.dtype} == {np.dtype("float32")}
    assert layer.astype("float64")(floats(rng, 5, 4)).dtype == np.float64


def test_integers_are_not_cut_off():
    class Half(compat.Layer):
        def forward(self, x):
            return x / 2

        def backward(self, grad):
            return grad / 2

    np.testing.assert_array_equal(compat.adapt_layer(Half())(np.array([1, 2])), [0.5, 1])


def test_it_is_built_by_its_input_and_tells_its_sizes():
    layer = compat.adapt_layer(Affine(3))
    with pytest.raises(NotBuiltError):
        layer.parameters()
    model = Sequential(layer, Linear(out_features=2))
    model.build((1, 4))
    assert [array.shape for array in model.params.values()] == [(4, 3), (3,), (2, 3), (2,)]
    assert layer.inner.output_shape == (1, 3)


@pytest.mark.parametrize(("make", "in_training", "in_evaluation"), [(Modes, 1, 2), (Standardize, -1.5, 0)])
def test_it_is_told_the_mode_in_its_own_words(make, in_training, in_evaluation):
    layer = compat.adapt_layer(make())
    x = np.array([[0, 3]], np.float32)
    assert layer(x)[0, 0] == in_training
    assert layer.infer(x)[0, 0] == in_evaluation
    assert layer.eval()(x)[0, 0] == in_evaluation


def test_buffers_outlive_training_and_are_saved_and_restored():
    layer = compat.adapt_layer(Standardize(), buffers=["running_mean"])
    x = np.array([[0, 4]], np.float32)
    layer(x), layer(x)
    np.testing.assert_allclose(layer.running_mean.data, [0.38])  # 0.1 · 2 + 0.9 · 0.1 · 2
    layer.eval()(x)
    layer.infer(x)
    np.testing.assert_allclose(layer.infer(x), [[-0.38, 3.62]], rtol=1e-6)
    other = compat.adapt_layer(Standardize(), buffers=["running_mean"])
    other.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(other.infer(x), layer.infer(x))


def test_parameters_are_trained_by_name_and_can_be_frozen(rng):
    layer = compat.adapt_layer(Affine(1))
    layer.build((1, 4))
    assert list(layer.params) == ["W", "b"]
    layer.b.requires_grad = False
    x = floats(rng, 32, 4)
    y = x @ np.array([[1], [-2], [0], [3]], np.float32)
    history = fit(layer, (x, y), loss=MSELoss(), optimizer=Descent(layer.parameters()), epochs=60)
    assert history["loss"][-1] < 1e-4
    np.testing.assert_allclose(layer.W.data, [[1], [-2], [0], [3]], atol=0.05)
    assert layer.b.grad is None
    assert not layer.b.data.any()


def test_params_and_grads_are_parallel_dictionaries(rng):
    layer = compat.adapt_layer(Affine(3))
    layer(floats(rng, 5, 4)), layer.backward(np.ones((5, 3), np.float32))
    assert list(layer.params) == list(layer.grads) == ["W", "b"]
    assert layer.params["W"] is layer.W.data
    np.testing.assert_array_equal(layer.grads["b"], [5, 5, 5])
    model = Sequential(Linear(4, 3), BatchNorm1d(3))
    assert list(model.params) == list(model.grads) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert set(model.grads.values()) == {None}


def test_copies_are_independent_and_pickles_come_back(rng):
    layer, x = compat.adapt_layer(Affine(3)), floats(rng, 5, 4)
    y = layer(x)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other(x), y)
        other.W.data[...] = 0
        assert not np.array_equal(other(x), y)
    np.testing.assert_array_equal(layer(x), y)


def test_a_forgotten_gradient_is_named():
    class Forgetful(Affine):
        def backward(self, grad):
            self.grads["W"] = self.x.T @ grad
            return grad @ self.params["W"].T

    layer = compat.adapt_layer(Forgetful(2))
    layer(np.ones((1, 2), np.float32))
    with pytest.raises(ConfigError, match=r"Forgetful\(\): backward left no gradient of 'b' in grads"):
        layer.backward(np.ones((1, 2), np.float32))


def test_what_is_no_layer_in_two_methods_is_refused():
    with pytest.raises(ConfigError, match="has no forward"):
        compat.adapt_layer(object())
    with pytest.raises(ConfigError, match="has no attribute 'var' to keep"):
        compat.adapt_layer(Standardize(), buffers=["var"])

    class Taken(compat.Layer):
        def __init__(self):
            super().__init__()
            self.params["forward"] = np.ones(1)

        def forward(self, x):
            return x

        def backward(self, grad):
            return grad

    with pytest.raises(ConfigError, match="cannot have a parameter or buffer 'forward'"):
        compat.adapt_layer(Taken())


@pytest.mark.parametrize(
    ("adapt", "cls"),
    [(compat.adapt_layer, Rectifier), (compat.adapt_loss, SquaredError), (compat.adapt_optimizer, Momentum)],
)
def test_a_class_is_refused_where_an_object_is_meant(adapt, cls):
    others = [Linear(2, 2).parameters()] if cls is Momentum else []
    with pytest.raises(ConfigError, match=f"is given as the class {cls.__name__}: write {cls.__name__}"):
        adapt(cls, *others)


def test_gradients_of_another_shape_are_refused():
    class Summed(Affine):
        def backward(self, grad):
            return super().backward(grad).sum(axis=0)

    class Row(Affine):
        def backward(self, grad):
            dx = super().backward(grad)
            self.grads["b"] = grad
            return dx

    x = np.ones((5, 4), np.float32)
    for cls, message in (
        (Summed, r"Summed\(\)\.backward: expected a gradient of shape \(5, 4\), got \(4,\)"),
        (Row, r"Row\(\)\.grads\['b'\]: expected a gradient of shape \(2,\), got \(5, 2\)"),
    ):
        layer = compat.adapt_layer(cls(2))
        layer(x)
        with pytest.raises(ShapeError, match=message):
            layer.backward(np.ones((5, 2), np.float32))


class Slotted:
    """Keeps what it needs in slots, in a dictionary too, and has neither params nor grads."""

    __slots__ = ("cache", "factor")

    def __init__(self, factor):
        self.factor = factor
        self.cache = {}

    def forward(self, x):
        self.cache["x"] = x
        return self.factor * x * x

    def backward(self, grad):
        return 2 * self.factor * self.cache["x"] * grad


def test_attributes_may_stand_in_slots(rng):
    layer = compat.adapt_layer(Slotted(3.0))
    x1, x2, dy = floats(rng, 3, 4), floats(rng, 3, 4), floats(rng, 3, 4)
    (_, back1), (y2, back2) = layer.forward(x1), layer.forward(x2)
    np.testing.assert_allclose(y2, 3 * x2 * x2, rtol=1e-6)
    np.testing.assert_allclose(back1(dy), 6 * x1 * dy, rtol=1e-6)
    np.testing.assert_allclose(back2(dy), 6 * x2 * dy, rtol=1e-6)


def test_a_file_cannot_name_it(tmp_path):
    with pytest.raises(ModelFileError, match="not registered"):
        nn_core.save(compat.adapt_layer(Rectifier()), tmp_path / "model")


def test_it_goes_on_the_tape(rng):
    layer = compat.adapt_layer(Rectifier())
    x = Tensor(floats(rng, 3, 4), requires_grad=True)
    (layer(x) * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, 2.0 * (x.data > 0))


# adapt_loss


def test_the_loss_and_its_gradient_are_those_of_the_two_methods(rng):
    pred, target = floats(rng, 6, 3), floats(rng, 6, 3)
    value, gradient = compat.adapt_loss(SquaredError())(pred, target)
    assert value == pytest.approx(np.mean((pred - target) ** 2), rel=1e-6)
    np.testing.assert_allclose(gradient, 2 * (pred - target) / 18, rtol=1e-6)
    assert isinstance(value, float)
    assert gradient.dtype == np.float32


def test_the_loss_goes_on_the_tape(rng):
    pred, target = Tensor(floats(rng, 6, 3), requires_grad=True), floats(rng, 6, 3)
    (3 * compat.adapt_loss(SquaredError())(pred, Tensor(target))).backward()
    np.testing.assert_allclose(pred.grad, 6 * (pred.data - target) / 18, rtol=1e-5)


def test_the_losses_gradient_is_that_of_finite_differences(double, rng):
    loss, pred, target = compat.adapt_loss(SquaredError()), rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    assert gradcheck(loss, (pred, target))


def test_fit_and_evaluate_with_such_a_loss_are_those_with_the_built_in_one(rng):
    x, y = floats(rng, 10, 4), floats(rng, 10, 1)
    found, expected = Linear(4, 1), Linear(4, 1)
    expected.load_state_dict(found.state_dict())
    results = []
    for model, loss in ((found, compat.adapt_loss(SquaredError())), (expected, MSELoss())):
        # 10 samples in batches of 4: the last one counts half
        history = fit(model, (x, y), loss=loss, optimizer=Descent(model.parameters()), epochs=3, batch_size=4)
        results.append([*history["loss"], evaluate(model, (x, y), loss=loss, batch_size=4)["loss"]])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)
    np.testing.assert_allclose(found.weight.data, expected.weight.data, rtol=1e-5)


def test_weights_per_sample_are_refused():
    with pytest.raises(ConfigError, match=r"SquaredError\(\).*no weight per sample"):
        compat.adapt_loss(SquaredError())(np.ones((2, 1)), np.ones((2, 1)), np.ones(2))


def test_what_is_no_loss_in_two_methods_is_refused():
    with pytest.raises(ConfigError, match="has no backward"):
        compat.adapt_loss(type("Half", (), {"forward": lambda self, p, t: 0.0})())


def test_predictions_of_such_a_loss_are_floating_point():
    with pytest.raises(DTypeError, match=r"SquaredError\(\): predictions must be floating-point, got int64"):
        compat.adapt_loss(SquaredError())(np.ones((2, 1), np.int64), np.ones((2, 1)))


def test_a_gradient_that_is_not_of_the_shape_of_the_predictions_is_refused():
    class AveragedError(SquaredError):
        def backward(self):
            return super().backward().mean(axis=0)

    with pytest.raises(
        ShapeError, match=r"AveragedError\(\)\.backward: expected a gradient of shape \(3, 2\), got \(2,\)"
    ):
        compat.adapt_loss(AveragedError())(np.ones((3, 2)), np.ones((3, 2)))


# adapt_optimizer


def test_arrays_are_updated_in_place_by_its_rule(rng):
    layer = Linear(3, 2)
    before, arrays = layer.state_dict(), {name: p.data for name, p in layer.named_parameters()}
    optimizer = compat.adapt_optimizer(Momentum(lr=0.1), layer.parameters())
    gradients = {name: floats(rng, *p.shape) for name, p in layer.named_parameters()}
    for _ in range(2):
        optimizer.zero_grad()
        for name, parameter in layer.named_parameters():
            parameter.accumulate(gradients[name])
        optimizer.step()
    for name, parameter in layer.named_parameters():
        assert parameter.data is arrays[name]
        np.testing.assert_allclose(parameter.data, before[name] - 0.1 * 2.5 * gradients[name], rtol=1e-5)  # 1 + 1.5


def test_frozen_parameters_and_those_without_gradient_are_not_passed_on():
    given = []
    inner = type("Note", (), {"step": lambda self, pairs: given.extend(pairs)})()
    one, two, three = (nn_core.Parameter(np.zeros(2, np.float32)) for _ in range(3))
    for parameter in (one, two):
        parameter.accumulate(np.ones(2, np.float32))
    two.requires_grad = False
    compat.adapt_optimizer(inner, [one, two, three]).step()
    [(array, gradient)] = given
    assert array is one.data
    assert gradient is one.grad


def test_the_learning_rate_is_its_own():
    inner = Momentum(lr=0.1)
    optimizer = compat.adapt_optimizer(inner, Linear(2, 2).parameters())
    optimizer.lr = 0.3
    assert (inner.lr, optimizer.lr) == (0.3, 0.3)


def test_a_learning_rate_that_is_not_there_is_neither_read_nor_set():
    optimizer = compat.adapt_optimizer(
        type("Fixed", (), {"step": lambda self, pairs: None})(), Linear(2, 2).parameters()
    )
    message = "Fixed has no attribute lr, so its learning rate can be neither read nor set"
    with pytest.raises(AttributeError, match=message):
        _ = optimizer.lr
    with pytest.raises(AttributeError, match=message):
        optimizer.lr = 0.1


def test_its_step_takes_a_closure():
    optimizer = compat.adapt_optimizer(Momentum(), Linear(2, 2).parameters())
    assert optimizer.step(lambda: 3.5) == 3.5


def test_its_state_is_its_own():
    optimizer = compat.adapt_optimizer(Momentum(), Linear(2, 2).parameters())
    with pytest.raises(ConfigError, match="Momentum keeps its state in its own way"):
        optimizer.state_dict()


def test_what_has_no_step_is_refused():
    with pytest.raises(ConfigError, match="has none"):
        compat.adapt_optimizer(object(), Linear(2, 2).parameters())


def test_layer_loss_and_optimizer_in_two_methods_train_together(rng):
    x = floats(rng, 64, 3)
    y = np.abs(x @ np.ones((3, 1), np.float32))
    model = Sequential(*map(compat.adapt_layer, (Affine(16), Rectifier(), Affine(1))))
    model.build((1, 3))
    history = fit(
        model,
        (x, y),
        loss=compat.adapt_loss(SquaredError()),
        optimizer=compat.adapt_optimizer(Momentum(0.01), model.parameters()),
        epochs=40,
    )
    assert history["loss"][-1] < 0.02 * history["loss"][0]


# Model


def layers():
    nn_core.seed(5)
    return [Linear(4, 8), BatchNorm1d(8), ReLU(), Linear(8, 3)]


def batches(rng, n=6):
    return [(floats(rng, 10, 4), rng.integers(0, 3, 10)) for _ in range(n)]


def train_by_hand(model, data):
    losses = []
    for x, y in data:
        predictions = model.forward(x, training=True)
        losses.append(model.loss.forward(predictions, y))
        model.backward(model.loss.backward())
        model.optimizer.step(model.get_params_and_grads())
    return losses


@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_the_loop_by_hand_equals_the_engine_to_the_bit(rng, clip_norm):
    data = batches(rng)
    model, expected = compat.Model(layers()), nn_core.Model(layers())
    model.compile("cross_entropy", Descent(model.parameters()), clip_norm=clip_norm)
    losses = train_by_hand(model, data)
    expected.compile("cross_entropy", Descent(expected.parameters()), clip_norm=clip_norm)
    history = expected.fit(data)
    assert np.mean(losses) == pytest.approx(history["loss"][0], rel=1e-6)
    for name, array in expected.state_dict().items():
        np.testing.assert_array_equal(model.state_dict()[name], array)


def test_going_back_layer_by_layer_is_going_back(rng):
    x, dy = floats(rng, 10, 4), floats(rng, 10, 3)
    model, expected = compat.Model(layers()), Sequential(*layers())
    expected(x)
    dx = expected.backward(dy)
    model.forward(x, training=True)
    grad = dy
    for layer in reversed(model.layers):
        grad = layer.backward(grad)
    np.testing.assert_array_equal(grad, dx)
    for name, gradient in expected.grads.items():
        np.testing.assert_array_equal(model.grads[name], gradient)
    assert list(model.layers[0].grads) == ["weight", "bias"]


def test_a_second_backward_replaces_the_gradients(rng):
    model = compat.Model(layers())
    x, dy = floats(rng, 10, 4), floats(rng, 10, 3)
    model.forward(x, training=True), model.backward(dy)
    first = {name: gradient.copy() for name, gradient in model.grads.items()}
    model.forward(x, training=True), model.backward(dy)
    for name, gradient in first.items():
        np.testing.assert_array_equal(model.grads[name], gradient)


def test_a_loss_goes_back_only_after_it_went_forward():
    model = compat.Model([Linear(2, 1)]).compile("mse", Momentum())
    with pytest.raises(BackwardError, match=r"loss\.backward\(\) returns the gradient of loss\.forward"):
        model.loss.backward()
    model.loss.forward(np.ones((1, 1)), np.zeros((1, 1)))
    assert model.loss.backward().tolist() == [[2]]


def test_without_training_dropout_and_batch_norm_are_at_rest(rng):
    model = compat.Model([Dropout(0.5), BatchNorm1d(4)])
    x = floats(rng, 10, 4)
    np.testing.assert_allclose(model.forward(x), x, rtol=1e-4)
    assert (model.forward(x, training=True) != model.forward(x)).any()


def test_gradients_that_were_changed_are_the_ones_that_step_uses(rng):
    inner = Linear(4, 3, bias=False)
    model = compat.Model([inner])
    model.compile("cross_entropy", Descent(model.parameters(), lr=1.0))
    before = inner.weight.data.copy()
    model.forward(floats(rng, 5, 4), training=True), model.backward(floats(rng, 5, 3))
    model.optimizer.step([(param, np.ones_like(grad)) for param, grad in model.get_params_and_grads()])
    np.testing.assert_array_equal(inner.weight.data, before - 1)
    model.optimizer.step([(param, None) for param, _ in model.get_params_and_grads()])
    np.testing.assert_array_equal(inner.weight.data, before - 1)
    with pytest.raises(ConfigError, match=r"get_params_and_grads\(\)"):
        model.optimizer.step([(before, before)])


def test_the_learning_rate_can_be_set_between_epochs():
    model = compat.Model(layers())
    model.compile("cross_entropy", Descent(model.parameters(), lr=0.1))
    model.optimizer.lr = 0.05
    assert model.model.optimizer.lr == model.optimizer.lr == 0.05


def test_losses_and_optimizers_in_two_methods_are_adapted(rng):
    x = floats(rng, 32, 4)
    y = x.sum(axis=1, keepdims=True)
    model = compat.Model([Affine(1)])
    with pytest.raises(NotBuiltError):
        model.compile(loss=SquaredError(), optimizer=Momentum())
    model.build((1, 4))
    model.compile(loss=SquaredError(), optimizer=Momentum())
    losses = train_by_hand(model, [(x, y)] * 60)
    assert losses[-1] < 1e-3 * losses[0]


def test_an_optimizer_by_name_waits_until_the_model_is_built(rng, fake_plugins):
    fake_plugins.install(
        "nn-rules",
        {
            "nn_rules/nn_plugin.py": """
                from nn_core.plugins import OptimizerSpec, hookimpl

                NN_API = 1

                @hookimpl
                def nn_optimizers():
                    yield OptimizerSpec(name="descent", target="nn_rules.rules:Descent")
                """,
            "nn_rules/rules.py": """
                class Descent:
                    def __init__(self, parameters, lr):
                        self.parameters, self.lr = parameters, lr

                    def step(self):
                        for parameter in self.parameters:
                            parameter.data -= self.lr * parameter.grad

                    def zero_grad(self):
                        pass
                """,
        },
    )
    model = compat.Model().add(Linear(out_features=3)).compile("cross_entropy", "descent", lr=0.5)
    losses = train_by_hand(model, batches(rng, 1) * 20)
    assert losses[-1] < losses[0]
    assert model.optimizer.lr == 0.5


def test_all_else_is_the_compiled_models(rng, tmp_path):
    x, y = batches(rng, 1)[0]
    model = compat.Model(layers())
    model.compile("cross_entropy", Descent(model.parameters()), ["accuracy"])
    assert len(model.fit(x, y, epochs=2)["loss"]) == 2
    assert set(model.evaluate(x, y)) == {"loss", "accuracy"}
    assert "batch_norm1d" in model.summary((2, 4))
    assert repr(model) == repr(model.model)
    model.save(tmp_path / "model")
    loaded = compat.Model.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.forward(x), model.predict(x))
    np.testing.assert_array_equal(copy.deepcopy(model).predict(x), model.predict(x))
    with pytest.raises(AttributeError, match="nothing"):
        _ = model.nothing
    assert (compat.Model().loss, compat.Model().optimizer) == (None, None)


# Sequential


def test_the_penalty_is_on_the_weights_alone(rng):
    x, y = floats(rng, 10, 4), rng.integers(0, 3, 10)
    stack = layers()
    model, plain = compat.Sequential(layers=stack, loss_fn=CrossEntropyLoss(), reg=0.3), Sequential(*layers())
    expected, gradient = CrossEntropyLoss()(plain(x), y)
    plain.backward(gradient)
    weights = {"0.weight", "3.weight"}  # not those of batch norm
    loss, grads = model.compute_loss(x, y)
    assert loss == pytest.approx(expected + 0.15 * sum(np.sum(model.params[w] ** 2.0) for w in weights), rel=1e-6)
    for name, gradient in plain.grads.items():
        extra = 0.3 * model.params[name] if name in weights else 0
        np.testing.assert_allclose(grads[name], gradient + extra, rtol=1e-5, atol=1e-7)
        assert grads[name].dtype == np.float32


def test_without_penalty_the_loss_is_the_loss(rng):
    x, y = floats(rng, 10, 4), floats(rng, 10, 3)
    model = compat.Sequential([Affine(3)], loss_fn=SquaredError())
    loss, grads = model.compute_loss(x, y)
    difference = x @ model.params["0.W"] + model.params["0.b"] - y
    assert loss == pytest.approx(np.mean(difference**2), rel=1e-5)
    np.testing.assert_allclose(grads["0.W"], x.T @ difference * 2 / 30, rtol=1e-4, atol=1e-6)


def test_a_second_loss_has_gradients_of_its_own(rng):
    x, y = floats(rng, 10, 4), rng.integers(0, 3, 10)
    model = compat.Sequential([Linear(4, 3)], loss_fn="cross_entropy", reg=0.1)
    first = {name: gradient.copy() for name, gradient in model.compute_loss(x, y)[1].items()}
    for name, gradient in model.compute_loss(x, y)[1].items():
        np.testing.assert_array_equal(gradient, first[name])


def test_the_mode_is_a_word(rng):
    model = compat.Sequential([Linear(4, 4), Dropout(0.5)], loss_fn="mse")
    x = floats(rng, 10, 4)
    np.testing.assert_array_equal(model.forward(x), model.forward(x, mode="test"))
    assert (model.forward(x, mode="train") == 0).any()
    assert model.backward(floats(rng, 10, 4)).shape == (10, 4)
    with pytest.raises(ConfigError, match="mode must be 'train' or 'test', got 'eval'"):
        model.forward(x, mode="eval")


@pytest.mark.parametrize("reg", [-0.1, "1", float("inf"), float("nan")])
def test_a_penalty_that_is_none_is_refused(reg):
    with pytest.raises(ConfigError, match="reg of Sequential"):
        compat.Sequential([Linear(4, 3)], loss_fn="mse", reg=reg)


# Functions


@pytest.mark.parametrize(
    ("function", "loss"),
    [
        (compat.mse_loss, MSELoss()),
        (compat.l1_loss, L1Loss()),
        (compat.cross_entropy_loss, CrossEntropyLoss()),
        (compat.binary_cross_entropy_loss, BCELoss()),
    ],
)
def test_a_functional_loss_is_the_loss(rng, function, loss):
    pred, target = (
        rng.uniform(0.1, 0.9, size=(6, 3)).astype(np.float32),
        np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]],
    )
    value, gradient = loss(pred, target)
    assert function(pred, target)[0] == value
    tensor = Tensor(pred, requires_grad=True)
    result = function(tensor, Tensor(target))
    assert result.data.item() == pytest.approx(value, rel=1e-6)
    result.backward()
    np.testing.assert_allclose(tensor.grad, gradient, rtol=1e-6)


def test_leaky_relu_calls_its_slope_alpha():
    x = np.array([-2.0, 3.0], np.float32)
    np.testing.assert_allclose(compat.leaky_relu(x), [-0.02, 3])
    np.testing.assert_allclose(compat.leaky_relu(x, alpha=0.5), [-1, 3])
    np.testing.assert_array_equal(compat.leaky_relu(x, alpha=0.5), functional.leaky_relu(x, negative_slope=0.5))


class Given:
    """A model whose outputs are its inputs, as far as metrics are concerned."""

    def infer(self, x):
        return x


def test_metrics_of_a_model_and_a_loader_are_over_all_samples():
    outputs, labels = np.array([[2, 1], [0, 1], [3, 1]], np.float32), np.array([0, 1, 1])
    loader = [(outputs[:2], labels[:2]), (outputs[2:], labels[2:])]
    assert compat.accuracy(Given(), loader) == pytest.approx(2 / 3)
    probabilities, labels = np.array([[0.2], [0.7], [0.9]], np.float32), np.array([[0], [1], [0]], np.float32)
    loader = [(probabilities[:2], labels[:2]), (probabilities[2:], labels[2:])]
    assert compat.binary_accuracy(Given(), loader) == pytest.approx(2 / 3)
    pred, target = np.array([1.0, 2, 4]), np.array([1.0, 3, 5])
    loader = [(pred[:2, None], target[:2, None]), (pred[2:, None], target[2:, None])]
    assert compat.r2_score(Given(), loader) == pytest.approx(1 - 2 / 8)  # Σ (1, 3, 5 − 3)² = 8
    nn_core.seed(0)
    model, x = Linear(4, 3), np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    assert compat.accuracy(model, [(x, model.infer(x).argmax(axis=1))]) == 1
    assert model.training


# What is derived from nothing


class BareLoss:
    def forward(self, y_pred, y_true):
        self.difference = y_pred - y_true
        return (self.difference**2).mean()

    def backward(self):
        return 2 * self.difference / self.difference.size


class BareDescent:
    lr = 0.1

    def step(self, params_and_grads):
        for param, grad in params_and_grads:
            param -= self.lr * grad


def test_a_model_adapts_losses_and_optimizers_that_are_derived_from_nothing():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    y = x @ np.array([[1.0], [-2.0], [0.5]], np.float32)
    model = compat.Model([nn_core.Linear(3, 1)]).compile(BareLoss(), BareDescent())
    history = model.fit(x, y, epochs=20, batch_size=10)
    assert history["loss"][-1] < 1e-2 * history["loss"][0]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"loss": BareLoss()}, "adapt_loss"), ({"loss": "mse", "optimizer": BareDescent()}, "adapt_optimizer")],
)
def test_elsewhere_the_error_names_the_adapter(options, said):
    model = nn_core.Linear(3, 1)
    with pytest.raises(nn_core.ConfigError, match=f"nn_core.compat.{said}"):
        nn_core.fit(model, (np.ones((4, 3)), np.ones((4, 1))), epochs=1, **{"optimizer": BareDescent(), **options})
