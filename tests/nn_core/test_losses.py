"""Every loss of nn-core against the checks that all losses are held to; below, what the base class does for them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import (
    BCELoss,
    BCEWithLogitsLoss,
    ConfigError,
    CosineEmbeddingLoss,
    CrossEntropyLoss,
    DataError,
    DTypeError,
    HingeEmbeddingLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    Linear,
    Loss,
    MarginRankingLoss,
    MSELoss,
    NLLLoss,
    PluginError,
    ShapeError,
    SmoothL1Loss,
    build,
    components,
    evaluate,
    fit,
)
from nn_core.registry import name_of
from nn_core.tensor import Tensor
from nn_core.testing import LossCase, parametrize_loss_checks


def with_options(cls, **options):
    return lambda **reduction: cls(**{**options, **reduction})


def indices(*shape):
    """Draw logits and class indices, the second of which is ignored where 9 is."""
    classes = shape[1]
    return lambda rng: (rng.normal(size=shape), rng.integers(0, classes, shape[:1] + shape[2:]))


def some_ignored(rng):
    pred, target = indices(6, 4)(rng)
    target[1] = 9
    return pred, target


def probabilities(*shape):
    def draw(rng):
        target = rng.dirichlet(np.ones(shape[1]), (shape[0], *shape[2:]))
        return rng.normal(size=shape), np.moveaxis(target, -1, 1).copy()

    return draw


def one_hot(rng):
    return rng.normal(size=(6, 4)), np.eye(4)[rng.integers(0, 4, 6)]


def log_probabilities(draw):
    def drawn(rng):
        pred, target = draw(rng)
        return pred - np.log(np.exp(pred).sum(axis=1, keepdims=True)), target

    return drawn


def values(*shape):
    return lambda rng: (rng.normal(size=shape), rng.normal(size=shape))


def signs(*shape):
    return lambda rng: (rng.normal(size=shape), rng.choice([-1, 1], shape))


def binary(*shape):
    return lambda rng: (rng.normal(size=shape), rng.integers(0, 2, shape))


def shares(rng):
    return rng.uniform(0.05, 0.95, (6, 3)), rng.uniform(0, 1, (6, 3))


def pairs(shape, target_shape):
    return lambda rng: ((rng.normal(size=shape), rng.normal(size=shape)), rng.choice([-1, 1], target_shape))


WEIGHT = [0.5, 2.0, 0.25, 1.0]

CASES = [
    LossCase("cross_entropy", CrossEntropyLoss, indices(6, 4)),
    LossCase("cross_entropy, one-hot", CrossEntropyLoss, one_hot),
    LossCase("cross_entropy, probabilities", CrossEntropyLoss, probabilities(5, 3)),
    LossCase("cross_entropy, images", CrossEntropyLoss, indices(3, 4, 2, 5)),
    LossCase("cross_entropy, images of probabilities", CrossEntropyLoss, probabilities(3, 4, 2, 5)),
    LossCase("cross_entropy, class weights", with_options(CrossEntropyLoss, weight=WEIGHT), indices(6, 4)),
    LossCase("cross_entropy, class weights, one-hot", with_options(CrossEntropyLoss, weight=WEIGHT), one_hot),
    LossCase("cross_entropy, ignored", with_options(CrossEntropyLoss, ignore_index=9), some_ignored),
    LossCase(
        "cross_entropy, everything",
        with_options(CrossEntropyLoss, weight=WEIGHT, ignore_index=2, label_smoothing=0.1),
        indices(8, 4, 3),
    ),
    LossCase("cross_entropy, smoothed", with_options(CrossEntropyLoss, label_smoothing=0.3), probabilities(5, 3)),
    LossCase("nll", NLLLoss, log_probabilities(indices(6, 4))),
    LossCase(
        "nll, everything", with_options(NLLLoss, weight=WEIGHT, ignore_index=1), log_probabilities(indices(8, 4, 3))
    ),
    LossCase("mse", MSELoss, values(6, 3)),
    LossCase("mse, one number each", MSELoss, values(6)),
    LossCase("mse, images", MSELoss, values(3, 2, 4, 5)),
    LossCase("l1", L1Loss, values(6, 3)),
    LossCase("huber", HuberLoss, values(6, 3)),
    LossCase("huber, delta", with_options(HuberLoss, delta=0.3), values(6, 3)),
    LossCase("smooth_l1", SmoothL1Loss, values(6, 3)),
    LossCase("smooth_l1, beta", with_options(SmoothL1Loss, beta=0.3), values(6, 3)),
    LossCase("smooth_l1, beta 0", with_options(SmoothL1Loss, beta=0), values(6, 3)),
    LossCase("bce", BCELoss, shares, largest=1),
    LossCase("bce_with_logits", BCEWithLogitsLoss, binary(6, 3)),
    LossCase("bce_with_logits, pos_weight", with_options(BCEWithLogitsLoss, pos_weight=[0.5, 2, 3]), binary(6, 3)),
    LossCase("bce_with_logits, one number each", with_options(BCEWithLogitsLoss, pos_weight=3), binary(6)),
    LossCase("kl_div", KLDivLoss, log_probabilities(probabilities(5, 3))),
    LossCase(
        "kl_div, logarithms",
        with_options(KLDivLoss, log_target=True),
        lambda rng: (rng.normal(size=(5, 3)), np.log(rng.dirichlet(np.ones(3), 5))),
    ),
    LossCase("hinge", HingeLoss, signs(6, 3)),
    LossCase("hinge, of 0 and 1", HingeLoss, binary(6, 1)),
    LossCase("hinge_embedding", HingeEmbeddingLoss, signs(6, 3)),
    LossCase("margin_ranking", with_options(MarginRankingLoss, margin=0.5), pairs((7, 2), (7, 2))),
    LossCase("cosine_embedding", CosineEmbeddingLoss, pairs((7, 4), 7)),
    LossCase("cosine_embedding, margin", with_options(CosineEmbeddingLoss, margin=0.2), pairs((7, 4), 7)),
]


@parametrize_loss_checks(CASES)
def test_loss(check):
    check()


def test_every_registered_loss_is_in_the_table():
    names = {name_of(type(case.make()), "loss") for case in CASES}
    others = {"binary_crossentropy", "categorical_crossentropy", "cce", "mae"}
    ours = {component.name for component in components("loss") if component.distribution == "nn-core"}
    assert ours == names | others


# Names


@pytest.mark.parametrize("name", ["cross_entropy", "categorical_crossentropy", "cce"])
def test_cross_entropy_has_three_names_of_which_the_first_is_its_own(name):
    loss = build("loss", {"type": name, "label_smoothing": 0.1})
    assert isinstance(loss, CrossEntropyLoss)
    assert loss.label_smoothing == 0.1
    assert name_of(type(loss), "loss") == "cross_entropy"


def test_the_absolute_error_has_two_names_of_which_the_first_is_its_own():
    assert isinstance(build("loss", "mae"), L1Loss)
    assert isinstance(build("loss", "mse"), MSELoss)
    assert name_of(L1Loss, "loss") == "l1"


# The base class


def test_an_unknown_reduction_is_refused():
    with pytest.raises(
        ConfigError, match=re.escape("reduction of CrossEntropyLoss must be one of mean, sum, none, got 'avg'.")
    ):
        CrossEntropyLoss(reduction="avg")


@pytest.mark.parametrize("weight", [np.ones(2), np.ones((3, 1)), 2.0])
def test_there_is_one_weight_per_sample(weight):
    with pytest.raises(ShapeError, match=r"CrossEntropyLoss: expected one weight per sample, shape \(3,\), got shape"):
        CrossEntropyLoss()(np.zeros((3, 4)), np.zeros(3, int), weight)


@pytest.mark.parametrize("wrong", [-1.0, -1e-30, np.nan, np.inf, 1e300])
def test_weights_are_finite_and_not_negative(wrong):
    pred = np.ones((3, 2), np.float32)
    message = re.escape(f"MSELoss: weights of samples must be finite and at least 0, got {wrong:g} for sample 1.")
    for call in (MSELoss().value_and_grad, MSELoss().sum_and_weight):
        with pytest.raises(DataError, match=message):
            call(pred, 0 * pred, np.array([1.0, wrong, -1.0]))
    with pytest.raises(DTypeError, match="weights of samples must be numbers, got an array of <U1"):
        MSELoss()(pred, pred, np.array(["1", "2", "3"]))
    assert MSELoss()(pred, 0 * pred, [True, False, 2])[0] == 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("kind", ["U8", "M8[s]", "object", "complex128"])
def test_targets_that_are_no_numbers_are_refused(case, kind):
    pred, target, _ = case.batch()
    loss = case.make()
    with pytest.raises(DTypeError, match=f"{type(loss).__name__}: targets must be numbers, got an array of"):
        loss(pred, abs(target).astype("int64").astype(kind))


@pytest.mark.parametrize("target", [["3"], [None], np.array(["2020-01-01"], "M8[D]")])
def test_a_list_of_texts_or_nothing_is_no_target(target):
    with pytest.raises(DTypeError, match="MSELoss: targets must be numbers"):
        MSELoss()(np.ones(1), target)


def test_a_weight_multiplies_every_element_of_its_sample():
    pred, target, weight = np.array([[1.0, 2.0], [3.0, 5.0]]), np.zeros((2, 2)), np.array([3.0, 1.0])
    terms, gradient = MSELoss(reduction="none")(pred, target, weight)
    assert terms.tolist() == [[3, 12], [9, 25]]
    assert gradient.tolist() == [[6, 12], [6, 10]]
    assert MSELoss(reduction="sum")(pred, target, weight)[0] == 49
    value, gradient = MSELoss()(pred, target, weight)
    assert value == 49 / 8  # two elements of weight 3 and two of weight 1
    np.testing.assert_allclose(gradient, np.array([[6, 12], [6, 10]]) / 8)


def test_predictions_must_be_floating_point():
    with pytest.raises(DTypeError, match=re.escape("MSELoss: predictions must be floating-point, got int64.")):
        MSELoss()(np.zeros(3, np.int64), np.zeros(3))
    with pytest.raises(PluginError, match="list"):
        MSELoss()([1.0], [2.0])


class Squares(Loss):
    """Two outputs at once: the squares of both, added."""

    def forward(self, pred, target):
        a, b = (part - goal for part, goal in zip(pred, target, strict=True))
        return (a**2 + b**2).sum(axis=1), lambda scale: (2 * a * scale[:, None], 2 * b * scale[:, None])


def test_a_loss_needs_only_its_terms_and_may_have_several_predictions():
    rng = np.random.default_rng(0)
    pred, target = [tuple(rng.normal(size=(4, 3)) for _ in range(2)) for _ in range(2)]
    value, gradients = Squares()(pred, target)
    assert value == pytest.approx(((np.array(pred) - np.array(target)) ** 2).sum() / 4)
    for gradient, part, goal in zip(gradients, pred, target, strict=True):
        np.testing.assert_allclose(gradient, 2 * (part - goal) / 4)


def test_a_loss_without_forward_says_so():
    with pytest.raises(TypeError, match=re.escape("Loss must define forward(pred, target)")):
        Loss()(np.zeros(3), np.zeros(3))


# With Tensors


def test_only_the_predictions_that_require_a_gradient_get_one():
    rng = np.random.default_rng(0)
    a, b, target = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), np.array([1, -1, 1, -1])
    leaf = Tensor(a, requires_grad=True)
    y = CosineEmbeddingLoss()((leaf, b), Tensor(target))
    value, gradients = CosineEmbeddingLoss()((a, b), target)
    y.backward()
    assert y.item() == value
    assert (leaf.grad == gradients[0]).all()


def test_every_term_gets_the_gradient_that_comes_back_to_it():
    rng = np.random.default_rng(0)
    pred, target, dy = (rng.normal(size=(4, 3)) for _ in range(3))
    weight = rng.uniform(0, 2, 4)
    leaf = Tensor(pred, requires_grad=True)
    MSELoss(reduction="none")(leaf, target, Tensor(weight)).backward(dy)
    np.testing.assert_allclose(leaf.grad, dy * weight[:, None] * 2 * (pred - target), rtol=1e-12)


def test_a_target_that_requires_a_gradient_is_refused():
    target = Tensor(np.zeros(3), requires_grad=True)
    with pytest.raises(DTypeError, match=re.escape("MSELoss gives no gradient to its target: detach() it")):
        MSELoss()(np.zeros(3), target)
    assert MSELoss()(Tensor(np.ones(3)), target.detach()).item() == 1


def test_a_weight_that_requires_a_gradient_is_refused():
    weight = Tensor(np.ones(3), requires_grad=True)
    for pred in (np.ones(3), Tensor(np.ones(3))):
        with pytest.raises(DTypeError, match="MSELoss gives no gradient to the weights of samples: detach"):
            MSELoss()(pred, np.zeros(3), weight)
    assert MSELoss()(np.ones(3), np.zeros(3), weight.detach())[0] == 1


# Averages over several batches


class Descent:
    """Leaves the parameters as they are."""

    def __init__(self, parameters):
        pass

    def step(self):
        pass

    def zero_grad(self):
        pass


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cross_entropy", {"weight": WEIGHT, "ignore_index": 1}),
        ("cross_entropy", {"weight": WEIGHT, "ignore_index": 1, "label_smoothing": 0.2}),
        ("nll", {"weight": WEIGHT}),
        ("mse", {}),
    ],
)
def test_the_loss_of_an_epoch_is_the_mean_over_all_that_counts(name, options, reduction, weighted):
    # Four batches: in the second nothing counts where class 1 is ignored, and the last is smaller.
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(10, 5)).astype(np.float32), rng.uniform(0.1, 2, 10)
    y = x[:, :4] if name == "mse" else np.array([0, 1, 2, 1, 1, 1, 3, 1, 2, 0])
    weight[:3] = 0
    train = (x, y, weight) if weighted else (x, y)
    model = Linear(5, 4)
    loss = build("loss", {"type": name, "reduction": reduction, **options})
    history = fit(
        model, train, loss=loss, optimizer=Descent([]), epochs=1, batch_size=3, shuffle=False, validation=train
    )
    expected = build("loss", {"type": name, **options})(model.infer(x), *train[1:])[0]
    assert history["loss"] == pytest.approx([expected], rel=1e-5)
    assert history["val_loss"] == pytest.approx([expected], rel=1e-5)
    assert evaluate(model, train, loss=loss, batch_size=4)["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_an_epoch_counts_every_element_of_sequences_of_several_lengths():
    rng = np.random.default_rng(0)
    batches = [tuple(rng.normal(size=(2, length, 3)).astype(np.float32) for _ in range(2)) for length in (1, 5, 2)]
    model = Linear(3, 3)

    class Squared(Loss):
        """Says nothing of what its terms count."""

        def forward(self, pred, target):
            return (pred - target) ** 2, lambda scale: 2 * (pred - target) * scale

    errors = np.concatenate([(model.infer(x) - y).ravel() for x, y in batches])
    for loss in (MSELoss(), Squared()):
        history = fit(model, batches, loss=loss, optimizer=Descent([]), epochs=1)
        assert history["loss"] == pytest.approx([(errors**2).mean()], rel=1e-5)


class ScalarLoss(Loss):
    def forward(self, pred, target):
        return ((pred - target) ** 2).mean(), lambda scale: scale * (pred - target)


def test_a_loss_that_averages_by_itself_is_refused():
    with pytest.raises(
        ShapeError, match=r"ScalarLoss.forward must return one number per sample.*\(4, 2\).*single number"
    ):
        ScalarLoss()(np.ones((4, 2)), np.zeros((4, 2)))


class TermsAlone(Loss):
    def forward(self, pred, target):
        return (pred - target) ** 2


def test_a_loss_that_forgets_its_closure_says_so():
    with pytest.raises(
        TypeError, match=r"TermsAlone.forward must return \(terms, backward\).*returned ndarray.*autograd"
    ):
        TermsAlone()(np.ones((4, 2)), np.zeros((4, 2)))
