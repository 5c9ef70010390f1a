"""Loss, metrics and outputs of a model over data."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from nn_core import (
    Accuracy,
    ArrayDataset,
    BatchNorm1d,
    ConfigError,
    CrossEntropyLoss,
    DataError,
    Dropout,
    DTypeError,
    Layer,
    Linear,
    ReLU,
    Sequential,
    UnknownComponentError,
    accuracy,
    evaluate,
    predict,
    roc_auc,
    seed,
)

MACRO, MICRO = ({"type": "precision", "average": average} for average in ("macro", "micro"))


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


def data(n=11):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 4)).astype("float32"), rng.integers(0, 3, n), rng.uniform(0.5, 2, n)


def trained():
    """Return a model in training mode, whose running statistics are not those of the data."""
    model = Sequential(Linear(4, 6), BatchNorm1d(6), ReLU(), Dropout(0.5), Linear(6, 3))
    model(data()[0] + 1)
    return model


@pytest.mark.parametrize("batch_size", [1, 4, 11, 256])
def test_loss_and_metrics_are_those_of_all_samples_at_once(batch_size):
    model, (x, y, weight) = trained(), data()
    outputs = model.infer(x)
    for arrays in ((x, y), (x, y, weight)):
        expected = {
            "loss": CrossEntropyLoss()(outputs, *arrays[1:])[0],
            "accuracy": accuracy(outputs, *arrays[1:]),
        }
        seen = evaluate(model, arrays, loss="cross_entropy", metrics=["accuracy"], batch_size=batch_size)
        assert seen == pytest.approx(expected, rel=1e-5)
        assert all(type(value) is float for value in seen.values())


def test_evaluation_changes_neither_mode_nor_state():
    model, (x, y, _) = trained(), data()
    before = model.state_dict()
    first = evaluate(model, (x, y), loss=CrossEntropyLoss())
    assert evaluate(model, (x, y), loss=CrossEntropyLoss()) == first
    assert evaluate(model.eval(), (x, y), loss=CrossEntropyLoss()) == first
    assert evaluate(model.train(), (x, y), loss=CrossEntropyLoss()) == first
    assert all(layer.training for layer in model)
    assert all((array == before[name]).all() for name, array in model.state_dict().items())


def test_what_is_not_asked_for_is_not_computed():
    model, (x, y, _) = trained(), data()
    assert evaluate(model, (x, y)) == {}
    assert list(evaluate(model, (x, y), metrics=[Accuracy()])) == ["accuracy"]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_loss_is_an_average_whatever_its_reduction(reduction):
    model, (x, y, weight) = trained(), data()
    loss = {"type": "cross_entropy", "reduction": reduction}
    expected = evaluate(model, (x, y, weight), loss="cross_entropy")
    assert evaluate(model, (x, y, weight), loss=loss) == expected


def test_a_loss_that_only_follows_the_protocol_is_averaged_over_the_samples():
    class Half:
        def value_and_grad(self, pred, target, weight=None):
            weight = np.ones(len(pred)) if weight is None else weight
            return float((target * weight).sum() / weight.sum()), None

        def __call__(self, pred, target, weight=None):
            return self.value_and_grad(pred, target, weight)

    model, (x, y, weight) = trained(), data()
    assert evaluate(model, (x, y), loss=Half(), batch_size=4)["loss"] == pytest.approx(y.mean())
    expected = (y * weight).sum() / weight.sum()
    assert evaluate(model, (x, y, weight), loss=Half(), batch_size=4)["loss"] == pytest.approx(expected)


def test_metrics_start_over_and_may_be_someone_elses():
    class Largest:
        def reset(self):
            self.value = -math.inf

        def update(self, pred, target, weight=None):
            self.value = max(self.value, target.max())

        def compute(self):
            return self.value

    model, (x, y, _), metrics = trained(), data(), [Largest(), Accuracy()]
    first = evaluate(model, (x, y), metrics=metrics)
    assert first["largest"] == 2
    assert evaluate(model, (x[:1], y[:1] * 0), metrics=metrics)["largest"] == 0
    assert evaluate(model, (x, y), metrics=metrics) == first


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"metrics": "accuracy"}, ConfigError, "metrics is a list of metrics: write metrics=['accuracy']."),
        ({"metrics": ["accuracy", Accuracy()]}, ConfigError, "The metric 'accuracy' is given twice."),
        ({"metrics": [Accuracy]}, ConfigError, "The metric is given as the class Accuracy: write Accuracy(…)."),
        ({"metrics": [accuracy]}, ConfigError, "The metric must be an object with the method update, or a name; got"),
        ({"metrics": ["acuracy"]}, UnknownComponentError, "Did you mean 'accuracy'"),
        ({"loss": CrossEntropyLoss}, ConfigError, "The loss is given as the class CrossEntropyLoss: write"),
        ({"loss": 3}, ConfigError, "The loss must be an object with the method value_and_grad, or a name; got 3."),
        (
            {"loss": {"type": "cross_entropy", "reduce": "sum"}},
            ConfigError,
            "no option 'reduce'. Did you mean 'reducti",
        ),
        ({"loss": {"reduction": "sum"}}, ConfigError, "The loss needs a 'type' key naming it"),
        ({"batch_size": 0}, DataError, "batch_size must be an integer of at least 1, got 0."),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    x, y, _ = data()
    with pytest.raises(error, match=re.escape(message)):
        evaluate(trained(), (x, y), **arguments)


@pytest.mark.parametrize(("n", "batch_size"), [(11, 4), (11, 256), (1, 1), (0, 4)])
def test_predictions_are_the_outputs_in_evaluation(n, batch_size):
    model, (x, _, _) = trained(), data(n)
    outputs = predict(model, x, batch_size=batch_size)
    assert outputs.shape == (n, 3)
    np.testing.assert_allclose(outputs, model.infer(x), rtol=1e-5, atol=1e-6)


def test_predictions_take_lists_and_float64_but_no_integers():
    model, (x, _, _) = trained(), data()
    for same in (x.tolist(), x.astype("float64")):
        outputs = predict(model, same, batch_size=4)
        assert outputs.dtype == np.float32
        np.testing.assert_allclose(outputs, predict(model, x), rtol=1e-5, atol=1e-6)
    with pytest.raises(DTypeError, match="computes in float32 and got int64"):
        predict(model, x.astype("int64"))


def test_predictions_of_a_model_with_several_inputs():
    class Product(Layer):
        def forward(self, a, b):
            return a * b, lambda dy: (dy * b, dy * a)

    a, b = data(7)[0], data(7)[0] + 1
    assert (predict(Product(), (a, b), batch_size=3) == a * b).all()
    assert evaluate(Product(), ((a, b), np.zeros(7, int)), metrics=["accuracy"], batch_size=3).keys() == {"accuracy"}


def test_predict_joins_every_output_of_a_model_with_several():
    class Halves(Layer):
        def forward(self, x):
            return (x[:, :1], x[:, 1:]), lambda dy: np.concatenate(dy, axis=1)

    x = np.arange(15, dtype=np.float32).reshape(5, 3)
    first, rest = predict(Halves(), x, batch_size=2)
    assert (first == x[:, :1]).all()
    assert (rest == x[:, 1:]).all()


def test_predict_takes_tables_and_lists_but_no_dataset():
    class Table:
        """Like a table of pandas: it has a take() of its own, and turns into an array."""

        def take(self, indices):
            raise AssertionError("not asked for")

        def __array__(self, dtype=None, copy=None):
            return np.ones((3, 2), np.float64)

    model = Linear(2, 1)
    assert predict(model, Table()).shape == (3, 1)
    assert predict(model, [[1.0, 2.0]]).shape == (1, 1)
    with pytest.raises(DataError, match=r"predict takes the inputs alone, .* got ArrayDataset"):
        predict(model, ArrayDataset(np.ones((3, 2)), np.zeros(3)))


# Metrics of logits


@pytest.mark.parametrize("shift", [0.0, 20.0])
def test_metrics_made_from_names_take_the_outputs_for_logits_if_the_loss_does(shift):
    x = np.linspace(0.1, 0.9, 8, dtype=np.float32)[:, None]  # logits above 0, most of which could be probabilities
    y = np.ones((8, 1))
    model = Linear(1, 1)
    model.weight.data[...], model.bias.data[...] = 1, shift
    options = {"metrics": ["binary_accuracy", {"type": "f1"}, {"type": "recall", "from_logits": True}]}
    scores = evaluate(model, (x, y), loss="bce_with_logits", **options)
    assert (scores["binary_accuracy"], scores["f1"], scores["recall"]) == (1.0, 1.0, 1.0)
    if not shift:
        assert evaluate(model, (x, y), loss="mse", metrics=["binary_accuracy"])["binary_accuracy"] == 0.5


def test_the_area_under_the_curve_of_logits_over_classes_is_that_of_their_probabilities():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)), rng.integers(0, 3, 30)
    model = Sequential()
    probabilities = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    seen = evaluate(model, (x, y), loss="cross_entropy", metrics=["roc_auc"])["roc_auc"]
    assert seen == pytest.approx(roc_auc(probabilities, y))


# Several of a kind, and wrong arguments


def test_metrics_of_one_kind_with_other_options_are_numbered():
    x, y, _ = data()
    model = trained()
    one, two = evaluate(model, (x, y), metrics=[MACRO]), evaluate(model, (x, y), metrics=[MICRO])
    both = evaluate(model, (x, y), metrics=[MACRO, MICRO])
    assert both == {"precision": one["precision"], "precision_2": two["precision"]}
    assert len(set(both.values())) == 2
    with pytest.raises(ConfigError, match="The metric 'precision' is given twice"):
        evaluate(model, (x, y), metrics=[MACRO, MICRO, dict(MACRO)])


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, True])
def test_predict_refuses_batches_of_no_size(batch_size):
    with pytest.raises(DataError, match="batch_size must be an integer of at least 1, got"):
        predict(Linear(2, 1), np.ones((3, 2)), batch_size=batch_size)


def test_predict_refuses_a_single_number():
    with pytest.raises(DataError, match="a single number was given"):
        predict(Linear(2, 1), 1.0)
